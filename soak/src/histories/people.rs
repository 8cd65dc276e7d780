//! Who has to do with an election: voters, observers, and the returning officer.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use capvote::client::{ActOutcome, Ballot, Client, Error, VoteOutcome};
use capvote::election::Token;
use fastrand::Rng;
use futures::future::{join_all, select};
use tokio::time::{sleep, timeout};

use super::record::{Answer, Record};
use super::server::Server;
use super::{CANDIDATES, DISPUTED, VOTERS};

/// What everybody has to know to take part.
#[derive(Clone)]
struct Person {
    server: Rc<Server>,
    record: Rc<RefCell<Record>>,
    rng: RefCell<Rng>,
    /// The ballots that were cast: now and then one is cast again, by whomever.
    cast: Rc<RefCell<Vec<Ballot>>>,
}

/// Everybody.
pub(super) struct People {
    voters: Vec<Person>,
    observers: Vec<Person>,
    officer: Person,
}

impl People {
    pub(super) fn new(server: &Rc<Server>, rng: &mut Rng) -> Self {
        let cast = Rc::default();
        let mut person = || Person {
            server: server.clone(),
            record: server.record(),
            rng: RefCell::new(rng.fork()),
            cast: Rc::clone(&cast),
        };
        let voters = (0..8).map(|_| person()).collect();
        let observers = (0..2).map(|_| person()).collect();
        Self { voters, observers, officer: person() }
    }

    /// All of them do what they do, for so long.
    pub(super) async fn act(self, duration: Duration) {
        let voters = self.voters.iter().map(Person::vote_on);
        let observers = self.observers.iter().map(Person::observe);
        let officer = self.officer.close_some_time(duration);
        let all = async { futures::join!(join_all(voters), join_all(observers), officer) };
        let _ = timeout(duration, all).await;
    }
}

impl Person {
    fn below(&self, count: u64) -> u64 {
        self.rng.borrow_mut().u64(0..count)
    }

    /// Whether something happens that happens in so many percent of all cases.
    fn happens(&self, percent: u64) -> bool {
        self.below(100) < percent
    }

    async fn pause(&self, milliseconds: u64) {
        sleep(Duration::from_millis(self.below(milliseconds))).await;
    }

    /// A connection, as soon as the server is there.
    async fn connect(&self) -> Client {
        loop {
            if let Some(stream) = self.server.connect(self.rng.borrow_mut().fork()) {
                return Client::over(stream);
            }
            self.pause(100).await;
        }
    }

    async fn vote_on(&self) {
        loop {
            let client = self.connect().await;
            for _ in 0..=self.below(4) {
                // Some at once, over one connection.
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
        if !cast.is_empty() && self.happens(30) {
            return cast[self.below(cast.len() as u64) as usize].clone();
        }
        drop(cast);
        // Now and then a number that nobody has.
        let most = if self.happens(50) { DISPUTED } else { VOTERS };
        let number = if self.happens(2) { 1_000_000 } else { 1 + self.below(most) };
        let candidate = CANDIDATES[self.below(CANDIDATES.len() as u64) as usize];
        let mut nonce = [0; 16];
        self.rng.borrow_mut().fill(&mut nonce);
        let ballot =
            Ballot { candidate: candidate.into(), number: number.into(), nonce: nonce.into() };
        self.cast.borrow_mut().push(ballot.clone());
        ballot
    }

    /// Casts a ballot. Returns whether the connection is of no use any more.
    async fn vote(&self, client: &Client) -> bool {
        let ballot = self.ballot();
        let attempt = self.record.borrow_mut().casts(&ballot);
        let mut told = Vec::new();
        let election = client.election(if self.happens(50) { "board" } else { "" });
        let patience = Duration::from_millis(50 + self.below(3_000));
        let outcome =
            timeout(patience, election.vote(&ballot, |text| told.push(text.into()))).await;
        let answer = match outcome {
            // It is taken back, and may be decided all the same.
            Err(_) => Answer::None,
            Ok(Ok(VoteOutcome::Recorded(vote))) => Answer::Recorded(vote.receipt.to_string()),
            Ok(Ok(VoteOutcome::AlreadyVoted)) => Answer::AlreadyVoted,
            Ok(Ok(VoteOutcome::UnknownVoterNumber)) => Answer::UnknownVoterNumber,
            Ok(Ok(VoteOutcome::Closed)) => Answer::Closed,
            Ok(Ok(VoteOutcome::Throttled(_))) => Answer::Throttled,
            Ok(Ok(other)) => Answer::Wrong(format!("{other:?}")),
            Ok(Err(Error::Remote(why))) if why.starts_with("the vote was not recorded") => {
                Answer::NotRecorded(why)
            }
            Ok(Err(Error::Overloaded(why))) => Answer::NotRecorded(why),
            Ok(Err(
                Error::Disconnected
                | Error::NoAnswer(_)
                // A wire that breaks between two bytes is taken for one that lies.
                | Error::Protocol(_)
                | Error::Remote(_),
            )) => Answer::None,
            Ok(Err(other)) => Answer::Wrong(other.to_string()),
        };
        let lost = matches!(answer, Answer::None);
        self.record.borrow_mut().answered(attempt, answer, told);
        lost
    }

    async fn observe(&self) {
        loop {
            let client = self.connect().await;
            let election = client.election("board");
            if self.happens(50) {
                let watching = election.watch(|results| {
                    self.record.borrow_mut().was_told(results);
                    Ok(())
                });
                let enough = std::pin::pin!(self.pause(2_000));
                select(std::pin::pin!(watching), enough).await;
                continue;
            }
            for _ in 0..self.below(10) {
                let seen = self.record.borrow_mut().asks();
                match election.results().await {
                    Ok(results) => self.record.borrow_mut().sees(seen, &results),
                    Err(_) => break,
                }
                self.pause(200).await;
            }
            self.pause(50).await;
        }
    }

    /// Closes the election at some time, in most histories before the end.
    async fn close_some_time(&self, duration: Duration) {
        let latest = (duration.as_millis() as u64) * 4 / 3;
        self.pause(latest).await;
        let token: Token = self.server.officer();
        loop {
            let client = self.connect().await;
            let officer = client.restore(token.as_bytes()).returning_officer();
            let closes = officer.administer("board");
            match timeout(Duration::from_secs(1), closes.close()).await {
                Ok(Ok(ActOutcome::Done | ActOutcome::Refused(_))) => {
                    return self.record.borrow_mut().is_closed();
                }
                _ => self.pause(200).await,
            }
        }
    }
}
