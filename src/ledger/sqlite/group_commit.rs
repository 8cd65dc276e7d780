//! Group commit: one thread owns the store, and commits the queued votes with one fsync.
//!
//! Jobs queue up during an fsync. The thread then takes those that are queued, up to a maximum, and
//! commits their votes in one transaction. No timer delays a commit: a single vote waits for one
//! fsync, and under load the groups grow.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::store::Store;
use crate::election::{Outcome, Vote};
use crate::ledger::{Act, Authorization, Clock, LedgerError, Metrics, Snapshot};

/// Votes in one commit. The last batch may exceed it.
const COMMIT_VOTES_MAX: usize = 4_096;

/// Pause before a scrub is retried. It doubles from the first to the maximum: a scrub rewrites the
/// file, and votes wait for it.
const SCRUB_PAUSE_FIRST: Duration = Duration::from_millis(500);
const SCRUB_PAUSE_MAX: Duration = Duration::from_secs(60);

/// A request to the thread.
#[derive(Debug)]
pub(super) enum Job {
    Votes(Vec<Vote>, Reply<Vec<Outcome>>),
    Acts(Vec<Act>, Option<Authorization>, Reply<()>),
    /// Do the queued jobs, and end.
    Finish,
}

/// Where an answer goes. Its receiver may be gone: the job is done nevertheless.
pub(super) type Reply<T> = oneshot::Sender<Result<T, LedgerError>>;

type QueuedAct = (Vec<Act>, Option<Authorization>, Reply<()>);

/// The store, and the queue of its jobs.
pub(super) struct GroupCommit {
    store: Store,
    clock: Clock,
    queue: mpsc::Receiver<Job>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    metrics: Metrics,
    /// Whether [`Job::Finish`] was taken. The queue is then closed.
    finishing: bool,
    /// While something is left to scrub.
    scrub: Option<Retry>,
}

/// When to retry, and the pause after that.
type Retry = (Instant, Duration);

impl GroupCommit {
    /// The receiver gets a snapshot after every commit.
    pub(super) fn new(
        store: Store,
        clock: Clock,
        queue: mpsc::Receiver<Job>,
        metrics: Metrics,
    ) -> (Self, watch::Receiver<Arc<Snapshot>>) {
        let (snapshots, receiver) = watch::channel(Arc::new(store.snapshot()));
        // The store was scrubbed when it was opened. If nothing is left, a retry costs nothing.
        let scrub = first_retry();
        (Self { store, clock, queue, snapshots, metrics, finishing: false, scrub }, receiver)
    }

    /// Works until it takes [`Job::Finish`], or all senders of the queue are gone. Blocks while it
    /// commits.
    pub(super) async fn run(mut self) {
        let (mut votes, mut replies) = (Vec::new(), Vec::new());
        while let Some(first) = self.next().await {
            let act = self.take_group(first, &mut votes, &mut replies);
            if !votes.is_empty() {
                self.commit(&votes, replies.drain(..));
                votes.clear();
            }
            if let Some((acts, under, reply)) = act {
                self.act(&acts, under.as_ref(), reply);
            }
        }
    }

    /// Waits for a job, and retries a scrub meanwhile.
    async fn next(&mut self) -> Option<Job> {
        loop {
            // Not `recv`: a slot that was reserved when the queue closed may never be used.
            if self.finishing {
                return self.queue.try_recv().ok();
            }
            let Some((at, pause)) = self.scrub else { return self.queue.recv().await };
            // Checked first: under load there is always a job.
            if Instant::now() < at {
                tokio::select! {
                    biased;
                    job = self.queue.recv() => return job,
                    () = sleep_until(at) => {}
                }
            }
            let next = (Instant::now() + pause, (pause * 2).min(SCRUB_PAUSE_MAX));
            self.scrub = (!self.store.scrub()).then_some(next);
        }
    }

    /// Takes votes off the queue up to the next act, which it returns: votes queued before an act
    /// are decided before it.
    fn take_group(
        &mut self,
        first: Job,
        votes: &mut Vec<Vote>,
        replies: &mut Vec<(usize, Reply<Vec<Outcome>>)>,
    ) -> Option<QueuedAct> {
        let mut next = Some(first);
        while let Some(job) = next.take() {
            match job {
                Job::Votes(more, reply) => {
                    replies.push((more.len(), reply));
                    votes.extend(more);
                }
                Job::Acts(acts, under, reply) => return Some((acts, under, reply)),
                Job::Finish => {
                    self.queue.close();
                    self.finishing = true;
                }
            }
            if votes.len() < COMMIT_VOTES_MAX {
                next = self.queue.try_recv().ok();
            }
        }
        None
    }

    /// Commits votes. Each reply is for the given number of them, in order.
    fn commit(
        &mut self,
        votes: &[Vote],
        replies: impl Iterator<Item = (usize, Reply<Vec<Outcome>>)>,
    ) {
        let begun = std::time::Instant::now();
        match self.store.vote(votes, (self.clock)()) {
            Ok(outcomes) => {
                self.metrics.committed(&outcomes, begun.elapsed());
                self.publish();
                let mut outcomes = outcomes.into_iter();
                for (count, reply) in replies {
                    let _ = reply.send(Ok(outcomes.by_ref().take(count).collect()));
                }
            }
            Err(error) => {
                self.metrics.failed(votes.len());
                tracing::error!(votes = votes.len(), %error, "a commit failed");
                replies.for_each(|(_, reply)| drop(reply.send(Err(error.clone()))));
            }
        }
    }

    fn act(&mut self, acts: &[Act], under: Option<&Authorization>, reply: Reply<()>) {
        let begun = std::time::Instant::now();
        let done = self.store.act(acts, under);
        if done.is_ok() {
            self.metrics.acted(begun.elapsed());
            self.publish();
            if acts.iter().any(|act| matches!(act, Act::Close(_))) {
                self.scrub = first_retry();
            }
        }
        let _ = reply.send(done);
    }

    /// Publishes a commit. Called before it is answered: a voter who is told `recorded` finds the
    /// vote in the turnout.
    fn publish(&self) {
        self.snapshots.send_replace(Arc::new(self.store.snapshot()));
    }
}

fn first_retry() -> Option<Retry> {
    Some((Instant::now() + SCRUB_PAUSE_FIRST, SCRUB_PAUSE_FIRST * 2))
}
