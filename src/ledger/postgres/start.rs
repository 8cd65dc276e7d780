//! The start of a handle.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::cluster::Clusters;
use super::connection::{Fault, Link};
use super::keys::Holder;
use super::migrate;
use super::schema;
use super::session::Sessions;
use super::shared::Shared;
use super::state::State;
use super::work::Work;
use super::{JOBS_MAX, Options, Started};
use crate::election::LedgerId;
use crate::ledger::{Metrics, OpenError};

/// How often the tables are tried to be made: another server may make them at the same time.
const CREATE_TRIES_MAX: u32 = 5;

/// Whether a ledger is made where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Created,
    Refused,
}

/// Connects, creates what is missing, and reads everything.
pub(super) async fn start(
    options: Options,
    missing: Missing,
    metrics: Metrics,
) -> Result<(Started, Work), OpenError> {
    let (clusters, asked) = Clusters::of(&options)?;
    let Options { data, secret, is_alone, unknown_wait, clock, numbers_max, .. } = options;
    let holder = Arc::new(Holder::of(&data, secret, is_alone)?);
    let mut ledger = None;
    for cluster in clusters.all() {
        let link = cluster.connect().await.map_err(refused)?;
        if !link.has_checksums {
            tracing::warn!("the database has no data_checksums: it does not notice a damaged page");
        }
        ledger = Some(self::ledger(&link, ledger, missing).await.map_err(refused)?);
    }
    let ledger = ledger.ok_or_else(|| OpenError::Database("no database is named".into()))?;
    tracing::info!(%ledger, "the ledger is open");
    let server = random()?;
    let state = State::new(ledger, numbers_max);
    let (vote_queues, vote_jobs) = clusters.all().map(|_| mpsc::channel(JOBS_MAX)).unzip();
    let shared = Shared::new(clusters, holder, state, server, clock, metrics, unknown_wait);
    let shared = Arc::new(shared);
    // They read everything.
    let mut sessions = Sessions::new(&shared);
    sessions.first.connected().await.map_err(refused)?;
    sessions.others.each(async |_| Ok(())).await.map_err(refused)?;
    let (acts, act_jobs) = mpsc::channel(JOBS_MAX);
    let (reads, read_jobs) = mpsc::channel(JOBS_MAX);
    let started = Started { shared, votes: vote_queues, acts, reads };
    Ok((started, Work { sessions, vote_jobs, act_jobs, read_jobs, asked }))
}

pub(super) fn refused(fault: Fault) -> OpenError {
    OpenError::Database(fault.why())
}

fn random() -> Result<[u8; 16], OpenError> {
    let mut bytes = [0; 16];
    let drawn = getrandom::fill(&mut bytes);
    drawn.map_err(|error| OpenError::Thread(std::io::Error::other(error)))?;
    Ok(bytes)
}

/// The ledger of a database, which has to be `known` if another cluster of it was opened before.
async fn ledger(link: &Link, known: Option<LedgerId>, missing: Missing) -> Result<LedgerId, Fault> {
    if !schema::is_complete(&link.client).await? {
        if missing == Missing::Refused {
            return Err(Fault::Failed(None, "there is no ledger in it".into()));
        }
        create(link, known).await?;
    }
    migrate::format(link).await?;
    place(link, known).await
}

/// The ledger that a cluster is of, if it is the one that it was given as.
pub(super) async fn place(link: &Link, known: Option<LedgerId>) -> Result<LedgerId, Fault> {
    let row = link.client.query_one("SELECT id, cluster, clusters FROM ledger", &[]).await?;
    let id = LedgerId::try_from(row.try_get::<_, &[u8]>(0)?);
    let id = id.map_err(|_| Fault::damaged("it has no identity"))?;
    let (cluster, clusters): (i16, i16) = (row.try_get(1)?, row.try_get(2)?);
    let (index, count) = link.cluster.place();
    if known.is_some_and(|known| known != id) || (cluster, clusters) != (index, count) {
        let why = format!(
            "database {} of {count} that are given is cluster {} of {clusters} of ledger {id}: \
             give all clusters of one ledger, in their order",
            index + 1,
            cluster + 1
        );
        return Err(Fault::Failed(None, why));
    }
    Ok(id)
}

/// Creates an empty ledger, or a cluster of the ledger `known`; or waits until another server has.
pub(super) async fn create(link: &Link, known: Option<LedgerId>) -> Result<(), Fault> {
    let mut tries = 0;
    let id = match known {
        Some(known) => *known.as_bytes(),
        None => random().map_err(|error| Fault::Gone(error.to_string()))?,
    };
    while let Err(fault) = schema::create(&link.client, id, link.cluster.place()).await {
        link.client.batch_execute("ROLLBACK").await?;
        tries += 1;
        if tries == CREATE_TRIES_MAX || !matches!(fault, Fault::Failed(..)) {
            return Err(fault);
        }
    }
    link.check_unwarned()
}
