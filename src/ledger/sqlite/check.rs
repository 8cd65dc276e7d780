//! Checking one election: reading it back from the file, and recomputing its hash chain.
//!
//! A check reads in steps, each a short transaction, so that it does not hold up the checkpoints of
//! the WAL. It needs no key: the chain is over sealed ballots. It remembers where it is and nothing
//! of what it has read. It ends at the head that the ledger's thread knew when the check began:
//! what is in the file up to there is what this server wrote, or verified by the rules when it
//! opened the file.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row};

use super::chain::{GENESIS, Head, Kind, Seal};
use super::entry::{COLUMNS, Entry, definition};
use super::epochs;
use super::known::KnownElection;
use super::values::{invalid, numbers};
use crate::election::{Definition, VoterNumber};
use crate::ledger::Report;

/// What one step does: this many ballots, or as much of the costs below.
const STEP_COST: usize = 4_096;

/// What a row of voter numbers, and an entry, cost in ballots.
const NUMBERS_COST: usize = 512;
const ENTRY_COST: usize = 16;

/// Entries of other elections that a step passes over.
const PASSED_ENTRIES: i64 = 16_384;

/// How far a check is.
#[derive(Clone)]
pub(super) struct Check {
    /// The election when the check began.
    known: KnownElection,
    definition: Option<Arc<Definition>>,
    /// The entries up to this one are read, but for the rows of `entry`.
    last_entry: i64,
    entry: Option<OpenEntry>,
    head: Head,
    entries: u64,
    /// Sealed ballots, lines of the tally sheet, and numbers that voted where ballots were not
    /// sealed.
    sealed: u64,
    lines: u64,
    voted: u64,
}

/// An entry whose rows are being read.
#[derive(Clone)]
struct OpenEntry {
    entry: Entry,
    next_row: i64,
    seal: Seal,
}

impl Check {
    pub(super) fn new(known: KnownElection) -> Self {
        Self {
            known,
            definition: None,
            last_entry: 0,
            entry: None,
            head: GENESIS,
            entries: 0,
            sealed: 0,
            lines: 0,
            voted: 0,
        }
    }

    /// Reads on. Returns the report once the check is complete. An error says what is wrong; after
    /// it, the check can only be dropped.
    pub(super) fn step(&mut self, connection: &Connection) -> rusqlite::Result<Option<Report>> {
        let mut cost = 0;
        while cost < STEP_COST {
            if self.head == self.known.head {
                return Ok(Some(self.report()));
            }
            cost += match self.entry.take() {
                None => self.begin_entry(connection)?,
                Some(entry) => self.read_rows(connection, entry, STEP_COST - cost)?,
            };
        }
        Ok(None)
    }

    /// Finds the election's next entry. Returns the cost.
    fn begin_entry(&mut self, connection: &Connection) -> rusqlite::Result<usize> {
        let Some(definition) = self.definition.clone() else {
            self.definition = Some(definition(connection, self.known.key)?);
            return Ok(0);
        };
        let until = self.last_entry.saturating_add(PASSED_ENTRIES);
        let entry = connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM entries
                 WHERE id > ?1 AND id <= ?2 AND election = ?3 ORDER BY id LIMIT 1"
            ))?
            .query_row([self.last_entry, until, self.known.key], Entry::read)
            .optional()?;
        let Some(entry) = entry else {
            let last = "SELECT coalesce(max(id), 0) FROM entries";
            let last: i64 = connection.query_row(last, [], |row| row.get(0))?;
            if until >= last {
                let what = "the hash chain does not have the head that this server knows";
                return Err(invalid(what.into()));
            }
            self.last_entry = until;
            return Ok(STEP_COST);
        };
        self.last_entry = entry.id;
        self.entry = Some(OpenEntry {
            next_row: *entry.rows.start(),
            seal: Seal::new(&self.head, entry.kind, &definition),
            entry,
        });
        Ok(ENTRY_COST)
    }

    /// Reads rows of an entry, and checks it if they are the last. Returns the cost.
    fn read_rows(
        &mut self,
        connection: &Connection,
        mut open: OpenEntry,
        cost_max: usize,
    ) -> rusqlite::Result<usize> {
        if open.entry.kind == Kind::Restored {
            let epoch = open.entry.rows.start().cast_unsigned();
            let epochs = epochs::read(connection)?;
            let epoch = epochs.iter().find(|it| it.epoch == epoch).ok_or_else(|| open.missing())?;
            open.seal.epoch(&epoch.head);
            self.end_entry(open)?;
            return Ok(ENTRY_COST);
        }
        let last = *open.entry.rows.end();
        let mut cost = 0;
        if let Some(table) = open.entry.kind.table().filter(|_| open.next_row <= last) {
            let (columns, row_cost) = match table {
                "ballots" => ("voter, sealed", 1),
                "sheet" => ("ballot, nonce", 1),
                _ => ("numbers", NUMBERS_COST),
            };
            let sql = format!(
                "SELECT id, election, {columns} FROM {table} WHERE id BETWEEN ?1 AND ?2 ORDER BY id"
            );
            let mut select = connection.prepare_cached(&sql)?;
            let mut rows = select.query([open.next_row, last])?;
            while cost < cost_max && open.next_row <= last {
                let row = rows.next()?.ok_or_else(|| open.missing())?;
                if (row.get(0)?, row.get(1)?) != (open.next_row, self.known.key) {
                    return Err(open.missing());
                }
                self.read_row(&mut open, row)?;
                open.next_row += 1;
                cost += row_cost;
            }
        }
        if open.next_row <= last {
            self.entry = Some(open);
        } else {
            self.end_entry(open)?;
        }
        Ok(cost)
    }

    fn read_row(&mut self, open: &mut OpenEntry, row: &Row<'_>) -> rusqlite::Result<()> {
        match open.entry.kind {
            Kind::Ballots => {
                let number = VoterNumber::from(row.get::<_, i64>(2)?.cast_unsigned());
                open.seal.ballot(number, row.get_ref(3)?.as_blob()?);
                self.sealed += 1;
            }
            Kind::PlainClosed | Kind::Closed => {
                open.seal.line(row.get_ref(2)?.as_blob()?, row.get_ref(3)?.as_blob()?);
                self.lines += 1;
            }
            kind => {
                let numbers = numbers(row.get_ref(2)?)?;
                open.seal.numbers(&numbers);
                if kind == Kind::Voted {
                    self.voted += numbers.len() as u64;
                }
            }
        }
        Ok(())
    }

    fn end_entry(&mut self, open: OpenEntry) -> rusqlite::Result<()> {
        let OpenEntry { entry, mut seal, .. } = open;
        let same_digest = match (entry.kind, &entry.digest) {
            (Kind::Moved, Some(before)) => {
                seal.moved(before);
                true
            }
            (_, digest) => seal.list(entry.issuer).as_ref().map(|it| &it[..]) == digest.as_deref(),
        };
        let head = seal.head();
        if entry.head != head || !same_digest {
            let what =
                format!("entry {} of the hash chain does not match what is stored", entry.id);
            return Err(invalid(what));
        }
        self.head = head;
        self.entries += 1;
        Ok(())
    }

    fn report(&self) -> Report {
        let KnownElection { closed, used, head, .. } = self.known;
        Report {
            entries: self.entries,
            ballots: if closed { self.lines } else { self.sealed },
            numbers_used: if closed { self.sealed + self.voted } else { used },
            head,
            unscrubbed: false,
        }
    }
}

impl OpenEntry {
    fn missing(&self) -> rusqlite::Error {
        invalid(format!(
            "entry {} of the hash chain has row {}, which is missing or altered",
            self.entry.id, self.next_row
        ))
    }
}
