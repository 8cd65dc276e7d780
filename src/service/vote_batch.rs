//! Batching: the votes that a shard receives in one turn of its event loop are one call of the
//! ledger.
//!
//! A call wakes the ledger's thread, and its answer the shard's. Under load those wake-ups cost
//! more than deciding a vote.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::spawn_local;

use crate::batching::{Batching, is_input_pending, yield_turn};
use crate::election::Vote;
use crate::ledger::{Decision, Ledger, LedgerError};
use crate::threads::stack;

/// Votes of one shard for one part of the ledger that wait to be batched. Further votes wait for a
/// slot.
pub const WAITING_VOTES_MAX: usize = 8_192;

/// Votes in one batch.
const BATCH_VOTES_MAX: usize = 4_096;

/// Batches of one shard in flight to one part of the ledger. Meanwhile the next one grows.
const BATCHES_MAX: usize = 64;

/// Batches the votes of one shard, and those of each part of the ledger by themselves. Cheap to
/// clone.
#[derive(Debug, Clone)]
pub(super) struct VoteBatcher {
    ledger: Arc<dyn Ledger>,
    parts: Arc<[mpsc::Sender<Waiting>]>,
}

/// The vote is boxed because a channel does not overwrite what was taken out of it, and the
/// allocator of the program overwrites what is freed.
type Waiting = (Box<Vote>, oneshot::Sender<Decision>);

impl VoteBatcher {
    /// Batches votes for a ledger until the last clone is dropped.
    ///
    /// # Panics
    /// Outside a [`LocalSet`](tokio::task::LocalSet) and a
    /// [`LocalRuntime`](tokio::runtime::LocalRuntime).
    pub(super) fn start(ledger: Arc<dyn Ledger>) -> Self {
        let start = |_| {
            let (votes, waiting) = mpsc::channel(WAITING_VOTES_MAX);
            spawn_local(batch(ledger.clone(), waiting));
            votes
        };
        let parts = (0..ledger.parts()).map(start).collect();
        Self { ledger, parts }
    }

    /// Has a vote decided. Once it has joined a batch it is decided even if the future is dropped.
    pub(super) async fn vote(&self, vote: Box<Vote>) -> Decision {
        let (answer, outcome) = oneshot::channel();
        let part = self.parts.get(self.ledger.part_of(vote.number));
        let votes = part.ok_or_else(LedgerError::unanswered)?;
        votes.send((vote, answer)).await.map_err(|_| LedgerError::Stopped)?;
        outcome.await.map_err(|_| LedgerError::unanswered())?
    }
}

/// Sends a batch to the ledger when a turn of the event loop adds no more votes to it.
async fn batch(ledger: Arc<dyn Ledger>, mut waiting: mpsc::Receiver<Waiting>) {
    let permits = Arc::new(Semaphore::new(BATCHES_MAX));
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, BATCH_VOTES_MAX).await > 0 {
        // The semaphore is never closed.
        let Ok(permit) = permits.clone().acquire_owned().await else { return };
        let mut batching = Batching::default();
        while batch.len() < BATCH_VOTES_MAX
            && batching.should_yield(batch.len(), is_input_pending())
        {
            yield_turn().await;
            while batch.len() < BATCH_VOTES_MAX
                && let Ok(vote) = waiting.try_recv()
            {
                batch.push(vote);
            }
        }
        spawn_local(decide(ledger.clone(), std::mem::take(&mut batch), permit));
    }
}

/// Has a batch decided, and answers each of its votes. If the caller is gone, the vote stands.
async fn decide(ledger: Arc<dyn Ledger>, batch: Vec<Waiting>, permit: OwnedSemaphorePermit) {
    let (votes, answers): (Vec<_>, Vec<_>) =
        stack::step(|| batch.into_iter().map(|(vote, answer)| (*vote, answer)).unzip());
    let decided = ledger.vote(votes).await;
    drop(permit);
    match decided {
        Ok(decisions) => {
            for (answer, decision) in answers.into_iter().zip(decisions) {
                let _ = answer.send(decision);
            }
        }
        Err(error) => {
            answers.into_iter().for_each(|answer| drop(answer.send(Err(error.clone()))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::election::{Choice, Definition, ElectionId, Nonce, Outcome, VoterNumber};
    use crate::ledger::sqlite::{SqliteLedger, Store};
    use crate::ledger::{Act, system_clock};

    fn id() -> ElectionId {
        "board".parse().unwrap()
    }

    fn vote(number: u64) -> Box<Vote> {
        let ballot = Choice::from_index(0).unwrap().into();
        let (number, nonce) = (number.into(), Nonce::from([1; 16]));
        Box::new(Vote { election: id(), ballot, number, nonce })
    }

    /// A ledger with one open election for the voters 1 to 1,000.
    fn ledger(directory: &tempfile::TempDir) -> Arc<dyn Ledger> {
        let mut store = Store::open(directory.path()).unwrap();
        let definition = Definition::new(id(), String::new(), vec!["Ada".into()]).unwrap();
        let numbers = (1..=1_000).map(VoterNumber::from).collect();
        let create = Act::Create(Arc::new(definition));
        store.act(&[create, Act::Issue(id(), numbers), Act::Open(id())], None).unwrap();
        Arc::new(SqliteLedger::start(store, system_clock()).unwrap())
    }

    #[tokio::test(flavor = "local")]
    async fn the_votes_of_one_turn_are_one_batch_with_an_answer_for_each() {
        let directory = tempfile::tempdir().unwrap();
        let ledger = ledger(&directory);
        let batcher = VoteBatcher::start(ledger.clone());
        // Every second vote is under a number that is not on the roll.
        let numbers = (1..=200).map(|n| if n % 2 == 0 { 10_000 + n } else { n });
        let voting = numbers.map(|number| {
            let batcher = batcher.clone();
            spawn_local(async move { batcher.vote(vote(number)).await.unwrap() })
        });
        let outcomes = futures::future::join_all(voting.collect::<Vec<_>>()).await;
        for (index, outcome) in outcomes.iter().enumerate() {
            assert_eq!(*outcome.as_ref().unwrap() == Outcome::Recorded, index % 2 == 0);
        }
        // Created, issued, opened, and one entry with all ballots.
        let report = ledger.check(id()).await.unwrap();
        assert_eq!((report.entries, report.ballots), (4, 100));
    }

    #[tokio::test(flavor = "local")]
    async fn a_vote_in_a_batch_is_decided_although_its_future_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let ledger = ledger(&directory);
        let batcher = VoteBatcher::start(ledger.clone());
        {
            let mut voting = std::pin::pin!(batcher.vote(vote(7)));
            assert!(futures::poll!(&mut voting).is_pending());
        }
        drop(batcher);
        let mut snapshots = ledger.snapshots();
        snapshots.wait_for(|snapshot| snapshot.elections[0].ballots == 1).await.unwrap();
    }

    #[tokio::test(flavor = "local")]
    async fn a_vote_after_the_shutdown_is_refused_with_certainty() {
        let directory = tempfile::tempdir().unwrap();
        let ledger = ledger(&directory);
        let batcher = VoteBatcher::start(ledger.clone());
        assert!(ledger.shut_down());
        let late = batcher.vote(vote(1)).await.unwrap_err();
        assert_eq!(late, LedgerError::Stopped);
        assert!(late.is_certain());
    }
}
