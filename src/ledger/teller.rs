//! A shard's way to the clerk: the votes that come in one turn of its event loop go to the clerk as one job,
//! and their outcomes come back as one answer.
//!
//! A job wakes a thread, and so does an answer. Under load that costs more than deciding a vote.

use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_local;

use super::clerk::ClerkHandle;
use super::desk::{COMMIT_VOTES_MAX, ClerkError};
use crate::batching::{Batching, is_input_pending, yield_turn};
use crate::election::{Outcome, Vote};

/// Votes of one shard that may wait to be handed to the clerk. Whoever comes next waits to join them.
pub const WAITING_VOTES_MAX: usize = 8_192;

/// Gathers votes. Cheap to clone; it stays on its thread.
#[derive(Debug, Clone)]
pub(crate) struct Teller {
    votes: mpsc::Sender<Waiting>,
}

type Waiting = (Vote, oneshot::Sender<Result<Outcome, ClerkError>>);

impl Teller {
    /// Starts to gather votes for a clerk, until the last clone of this is gone.
    ///
    /// # Panics
    /// Outside a [`LocalSet`](tokio::task::LocalSet) and a [`LocalRuntime`](tokio::runtime::LocalRuntime).
    pub(crate) fn start(clerk: ClerkHandle) -> Self {
        let (votes, waiting) = mpsc::channel(WAITING_VOTES_MAX);
        spawn_local(gather(clerk, waiting));
        Self { votes }
    }

    /// Hands in a vote, and returns what became of it once that is on stable storage.
    ///
    /// A vote that was handed in is decided even when the returned future is dropped.
    pub(crate) async fn vote(&self, vote: Vote) -> Result<Outcome, ClerkError> {
        let (answer, outcome) = oneshot::channel();
        self.votes.send((vote, answer)).await.map_err(|_| ClerkError::Stopped)?;
        outcome.await.map_err(|_| ClerkError::Unknown)?
    }
}

/// Hands over what is waiting whenever the event loop has come round.
async fn gather(clerk: ClerkHandle, mut waiting: mpsc::Receiver<Waiting>) {
    let mut gathered = Vec::new();
    while waiting.recv_many(&mut gathered, COMMIT_VOTES_MAX).await > 0 {
        let mut batching = Batching::default();
        while gathered.len() < COMMIT_VOTES_MAX
            && batching.should_yield(gathered.len(), is_input_pending())
        {
            yield_turn().await;
            while gathered.len() < COMMIT_VOTES_MAX
                && let Ok(vote) = waiting.try_recv()
            {
                gathered.push(vote);
            }
        }
        let (votes, answers): (Vec<_>, Vec<_>) = gathered.drain(..).unzip();
        let decided = clerk.hand_in(votes).await;
        spawn_local(async move {
            // An answer whose receiver is gone belongs to a voter who left: the vote stands all the same.
            match decided {
                Ok(decided) => match decided.await.unwrap_or(Err(ClerkError::Unknown)) {
                    Ok(outcomes) => {
                        for (answer, outcome) in answers.into_iter().zip(outcomes) {
                            let _ = answer.send(Ok(outcome));
                        }
                    }
                    Err(error) => refuse(answers, &error),
                },
                Err(error) => refuse(answers, &error),
            }
        });
    }
}

fn refuse(answers: Vec<oneshot::Sender<Result<Outcome, ClerkError>>>, error: &ClerkError) {
    answers.into_iter().for_each(|answer| drop(answer.send(Err(error.clone()))));
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::election::{Choice, Definition, ElectionId, Nonce, VoterNumber};
    use crate::ledger::clerk::system_clock;
    use crate::ledger::{Act, Clerk, Ledger, SqliteLedger};

    fn id() -> ElectionId {
        "board".parse().unwrap()
    }

    fn vote(number: u64) -> Vote {
        let choice = Choice::from_index(0).unwrap();
        Vote { election: id(), choice, number: number.into(), nonce: Nonce::from([1; 16]) }
    }

    /// A clerk with one open election for the voters 1 to 1,000.
    fn clerk(directory: &tempfile::TempDir) -> Clerk {
        let mut ledger = SqliteLedger::open(directory.path()).unwrap();
        let definition = Definition::new(id(), String::new(), vec!["Ada".into()]).unwrap();
        let numbers = (1..=1_000).map(VoterNumber::from).collect();
        let create = Act::Create(Arc::new(definition));
        ledger.administer(&[create, Act::Issue(id(), numbers), Act::Open(id())]).unwrap();
        Clerk::start(ledger, Box::new(system_clock)).unwrap()
    }

    #[tokio::test(flavor = "local")]
    async fn the_votes_of_one_turn_are_one_job_and_each_voter_gets_their_own_answer() {
        let directory = tempfile::tempdir().unwrap();
        let clerk = clerk(&directory);
        let teller = Teller::start(clerk.handle());
        // Every second vote is under a number that is not on the roll.
        let numbers = (1..=200).map(|n| if n % 2 == 0 { 10_000 + n } else { n });
        let voting = numbers.map(|number| {
            let teller = teller.clone();
            spawn_local(async move { teller.vote(vote(number)).await.unwrap() })
        });
        let outcomes = futures::future::join_all(voting.collect::<Vec<_>>()).await;
        for (index, outcome) in outcomes.iter().enumerate() {
            let recorded = matches!(outcome.as_ref().unwrap(), Outcome::Recorded(_));
            assert_eq!(recorded, index % 2 == 0);
        }
        // Created, issued, opened, and all ballots.
        let report = clerk.handle().reader().check(&id()).unwrap();
        assert_eq!((report.entries, report.ballots), (4, 100));
    }

    #[tokio::test(flavor = "local")]
    async fn a_vote_that_was_handed_in_is_decided_though_nobody_waits() {
        let directory = tempfile::tempdir().unwrap();
        let clerk = clerk(&directory);
        let teller = Teller::start(clerk.handle());
        {
            let mut voting = std::pin::pin!(teller.vote(vote(7)));
            assert!(futures::poll!(&mut voting).is_pending());
        }
        drop(teller);
        let mut changes = clerk.handle().changes();
        changes.wait_for(|board| board.elections[0].ballots == 1).await.unwrap();
    }

    #[tokio::test(flavor = "local")]
    async fn whoever_comes_when_the_clerk_has_stopped_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let clerk = clerk(&directory);
        let teller = Teller::start(clerk.handle());
        assert!(tokio::task::spawn_blocking(|| clerk.finish()).await.unwrap());
        let late = teller.vote(vote(1)).await.unwrap_err();
        assert!(matches!(late, ClerkError::Stopped) && late.is_certain());
    }
}
