//! Voters at several servers, who try again until they are answered.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::bail;
use capvote::client::{
    Ballot, CastOutcome, Client, Error, RecordedVote, Servers, VoteOutcome, cast_at,
};
use capvote::election::VoterNumber;
use capvote::net::link::Link;
use fastrand::Rng;
use futures::future::{join, join_all};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::sleep;

/// Voters who vote at the same time.
const VOTERS: usize = 64;

/// One number in so many is used at both servers at once, for another name each.
const TWICE_ODDS: u32 = 10;

/// How long a voter comes back while no server can be reached, and the pause before.
const AWAY_WAIT_MAX: Duration = Duration::from_secs(60);
const AWAY_PAUSE: Duration = Duration::from_millis(20);

/// What became of the votes.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) recorded: Vec<(Ballot, RecordedVote)>,
    /// Votes of which it is not known.
    pub(super) uncertain: Vec<Ballot>,
    /// Numbers of which both votes were recorded.
    pub(super) twice: usize,
    /// The longest time without an answer.
    pub(super) silence: Duration,
    last: Option<Instant>,
}

/// Voters who vote until they are stopped.
pub(super) struct Voters {
    answers: Rc<RefCell<Answers>>,
    stop: Rc<Cell<bool>>,
    answered: Rc<Notify>,
    tasks: Vec<JoinHandle<anyhow::Result<()>>>,
}

impl Voters {
    /// Starts voting with these numbers, each voter at one of these servers first.
    pub(super) async fn start(
        links: &[Link],
        election: &str,
        unused: &Rc<RefCell<Vec<VoterNumber>>>,
    ) -> anyhow::Result<Self> {
        let mut servers = Vec::new();
        for link in links {
            let mut known = Servers::of(link);
            known.learn(&Client::connect(link).await?.election(election).info().await?);
            servers.push(known);
        }
        let (answers, stop, answered) =
            <(Rc<RefCell<Answers>>, Rc<Cell<bool>>, Rc<Notify>)>::default();
        let mut tasks = Vec::new();
        for index in 0..VOTERS {
            let mut voter = Voter {
                servers: servers.clone(),
                first: index % servers.len(),
                election: election.to_string(),
                unused: unused.clone(),
                answers: answers.clone(),
                answered: answered.clone(),
                rng: Rng::new(),
            };
            let stop = stop.clone();
            tasks.push(spawn_local(async move {
                while !stop.get() && voter.vote().await? {}
                anyhow::Ok(())
            }));
        }
        Ok(Self { answers, stop, answered, tasks })
    }

    /// Waits until so many more votes were recorded.
    pub(super) async fn more(&self, count: usize) {
        let enough = self.answers.borrow().recorded.len() + count;
        while self.answers.borrow().recorded.len() < enough && !self.is_over() {
            self.answered.notified().await;
        }
    }

    /// Whether a voter has failed, or the numbers are used up.
    fn is_over(&self) -> bool {
        self.tasks.iter().any(JoinHandle::is_finished)
    }

    /// Stops voting. Returns what became of every vote.
    pub(super) async fn finish(self) -> anyhow::Result<Answers> {
        self.stop.set(true);
        for ended in join_all(self.tasks).await {
            ended??;
        }
        Ok(self.answers.take())
    }
}

struct Voter {
    servers: Vec<Servers>,
    first: usize,
    election: String,
    unused: Rc<RefCell<Vec<VoterNumber>>>,
    answers: Rc<RefCell<Answers>>,
    answered: Rc<Notify>,
    rng: Rng,
}

impl Voter {
    /// Votes with one number. Returns whether there was one.
    async fn vote(&mut self) -> anyhow::Result<bool> {
        let Some(number) = self.unused.borrow_mut().pop() else {
            self.answered.notify_one();
            return Ok(false);
        };
        let (is_twice, is_turned) = (self.rng.u32(0..TWICE_ODDS) == 0, self.rng.bool());
        let names = if is_turned { ["Ada", "Grace"] } else { ["Grace", "Ada"] };
        let ballot = Ballot::new(names[0], number)?;
        let first = self.cast(&ballot, self.first);
        if !is_twice {
            let outcome = first.await;
            self.note(ballot, outcome)?;
            return Ok(true);
        }
        let other = Ballot::new(names[1], number)?;
        let (one, two) = join(first, self.cast(&other, self.first + 1)).await;
        let recorded = |cast: &Result<CastOutcome, Error>| {
            matches!(cast, Ok(CastOutcome { outcome: VoteOutcome::Recorded(_), .. }))
        };
        if recorded(&one) && recorded(&two) {
            self.answers.borrow_mut().twice += 1;
        }
        self.note(ballot, one)?;
        self.note(other, two)?;
        Ok(true)
    }

    async fn cast(&self, ballot: &Ballot, first: usize) -> Result<CastOutcome, Error> {
        let mut servers = self.servers[first % self.servers.len()].clone();
        let end = Instant::now() + AWAY_WAIT_MAX;
        loop {
            let cast = cast_at(&mut servers, &self.election, ballot, |_| {}).await;
            // It reached no server: a voter comes back later.
            if !matches!(cast, Err(Error::Unreachable { .. })) || Instant::now() > end {
                return cast;
            }
            sleep(AWAY_PAUSE).await;
        }
    }

    fn note(&self, ballot: Ballot, cast: Result<CastOutcome, Error>) -> anyhow::Result<()> {
        let answers = &mut *self.answers.borrow_mut();
        let outcome = match cast {
            Ok(CastOutcome { outcome, .. }) => outcome,
            // Neither server took it, or it is not known whether one did.
            Err(_) => {
                answers.uncertain.push(ballot);
                return Ok(());
            }
        };
        let now = Instant::now();
        let silence = answers.last.replace(now).map_or(Duration::ZERO, |last| now - last);
        answers.silence = answers.silence.max(silence);
        match outcome {
            VoteOutcome::Recorded(vote) => answers.recorded.push((ballot, vote)),
            VoteOutcome::AlreadyVoted => {}
            other => bail!("a vote was answered {other:?}"),
        }
        self.answered.notify_one();
        Ok(())
    }
}
