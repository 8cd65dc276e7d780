//! Group commit: one thread owns the store, and commits all that is queued with one fsync.
//!
//! Jobs queue up while the thread waits for a sync. It then takes all that are waiting, up to a
//! maximum, and commits their votes in one transaction. A single vote waits for one sync and nothing
//! else; under load the groups grow by themselves. No timer delays a commit.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::store::Store;
use crate::election::{Outcome, Vote};
use crate::ledger::{Act, Authorization, Clock, LedgerError, Metrics, Snapshot};

/// How many votes one commit takes. The last batch that joins may exceed it.
const COMMIT_VOTES_MAX: usize = 4_096;

/// Pauses between two tries to scrub: each is twice the one before, between these. A try rewrites the
/// file and holds up votes.
const SCRUB_PAUSE_FIRST: Duration = Duration::from_millis(500);
const SCRUB_PAUSE_MAX: Duration = Duration::from_secs(60);

/// What the thread is asked to do.
#[derive(Debug)]
pub(super) enum Job {
    Votes(Vec<Vote>, Reply<Vec<Outcome>>),
    Acts(Vec<Act>, Option<Authorization>, Reply<()>),
    /// Do what is queued, and end.
    Finish,
}

/// Where an answer goes. Nobody may be waiting for it any longer; the job is done all the same.
pub(super) type Reply<T> = oneshot::Sender<Result<T, LedgerError>>;

type QueuedAct = (Vec<Act>, Option<Authorization>, Reply<()>);

/// The store, and the queue of what to do with it.
pub(super) struct GroupCommit {
    store: Store,
    clock: Clock,
    queue: mpsc::Receiver<Job>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    metrics: Metrics,
    /// Whether [`Job::Finish`] came: nothing more gets into the queue.
    finishing: bool,
    /// When to try to scrub again, and how long to wait after that, while something is left.
    scrub: Option<(Instant, Duration)>,
}

impl GroupCommit {
    /// The snapshots follow every commit.
    pub(super) fn new(
        store: Store,
        clock: Clock,
        queue: mpsc::Receiver<Job>,
        metrics: Metrics,
    ) -> (Self, watch::Receiver<Arc<Snapshot>>) {
        let (snapshots, receiver) = watch::channel(Arc::new(store.snapshot()));
        // The store has tried once when it was opened. If nothing is left, a further try is free.
        let scrub = Some((Instant::now() + SCRUB_PAUSE_FIRST, SCRUB_PAUSE_FIRST * 2));
        (Self { store, clock, queue, snapshots, metrics, finishing: false, scrub }, receiver)
    }

    /// Works until it is told to finish, or all senders of the queue are gone. Blocks while it
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

    /// Waits for a job. Retries a scrub meanwhile, when it is time.
    async fn next(&mut self) -> Option<Job> {
        loop {
            // A sender that had reserved a slot when the queue closed may never use it.
            if self.finishing {
                return self.queue.try_recv().ok();
            }
            let Some((at, pause)) = self.scrub else { return self.queue.recv().await };
            tokio::select! {
                biased;
                job = self.queue.recv() => return job,
                () = sleep_until(at) => {}
            }
            let next = (Instant::now() + pause, (pause * 2).min(SCRUB_PAUSE_MAX));
            self.scrub = (!self.store.scrub()).then_some(next);
        }
    }

    /// Takes votes off the queue up to the next act, which is returned: what was queued before an act
    /// is decided before it.
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

    /// Commits votes. Each reply is for as many of them as stand beside it.
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
        }
        if acts.iter().any(|act| matches!(act, Act::Close(_))) {
            self.scrub = Some((Instant::now() + SCRUB_PAUSE_FIRST, SCRUB_PAUSE_FIRST * 2));
        }
        let _ = reply.send(done);
    }

    /// Shows a commit before it is answered: a voter who is told `recorded` finds the vote.
    fn publish(&self) {
        self.snapshots.send_replace(Arc::new(self.store.snapshot()));
    }
}
