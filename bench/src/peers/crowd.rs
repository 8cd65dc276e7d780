//! Voters who come one by one: each opens a connection, votes, is told and leaves. One thread has
//! all of them.
//!
//! A system keeps the port of a closed connection for a minute (TIME_WAIT), and there are 28,000 by
//! default. Over loopback, Linux gives one to a new connection after a second
//! (`net.ipv4.tcp_tw_reuse` is 2 by default), so they do not run out before there are so many
//! arrivals in a second. They leave in the usual way, without resetting the connection.

use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use anyhow::{Context, ensure};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::task::{JoinHandle, spawn_local};

use super::{Measured, numbers};

/// A runtime on this thread.
pub fn local() -> anyhow::Result<LocalRuntime> {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().build_local(LocalOptions::default()).context("cannot start the runtime")
}

/// Has `votes` voters come, `in_flight` at a time. `voter` does all that the voter with a number
/// does.
pub(super) async fn arrive<F>(
    in_flight: u64,
    votes: u64,
    voter: impl Fn(u64) -> F + 'static,
) -> anyhow::Result<Measured>
where
    F: Future<Output = anyhow::Result<()>> + 'static,
{
    let voter = Rc::new(voter);
    let begun = Instant::now();
    let mut places = Vec::new();
    for place in 0..in_flight {
        let voter = voter.clone();
        places.push(spawn_local(async move {
            let mut count = 0;
            for number in numbers(place, in_flight, votes) {
                voter(number).await?;
                count += 1;
            }
            anyhow::Ok(count)
        }));
    }
    finish(places, votes, begun).await
}

/// Waits for what was begun then, and checks that it counted as many as there are votes.
pub async fn finish(
    tasks: Vec<JoinHandle<anyhow::Result<u64>>>,
    votes: u64,
    begun: Instant,
) -> anyhow::Result<Measured> {
    let mut count = 0;
    for task in tasks {
        count += task.await??;
    }
    let seconds = begun.elapsed().as_secs_f64();
    ensure!(count == votes, "{count} of {votes} votes were counted");
    Ok(Measured { count, seconds })
}

/// A connection to a server.
pub(super) async fn connect(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(address).await.context("cannot connect")?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
