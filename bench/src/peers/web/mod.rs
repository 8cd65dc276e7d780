//! What a web developer would write: a service with axum 0.8 on one thread, to which a page posts a
//! form, and a database that stores each vote durably before the answer. A voter gets no callback:
//! the answer has the message.
//!
//! Measured: votes, over a connection each or over kept ones, with hyper as the client.

mod client;
mod postgres;
mod sqlite;

use std::future::Future;
use std::sync::Arc;

use anyhow::Context;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Form, Router};
use serde::Deserialize;
use tokio::net::TcpListener;

pub(super) use self::client::drive;
use self::postgres::Postgres;
use self::sqlite::Sqlite;
use super::{CANDIDATE, Serving, ready, tls, unsupported};

/// What a voter is told.
const RECORDED: &str = "Your vote is recorded.";

/// A database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Database {
    Postgres,
    Sqlite,
}

/// Where the votes are.
trait Store: Send + Sync + 'static {
    /// Stores a vote. Returns whether it counts: whether its number is on the roll and had not
    /// voted.
    fn record(
        &self,
        number: i64,
        candidate: String,
    ) -> impl Future<Output = anyhow::Result<bool>> + Send;
}

#[derive(Deserialize)]
struct Vote {
    number: i64,
    candidate: String,
}

/// Takes votes under the numbers 1 to `voters` until killed.
pub(super) fn serve(database: Database, job: Serving, voters: u64) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match database {
        Database::Postgres => runtime.block_on(listen(job, Postgres::new()?)),
        Database::Sqlite => runtime.block_on(listen(job, Sqlite::start(voters)?)),
    }
}

async fn listen(job: Serving, store: impl Store) -> anyhow::Result<()> {
    let app = Router::new().route("/vote", post(vote)).with_state(Arc::new(store));
    let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot listen")?;
    match job {
        Serving::Vote => {
            ready(listener.local_addr()?)?;
            axum::serve(listener, app).await?;
        }
        Serving::VoteTls => {
            let config = axum_server::tls_rustls::RustlsConfig::from_config(tls::server()?);
            ready(listener.local_addr()?)?;
            let server = axum_server::from_tcp_rustls(listener.into_std()?, config)?;
            server.serve(app.into_make_service()).await?;
        }
        Serving::VoteWeb | Serving::Lines => return unsupported("axum", "such server"),
    }
    Ok(())
}

async fn vote<S: Store>(
    State(store): State<Arc<S>>,
    Form(Vote { number, candidate }): Form<Vote>,
) -> (StatusCode, &'static str) {
    if candidate != CANDIDATE && candidate != "Grace" {
        return (StatusCode::UNPROCESSABLE_ENTITY, "There is no such candidate.");
    }
    match store.record(number, candidate).await {
        Ok(true) => (StatusCode::OK, RECORDED),
        Ok(false) => (StatusCode::CONFLICT, "A vote under this number stands, or there is none."),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "Your vote could not be recorded."),
    }
}
