//! Checks: everything that is stored about an election, read back as of one moment.

use std::pin::pin;

use futures::TryStreamExt;
use sha2::{Digest, Sha256};
use tokio_postgres::types::ToSql;

use super::catch_up::{ACTS, act, numbers};
use super::chain::{BALLOTS, ChainHead, Entry, Head};
use super::change::{Closed, What};
use super::connection::{Fault, Link};
use super::public::Election;
use super::session::Others;
use super::shared::Shared;
use super::sheet;
use crate::election::ElectionId;
use crate::ledger::{ActRefusal, Report};

/// What is read is as of one moment.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Verifies the chain of acts and the chains of an election's ballots.
pub(super) async fn check(
    shared: &Shared,
    link: &Link,
    others: &mut Others,
    id: &ElectionId,
) -> Result<Report, Fault> {
    // What is read below is not older.
    let (known, election) =
        shared.with(|state| ((state.version, state.head), state.public.find(id).cloned()));
    let election = election.ok_or_else(|| ActRefusal::NoSuchElection(id.clone()))?;
    // Of what is read at the other clusters, nothing is older than the acts that are read first.
    link.client.batch_execute(BEGIN).await?;
    let checked = check_within(shared, link, others, known, &election).await;
    link.client.batch_execute("ROLLBACK").await?;
    checked
}

/// The same, as of the transaction of this connection, which has the act that is `known`.
pub(super) async fn check_within(
    shared: &Shared,
    link: &Link,
    others: &mut Others,
    known: (i64, Head),
    election: &Election,
) -> Result<Report, Fault> {
    let (mut entries, head, closed) = check_acts(shared, link, known, election.key).await?;
    let mut hash = Sha256::new_with_prefix(b"capvote ledger: head 1\0");
    hash.update(head);
    let mut chains = check_ballots(link, election.key).await?;
    let there = others.each(async |link| {
        link.client.batch_execute(BEGIN).await?;
        let checked = check_ballots(link, election.key).await;
        link.client.batch_execute("ROLLBACK").await?;
        checked
    });
    chains.extend(there.await?.into_iter().flatten());
    chains.sort_unstable_by_key(|(last, _)| last.chain);
    let ballots = chains.iter().map(|(_, stored)| stored).sum();
    let chains: Vec<ChainHead> = chains.into_iter().map(|(last, _)| last).collect();
    for last in &chains {
        hash.update(last.head);
        entries += u64::from(last.seq.unsigned_abs());
    }
    let mut listed = ballots;
    if let Some(closed) = &closed {
        if closed.chains != chains {
            return Err(Fault::damaged("a chain does not end where the close found it"));
        }
        listed = sheet::count(&link.client, election, closed).await?.0.ballots();
    }
    // Its row was there when the election was created.
    let select = "SELECT count(*) = 0 OR NOT bool_and(destroyed) FROM holders WHERE election = $1";
    let held: bool = link.client.query_one(select, &[&election.key]).await?.try_get(0)?;
    let owner = shared.with(|state| state.owner(election.key, &election.definition));
    let is_unscrubbed = held || shared.holder.has_half(&owner);
    Ok(Report {
        entries,
        ballots: listed,
        numbers_used: ballots,
        head: hash.finalize().into(),
        unscrubbed: closed.is_some() && is_unscrubbed,
    })
}

/// Verifies the chains of an election's ballots in one cluster. Returns the last entry of each, and
/// how many ballots it has.
async fn check_ballots(link: &Link, election: i32) -> Result<Vec<(ChainHead, u64)>, Fault> {
    let (mut chains, mut ballots) = (Vec::new(), 0);
    let select = "SELECT chain, genesis FROM chains WHERE election = $1 ORDER BY chain";
    for row in link.client.query(select, &[&election]).await? {
        let begin = ChainHead::begin(row.try_get(1)?, row.try_get(0)?, election);
        if !link.cluster.has_chain(begin.chain) {
            return Err(Fault::damaged("a chain is in another cluster than its own"));
        }
        let (last, stored) = check_chain(link, election, begin).await?;
        ballots += stored;
        chains.push((last, stored));
    }
    let select = "SELECT count(*) FROM ballots WHERE election = $1";
    let stored: i64 = link.client.query_one(select, &[&election]).await?.try_get(0)?;
    if stored.unsigned_abs() != ballots {
        return Err(Fault::damaged("there are ballots without an entry"));
    }
    Ok(chains)
}

/// Verifies the chain of acts, and the numbers of those about an election. Returns how many those
/// are, the head, and the close.
async fn check_acts(
    shared: &Shared,
    link: &Link,
    (known_version, known_head): (i64, Head),
    election: i32,
) -> Result<(u64, Head, Option<Closed>), Fault> {
    let (mut head, mut last, mut entries, mut closed) = ([0; 32], 0, 0, None);
    for row in link.client.query(ACTS, &[&0_i64]).await? {
        let (version, change, stored) = act(shared, &row)?;
        head = change.head(&head, version);
        let is_known = version != known_version || head == known_head;
        if head != stored || version != last + 1 || !is_known {
            return Err(Fault::damaged(format!("act {version} does not match its head")));
        }
        last = version;
        if change.election != election {
            continue;
        }
        entries += 1;
        if let Some(listed) = change.what.listed() {
            numbers(&link.client, election, version, &listed).await?;
        }
        if let What::Closed(close) = change.what {
            closed = Some(close);
        }
    }
    if last < known_version {
        return Err(Fault::damaged(format!("act {known_version} is missing")));
    }
    Ok((entries, head, closed))
}

/// Verifies a chain of ballots. Returns its last entry, and how many ballots it has.
async fn check_chain(
    link: &Link,
    election: i32,
    begin: ChainHead,
) -> Result<(ChainHead, u64), Fault> {
    let damaged = |seq: i32| {
        Fault::damaged(format!("entry {seq} of chain {} does not match its head", begin.chain))
    };
    let select = "SELECT seq, kind, hashed, head FROM entries WHERE chain = $1 ORDER BY seq";
    let entries = link.client.query(select, &[&begin.chain]).await?;
    let select = "SELECT seq, number, sealed FROM ballots WHERE election = $1 AND chain = $2
                  ORDER BY seq, number";
    let parameters: [&(dyn ToSql + Sync); 2] = [&election, &begin.chain];
    let mut ballots = pin!(link.client.query_raw(select, parameters).await?);
    let mut next = ballots.try_next().await?;
    let (mut last, mut stored) = (begin, 0);
    for row in &entries {
        let (seq, kind): (i32, i16) = (row.try_get(0)?, row.try_get(1)?);
        let mut entry: Entry = last.next(kind);
        while let Some(ballot) = next.take_if(|_| kind == BALLOTS) {
            if ballot.try_get::<_, i32>(0)? != seq {
                next = Some(ballot);
                break;
            }
            let number = ballot.try_get::<_, i64>(1)?.cast_unsigned().into();
            link.cluster.check_number(number)?;
            entry.ballot(number, ballot.try_get(2)?);
            next = ballots.try_next().await?;
        }
        stored += u64::from(entry.ballots.unsigned_abs());
        let same = entry.seq == seq && entry.ballots == row.try_get::<_, i32>(2)?;
        last = entry.finish();
        if !same || last.head != row.try_get::<_, &[u8]>(3)? {
            return Err(damaged(seq));
        }
    }
    if next.is_some() {
        return Err(damaged(last.seq + 1));
    }
    Ok((last, stored))
}
