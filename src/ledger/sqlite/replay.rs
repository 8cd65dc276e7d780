//! Replay: rebuilding memory from the file, entry by entry of the hash chains.
//!
//! Elections, rolls and counts are rebuilt with the rules that decided the votes, and every head is
//! recomputed. An error names the entry that does not match.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, Row, Rows};

use super::ballot_box::{BallotBox, RollEntry};
use super::chain::{Kind, Seal};
use super::elections::{Elections, StoredElection};
use super::file::open_error;
use super::grants;
use super::roll::BallotRow;
use super::values;
use crate::election::{
    ChangeRefusal, Choice, Definition, ElectionId, Grants, Nonce, Publication, Schedule, Timestamp,
    UnderNumber, Verdict, VoterNumber, judge,
};
use crate::ledger::OpenError;

/// How many voter numbers memory is reserved for before they are read. Bounds what a damaged file
/// can make this allocate.
const RESERVED_NUMBERS_MAX: usize = 8 << 20;

/// Reads every election and grant of the file.
pub(super) fn replay(connection: &Connection, path: &Path) -> Result<Elections, OpenError> {
    replay_with(connection, path, &mut |_, _| {})
}

/// As [`replay`]. After each entry, `progress` gets the entries read, and the entries in all.
pub(super) fn replay_with(
    connection: &Connection,
    path: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Elections, OpenError> {
    Replay { connection, path, elections: Elections::default(), closing: None }.run(progress)
}

struct Replay<'a> {
    connection: &'a Connection,
    path: &'a Path,
    elections: Elections,
    /// Between the two entries of a close: the election, and the numbers that voted in it.
    closing: Option<(usize, Vec<VoterNumber>)>,
}

/// A cursor in each table with rows of entries.
struct Tables<'s> {
    roll: Rows<'s>,
    revoked: Rows<'s>,
    ballots: Rows<'s>,
    voted: Rows<'s>,
    sheet: Rows<'s>,
}

/// One row of the table of entries.
struct Entry {
    id: i64,
    /// The index of the election.
    election: usize,
    kind: Kind,
    /// Its rows; an empty range if it has none.
    rows: std::ops::RangeInclusive<i64>,
    head: Vec<u8>,
}

impl Replay<'_> {
    fn run(mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<Elections, OpenError> {
        let connection = self.connection;
        let last = "SELECT coalesce(max(id), 0) FROM entries";
        let last: i64 = connection
            .query_row(last, [], |row| row.get(0))
            .map_err(|error| self.unreadable(error))?;
        let prepare = |sql| connection.prepare(sql).map_err(|error| self.unreadable(error));
        let mut entries =
            prepare("SELECT id, election, kind, first, last, head FROM entries ORDER BY id")?;
        let mut roll = prepare("SELECT id, election, numbers FROM roll ORDER BY id")?;
        let mut revoked = prepare("SELECT id, election, numbers FROM revoked ORDER BY id")?;
        let mut ballots =
            prepare("SELECT id, election, voter, choice, nonce FROM ballots ORDER BY id")?;
        let mut voted = prepare("SELECT id, election, numbers FROM voted ORDER BY id")?;
        let mut sheet = prepare("SELECT id, election, choice, nonce FROM sheet ORDER BY id")?;
        let query = |error| open_error(self.path, error);
        let mut entries = entries.query([]).map_err(query)?;
        let mut tables = Tables {
            roll: roll.query([]).map_err(query)?,
            revoked: revoked.query([]).map_err(query)?,
            ballots: ballots.query([]).map_err(query)?,
            voted: voted.query([]).map_err(query)?,
            sheet: sheet.query([]).map_err(query)?,
        };

        while let Some(row) = self.next(&mut entries)? {
            let entry = self.entry(row)?;
            self.apply(&entry, &mut tables)?;
            progress(entry.id.unsigned_abs(), last.unsigned_abs());
        }
        if self.closing.is_some() {
            return Err(self.damaged("a close is incomplete"));
        }
        let Tables { roll, revoked, ballots, voted, sheet } = &mut tables;
        for rows in [roll, revoked, ballots, voted, sheet] {
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
        for election in &mut self.elections.list {
            election.refresh_standing();
        }
        let grants = grants::read(connection).map_err(|error| self.unreadable(error))?;
        let mut in_force = Grants::default();
        if !grants.into_iter().all(|grant| in_force.add(grant)) {
            return Err(self.damaged("two grants have the same id, or there are too many"));
        }
        self.elections.grants = Arc::new(in_force);
        Ok(self.elections)
    }

    fn apply(&mut self, entry: &Entry, tables: &mut Tables<'_>) -> Result<(), OpenError> {
        // Nothing comes between the two entries of a close.
        let closing = self.closing.take();
        let closed = (entry.kind == Kind::Closed).then_some(entry.election);
        if closing.as_ref().map(|&(election, _)| election) != closed {
            return Err(self.entry_damaged(entry, "interrupts a close"));
        }
        if entry.kind == Kind::Created {
            if entry.election != self.elections.list.len() {
                return Err(self.entry_damaged(entry, "creates an election out of order"));
            }
            let definition = self.definition(entry)?;
            let created = self.elections.create(&definition);
            created.map_err(|refusal| self.entry_damaged(entry, &refusal.to_string()))?;
        }
        let election = self.election(entry)?;
        let mut seal = Seal::new(&election.head, entry.kind, election.definition());
        match entry.kind {
            Kind::Created => {}
            Kind::Issued => {
                let numbers = self.numbers(entry, &mut tables.roll, &mut seal)?;
                self.change(entry, |ballot_box| ballot_box.issue(numbers))?;
            }
            Kind::Revoked => {
                let numbers = self.numbers(entry, &mut tables.revoked, &mut seal)?;
                self.change(entry, |ballot_box| ballot_box.revoke(&numbers))?;
            }
            Kind::Opened => self.change(entry, BallotBox::open)?,
            Kind::Ballots => self.count(entry, &mut tables.ballots, &mut seal)?,
            Kind::Voted => {
                let voted = self.numbers(entry, &mut tables.voted, &mut seal)?;
                self.closing = Some((entry.election, voted));
            }
            Kind::Closed => {
                let choices = self.sheet(entry, &mut tables.sheet, &mut seal)?;
                let voted = closing.map(|(_, voted)| voted).unwrap_or_default();
                let (first, last) = entry.rows.clone().into_inner();
                let election = self.election(entry)?;
                election.sheet = (first <= last).then_some((first, last));
                if !election.ballot_box.restore_closed(&voted, &choices) {
                    let what = "breaks a rule: the ballots and the numbers that voted do not match";
                    return Err(self.entry_damaged(entry, what));
                }
            }
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

    /// The definition of the election that an entry creates.
    fn definition(&self, entry: &Entry) -> Result<Arc<Definition>, OpenError> {
        let key = entry.election as i64 + 1;
        let connection = self.connection;
        let select = "SELECT id, title, blank, sealed, opens, closes FROM elections WHERE key = ?1";
        let moment = |row: &Row<'_>, column| -> rusqlite::Result<Option<Timestamp>> {
            let stored: Option<i64> = row.get(column)?;
            Ok(stored.map(|seconds| Timestamp(seconds.cast_unsigned())))
        };
        let (id, title, blank, sealed, schedule) = connection
            .query_row(select, [key], |row| {
                let schedule = Schedule { opens: moment(row, 4)?, closes: moment(row, 5)? };
                let (id, title): (String, String) = (row.get(0)?, row.get(1)?);
                Ok((id, title, row.get::<_, bool>(2)?, row.get::<_, bool>(3)?, schedule))
            })
            .map_err(|error| self.unreadable(error))?;
        let candidates: Vec<String> = connection
            .prepare("SELECT name FROM candidates WHERE election = ?1 ORDER BY position")
            .and_then(|mut statement| statement.query_map([key], |row| row.get(0))?.collect())
            .map_err(|error| self.unreadable(error))?;
        let id: ElectionId =
            id.parse().map_err(|_| self.entry_damaged(entry, "has an invalid id"))?;
        let publication = if sealed { Publication::Sealed } else { Publication::Live };
        let definition = Definition::new(id, title, candidates)
            .map(|it| it.with_publication(publication).with_blank(blank))
            .and_then(|it| it.with_schedule(schedule))
            .map_err(|error| self.entry_damaged(entry, &error.to_string()))?;
        Ok(Arc::new(definition))
    }

    /// The voter numbers in the rows of an entry.
    fn numbers(
        &self,
        entry: &Entry,
        rows: &mut Rows<'_>,
        seal: &mut Seal,
    ) -> Result<Vec<VoterNumber>, OpenError> {
        let mut numbers = Vec::new();
        for id in entry.rows.clone() {
            let row = self.row(entry, rows, id)?;
            let stored = row.get_ref(2).and_then(values::numbers);
            let stored = stored.map_err(|error| self.unreadable(error))?;
            seal.numbers(&stored);
            if numbers.capacity() == 0 {
                // All rows but the last are as long as the first. Growing in steps would leave the
                // allocator with memory that it does not return.
                let further = entry.rows.end().saturating_sub(*entry.rows.start());
                let rows = usize::try_from(further).unwrap_or(0).saturating_add(1);
                numbers.reserve_exact(rows.saturating_mul(stored.len()).min(RESERVED_NUMBERS_MAX));
            }
            numbers.extend(stored);
        }
        Ok(numbers)
    }

    /// The choices in the rows of an entry.
    fn sheet(
        &self,
        entry: &Entry,
        rows: &mut Rows<'_>,
        seal: &mut Seal,
    ) -> Result<Vec<Choice>, OpenError> {
        let mut choices = Vec::new();
        for id in entry.rows.clone() {
            let row = self.row(entry, rows, id)?;
            let line = row.get(2).and_then(values::choice);
            let line = line.and_then(|choice| Ok((choice, values::nonce(row.get_ref(3)?)?)));
            let (choice, nonce) = line.map_err(|error| self.unreadable(error))?;
            seal.line(choice, &nonce);
            choices.push(choice);
        }
        Ok(choices)
    }

    fn count(
        &mut self,
        entry: &Entry,
        ballots: &mut Rows<'_>,
        seal: &mut Seal,
    ) -> Result<(), OpenError> {
        for id in entry.rows.clone() {
            let row = self.row(entry, ballots, id)?;
            let (number, choice, nonce) = ballot(row).map_err(|error| self.unreadable(error))?;
            seal.ballot(number, choice, &nonce);
            let ballot_box = &mut self.election(entry)?.ballot_box;
            let at = match ballot_box.roll_entry(number) {
                RollEntry::Unused(at) => Some(at),
                RollEntry::NotOnRoll | RollEntry::Used(_) => None,
            };
            // Time 0: a stored ballot was in time.
            let (definition, state) = (ballot_box.definition(), ballot_box.state());
            let verdict = judge(definition, state, Timestamp(0), choice, UnderNumber::NoBallot);
            let row = u64::try_from(id).ok().and_then(BallotRow::new);
            match (verdict, at, row) {
                (Verdict::Count, Some(at), Some(row)) => {
                    ballot_box.count(at, choice, nonce, row);
                    ballot_box.publish();
                    self.elections.last_ballot = row.get();
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

    fn entry(&self, row: &Row<'_>) -> Result<Entry, OpenError> {
        let read = || -> rusqlite::Result<Entry> {
            let kind: i64 = row.get(2)?;
            let key: i64 = row.get(1)?;
            let index = key.checked_sub(1).and_then(|index| usize::try_from(index).ok());
            let first: Option<i64> = row.get(3)?;
            let last: Option<i64> = row.get(4)?;
            Ok(Entry {
                id: row.get(0)?,
                election: index
                    .ok_or_else(|| values::invalid("an entry is about no election".into()))?,
                kind: Kind::from_stored(kind).ok_or_else(|| {
                    values::invalid(format!("an entry has the unknown kind {kind}"))
                })?,
                rows: first.unwrap_or(1)..=last.unwrap_or(0),
                head: row.get(5)?,
            })
        };
        read().map_err(|error| self.unreadable(error))
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

fn ballot(row: &Row<'_>) -> rusqlite::Result<(VoterNumber, Choice, Nonce)> {
    let number = VoterNumber::from(row.get::<_, i64>(2)?.cast_unsigned());
    Ok((number, values::choice(row.get(3)?)?, values::nonce(row.get_ref(4)?)?))
}
