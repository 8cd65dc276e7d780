//! The table of tally sheets. The rows of a sheet are in the order of the receipts.

use rusqlite::{Connection, Transaction, params};

use super::chain::{Rows, Seal};
use super::elections::StoredElection;
use super::values::{choice, nonce};
use crate::election::{Choice, ElectionId, Nonce, Receipt};
use crate::ledger::{SheetCursor, SheetPart};

/// One line of a sheet.
pub(super) type Line = (Receipt, Choice, Nonce);

/// Stores the sorted lines of a sheet, and adds them to the seal. Returns their rows, if any.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    key: i64,
    lines: &[Line],
    seal: &mut Seal,
) -> rusqlite::Result<Option<Rows>> {
    let mut insert = transaction
        .prepare_cached("INSERT INTO sheet (election, choice, nonce) VALUES (?1, ?2, ?3)")?;
    let mut rows = None;
    for (_, choice, nonce) in lines {
        let row = insert.insert(params![key, choice.index() as i64, nonce.as_bytes()])?;
        seal.line(*choice, nonce);
        rows = Some((rows.map_or(row, |(first, _)| first), row));
    }
    Ok(rows)
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
