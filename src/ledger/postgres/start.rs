//! The start of a handle.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::connection::{Fault, Hosts, Link};
use super::keys::Holder;
use super::look::{LOOKS_WAITING_MAX, look};
use super::migrate;
use super::schema;
use super::session::Session;
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
    let hosts = Arc::new(Hosts::of(&options)?);
    let Options { data, secret, is_alone, unknown_wait, clock, numbers_max, .. } = options;
    let holder = Arc::new(Holder::of(&data, secret, is_alone)?);
    let link = hosts.connect().await.map_err(refused)?;
    warn_without_checksums(&link).await.map_err(refused)?;
    let ledger = ledger(&link, missing).await.map_err(refused)?;
    tracing::info!(%ledger, "the ledger is open");
    let server = random()?;
    let state = State::new(ledger, numbers_max);
    let (looks, asked) = mpsc::channel(LOOKS_WAITING_MAX);
    let shared = Shared::new(hosts, holder, state, server, clock, looks, metrics, unknown_wait);
    let shared = Arc::new(shared);
    look(&shared, &link).await.map_err(refused)?;
    drop(link);
    let mut session = Session::new(shared.clone());
    session.connected().await.map_err(refused)?;
    let (votes, vote_jobs) = mpsc::channel(JOBS_MAX);
    let (acts, act_jobs) = mpsc::channel(JOBS_MAX);
    let (reads, read_jobs) = mpsc::channel(JOBS_MAX);
    let started = Started { shared, votes, acts, reads };
    Ok((started, Work { session, vote_jobs, act_jobs, read_jobs, asked }))
}

pub(super) fn refused(fault: Fault) -> OpenError {
    OpenError::Database(fault.why())
}

/// Pages that a disk has changed would be read as they are.
async fn warn_without_checksums(link: &Link) -> Result<(), Fault> {
    let select = "SELECT current_setting('data_checksums')";
    if link.client.query_one(select, &[]).await?.try_get::<_, &str>(0)? != "on" {
        tracing::warn!("the database has no data_checksums: it does not notice a damaged page");
    }
    Ok(())
}

fn random() -> Result<[u8; 16], OpenError> {
    let mut bytes = [0; 16];
    let drawn = getrandom::fill(&mut bytes);
    drawn.map_err(|error| OpenError::Thread(std::io::Error::other(error)))?;
    Ok(bytes)
}

/// The ledger of a database.
async fn ledger(link: &Link, missing: Missing) -> Result<LedgerId, Fault> {
    if !schema::is_complete(&link.client).await? {
        if missing == Missing::Refused {
            return Err(Fault::Failed(None, "there is no ledger in it".into()));
        }
        create(link).await?;
    }
    migrate::format(link).await?;
    let row = link.client.query_one("SELECT id FROM ledger", &[]).await?;
    let id = LedgerId::try_from(row.try_get::<_, &[u8]>(0)?);
    id.map_err(|_| Fault::damaged("it has no identity"))
}

/// Creates an empty ledger, or waits until another server has.
pub(super) async fn create(link: &Link) -> Result<(), Fault> {
    let mut tries = 0;
    let id = random().map_err(|error| Fault::Gone(error.to_string()))?;
    while let Err(fault) = schema::create(&link.client, id).await {
        link.client.batch_execute("ROLLBACK").await?;
        tries += 1;
        if tries == CREATE_TRIES_MAX || !matches!(fault, Fault::Failed(..)) {
            return Err(fault);
        }
    }
    link.check_unwarned()
}
