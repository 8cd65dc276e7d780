//! A ledger that decides votes in memory and stores nothing: the cost of a vote without a disk.

use std::sync::Arc;
use std::thread;

use capvote::election::{
    Ballot, Definition, ElectionId, ElectionState, Grant, Nonce, Outcome, Ruling, Standing, Tally,
    Timestamp, TokenHash, UnderNumber, Vote, judge,
};
use capvote::ledger::sqlite::{BallotRow, Roll};
use capvote::ledger::{
    Act, Answer, Authorization, Decision, Ledger, LedgerError, Report, SheetCursor, SheetPart,
    Snapshot,
};
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use tokio::sync::{mpsc, oneshot, watch};

/// One election in memory, with a thread of its own as the SQLite ledger has.
#[derive(Debug)]
pub(super) struct NoDisk {
    jobs: mpsc::Sender<Job>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
}

#[derive(Debug)]
enum Job {
    Votes(Vec<Vote>, oneshot::Sender<Vec<Decision>>),
    Acts(Vec<Act>, oneshot::Sender<()>),
}

/// The most queued jobs, as for the SQLite ledger.
const QUEUE_MAX: usize = 256;

struct Election {
    definition: Arc<Definition>,
    state: ElectionState,
    roll: Roll,
    count: Tally,
    ballots: Vec<(Ballot, Nonce)>,
}

impl NoDisk {
    pub(super) fn start() -> Self {
        let (jobs, queue) = mpsc::channel(QUEUE_MAX);
        let (publisher, snapshots) = watch::channel(Arc::default());
        thread::spawn(move || work(queue, &publisher));
        Self { jobs, snapshots }
    }

    fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(oneshot::Sender<T>) -> Job + Send + 'static,
    ) -> Answer<T> {
        let jobs = self.jobs.clone();
        async move {
            let (answer, answered) = oneshot::channel();
            jobs.send(job(answer)).await.map_err(|_| LedgerError::Stopped)?;
            answered.await.map_err(|_| LedgerError::Stopped)
        }
        .boxed()
    }
}

fn work(mut queue: mpsc::Receiver<Job>, publisher: &watch::Sender<Arc<Snapshot>>) {
    let mut election = None;
    while let Some(job) = queue.blocking_recv() {
        match job {
            Job::Votes(votes, answer) => {
                let Some(election) = &mut election else { continue };
                let outcomes = votes.iter().map(|vote| Ok(decide(election, vote))).collect();
                election.count.publish(election.definition.publication, election.state);
                publish(election, publisher);
                let _ = answer.send(outcomes);
            }
            Job::Acts(acts, answer) => {
                acts.into_iter().for_each(|act| apply(&mut election, act));
                election.iter().for_each(|election| publish(election, publisher));
                let _ = answer.send(());
            }
        }
    }
}

fn decide(election: &mut Election, vote: &Vote) -> Outcome {
    let Election { definition, state, roll, count, ballots } = election;
    let at = roll.find(vote.number);
    let cast = at.and_then(|at| roll.ballot(at));
    let under_number = match (at, cast.and_then(|row| ballots.get(row.get() as usize - 1))) {
        (None, _) => UnderNumber::NotOnRoll,
        (Some(_), None) => UnderNumber::NoBallot,
        (Some(_), Some(cast)) if *cast == (vote.ballot.clone(), vote.nonce) => {
            UnderNumber::SameBallot
        }
        (Some(_), Some(_)) => UnderNumber::OtherBallot,
    };
    let ruling = judge(definition, *state, Timestamp(0), &vote.ballot, under_number);
    match (ruling, at) {
        (Ruling::Count, Some(at)) => {
            ballots.push((vote.ballot.clone(), vote.nonce));
            roll.set_ballot(at, BallotRow::new(ballots.len() as u64));
            count.add(vote.ballot.clone(), vote.nonce);
            Outcome::Recorded
        }
        (Ruling::Count, None) => {
            unreachable!("`judge` counts votes only under numbers on the roll")
        }
        (Ruling::Answer(outcome), _) => outcome,
    }
}

fn apply(election: &mut Option<Election>, act: Act) {
    match (act, election) {
        (Act::Create(definition), election) => {
            let (state, roll, ballots) = (ElectionState::Draft, Roll::default(), Vec::new());
            let count = Tally::new(&definition.slate);
            *election = Some(Election { definition, state, roll, count, ballots });
        }
        (Act::Issue(_, numbers), Some(election)) => {
            assert!(election.roll.add(numbers), "the benchmark issues each number once");
        }
        (Act::Open(_), Some(election)) => election.state = ElectionState::Open,
        _ => {}
    }
}

fn publish(election: &Election, publisher: &watch::Sender<Arc<Snapshot>>) {
    let Election { definition, state, roll, count, .. } = election;
    let standing = Standing::new(definition.clone(), *state, roll.len() as u64, 0, count.clone());
    let grants = Arc::default();
    publisher.send_replace(Arc::new(Snapshot { elections: vec![Arc::new(standing)], grants }));
}

impl Ledger for NoDisk {
    fn vote(&self, votes: Vec<Vote>) -> Answer<Vec<Decision>> {
        self.ask(|answer| Job::Votes(votes, answer))
    }

    fn void(&self, _: ElectionId, _: TokenHash, _: Option<Authorization>) -> Answer<u64> {
        ready(Ok(0)).boxed()
    }

    fn act(&self, acts: Vec<Act>, _: Option<Authorization>) -> Answer<()> {
        self.ask(|answer| Job::Acts(acts, answer))
    }

    fn grant(&self, _: TokenHash) -> Answer<Option<Grant>> {
        ready(Ok(None)).boxed()
    }

    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    fn fresh(&self) -> Answer<Arc<Snapshot>> {
        ready(Ok(self.snapshots.borrow().clone())).boxed()
    }

    fn now(&self) -> Timestamp {
        Timestamp(0)
    }

    fn sheet(&self, _: ElectionId, cursor: SheetCursor, _: usize) -> Answer<SheetPart> {
        ready(Ok((Vec::new(), cursor))).boxed()
    }

    fn check(&self, _: ElectionId) -> Answer<Report> {
        ready(Err(LedgerError::Unreadable("nothing is stored".into()))).boxed()
    }

    fn stopped(&self) -> BoxFuture<'static, ()> {
        let jobs = self.jobs.clone();
        async move { jobs.closed().await }.boxed()
    }

    fn shut_down(&self) -> bool {
        true
    }
}
