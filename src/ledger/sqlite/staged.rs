//! Staged rows: numbers of a large issue, in the table of the roll before their entry is.
//!
//! Rows are staged in small transactions, between which votes are committed. They mean nothing
//! until the entry that names them is stored. One issue at a time is staged, and no others are
//! stored meanwhile. What a server leaves staged when it ends is removed at its next start.

use rusqlite::{Connection, OptionalExtension, Transaction};

use super::chain::{Digest, Kind, Rows};
use super::elections::{Advance, Elections};
use super::issues::{IssuedRows, Issuer};
use super::rows::{insert_digested, insert_numbers};
use super::write::{begin, election};
use crate::election::{ElectionState, VoterNumber};

/// Rows that are removed at a time.
const REMOVED_ROWS: i64 = 8;

/// Stages rows of numbers, which are in ascending order. The first begins an issue. Returns the
/// rows. They are not synced before SQLite copies the log into the file, or votes or an act
/// are committed. The caller has to call [`syncs`] next.
pub(super) fn add(
    connection: &mut Connection,
    election: i64,
    is_first: bool,
    ascending: &[VoterNumber],
) -> rusqlite::Result<Option<Rows>> {
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    let transaction = begin(connection)?;
    let numbers = ascending.iter().copied();
    let kind = Kind::IssuedByOfficer;
    let rows = insert_numbers(&transaction, election, kind, numbers, |_| {})?;
    if let (true, Some((first, _))) = (is_first, rows) {
        transaction.execute("INSERT INTO staged (first) VALUES (?1)", [first])?;
    }
    transaction.commit()?;
    Ok(rows)
}

/// Has every later commit synced.
pub(super) fn syncs(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "synchronous", "FULL")
}

/// Stores the entry of the staged rows. Returns the new head, and what was issued.
pub(super) fn put(
    connection: &mut Connection,
    elections: &Elections,
    index: usize,
    issuer: &Issuer,
    (rows, digest): (Option<Rows>, Digest),
) -> rusqlite::Result<Advance> {
    let transaction = begin(connection)?;
    let election = election(elections, index)?;
    let (entry, listed) = ((issuer.kind(), issuer.grant), (rows, digest.finish()));
    let head = insert_digested(&transaction, election, &election.head, entry, listed)?;
    transaction.execute("DELETE FROM staged", [])?;
    transaction.commit()?;
    let added = election.ballot_box.state() == ElectionState::Open;
    let issued = IssuedRows::of(issuer, added, rows);
    Ok(Advance { election: index, head, sheet: None, count: None, issued })
}

/// Removes some staged rows. Returns whether more are left.
pub(super) fn remove_some(connection: &mut Connection) -> rusqlite::Result<bool> {
    let Some(first) = first(connection)? else { return Ok(false) };
    let transaction = begin(connection)?;
    let delete = "DELETE FROM roll WHERE id IN
                  (SELECT id FROM roll WHERE id >= ?1 ORDER BY id DESC LIMIT ?2)";
    let removed = transaction.execute(delete, [first, REMOVED_ROWS])?;
    let more = removed as i64 == REMOVED_ROWS;
    if !more {
        transaction.execute("DELETE FROM staged", [])?;
    }
    transaction.commit()?;
    Ok(more)
}

/// Removes all staged rows.
pub(super) fn remove_all(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    if let Some(first) = first(transaction)? {
        transaction.execute("DELETE FROM roll WHERE id >= ?1", [first])?;
        transaction.execute("DELETE FROM staged", [])?;
    }
    Ok(())
}

/// The first staged row, if there is one. It and all after it are staged.
pub(super) fn first(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    let select = "SELECT first FROM staged ORDER BY first LIMIT 1";
    connection.query_row(select, [], |row| row.get(0)).optional()
}
