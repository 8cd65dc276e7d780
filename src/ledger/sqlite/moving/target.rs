//! Making a ledger in a data directory of steps.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, params};

use crate::election::{Ballot, LedgerId, Nonce, Origin};
use crate::ledger::keys::Keys;
use crate::ledger::moving::{NumberedBallot, Past, PastEpoch, Step, Target};
use crate::ledger::run::Run;
use crate::ledger::sqlite::backup::PartialCopy;
use crate::ledger::sqlite::chain::{GENESIS, Head, Kind, Rows, Seal};
use crate::ledger::sqlite::elections::{Elections, StoredElection};
use crate::ledger::sqlite::epochs::Epoch;
use crate::ledger::sqlite::file::{FILE_NAME, now, open_error};
use crate::ledger::sqlite::format::{FORMAT, upgrade};
use crate::ledger::sqlite::mark::Mark;
use crate::ledger::sqlite::replay::{Opening, replay_with};
use crate::ledger::sqlite::rows::{insert_entry, insert_listed, insert_moved};
use crate::ledger::sqlite::values::invalid;
use crate::ledger::sqlite::{grants, whole, write};
use crate::ledger::{OpenError, Snapshot};
use crate::private_file::{beside, sync_parent};

/// A ledger that has not got its name yet.
pub(in crate::ledger) struct FileTarget {
    directory: PathBuf,
    keys: Keys,
    partial: PartialCopy,
    connection: Connection,
    past: Past,
    elections: Elections,
    epochs: Vec<Epoch>,
    last_ballot: i64,
    /// The close whose lines are taken.
    closing: Option<(Seal, Option<Rows>)>,
}

impl FileTarget {
    /// Begins a ledger in a data directory, which has no keys of it.
    pub(in crate::ledger) fn begin(directory: &Path, past: Past) -> Result<Self, OpenError> {
        let path = directory.join(FILE_NAME);
        let keys = Keys::held_back(directory);
        let partial = PartialCopy::create(&path)
            .map_err(|why| OpenError::Inaccessible { path: path.clone(), why })?;
        let failed = |error| open_error(&path, error);
        let mut connection = Connection::open(partial.path()).map_err(failed)?;
        // It is synced as a whole, before it gets its name.
        for (setting, value) in [("journal_mode", "MEMORY"), ("synchronous", "OFF")] {
            connection.pragma_update(None, setting, value).map_err(failed)?;
        }
        let epochs = epochs(past.ledger, &past.origins.epochs);
        let first = epochs.first().copied();
        let first = first.unwrap_or_else(|| Epoch::first(past.ledger, now()));
        upgrade(&mut connection, &path, &keys, &first)?;
        let more = epochs.iter().skip(1).try_for_each(|epoch| epoch.insert(&connection));
        more.map_err(failed)?;
        let epoch = epochs.last().unwrap_or(&first).epoch;
        let origin = Origin { ledger: past.ledger, epoch, ..Origin::default() };
        Ok(Self {
            directory: directory.to_owned(),
            keys,
            partial,
            connection,
            past,
            elections: Elections::none(origin),
            epochs,
            last_ballot: 0,
            closing: None,
        })
    }

    /// Stores the grants, and reads everything back, which verifies it. Returns what is shown of
    /// it, and the heads of its elections.
    pub(in crate::ledger) fn verified(&self) -> Result<(Snapshot, Vec<Head>), OpenError> {
        let path = self.directory.join(FILE_NAME);
        self.put_grants().map_err(|error| open_error(&path, error))?;
        let opening = Opening { keys: &self.keys, makes_keys: false, accepts_missing: false };
        let read = replay_with(&self.connection, &path, opening, &mut |_, _| {})?;
        let heads = read.list.iter().map(|election| election.head).collect();
        Ok((read.snapshot(), heads))
    }

    /// Makes it durable, with its keys. It has no name yet.
    pub(in crate::ledger) fn sync(&self) -> Result<(), OpenError> {
        self.keys.put(self.elections.keys())?;
        let synced = self.partial.sync();
        synced.map_err(|why| OpenError::Inaccessible { path: self.directory.join(FILE_NAME), why })
    }

    /// Gives the ledger its name, in the place of one that left. From then on it is the ledger.
    pub(in crate::ledger) fn put(self) -> Result<(), OpenError> {
        let path = self.directory.join(FILE_NAME);
        let position = whole::position(&self.connection, FORMAT);
        let position = position.map_err(|error| open_error(&path, error))?;
        let Self { directory, partial, connection, .. } = self;
        drop(connection);
        let inaccessible = |why| OpenError::Inaccessible { path: path.clone(), why };
        // SQLite would apply the log of the ledger that left to this one.
        for rest in ["-wal", "-shm", "-journal"] {
            match std::fs::remove_file(beside(&path, rest)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(inaccessible(error));
                }
                _ => {}
            }
        }
        partial.replace(&path).and_then(|()| sync_parent(&path)).map_err(inaccessible)?;
        Mark::create(&directory, &position)
    }

    fn put_grants(&self) -> rusqlite::Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        self.past.grants.iter().try_for_each(|grant| grants::insert(&transaction, grant))?;
        self.past.ended.iter().try_for_each(|grant| grants::insert_ended(&transaction, grant))?;
        transaction.commit()
    }

    fn put_step(&mut self, step: Step) -> rusqlite::Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        let elections = &mut self.elections;
        match step {
            Step::Created(definition) => {
                let created = elections.create(&definition);
                let index = created.map_err(|refusal| invalid(refusal.to_string()))?;
                let closed = self.past.elections.get(index).is_none_or(|it| it.is_closed);
                let ledger = elections.origin.ledger;
                let election = elections.of(index)?;
                if !closed {
                    let key = self.keys.make(&election.owner(ledger));
                    election.sealing = Some(key.map_err(|error| invalid(error.to_string()))?);
                }
                write::create(&transaction, election)?;
                election.put(&transaction, Kind::creating(&definition), None)?;
                if let Some(origin) = self.past.origins.find(&definition.id) {
                    let (key, before) = (election.key, &origin.head);
                    let seal = Seal::new(&election.head, Kind::Moved, &definition);
                    election.head = insert_moved(&transaction, key, seal, before)?;
                    if let Some(epoch) = origin.restored {
                        election.put_restored(&transaction, epoch, &self.epochs)?;
                    }
                }
            }
            Step::Issued { election, numbers, issuer, by_link } => {
                let kind = if by_link { Kind::IssuedByLink } else { Kind::IssuedByOfficer };
                elections.of(election)?.put_listed(&transaction, (kind, issuer), &numbers)?;
            }
            Step::Revoked(election, numbers) => {
                let entry = (Kind::Revoked, None);
                elections.of(election)?.put_listed(&transaction, entry, &numbers)?;
            }
            Step::Voided(election, numbers, added) => {
                let kind = if added { Kind::VoidedAdded } else { Kind::Voided };
                elections.of(election)?.put_listed(&transaction, (kind, None), &numbers)?;
            }
            Step::Opened(election) => {
                elections.of(election)?.put(&transaction, Kind::Opened, None)?;
            }
            Step::Ballots(election, ballots) => {
                let election = elections.of(election)?;
                self.last_ballot = election.put_ballots(&transaction, ballots, self.last_ballot)?;
            }
            Step::Lines(election, lines) => {
                let election = elections.of(election)?;
                let begin =
                    || (Seal::new(&election.head, Kind::Closed, election.definition()), None);
                let (seal, rows) = self.closing.get_or_insert_with(begin);
                election.put_lines(&transaction, &lines, seal, rows)?;
            }
            Step::Closed(election) => {
                let election = elections.of(election)?;
                let begin =
                    || (Seal::new(&election.head, Kind::Closed, election.definition()), None);
                let (seal, rows) = self.closing.take().unwrap_or_else(begin);
                let key = election.key;
                election.head = insert_entry(&transaction, key, Kind::Closed, rows, seal)?;
            }
        }
        transaction.commit()
    }
}

impl Target for FileTarget {
    async fn take(&mut self, step: Step) -> Result<(), OpenError> {
        let path = self.directory.join(FILE_NAME);
        self.put_step(step).map_err(|error| open_error(&path, error))
    }
}

impl Elections {
    fn of(&mut self, index: usize) -> rusqlite::Result<&mut StoredElection> {
        let election = self.list.get_mut(index);
        election.ok_or_else(|| invalid("a step is about no election".into()))
    }
}

impl StoredElection {
    /// Stores an entry without rows of its own.
    fn put(
        &mut self,
        transaction: &Transaction<'_>,
        kind: Kind,
        epoch: Option<&Epoch>,
    ) -> rusqlite::Result<()> {
        let mut seal = Seal::new(&self.head, kind, self.definition());
        if let Some(epoch) = epoch {
            seal.epoch(&epoch.head);
        }
        let row = epoch.map(|epoch| epoch.epoch.cast_signed());
        let rows = row.map(|row| (row, row));
        self.head = insert_entry(transaction, self.key, kind, rows, seal)?;
        Ok(())
    }

    /// Stores that it was restored in an epoch, and confirmed.
    fn put_restored(
        &mut self,
        transaction: &Transaction<'_>,
        epoch: u64,
        epochs: &[Epoch],
    ) -> rusqlite::Result<()> {
        let began = epochs.iter().find(|it| it.epoch == epoch);
        let began = began.ok_or_else(|| invalid(format!("epoch {epoch} is missing")))?;
        self.put(transaction, Kind::Restored, Some(began))?;
        self.put(transaction, Kind::Confirmed, None)
    }

    fn put_listed(
        &mut self,
        transaction: &Transaction<'_>,
        entry: (Kind, Option<crate::election::GrantId>),
        numbers: &Run,
    ) -> rusqlite::Result<()> {
        let ascending = numbers.blocks().flatten().copied();
        self.head = insert_listed(transaction, self, &self.head, entry, ascending)?.0;
        Ok(())
    }

    /// Stores ballots in the rows after `last`, sealed if they are opened. Returns the last row.
    fn put_ballots(
        &mut self,
        transaction: &Transaction<'_>,
        ballots: Vec<NumberedBallot>,
        last: i64,
    ) -> rusqlite::Result<i64> {
        if ballots.is_empty() {
            return Ok(last);
        }
        let mut insert = transaction.prepare_cached(
            "INSERT INTO ballots (id, election, voter, sealed) VALUES (?1, ?2, ?3, ?4)",
        )?;
        let mut seal = Seal::new(&self.head, Kind::Ballots, self.definition());
        let mut row = last;
        for (number, mut ballot) in ballots {
            row += 1;
            if let Some(key) = &mut self.sealing {
                let sealed = key.seal(number, &mut ballot);
                sealed.map_err(|error| invalid(error.to_string()))?;
            }
            insert.execute(params![row, self.key, number.get().cast_signed(), ballot])?;
            seal.ballot(number, &ballot);
        }
        let rows = Some((last + 1, row));
        self.head = insert_entry(transaction, self.key, Kind::Ballots, rows, seal)?;
        Ok(row)
    }

    /// Stores lines of its sheet.
    fn put_lines(
        &self,
        transaction: &Transaction<'_>,
        lines: &[u8],
        seal: &mut Seal,
        rows: &mut Option<Rows>,
    ) -> rusqlite::Result<()> {
        let definition = self.definition();
        let ballot = Ballot::stored_bytes(&definition.slate, &definition.rules);
        let mut insert = transaction
            .prepare_cached("INSERT INTO sheet (election, ballot, nonce) VALUES (?1, ?2, ?3)")?;
        for line in lines.chunks(ballot + Nonce::BYTES) {
            let parts = line.split_at_checked(ballot);
            let (ballot, nonce) = parts.ok_or_else(|| invalid("a line is cut short".into()))?;
            let row = insert.insert(params![self.key, ballot, nonce])?;
            seal.line(ballot, nonce);
            *rows = Some((rows.map_or(row, |(first, _)| first), row));
        }
        Ok(())
    }
}

/// The epochs that were, as they were.
fn epochs(ledger: LedgerId, past: &[PastEpoch]) -> Vec<Epoch> {
    let mut epochs: Vec<Epoch> = Vec::with_capacity(past.len());
    for PastEpoch { epoch, begun, taken } in past {
        let previous = epochs.last().map_or(GENESIS, |last| last.head);
        epochs.push(Epoch::new(&previous, *epoch, ledger, *begun, *taken));
    }
    epochs
}
