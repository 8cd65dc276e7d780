//! Inserting rows common to several writes: voter numbers, and entries of the hash chain.

use rusqlite::{Transaction, params};

use super::chain::{Digest, Head, Kind, Rows, Seal};
use super::elections::StoredElection;
use crate::election::{GrantId, VoterNumber};

/// Voter numbers in one row. The last row of a list may have fewer.
pub(super) const ROW_NUMBERS: usize = 8_192;

/// The rows of voter numbers of an entry whose head covers their digest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listed {
    pub(super) rows: Option<Rows>,
    /// The grant they were issued under.
    pub(super) issuer: Option<GrantId>,
    pub(super) digest: Head,
}

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

/// Stores an entry whose head covers the digest of its rows, after the head `previous`. Returns its
/// head.
pub(super) fn insert_listed(
    transaction: &Transaction<'_>,
    election: &StoredElection,
    previous: &Head,
    kind: Kind,
    listed: &Listed,
) -> rusqlite::Result<Head> {
    let mut seal = Seal::new(previous, kind, election.definition());
    seal.digest(listed.issuer, &listed.digest);
    let head = seal.head();
    let (first, last) = listed.rows.unzip();
    let issuer = listed.issuer.map(|grant| grant.0.cast_signed());
    transaction
        .prepare_cached(
            "INSERT INTO entries (election, kind, first, last, head, issuer, digest)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![election.key, kind as i64, first, last, head, issuer, listed.digest])?;
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

/// Stores an entry with rows of voter numbers, which are in ascending order, after the head
/// `previous`. Returns its head.
pub(super) fn insert_sealed(
    transaction: &Transaction<'_>,
    election: &StoredElection,
    previous: &Head,
    kind: Kind,
    ascending: impl IntoIterator<Item = VoterNumber>,
) -> rusqlite::Result<Head> {
    let mut seal = Seal::new(previous, kind, election.definition());
    let rows = insert_numbers(transaction, election.key, kind, ascending, |row| seal.numbers(row))?;
    insert_entry(transaction, election.key, kind, rows, seal)
}

/// Stores rows of voter numbers, which are in ascending order, and the entry whose head covers
/// their digest. Returns its head, and what it lists.
pub(super) fn insert_digested(
    transaction: &Transaction<'_>,
    election: &StoredElection,
    previous: &Head,
    (kind, issuer): (Kind, Option<GrantId>),
    ascending: impl IntoIterator<Item = VoterNumber>,
) -> rusqlite::Result<(Head, Listed)> {
    let mut digest = Digest::new();
    let rows = insert_numbers(transaction, election.key, kind, ascending, |row| digest.row(row))?;
    let listed = Listed { rows, issuer, digest: digest.finish() };
    Ok((insert_listed(transaction, election, previous, kind, &listed)?, listed))
}
