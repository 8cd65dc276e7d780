//! Looks: what others have committed, four times a second, and whenever somebody asks.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use tokio_util::sync::CancellationToken;

use super::align;
use super::catch_up::catch_up;
use super::cluster::{Asked, Cluster};
use super::code;
use super::connection::{ANSWER_WAIT_MAX, Fault, Link};
use super::keys::tend;
use super::lease;
use super::public::Election;
use super::session::Session;
use super::settings;
use super::shared::Shared;
use super::state::{ChainTally, State};
use crate::election::Tally;

/// The pause between two looks that nobody asked for.
const LOOK_PAUSE: Duration = Duration::from_millis(250);

/// The pause between two questions for the standbys, for the metrics.
const REPLICATION_PAUSE: Duration = Duration::from_secs(1);

/// Those who wait for a look at one cluster at the same time. The next waits to ask.
pub(super) const LOOKS_WAITING_MAX: usize = 256;

/// The version, the time, whether there are names of standbys, the tallies that are newer than
/// those that are known, whether a server asks for a key, and for a tally whose election it is of.
const LOOK: &str = "SELECT (SELECT version FROM ledger),
        (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
        current_setting('synchronous_standby_names') <> '',
        newer.chain, newer.election, newer.seq, newer.ballots, newer.sealed,
        EXISTS (SELECT FROM holders WHERE wrapped IS NULL AND NOT destroyed), newer.id
    FROM (VALUES (1)) AS one (row) LEFT JOIN
        (SELECT tallies.chain, election, tallies.seq, ballots, sealed, elections.id
         FROM tallies JOIN chains ON chains.chain = tallies.chain
             JOIN elections ON elections.key = election
             LEFT JOIN unnest($1::bigint[], $2::int[]) AS known (chain, seq)
                 ON known.chain = tallies.chain
         WHERE known.seq IS NULL OR tallies.seq > known.seq) AS newer ON true";

/// Looks at a cluster until `stop`.
pub(super) async fn keep_looking(
    shared: Arc<Shared>,
    cluster: Arc<Cluster>,
    mut asked: Asked,
    stop: CancellationToken,
) {
    let mut session = Session::to(shared.clone(), cluster.clone());
    let (mut renewed, mut replicated) = (Instant::now(), None::<Instant>);
    loop {
        let mut waiting = Vec::new();
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            reply = asked.recv() => waiting.extend(reply),
            () = sleep(LOOK_PAUSE) => {}
        }
        while let Ok(reply) = asked.try_recv() {
            waiting.push(reply);
        }
        let looked = tokio::select! {
            biased;
            looked = session.until_known(async |link| {
                let is_new = cluster.is_first() && shared.reach.is_new();
                if renewed.elapsed() >= lease::RENEWAL_PAUSE || is_new {
                    lease::renew(&shared, link).await?;
                    renewed = Instant::now();
                }
                if replicated.is_none_or(|seen| seen.elapsed() >= REPLICATION_PAUSE) {
                    // The look itself finds out whether the database answers.
                    if let Ok(now) = settings::replicated(link).await {
                        shared.metrics.database().saw(cluster.index, now);
                    }
                    replicated = Some(Instant::now());
                }
                look(&shared, link).await
            }) => looked,
            () = stop.cancelled() => return,
        };
        if let Err(error) = &looked {
            tracing::warn!(%error, "the database could not be looked at");
        }
        if cluster.is_first() {
            shared.with(State::settle_step);
        }
        let looked = looked.map(|()| shared.snapshots.borrow().clone());
        waiting.into_iter().for_each(|reply| drop(reply.send(looked.clone())));
    }
}

/// Looks once at the cluster of `link`, and publishes what it sees.
pub(super) async fn look(shared: &Shared, link: &Link) -> Result<(), Fault> {
    let (chains, seqs): (Vec<i64>, Vec<i32>) = shared.with(|state| {
        let chains = state.tallies.values().flatten();
        let chains = chains.filter(|(chain, _)| link.cluster.has_chain(**chain));
        chains.map(|(chain, tally)| (*chain, tally.seq)).unzip()
    });
    let known = [(&chains as _, Type::INT8_ARRAY), (&seqs as _, Type::INT4_ARRAY)];
    let rows = timeout(ANSWER_WAIT_MAX, link.client.query_typed(LOOK, &known)).await??;
    let first = rows.first().ok_or_else(|| Fault::damaged("there is no ledger"))?;
    let is_replicated = link.cluster.hosts.replication().keeps_two(first.try_get(2)?);
    if link.cluster.is_replicated.swap(is_replicated, Ordering::Relaxed) && !is_replicated {
        tracing::error!("synchronous_standby_names is empty: no votes and acts are taken");
    }
    if link.cluster.is_first() {
        let version: i64 = first.try_get(0)?;
        shared.note_time(first.try_get(1)?);
        if shared.with(|state| state.version) < version {
            catch_up(shared, &link.client).await?;
        }
        tend(shared, link, first.try_get(8)?).await?;
    }
    for row in &rows {
        take(shared, link, row)?;
    }
    shared.publish();
    Ok(())
}

/// Takes a newer tally.
fn take(shared: &Shared, link: &Link, row: &Row) -> Result<(), Fault> {
    let Some(chain) = row.try_get::<_, Option<i64>>(3)? else { return Ok(()) };
    let (election, seq): (i32, i32) = (row.try_get(4)?, row.try_get(5)?);
    let (ballots, sealed) = (row.try_get::<_, i64>(6)?, row.try_get(7)?);
    let id: &str = row.try_get(9)?;
    shared.with(|state| {
        let is_of = |it: &Election| align::identity(it) == id;
        if !link.cluster.is_first() && !state.public.get(election).is_some_and(is_of) {
            // This server has not heard of it yet, and a later look finds it again. Or a failover
            // has lost its acts.
            return Ok(());
        }
        let tally = tally(state, election, (chain, seq), ballots.unsigned_abs(), sealed)?;
        state.take_tally(election, chain, ChainTally { seq, tally });
        Ok(())
    })
}

/// Opens a stored tally. Without the key of its election it is a number of ballots.
pub(super) fn tally(
    state: &mut State,
    election: i32,
    (chain, seq): (i64, i32),
    ballots: u64,
    sealed: &[u8],
) -> Result<Tally, Fault> {
    let definition = state.definition(election);
    let definition = definition.ok_or_else(|| Fault::damaged("a tally is of no election"))?;
    let damaged = || Fault::damaged(format!("the tally of chain {chain}"));
    if State::is_counted(&definition)
        && let Some(key) = state.keys.get_mut(&election)
    {
        let mut bytes = sealed.to_vec();
        let about = [&b"tally"[..], &chain.to_le_bytes(), &seq.to_le_bytes()];
        let tally = key.open_other(about, &mut bytes).then_some(());
        let tally = tally.and_then(|()| code::tally(&bytes, &definition)).ok_or_else(damaged)?;
        return Some(tally).filter(|tally| tally.ballots() == ballots).ok_or_else(damaged);
    }
    let mut tally = Tally::new(&definition.slate);
    tally.add_unread(ballots);
    Ok(tally)
}
