//! Reading entries of the hash chains, and the definitions of elections.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Arc;

use rusqlite::{Connection, Row};

use super::chain::{Kind, stored_method};
use super::values::invalid;
use crate::election::{
    Definition, ElectionId, GrantId, Method, Publication, Rules, Schedule, Share, Timestamp,
};

/// The columns of the table of entries that [`Entry::read`] reads.
pub(super) const COLUMNS: &str = "id, election, kind, first, last, head, issuer, digest";

/// One row of the table of entries.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) id: i64,
    /// The index of the election.
    pub(super) election: usize,
    pub(super) kind: Kind,
    /// Its rows; an empty range if it has none.
    pub(super) rows: RangeInclusive<i64>,
    pub(super) head: Vec<u8>,
    /// The grant that its numbers were issued under.
    pub(super) issuer: Option<GrantId>,
    pub(super) digest: Option<Vec<u8>>,
}

impl Entry {
    /// An entry from a row of [`COLUMNS`].
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let (key, kind): (i64, i64) = (row.get(1)?, row.get(2)?);
        let index = key.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        let kind_of = Kind::from_stored(kind);
        let (first, last): (Option<i64>, Option<i64>) = (row.get(3)?, row.get(4)?);
        Ok(Self {
            id: row.get(0)?,
            election: index.ok_or_else(|| invalid("an entry is about no election".into()))?,
            kind: kind_of
                .ok_or_else(|| invalid(format!("an entry has the unknown kind {kind}")))?,
            rows: first.unwrap_or(1)..=last.unwrap_or(0),
            head: row.get(5)?,
            issuer: row.get::<_, Option<i64>>(6)?.map(|id| GrantId(id.cast_unsigned())),
            digest: row.get(7)?,
        })
    }
}

/// The definition of an election.
pub(super) fn definition(connection: &Connection, key: i64) -> rusqlite::Result<Arc<Definition>> {
    let select = "SELECT id, title, blank, sealed, opens, closes FROM elections WHERE key = ?1";
    let moment = |row: &Row<'_>, column| -> rusqlite::Result<Option<Timestamp>> {
        let stored: Option<i64> = row.get(column)?;
        Ok(stored.map(|seconds| Timestamp(seconds.cast_unsigned())))
    };
    let (id, title, blank, sealed, schedule) = connection.query_row(select, [key], |row| {
        let schedule = Schedule { opens: moment(row, 4)?, closes: moment(row, 5)? };
        let (id, title): (String, String) = (row.get(0)?, row.get(1)?);
        Ok((id, title, row.get::<_, bool>(2)?, row.get::<_, bool>(3)?, schedule))
    })?;
    let candidates: Vec<String> = connection
        .prepare("SELECT name FROM candidates WHERE election = ?1 ORDER BY position")?
        .query_map([key], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let (rules, roll) = rules(connection, key)?;
    let publication = if sealed { Publication::Sealed } else { Publication::Live };
    Definition::new(parsed(&id)?, title, candidates)
        .map(|it| it.with_publication(publication).with_blank(blank).with_roll(roll))
        .and_then(|it| it.with_rules(rules))
        .and_then(|it| it.with_schedule(schedule))
        .map(Arc::new)
        .map_err(|error| invalid(error.to_string()))
}

/// The rules of an election, and the election whose roll it shares.
fn rules(connection: &Connection, key: i64) -> rusqlite::Result<(Rules, Option<ElectionId>)> {
    let select = "SELECT method, seats, marks, majority, quorum, none,
                         (SELECT id FROM elections AS other WHERE other.key = elections.roll)
                  FROM elections WHERE key = ?1";
    let share = |row: &Row<'_>, column| -> rusqlite::Result<Option<Share>> {
        row.get::<_, Option<String>>(column)?.as_deref().map(parsed).transpose()
    };
    connection.query_row(select, [key], |row| {
        let stored: u8 = row.get(0)?;
        let methods = [Method::Plurality, Method::Transferable, Method::Schulze];
        let method = methods.into_iter().find(|&method| stored_method(method) == stored);
        let rules = Rules {
            method: method.ok_or_else(|| invalid(format!("there is no method {stored}")))?,
            seats: row.get(1)?,
            marks: row.get(2)?,
            majority: share(row, 3)?,
            quorum: share(row, 4)?,
            none: row.get(5)?,
        };
        let roll: Option<String> = row.get(6)?;
        Ok((rules, roll.as_deref().map(parsed).transpose()?))
    })
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(stored: &str) -> rusqlite::Result<T> {
    stored.parse().map_err(|error: T::Err| invalid(format!("{stored:?} is stored: {error}")))
}
