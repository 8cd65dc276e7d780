//! The puzzle whose solution lets a vote through beside a guesser.

use sha2::{Digest, Sha256};

use super::VoterNumber;

/// A search for a number whose hash begins with zero bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Puzzle {
    /// Random bytes drawn by the server.
    pub challenge: [u8; Puzzle::CHALLENGE_BYTES],
    /// How many zero bits the hash of a solution begins with.
    pub bits: u8,
}

/// The work that a solution shows. More work is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Work(u128);

/// Domain separation from other hashes.
const DOMAIN: &[u8] = b"capvote puzzle 1\0";

/// Hashes between two calls of the function that stops a search.
const HASHES_BETWEEN_STOPS: u64 = 4_096;

impl Puzzle {
    /// The length of a challenge, in bytes.
    pub const CHALLENGE_BYTES: usize = 16;

    /// The first solution from `first` on, which is not 0, for a vote under this number. `None` if
    /// `stop` returns true before.
    pub fn solve(
        &self,
        number: VoterNumber,
        first: u64,
        mut stop: impl FnMut() -> bool,
    ) -> Option<u64> {
        for solution in first.max(1)..=u64::MAX {
            if solution.is_multiple_of(HASHES_BETWEEN_STOPS) && stop() {
                return None;
            }
            if Work::new(&self.challenge, number, solution).bits() >= self.bits {
                return Some(solution);
            }
        }
        None
    }
}

impl Work {
    /// The work that a solution shows, for a vote under this number.
    pub fn new(
        challenge: &[u8; Puzzle::CHALLENGE_BYTES],
        number: VoterNumber,
        solution: u64,
    ) -> Self {
        // 49 bytes, which SHA-256 hashes as one block.
        let hash = Sha256::new_with_prefix(DOMAIN)
            .chain_update(challenge)
            .chain_update(number.get().to_le_bytes())
            .chain_update(solution.to_le_bytes())
            .finalize();
        let first = hash.first_chunk().copied().unwrap_or_default();
        Self::of_hash(u128::from_be_bytes(first))
    }

    /// The work that a hash with these first 128 bits shows.
    pub fn of_hash(hash: u128) -> Self {
        Self(!hash)
    }

    /// How many zero bits the hash begins with, of its first 128.
    pub fn bits(self) -> u8 {
        self.0.leading_ones() as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUZZLE: Puzzle = Puzzle { challenge: [7; 16], bits: 12 };

    #[test]
    fn a_solution_shows_the_work_and_is_for_one_number_and_one_challenge() {
        let solution = PUZZLE.solve(5.into(), 1, || false).unwrap();
        assert!(Work::new(&[7; 16], 5.into(), solution).bits() >= 12);
        assert!(Work::new(&[7; 16], 6.into(), solution).bits() < 12);
        assert!(Work::new(&[8; 16], 5.into(), solution).bits() < 12);
        let next = PUZZLE.solve(5.into(), solution + 1, || false).unwrap();
        assert!(next > solution);
    }

    #[test]
    fn the_hash_is_the_documented_one() {
        // Computed with Python: hashlib.sha256(b"capvote puzzle 1\0" + b"\7" * 16
        // + (5).to_bytes(8, "little") + (1).to_bytes(8, "little")).hexdigest()[:32]
        let work = Work::new(&[7; 16], 5.into(), 1);
        assert_eq!(work.0, !EXPECTED);
    }

    #[test]
    fn a_search_can_be_stopped() {
        let hopeless = Puzzle { bits: 128, ..PUZZLE };
        let mut calls = 0;
        let stop = || {
            calls += 1;
            calls == 3
        };
        assert_eq!(hopeless.solve(5.into(), 1, stop), None);
    }

    const EXPECTED: u128 = 0xfc88337e_a94c78b2_a5bc5312_47d7f78a;
}
