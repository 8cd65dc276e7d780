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
use super::rows::{insert_entry, insert_numbers};
use super::sheet;
use super::values::{choice, invalid, nonce, numbers};
use crate::election::{Receipt, VoterNumber};

/// Separates the ballots of an election from its numbers. Returns the head of its chain, and the
/// rows of its sheet.
pub(super) fn separate(
    transaction: &Transaction<'_>,
    election: &StoredElection,
) -> rusqlite::Result<(Head, Option<Rows>)> {
    let (voted, lines) = read_ballots(transaction, election)?;
    let head = rehash(transaction, election)?;
    let head = insert_numbers(transaction, election, &head, Kind::Voted, &voted)?;
    let mut seal = Seal::new(&head, Kind::Closed, election.definition());
    let sheet = sheet::insert(transaction, election.key, &lines, &mut seal)?;
    let head = insert_entry(transaction, election.key, Kind::Closed, sheet, seal)?;
    // After the new entries, so that theirs are the highest ids so far: see `mark`.
    transaction.execute("DELETE FROM ballots WHERE election = ?1", [election.key])?;
    let ballots = Kind::Ballots as i64;
    let delete = "DELETE FROM entries WHERE election = ?1 AND kind = ?2";
    transaction.execute(delete, [election.key, ballots])?;
    transaction.execute("INSERT INTO unscrubbed (election) VALUES (?1)", [election.key])?;
    Ok((head, sheet))
}

/// The numbers that voted, and the lines of the sheet.
fn read_ballots(
    transaction: &Transaction<'_>,
    election: &StoredElection,
) -> rusqlite::Result<(Vec<VoterNumber>, Vec<sheet::Line>)> {
    let definition = election.definition();
    let (mut voted, mut lines) = (Vec::new(), Vec::new());
    let mut ballots = transaction
        .prepare("SELECT voter, choice, nonce FROM ballots WHERE election = ?1 ORDER BY id")?;
    let mut rows = ballots.query([election.key])?;
    while let Some(row) = rows.next()? {
        let (choice, nonce) = (choice(row.get(1)?)?, nonce(row.get_ref(2)?)?);
        let name = definition.slate.name(choice).unwrap_or_default();
        voted.push(VoterNumber::from(row.get::<_, i64>(0)?.cast_unsigned()));
        lines.push((Receipt::new(&definition.id, name, &nonce), choice, nonce));
    }
    lines.sort_unstable_by_key(|(receipt, ..)| *receipt);
    Ok((voted, lines))
}

/// Recomputes the heads of the entries that stay in an election's chain: all but those of ballots.
/// Returns the last.
fn rehash(transaction: &Transaction<'_>, election: &StoredElection) -> rusqlite::Result<Head> {
    let mut entries = transaction.prepare(
        "SELECT id, kind, first, last FROM entries WHERE election = ?1 AND kind <> ?2 ORDER BY id",
    )?;
    let entries: Vec<(i64, i64, Option<i64>, Option<i64>)> = entries
        .query_map([election.key, Kind::Ballots as i64], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut head = GENESIS;
    for (id, kind, first, last) in entries {
        let kind = Kind::from_stored(kind);
        let kind = kind.ok_or_else(|| invalid("an entry has an unknown kind".into()))?;
        let mut seal = Seal::new(&head, kind, election.definition());
        // Before a close, the entries with rows that are left are those of the roll.
        if let Some(table) = kind.table() {
            let sql = format!("SELECT numbers FROM {table} WHERE id BETWEEN ?1 AND ?2 ORDER BY id");
            let mut select = transaction.prepare_cached(&sql)?;
            let mut rows = select.query([first, last])?;
            while let Some(row) = rows.next()? {
                seal.numbers(&numbers(row.get_ref(0)?)?);
            }
        }
        if kind == Kind::Restored {
            let select = "SELECT head FROM epochs WHERE epoch = ?1";
            seal.epoch(&transaction.query_row(select, [first], |row| row.get(0))?);
        }
        head = seal.head();
        transaction.execute("UPDATE entries SET head = ?2 WHERE id = ?1", params![id, head])?;
    }
    Ok(head)
}
