//! Voters: each casts ballots under numbers that others use, too, and sends a ballot again, to
//! either server, until it knows what became of it.

use std::rc::Rc;
use std::time::Duration;

use capvote::election::{Choice, Nonce, Vote};
use capvote::ledger::{Ledger, LedgerError};
use fastrand::Rng;
use tokio::time::{Instant, sleep, timeout};

use super::history::{Cast, IDS, Shared};
use super::servers::Server;
use super::{CANDIDATES, DURATION, LATER, NUMBERS};

/// An unanswered call is a fault of the ledger after this, unless its server is paused: that is 20
/// seconds of asking again, twice for what queues behind, and the waits for locks.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(600);

/// How often a ballot is sent.
const TRIES_MAX: usize = 12;

/// Half the ballots are cast under one of so many numbers.
const DISPUTED: u64 = 4;

/// What voters have.
#[derive(Clone)]
pub(super) struct World {
    pub(super) servers: Vec<Rc<Server>>,
    pub(super) history: Shared,
}

/// The ballot as the ledger takes it.
pub(super) fn ballot(cast: &Cast) -> Vote {
    let choice = Choice::from_index(cast.choice).expect("a choice");
    Vote {
        election: IDS[cast.election].parse().expect("a good name"),
        ballot: choice.into(),
        number: cast.number.into(),
        nonce: Nonce::from(cast.nonce),
    }
}

impl World {
    /// Votes until the end.
    pub(super) async fn vote(self, mut rng: Rng) {
        let begun = Instant::now();
        while begun.elapsed() < DURATION {
            sleep(Duration::from_millis(rng.u64(0..4_000))).await;
            let number = match rng.u32(0..8) {
                0..4 => rng.u64(1..=DISPUTED),
                4 => rng.u64(LATER..LATER + NUMBERS),
                _ => rng.u64(1..=NUMBERS),
            };
            let elections = if rng.u32(0..3) == 0 { vec![0, 1] } else { vec![rng.usize(0..3)] };
            let mut votes = Vec::new();
            for election in elections {
                let mut nonce = [0; 16];
                rng.fill(&mut nonce);
                let cast = Cast { election, number, choice: rng.usize(0..CANDIDATES), nonce };
                votes.push(self.history.borrow_mut().cast(cast));
            }
            self.settle(votes, &mut rng).await;
        }
    }

    /// Sends these ballots until it is known what became of them, or for a while.
    async fn settle(&self, mut votes: Vec<usize>, rng: &mut Rng) {
        for _ in 0..TRIES_MAX {
            let server = rng.usize(0..self.servers.len());
            let patience = match rng.u32(0..4) {
                0 => Duration::from_millis(rng.u64(1..2_000)),
                _ => Duration::from_secs(rng.u64(2..60)),
            };
            let known = self.send(&votes, server, patience).await;
            votes.retain(|vote| !known.contains(vote));
            if votes.is_empty() {
                return;
            }
            sleep(Duration::from_millis(rng.u64(1..1_500))).await;
        }
    }

    /// Sends these ballots once. Returns those of which it is known what became.
    pub(super) async fn send(
        &self,
        votes: &[usize],
        server: usize,
        patience: Duration,
    ) -> Vec<usize> {
        let Some(ledger) = self.servers[server].ledger() else { return Vec::new() };
        let starts = self.servers[server].starts.get();
        let (mut casts, mut asked) = (Vec::new(), 0);
        for vote in votes {
            let mut history = self.history.borrow_mut();
            asked = history.sent(*vote, server);
            casts.push(ballot(&history.votes[*vote].cast));
        }
        let answer = ledger.vote(casts);
        drop(ledger);
        // A voter who leaves does not stop the call.
        let (history, votes) = (self.history.clone(), votes.to_vec());
        let it = self.servers[server].clone();
        let answered = tokio::task::spawn_local(async move {
            let answers = match timeout(ANSWER_WAIT_MAX, answer).await {
                Ok(answers) => answers,
                Err(_) if it.starts.get() != starts || it.was_paused() => return Vec::new(),
                Err(_) => {
                    history.borrow_mut().violated(format!("votes {votes:?} are not answered"));
                    return Vec::new();
                }
            };
            let mut known = Vec::new();
            for (index, vote) in votes.iter().enumerate() {
                let mut history = history.borrow_mut();
                let answer = match &answers {
                    Ok(answers) => answers[index].clone(),
                    Err(error) => Err(error.clone()),
                };
                let same = it.starts.get() == starts && it.ledger().is_some();
                history.answered(*vote, (server, same), asked, &answer);
                if let Some(ledger) = it.ledger().filter(|_| same) {
                    let snapshot = ledger.snapshots().borrow().clone();
                    history.look(server, &snapshot);
                }
                if answer.is_ok() || matches!(answer, Err(LedgerError::Refused(_))) {
                    known.push(*vote);
                }
            }
            known
        });
        match timeout(patience, answered).await {
            Ok(Ok(known)) => known,
            _ => Vec::new(),
        }
    }

    /// Looks what each server shows, until the end.
    pub(super) async fn watch(self, mut rng: Rng) {
        let begun = Instant::now();
        while begun.elapsed() < DURATION {
            sleep(Duration::from_millis(rng.u64(50..700))).await;
            for (index, server) in self.servers.iter().enumerate() {
                if let Some(ledger) = server.ledger() {
                    let snapshot = ledger.snapshots().borrow().clone();
                    self.history.borrow_mut().look(index, &snapshot);
                }
            }
        }
    }
}
