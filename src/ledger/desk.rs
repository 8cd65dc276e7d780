//! The clerk's work: what it is asked, what it makes of that, and what it shows everyone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tokio::sync::{mpsc, oneshot, watch};

use super::{Act, Ledger, LedgerError, Metrics};
use crate::election::{GrantId, Grants, Outcome, Standing, Timestamp, Vote};

/// Votes in one commit, and as many again as are handed in together with the last of them.
pub(super) const COMMIT_VOTES_MAX: usize = 4_096;

/// What the ledger holds, as everyone on the server may see it.
#[derive(Debug)]
pub struct Board {
    /// Every election as it stands, oldest first.
    pub elections: Vec<Arc<Standing>>,
    /// Every grant in force.
    pub grants: Arc<Grants>,
}

impl Board {
    pub(super) fn of(ledger: &impl Ledger) -> Self {
        Self { elections: ledger.standings(), grants: ledger.grants() }
    }
}

/// Tells the clerk what time it is.
pub type Clock = Box<dyn Fn() -> Timestamp + Send>;

/// Why the clerk did not do what it was asked. Cheap to clone: one failed commit fails all its votes.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClerkError {
    /// The ledger did not take it.
    #[error(transparent)]
    Ledger(Arc<LedgerError>),
    /// The clerk takes nothing more, and did not take this.
    #[error("the server is stopping")]
    Stopped,
    /// The clerk stopped with this in hand. Whether it was done is not known.
    #[error("the server stopped in the middle of it")]
    Unknown,
}

impl ClerkError {
    /// Whether the rules say no, and nothing is broken.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Ledger(error) if error.is_refusal())
    }

    /// Whether it is known that nothing was stored.
    pub fn is_certain(&self) -> bool {
        match self {
            Self::Stopped => true,
            Self::Unknown => false,
            Self::Ledger(error) => {
                error.is_refusal()
                    || matches!(**error, LedgerError::NotStored(_) | LedgerError::Revoked)
            }
        }
    }
}

/// In whose name acts are done.
#[derive(Debug, Clone)]
pub struct Mandate {
    /// The grant that it comes from.
    pub grant: GrantId,
    /// What may end it sooner than the grant. Any one that is true does.
    pub revoked: Vec<Arc<AtomicBool>>,
}

impl Mandate {
    /// Whether acts may be done under it, while these grants are in force.
    pub fn is_in_force(&self, grants: &Grants) -> bool {
        grants.holds(self.grant) && !self.revoked.iter().any(|it| it.load(Ordering::Acquire))
    }
}

#[derive(Debug)]
pub(super) enum Job {
    Votes(Vec<Vote>, Answer<Vec<Outcome>>),
    Administer(Vec<Act>, Option<Mandate>, Answer<()>),
    Tidy,
    Finish,
}

pub(super) type Answer<T> = oneshot::Sender<Result<T, ClerkError>>;

/// What lies before the clerk.
pub(super) struct Desk<L> {
    pub(super) ledger: L,
    pub(super) clock: Clock,
    pub(super) queue: mpsc::Receiver<Job>,
    pub(super) publisher: watch::Sender<Arc<Board>>,
    pub(super) metrics: Metrics,
}

impl<L: Ledger> Desk<L> {
    /// Works until it is told to finish, or nobody is left to hand anything in. Blocks while it commits.
    pub(super) async fn work(mut self) {
        let mut votes = Vec::new();
        let mut answers = Vec::new();
        let mut finishing = false;
        loop {
            // Who was given a place as the queue closed may never come to use it: nobody is waited for any more.
            let mut next =
                if finishing { self.queue.try_recv().ok() } else { self.queue.recv().await };
            if next.is_none() {
                return;
            }
            let mut act = None;
            while let Some(job) = next.take() {
                match job {
                    Job::Votes(more, answer) => {
                        answers.push((more.len(), answer));
                        votes.extend(more);
                    }
                    // What was queued before an act is decided before it.
                    Job::Administer(acts, under, answer) => {
                        act = Some((acts, under, answer));
                        break;
                    }
                    Job::Tidy => self.ledger.tidy(),
                    // Nothing more gets in, and what is in is done.
                    Job::Finish => {
                        self.queue.close();
                        finishing = true;
                    }
                }
                if votes.len() < COMMIT_VOTES_MAX {
                    next = self.queue.try_recv().ok();
                }
            }
            if !votes.is_empty() {
                self.commit(&votes, answers.drain(..));
                votes.clear();
            }
            if let Some((acts, under, answer)) = act {
                self.administer(&acts, under, answer);
            }
        }
    }

    /// Commits votes, of which each answer is about as many as stand beside it.
    fn commit(
        &mut self,
        votes: &[Vote],
        answers: impl Iterator<Item = (usize, Answer<Vec<Outcome>>)>,
    ) {
        let begun = Instant::now();
        // Where the receiver is gone, the votes stand all the same.
        match self.ledger.commit(votes, (self.clock)()) {
            Ok(outcomes) => {
                self.metrics.committed(&outcomes, begun.elapsed());
                self.publish();
                let mut outcomes = outcomes.into_iter();
                for (count, answer) in answers {
                    let _ = answer.send(Ok(outcomes.by_ref().take(count).collect()));
                }
            }
            Err(error) => {
                self.metrics.failed(votes.len());
                tracing::error!(votes = votes.len(), %error, "a commit failed");
                let error = ClerkError::Ledger(Arc::new(error));
                answers.for_each(|(_, answer)| drop(answer.send(Err(error.clone()))));
            }
        }
    }

    fn administer(&mut self, acts: &[Act], under: Option<Mandate>, answer: Answer<()>) {
        let in_force = under.is_none_or(|mandate| mandate.is_in_force(&self.ledger.grants()));
        let begun = Instant::now();
        let done = if in_force { self.ledger.administer(acts) } else { Err(LedgerError::Revoked) };
        if done.is_ok() {
            self.metrics.acted(begun.elapsed());
            self.publish();
        }
        let _ = answer.send(done.map_err(|error| ClerkError::Ledger(Arc::new(error))));
    }

    /// Shows the board before anyone is answered, so that whoever was told `recorded` finds the vote.
    fn publish(&mut self) {
        self.publisher.send_replace(Arc::new(Board::of(&self.ledger)));
    }
}
