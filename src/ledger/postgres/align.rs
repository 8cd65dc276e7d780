//! The rows that say, in a cluster that is not the first, where chains of ballots may be begun.
//!
//! What an election is, the acts say, which are in the first cluster. Each other cluster has a row
//! for an election that is not a draft: open, up to which version of the acts chains were ended, or
//! closing. A close and a void write it with their fence, in a transaction of that cluster, before
//! they are finished in the first. [`align`] makes the rest follow: it opens an election there
//! once the first vote arrives, and takes a fence back whose act was never made, or was lost by a
//! failover.
//!
//! A row is never opened by what the acts were once: while that is not committed, the lock of the
//! acts is held, and a commit at the first cluster shows that they still are. A fence that is made
//! after that waits for the row.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::timeout;

use super::connection::{ANSWER_WAIT_MAX, Fault, Link};
use super::public::{Election, Phase};
use super::schema::partition;
use super::session::{begin, settle};
use super::shared::Shared;

/// What the column `state` says of an election.
pub(super) const OPEN: i16 = 1;
pub(super) const CLOSING: i16 = 2;

const ROWS: &str = "SELECT key, id, state, version FROM elections";

const PUT: &str = "INSERT INTO elections (key, id, state, version) VALUES ($1, $2, $3, $4)
    ON CONFLICT (key) DO UPDATE SET state = excluded.state, version = excluded.version
    RETURNING id";

/// A fence takes nothing back, whoever makes it, and when.
const FENCE: &str = "INSERT INTO elections (key, id, state, version) VALUES ($1, $2, $3, $4)
    ON CONFLICT (key) DO UPDATE SET state = greatest(elections.state, excluded.state),
        version = greatest(elections.version, excluded.version)
    RETURNING id";

/// What is left of an election whose acts a failover has lost, and whose key another one has.
const CLEAR: &str = "WITH gone AS (DELETE FROM chains WHERE election = $1 RETURNING chain),
        entries_gone AS (DELETE FROM entries USING gone WHERE entries.chain = gone.chain),
        tallies_gone AS (DELETE FROM tallies USING gone WHERE tallies.chain = gone.chain),
        ballots_gone AS (DELETE FROM ballots WHERE election = $1)
    UPDATE elections SET id = $2 WHERE key = $1";

/// Makes the rows of open elections what the acts say, and removes what others have left in the
/// rows of closing ones.
pub(super) async fn align(shared: &Shared, link: &Link) -> Result<(), Fault> {
    if timeout(ANSWER_WAIT_MAX, differing(shared, link)).await??.is_empty() {
        return Ok(());
    }
    let first = shared.clusters.first.connect().await?;
    let version = begin(shared, &first).await?;
    let opened = async {
        link.client.batch_execute("BEGIN").await?;
        for election in differing(shared, link).await? {
            let state = if election.phase == Phase::Open { OPEN } else { CLOSING };
            put(link, &election, state, version).await?;
        }
        settle(shared, &first).await
    };
    let opened = timeout(ANSWER_WAIT_MAX, opened).await.unwrap_or_else(|it| Err(it.into()));
    let opened = match opened {
        Ok(()) => first.commit().await.and_then(|()| first.check_newest()),
        fault => fault,
    };
    match opened {
        Ok(()) => link.commit().await.and_then(|()| link.check_newest()),
        Err(fault) => {
            link.client.batch_execute("ROLLBACK").await?;
            Err(fault)
        }
    }
}

/// The open elections whose rows are not so, or were fenced for an act that is not made, and the
/// closing ones in whose rows another one stands.
async fn differing(shared: &Shared, link: &Link) -> Result<Vec<Arc<Election>>, Fault> {
    let mut rows = HashMap::new();
    for row in link.client.query(ROWS, &[]).await? {
        let (id, state, version): (String, i16, i64) =
            (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
        rows.insert(row.try_get::<_, i32>(0)?, (id, state, version));
    }
    Ok(shared.with(|state| {
        let differs = |it: &&Arc<Election>| {
            let row = rows.get(&it.key);
            let is_anothers = row.is_some_and(|(id, ..)| *id != identity(it));
            match it.phase {
                Phase::Open => row.is_none_or(|(_, phase, version)| {
                    is_anothers || *phase != OPEN || *version > state.version
                }),
                Phase::Closing => is_anothers,
                Phase::Draft | Phase::Closed => false,
            }
        };
        state.public.elections.iter().filter(differs).cloned().collect()
    }))
}

/// Whether chains of an election cannot be begun.
pub(super) async fn is_fenced(link: &Link, election: i32) -> Result<bool, Fault> {
    let select = "SELECT state <> $2 FROM elections WHERE key = $1";
    let row = link.client.query_opt(select, &[&election, &OPEN]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?.unwrap_or(true))
}

/// Fences an election in its row, in a transaction.
pub(super) async fn fence(
    link: &Link,
    election: &Election,
    state: i16,
    version: i64,
) -> Result<(), Fault> {
    let id = identity(election);
    if write(link, FENCE, election.key, &id, state, version).await? != id {
        return Err(Fault::race("a cluster has another election in its place"));
    }
    Ok(())
}

/// Writes the row of an election, in a transaction, and clears what another has left.
async fn put(link: &Link, election: &Election, state: i16, version: i64) -> Result<(), Fault> {
    let (key, id) = (election.key, identity(election));
    if write(link, PUT, key, &id, state, version).await? != id {
        let election = &election.definition.id;
        tracing::error!(
            %election,
            "a cluster has votes of an election that a failover lost: they are removed"
        );
        link.client.execute(CLEAR, &[&key, &id]).await?;
    }
    Ok(())
}

/// Writes a row, and makes the table of its ballots. Returns whose row it was.
async fn write(
    link: &Link,
    statement: &str,
    key: i32,
    id: &str,
    state: i16,
    version: i64,
) -> Result<String, Fault> {
    let client = &link.client;
    let found = client.query_one(statement, &[&key, &id, &state, &version]).await?.try_get(0)?;
    let there = "SELECT to_regclass($1) IS NOT NULL";
    if !client.query_one(there, &[&format!("ballots_{key}")]).await?.try_get::<_, bool>(0)? {
        client.batch_execute(&partition(key)).await?;
    }
    Ok(found)
}

/// What tells an election from others that had its key, before a failover lost their acts.
pub(super) fn identity(election: &Election) -> String {
    let created = data_encoding::HEXLOWER.encode(&election.created);
    format!("{} {created}", election.definition.id)
}
