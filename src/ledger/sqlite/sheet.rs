//! The table of tally sheets. The rows of a sheet are in the order of the receipts.

use rusqlite::{Connection, OptionalExtension, Row};

use super::chain::Rows;
use super::elections::StoredElection;
use super::entry::definition;
use super::values;
use crate::election::{Ballot, Definition, ElectionId, LotSeed, LotSeedBuilder, Nonce, Receipt};
use crate::ledger::{SheetCursor, SheetPart};

/// Whether an election has a sheet with this receipt. A binary search over its rows.
pub(super) fn has(
    connection: &Connection,
    election: &StoredElection,
    receipt: Receipt,
) -> rusqlite::Result<bool> {
    let Some((mut first, mut last)) = election.sheet else { return Ok(false) };
    let definition = election.definition();
    let mut select = connection.prepare_cached("SELECT ballot, nonce FROM sheet WHERE id = ?1")?;
    while first <= last {
        let middle = first.midpoint(last);
        let (ballot, nonce) = select.query_row([middle], |row| line(row, 0, definition))?;
        let narrower = match Receipt::of(definition, &ballot, &nonce).cmp(&receipt) {
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
    let key = "SELECT key FROM elections WHERE id = ?1";
    let key = connection.query_row(key, [election.as_str()], |row| row.get::<_, i64>(0));
    let Some(key) = key.optional()? else { return Ok((Vec::new(), cursor)) };
    let definition = definition(connection, key)?;
    let mut select = connection.prepare(
        "SELECT id, ballot, nonce FROM sheet WHERE election = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
    )?;
    let mut rows = select.query((key, cursor.0.cast_signed(), lines as i64))?;
    let (mut part, mut cursor) = (Vec::new(), cursor);
    while let Some(row) = rows.next()? {
        cursor = SheetCursor(row.get::<_, i64>(0)?.cast_unsigned());
        part.push(line(row, 1, &definition)?);
    }
    Ok((part, cursor))
}

/// Reads a ballot and its nonce, which is in the next column.
pub(super) fn line(
    row: &Row<'_>,
    column: usize,
    definition: &Definition,
) -> rusqlite::Result<(Ballot, Nonce)> {
    let nonce = row.get_ref(column + 1)?.as_blob()?;
    values::ballot(definition, row.get_ref(column)?.as_blob()?, nonce)
}

/// What the lot of an election is drawn from whose sheet is in these rows.
pub(super) fn lot_seed(
    connection: &Connection,
    definition: &Definition,
    (first, last): Rows,
) -> rusqlite::Result<LotSeed> {
    let mut select = connection
        .prepare("SELECT ballot, nonce FROM sheet WHERE id BETWEEN ?1 AND ?2 ORDER BY id")?;
    let mut rows = select.query([first, last])?;
    let mut receipts = LotSeedBuilder::default();
    while let Some(row) = rows.next()? {
        let (ballot, nonce) = line(row, 0, definition)?;
        receipts.add(&Receipt::of(definition, &ballot, &nonce));
    }
    Ok(receipts.finish())
}
