//! Inserting rows common to several writes: voter numbers, and entries of the hash chain.

use rusqlite::{Transaction, params};

use super::chain::{Head, Kind, Rows, Seal};
use super::elections::StoredElection;
use crate::election::VoterNumber;

/// Voter numbers in one row. The last row of a list may have fewer.
const ROW_NUMBERS: usize = 8_192;

/// Stores an entry of an election's chain. Its rows, if any, are in the seal. Returns its head.
pub(super) fn insert_entry(
    transaction: &Transaction<'_>,
    election: i64,
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
        .execute(params![election, kind as i64, first, last, head])?;
    Ok(head)
}

/// Stores an entry with rows of voter numbers, after the head `previous`. Returns its head. The
/// numbers are stored in ascending order, which does not reveal who got which.
pub(super) fn insert_numbers(
    transaction: &Transaction<'_>,
    election: &StoredElection,
    previous: &Head,
    kind: Kind,
    numbers: &[VoterNumber],
) -> rusqlite::Result<Head> {
    let mut seal = Seal::new(previous, kind, election.definition());
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable();
    let table = kind.table().unwrap_or_default();
    let sql = format!("INSERT INTO {table} (election, numbers) VALUES (?1, ?2)");
    let mut insert = transaction.prepare_cached(&sql)?;
    let mut rows = None;
    for chunk in numbers.chunks(ROW_NUMBERS) {
        let bytes: Vec<u8> = chunk.iter().flat_map(|number| number.get().to_le_bytes()).collect();
        let row = insert.insert(params![election.key, bytes])?;
        seal.numbers(chunk);
        rows = Some((rows.map_or(row, |(first, _)| first), row));
    }
    insert_entry(transaction, election.key, kind, rows, seal)
}
