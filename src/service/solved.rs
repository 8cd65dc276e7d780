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
mod tests {
    use std::cell::Cell;
    use std::net::IpAddr;
    use std::rc::Rc;

    use sha2::{Digest, Sha256};

    use super::*;

    /// Random numbers that depend on the seed only.
    struct Random(u64, u64);

    impl Random {
        fn bits(&mut self) -> u128 {
            self.1 += 1;
            let hash = Sha256::new_with_prefix(self.0.to_le_bytes());
            let hash = hash.chain_update(self.1.to_le_bytes()).finalize();
            u128::from_be_bytes(*hash.first_chunk().unwrap())
        }

        /// Between 0 and 1.
        fn fraction(&mut self) -> f64 {
            (self.bits() >> 75) as f64 / 2_f64.powi(53)
        }
    }

    fn origin(last: u8) -> Origin {
        IpAddr::from([192, 0, 2, last]).into()
    }

    /// Bits of the least solutions that a guesser sends: fewer are outbid at once.
    const GUESSER_BITS: u32 = 16;

    /// What processors find in 10 ms, without hashing.
    fn found(random: &mut Random, hashes_a_second: f64) -> Vec<Work> {
        let rate = hashes_a_second / 100.0 / f64::from(1_u32 << GUESSER_BITS);
        let count = rate.floor() as u32 + u32::from(random.fraction() < rate.fract());
        (0..count).map(|_| Work::of_hash(random.bits() >> GUESSER_BITS)).collect()
    }

    /// A guesser at this address, for `seconds`. Returns the number of lookups.
    async fn guess(votes: SolvedVotes, origin: Origin, speed: f64, seconds: u32) -> u32 {
        let (mut random, lookups) = (Random(getrandom::u64().unwrap(), 0), Rc::new(Cell::new(0)));
        for _ in 0..seconds * 100 {
            for work in found(&mut random, speed) {
                let (votes, lookups) = (votes.clone(), lookups.clone());
                spawn_local(async move {
                    if votes.admit_work(origin, work).await {
                        lookups.set(lookups.get() + 1);
                    }
                });
            }
            sleep(Duration::from_millis(10)).await;
        }
        lookups.get()
    }

    /// A voter who computes this many hashes a second: solves what is asked for until admitted.
    /// Returns how long that took.
    async fn vote(votes: SolvedVotes, origin: Origin, speed: f64, seed: u64) -> Duration {
        let (mut random, begun) = (Random(seed, 0), Instant::now());
        let mut bits = 0;
        loop {
            // As `client::cast` does: more than the last time.
            bits = votes.puzzle(origin).unwrap().bits.max(bits + 1).min(ASKED_BITS_MAX);
            let hashes = -(1.0 - random.fraction()).ln() * 2_f64.powi(bits.into());
            sleep(Duration::from_secs_f64(hashes / speed)).await;
            if votes.admit_work(origin, Work::of_hash(random.bits() >> bits)).await {
                votes.was_right(origin);
                return begun.elapsed();
            }
        }
    }

    /// 200 voters, half of them at once, beside a guesser whose processors are this many times as
    /// fast as a voter's. Returns the longest that one of them took.
    async fn voters_beside_a_guesser(times: f64) -> Duration {
        const SPEED: f64 = 5e6;
        let votes = SolvedVotes::default();
        let guesser = spawn_local(guess(votes.clone(), origin(1), SPEED * times, 15));
        sleep(Duration::from_secs(5)).await;
        let voters: Vec<_> = (0..200)
            .map(|seed| {
                let votes = votes.clone();
                spawn_local(async move {
                    sleep(Duration::from_millis(50) * u32::saturating_sub(seed, 100)).await;
                    vote(votes, origin(1), SPEED, seed.into()).await
                })
            })
            .collect();
        let mut longest = Duration::ZERO;
        for voter in voters {
            longest = longest.max(voter.await.unwrap());
        }
        let lookups = guesser.await.unwrap();
        let most = ADDRESS_LIMIT.burst + 15 * 40;
        assert!((400..=most).contains(&lookups), "{lookups} guesses were looked up");
        longest
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn voters_get_through_beside_a_guesser_with_faster_processors() {
        for (times, most) in [(1.0, 3), (4.0, 5), (16.0, 10)] {
            let longest = voters_beside_a_guesser(times).await;
            assert!(longest <= Duration::from_secs(most), "{longest:?} beside {times} x");
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_solution_is_looked_up_once() {
        let votes = SolvedVotes::default();
        let puzzle = votes.puzzle(origin(1)).unwrap();
        assert_eq!(puzzle.bits, BITS_MIN);
        let solution = puzzle.solve(7.into(), 1, || false).unwrap();
        assert!(votes.admit(origin(1), 7.into(), solution).await);
        assert!(!votes.admit(origin(1), 7.into(), solution).await);
        assert!(!votes.admit(origin(2), 7.into(), solution).await);
        assert!(!votes.admit(origin(1), 8.into(), solution).await);
        assert!(!votes.admit(origin(1), 7.into(), 0).await);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn guessers_at_many_addresses_share_the_servers_limit() {
        let votes = SolvedVotes::default();
        let guessers = (0..50).map(|last| guess(votes.clone(), origin(last), 1e6, 10));
        let guessers: Vec<_> = guessers.map(spawn_local).collect();
        sleep(Duration::from_secs(5)).await;
        let took = vote(votes.clone(), origin(1), 5e6, 1).await;
        assert!(took <= Duration::from_secs(5), "{took:?}");
        let mut lookups = 0;
        for guesser in guessers {
            lookups += guesser.await.unwrap();
        }
        let most = SERVER_LIMIT.burst + 10 * 200;
        assert!((1_500..=most).contains(&lookups), "{lookups} guesses were looked up");
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn what_waits_is_bounded_and_forgotten() {
        let votes = SolvedVotes::default();
        for last in 0..=50 {
            spawn_local(guess(votes.clone(), origin(last), 1e9, 1));
        }
        sleep(Duration::from_millis(500)).await;
        {
            let queue = votes.queue();
            assert_eq!(queue.waiting.len(), SOLVED_VOTES_MAX);
            let longest = queue.addresses.values().map(|it| it.waiting.len()).max();
            assert!(longest <= Some(SOLVED_OF_ADDRESS_MAX));
        }
        sleep(Duration::from_secs(10)).await;
        let queue = votes.queue();
        assert!(queue.waiting.is_empty() && queue.addresses.is_empty() && !queue.has_task);
    }
}
