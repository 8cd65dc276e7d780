//! What every write has in common: rows of voter numbers, and entries of the hash chain.

use rusqlite::{Transaction, params};

use crate::election::VoterNumber;
use crate::ledger::chain::{Head, Kind, Seal};

/// The voter numbers in one row.
const ROW_NUMBERS: usize = 8_192;

/// The rows an entry of the chain is about, as their first and last ids.
pub(super) type Rows = (i64, i64);

/// Ends an entry of the chain and stores it.
pub(super) fn entry(
    transaction: &Transaction<'_>,
    key: i64,
    kind: Kind,
    rows: Option<Rows>,
    seal: Seal,
) -> rusqlite::Result<Head> {
    let head = seal.head();
    let (first, last) = rows.unzip();
    transaction
        .prepare_cached(
            "INSERT INTO entries (election, kind, first, last, head) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![key, kind as i64, first, last, head])?;
    Ok(head)
}

/// Stores numbers in rows of a table, in ascending order, which tells nothing of who got which, and
/// returns the rows.
pub(super) fn insert_numbers(
    transaction: &Transaction<'_>,
    table: &str,
    key: i64,
    numbers: &[VoterNumber],
    seal: &mut Seal,
) -> rusqlite::Result<Option<Rows>> {
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable();
    let sql = format!("INSERT INTO {table} (election, numbers) VALUES (?1, ?2)");
    let mut insert = transaction.prepare_cached(&sql)?;
    let mut rows = None;
    for chunk in numbers.chunks(ROW_NUMBERS) {
        let bytes: Vec<u8> = chunk.iter().flat_map(|number| number.get().to_le_bytes()).collect();
        let row = insert.insert(params![key, bytes])?;
        seal.numbers(chunk);
        rows = Some((rows.map_or(row, |(first, _)| first), row));
    }
    Ok(rows)
}
