//! Ledgers of formats 1 and 2, whose ballots are not sealed.
//!
//! The ballots of an election that is not closed are sealed under a new key, and its chain is
//! computed anew over them; nobody has seen a head of it, since none was shown before the close.
//! Elections that are closed keep their entries and their heads.

use std::path::Path;

use rusqlite::{Connection, Row, Transaction, params};

use super::chain::{GENESIS, Head, Kind, Seal};
use super::entry::{COLUMNS, Entry, definition};
use super::file::open_error;
use super::values::{choice, invalid, numbers};
use super::wal;
use crate::election::{Definition, LedgerId, VoterNumber};
use crate::ledger::OpenError;
use crate::ledger::keys::{BallotKey, Keys, Owner};
use crate::private_file::parent;

/// Tells that the file may have unsealed ballots in its unused parts.
const LEFT: &str = "SELECT count(*) FROM sqlite_schema WHERE name = 'unscrubbed'";

/// Moves the tables of ballots and sheets away, creates those of this format with `tables`, and
/// fills them. Elections with ballots get keys.
pub(super) fn seal_all(
    transaction: &Transaction<'_>,
    path: &Path,
    keys: &Keys,
    ledger: LedgerId,
    tables: &str,
) -> Result<(), OpenError> {
    let failed = |error| open_error(path, error);
    let moved = transaction
        .execute_batch(
            "ALTER TABLE ballots RENAME TO plain_ballots; ALTER TABLE sheet RENAME TO plain_sheet;",
        )
        .and_then(|()| transaction.execute_batch(tables))
        .and_then(|()| move_sheets(transaction))
        .and_then(|()| with_ballots(transaction));
    for key in moved.map_err(failed)? {
        let definition = definition(transaction, key).map_err(failed)?;
        let owner = Owner { ledger, key, election: &definition.id };
        let mut sealing = keys.make(&owner)?;
        seal(transaction, key, &definition, &mut sealing).map_err(failed)?;
    }
    let left: i64 = transaction
        .query_row("SELECT count(*) FROM plain_ballots", [], |row| row.get(0))
        .map_err(failed)?;
    if left > 0 {
        return Err(failed(invalid("there are ballots without an entry in a hash chain".into())));
    }
    transaction.execute_batch("DROP TABLE plain_ballots; DROP TABLE plain_sheet").map_err(failed)
}

/// Rewrites the file without what was deleted from it, if it is of an earlier format.
pub(super) fn scrub(connection: &Connection, path: &Path) -> rusqlite::Result<()> {
    let left: i64 = connection.query_row(LEFT, [], |row| row.get(0))?;
    if left == 0 {
        return Ok(());
    }
    // SQLite accepts only UTF-8 here. Its temporary files have ballots of sheets, and no names.
    match parent(path).to_str() {
        Some(folder) => connection.pragma_update(None, "temp_store_directory", folder)?,
        None => connection.pragma_update(None, "temp_store", "MEMORY")?,
    }
    connection.execute_batch("VACUUM")?;
    let copied = wal::checkpoint(connection)?;
    if !copied {
        return Err(wal::busy(path));
    }
    connection.execute_batch("DROP TABLE unscrubbed")
}

fn move_sheets(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut select =
        transaction.prepare("SELECT id, election, choice, nonce FROM plain_sheet ORDER BY id")?;
    let mut insert = transaction
        .prepare("INSERT INTO sheet (id, election, ballot, nonce) VALUES (?1, ?2, ?3, ?4)")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (id, election): (i64, i64) = (row.get(0)?, row.get(1)?);
        let ballot = stored_choice(row, 2)?;
        insert.execute(params![id, election, ballot, row.get_ref(3)?.as_blob()?])?;
    }
    Ok(())
}

/// The elections that have ballots.
fn with_ballots(transaction: &Transaction<'_>) -> rusqlite::Result<Vec<i64>> {
    let select = "SELECT DISTINCT election FROM entries WHERE kind = ?1 ORDER BY election";
    transaction.prepare(select)?.query_map([Kind::PlainBallots as i64], |row| row.get(0))?.collect()
}

/// The head of an election's chain as it was stored, and as it is with sealed ballots.
struct Heads {
    stored: Head,
    sealed: Head,
}

/// Seals the ballots of an election, and computes its chain anew. Verifies the chain that was.
fn seal(
    transaction: &Transaction<'_>,
    key: i64,
    definition: &Definition,
    sealing: &mut BallotKey,
) -> rusqlite::Result<()> {
    let select = format!("SELECT {COLUMNS} FROM entries WHERE election = ?1 ORDER BY id");
    let entries: Vec<Entry> = transaction
        .prepare(&select)?
        .query_map([key], Entry::read)?
        .collect::<rusqlite::Result<_>>()?;
    let mut heads = Heads { stored: GENESIS, sealed: GENESIS };
    let mut update =
        transaction.prepare("UPDATE entries SET kind = ?2, head = ?3 WHERE id = ?1")?;
    for entry in entries {
        let sealed = if entry.kind == Kind::PlainBallots { Kind::Ballots } else { entry.kind };
        let mut seals = [
            Seal::new(&heads.stored, entry.kind, definition),
            Seal::new(&heads.sealed, sealed, definition),
        ];
        add_content(transaction, &entry, sealing, &mut seals)?;
        let [stored, again] = seals.map(Seal::head);
        if entry.head != stored {
            let what =
                format!("entry {} of the hash chain does not match what is stored", entry.id);
            return Err(invalid(what));
        }
        heads = Heads { stored, sealed: again };
        update.execute(params![entry.id, sealed as i64, again])?;
    }
    Ok(())
}

/// Adds the content of an entry to both seals: the first as it was, the second with its ballots
/// sealed.
fn add_content(
    transaction: &Transaction<'_>,
    entry: &Entry,
    sealing: &mut BallotKey,
    [stored, sealed]: &mut [Seal; 2],
) -> rusqlite::Result<()> {
    let (first, last) = (entry.rows.start(), entry.rows.end());
    if entry.kind == Kind::PlainBallots {
        return seal_rows(transaction, (*first, *last), sealing, [stored, sealed]);
    }
    if let Some(digest) = &entry.digest {
        stored.digest(entry.issuer, digest);
        sealed.digest(entry.issuer, digest);
    } else if let Some(table) = entry.kind.table() {
        let sql = format!("SELECT numbers FROM {table} WHERE id BETWEEN ?1 AND ?2 ORDER BY id");
        let mut select = transaction.prepare_cached(&sql)?;
        let mut rows = select.query([first, last])?;
        while let Some(row) = rows.next()? {
            let numbers = numbers(row.get_ref(0)?)?;
            stored.numbers(&numbers);
            sealed.numbers(&numbers);
        }
    }
    if entry.kind == Kind::Restored {
        let select = "SELECT head FROM epochs WHERE epoch = ?1";
        let epoch: Head = transaction.query_row(select, [first], |row| row.get(0))?;
        stored.epoch(&epoch);
        sealed.epoch(&epoch);
    }
    Ok(())
}

/// Moves the ballots in these rows, sealed.
fn seal_rows(
    transaction: &Transaction<'_>,
    rows: (i64, i64),
    sealing: &mut BallotKey,
    [stored, sealed]: [&mut Seal; 2],
) -> rusqlite::Result<()> {
    let mut select = transaction.prepare_cached(
        "SELECT id, election, voter, choice, nonce FROM plain_ballots
         WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
    )?;
    let mut insert = transaction.prepare_cached(
        "INSERT INTO ballots (id, election, voter, sealed) VALUES (?1, ?2, ?3, ?4)",
    )?;
    let mut plain = select.query(rows)?;
    while let Some(row) = plain.next()? {
        let (id, election, voter): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let number = VoterNumber::from(voter.cast_unsigned());
        let mut ballot = stored_choice(row, 3)?.to_vec();
        ballot.extend(row.get_ref(4)?.as_blob()?);
        stored.ballot(number, &ballot);
        sealing.seal(number, &mut ballot).map_err(|error| invalid(error.to_string()))?;
        sealed.ballot(number, &ballot);
        insert.execute(params![id, election, voter, ballot])?;
    }
    let delete = "DELETE FROM plain_ballots WHERE id BETWEEN ?1 AND ?2";
    transaction.prepare_cached(delete)?.execute(rows)?;
    Ok(())
}

/// A choice as ballots of one mark are stored.
fn stored_choice(row: &Row<'_>, column: usize) -> rusqlite::Result<[u8; 2]> {
    Ok((choice(row.get(column)?)?.index() as u16).to_le_bytes())
}
