//! The simulated voters, observers and returning officer.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use capvote::client::{ActOutcome, Ballot, Client, Error, VoteOutcome};
use capvote::election::Token;
use fastrand::Rng;
use futures::future::{join_all, select};
use tokio::time::{sleep, timeout};

use super::history::{Answer, History};
use super::server::Server;
use super::{CANDIDATES, DISPUTED, VOTERS};

/// One participant of an election.
#[derive(Clone)]
struct Participant {
    server: Rc<Server>,
    history: Rc<RefCell<History>>,
    rng: RefCell<Rng>,
    /// All ballots cast so far, by all voters. Any voter may retry any of them.
    cast: Rc<RefCell<Vec<Ballot>>>,
}

/// All participants of an election.
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
        let officer = self.officer.close_once(duration);
        let all = async { futures::join!(join_all(voters), join_all(observers), officer) };
        let _ = timeout(duration, all).await;
    }
}

impl Participant {
    fn below(&self, count: u64) -> u64 {
        self.rng.borrow_mut().u64(0..count)
    }

    /// True with this probability in per cent.
    fn chance(&self, percent: u64) -> bool {
        self.below(100) < percent
    }

    async fn pause(&self, milliseconds: u64) {
        sleep(Duration::from_millis(self.below(milliseconds))).await;
    }

    /// Connects, retrying until the server runs.
    async fn connect(&self) -> Client {
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

    fn ballot(&self) -> Ballot {
        let cast = self.cast.borrow();
        if !cast.is_empty() && self.chance(30) {
            return cast[self.below(cast.len() as u64) as usize].clone();
        }
        drop(cast);
        let most = if self.chance(50) { DISPUTED } else { VOTERS };
        // 1,000,000 is not on the roll.
        let number = if self.chance(2) { 1_000_000 } else { 1 + self.below(most) };
        let candidate = CANDIDATES[self.below(CANDIDATES.len() as u64) as usize];
        let mut nonce = [0; 16];
        self.rng.borrow_mut().fill(&mut nonce);
        let ballot =
            Ballot { candidate: candidate.into(), number: number.into(), nonce: nonce.into() };
        self.cast.borrow_mut().push(ballot.clone());
        ballot
    }

    /// Casts a ballot. Returns whether the outcome is unknown; the connection is then given up.
    async fn vote(&self, client: &Client) -> bool {
        let ballot = self.ballot();
        let attempt = self.history.borrow_mut().cast(&ballot);
        let mut messages = Vec::new();
        let election = client.election(if self.chance(50) { "board" } else { "" });
        let patience = Duration::from_millis(50 + self.below(3_000));
        let outcome =
            timeout(patience, election.vote(&ballot, |text| messages.push(text.into()))).await;
        let answer = match outcome {
            // The call is cancelled, but the vote may still be recorded.
            Err(_) => Answer::None,
            Ok(Ok(VoteOutcome::Recorded(vote))) => Answer::Recorded(vote.receipt.to_string()),
            Ok(Ok(VoteOutcome::AlreadyVoted)) => Answer::AlreadyVoted,
            Ok(Ok(VoteOutcome::UnknownVoterNumber)) => Answer::UnknownVoterNumber,
            Ok(Ok(VoteOutcome::Closed)) => Answer::Closed,
            Ok(Ok(VoteOutcome::Throttled { .. })) => Answer::Throttled,
            Ok(Ok(other)) => Answer::Wrong(format!("{other:?}")),
            Ok(Err(Error::Remote(why))) if why.starts_with("the vote was not recorded") => {
                Answer::NotRecorded(why)
            }
            Ok(Err(Error::Overloaded(why))) => Answer::NotRecorded(why),
            Ok(Err(
                Error::Disconnected
                | Error::NoAnswer(_)
                // A connection that breaks inside a message looks like a protocol error.
                | Error::Protocol(_)
                | Error::Remote(_),
            )) => Answer::None,
            Ok(Err(other)) => Answer::Wrong(other.to_string()),
        };
        let lost = matches!(answer, Answer::None);
        self.history.borrow_mut().answered(attempt, answer, messages);
        lost
    }

    async fn observe(&self) {
        loop {
            let client = self.connect().await;
            let election = client.election("board");
            if self.chance(50) {
                let watching = election.watch(|results| {
                    self.history.borrow_mut().pushed(results);
                    Ok(())
                });
                let enough = std::pin::pin!(self.pause(2_000));
                select(std::pin::pin!(watching), enough).await;
                continue;
            }
            for _ in 0..self.below(10) {
                let bound = self.history.borrow().lower_bound();
                match election.results().await {
                    Ok(results) => self.history.borrow_mut().results(bound, &results),
                    Err(_) => break,
                }
                self.pause(200).await;
            }
            self.pause(50).await;
        }
    }

    /// Closes the election at a random time: in three of four histories before they end.
    async fn close_once(&self, duration: Duration) {
        let latest = (duration.as_millis() as u64) * 4 / 3;
        self.pause(latest).await;
        let token: Token = self.server.officer();
        loop {
            let client = self.connect().await;
            let officer = client.restore(token.as_bytes()).returning_officer();
            let closes = officer.administer("board");
            self.history.borrow_mut().asks_to_close();
            match timeout(Duration::from_secs(1), closes.close()).await {
                Ok(Ok(ActOutcome::Done | ActOutcome::Refused(_))) => {
                    return self.history.borrow_mut().closed();
                }
                _ => self.pause(200).await,
            }
        }
    }
}
