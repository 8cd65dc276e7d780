//! The table of tally sheets. The rows of a sheet are in the order of the receipts.

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, Transaction, params};

use super::chain::{Rows, Seal};
use super::elections::StoredElection;
use super::values::{choice, nonce};
use crate::election::{ElectionId, Receipt};
use crate::ledger::{SheetCursor, SheetPart};

/// Stores the sheet of an election whose ballots are in the table of ballots, in the order of their
/// receipts, and adds its lines to the seal. Returns its rows, if any.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    election: &StoredElection,
    seal: &mut Seal,
) -> rusqlite::Result<Option<Rows>> {
    sort_by_receipt(transaction, election)?;
    let mut ballots = transaction.prepare(
        "SELECT choice, nonce FROM ballots WHERE election = ?1
         ORDER BY capvote_receipt(choice, nonce)",
    )?;
    let mut insert = transaction
        .prepare_cached("INSERT INTO sheet (election, choice, nonce) VALUES (?1, ?2, ?3)")?;
    let mut ballots = ballots.query([election.key])?;
    let mut rows = None;
    while let Some(ballot) = ballots.next()? {
        let (choice, nonce) = (choice(ballot.get(0)?)?, nonce(ballot.get_ref(1)?)?);
        let row = insert.insert(params![election.key, choice.index() as i64, nonce.as_bytes()])?;
        seal.line(choice, &nonce);
        rows = Some((rows.map_or(row, |(first, _)| first), row));
    }
    Ok(rows)
}

/// Lets SQLite compute the receipts of an election's ballots.
fn sort_by_receipt(connection: &Connection, election: &StoredElection) -> rusqlite::Result<()> {
    let definition = election.ballot_box.definition().clone();
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("capvote_receipt", 2, flags, move |arguments| {
        let (choice, nonce) = (choice(arguments.get(0)?)?, nonce(arguments.get_raw(1))?);
        let name = definition.slate.name(choice).unwrap_or_default();
        Ok(Receipt::new(&definition.id, name, &nonce).as_bytes().to_vec())
    })
}

/// Whether an election has a sheet with this receipt. A binary search over its rows.
pub(super) fn has(
    connection: &Connection,
    election: &StoredElection,
    receipt: Receipt,
) -> rusqlite::Result<bool> {
    let Some((mut first, mut last)) = election.sheet else { return Ok(false) };
    let definition = election.definition();
    let mut select = connection.prepare_cached("SELECT choice, nonce FROM sheet WHERE id = ?1")?;
    while first <= last {
        let middle = first.midpoint(last);
        let (choice, nonce) = select
            .query_row([middle], |row| Ok((choice(row.get(0)?)?, nonce(row.get_ref(1)?)?)))?;
        let candidate = definition.slate.name(choice).unwrap_or_default();
        let narrower = match Receipt::new(&definition.id, candidate, &nonce).cmp(&receipt) {
            std::cmp::Ordering::Equal => return Ok(true),
            std::cmp::Ordering::Less => middle.checked_add(1).map(|first| (first, last)),
            std::cmp::Ordering::Greater => middle.checked_sub(1).map(|last| (first, last)),
        };
        let Some(narrower) = narrower else { break };
        (first, last) = narrower;
    }
    Ok(false)
}

/// At most `lines` lines of an election's sheet, from `cursor` on.
pub(super) fn read(
    connection: &Connection,
    election: &ElectionId,
    cursor: SheetCursor,
    lines: usize,
) -> rusqlite::Result<SheetPart> {
    let mut select = connection.prepare(
        "SELECT id, choice, nonce FROM sheet
         WHERE election = (SELECT key FROM elections WHERE id = ?1) AND id > ?2
         ORDER BY id LIMIT ?3",
    )?;
    let mut rows = select.query((election.as_str(), cursor.0.cast_signed(), lines as i64))?;
    let (mut part, mut cursor) = (Vec::new(), cursor);
    while let Some(row) = rows.next()? {
        cursor = SheetCursor(row.get::<_, i64>(0)?.cast_unsigned());
        part.push((choice(row.get(1)?)?, nonce(row.get_ref(2)?)?));
    }
    Ok((part, cursor))
}
