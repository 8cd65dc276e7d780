//! Writing: one transaction, and with it one sync, for everything that is committed together.

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::file::invalid;
use super::rows::{Rows, entry, insert_numbers};
use super::{Counted, Elections, Kept, close, grants};
use crate::election::{Definition, Publication};
use crate::ledger::Act;
use crate::ledger::chain::{Head, Kind, Seal};

/// What a commit changes about an election, besides its ballot box.
pub(super) struct Advance {
    /// The election, as an index into [`Elections`].
    pub(super) election: usize,
    /// The head that its chain has.
    pub(super) head: Head,
    /// The rows of its sheet, if it has one.
    pub(super) sheet: Option<Rows>,
}

/// Stores counted votes. They come in the order of their ballot numbers, and the ballots of one election
/// are neighbours.
pub(super) fn ballots(
    connection: &mut Connection,
    elections: &Elections,
    counted: &[Counted],
) -> rusqlite::Result<Vec<Advance>> {
    let transaction = begin(connection)?;
    let mut advances: Vec<Advance> = Vec::new();
    for group in counted.chunk_by(|a, b| a.election == b.election) {
        let [Counted { election, ballot: first, .. }, ..] = *group else { continue };
        let kept = kept(elections, election)?;
        let mut seal = Seal::new(&kept.head, Kind::Ballots);
        let mut insert = transaction.prepare_cached(
            "INSERT INTO ballots (id, election, voter, choice, nonce) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        let mut rows = (first.get() as i64, first.get() as i64);
        for Counted { number, choice, nonce, ballot, .. } in group {
            let voter = number.get().cast_signed();
            rows.1 = ballot.get() as i64;
            let row = params![rows.1, kept.key, voter, choice.index() as i64, nonce.as_bytes()];
            insert.execute(row)?;
            seal.ballot(*number, *choice, nonce);
        }
        let head = entry(&transaction, kept.key, Kind::Ballots, Some(rows), seal)?;
        advances.push(Advance { election, head, sheet: None });
    }
    transaction.commit()?;
    Ok(advances)
}

/// Stores acts, of which each is about the election at the same position in `about`, if it is about one.
pub(super) fn acts(
    connection: &mut Connection,
    elections: &Elections,
    acts: &[Act],
    about: &[Option<usize>],
) -> rusqlite::Result<Vec<Advance>> {
    let transaction = begin(connection)?;
    let mut advances: Vec<Advance> = Vec::new();
    for (act, &about) in acts.iter().zip(about) {
        let Some(election) = about else {
            // What an act of these ends is deleted when all are done.
            if let Act::Grant(grant) = act {
                grants::insert(&transaction, grant)?;
            }
            continue;
        };
        let kept = kept(elections, election)?;
        let earlier = advances.iter().rev().find(|earlier| earlier.election == election);
        let previous = earlier.map_or(kept.head, |earlier| earlier.head);
        let (kind, rows, seal) = match act {
            Act::Create(definition) => {
                create(&transaction, kept.key, definition)?;
                let mut seal = Seal::new(&previous, Kind::Created);
                seal.definition(definition);
                (Kind::Created, None, seal)
            }
            Act::Issue(_, numbers) => {
                let mut seal = Seal::new(&previous, Kind::Issued);
                let rows = insert_numbers(&transaction, "roll", kept.key, numbers, &mut seal)?;
                (Kind::Issued, rows, seal)
            }
            Act::Revoke(_, numbers) => {
                let mut seal = Seal::new(&previous, Kind::Revoked);
                let rows = insert_numbers(&transaction, "revoked", kept.key, numbers, &mut seal)?;
                (Kind::Revoked, rows, seal)
            }
            Act::Open(_) => (Kind::Opened, None, Seal::new(&previous, Kind::Opened)),
            // Acts about no election were stored above.
            Act::Grant(_) | Act::RevokeGrant(_) => continue,
            Act::Close(_) => {
                let (head, sheet) = close::separate(&transaction, kept)?;
                advances.push(Advance { election, head, sheet });
                continue;
            }
        };
        let head = entry(&transaction, kept.key, kind, rows, seal)?;
        advances.push(Advance { election, head, sheet: None });
    }
    if acts.iter().any(|act| matches!(act, Act::RevokeGrant(_))) {
        grants::keep_only(&transaction, &elections.grants)?;
    }
    transaction.commit()?;
    Ok(advances)
}

fn kept(elections: &Elections, election: usize) -> rusqlite::Result<&Kept> {
    let kept = elections.kept.get(election);
    kept.ok_or_else(|| invalid("what is to be stored is about no election".into()))
}

fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    // Immediate: it waits for the file's lock here, where nothing was done yet.
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

fn create(
    transaction: &Transaction<'_>,
    key: i64,
    definition: &Definition,
) -> rusqlite::Result<()> {
    let Definition { id, title, slate, publication, schedule } = definition;
    transaction.execute(
        "INSERT INTO elections (key, id, title, blank, sealed, opens, closes)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            key,
            id.as_str(),
            title,
            slate.blank().is_some(),
            *publication == Publication::Sealed,
            schedule.opens.map(|moment| moment.0.cast_signed()),
            schedule.closes.map(|moment| moment.0.cast_signed()),
        ],
    )?;
    for (position, name) in slate.names().iter().enumerate() {
        transaction.execute(
            "INSERT INTO candidates (election, position, name) VALUES (?1, ?2, ?3)",
            params![key, position as i64, name],
        )?;
    }
    Ok(())
}
