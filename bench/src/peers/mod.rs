//! The peers that are written in Rust: what a user would pick instead of capvote, and the machine's own
//! limits. `bench/peers/README.md` says what a peer does.

use std::future::Future;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use clap::{Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

mod booth;
pub mod capvote;
mod echo;
mod forgetful;
mod postgres;
mod sync;
mod tarpc;
mod tonic;

use self::capvote::Variant;

/// Whom everyone votes for.
pub const CANDIDATE: &str = "Ada";

/// The threads of a server, and of a client, that is asynchronous.
const WORKERS: usize = 2;

/// Which peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Peer {
    /// capvote, as it is.
    Capvote,
    /// capvote over capnp-rpc's own network.
    CapvoteStock,
    /// capvote with a ledger that stores nothing.
    CapvoteForgetful,
    /// gRPC: votes in memory, answered on a stream.
    Tonic,
    /// tarpc: votes in memory, one call each.
    Tarpc,
    /// PostgreSQL: one durable statement for each vote. A client only.
    Postgres,
    /// The limit of the machine: bytes there and back.
    Echo,
    /// The limit of the disk: appends, each synced. A client only.
    Sync,
}

/// What a server is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Job {
    /// Take votes.
    Vote,
    /// Count lines.
    Lines,
}

/// What a client is to do.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Work {
    /// Cast votes.
    Vote {
        /// How many connections there are.
        #[arg(value_parser = clap::value_parser!(u64).range(1..))]
        connections: u64,
        /// How many votes are unanswered on each connection.
        #[arg(value_parser = clap::value_parser!(u64).range(1..))]
        in_flight: u64,
        /// How many votes there are in all: the numbers 1 to this.
        votes: u64,
    },
    /// Have the lines of a file counted.
    Lines {
        /// The file.
        file: PathBuf,
    },
}

/// What a client did.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// How many votes were recorded, or lines counted.
    pub count: u64,
    /// How long that took, without connecting.
    pub seconds: f64,
}

/// Serves `job` to the voters 1 to `voters` until killed.
pub fn serve(peer: Peer, job: Job, voters: u64) -> anyhow::Result<()> {
    match peer {
        Peer::Capvote => capvote::serve(Variant::Itself, job, voters),
        Peer::CapvoteStock => capvote::serve(Variant::Stock, job, voters),
        Peer::CapvoteForgetful => capvote::serve(Variant::Forgetful, job, voters),
        Peer::Tonic => tonic::serve(job, voters),
        Peer::Tarpc => tarpc::serve(job, voters),
        Peer::Postgres => postgres::serve(job, voters),
        Peer::Echo => echo::serve(job, voters),
        Peer::Sync => sync::serve(job, voters),
    }
}

/// Does `work` with the server at `address`.
pub fn drive(peer: Peer, address: &str, work: Work) -> anyhow::Result<Measured> {
    match peer {
        Peer::Capvote => capvote::drive(Variant::Itself, address, work),
        Peer::CapvoteStock => capvote::drive(Variant::Stock, address, work),
        Peer::CapvoteForgetful => capvote::drive(Variant::Forgetful, address, work),
        Peer::Tonic => tonic::drive(address, work),
        Peer::Tarpc => tarpc::drive(address, work),
        Peer::Postgres => postgres::drive(address, work),
        Peer::Echo => echo::drive(address, work),
        Peer::Sync => sync::drive(address, work),
    }
}

/// Tells the benchmark that the server accepts connections at `address`.
fn ready(address: SocketAddr) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "ready {address}")
        .and_then(|()| stdout.flush())
        .context("cannot say that the server is ready")
}

/// The runtime of an asynchronous peer.
fn runtime() -> anyhow::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .context("cannot start the runtime")
}

/// The voter numbers that the connection `index`, from 0, casts of the numbers 1 to `votes`.
fn numbers(
    index: u64,
    connections: u64,
    votes: u64,
) -> impl Iterator<Item = u64> + Send + use<> + 'static {
    // The benchmark runs on 64-bit machines, where this loses nothing.
    (index + 1..=votes).step_by(connections as usize)
}

/// Runs `tasks`, one for each connection, at once. Each ends with how many of the `votes` it cast.
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

/// The answer of a peer that does not do what it was asked to.
fn unsupported<T>(peer: &str, what: &str) -> anyhow::Result<T> {
    bail!("the peer {peer} has no {what}")
}
