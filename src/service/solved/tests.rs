//! Simulated guessers and voters, in virtual time: their searches take no hashes.

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
