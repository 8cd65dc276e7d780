//! The sheet of a closed election, as rows in the order of the receipts.

use rusqlite::{Connection, Transaction, params};

use super::Kept;
use super::file::{choice, nonce};
use super::rows::Rows;
use crate::election::{Choice, ElectionId, Nonce, Receipt};
use crate::ledger::chain::Seal;
use crate::ledger::{SheetPart, SheetPlace};

/// One line of a sheet.
pub(super) type Line = (Receipt, Choice, Nonce);

/// Stores a sheet, whose lines are in order, and returns its rows.
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

/// Whether the sheet of an election, if it has one, has a line with this receipt.
pub(super) fn holds(
    connection: &Connection,
    election: &Kept,
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
        // Beyond the last row there can be, or before the first, is none.
        let Some(narrower) = narrower else { break };
        (first, last) = narrower;
    }
    Ok(false)
}

/// At most `lines` lines of an election's sheet, behind a place.
pub(super) fn behind(
    connection: &Connection,
    election: &ElectionId,
    place: SheetPlace,
    lines: usize,
) -> rusqlite::Result<SheetPart> {
    let mut select = connection.prepare(
        "SELECT id, choice, nonce FROM sheet
         WHERE election = (SELECT key FROM elections WHERE id = ?1) AND id > ?2
         ORDER BY id LIMIT ?3",
    )?;
    let mut rows = select.query((election.as_str(), place.0.cast_signed(), lines as i64))?;
    let (mut part, mut place) = (Vec::new(), place);
    while let Some(row) = rows.next()? {
        place = SheetPlace(row.get::<_, i64>(0)?.cast_unsigned());
        part.push((choice(row.get(1)?)?, nonce(row.get_ref(2)?)?));
    }
    Ok((part, place))
}
