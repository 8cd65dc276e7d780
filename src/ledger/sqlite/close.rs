//! The close: separating the ballots of an election from the voter numbers.
//!
//! One transaction replaces the ballots with the set of numbers that voted and the tally sheet:
//! every choice with its nonce, in the order of the receipts. Receipts are hashes over random
//! bytes, so their order reveals neither the voter nor the time. The hash chain is recomputed
//! without the entries of ballots: their heads would let someone try which number made which
//! choice.

use rusqlite::{OptionalExtension, Transaction, params};

use super::chain::{GENESIS, Head, Kind, Rows, Seal};
use super::elections::StoredElection;
use super::entry::{COLUMNS, Entry};
use super::rows::{insert_entry, insert_listed};
use super::sheet;
use super::values::{invalid, numbers};

/// Separates the ballots of an election from its numbers. Returns the head of its chain, and the
/// rows of its sheet. Memory does not grow with the ballots: SQLite sorts them in a temporary file.
pub(super) fn separate(
    transaction: &Transaction<'_>,
    election: &StoredElection,
) -> rusqlite::Result<(Head, Option<Rows>)> {
    let head = rehash(transaction, election)?;
    let voted = election.ballot_box.voted();
    let (head, _) = insert_listed(transaction, election, &head, (Kind::Voted, None), voted)?;
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
    let mut select = transaction.prepare(&format!(
        "SELECT {COLUMNS} FROM entries
         WHERE election = ?1 AND kind <> ?2 AND id > ?3 ORDER BY id LIMIT 1"
    ))?;
    let (mut head, mut last_id) = (GENESIS, 0);
    loop {
        let next = [election.key, Kind::Ballots as i64, last_id];
        let Some(entry) = select.query_row(next, Entry::read).optional()? else {
            return Ok(head);
        };
        let Entry { id, kind, rows, issuer, digest, .. } = entry;
        last_id = id;
        let mut seal = Seal::new(&head, kind, election.definition());
        // Before a close, the entries with rows that are left are those of the roll.
        if let Some(digest) = digest {
            seal.digest(issuer, &digest);
        } else if let Some(table) = kind.table() {
            let sql = format!("SELECT numbers FROM {table} WHERE id BETWEEN ?1 AND ?2 ORDER BY id");
            let mut select = transaction.prepare_cached(&sql)?;
            let mut rows = select.query([rows.start(), rows.end()])?;
            while let Some(row) = rows.next()? {
                seal.numbers(&numbers(row.get_ref(0)?)?);
            }
        }
        if kind == Kind::Restored {
            let select = "SELECT head FROM epochs WHERE epoch = ?1";
            let epoch: Head = transaction.query_row(select, [rows.start()], |row| row.get(0))?;
            seal.epoch(&epoch);
        }
        head = seal.head();
        transaction
            .prepare_cached("UPDATE entries SET head = ?2 WHERE id = ?1")?
            .execute(params![id, head])?;
    }
}
