//! Writing commits: one transaction, and one fsync, for each group of ballots or acts.

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::chain::{Head, Kind, Rows, Seal};
use super::elections::{Advance, Elections, NewBallot, StoredElection};
use super::rows::{insert_entry, insert_numbers};
use super::values::invalid;
use super::{close, grants};
use crate::election::{Definition, Publication};
use crate::ledger::Act;

/// Stores ballots, which are in the order of their rows. Those of one election are adjacent.
pub(super) fn ballots(
    connection: &mut Connection,
    elections: &Elections,
    ballots: &[NewBallot],
) -> rusqlite::Result<Vec<Advance>> {
    let transaction = begin(connection)?;
    let mut advances: Vec<Advance> = Vec::new();
    for group in ballots.chunk_by(|a, b| a.election == b.election) {
        let [NewBallot { election: index, row: first, .. }, ..] = *group else { continue };
        let election = election(elections, index)?;
        let mut seal = Seal::new(&election.head, Kind::Ballots, election.definition());
        let mut insert = transaction.prepare_cached(
            "INSERT INTO ballots (id, election, voter, choice, nonce) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        let mut rows = (first.get() as i64, first.get() as i64);
        for NewBallot { number, choice, nonce, row, .. } in group {
            let voter = number.get().cast_signed();
            rows.1 = row.get() as i64;
            let row = params![rows.1, election.key, voter, choice.index() as i64, nonce.as_bytes()];
            insert.execute(row)?;
            seal.ballot(*number, *choice, nonce);
        }
        let head = insert_entry(&transaction, election.key, Kind::Ballots, Some(rows), seal)?;
        advances.push(Advance { election: index, head, sheet: None });
    }
    transaction.commit()?;
    Ok(advances)
}

/// Stores acts. `changed` has, for each act, the index of the election that it changes.
pub(super) fn acts(
    connection: &mut Connection,
    elections: &Elections,
    acts: &[Act],
    changed: &[Option<usize>],
) -> rusqlite::Result<Vec<Advance>> {
    let transaction = begin(connection)?;
    let mut advances: Vec<Advance> = Vec::new();
    for (act, &changed) in acts.iter().zip(changed) {
        let Some(index) = changed else {
            // Revoked grants are deleted together, below.
            if let Act::Grant(grant) | Act::GrantFirst(grant) = act {
                grants::insert(&transaction, grant)?;
            }
            continue;
        };
        let election = election(elections, index)?;
        let earlier = advances.iter().rev().find(|earlier| earlier.election == index);
        let previous = earlier.map_or(election.head, |earlier| earlier.head);
        if let Some((head, sheet)) = insert_act(&transaction, election, &previous, act)? {
            advances.push(Advance { election: index, head, sheet });
        }
    }
    if acts.iter().any(|act| matches!(act, Act::RevokeGrant(_))) {
        grants::keep_only(&transaction, &elections.grants)?;
    }
    transaction.commit()?;
    Ok(advances)
}

/// Stores an act on an election, as the entry after the head `previous`. Returns the new head, and
/// after a close the rows of the sheet.
fn insert_act(
    transaction: &Transaction<'_>,
    election: &StoredElection,
    previous: &Head,
    act: &Act,
) -> rusqlite::Result<Option<(Head, Option<Rows>)>> {
    let without_rows = |kind| {
        let seal = Seal::new(previous, kind, election.definition());
        insert_entry(transaction, election.key, kind, None, seal)
    };
    let numbers = |kind, numbers| insert_numbers(transaction, election, previous, kind, numbers);
    let head = match act {
        Act::Create(definition) => {
            create(transaction, election.key, definition)?;
            without_rows(Kind::Created)?
        }
        Act::Open(_) => without_rows(Kind::Opened)?,
        Act::Confirm(_) => without_rows(Kind::Confirmed)?,
        Act::Issue(_, issued) => numbers(Kind::Issued, issued)?,
        Act::Revoke(_, revoked) => numbers(Kind::Revoked, revoked)?,
        Act::Close(_) => return close::separate(transaction, election).map(Some),
        Act::Grant(_) | Act::GrantFirst(_) | Act::RevokeGrant(_) => return Ok(None),
    };
    Ok(Some((head, None)))
}

fn election(elections: &Elections, index: usize) -> rusqlite::Result<&StoredElection> {
    let election = elections.list.get(index);
    election.ok_or_else(|| invalid("a change is about no election".into()))
}

fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    // Immediate: waits for the lock of the file before the first statement.
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
