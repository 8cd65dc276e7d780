//! Reading a ledger in a data directory as steps.

use std::collections::VecDeque;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row};

use crate::election::{ElectionState, Grants};
use crate::ledger::moving::{
    ElectionOrigin, NumberedBallot, Origins, Past, PastElection, PastEpoch, STEP_ROWS_MAX, Source,
    Step,
};
use crate::ledger::run::Run;
use crate::ledger::sqlite::chain::Kind;
use crate::ledger::sqlite::entry::{COLUMNS, Entry};
use crate::ledger::sqlite::epochs;
use crate::ledger::sqlite::file::open_error;
use crate::ledger::sqlite::mark::Mark;
use crate::ledger::sqlite::values::{invalid, numbers};
use crate::ledger::sqlite::{Store, whole};
use crate::ledger::{OpenError, Snapshot};

use super::super::format::FORMAT;

/// A ledger that no server uses, and that was verified when it was opened.
pub(in crate::ledger) struct StoreSource {
    store: Store,
    directory: std::path::PathBuf,
    /// The last entry that was read.
    last: i64,
    /// What is left of it.
    rest: Option<Entry>,
    ready: VecDeque<Step>,
}

impl StoreSource {
    /// Opens the ledger, which verifies it. Elections that wait for an officer, or for a key, are
    /// refused.
    pub(in crate::ledger) fn open(directory: &Path) -> Result<Self, OpenError> {
        let store = Store::open_existing(directory)?;
        for election in &store.elections.list {
            let id = &election.definition().id;
            let why = if election.is_unreadable() {
                "its key is missing, and nobody can open its ballots"
            } else if election.ballot_box.is_unconfirmed() {
                "it was restored from a backup: confirm it first (capvote-client confirm)"
            } else {
                continue;
            };
            return Err(OpenError::NotMoved(format!("election {id}: {why}")));
        }
        let directory = directory.to_owned();
        Ok(Self { store, directory, last: 0, rest: None, ready: VecDeque::new() })
    }

    /// What is shown of it.
    pub(in crate::ledger) fn snapshot(&self) -> Snapshot {
        self.store.snapshot()
    }

    /// What comes before the steps.
    pub(in crate::ledger) fn past(&self) -> Result<Past, OpenError> {
        let elections = &self.store.elections;
        let epochs = epochs::read(self.connection()).map_err(|error| self.unreadable(error))?;
        let epoch =
            |it: &epochs::Epoch| PastEpoch { epoch: it.epoch, begun: it.begun, taken: it.taken };
        let origins = elections.list.iter().map(|it| ElectionOrigin {
            id: it.definition().id.clone(),
            head: it.head,
            restored: it.standing.origin.restored,
        });
        let origins =
            Origins { epochs: epochs.iter().map(epoch).collect(), elections: origins.collect() };
        let past = elections.list.iter().map(|it| PastElection {
            is_closed: it.ballot_box.state() == ElectionState::Closed,
            ballots: it.ballot_box.numbers_used(),
        });
        Ok(Past {
            ledger: elections.origin.ledger,
            origins,
            elections: past.collect(),
            grants: in_order(&elections.grants),
            ended: elections.ended.to_vec(),
        })
    }

    /// Marks the ledger as moved to the database of this name. From then on no server opens it.
    pub(in crate::ledger) fn leave(mut self, database: &str) -> Result<(), OpenError> {
        let position = whole::position(self.connection(), FORMAT);
        let position = position.map_err(|error| self.unreadable(error))?;
        // They are destroyed next, and must not be written again.
        self.store.elections.list.iter_mut().for_each(|election| election.sealing = None);
        Mark::leave(&self.directory, &position, database)
    }

    fn connection(&self) -> &Connection {
        &self.store.file.connection
    }

    fn unreadable(&self, error: rusqlite::Error) -> OpenError {
        open_error(&self.store.file.path, error)
    }

    /// Reads the next entry, or the next part of one with many rows.
    fn read(&mut self) -> rusqlite::Result<bool> {
        let entry = match self.rest.take() {
            Some(entry) => Some(entry),
            None => self.next_entry()?,
        };
        let Some(entry) = entry else { return Ok(false) };
        self.last = entry.id;
        let election = entry.election;
        match entry.kind {
            Kind::Created | Kind::CreatedWithRules => {
                let stored = self.store.elections.list.get(election);
                let created = stored.map(|it| Step::Created(it.ballot_box.definition().clone()));
                self.ready.extend(created);
            }
            Kind::Issued | Kind::IssuedByOfficer | Kind::IssuedByLink => {
                let (numbers, issuer) = (self.numbers(&entry)?, entry.issuer);
                let by_link = entry.kind == Kind::IssuedByLink;
                self.ready.push_back(Step::Issued { election, numbers, issuer, by_link });
            }
            Kind::Revoked => {
                let numbers = self.numbers(&entry)?;
                self.ready.push_back(Step::Revoked(election, numbers));
            }
            Kind::Voided | Kind::VoidedAdded => {
                let (numbers, added) = (self.numbers(&entry)?, entry.kind == Kind::VoidedAdded);
                self.ready.push_back(Step::Voided(election, numbers, added));
            }
            Kind::Opened => self.ready.push_back(Step::Opened(election)),
            Kind::Ballots | Kind::PlainBallots => self.ballots(entry)?,
            Kind::Voted => {
                // Who voted is all that there is of ballots that were never sealed.
                let voted = self.numbers(&entry)?;
                let ballots: Vec<_> =
                    voted.blocks().flatten().map(|number| (*number, Vec::new())).collect();
                let steps = ballots.chunks(STEP_ROWS_MAX);
                self.ready.extend(steps.map(|it| Step::Ballots(election, it.to_vec())));
            }
            Kind::PlainClosed | Kind::Closed => self.lines(entry)?,
            Kind::Restored | Kind::Confirmed | Kind::Moved => {}
        }
        Ok(true)
    }

    fn next_entry(&self) -> rusqlite::Result<Option<Entry>> {
        let select = format!("SELECT {COLUMNS} FROM entries WHERE id > ?1 ORDER BY id LIMIT 1");
        let mut select = self.connection().prepare_cached(&select)?;
        select.query_row([self.last], Entry::read).optional()
    }

    /// The numbers of an entry.
    fn numbers(&self, entry: &Entry) -> rusqlite::Result<Run> {
        let table = entry.kind.table().unwrap_or_default();
        let sql = format!("SELECT numbers FROM {table} WHERE id BETWEEN ?1 AND ?2 ORDER BY id");
        let mut select = self.connection().prepare_cached(&sql)?;
        let mut rows = select.query([entry.rows.start(), entry.rows.end()])?;
        let mut run = Run::default();
        while let Some(row) = rows.next()? {
            if !run.extend(&numbers(row.get_ref(0)?)?) {
                return Err(invalid("numbers are out of order".into()));
            }
        }
        Ok(run)
    }

    /// Reads some ballots of an entry.
    fn ballots(&mut self, entry: Entry) -> rusqlite::Result<()> {
        let (mut ballots, rest) = self.rows(
            &entry,
            "SELECT voter, sealed FROM ballots WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
            |row| {
                let number = row.get::<_, i64>(0)?.cast_unsigned();
                Ok((number.into(), row.get::<_, Vec<u8>>(1)?))
            },
        )?;
        let election = entry.election;
        let stored = self.store.elections.list.get_mut(election);
        if let Some(key) = stored.and_then(|it| it.sealing.as_mut()) {
            let opened = |(number, sealed): &mut NumberedBallot| key.open(*number, sealed);
            if !ballots.iter_mut().all(opened) {
                return Err(invalid("a ballot was not sealed with the key of its election".into()));
            }
        }
        self.ready.push_back(Step::Ballots(election, ballots));
        self.rest = rest;
        Ok(())
    }

    /// Reads some lines of a sheet. The close comes after the last.
    fn lines(&mut self, entry: Entry) -> rusqlite::Result<()> {
        let (lines, rest) = self.rows(
            &entry,
            "SELECT ballot, nonce FROM sheet WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
            |row| Ok([row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?].concat()),
        )?;
        self.ready.push_back(Step::Lines(entry.election, lines.concat()));
        if rest.is_none() {
            self.ready.push_back(Step::Closed(entry.election));
        }
        self.rest = rest;
        Ok(())
    }

    /// The first rows of an entry, and the entry with the rest of them.
    fn rows<T>(
        &self,
        entry: &Entry,
        select: &str,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<(Vec<T>, Option<Entry>)> {
        let (first, last) = entry.rows.clone().into_inner();
        let until = last.min(first.saturating_add(STEP_ROWS_MAX as i64 - 1));
        let mut select = self.connection().prepare_cached(select)?;
        let rows: Vec<T> = select.query_map([first, until], read)?.collect::<Result<_, _>>()?;
        let rest = (until < last).then(|| Entry { rows: until + 1..=last, ..entry.clone() });
        Ok((rows, rest))
    }
}

impl Source for StoreSource {
    async fn next(&mut self) -> Result<Option<Step>, OpenError> {
        while self.ready.is_empty() {
            if !self.read().map_err(|error| self.unreadable(error))? {
                return Ok(None);
            }
        }
        Ok(self.ready.pop_front())
    }
}

/// Grants in force, each after its parent, as they were put in force.
fn in_order(grants: &Grants) -> Vec<crate::election::Grant> {
    grants.iter().cloned().collect()
}
