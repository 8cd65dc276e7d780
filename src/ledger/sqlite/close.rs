//! The close: two envelopes, of which the outer says who voted and the inner what was chosen, are
//! separated for good.
//!
//! In one transaction, the ballots of the election are replaced by the set of numbers that voted and by the
//! sheet: every choice with its nonce, in the order of the receipts, which are hashes over random bytes and
//! so tell nothing of when or by whom. The election's chain is founded anew without the entries of its
//! ballots, whose heads would let someone who tries all pairs find the right ones.

use rusqlite::{Transaction, params};

use super::Kept;
use super::file::{choice, nonce, numbers};
use super::rows::{self, Rows};
use super::sheet;
use crate::election::{Receipt, VoterNumber};
use crate::ledger::chain::{GENESIS, Head, Kind, Seal};

/// Separates the envelopes of an election, and returns the head of its chain and the rows of its sheet.
pub(super) fn separate(
    transaction: &Transaction<'_>,
    kept: &Kept,
) -> rusqlite::Result<(Head, Option<Rows>)> {
    let (voted, lines) = read_ballots(transaction, kept)?;
    transaction.execute("DELETE FROM ballots WHERE election = ?1", [kept.key])?;
    let ballots = Kind::Ballots as i64;
    let delete = "DELETE FROM entries WHERE election = ?1 AND kind = ?2";
    transaction.execute(delete, [kept.key, ballots])?;

    let head = found_anew(transaction, kept)?;
    let mut seal = Seal::new(&head, Kind::Voted);
    let rows = rows::insert_numbers(transaction, "voted", kept.key, &voted, &mut seal)?;
    let head = rows::entry(transaction, kept.key, Kind::Voted, rows, seal)?;
    let mut seal = Seal::new(&head, Kind::Closed);
    let sheet = sheet::insert(transaction, kept.key, &lines, &mut seal)?;
    let head = rows::entry(transaction, kept.key, Kind::Closed, sheet, seal)?;
    transaction.execute("INSERT INTO unscrubbed (election) VALUES (?1)", [kept.key])?;
    Ok((head, sheet))
}

/// Who voted, and the sheet.
fn read_ballots(
    transaction: &Transaction<'_>,
    kept: &Kept,
) -> rusqlite::Result<(Vec<VoterNumber>, Vec<sheet::Line>)> {
    let definition = kept.definition();
    let (mut voted, mut lines) = (Vec::new(), Vec::new());
    let mut ballots = transaction
        .prepare("SELECT voter, choice, nonce FROM ballots WHERE election = ?1 ORDER BY id")?;
    let mut rows = ballots.query([kept.key])?;
    while let Some(row) = rows.next()? {
        let (choice, nonce) = (choice(row.get(1)?)?, nonce(row.get_ref(2)?)?);
        let name = definition.slate.name(choice).unwrap_or_default();
        voted.push(VoterNumber::from(row.get::<_, i64>(0)?.cast_unsigned()));
        lines.push((Receipt::new(&definition.id, name, &nonce), choice, nonce));
    }
    lines.sort_unstable_by_key(|(receipt, ..)| *receipt);
    Ok((voted, lines))
}

/// Computes the heads of what is left of an election's chain, and returns the last.
fn found_anew(transaction: &Transaction<'_>, kept: &Kept) -> rusqlite::Result<Head> {
    let mut entries = transaction
        .prepare("SELECT id, kind, first, last FROM entries WHERE election = ?1 ORDER BY id")?;
    let entries: Vec<(i64, i64, Option<i64>, Option<i64>)> = entries
        .query_map([kept.key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut head = GENESIS;
    for (id, kind, first, last) in entries {
        let kind =
            Kind::from_stored(kind).ok_or(rusqlite::Error::IntegralValueOutOfRange(1, kind))?;
        let mut seal = Seal::new(&head, kind);
        match kind {
            Kind::Created => seal.definition(kept.definition()),
            Kind::Issued => seal_numbers(transaction, "roll", (first, last), &mut seal)?,
            Kind::Revoked => seal_numbers(transaction, "revoked", (first, last), &mut seal)?,
            Kind::Opened | Kind::Ballots | Kind::Voted | Kind::Closed => {}
        }
        head = seal.head();
        transaction.execute("UPDATE entries SET head = ?2 WHERE id = ?1", params![id, head])?;
    }
    Ok(head)
}

fn seal_numbers(
    transaction: &Transaction<'_>,
    table: &str,
    (first, last): (Option<i64>, Option<i64>),
    seal: &mut Seal,
) -> rusqlite::Result<()> {
    let sql = format!("SELECT numbers FROM {table} WHERE id BETWEEN ?1 AND ?2 ORDER BY id");
    let mut select = transaction.prepare_cached(&sql)?;
    let mut rows = select.query([first, last])?;
    while let Some(row) = rows.next()? {
        seal.numbers(&numbers(row.get_ref(0)?)?);
    }
    Ok(())
}
