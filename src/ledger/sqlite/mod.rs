//! The embedded ledger: one SQLite file in the data directory, written by one thread of one server.
//!
//! [`SqliteLedger`] queues jobs for the `group_commit` thread. That thread owns the [`Store`],
//! and commits the queued votes with one fsync.

mod acts;
mod backup;
mod ballot_box;
mod chain;
mod check;
mod close;
mod copier;
mod creations;
mod doubt;
mod elections;
mod entry;
mod epochs;
mod file;
mod format;
mod grants;
mod group_commit;
mod guard;
mod issues;
mod known;
mod long_changes;
mod mark;
mod network;
mod plain;
mod reader;
mod replay;
mod restore;
mod rows;
mod sealing;
mod shared_rolls;
mod sheet;
mod staged;
mod steps;
mod store;
#[cfg(test)]
mod tests;
mod values;
mod wal;
mod whole;
mod write;

use std::io;
use std::sync::Arc;
use std::thread;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot, watch};

pub use self::backup::{CopyPhase, RestoreOptions, backup, restore};
use self::copier::Copier;
use self::creations::Creations;
pub(super) use self::file::has_ledger;
use self::group_commit::{GroupCommit, Job};
use self::long_changes::{LongChanges, large_issue};
pub use self::network::file_system as network_file_system;
pub use self::reader::SqliteReader;
pub use self::restore::RestoreReport;
pub use self::store::Store;
pub use super::roll::{BallotRow, Roll, RollIndex};
pub use super::run::Run;
use super::worker::{Worker, ask};
use super::{
    Act, Answer, Authorization, Clock, Decision, Ledger, LedgerError, Metrics, OpenError, Report,
    SheetCursor, SheetPart, Snapshot,
};
use crate::election::{ElectionId, Grant, Timestamp, TokenHash, Vote};
use crate::threads::background;

/// Jobs in the queue: acts, and batches of votes. Further calls wait for a slot.
pub const QUEUE_MAX: usize = 256;

/// A [`Store`] in use by a server. Dropping it shuts it down, which blocks.
pub struct SqliteLedger {
    jobs: mpsc::Sender<Job>,
    long_changes: LongChanges,
    creations: Creations,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    reader: SqliteReader,
    clock: Clock,
    /// It is told to end over a reserved slot in its queue.
    worker: Worker<mpsc::OwnedPermit<Job>>,
}

impl SqliteLedger {
    /// Hands a store to a thread of its own.
    ///
    /// # Errors
    /// [`OpenError::Thread`].
    pub fn start(store: Store, clock: Clock) -> Result<Self, OpenError> {
        Self::start_with(store, clock, Metrics::new())
    }

    /// As [`start`](Self::start), with metrics that the caller can read.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with(store: Store, clock: Clock, metrics: Metrics) -> Result<Self, OpenError> {
        let runtime = Builder::new_current_thread().enable_time().build();
        let runtime = runtime.map_err(OpenError::Thread)?;
        let copier = store.copier().map_err(OpenError::Thread)?;
        let (mut ledger, work) = Self::new(Some(copier), store, clock, metrics);
        let slot = ledger.jobs.clone().try_reserve_owned();
        let slot = slot.map_err(|error| OpenError::Thread(io::Error::other(error)))?;
        let thread = thread::Builder::new().name("ledger".into());
        let thread = thread.spawn(move || runtime.block_on(work)).map_err(OpenError::Thread)?;
        ledger.worker = Worker::of(thread, slot);
        Ok(ledger)
    }

    /// A ledger without a thread, and the future that does its work, which blocks while it commits
    /// and returns `false` if the store stopped in doubt. For simulations, which control when it
    /// runs.
    pub fn without_thread(store: Store, clock: Clock) -> (Self, impl Future<Output = bool>) {
        Self::new(None, store, clock, Metrics::new())
    }

    fn new(
        copier: Option<Copier>,
        store: Store,
        clock: Clock,
        metrics: Metrics,
    ) -> (Self, impl Future<Output = bool> + use<>) {
        // One more for `Job::Finish`.
        let (jobs, queue) = mpsc::channel(QUEUE_MAX + 1);
        let reader = store.reader();
        let (work, snapshots) = GroupCommit::new(copier, store, clock.clone(), queue, metrics);
        let ledger = Self {
            long_changes: LongChanges::new(jobs.clone()),
            creations: Creations::new(),
            worker: Worker::none(),
            jobs,
            snapshots,
            reader,
            clock,
        };
        (ledger, work.run())
    }

    /// Queues a job and awaits its answer.
    fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, LedgerError>>) -> Job + Send + 'static,
    ) -> Answer<T> {
        ask(self.jobs.clone(), job).boxed()
    }

    /// Reads the file on a thread for blocking work.
    fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&SqliteReader) -> Result<T, LedgerError> + Send + 'static,
    ) -> Answer<T> {
        let reader = self.reader.clone();
        async move {
            let read = background::run(move || read(&reader)).await;
            let failed = "the server failed to read the ledger; see its log";
            read.map_err(|_| LedgerError::Unreadable(failed.into()))?
        }
        .boxed()
    }
}

impl Ledger for SqliteLedger {
    fn vote(&self, votes: Vec<Vote>) -> Answer<Vec<Decision>> {
        self.ask(move |answer| Job::Votes(votes, answer))
    }

    fn act(&self, acts: Vec<Act>, under: Option<Authorization>) -> Answer<()> {
        let issues = acts.iter().any(|act| matches!(act, Act::Issue(..)));
        let (jobs, long_changes) = (self.jobs.clone(), self.long_changes.clone());
        let creations = self.creations.clone();
        async move {
            let _turn = creations.turn(&acts).await;
            let permit = if issues { long_changes.permit().await } else { None };
            match large_issue(acts) {
                Ok((election, numbers)) => {
                    long_changes.issue(election, numbers, under, permit).await
                }
                Err(acts) => ask(jobs, move |answer| Job::Acts(acts, under, answer)).await,
            }
        }
        .boxed()
    }

    fn void(
        &self,
        election: ElectionId,
        token: TokenHash,
        under: Option<Authorization>,
    ) -> Answer<u64> {
        self.long_changes.clone().void(election, token, under).boxed()
    }

    fn grant(&self, token: TokenHash) -> Answer<Option<Grant>> {
        let grant = self.snapshots.borrow().grants.find(&token).cloned();
        std::future::ready(Ok(grant)).boxed()
    }

    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    // No other process writes the file, and every commit is published before it is answered.
    fn fresh(&self) -> Answer<Arc<Snapshot>> {
        std::future::ready(Ok(self.snapshots.borrow().clone())).boxed()
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    fn sheet(&self, election: ElectionId, cursor: SheetCursor, lines: usize) -> Answer<SheetPart> {
        self.read(move |reader| reader.sheet(&election, cursor, lines))
    }

    fn check(&self, election: ElectionId) -> Answer<Report> {
        self.read(move |reader| reader.check(&election))
    }

    fn stopped(&self) -> BoxFuture<'static, ()> {
        let jobs = self.jobs.clone();
        async move { jobs.closed().await }.boxed()
    }

    fn shut_down(&self) -> bool {
        // If the thread has panicked, nobody takes it.
        self.worker.end(|slot| drop(slot.send(Job::Finish)))
    }
}

impl Drop for SqliteLedger {
    fn drop(&mut self) {
        self.shut_down();
    }
}

impl std::fmt::Debug for SqliteLedger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteLedger").field("reader", &self.reader).finish_non_exhaustive()
    }
}
