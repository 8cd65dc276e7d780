//! Shards: threads that serve connections.
//!
//! An RPC connection and every capability on it are bound to one thread. Each shard is such a
//! thread, with its own runtime and many connections; new connections are assigned round-robin.
//! Only plain values leave a shard.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;

use capnp::capability::Client;
use tokio::runtime::{self, LocalOptions};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::admission::{Admission, ConnectionPermit, Origin};
use super::connection::{self, CallTracker};
use super::http::{self, Visitor};
use super::socket::{Pages, Socket};
use super::stream::Stream;

/// The queue of accepted connections per shard. While it is full, no more are accepted.
const NEW_CONNECTIONS_MAX: usize = 128;

/// Per-shard factory for bootstrap capabilities: called once on each shard's thread, it returns the
/// function that creates the capability for a connection of this origin.
pub type Bootstrap = Arc<dyn Fn() -> Box<dyn Fn(CallTracker, Origin) -> Client> + Send + Sync>;

/// The shards of a server.
#[derive(Debug)]
pub struct Shards {
    shards: Vec<Shard>,
    next: usize,
    admission: Admission,
}

#[derive(Debug)]
struct Shard {
    connections: mpsc::Sender<Admitted>,
    thread: thread::JoinHandle<()>,
}

/// A connection within the limits.
#[derive(Debug)]
struct Admitted {
    socket: Socket,
    permit: ConnectionPermit,
}

impl Shards {
    /// Starts `count` shards, at least one, for the connections that `admission` permits.
    ///
    /// # Errors
    /// Where a thread or its runtime cannot be created.
    pub fn start(count: usize, bootstrap: Bootstrap, admission: Admission) -> io::Result<Self> {
        let shards = (0..count.max(1)).map(|index| Shard::start(index, bootstrap.clone()));
        Ok(Self { shards: shards.collect::<io::Result<_>>()?, next: 0, admission })
    }

    /// Passes a connection to the next shard, or closes it if [`admission`](super::admission) has
    /// no place for it. Returns `false` if that shard has ended.
    pub async fn assign(&mut self, socket: Socket) -> bool {
        let origin = socket.origin();
        let Some(permit) = self.admission.admit(origin) else {
            tracing::debug!(?origin, "connection refused: there is no place for it");
            return true;
        };
        let Some(shard) = self.shards.get(self.next) else { return false };
        self.next = (self.next + 1) % self.shards.len();
        shard.connections.send(Admitted { socket, permit }).await.is_ok()
    }

    /// Answers the calls in progress, closes all connections and ends the shards. Blocks. Returns
    /// `false` if a shard has panicked.
    pub fn finish(self) -> bool {
        // Drops all senders, and so stops all shards, before the first join.
        let threads: Vec<_> = self.shards.into_iter().map(|shard| shard.thread).collect();
        let panics = threads.into_iter().filter_map(|thread| thread.join().err());
        panics.count() == 0
    }
}

impl Shard {
    fn start(index: usize, bootstrap: Bootstrap) -> io::Result<Self> {
        let (connections, queue) = mpsc::channel(NEW_CONNECTIONS_MAX);
        // The runtime cannot change threads: the shard's thread creates it and reports the result.
        let (ready, started) = std::sync::mpsc::channel();
        let thread = thread::Builder::new().name(format!("shard {index}")).spawn(move || {
            let mut builder = runtime::Builder::new_current_thread();
            let runtime = builder.enable_all().build_local(LocalOptions::default());
            match runtime {
                Ok(runtime) => {
                    let _ = ready.send(Ok(()));
                    runtime.block_on(run(queue, &bootstrap));
                    // Does not wait for blocking work whose connection is closed.
                    runtime.shutdown_background();
                }
                Err(error) => drop(ready.send(Err(error))),
            }
        })?;
        started.recv().map_err(io::Error::other)??;
        Ok(Self { connections, thread })
    }
}

/// Serves connections until the queue is closed, then drains and closes them.
async fn run(mut queue: mpsc::Receiver<Admitted>, bootstrap: &Bootstrap) {
    let bootstrap: Rc<dyn Fn(CallTracker, Origin) -> Client> = bootstrap().into();
    let connections = TaskTracker::new();
    let stop = CancellationToken::new();
    while let Some(Admitted { socket, permit }) = queue.recv().await {
        let (bootstrap, stop) = (bootstrap.clone(), stop.clone());
        connections.spawn_local(async move {
            // On the heap: it is larger than all that follows, and soon over.
            let opened = tokio::select! {
                opened = Box::pin(open(socket, permit)) => opened,
                () = stop.cancelled() => return,
            };
            match opened {
                // Pages were all that was asked for.
                Ok(None) => {}
                Ok(Some((stream, permit))) => {
                    let bootstrap = |calls| bootstrap(calls, permit.origin());
                    connection::serve_at(stream, permit.seat(), bootstrap, stop).await;
                }
                Err(error) => tracing::debug!(%error, "connection failed before it was served"),
            }
        });
    }
    stop.cancel();
    connections.close();
    connections.wait().await;
}

/// Does what comes before the first call: learns from a proxy where the connection comes from,
/// waits for its turn, does the TLS handshake, and serves pages until a browser asks for the
/// WebSocket beside them. `None` if it does not.
async fn open(
    mut socket: Socket,
    permit: ConnectionPermit,
) -> io::Result<Option<(Box<dyn Stream>, ConnectionPermit)>> {
    let pages = socket.take_pages();
    let (socket, permit) = if socket.is_forwarded() {
        let (socket, origin) = permit.unless_given_up(socket.forwarded_origin()).await?;
        (socket, permit.forwarded(origin).ok_or_else(no_place)?)
    } else {
        (socket, permit)
    };
    let opened = async {
        permit.turn().await;
        let is_encrypted = socket.is_encrypted();
        let handshake = if is_encrypted { Some(permit.handshake().await) } else { None };
        let _handshake = handshake.map(|permit| permit.ok_or_else(no_place)).transpose()?;
        socket.into_stream().await
    };
    let stream = permit.unless_given_up(opened).await?;
    let Some(Pages { site, proxy }) = pages else { return Ok(Some((stream, permit))) };
    let visit = http::serve(stream, &site, proxy, || permit.touch());
    let visit = permit.unless_given_up(visit).await?;
    let Some(Visitor { socket, origin }) = visit else { return Ok(None) };
    let permit = match origin {
        Some(origin) => permit.forwarded(origin).ok_or_else(no_place)?,
        None => permit,
    };
    let turn = async {
        permit.turn().await;
        Ok(())
    };
    permit.unless_given_up(turn).await?;
    permit.touch();
    Ok(Some((Box::new(socket), permit)))
}

fn no_place() -> io::Error {
    io::Error::other("there is no place for it")
}
