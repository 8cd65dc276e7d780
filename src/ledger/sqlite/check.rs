//! Checking one election: reading it back from the file, and recomputing its hash chain.
//!
//! A check reads in steps, each a short transaction, so that it holds up neither the checkpoints of
//! the WAL nor a scrub. It remembers where it is and nothing of what it has read. It ends at the
//! head that the ledger's thread knew when the check began: what is in the file up to there is what
//! this server wrote, or verified by the rules when it opened the file.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row};

use super::chain::{GENESIS, Head, Kind, Seal};
use super::entry::{COLUMNS, Entry, definition};
use super::epochs;
use super::known::KnownElection;
use super::values::{choice, invalid, nonce, numbers};
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
    ballots: u64,
    numbers_voted: u64,
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
            ballots: 0,
            numbers_voted: 0,
        }
    }

    /// Reads on. Returns the report once the check is complete. An error says what is wrong; after
    /// it, the check can only be dropped.
    pub(super) fn step(&mut self, connection: &Connection) -> rusqlite::Result<Option<Report>> {
        let mut cost = 0;
        while cost < STEP_COST {
            if self.head == self.known.head {
                return self.report(connection).map(Some);
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
                "ballots" => ("voter, choice, nonce", 1),
                "sheet" => ("choice, nonce", 1),
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
                open.seal.ballot(number, choice(row.get(3)?)?, &nonce(row.get_ref(4)?)?);
                self.ballots += 1;
            }
            Kind::Closed => {
                open.seal.line(choice(row.get(2)?)?, &nonce(row.get_ref(3)?)?);
                self.ballots += 1;
            }
            kind => {
                let numbers = numbers(row.get_ref(2)?)?;
                open.seal.numbers(&numbers);
                if kind == Kind::Voted {
                    self.numbers_voted += numbers.len() as u64;
                }
            }
        }
        Ok(())
    }

    fn end_entry(&mut self, open: OpenEntry) -> rusqlite::Result<()> {
        let OpenEntry { entry, mut seal, .. } = open;
        let digest = seal.list(entry.issuer);
        let head = seal.head();
        let same_digest = digest.as_ref().map(|it| &it[..]) == entry.digest.as_deref();
        if entry.head != head || !same_digest {
            let what =
                format!("entry {} of the hash chain does not match what is stored", entry.id);
            return Err(invalid(what));
        }
        self.head = head;
        self.entries += 1;
        Ok(())
    }

    fn report(&self, connection: &Connection) -> rusqlite::Result<Report> {
        let unscrubbed = "SELECT count(*) FROM unscrubbed WHERE election = ?1";
        let unscrubbed: i64 =
            connection.query_row(unscrubbed, [self.known.key], |row| row.get(0))?;
        let KnownElection { closed, used, head, .. } = self.known;
        Ok(Report {
            entries: self.entries,
            ballots: self.ballots,
            numbers_used: if closed { self.numbers_voted } else { used },
            head: closed.then_some(head),
            unscrubbed: unscrubbed > 0,
        })
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

/// Whether the file has the close of an election.
pub(super) fn is_closed(connection: &Connection, key: i64) -> rusqlite::Result<bool> {
    let select = "SELECT count(*) FROM entries WHERE election = ?1 AND kind = ?2";
    let closes: i64 = connection.query_row(select, [key, Kind::Closed as i64], |row| row.get(0))?;
    Ok(closes > 0)
}
