//! The close: separating the ballots of an election from the voter numbers.
//!
//! One transaction replaces the ballots with the set of numbers that voted and the tally sheet:
//! every choice with its nonce, in the order of the receipts. Receipts are hashes over random
//! bytes, so their order reveals neither the voter nor the time. The hash chain is recomputed
//! without the entries of ballots: their heads would let someone try which number made which
//! choice.

use rusqlite::{Transaction, params};

use super::chain::{GENESIS, Head, Kind, Rows, Seal};
use super::elections::StoredElection;
use super::rows::{insert_entry, insert_sealed};
use super::sheet;
use super::values::{invalid, numbers};
use crate::election::GrantId;

/// Separates the ballots of an election from its numbers. Returns the head of its chain, and the
/// rows of its sheet. Memory does not grow with the ballots: SQLite sorts them, in a temporary file.
pub(super) fn separate(
    transaction: &Transaction<'_>,
    election: &StoredElection,
) -> rusqlite::Result<(Head, Option<Rows>)> {
    let head = rehash(transaction, election)?;
    let voted = election.ballot_box.voted();
    let head = insert_sealed(transaction, election, &head, Kind::Voted, voted)?;
    let mut seal = Seal::new(&head, Kind::Closed, election.definition());
    let sheet = sheet::insert(transaction, election, &mut seal)?;
    let head = insert_entry(transaction, election.key, Kind::Closed, sheet, seal)?;
    // After the new entries, so that theirs are the highest ids so far: see `mark`.
    let ballots = transaction.execute("DELETE FROM ballots WHERE election = ?1", [election.key])?;
    if ballots as u64 != election.ballot_box.numbers_used() {
        return Err(invalid("there are not as many ballots as numbers that voted".into()));
    }
    let delete = "DELETE FROM entries WHERE election = ?1 AND kind = ?2";
    transaction.execute(delete, [election.key, Kind::Ballots as i64])?;
    transaction.execute("INSERT INTO unscrubbed (election) VALUES (?1)", [election.key])?;
    Ok((head, sheet))
}

/// Recomputes the heads of the entries that stay in an election's chain: all but those of ballots.
/// Returns the last.
fn rehash(transaction: &Transaction<'_>, election: &StoredElection) -> rusqlite::Result<Head> {
    let mut select = transaction.prepare(
        "SELECT id, kind, first, last, issuer, digest FROM entries
         WHERE election = ?1 AND kind <> ?2 AND id > ?3 ORDER BY id LIMIT 1",
    )?;
    let (mut head, mut last_id) = (GENESIS, 0);
    loop {
        let mut entries = select.query([election.key, Kind::Ballots as i64, last_id])?;
        let Some(entry) = entries.next()? else { return Ok(head) };
        let (id, kind): (i64, i64) = (entry.get(0)?, entry.get(1)?);
        last_id = id;
        let kind = Kind::from_stored(kind);
        let kind = kind.ok_or_else(|| invalid("an entry has an unknown kind".into()))?;
        let mut seal = Seal::new(&head, kind, election.definition());
        // Before a close, the entries with rows that are left are those of the roll.
        if let Some(digest) = entry.get::<_, Option<Head>>(5)? {
            let issuer: Option<i64> = entry.get(4)?;
            seal.digest(issuer.map(|id| GrantId(id.cast_unsigned())), &digest);
        } else if let Some(table) = kind.table() {
            let sql = format!("SELECT numbers FROM {table} WHERE id BETWEEN ?1 AND ?2 ORDER BY id");
            let mut select = transaction.prepare_cached(&sql)?;
            let rows: (Option<i64>, Option<i64>) = (entry.get(2)?, entry.get(3)?);
            let mut rows = select.query(rows)?;
            while let Some(row) = rows.next()? {
                seal.numbers(&numbers(row.get_ref(0)?)?);
            }
        }
        if kind == Kind::Restored {
            let select = "SELECT head FROM epochs WHERE epoch = ?1";
            let epoch: Option<i64> = entry.get(2)?;
            seal.epoch(&transaction.query_row(select, [epoch], |row| row.get(0))?);
        }
        head = seal.head();
        drop(entries);
        transaction
            .prepare_cached("UPDATE entries SET head = ?2 WHERE id = ?1")?
            .execute(params![id, head])?;
    }
}
