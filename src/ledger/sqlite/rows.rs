//! Inserting rows common to several writes: voter numbers, and entries of the hash chain.

use rusqlite::{Transaction, params};

use super::chain::{Head, Kind, Rows, Seal};
use super::elections::StoredElection;
use crate::election::{GrantId, VoterNumber};

/// Voter numbers in one row. The last row of a list may have fewer.
pub(super) const ROW_NUMBERS: usize = 8_192;

/// Stores an entry of an election's chain. Its rows, if any, are in the seal. Returns its head.
pub(super) fn insert_entry(
    transaction: &Transaction<'_>,
    election: i64,
    kind: Kind,
    rows: Option<Rows>,
    seal: Seal,
) -> rusqlite::Result<Head> {
    insert(transaction, election, (kind, None), rows, (seal, None))
}

/// Stores an entry whose head covers the digest of its rows, after the head `previous`. Returns its
/// head.
pub(super) fn insert_digested(
    transaction: &Transaction<'_>,
    election: &StoredElection,
    previous: &Head,
    (kind, issuer): (Kind, Option<GrantId>),
    (rows, digest): (Option<Rows>, Head),
) -> rusqlite::Result<Head> {
    let mut seal = Seal::new(previous, kind, election.definition());
    seal.digest(issuer, &digest);
    insert(transaction, election.key, (kind, issuer), rows, (seal, Some(digest)))
}

/// Stores that an election was moved, and the head that its chain had before. Returns its head.
#[cfg(feature = "postgres")]
pub(super) fn insert_moved(
    transaction: &Transaction<'_>,
    election: i64,
    mut seal: Seal,
    before: &Head,
) -> rusqlite::Result<Head> {
    seal.moved(before);
    insert(transaction, election, (Kind::Moved, None), None, (seal, Some(*before)))
}

fn insert(
    transaction: &Transaction<'_>,
    election: i64,
    (kind, issuer): (Kind, Option<GrantId>),
    rows: Option<Rows>,
    (seal, digest): (Seal, Option<Head>),
) -> rusqlite::Result<Head> {
    let head = seal.head();
    let (first, last) = rows.unzip();
    let issuer = issuer.map(|grant| grant.0.cast_signed());
    transaction
        .prepare_cached(
            "INSERT INTO entries (election, kind, first, last, head, issuer, digest)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![election, kind as i64, first, last, head, issuer, digest])?;
    Ok(head)
}

/// Stores rows of voter numbers, which are in ascending order, and passes each to `sealed`. Returns
/// the rows, if any. The order does not reveal who got which number.
pub(super) fn insert_numbers(
    transaction: &Transaction<'_>,
    election: i64,
    kind: Kind,
    ascending: impl IntoIterator<Item = VoterNumber>,
    mut sealed: impl FnMut(&[VoterNumber]),
) -> rusqlite::Result<Option<Rows>> {
    let table = kind.table().unwrap_or_default();
    let sql = format!("INSERT INTO {table} (election, numbers) VALUES (?1, ?2)");
    let mut insert = transaction.prepare_cached(&sql)?;
    let mut ascending = ascending.into_iter();
    let mut rows = None;
    loop {
        let chunk: Vec<_> = ascending.by_ref().take(ROW_NUMBERS).collect();
        if chunk.is_empty() {
            return Ok(rows);
        }
        let bytes: Vec<u8> = chunk.iter().flat_map(|number| number.get().to_le_bytes()).collect();
        let row = insert.insert(params![election, bytes])?;
        sealed(&chunk);
        rows = Some((rows.map_or(row, |(first, _)| first), row));
    }
}

/// Stores rows of voter numbers, which are in ascending order, and their entry after the head
/// `previous`. Returns its head, and the rows.
pub(super) fn insert_listed(
    transaction: &Transaction<'_>,
    election: &StoredElection,
    previous: &Head,
    (kind, issuer): (Kind, Option<GrantId>),
    ascending: impl IntoIterator<Item = VoterNumber>,
) -> rusqlite::Result<(Head, Option<Rows>)> {
    let mut seal = Seal::new(previous, kind, election.definition());
    let rows = insert_numbers(transaction, election.key, kind, ascending, |row| seal.numbers(row))?;
    let digest = seal.list(issuer);
    let head = insert(transaction, election.key, (kind, issuer), rows, (seal, digest))?;
    Ok((head, rows))
}
