//! The clerk's work: what it takes from its queue, and what it makes of that.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{mpsc, watch};

use super::clerk::{Answer, Board, COMMIT_VOTES_MAX, ClerkError, Clock, Job, Mandate};
use super::{Act, Ledger, LedgerError, Metrics};
use crate::election::{Outcome, Vote};

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
        while let Some(first) = self.queue.recv().await {
            let mut next = Some(first);
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
                    Job::Finish => self.queue.close(),
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
