//! Replay: rebuilding memory from the file, entry by entry of the hash chains.
//!
//! Elections, rolls and counts are rebuilt with the rules that decided the votes, and every head is
//! recomputed. An error names the entry that does not match.

mod ballots;
mod opener;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, Row, Rows};

pub(super) use self::ballots::Opening;
use self::opener::Opener;
use super::ballot_box::BallotBox;
use super::chain::{Kind, Seal};
use super::elections::{Elections, StoredElection};
use super::entry::{COLUMNS, Entry, definition};
use super::epochs::{self, Epoch};
use super::file::open_error;
use super::grants;
use super::issues::IssuedRows;
use super::shared_rolls::remember_roll;
use super::values;
use crate::election::{ChangeRefusal, ElectionState, Grants, Origin, VoterNumber};
use crate::ledger::OpenError;
use crate::ledger::keys::Keys;
use crate::ledger::run::Run;

/// Without the rows that have no entry yet.
const ROLL: &str = "
    SELECT id, election, numbers FROM roll
    WHERE id < (SELECT coalesce(min(first), 9223372036854775807) FROM staged) ORDER BY id";

/// Reads every election and grant of the file, and the keys.
pub(super) fn replay(
    connection: &Connection,
    path: &Path,
    keys: &Keys,
) -> Result<Elections, OpenError> {
    let opening = Opening { keys, makes_keys: true, accepts_missing: false };
    replay_with(connection, path, opening, &mut |_, _| {})
}

/// As [`replay`]. After each entry, `progress` gets the entries read, and the entries in all.
pub(super) fn replay_with(
    connection: &Connection,
    path: &Path,
    opening: Opening<'_>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Elections, OpenError> {
    let epochs = epochs::read(connection).map_err(|error| open_error(path, error))?;
    let last = epochs.last().map(|last| (last.ledger, last.epoch)).unwrap_or_default();
    let origin = Origin { ledger: last.0, epoch: last.1, ..Origin::default() };
    let elections = Elections::none(origin);
    let closed = closed(connection).map_err(|error| open_error(path, error))?;
    let opener = Opener::start().map_err(OpenError::Thread)?;
    let closing = None;
    Replay { connection, path, opening, closed, elections, opener, epochs, closing }.run(progress)
}

struct Replay<'a> {
    connection: &'a Connection,
    path: &'a Path,
    opening: Opening<'a>,
    /// The keys of the elections that are closed at the end: their ballots cannot be opened.
    closed: HashSet<i64>,
    elections: Elections,
    opener: Opener,
    epochs: Vec<Epoch>,
    /// Between the two entries of a close: the election.
    closing: Option<usize>,
}

/// A cursor in each table with rows of entries.
struct Tables<'s> {
    roll: Rows<'s>,
    revoked: Rows<'s>,
    ballots: Rows<'s>,
    voided: Rows<'s>,
    voted: Rows<'s>,
    sheet: Rows<'s>,
}

impl Replay<'_> {
    fn run(mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<Elections, OpenError> {
        let connection = self.connection;
        let last = "SELECT coalesce(max(id), 0) FROM entries";
        let last: i64 = connection
            .query_row(last, [], |row| row.get(0))
            .map_err(|error| self.unreadable(error))?;
        let prepare = |sql: &str| connection.prepare(sql).map_err(|error| self.unreadable(error));
        let mut entries = prepare(&format!("SELECT {COLUMNS} FROM entries ORDER BY id"))?;
        let mut roll = prepare(ROLL)?;
        let mut revoked = prepare("SELECT id, election, numbers FROM revoked ORDER BY id")?;
        let mut voided = prepare("SELECT id, election, numbers FROM voided ORDER BY id")?;
        let mut ballots = prepare("SELECT id, election, voter, sealed FROM ballots ORDER BY id")?;
        let mut voted = prepare("SELECT id, election, numbers FROM voted ORDER BY id")?;
        let mut sheet = prepare("SELECT id, election, ballot, nonce FROM sheet ORDER BY id")?;
        let query = |error| open_error(self.path, error);
        let mut entries = entries.query([]).map_err(query)?;
        let mut tables = Tables {
            roll: roll.query([]).map_err(query)?,
            revoked: revoked.query([]).map_err(query)?,
            voided: voided.query([]).map_err(query)?,
            ballots: ballots.query([]).map_err(query)?,
            voted: voted.query([]).map_err(query)?,
            sheet: sheet.query([]).map_err(query)?,
        };

        while let Some(row) = self.next(&mut entries)? {
            let entry = Entry::read(row).map_err(|error| self.unreadable(error))?;
            self.apply(&entry, &mut tables)?;
            progress(entry.id.unsigned_abs(), last.unsigned_abs());
        }
        if self.closing.is_some() {
            return Err(self.damaged("a close is incomplete"));
        }
        let Tables { roll, revoked, ballots, voided, voted, sheet } = &mut tables;
        for rows in [roll, revoked, ballots, voided, voted, sheet] {
            if self.next(rows)?.is_some() {
                return Err(self.damaged("there are rows without an entry in a hash chain"));
            }
        }
        let stored: i64 = connection
            .query_row("SELECT count(*) FROM elections", [], |row| row.get(0))
            .map_err(|error| self.unreadable(error))?;
        if stored != self.elections.list.len() as i64 {
            return Err(self.damaged("there are elections without an entry in a hash chain"));
        }
        self.finish()
    }

    /// The elections, once every entry is read.
    fn finish(mut self) -> Result<Elections, OpenError> {
        self.count_opened()?;
        self.settle_keys()?;
        for index in 0..self.elections.list.len() {
            self.elections.after_commit(index);
        }
        let grants = grants::read(self.connection).map_err(|error| self.unreadable(error))?;
        let mut in_force = Grants::default();
        if !grants.into_iter().all(|grant| in_force.add(grant)) {
            return Err(self.damaged("two grants have the same id, or there are too many"));
        }
        self.elections.grants = Arc::new(in_force);
        let ended = grants::read_ended(self.connection);
        self.elections.ended = Arc::new(ended.map_err(|error| self.unreadable(error))?);
        Ok(self.elections)
    }

    fn apply(&mut self, entry: &Entry, tables: &mut Tables<'_>) -> Result<(), OpenError> {
        // Nothing comes between the two entries of a close.
        let closing = self.closing.take();
        let closed = (entry.kind == Kind::PlainClosed).then_some(entry.election);
        if closing != closed {
            return Err(self.entry_damaged(entry, "interrupts a close"));
        }
        if matches!(entry.kind, Kind::Created | Kind::CreatedWithRules) {
            self.create(entry)?;
        }
        let election = self.election(entry)?;
        let mut seal = Seal::new(&election.head, entry.kind, election.definition());
        match entry.kind {
            Kind::Created | Kind::CreatedWithRules => {}
            Kind::PlainBallots => {
                return Err(self.entry_damaged(entry, "has ballots that are not sealed"));
            }
            Kind::Issued | Kind::IssuedByOfficer | Kind::IssuedByLink => {
                self.issue(entry, &mut tables.roll, &mut seal)?;
            }
            Kind::Revoked => {
                self.numbers(entry, &mut tables.revoked, &mut seal, |ballot_box, numbers| {
                    ballot_box.revoke(numbers).is_ok()
                })?;
            }
            Kind::Voided | Kind::VoidedAdded => {
                let added = entry.kind == Kind::VoidedAdded;
                self.numbers(entry, &mut tables.voided, &mut seal, |ballot_box, numbers| {
                    ballot_box.state() != ElectionState::Closed && ballot_box.void(numbers, added)
                })?;
            }
            Kind::Opened => self.change(entry, BallotBox::open)?,
            Kind::Confirmed => self.change(entry, BallotBox::confirm)?,
            Kind::Restored => self.restore(entry, &mut seal)?,
            Kind::Moved => seal.moved(entry.digest.as_deref().unwrap_or_default()),
            Kind::Ballots => self.count(entry, &mut tables.ballots, &mut seal)?,
            Kind::Voted => {
                self.numbers(entry, &mut tables.voted, &mut seal, BallotBox::mark_voted)?;
                self.closing = Some(entry.election);
            }
            Kind::PlainClosed | Kind::Closed => {
                self.sheet(entry, &mut tables.sheet, &mut seal)?;
                self.close(entry)?;
            }
        }
        if entry.kind.changes_roll() {
            self.elections.note_roll(entry.election);
        }
        let head = seal.head();
        if entry.head != head {
            return Err(self.entry_damaged(entry, "does not match what is stored"));
        }
        self.election(entry)?.head = head;
        Ok(())
    }

    fn election(&mut self, entry: &Entry) -> Result<&mut StoredElection, OpenError> {
        let what = "is about an election that was not created";
        let election = self.elections.list.get_mut(entry.election);
        election.ok_or_else(|| entry_damaged(self.path, entry, what))
    }

    /// Changes the election of an entry. The rules must allow it.
    fn change(
        &mut self,
        entry: &Entry,
        change: impl FnOnce(&mut BallotBox) -> Result<(), ChangeRefusal>,
    ) -> Result<(), OpenError> {
        let changed = change(&mut self.election(entry)?.ballot_box);
        changed.map_err(|refusal| self.entry_damaged(entry, &format!("breaks a rule: {refusal}")))
    }

    fn create(&mut self, entry: &Entry) -> Result<(), OpenError> {
        if entry.election != self.elections.list.len() {
            return Err(self.entry_damaged(entry, "creates an election out of order"));
        }
        let definition = definition(self.connection, entry.election as i64 + 1);
        let definition = definition.map_err(|error| self.unreadable(error))?;
        if entry.kind != Kind::creating(&definition) {
            return Err(self.entry_damaged(entry, "creates an election with other rules"));
        }
        remember_roll(&mut self.elections, self.connection, &definition, entry.id)
            .map_err(|error| self.unreadable(error))?;
        let created = self.elections.create(&definition);
        created.map_err(|refusal| self.entry_damaged(entry, &refusal.to_string()))?;
        self.read_key(entry)
    }

    /// Suspends the votes of an election that came from a backup.
    fn restore(&mut self, entry: &Entry, seal: &mut Seal) -> Result<(), OpenError> {
        let wanted = entry.rows.start().cast_unsigned();
        let epoch = self.epochs.iter().find(|epoch| epoch.epoch == wanted);
        let what = "is about an epoch that did not begin";
        let epoch = *epoch.ok_or_else(|| self.entry_damaged(entry, what))?;
        seal.epoch(&epoch.head);
        self.change(entry, |ballot_box| ballot_box.restored(epoch.epoch))
    }

    /// Closes an election whose sheet is counted.
    fn close(&mut self, entry: &Entry) -> Result<(), OpenError> {
        let (first, last) = entry.rows.clone().into_inner();
        let election = self.election(entry)?;
        election.sheet = (first <= last).then_some((first, last));
        if election.ballot_box.restore_closed() {
            self.elections.after_commit(entry.election);
            return Ok(());
        }
        let what = "breaks a rule: the ballots and the numbers that voted do not match";
        Err(self.entry_damaged(entry, what))
    }

    /// Puts the numbers of an entry on the roll of its election.
    fn issue(
        &mut self,
        entry: &Entry,
        rows: &mut Rows<'_>,
        seal: &mut Seal,
    ) -> Result<(), OpenError> {
        let mut run = Run::default();
        self.numbers(entry, rows, seal, |ballot_box, numbers| {
            run.extend(numbers) && ballot_box.may_issue(numbers, run.on_roll).is_ok()
        })?;
        let numbers = run.on_roll as u64;
        self.change(entry, |ballot_box| ballot_box.issue(run))?;
        let (first, last) = entry.rows.clone().into_inner();
        let election = self.election(entry)?;
        while election.ballot_box.settle_step() {}
        election.note_link_numbers(entry.kind, numbers);
        if let (Some(issuer), true) = (entry.issuer, first <= last) {
            let added = election.ballot_box.state() == ElectionState::Open;
            election.issues.push(IssuedRows { issuer, added, rows: (first, last) });
        }
        Ok(())
    }

    /// Passes the numbers in each row of an entry to `apply`, which returns whether the rules allow
    /// what the entry does with them.
    fn numbers(
        &mut self,
        entry: &Entry,
        rows: &mut Rows<'_>,
        seal: &mut Seal,
        mut apply: impl FnMut(&mut BallotBox, &[VoterNumber]) -> bool,
    ) -> Result<(), OpenError> {
        for id in entry.rows.clone() {
            let row = self.row(entry, rows, id)?;
            let stored = row.get_ref(2).and_then(values::numbers);
            let stored = stored.map_err(|error| self.unreadable(error))?;
            seal.numbers(&stored);
            if !apply(&mut self.election(entry)?.ballot_box, &stored) {
                return Err(self.entry_damaged(entry, "breaks a rule about its numbers"));
            }
        }
        let digest = seal.list(entry.issuer);
        if digest.as_ref().map(|digest| &digest[..]) != entry.digest.as_deref() {
            return Err(self.entry_damaged(entry, "does not match its numbers"));
        }
        Ok(())
    }

    /// The next row of a table, which must be `id` and belong to the entry's election.
    fn row<'r>(
        &self,
        entry: &Entry,
        rows: &'r mut Rows<'_>,
        id: i64,
    ) -> Result<&'r Row<'r>, OpenError> {
        let row = self.next(rows)?;
        let found = match row {
            Some(row) => row.get(0).and_then(|id: i64| Ok((id, row.get::<_, i64>(1)?))),
            None => Err(rusqlite::Error::QueryReturnedNoRows),
        };
        match (row, found) {
            (Some(row), Ok(found)) if found == (id, entry.election as i64 + 1) => Ok(row),
            _ => {
                Err(self
                    .entry_damaged(entry, &format!("has row {id}, which is missing or altered")))
            }
        }
    }

    fn next<'r>(&self, rows: &'r mut Rows<'_>) -> Result<Option<&'r Row<'r>>, OpenError> {
        rows.next().map_err(|error| self.unreadable(error))
    }

    fn unreadable(&self, error: rusqlite::Error) -> OpenError {
        open_error(self.path, error)
    }

    fn damaged(&self, what: impl Into<String>) -> OpenError {
        OpenError::Damaged { path: self.path.to_owned(), what: what.into() }
    }

    fn entry_damaged(&self, entry: &Entry, what: &str) -> OpenError {
        entry_damaged(self.path, entry, what)
    }
}

fn entry_damaged(path: &Path, entry: &Entry, what: &str) -> OpenError {
    let what = format!("entry {} of the hash chain {what}", entry.id);
    OpenError::Damaged { path: path.to_owned(), what }
}

/// The elections whose close is in the file, by their keys.
fn closed(connection: &Connection) -> rusqlite::Result<HashSet<i64>> {
    let select = "SELECT election FROM entries WHERE kind IN (?1, ?2)";
    let kinds = [Kind::PlainClosed as i64, Kind::Closed as i64];
    connection.prepare(select)?.query_map(kinds, |row| row.get(0))?.collect()
}
