//! Reading everything back: the chain entry by entry, with the rows each entry is about.
//!
//! Elections, rolls, who has voted and the counts are rebuilt by the same rules that decided the votes,
//! and every head is computed again. What does not agree is named, and the ledger is not opened.

use std::sync::Arc;

use rusqlite::{Row, Rows};

use super::Elections;
use super::file::{self, LedgerFile, not_opened};
use crate::election::{BallotNumber, Choice, Definition, ElectionId, Nonce, Verdict, VoterNumber};
use crate::ledger::LedgerError;
use crate::ledger::chain::{Kind, Seal};

/// Every election of the file as its entries tell.
pub(super) fn replay(file: &LedgerFile) -> Result<Elections, LedgerError> {
    Replay { file, elections: Elections::default() }.run()
}

struct Replay<'a> {
    file: &'a LedgerFile,
    elections: Elections,
}

/// One row of the table of entries.
struct Entry {
    id: i64,
    /// The election, as an index.
    election: usize,
    kind: Kind,
    /// The rows it is about: empty where it is about none.
    rows: std::ops::RangeInclusive<i64>,
    head: Vec<u8>,
}

impl Replay<'_> {
    fn run(mut self) -> Result<Elections, LedgerError> {
        let connection = &self.file.connection;
        let prepare = |sql| connection.prepare(sql).map_err(|error| self.unreadable(error));
        let mut entries =
            prepare("SELECT id, election, kind, first, last, head FROM entries ORDER BY id")?;
        let mut roll = prepare("SELECT id, election, numbers FROM roll ORDER BY id")?;
        let mut ballots =
            prepare("SELECT id, election, voter, choice, nonce FROM ballots ORDER BY id")?;
        let query = |error| not_opened(&self.file.path, error);
        let mut entries = entries.query([]).map_err(query)?;
        let mut roll = roll.query([]).map_err(query)?;
        let mut ballots = ballots.query([]).map_err(query)?;

        while let Some(row) = self.next(&mut entries)? {
            let entry = self.entry(row)?;
            self.apply(&entry, &mut roll, &mut ballots)?;
        }
        for (table, rows) in [("roll", &mut roll), ("ballots", &mut ballots)] {
            if self.next(rows)?.is_some() {
                return Err(self.damaged(format!(
                    "the table {table} has rows that no entry of the chain names"
                )));
            }
        }
        for kept in &mut self.elections.kept {
            kept.advance(kept.head);
        }
        Ok(self.elections)
    }

    fn apply(
        &mut self,
        entry: &Entry,
        roll: &mut Rows<'_>,
        ballots: &mut Rows<'_>,
    ) -> Result<(), LedgerError> {
        if entry.kind == Kind::Created {
            if entry.election != self.elections.kept.len() {
                return Err(self.entry_damaged(entry, "creates an election out of order"));
            }
            let definition = self.definition(entry)?;
            self.elections.create(&definition)?;
        }
        let Some(kept) = self.elections.kept.get(entry.election) else {
            return Err(self.entry_damaged(entry, "is about an election that was not created"));
        };
        let mut seal = Seal::new(&kept.head, entry.kind);
        match entry.kind {
            Kind::Created => seal.definition(kept.definition()),
            Kind::Issued => self.issue(entry, roll, &mut seal)?,
            Kind::Opened => {
                let opened = self.elections.kept[entry.election].ballot_box.open();
                opened.map_err(|refusal| self.entry_damaged(entry, &refusal.to_string()))?;
            }
            Kind::Ballots => self.count(entry, ballots, &mut seal)?,
        }
        let head = seal.head();
        if head[..] != entry.head[..] {
            return Err(self.entry_damaged(entry, "does not agree with what is stored"));
        }
        self.elections.kept[entry.election].head = head;
        Ok(())
    }

    /// The definition of the election that an entry creates.
    fn definition(&self, entry: &Entry) -> Result<Arc<Definition>, LedgerError> {
        let key = entry.election as i64 + 1;
        let connection = &self.file.connection;
        let (id, title) = connection
            .query_row("SELECT id, title FROM elections WHERE key = ?1", [key], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
            })
            .map_err(|error| self.unreadable(error))?;
        let candidates: Vec<String> = connection
            .prepare("SELECT name FROM candidates WHERE election = ?1 ORDER BY position")
            .and_then(|mut statement| statement.query_map([key], |row| row.get(0))?.collect())
            .map_err(|error| self.unreadable(error))?;
        let id: ElectionId =
            id.parse().map_err(|_| self.entry_damaged(entry, "has an impossible id"))?;
        let definition = Definition::new(id, title, candidates)
            .map_err(|error| self.entry_damaged(entry, &error.to_string()))?;
        Ok(Arc::new(definition))
    }

    fn issue(
        &mut self,
        entry: &Entry,
        roll: &mut Rows<'_>,
        seal: &mut Seal,
    ) -> Result<(), LedgerError> {
        let mut numbers = Vec::new();
        for id in entry.rows.clone() {
            let row = self.row(entry, roll, "roll", id)?;
            let stored = row.get_ref(2).and_then(|value| Ok(value.as_blob()?));
            let (chunks, rest) = stored.map_err(|error| self.unreadable(error))?.as_chunks::<8>();
            if !rest.is_empty() {
                return Err(
                    self.entry_damaged(entry, &format!("names roll row {id}, which is cut short"))
                );
            }
            let start = numbers.len();
            numbers
                .extend(chunks.iter().map(|&bytes| VoterNumber::from(u64::from_le_bytes(bytes))));
            seal.numbers(&numbers[start..]);
        }
        let issued = self.elections.kept[entry.election].ballot_box.issue(numbers);
        issued.map_err(|refusal| self.entry_damaged(entry, &refusal.to_string()))
    }

    fn count(
        &mut self,
        entry: &Entry,
        ballots: &mut Rows<'_>,
        seal: &mut Seal,
    ) -> Result<(), LedgerError> {
        for id in entry.rows.clone() {
            let row = self.row(entry, ballots, "ballots", id)?;
            let (number, choice, nonce) = ballot(row).map_err(|error| self.unreadable(error))?;
            seal.ballot(number, choice, &nonce);
            let ballot_box = &mut self.elections.kept[entry.election].ballot_box;
            let ballot = u64::try_from(id).ok().and_then(BallotNumber::new);
            match (ballot_box.judge(number, choice), ballot) {
                (Verdict::Count(place), Some(ballot)) => {
                    ballot_box.count(place, choice, ballot);
                    self.elections.ballots = ballot.get();
                }
                _ => {
                    return Err(
                        self.damaged(format!("ballot {id} breaks the rules of its election"))
                    );
                }
            }
        }
        Ok(())
    }

    /// The next row of a table, which has to be `id` and to belong to the entry's election.
    fn row<'r>(
        &self,
        entry: &Entry,
        rows: &'r mut Rows<'_>,
        table: &str,
        id: i64,
    ) -> Result<&'r Row<'r>, LedgerError> {
        let row = self.next(rows)?;
        let found = match row {
            Some(row) => row.get(0).and_then(|id: i64| Ok((id, row.get::<_, i64>(1)?))),
            None => Err(rusqlite::Error::QueryReturnedNoRows),
        };
        match (row, found) {
            (Some(row), Ok(found)) if found == (id, entry.election as i64 + 1) => Ok(row),
            _ => Err(self.damaged(format!("row {id} of the table {table} is missing or altered"))),
        }
    }

    fn entry(&self, row: &Row<'_>) -> Result<Entry, LedgerError> {
        let read = || -> rusqlite::Result<Entry> {
            let kind: i64 = row.get(2)?;
            let first: Option<i64> = row.get(3)?;
            let last: Option<i64> = row.get(4)?;
            Ok(Entry {
                id: row.get(0)?,
                election: usize::try_from(row.get::<_, i64>(1)? - 1)
                    .map_err(|_| file::invalid("an entry is about no election".into()))?,
                kind: Kind::from_stored(kind).ok_or_else(|| {
                    file::invalid(format!("an entry has the unknown kind {kind}"))
                })?,
                rows: first.unwrap_or(1)..=last.unwrap_or(0),
                head: row.get(5)?,
            })
        };
        read().map_err(|error| self.unreadable(error))
    }

    fn next<'r>(&self, rows: &'r mut Rows<'_>) -> Result<Option<&'r Row<'r>>, LedgerError> {
        rows.next().map_err(|error| self.unreadable(error))
    }

    fn unreadable(&self, error: rusqlite::Error) -> LedgerError {
        not_opened(&self.file.path, error)
    }

    fn damaged(&self, what: impl Into<String>) -> LedgerError {
        LedgerError::Damaged { path: self.file.path.clone(), what: what.into() }
    }

    fn entry_damaged(&self, entry: &Entry, what: &str) -> LedgerError {
        self.damaged(format!("entry {} of the hash chain {what}", entry.id))
    }
}

fn ballot(row: &Row<'_>) -> rusqlite::Result<(VoterNumber, Choice, Nonce)> {
    let number = VoterNumber::from(row.get::<_, i64>(2)?.cast_unsigned());
    Ok((number, file::choice(row.get(3)?)?, file::nonce(row.get_ref(4)?)?))
}
