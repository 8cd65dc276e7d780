//! Writing commits: one transaction, and one fsync, for each group of ballots or acts.

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::chain::{Head, Kind, Seal, stored_method};
use super::elections::{Advance, Elections, NewBallot, StoredElection};
use super::issues::{IssuedRows, Issuer};
use super::rows::{insert_entry, insert_listed};
use super::values::invalid;
use super::{close, grants, staged};
use crate::election::{Definition, ElectionState, Publication, VoterNumber};
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
            "INSERT INTO ballots (id, election, voter, sealed) VALUES (?1, ?2, ?3, ?4)",
        )?;
        let mut rows = (first.get() as i64, first.get() as i64);
        for NewBallot { number, sealed, row, .. } in group {
            rows.1 = row.get() as i64;
            insert.execute(params![rows.1, election.key, number.get().cast_signed(), sealed])?;
            seal.ballot(*number, sealed);
        }
        let head = insert_entry(&transaction, election.key, Kind::Ballots, Some(rows), seal)?;
        advances.push(Advance { election: index, head, sheet: None, count: None, issued: None });
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
    issuer: &Issuer,
) -> rusqlite::Result<Vec<Advance>> {
    let transaction = begin(connection)?;
    if acts.iter().any(|act| matches!(act, Act::Issue(..))) {
        staged::remove_all(&transaction)?;
    }
    let mut advances: Vec<Advance> = Vec::new();
    for (position, (act, &changed)) in acts.iter().zip(changed).enumerate() {
        let Some(index) = changed else {
            // Revoked grants are deleted together, below.
            match act {
                Act::Grant(grant) | Act::GrantFirst(grant) => grants::insert(&transaction, grant)?,
                Act::SpendToken(id) => grants::spend(&transaction, *id)?,
                _ => {}
            }
            continue;
        };
        let election = election(elections, index)?;
        let earlier = advances.iter().rev().find(|earlier| earlier.election == index);
        let previous = earlier.map_or(election.head, |earlier| earlier.head);
        // The election's state is that after all acts.
        let opens = |later: &Act| matches!(later, Act::Open(id) if *id == election.definition().id);
        let added = election.ballot_box.state() != ElectionState::Draft
            && !acts.iter().skip(position).any(opens);
        let entry = NewEntry { index, election, previous: &previous, added };
        if let Some(advance) = insert_act(&transaction, &entry, act, issuer)? {
            advances.push(advance);
        }
    }
    if acts.iter().any(|act| matches!(act, Act::RevokeGrant(_) | Act::Close(_))) {
        grants::keep_only(&transaction, &elections.grants, &elections.ended)?;
    }
    transaction.commit()?;
    Ok(advances)
}

/// Where an act on an election is stored.
struct NewEntry<'a> {
    /// The election's index.
    index: usize,
    election: &'a StoredElection,
    /// The head before.
    previous: &'a Head,
    /// Whether the election was open.
    added: bool,
}

/// Stores an act on an election.
fn insert_act(
    transaction: &Transaction<'_>,
    &NewEntry { index, election, previous, added }: &NewEntry<'_>,
    act: &Act,
    issuer: &Issuer,
) -> rusqlite::Result<Option<Advance>> {
    let without_rows = |kind| {
        let seal = Seal::new(previous, kind, election.definition());
        insert_entry(transaction, election.key, kind, None, seal)
    };
    let (mut sheet, mut count, mut issued) = (None, None, None);
    let head = match act {
        Act::Create(_) => {
            create(transaction, election)?;
            without_rows(Kind::creating(election.definition()))?
        }
        Act::Open(_) => without_rows(Kind::Opened)?,
        Act::Confirm(_) => without_rows(Kind::Confirmed)?,
        Act::Issue(_, numbers) => {
            let entry = (issuer.kind(), issuer.grant);
            let (head, rows) =
                insert_listed(transaction, election, previous, entry, ascending(numbers))?;
            issued = IssuedRows::of(issuer, added, rows);
            head
        }
        Act::Revoke(_, numbers) => {
            let entry = (Kind::Revoked, None);
            insert_listed(transaction, election, previous, entry, ascending(numbers))?.0
        }
        Act::Close(_) => {
            let closed = close::list(transaction, election, previous)?;
            (sheet, count) = (closed.sheet, Some(closed.count));
            closed.head
        }
        Act::Grant(_) | Act::GrantFirst(_) | Act::SpendToken(_) | Act::RevokeGrant(_) => {
            return Ok(None);
        }
    };
    Ok(Some(Advance { election: index, head, sheet, count, issued }))
}

fn ascending(numbers: &[VoterNumber]) -> Vec<VoterNumber> {
    let mut ascending = numbers.to_vec();
    ascending.sort_unstable();
    ascending
}

pub(super) fn election(elections: &Elections, index: usize) -> rusqlite::Result<&StoredElection> {
    let election = elections.list.get(index);
    election.ok_or_else(|| invalid("a change is about no election".into()))
}

pub(super) fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    // Immediate: waits for the lock of the file before the first statement.
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// Stores the definition of an election.
pub(super) fn create(
    transaction: &Transaction<'_>,
    election: &StoredElection,
) -> rusqlite::Result<()> {
    let Definition { id, title, slate, publication, schedule, rules, .. } = election.definition();
    transaction.execute(
        "INSERT INTO elections (key, id, title, blank, sealed, opens, closes,
                                roll, method, seats, marks, majority, quorum, none)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        params![
            election.key,
            id.as_str(),
            title,
            slate.blank().is_some(),
            *publication == Publication::Sealed,
            schedule.opens.map(|moment| moment.0.cast_signed()),
            schedule.closes.map(|moment| moment.0.cast_signed()),
            election.roll.map(|owner| owner as i64 + 1),
            stored_method(rules.method),
            rules.seats,
            rules.marks,
            rules.majority.map(|share| share.to_string()),
            rules.quorum.map(|share| share.to_string()),
            rules.none,
        ],
    )?;
    let mut insert = transaction
        .prepare_cached("INSERT INTO candidates (election, position, name) VALUES (?1, ?2, ?3)")?;
    for (position, name) in slate.names().iter().enumerate() {
        insert.execute(params![election.key, position as i64, name])?;
    }
    Ok(())
}
