//! The simulated voters and observers.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use capvote::client::{Ballot, Client, Election, Error, Marks, VoteOutcome};
use fastrand::Rng;
use futures::future::{join_all, select};
use tokio::time::{sleep, timeout};

use super::elections::{BOARD, Kind, RUN_OFF, SECOND, in_other_form};
use super::history::{Answer, History};
use super::server::Server;
use super::{DISPUTED, VOTERS};
use crate::methods::{mark, spoil};

/// One participant of the elections.
#[derive(Clone)]
pub(super) struct Participant {
    pub(super) server: Rc<Server>,
    pub(super) history: Rc<RefCell<History>>,
    rng: RefCell<Rng>,
    /// All votes cast so far, by all voters. Any voter may retry any of them.
    cast: Rc<RefCell<Vec<Vote>>>,
}

/// A ballot for the election with this index.
#[derive(Clone)]
struct Vote {
    election: usize,
    ballot: Ballot,
    kind: Kind,
}

/// All participants of the elections.
pub(super) struct Participants {
    voters: Vec<Participant>,
    observers: Vec<Participant>,
    officer: Participant,
}

impl Participants {
    pub(super) fn new(server: &Rc<Server>, rng: &mut Rng) -> Self {
        let cast = Rc::default();
        let mut participant = || Participant {
            server: server.clone(),
            history: server.history(),
            rng: RefCell::new(rng.fork()),
            cast: Rc::clone(&cast),
        };
        let voters = (0..8).map(|_| participant()).collect();
        let observers = (0..2).map(|_| participant()).collect();
        Self { voters, observers, officer: participant() }
    }

    /// Runs all participants for this duration.
    pub(super) async fn act(self, duration: Duration) {
        let voters = self.voters.iter().map(Participant::keep_voting);
        let observers = self.observers.iter().map(Participant::observe);
        let officer = self.officer.run_elections(duration);
        let all = async { futures::join!(join_all(voters), join_all(observers), officer) };
        let _ = timeout(duration, all).await;
    }
}

impl Participant {
    pub(super) fn below(&self, count: u64) -> u64 {
        self.rng.borrow_mut().u64(0..count)
    }

    /// True with this probability in per cent.
    pub(super) fn chance(&self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(super) async fn pause(&self, milliseconds: u64) {
        sleep(Duration::from_millis(self.below(milliseconds))).await;
    }

    /// Connects, retrying until the server runs.
    pub(super) async fn connect(&self) -> Client {
        loop {
            if let Some(stream) = self.server.connect(self.rng.borrow_mut().fork()) {
                return Client::over(stream);
            }
            self.pause(100).await;
        }
    }

    async fn keep_voting(&self) {
        loop {
            let client = self.connect().await;
            for _ in 0..=self.below(4) {
                // Several votes in flight over one connection.
                let together = 1 + self.below(3);
                let lost = join_all((0..together).map(|_| self.vote(&client))).await;
                if lost.contains(&true) {
                    break;
                }
                self.pause(300).await;
            }
        }
    }

    /// An election to vote in: the run-off once somebody has asked to create it.
    fn election(&self) -> usize {
        let latest = if self.history.borrow().may_exist(RUN_OFF) { RUN_OFF } else { SECOND };
        self.below(latest as u64 + 1) as usize
    }

    /// The next vote: one that was cast before, often a recent one, or another.
    fn next_vote(&self) -> Vote {
        let (cast, retry) = (self.cast.borrow(), self.chance(30));
        if retry && !cast.is_empty() {
            let recent = if self.chance(50) { cast.len().saturating_sub(8) } else { 0 };
            let vote = cast[recent + self.below((cast.len() - recent) as u64) as usize].clone();
            if vote.kind == Kind::ByName || self.chance(50) {
                return vote;
            }
            // The same vote, by the other method.
            let definition = self.history.borrow().definition(vote.election);
            let ballot = match vote.kind {
                Kind::Valid => in_other_form(&definition, vote.ballot),
                _ => vote.ballot,
            };
            return Vote { ballot, ..vote };
        }
        drop(cast);
        let vote = self.new_vote();
        self.cast.borrow_mut().push(vote.clone());
        vote
    }

    fn new_vote(&self) -> Vote {
        let most = if self.chance(50) { DISPUTED } else { VOTERS };
        // 1,000,000 is not on the roll.
        let number = if self.chance(2) { 1_000_000 } else { 1 + self.below(most) };
        let mut nonce = [0; 16];
        self.rng.borrow_mut().fill(&mut nonce);
        let election = self.election();
        let definition = self.history.borrow().definition(election);
        let slate = definition.slate.names().to_vec();
        let by_name = if definition.rules.has_one_mark() { 50 } else { 3 };
        let (mut marks, mut kind) = (mark(&definition, &mut self.rng.borrow_mut()), Kind::Valid);
        let (candidate, number, nonce) = (String::new(), number.into(), nonce.into());
        let mut ballot = Ballot { candidate, marks: None, number, nonce };
        if self.chance(8) {
            let spoilt = spoil(&definition, &mut self.rng.borrow_mut());
            (marks, kind) = (spoilt.0, Kind::Invalid(spoilt.1));
        } else if self.chance(by_name) {
            let first = slate.iter().zip(&marks).find(|(_, mark)| **mark == 1);
            ballot.candidate = first.map(|(name, _)| name.clone()).unwrap_or_default();
            if !definition.rules.has_one_mark() {
                kind = Kind::ByName;
            }
            return Vote { election, ballot, kind };
        } else if self.chance(10)
            && let Some(last) = self.cast.borrow().last()
            && last.kind == Kind::Valid
        {
            // The number and nonce of a vote in another election, or with other marks in this one.
            (ballot.number, ballot.nonce) = (last.ballot.number, last.ballot.nonce);
        }
        ballot.marks = Some(Marks { slate, marks });
        Vote { election, ballot, kind }
    }

    /// Casts a ballot. Returns whether the outcome is unknown; the connection is then given up.
    async fn vote(&self, client: &Client) -> bool {
        let Vote { election, ballot, kind } = self.next_vote();
        let definition = self.history.borrow().definition(election);
        let attempt = self.history.borrow_mut().cast(election, &ballot, kind);
        let mut messages = Vec::new();
        let election = client.election(definition.id.as_str());
        let patience = Duration::from_millis(50 + self.below(3_000));
        let outcome =
            timeout(patience, election.vote(&ballot, |text| messages.push(text.into()))).await;
        let answer = match outcome {
            // The call is cancelled, but the vote may still be recorded.
            Err(_) => Answer::None,
            Ok(outcome) => answer(outcome),
        };
        let lost = matches!(answer, Answer::None);
        self.history.borrow_mut().answered(attempt, answer, &messages);
        lost
    }

    async fn observe(&self) {
        loop {
            let client = self.connect().await;
            let index = [BOARD, SECOND][self.below(2) as usize];
            let index = if self.chance(20) { self.election() } else { index };
            let definition = self.history.borrow().definition(index);
            let election = client.election(definition.id.as_str());
            if self.chance(50) {
                let watching = election.watch(|results| {
                    self.history.borrow_mut().pushed(index, results);
                    Ok(())
                });
                let enough = std::pin::pin!(self.pause(2_000));
                select(std::pin::pin!(watching), enough).await;
                continue;
            }
            for _ in 0..self.below(10) {
                let bound = self.history.borrow().lower_bound(index);
                match election.results().await {
                    Ok(results) => self.history.borrow_mut().results(index, &bound, &results),
                    Err(_) => break,
                }
                if self.chance(30) {
                    self.count(index, &election).await;
                }
                self.pause(200).await;
            }
            self.pause(50).await;
        }
    }

    /// Asks how the result of an election came about.
    async fn count(&self, index: usize, election: &Election) {
        let restores = self.history.borrow().restores;
        let after_close = self.history.borrow().is_closed(index);
        let counted = election.count().await;
        let mut history = self.history.borrow_mut();
        match counted {
            _ if history.restores > restores => {}
            Ok(counted) => history.counted(index, &counted),
            Err(Error::Remote(why)) if why.contains("is not closed") => {
                history.not_counted(index, after_close);
            }
            Err(_) => {}
        }
    }
}

/// What the outcome of a vote says.
fn answer(outcome: Result<VoteOutcome, Error>) -> Answer {
    match outcome {
        Ok(VoteOutcome::Recorded(vote)) => Answer::Recorded(vote.receipt.to_string()),
        Ok(VoteOutcome::AlreadyVoted) => Answer::AlreadyVoted,
        Ok(VoteOutcome::UnknownVoterNumber) => Answer::UnknownVoterNumber,
        Ok(VoteOutcome::InvalidBallot(why)) => Answer::Invalid(why),
        Ok(VoteOutcome::NotOpen) => Answer::NotOpen,
        Ok(VoteOutcome::Closed) => Answer::Closed,
        Ok(VoteOutcome::Throttled { .. }) => Answer::Throttled,
        Ok(other) => Answer::Wrong(format!("{other:?}")),
        Err(Error::Remote(why)) if why.starts_with("there is no election") => Answer::NoElection,
        Err(Error::Remote(why))
            if why.starts_with("the vote was not recorded")
                || why.ends_with("nothing was recorded") =>
        {
            Answer::NotRecorded(why)
        }
        Err(Error::Overloaded(why)) => Answer::NotRecorded(why),
        Err(
            Error::Disconnected
            | Error::NoAnswer(_)
            // A connection that breaks inside a message looks like a protocol error.
            | Error::Protocol(_)
            | Error::Remote(_),
        ) => Answer::None,
        Err(other) => Answer::Wrong(other.to_string()),
    }
}
