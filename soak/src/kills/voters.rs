//! Those who vote until the server is killed, and what they know then.

use std::cell::RefCell;
use std::rc::Rc;

use anyhow::bail;
use capvote::client::{Ballot, Client, Error, RecordedVote, VoteOutcome};
use capvote::election::VoterNumber;
use capvote::net::link::Link;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn_local};

/// Connections, and votes in flight on each.
const CONNECTIONS: usize = 8;
const IN_FLIGHT: usize = 4;

/// What the voters of one round know.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The numbers that nobody has voted with.
    pub(super) unused: Vec<VoterNumber>,
    /// Votes that were told `recorded`.
    pub(super) told: Vec<(Ballot, RecordedVote)>,
    /// Votes with no answer before the server was killed.
    pub(super) unanswered: Vec<Ballot>,
    /// Votes that were told `closed`.
    pub(super) late: Vec<Ballot>,
}

/// Many who vote.
pub(super) struct Crowd {
    known: Rc<RefCell<Known>>,
    reached: Rc<Notify>,
    voters: Vec<JoinHandle<anyhow::Result<()>>>,
}

impl Crowd {
    /// Votes on many connections with these numbers, until the server is gone or the numbers are.
    pub(super) async fn gather(
        link: &Link,
        unused: Vec<VoterNumber>,
        enough: usize,
    ) -> anyhow::Result<Self> {
        let known = Rc::new(RefCell::new(Known { unused, ..Known::default() }));
        let reached = Rc::new(Notify::new());
        let mut voters = Vec::new();
        for _ in 0..CONNECTIONS {
            let client = Client::connect(link).await?;
            for _ in 0..IN_FLIGHT {
                let (client, known, reached) = (client.clone(), known.clone(), reached.clone());
                voters.push(spawn_local(async move {
                    let ended = vote(&client, &known, &reached, enough).await;
                    // Nobody is to wait for what will not come.
                    reached.notify_one();
                    ended
                }));
            }
        }
        Ok(Self { known, reached, voters })
    }

    /// Returns when enough votes are recorded.
    pub(super) async fn enough(&self) {
        self.reached.notified().await;
    }

    /// What they know, once the server is gone.
    pub(super) async fn leave(self) -> anyhow::Result<Known> {
        for voter in self.voters {
            voter.await??;
        }
        Ok(self.known.take())
    }
}

async fn vote(
    client: &Client,
    known: &RefCell<Known>,
    reached: &Notify,
    enough: usize,
) -> anyhow::Result<()> {
    let election = client.election("board");
    loop {
        let Some(number) = known.borrow_mut().unused.pop() else { return Ok(()) };
        let candidate = ["Ada", "Grace"][(number.get() % 2) as usize];
        let ballot = Ballot::new(candidate, number)?;
        let outcome = election.vote(&ballot, |_| {}).await;
        let known = &mut *known.borrow_mut();
        match outcome {
            Ok(VoteOutcome::Recorded(vote)) => known.told.push((ballot, vote)),
            Ok(VoteOutcome::Closed) => {
                known.late.push(ballot);
                return Ok(());
            }
            Err(Error::Disconnected) => {
                known.unanswered.push(ballot);
                return Ok(());
            }
            other => bail!("a vote came to {other:?}"),
        }
        if known.told.len() >= enough {
            reached.notify_one();
        }
    }
}
