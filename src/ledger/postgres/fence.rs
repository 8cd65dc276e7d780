//! Fences: no batch of votes that was decided before them is committed after them.
//!
//! Every chain of an election is ended by its last entry. A batch in flight holds its place in the
//! chain, and the fence waits for it; who comes later finds the place taken. It stays taken, also
//! where the chain has no other entry: its writer may be about to store the first. A new chain is
//! made only by a server that knows the act of the fence.
//!
//! In the first cluster the fence is a part of the transaction of the act. In the others it is one
//! of their own.

use std::sync::Arc;

use tokio::time::timeout;
use tokio_postgres::Client;

use super::align::{self, CLOSING, OPEN};
use super::chain::{self, ChainHead, END};
use super::connection::{ANSWER_WAIT_MAX, Fault, Link};
use super::lease;
use super::public::{Election, Phase};
use super::shared::Shared;

/// How often the end of a chain is tried. Each time that fails, its writer has committed a batch.
const END_TRIES_MAX: u32 = 1_000;

/// Chains without an end, by the elections that they are of.
const OPEN_CHAINS: &str = "SELECT chain, election, genesis FROM chains
    WHERE election = ANY ($1) AND NOT EXISTS
        (SELECT 1 FROM entries WHERE entries.chain = chains.chain AND kind = 5)
    ORDER BY chain";

/// Ends the chains of an election for its close, in a cluster that is not the first. The acts say
/// that it is closing.
pub(super) async fn close(shared: &Shared, link: &Link, election: &Election) -> Result<(), Fault> {
    lease::wait_for_others(shared, link).await?;
    let version = shared.with(|state| state.version);
    let fenced = async {
        link.client.batch_execute("BEGIN").await?;
        align::fence(link, election, CLOSING, version).await?;
        end_chains(link, &[election.key], version).await?;
        lease::sweep(link).await
    };
    timeout(ANSWER_WAIT_MAX, fenced).await??;
    link.commit().await?;
    link.check_newest()
}

/// Ends the chains of open and closing elections in a cluster that is not the first, for an act
/// that makes `version` and holds the lock of the acts.
pub(super) async fn hold(
    link: &Link,
    elections: &[Arc<Election>],
    version: i64,
) -> Result<(), Fault> {
    let keys: Vec<i32> = elections.iter().map(|election| election.key).collect();
    let fenced = async {
        link.client.batch_execute("BEGIN").await?;
        for election in elections {
            let state = if election.phase == Phase::Open { OPEN } else { CLOSING };
            align::fence(link, election, state, version).await?;
        }
        end_chains(link, &keys, version).await
    };
    timeout(ANSWER_WAIT_MAX, fenced).await??;
    link.commit().await?;
    link.check_newest()
}

/// Ends the chains of these elections, in a transaction that makes the act `version`.
pub(super) async fn end_chains(link: &Link, elections: &[i32], version: i64) -> Result<(), Fault> {
    let client = &link.client;
    // Waits for chains that are being made, and lets nobody make one before the commit.
    let update = "UPDATE elections SET version = $2 WHERE key = ANY ($1)";
    client.execute(update, &[&elections, &version]).await?;
    for row in client.query(OPEN_CHAINS, &[&elections]).await? {
        let (chain, election): (i64, i32) = (row.try_get(0)?, row.try_get(1)?);
        let begin = ChainHead::begin(row.try_get(2)?, chain, election);
        let mut tries = 0;
        while !end(link, begin).await? {
            tries += 1;
            if tries == END_TRIES_MAX {
                return Err(Fault::Failed(None, "a chain of ballots could not be ended".into()));
            }
        }
    }
    Ok(())
}

/// Tries to end a chain.
async fn end(link: &Link, begin: ChainHead) -> Result<bool, Fault> {
    let last = last(&link.client, begin).await?.next(END).finish();
    let insert = "INSERT INTO entries (chain, seq, kind, stored, hashed, head)
                  VALUES ($1, $2, $3, 0, 0, $4) ON CONFLICT DO NOTHING";
    let values = (last.chain, last.seq, END, &last.head[..]);
    let stored = link.client.execute(insert, &[&values.0, &values.1, &values.2, &values.3]).await?;
    Ok(stored == 1)
}

/// The last entry of a chain.
async fn last(client: &Client, begin: ChainHead) -> Result<ChainHead, Fault> {
    let select = "SELECT seq, head FROM entries WHERE chain = $1 ORDER BY seq DESC LIMIT 1";
    let Some(row) = client.query_opt(select, &[&begin.chain]).await? else { return Ok(begin) };
    Ok(ChainHead { chain: begin.chain, seq: row.try_get(0)?, head: chain::head(&row, 1)? })
}
