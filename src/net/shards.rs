//! Shards: threads that accept and serve connections.
//!
//! An RPC connection and every capability on it are bound to one thread. Each shard is such a
//! thread, with its own runtime and many connections. A shard keeps what it accepts, unless another
//! one has clearly fewer connections. Only plain values leave a shard.

use std::convert::Infallible;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use capnp::capability::Client;
use tokio::runtime::{self, LocalOptions};
use tokio::sync::mpsc;
use tokio::task::spawn_local;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::acceptor::Acceptor;
use super::admission::{Admission, ConnectionPermit, Origin};
use super::connection::{self, CallTracker};
use super::listener::Listener;
use super::opening::open;
use super::socket::Socket;

/// The queue of connections that a shard gets from others. While it is full, they accept no more.
const NEW_CONNECTIONS_MAX: usize = 128;

/// The shards that accept. Each of them wakes up for a connection, and one gets it.
const ACCEPTING_SHARDS_MAX: usize = 4;

/// A shard passes a connection on if it has more than the one with the fewest connections, and more
/// than an eighth more.
const UNEQUAL_PART: usize = 8;

/// Per-shard factory for bootstrap capabilities: called once on each shard's thread, it returns the
/// function that creates the capability for a connection of this origin.
pub type Bootstrap = Arc<dyn Fn() -> Box<dyn Fn(CallTracker, Origin) -> Client> + Send + Sync>;

/// The shards of a server.
#[derive(Debug)]
pub struct Shards {
    shards: Vec<Shard>,
    others: Others,
    /// Dropped when the shards have to end.
    stop: DropGuard,
    /// Cancelled when one of them has ended.
    ended: CancellationToken,
}

#[derive(Debug)]
struct Shard {
    work: mpsc::Sender<Work>,
    thread: thread::JoinHandle<()>,
}

/// What a shard is given to do.
#[derive(Debug)]
enum Work {
    Accept(Acceptor, Others),
    Serve(Admitted),
}

/// A connection within the limits.
#[derive(Debug)]
struct Admitted {
    socket: Socket,
    permit: ConnectionPermit,
    counted: Counted,
}

/// What the shards know of each other.
#[derive(Debug, Clone)]
struct Others {
    admission: Admission,
    counts: Counts,
    work: Arc<[mpsc::Sender<Work>]>,
}

/// The connections of each shard.
#[derive(Debug, Clone)]
struct Counts(Arc<Mutex<Vec<usize>>>);

/// One connection of a shard, until it is dropped.
#[derive(Debug)]
struct Counted {
    counts: Counts,
    shard: usize,
}

impl Shards {
    /// Starts `count` shards, at least one, for the connections that `admission` permits.
    ///
    /// # Errors
    /// Where a thread or its runtime cannot be created.
    pub fn start(count: usize, bootstrap: Bootstrap, admission: Admission) -> io::Result<Self> {
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        let start = |index| Shard::start(index, bootstrap.clone(), stop.clone(), ended.clone());
        let shards = (0..count.max(1)).map(start).collect::<io::Result<Vec<_>>>()?;
        let counts = Counts::new(shards.len());
        let work = shards.iter().map(|shard| shard.work.clone()).collect();
        let others = Others { admission, counts, work };
        Ok(Self { shards, others, stop: stop.drop_guard(), ended })
    }

    /// Accepts the connections of these listeners. Those for which
    /// [`admission`](super::admission) has no place are closed. To be called once.
    pub async fn accept(&self, listeners: &[Listener]) {
        for shard in self.shards.iter().take(ACCEPTING_SHARDS_MAX) {
            for listener in listeners {
                let work = Work::Accept(listener.acceptor(), self.others.clone());
                // A shard that has ended is told by `ended`.
                let _ = shard.work.send(work).await;
            }
        }
    }

    /// Returns when a shard has ended by itself: it has panicked.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Accepts no more connections, answers the calls in progress, closes all connections and ends
    /// the shards. Blocks. Returns `false` if a shard has panicked.
    pub fn finish(self) -> bool {
        drop(self.stop);
        let panics = self.shards.into_iter().filter_map(|shard| shard.thread.join().err());
        panics.count() == 0
    }
}

impl Shard {
    fn start(
        index: usize,
        bootstrap: Bootstrap,
        stop: CancellationToken,
        ended: CancellationToken,
    ) -> io::Result<Self> {
        let (work, queue) = mpsc::channel(NEW_CONNECTIONS_MAX);
        // The runtime cannot change threads: the shard's thread creates it and reports the result.
        let (ready, started) = std::sync::mpsc::channel();
        let thread = thread::Builder::new().name(format!("shard {index}")).spawn(move || {
            let _ended = ended.drop_guard();
            let mut builder = runtime::Builder::new_current_thread();
            let runtime = builder.enable_all().build_local(LocalOptions::default());
            match runtime {
                Ok(runtime) => {
                    let _ = ready.send(Ok(()));
                    runtime.block_on(run(index, queue, &bootstrap, &stop));
                    // Does not wait for blocking work whose connection is closed.
                    runtime.shutdown_background();
                }
                Err(error) => drop(ready.send(Err(error))),
            }
        })?;
        started.recv().map_err(io::Error::other)??;
        Ok(Self { work, thread })
    }
}

/// Accepts and serves connections until it has to stop, then drains and closes them.
async fn run(
    index: usize,
    mut queue: mpsc::Receiver<Work>,
    bootstrap: &Bootstrap,
    stop: &CancellationToken,
) {
    let (connections, stop) = (TaskTracker::new(), stop.child_token());
    let serving = Serving { index, bootstrap: bootstrap().into(), connections, stop };
    while let Some(Some(work)) = serving.stop.run_until_cancelled(queue.recv()).await {
        match work {
            Work::Serve(admitted) => serving.serve(admitted),
            Work::Accept(acceptor, others) => {
                spawn_local(serving.clone().accept(acceptor, others));
            }
        }
    }
    drop(queue);
    serving.stop.cancel();
    serving.connections.close();
    serving.connections.wait().await;
}

/// What a shard needs to serve a connection.
#[derive(Clone)]
struct Serving {
    /// The shard's own.
    index: usize,
    bootstrap: Rc<dyn Fn(CallTracker, Origin) -> Client>,
    connections: TaskTracker,
    stop: CancellationToken,
}

impl Serving {
    /// Accepts connections until the shard has to stop.
    async fn accept(self, mut acceptor: Acceptor, others: Others) {
        let accepting = async {
            loop {
                let socket = acceptor.accept(&others.admission).await;
                self.take(socket, &others).await;
            }
        };
        let _: Option<Infallible> = self.stop.run_until_cancelled(accepting).await;
    }

    /// Serves a connection or passes it on, or closes it if there is no place for it.
    async fn take(&self, socket: Socket, others: &Others) {
        let origin = socket.origin();
        let Some(permit) = others.admission.admit(origin) else {
            tracing::debug!(?origin, "connection refused: there is no place for it");
            return;
        };
        let counted = others.counts.add(self.index);
        let shard = counted.shard;
        let admitted = Admitted { socket, permit, counted };
        match others.work.get(shard) {
            Some(work) if shard != self.index => {
                // A shard that has ended is told by `Shards::ended`.
                let _ = work.send(Work::Serve(admitted)).await;
            }
            _ => self.serve(admitted),
        }
    }

    fn serve(&self, admitted: Admitted) {
        let (bootstrap, stop) = (self.bootstrap.clone(), self.stop.clone());
        self.connections.spawn_local(async move {
            let Admitted { socket, permit, counted: _counted } = admitted;
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
}

impl Counts {
    /// None of so many shards has any.
    fn new(shards: usize) -> Self {
        Self(Arc::new(Mutex::new(vec![0; shards])))
    }

    /// Nothing panics while it holds this lock.
    fn lock(&self) -> MutexGuard<'_, Vec<usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a connection that a shard has accepted: of this shard, unless another has fewer by
    /// more than an [`UNEQUAL_PART`].
    fn add(&self, accepted_by: usize) -> Counted {
        let mut counts = self.lock();
        let own = counts.get(accepted_by).copied().unwrap_or_default();
        let fewest = counts.iter().copied().enumerate().min_by_key(|(_, count)| *count);
        let shard = match fewest {
            Some((fewest, least)) if own > least + least / UNEQUAL_PART => fewest,
            _ => accepted_by,
        };
        if let Some(count) = counts.get_mut(shard) {
            *count += 1;
        }
        Counted { counts: self.clone(), shard }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(count) = self.counts.lock().get_mut(self.shard) {
            *count -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_keeps_what_it_accepts_unless_another_has_fewer_by_a_part() {
        let shard = |counts: &[usize], accepted_by| {
            Counts(Arc::new(Mutex::new(counts.to_vec()))).add(accepted_by).shard
        };
        assert_eq!(shard(&[0, 0], 1), 1);
        assert_eq!(shard(&[0, 1], 1), 0);
        assert_eq!(shard(&[0, 1], 0), 0);
        assert_eq!(shard(&[80, 90], 1), 1);
        assert_eq!(shard(&[80, 91], 1), 0);
        assert_eq!(shard(&[91, 85, 80], 0), 2);
    }

    #[test]
    fn what_one_shard_accepts_is_spread_among_all_until_it_ends() {
        let counts = Counts::new(3);
        let counted: Vec<_> = (0..18).map(|_| counts.add(1)).collect();
        assert_eq!(*counts.lock(), [6; 3]);
        drop(counted);
        assert_eq!(*counts.lock(), [0; 3]);
    }
}
