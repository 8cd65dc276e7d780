//! Votes that solved a puzzle, from addresses above their limit of wrong guesses.
//!
//! They are looked up in the order of the work that they show, at a limited rate of wrong ones: a
//! lookup is charged to the address and to the server when it is admitted, and the charge is taken
//! back if the number is right. So a guesser gets no more lookups by faster processors, and honest
//! voters do not use up the rate. A guesser who computes `h` hashes a second can outbid voters who
//! show less work than `h` divided by the rate; a puzzle asks for more than was outbid lately.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, timeout};

use super::puzzles::Puzzles;
use crate::election::{Puzzle, VoterNumber, Work};
use crate::net::admission::Origin;
use crate::net::gcra::{ArrivalTime, Limit};

/// Wrong lookups with solutions from an address.
const ADDRESS_LIMIT: Limit = Limit { interval: Duration::from_millis(25), burst: 20 };

/// Wrong lookups with solutions at the server.
const SERVER_LIMIT: Limit = Limit { interval: Duration::from_millis(5), burst: 100 };

/// Bits of the easiest puzzle, and of the least solution that may wait.
const BITS_MIN: u8 = 14;

/// Bits of the hardest puzzle. It takes a second or two of a processor.
pub const ASKED_BITS_MAX: u8 = 24;

/// A puzzle asks for more work than the vote in this place of those that wait from the address. At
/// the rate of wrong lookups it is its turn in a quarter of a second.
const OUTBID_PLACE: usize = 10;

/// The same among all votes that wait, while the server is above its limit.
const SERVER_OUTBID_PLACE: usize = 50;

/// Solved votes of an address that wait to be looked up. Beyond that, those with the least work are
/// throttled.
pub const SOLVED_OF_ADDRESS_MAX: usize = 256;

/// Solved votes of all addresses that wait to be looked up.
pub const SOLVED_VOTES_MAX: usize = 4_096;

/// The longest wait of a solved vote. Then it is throttled.
pub const SOLVED_WAIT_MAX: Duration = Duration::from_secs(1);

/// The pause between two rounds of admitting votes that wait.
const ADMISSION_PAUSE: Duration = Duration::from_millis(10);

/// The solved votes at one server. Clones share their state.
#[derive(Debug, Clone, Default)]
pub(super) struct SolvedVotes(Arc<Mutex<Queue>>);

#[derive(Debug, Default)]
struct Queue {
    puzzles: Puzzles,
    server: ArrivalTime,
    /// The addresses with votes that wait, or that owe anything.
    addresses: HashMap<Origin, OfAddress>,
    waiting: BTreeMap<Work, Waiting>,
    /// Whether a task admits those that wait.
    has_task: bool,
}

#[derive(Debug, Default)]
struct OfAddress {
    lookups: ArrivalTime,
    waiting: BTreeSet<Work>,
}

#[derive(Debug)]
struct Waiting {
    origin: Origin,
    admitted: oneshot::Sender<()>,
}

/// What becomes of a solved vote when it arrives.
enum Arrival {
    Refused,
    Admitted,
    Waits(oneshot::Receiver<()>),
}

impl SolvedVotes {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while the mutex is locked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The puzzle for the next vote from this address.
    pub(super) fn puzzle(&self, origin: Origin) -> Option<Puzzle> {
        let (mut queue, now) = (self.queue(), Instant::now());
        let bits = queue.asked_bits(origin, now);
        queue.puzzles.challenge(now).map(|challenge| Puzzle { challenge, bits })
    }

    /// Waits until a vote with a solution may be looked up. Returns whether it may be: not if it
    /// shows too little work, or its solution was used. The lookup is charged.
    pub(super) async fn admit(&self, origin: Origin, number: VoterNumber, solution: u64) -> bool {
        let now = Instant::now();
        let work = self.queue().puzzles.work(number, solution, now);
        match work {
            Some(work) if work.bits() >= BITS_MIN => self.admit_work(origin, work).await,
            _ => false,
        }
    }

    async fn admit_work(&self, origin: Origin, work: Work) -> bool {
        let arrival = self.queue().arrive(origin, work, Instant::now());
        let admitted = match arrival {
            Arrival::Refused => return false,
            Arrival::Admitted => None,
            Arrival::Waits(admitted) => Some(admitted),
        };
        if !std::mem::replace(&mut self.queue().has_task, true) {
            spawn_local(Admitting { votes: self.clone(), has_ended: false }.run());
        }
        let Some(mut admitted) = admitted else { return true };
        match timeout(SOLVED_WAIT_MAX, &mut admitted).await {
            Ok(admitted) => admitted.is_ok(),
            Err(_) => {
                self.queue().leave(work);
                // It may have been admitted meanwhile.
                admitted.try_recv().is_ok()
            }
        }
    }

    /// Takes the charge for a lookup back: the number was right.
    pub(super) fn was_right(&self, origin: Origin) {
        let mut queue = self.queue();
        queue.server.refund(&SERVER_LIMIT);
        if let Some(address) = queue.addresses.get_mut(&origin) {
            address.lookups.refund(&ADDRESS_LIMIT);
        }
    }
}

impl Queue {
    fn asked_bits(&self, origin: Origin, now: Instant) -> u8 {
        let of_address = self.addresses.get(&origin);
        let of_address = of_address.and_then(|it| it.waiting.iter().rev().nth(OUTBID_PLACE));
        let is_limited = self.server.wait(&SERVER_LIMIT, now).is_some();
        let of_server = self.waiting.keys().rev().nth(SERVER_OUTBID_PLACE);
        let outbid = of_address.max(of_server.filter(|_| is_limited));
        outbid.map_or(BITS_MIN, |work| work.bits() + 1).clamp(BITS_MIN, ASKED_BITS_MAX)
    }

    fn arrive(&mut self, origin: Origin, work: Work, now: Instant) -> Arrival {
        if self.puzzles.is_used(work) || self.waiting.contains_key(&work) {
            return Arrival::Refused;
        }
        let address = self.addresses.entry(origin).or_default();
        let at_once = address.waiting.is_empty()
            && address.lookups.wait(&ADDRESS_LIMIT, now).is_none()
            && self.server.wait(&SERVER_LIMIT, now).is_none();
        if at_once {
            address.lookups.charge(&ADDRESS_LIMIT, now);
            self.server.charge(&SERVER_LIMIT, now);
            self.puzzles.use_up(work);
            return Arrival::Admitted;
        }
        let is_full = address.waiting.len() >= SOLVED_OF_ADDRESS_MAX;
        let least = if is_full {
            address.waiting.first().copied()
        } else if self.waiting.len() >= SOLVED_VOTES_MAX {
            self.waiting.keys().next().copied()
        } else {
            None
        };
        if let Some(least) = least {
            if work <= least {
                return Arrival::Refused;
            }
            self.leave(least);
        }
        let (admitted, receiver) = oneshot::channel();
        self.addresses.entry(origin).or_default().waiting.insert(work);
        self.waiting.insert(work, Waiting { origin, admitted });
        Arrival::Waits(receiver)
    }

    /// Takes a vote out of those that wait. It is throttled if it was not admitted before.
    fn leave(&mut self, work: Work) -> Option<Waiting> {
        let waiting = self.waiting.remove(&work)?;
        if let Some(address) = self.addresses.get_mut(&waiting.origin) {
            address.waiting.remove(&work);
        }
        Some(waiting)
    }

    /// Admits those that may be looked up, most work first.
    fn admit(&mut self, now: Instant) {
        let mut admitted = Vec::new();
        for (work, waiting) in self.waiting.iter().rev() {
            if self.server.wait(&SERVER_LIMIT, now).is_some() {
                break;
            }
            let Some(address) = self.addresses.get_mut(&waiting.origin) else { continue };
            if address.lookups.wait(&ADDRESS_LIMIT, now).is_none() {
                address.lookups.charge(&ADDRESS_LIMIT, now);
                self.server.charge(&SERVER_LIMIT, now);
                admitted.push(*work);
            }
        }
        for work in admitted {
            self.puzzles.use_up(work);
            if let Some(waiting) = self.leave(work) {
                let _ = waiting.admitted.send(());
            }
        }
        self.addresses.retain(|_, it| !it.waiting.is_empty() || !it.lookups.is_paid_off(now));
    }
}

/// The task that admits votes that wait. It ends when nobody waits or owes anything.
struct Admitting {
    votes: SolvedVotes,
    has_ended: bool,
}

impl Admitting {
    async fn run(mut self) {
        while !self.has_ended {
            sleep(ADMISSION_PAUSE).await;
            let mut queue = self.votes.queue();
            queue.admit(Instant::now());
            self.has_ended = queue.addresses.is_empty();
            queue.has_task = !self.has_ended;
        }
    }
}

impl Drop for Admitting {
    fn drop(&mut self) {
        // Its thread has ended: another one takes over with the next vote.
        if !self.has_ended {
            self.votes.queue().has_task = false;
        }
    }
}

#[cfg(test)]
mod tests;
