//! The peers in Rust: comparable systems, and the limits of the machine. `bench/peers/README.md`
//! says what a peer does.

use std::fmt::Display;
use std::future::Future;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use clap::{Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

pub mod capvote;
pub mod crowd;
mod limits;
mod postgres;
mod rpc;
mod tls;
mod web;

use self::capvote::Variant;
pub use self::crowd::local;
use self::limits::{accept, echo, sync, uring, vats};
use self::rpc::{tarpc, tonic};
use self::web::Database;

/// The candidate of every vote.
pub const CANDIDATE: &str = "Ada";

/// Threads of an asynchronous server or client.
const WORKERS: usize = 2;

/// A peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Peer {
    /// capvote.
    Capvote,
    /// capvote over capnp-rpc's own network.
    CapvoteStock,
    /// capvote with a ledger that stores nothing.
    CapvoteNoDisk,
    /// capvote with its ledger in the database of `cluster.sh`.
    CapvotePostgres,
    /// capvote with ballots of one mark.
    CapvoteCast,
    /// capvote with ranked ballots of 20 names.
    CapvoteRanked,
    /// gRPC: votes in memory, answered on a stream.
    Tonic,
    /// tarpc: votes in memory, one call each.
    Tarpc,
    /// PostgreSQL: one durable statement per vote. A client only.
    Postgres,
    /// A web service with PostgreSQL, below `postgres.sh`.
    AxumPostgres,
    /// A web service with SQLite.
    AxumSqlite,
    /// The limit of the machine: bytes echoed over loopback.
    Echo,
    /// The limit of the machine: connections accepted, and one message echoed on each.
    Accept,
    /// The same with a server on io_uring.
    AcceptUring,
    /// The limit of capnp-rpc: two vats, with one call and its callback on each connection.
    Vats,
    /// The limit of the disk: appends, each synced. A client only.
    Sync,
}

/// The job of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Serving {
    /// Take votes.
    Vote,
    /// Take votes over TLS.
    VoteTls,
    /// Take votes over WebSockets.
    VoteWeb,
    /// Count lines.
    Lines,
}

/// The job of a client.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Work {
    /// Cast votes.
    Vote {
        /// How many connections to open.
        #[arg(value_parser = clap::value_parser!(u64).range(1..))]
        connections: u64,
        /// Votes in flight on each connection.
        #[arg(value_parser = clap::value_parser!(u64).range(1..))]
        in_flight: u64,
        /// How many votes to cast in all, under the numbers 1 to this.
        votes: u64,
    },
    /// Cast votes, each over a connection of its own.
    Arrive {
        /// Voters at a time.
        #[arg(value_parser = clap::value_parser!(u64).range(1..))]
        in_flight: u64,
        /// How many votes to cast in all, under the numbers 1 to this.
        votes: u64,
        /// What the connections are.
        #[arg(value_enum, default_value_t)]
        over: Over,
    },
    /// Have the lines of a file counted.
    Lines {
        /// The file.
        file: PathBuf,
    },
}

/// What the connection of an arriving voter is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Over {
    #[default]
    Tcp,
    /// TLS 1.3, with a full handshake.
    Tls,
    /// TLS 1.3, by a ticket of an earlier connection.
    Resumed,
    /// A WebSocket.
    Web,
}

/// The measurement of a client.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// How many votes were recorded, or lines counted.
    pub count: u64,
    /// The time that took. Connecting is part of it only for who arrives.
    pub seconds: f64,
}

/// Serves `job` to the voters 1 to `voters` until killed.
pub fn serve(peer: Peer, job: Serving, voters: u64) -> anyhow::Result<()> {
    match peer {
        Peer::Capvote => capvote::serve(Variant::Product, job, voters),
        Peer::CapvoteStock => capvote::serve(Variant::Stock, job, voters),
        Peer::CapvoteNoDisk => capvote::serve(Variant::NoDisk, job, voters),
        Peer::CapvotePostgres => capvote::serve(Variant::Postgres, job, voters),
        Peer::CapvoteCast => capvote::serve(Variant::Cast, job, voters),
        Peer::CapvoteRanked => capvote::serve(Variant::Ranked, job, voters),
        Peer::Tonic => tonic::serve(job, voters),
        Peer::Tarpc => tarpc::serve(job, voters),
        Peer::Postgres => postgres::serve(job, voters),
        Peer::AxumPostgres => web::serve(Database::Postgres, job, voters),
        Peer::AxumSqlite => web::serve(Database::Sqlite, job, voters),
        Peer::Echo => echo::serve(job, voters),
        Peer::Accept => accept::serve(job, voters),
        Peer::AcceptUring => uring::serve(job, voters),
        Peer::Vats => vats::serve(job, voters),
        Peer::Sync => sync::serve(job, voters),
    }
}

/// Does `work` with the server at `address`.
pub fn drive(peer: Peer, address: &str, work: Work) -> anyhow::Result<Measured> {
    match peer {
        Peer::Capvote => capvote::drive(Variant::Product, address, work),
        Peer::CapvoteStock => capvote::drive(Variant::Stock, address, work),
        Peer::CapvoteNoDisk => capvote::drive(Variant::NoDisk, address, work),
        Peer::CapvotePostgres => capvote::drive(Variant::Postgres, address, work),
        Peer::CapvoteCast => capvote::drive(Variant::Cast, address, work),
        Peer::CapvoteRanked => capvote::drive(Variant::Ranked, address, work),
        Peer::Tonic => tonic::drive(address, work),
        Peer::Tarpc => tarpc::drive(address, work),
        Peer::Postgres => postgres::drive(address, work),
        Peer::AxumPostgres | Peer::AxumSqlite => web::drive(address, work),
        Peer::Echo => echo::drive(address, work),
        Peer::Accept => accept::drive(address, work),
        Peer::AcceptUring => uring::drive(address, work),
        Peer::Vats => vats::drive(address, work),
        Peer::Sync => sync::drive(address, work),
    }
}

/// Prints the line that tells the benchmark where the server listens.
pub fn ready(address: impl Display) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "ready {address}")
        .and_then(|()| stdout.flush())
        .context("cannot write to stdout")
}

/// The runtime of an asynchronous peer.
fn runtime() -> anyhow::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .context("cannot start the runtime")
}

/// The voter numbers of one connection, of the numbers 1 to `votes`. `index` counts from 0.
fn numbers(
    index: u64,
    connections: u64,
    votes: u64,
) -> impl Iterator<Item = u64> + Send + use<> + 'static {
    // The cast is lossless on 64-bit machines.
    (index + 1..=votes).step_by(connections as usize)
}

/// Runs `tasks` concurrently, one per connection. Each returns how many of the `votes` it cast.
async fn timed<T>(votes: u64, tasks: Vec<T>) -> anyhow::Result<Measured>
where
    T: Future<Output = anyhow::Result<u64>> + Send + 'static,
{
    let started = Instant::now();
    let mut running: JoinSet<_> = tasks.into_iter().collect();
    let mut count = 0;
    while let Some(ended) = running.join_next().await {
        count += ended.context("a connection's task failed")??;
    }
    let seconds = started.elapsed().as_secs_f64();
    ensure!(count == votes, "{count} of {votes} votes were recorded");
    Ok(Measured { count, seconds })
}

/// The error of a peer that does not support a job.
fn unsupported<T>(peer: &str, what: &str) -> anyhow::Result<T> {
    bail!("the peer {peer} has no {what}")
}
