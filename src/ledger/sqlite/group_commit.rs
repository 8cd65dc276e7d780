//! Group commit: one thread owns the store, and commits the queued votes with one fsync.
//!
//! Jobs queue up during an fsync. The thread then takes those that are queued, up to a maximum, and
//! commits their votes in one transaction. No timer delays a commit: a single vote waits for one
//! fsync, and under load the groups grow.

use std::sync::Arc;

use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot, watch};

use super::copier::{Copier, Done};
use super::long_changes::Step;
use super::store::Store;
use crate::election::Vote;
use crate::ledger::{Act, Authorization, Clock, Decision, LedgerError, Metrics, Snapshot};
use crate::threads::stack;

/// Votes in one commit. The last batch may exceed it.
const COMMIT_VOTES_MAX: usize = 4_096;

/// Steps by which rolls are settled before each job: together about a millisecond.
const SETTLE_STEPS: usize = 2;

const COPY_FAILED: &str = "the ledger's log could not be copied into its file";

/// A request to the thread.
#[derive(Debug)]
pub(super) enum Job {
    Votes(Vec<Vote>, Reply<Vec<Decision>>),
    Acts(Vec<Act>, Option<Authorization>, Reply<()>),
    /// One step of a long change.
    Step(Step),
    /// Do the queued jobs, and end.
    Finish,
}

/// Where an answer goes. Its receiver may be gone: the job is done nevertheless.
pub(super) type Reply<T> = oneshot::Sender<Result<T, LedgerError>>;

/// A change that ends a group of votes.
enum Change {
    Acts(Vec<Act>, Option<Authorization>, Reply<()>),
    Step(Step),
}

/// The store, and the queue of its jobs.
pub(super) struct GroupCommit {
    /// Declared before the store, which empties the log when it closes. `None` in simulations.
    copier: Option<Copier>,
    store: Store,
    clock: Clock,
    queue: mpsc::Receiver<Job>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    metrics: Metrics,
    /// Whether [`Job::Finish`] was taken. The queue is then closed.
    finishing: bool,
}

impl GroupCommit {
    /// The receiver gets a snapshot after every commit.
    pub(super) fn new(
        copier: Option<Copier>,
        store: Store,
        clock: Clock,
        queue: mpsc::Receiver<Job>,
        metrics: Metrics,
    ) -> (Self, watch::Receiver<Arc<Snapshot>>) {
        let (snapshots, receiver) = watch::channel(Arc::new(store.snapshot()));
        let finishing = false;
        (Self { copier, store, clock, queue, snapshots, metrics, finishing }, receiver)
    }

    /// Works until it takes [`Job::Finish`], or all senders of the queue are gone. Returns `false`
    /// if the store has stopped in doubt; everything later was then refused. Blocks while it
    /// commits.
    pub(super) async fn run(mut self) -> bool {
        let mut replies = Vec::new();
        while let Some(first) = self.next().await {
            // Freed after each commit: the allocator of the program overwrites what is freed.
            let mut votes = Vec::new();
            let change = self.take_group(first, &mut votes, &mut replies);
            if !votes.is_empty() {
                self.commit(&votes, replies.drain(..));
            }
            drop(votes);
            match change {
                Some(Change::Acts(acts, under, reply)) => self.act(&acts, under.as_ref(), reply),
                Some(Change::Step(step)) => self.step(step),
                None => {}
            }
            if self.copier.as_ref().is_some_and(Copier::has_failed) {
                self.store.stop_in_doubt(COPY_FAILED);
            }
            if self.store.is_in_doubt() {
                // What is queued is not copied: the next start does that.
                self.copier.iter().for_each(Copier::stop);
                tracing::error!(
                    "the ledger stops: it is not certain what is on the disk, and the next start \
                     finds out; everything that waits is refused"
                );
                self.refuse_all().await;
                return false;
            }
        }
        // The store copies the rest of the log when it closes, and must not after a failed copy.
        let copied = self.copier.take().is_none_or(Copier::finish);
        if !copied {
            self.store.stop_in_doubt(COPY_FAILED);
            tracing::error!("the ledger ends without its log copied: the next start copies it");
        }
        copied
    }

    /// Refuses the jobs in the queue, and those of calls that wait for a slot in it.
    async fn refuse_all(&mut self) {
        self.queue.close();
        loop {
            // See `next`.
            let job = match self.finishing {
                true => self.queue.try_recv().ok(),
                false => self.queue.recv().await,
            };
            match job {
                Some(Job::Votes(votes, reply)) => {
                    self.metrics.failed(votes.len());
                    let _ = reply.send(Err(LedgerError::Stopped));
                }
                Some(Job::Acts(.., reply)) => drop(reply.send(Err(LedgerError::Stopped))),
                // A store in doubt does no step, and answers the same.
                Some(Job::Step(step)) => step.run(&mut self.store)(),
                Some(Job::Finish) => self.finishing = true,
                None => return,
            }
        }
    }

    /// Waits for a job. Meanwhile settles the rolls, and retries a scrub.
    async fn next(&mut self) -> Option<Job> {
        loop {
            // Not `recv`: a slot that was reserved when the queue closed may never be used.
            if self.finishing {
                return self.queue.try_recv().ok();
            }
            let unsettled = (0..SETTLE_STEPS).all(|_| self.store.settle_step());
            if unsettled {
                match self.queue.try_recv() {
                    Ok(job) => return Some(job),
                    Err(TryRecvError::Disconnected) => return None,
                    Err(TryRecvError::Empty) => continue,
                }
            }
            return self.queue.recv().await;
        }
    }

    /// Takes votes off the queue up to the next act, which it returns: votes queued before an act
    /// are decided before it.
    fn take_group(
        &mut self,
        first: Job,
        votes: &mut Vec<Vote>,
        replies: &mut Vec<(usize, Reply<Vec<Decision>>)>,
    ) -> Option<Change> {
        let mut next = Some(first);
        while let Some(job) = next.take() {
            match job {
                Job::Votes(more, reply) => {
                    replies.push((more.len(), reply));
                    votes.extend(more);
                }
                Job::Acts(acts, under, reply) => return Some(Change::Acts(acts, under, reply)),
                Job::Step(step) => return Some(Change::Step(step)),
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
        replies: impl Iterator<Item = (usize, Reply<Vec<Decision>>)>,
    ) {
        let begun = std::time::Instant::now();
        match self.store.vote_each(votes, (self.clock)()) {
            Ok(decisions) => {
                let count = decisions.iter().filter(|decision| decision.is_err()).count();
                self.metrics.decided(&decisions, count, begun.elapsed());
                self.metrics.log_is(self.store.wal_bytes());
                if let Some(error) = decisions.iter().find_map(|it| it.as_ref().err()) {
                    tracing::error!(count, %error, "a commit failed");
                }
                self.publish();
                let mut decisions = decisions.into_iter();
                for (count, reply) in replies {
                    let _ = reply.send(Ok(decisions.by_ref().take(count).collect()));
                }
                self.copy_soon();
            }
            Err(error) => {
                self.metrics.failed(votes.len());
                replies.for_each(|(_, reply)| drop(reply.send(Err(error.clone()))));
            }
        }
    }

    fn act(&mut self, acts: &[Act], under: Option<&Authorization>, reply: Reply<()>) {
        let begun = std::time::Instant::now();
        let done = self.store.act_unsettled(acts, under);
        let closes = acts.iter().any(|act| matches!(act, Act::Close(_)));
        if done.is_ok() {
            self.metrics.acted(begun.elapsed());
            self.metrics.log_is(self.store.wal_bytes());
            self.publish();
        }
        if let Err(error @ (LedgerError::NotStored(_) | LedgerError::Unknown(_))) = &done {
            tracing::error!(%error, "an act failed");
        }
        if closes {
            stack::clear();
            self.forget();
        }
        self.answer(Box::new(move || drop(reply.send(done))));
    }

    fn step(&mut self, step: Step) {
        let answer = step.run(&mut self.store);
        self.metrics.log_is(self.store.wal_bytes());
        self.publish();
        self.answer(answer);
    }

    /// Answers an act, or a step of one, once it does not depend on the log.
    fn answer(&mut self, answer: Done) {
        match &mut self.copier {
            Some(copier) if self.store.take_uncopied() => return copier.then(answer),
            Some(_) => self.copy_soon(),
            None => self.store.copy(),
        }
        answer();
    }

    fn copy_soon(&mut self) {
        if let Some(copier) = &mut self.copier
            && !self.store.is_in_doubt()
        {
            copier.soon();
        }
    }

    /// Has the copier forget what it has read.
    fn forget(&mut self) {
        if let Some(copier) = &mut self.copier {
            copier.forget();
        }
    }

    /// Publishes a commit. Called before it is answered: a voter who is told `recorded` finds the
    /// vote in the turnout.
    fn publish(&self) {
        self.snapshots.send_replace(Arc::new(self.store.snapshot()));
    }
}
