//! Shards: the threads that connections live on.
//!
//! An RPC connection and every capability on it belong to one thread. Each shard is such a thread, with
//! a runtime of its own and many connections; a new connection goes to the next shard in turn. Only plain
//! values leave a shard.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;

use capnp::capability::Client;
use tokio::runtime::{self, LocalOptions};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::admission::{Admission, Origin, Place};
use super::connection::{self, Work};
use super::socket::Socket;

/// Connections that were accepted and wait for their shard. Whoever comes next waits to be accepted.
const NEW_CONNECTIONS_MAX: usize = 128;

/// Makes, on the thread of each shard, what makes the capability that a new connection gets there, which comes from
/// somewhere.
pub type Bootstrap = Arc<dyn Fn() -> Box<dyn Fn(Work, Origin) -> Client> + Send + Sync>;

/// The shards of a server.
#[derive(Debug)]
pub struct Shards {
    shards: Vec<Shard>,
    next: usize,
    admission: Admission,
}

#[derive(Debug)]
struct Shard {
    guests: mpsc::Sender<Guest>,
    thread: thread::JoinHandle<()>,
}

/// A connection that was admitted.
#[derive(Debug)]
struct Guest {
    socket: Socket,
    place: Place,
}

impl Shards {
    /// Starts `count` shards, and at least one.
    ///
    /// # Errors
    /// Where the machine has no more threads.
    pub fn start(count: usize, bootstrap: Bootstrap) -> io::Result<Self> {
        let shards = (0..count.max(1)).map(|index| Shard::start(index, bootstrap.clone()));
        let (shards, admission) = (shards.collect::<io::Result<_>>()?, Admission::default());
        Ok(Self { shards, next: 0, admission })
    }

    /// Gives a connection to the next shard, or closes it where there are too many (see
    /// [`admission`](super::admission)). Returns `false` where that shard is gone.
    pub async fn assign(&mut self, socket: Socket) -> bool {
        // Whoever has gone already has no address.
        let Ok(origin) = socket.origin() else { return true };
        let Some(place) = self.admission.admit(origin) else {
            tracing::debug!(?origin, "a connection was refused: there are too many");
            return true;
        };
        let Some(shard) = self.shards.get(self.next) else { return false };
        self.next = (self.next + 1) % self.shards.len();
        shard.guests.send(Guest { socket, place }).await.is_ok()
    }

    /// Lets every connection finish what it accepted, closes it, and ends the shards. Blocks. Returns whether
    /// every shard worked to the end.
    pub fn finish(self) -> bool {
        // All of them are told to stop before the first is waited for.
        let threads: Vec<_> = self.shards.into_iter().map(|shard| shard.thread).collect();
        let mut worked = true;
        for thread in threads {
            worked &= thread.join().is_ok();
        }
        worked
    }
}

impl Shard {
    fn start(index: usize, bootstrap: Bootstrap) -> io::Result<Self> {
        let (guests, queue) = mpsc::channel(NEW_CONNECTIONS_MAX);
        // A runtime stays on its thread; whether there is one is known only there.
        let (ready, started) = std::sync::mpsc::channel();
        let thread = thread::Builder::new().name(format!("shard {index}")).spawn(move || {
            let mut builder = runtime::Builder::new_current_thread();
            let runtime = builder.enable_all().build_local(LocalOptions::default());
            match runtime {
                Ok(runtime) => {
                    let _ = ready.send(Ok(()));
                    runtime.block_on(run(queue, &bootstrap));
                    // Long work that nobody waits for any more is not waited for either.
                    runtime.shutdown_background();
                }
                Err(error) => drop(ready.send(Err(error))),
            }
        })?;
        started.recv().map_err(io::Error::other)??;
        Ok(Self { guests, thread })
    }
}

/// Serves connections until no more can come, and then until the last has ended.
async fn run(mut queue: mpsc::Receiver<Guest>, bootstrap: &Bootstrap) {
    let bootstrap: Rc<dyn Fn(Work, Origin) -> Client> = bootstrap().into();
    let connections = TaskTracker::new();
    let stop = CancellationToken::new();
    while let Some(Guest { socket, place }) = queue.recv().await {
        let (bootstrap, stop, origin) = (bootstrap.clone(), stop.clone(), place.origin());
        connections.spawn_local(async move {
            let agreed = tokio::select! {
                agreed = socket.into_stream() => agreed,
                () = stop.cancelled() => return,
            };
            match agreed {
                Ok(stream) => {
                    connection::serve(stream, move |work| bootstrap(work, origin), stop).await
                }
                Err(error) => tracing::debug!(%error, "a connection broke before it began"),
            }
            drop(place);
        });
    }
    stop.cancel();
    connections.close();
    connections.wait().await;
}
