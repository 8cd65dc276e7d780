//! The start of a handle.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::connection::{Fault, Hosts, Link};
use super::look::{LOOKS_WAITING_MAX, look};
use super::schema::{self, FORMAT};
use super::session::Session;
use super::shared::Shared;
use super::state::State;
use super::work::Work;
use super::{JOBS_MAX, Options, Started};
use crate::election::LedgerId;
use crate::ledger::keys::Keys;
use crate::ledger::{Metrics, OpenError};

/// How often the tables are tried to be made: another server may make them at the same time.
const CREATE_TRIES_MAX: u32 = 5;

/// Connects, creates what is missing, and reads everything.
pub(super) async fn start(
    options: Options,
    metrics: Metrics,
) -> Result<(Started, Work), OpenError> {
    let Options { config, data, replication, unknown_wait, clock, numbers_max } = options;
    let hosts = Arc::new(Hosts::new(config, replication));
    let link = hosts.connect().await.map_err(refused)?;
    warn_without_checksums(&link).await.map_err(refused)?;
    let ledger = ledger(&link).await.map_err(refused)?;
    let server = random()?;
    let state = State::new(ledger, numbers_max);
    let (looks, asked) = mpsc::channel(LOOKS_WAITING_MAX);
    let keys = Keys::of(&data);
    let shared = Shared::new(hosts, keys, state, server, clock, looks, metrics, unknown_wait);
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

fn refused(fault: Fault) -> OpenError {
    OpenError::Database(fault.into_error().to_string())
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

/// The ledger of a database, which is created if there is none.
async fn ledger(link: &Link) -> Result<LedgerId, Fault> {
    let mut tries = 0;
    let id = random().map_err(|error| Fault::Gone(error.to_string()))?;
    while let Err(fault) = schema::create(&link.client, id).await {
        link.client.batch_execute("ROLLBACK").await?;
        tries += 1;
        if tries == CREATE_TRIES_MAX || !matches!(fault, Fault::Failed(..)) {
            return Err(fault);
        }
    }
    link.check_unwarned()?;
    let row = link.client.query_one("SELECT format, id FROM ledger", &[]).await?;
    let format: i32 = row.try_get(0)?;
    if format != FORMAT {
        let why = format!("it has format {format}, and this version of capvote uses {FORMAT}");
        return Err(Fault::Failed(None, why));
    }
    let id = LedgerId::try_from(row.try_get::<_, &[u8]>(1)?);
    id.map_err(|_| Fault::damaged("it has no identity"))
}
