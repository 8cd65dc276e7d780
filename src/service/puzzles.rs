//! The puzzles that a server gives, and which solutions were used.
//!
//! A puzzle's challenge is the same for everybody and for [`CHALLENGE_TIME`]; nothing is kept about
//! those who got it. A solution is good for one lookup of one voter number: the hash covers the
//! number, and the solutions that were used are kept until their challenge is out of date.

use std::collections::BTreeSet;
use std::mem;
use std::time::Duration;

use tokio::time::Instant;

use super::draw::draw_challenge;
use crate::election::{Puzzle, VoterNumber, Work};

/// How long a challenge is given. Its solutions are accepted for as long again.
const CHALLENGE_TIME: Duration = Duration::from_secs(30);

/// The used solutions of `CHALLENGE_TIME` that are kept. If there are more, those with the least
/// work are forgotten, and solutions with no more work than they are refused: they may be used.
pub const USED_SOLUTIONS_MAX: usize = 100_000;

#[derive(Debug, Default)]
pub(super) struct Puzzles {
    current: Option<Period>,
    previous: Option<Period>,
}

/// The time of one challenge.
#[derive(Debug)]
struct Period {
    challenge: [u8; Puzzle::CHALLENGE_BYTES],
    begun: Instant,
    /// The solutions used in this time.
    used: BTreeSet<Work>,
    /// Solutions with at most this much work count as used.
    forgotten: Option<Work>,
}

impl Puzzles {
    /// The challenge to give. `None` if the operating system has no random bytes.
    pub(super) fn challenge(&mut self, now: Instant) -> Option<[u8; Puzzle::CHALLENGE_BYTES]> {
        self.turn(now);
        self.current.as_ref().map(|current| current.challenge)
    }

    /// The work that a solution shows for this number.
    pub(super) fn work(
        &mut self,
        number: VoterNumber,
        solution: u64,
        now: Instant,
    ) -> Option<Work> {
        self.turn(now);
        let periods = [&self.current, &self.previous].into_iter().flatten();
        periods.map(|period| Work::new(&period.challenge, number, solution)).max()
    }

    pub(super) fn is_used(&self, work: Work) -> bool {
        let mut periods = [&self.current, &self.previous].into_iter().flatten();
        periods.any(|period| period.forgotten >= Some(work) || period.used.contains(&work))
    }

    pub(super) fn use_up(&mut self, work: Work) {
        let Some(current) = &mut self.current else { return };
        current.used.insert(work);
        if current.used.len() > USED_SOLUTIONS_MAX {
            current.forgotten = current.forgotten.max(current.used.pop_first());
        }
    }

    /// Draws a new challenge when it is time to.
    fn turn(&mut self, now: Instant) {
        let age = |period: &Period| now.saturating_duration_since(period.begun);
        if self.current.as_ref().is_some_and(|current| age(current) < CHALLENGE_TIME) {
            return;
        }
        let period =
            |challenge| Period { challenge, begun: now, used: BTreeSet::new(), forgotten: None };
        self.previous = mem::replace(&mut self.current, draw_challenge().ok().map(period))
            .filter(|previous| age(previous) < CHALLENGE_TIME * 2);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_solution_is_accepted_for_a_while_and_once() {
        let mut puzzles = Puzzles::default();
        let challenge = puzzles.challenge(Instant::now()).unwrap();
        let solution = Puzzle { challenge, bits: 20 }.solve(7.into(), 1, || false).unwrap();
        let mut work = || puzzles.work(7.into(), solution, Instant::now()).unwrap();
        let shown = work();
        assert!(shown.bits() >= 20);
        advance(CHALLENGE_TIME.mul_f64(1.9)).await;
        assert_eq!(work(), shown);
        assert!(!puzzles.is_used(shown));
        puzzles.use_up(shown);
        assert!(puzzles.is_used(shown));
        advance(CHALLENGE_TIME).await;
        assert_ne!(puzzles.work(7.into(), solution, Instant::now()).unwrap(), shown);
        assert!(puzzles.is_used(shown), "forgotten while its challenge is accepted");
    }

    #[tokio::test(start_paused = true)]
    async fn a_solution_of_a_challenge_that_nobody_asked_for_since_is_out_of_date() {
        let mut puzzles = Puzzles::default();
        let challenge = puzzles.challenge(Instant::now()).unwrap();
        let solution = Puzzle { challenge, bits: 20 }.solve(7.into(), 1, || false).unwrap();
        let shown = puzzles.work(7.into(), solution, Instant::now()).unwrap();
        advance(CHALLENGE_TIME * 2).await;
        assert_ne!(puzzles.work(7.into(), solution, Instant::now()).unwrap(), shown);
    }

    #[tokio::test(start_paused = true)]
    async fn used_solutions_take_bounded_memory_and_none_is_accepted_again() {
        let mut puzzles = Puzzles::default();
        let now = Instant::now();
        let used: Vec<_> = (1..=USED_SOLUTIONS_MAX as u64 + 100)
            .map(|solution| puzzles.work(7.into(), solution, now).unwrap())
            .collect();
        used.iter().for_each(|work| puzzles.use_up(*work));
        assert!(used.iter().all(|work| puzzles.is_used(*work)));
        assert_eq!(puzzles.current.as_ref().unwrap().used.len(), USED_SOLUTIONS_MAX);
        let more = *used.iter().max().unwrap();
        let mut better = (1..).map(|solution| puzzles.work(8.into(), solution, now).unwrap());
        let better = better.find(|work| *work > more).unwrap();
        assert!(!puzzles.is_used(better));
    }
}
