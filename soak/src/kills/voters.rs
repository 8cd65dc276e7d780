//! Clients that vote until the server is killed, and the answers they got.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use anyhow::bail;
use capvote::client::{Ballot, Client, Error, Marks, RecordedVote, VoteOutcome};
use capvote::election::{Definition, VoterNumber};
use capvote::net::link::Link;
use fastrand::Rng;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn_local};

use crate::methods::{mark, spoil};

/// Connections, and votes in flight on each of them.
const CONNECTIONS: usize = 8;
const IN_FLIGHT: usize = 4;

/// One vote in so many is no ballot, and is refused.
const INVALID_ODDS: u32 = 20;

/// The answers of one round.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// Numbers without a vote.
    pub(super) unused: Vec<VoterNumber>,
    /// The answers in each election.
    pub(super) elections: Vec<Answered>,
}

/// The answers of one round in one election.
#[derive(Debug, Default, Clone)]
pub(super) struct Answered {
    /// Votes that were answered `recorded`.
    pub(super) recorded: Vec<(Ballot, RecordedVote)>,
    /// Votes in flight when the server was killed.
    pub(super) unanswered: Vec<Ballot>,
    /// Votes that were answered `closed`.
    pub(super) late: Vec<Ballot>,
}

/// The voters of one round.
pub(super) struct Voters {
    answers: Rc<RefCell<Answers>>,
    reached: Rc<Notify>,
    tasks: Vec<JoinHandle<anyhow::Result<()>>>,
}

/// The elections to vote in. `None` for one that is closed.
pub(super) type Paper = Rc<[Option<Arc<Definition>>]>;

impl Voters {
    /// Starts voting with these numbers over [`CONNECTIONS`] connections, each number in every
    /// election of the paper, until the server is gone or the numbers are used up.
    pub(super) async fn start(
        link: &Link,
        paper: &Paper,
        unused: Vec<VoterNumber>,
        enough: usize,
    ) -> anyhow::Result<Self> {
        let elections = vec![Answered::default(); paper.len()];
        let answers = Rc::new(RefCell::new(Answers { unused, elections }));
        let reached = Rc::new(Notify::new());
        let mut tasks = Vec::new();
        for _ in 0..CONNECTIONS {
            let client = Client::connect(link).await?;
            for _ in 0..IN_FLIGHT {
                let (answers, reached) = (answers.clone(), reached.clone());
                let (client, paper, rng) = (client.clone(), paper.clone(), Rng::new());
                let mut voter = Voter { client, paper, answers, reached, enough, rng };
                tasks.push(spawn_local(async move {
                    let ended = voter.vote_all().await;
                    // Also wakes the waiter if there will not be enough votes.
                    voter.reached.notify_one();
                    ended
                }));
            }
        }
        Ok(Self { answers, reached, tasks })
    }

    /// Returns when `enough` votes are recorded, or a voter has stopped.
    pub(super) async fn enough(&self) {
        self.reached.notified().await;
    }

    /// The answers, once the server is gone.
    pub(super) async fn finish(self) -> anyhow::Result<Answers> {
        for task in self.tasks {
            task.await??;
        }
        Ok(self.answers.take())
    }
}

/// Casts one vote at a time.
struct Voter {
    client: Client,
    paper: Paper,
    answers: Rc<RefCell<Answers>>,
    reached: Rc<Notify>,
    enough: usize,
    rng: Rng,
}

impl Voter {
    async fn vote_all(&mut self) -> anyhow::Result<()> {
        let paper = self.paper.clone();
        loop {
            let Some(number) = self.answers.borrow_mut().unused.pop() else { return Ok(()) };
            for (index, definition) in paper.iter().enumerate() {
                let Some(definition) = definition else { continue };
                if self.rng.u32(0..INVALID_ODDS) == 0 {
                    self.spoil(definition, number).await?;
                }
                let ballot = ballot(definition, number, &mut self.rng)?;
                if !self.vote(index, definition, ballot).await? {
                    return Ok(());
                }
            }
        }
    }

    /// Casts what is no ballot. The election may be closed, or the server gone.
    async fn spoil(&mut self, definition: &Definition, number: VoterNumber) -> anyhow::Result<()> {
        let (marks, why) = spoil(definition, &mut self.rng);
        let slate = definition.slate.names().to_vec();
        let ballot = Ballot::with_marks(Marks { slate, marks }, number)?;
        let election = self.client.election(definition.id.as_str());
        match election.vote(&ballot, |_| {}).await {
            Ok(VoteOutcome::InvalidBallot(said)) if said == why => Ok(()),
            Ok(VoteOutcome::Closed) | Err(Error::Disconnected) => Ok(()),
            other => bail!("a ballot that is none, because {why}, was answered {other:?}"),
        }
    }

    /// Casts a ballot. Returns whether to go on.
    async fn vote(
        &mut self,
        index: usize,
        definition: &Definition,
        ballot: Ballot,
    ) -> anyhow::Result<bool> {
        let election = self.client.election(definition.id.as_str());
        let outcome = election.vote(&ballot, |_| {}).await;
        let answers = &mut *self.answers.borrow_mut();
        let Some(answered) = answers.elections.get_mut(index) else { return Ok(false) };
        match outcome {
            Ok(VoteOutcome::Recorded(vote)) => answered.recorded.push((ballot, vote)),
            Ok(VoteOutcome::Closed) => {
                answered.late.push(ballot);
                return Ok(false);
            }
            Err(Error::Disconnected) => {
                answered.unanswered.push(ballot);
                return Ok(false);
            }
            other => bail!("a vote was answered {other:?}"),
        }
        let recorded: usize = answers.elections.iter().map(|it| it.recorded.len()).sum();
        if recorded >= self.enough {
            self.reached.notify_one();
        }
        Ok(true)
    }
}

/// A ballot for an election under this number: by name where it is one name.
fn ballot(definition: &Definition, number: VoterNumber, rng: &mut Rng) -> anyhow::Result<Ballot> {
    let (slate, marks) = (definition.slate.names().to_vec(), mark(definition, rng));
    if !definition.rules.has_one_mark() {
        return Ok(Ballot::with_marks(Marks { slate, marks }, number)?);
    }
    let named = slate.iter().zip(&marks).find(|(_, mark)| **mark == 1);
    Ok(Ballot::new(named.map(|(name, _)| name.clone()).unwrap_or_default(), number)?)
}
