//! Clients that vote until the server is killed, and the answers they got.

use std::cell::RefCell;
use std::rc::Rc;

use anyhow::bail;
use capvote::client::{Ballot, Client, Error, RecordedVote, VoteOutcome};
use capvote::election::VoterNumber;
use capvote::net::link::Link;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn_local};

/// Connections, and votes in flight on each of them.
const CONNECTIONS: usize = 8;
const IN_FLIGHT: usize = 4;

/// The answers of one round.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// Numbers without a vote.
    pub(super) unused: Vec<VoterNumber>,
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

impl Voters {
    /// Starts voting with these numbers over [`CONNECTIONS`] connections, until the server is gone
    /// or the numbers are used up.
    pub(super) async fn start(
        link: &Link,
        unused: Vec<VoterNumber>,
        enough: usize,
    ) -> anyhow::Result<Self> {
        let answers = Rc::new(RefCell::new(Answers { unused, ..Answers::default() }));
        let reached = Rc::new(Notify::new());
        let mut tasks = Vec::new();
        for _ in 0..CONNECTIONS {
            let client = Client::connect(link).await?;
            for _ in 0..IN_FLIGHT {
                let (client, answers, reached) = (client.clone(), answers.clone(), reached.clone());
                tasks.push(spawn_local(async move {
                    let ended = vote(&client, &answers, &reached, enough).await;
                    // Also wakes the waiter if there will not be enough votes.
                    reached.notify_one();
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

async fn vote(
    client: &Client,
    answers: &RefCell<Answers>,
    reached: &Notify,
    enough: usize,
) -> anyhow::Result<()> {
    let election = client.election("board");
    loop {
        let Some(number) = answers.borrow_mut().unused.pop() else { return Ok(()) };
        let candidate = ["Ada", "Grace"][(number.get() % 2) as usize];
        let ballot = Ballot::new(candidate, number)?;
        let outcome = election.vote(&ballot, |_| {}).await;
        let answers = &mut *answers.borrow_mut();
        match outcome {
            Ok(VoteOutcome::Recorded(vote)) => answers.recorded.push((ballot, vote)),
            Ok(VoteOutcome::Closed) => {
                answers.late.push(ballot);
                return Ok(());
            }
            Err(Error::Disconnected) => {
                answers.unanswered.push(ballot);
                return Ok(());
            }
            other => bail!("a vote was answered {other:?}"),
        }
        if answers.recorded.len() >= enough {
            reached.notify_one();
        }
    }
}
