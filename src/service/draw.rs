//! Drawing from the operating system's random number generator: voter numbers, nonces, tokens with
//! their grants, and challenges.

use capnp::Error;
use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};

use crate::election::{Grant, GrantId, Nonce, Puzzle, Role, Token, Uses, VoterNumber};

/// Voter numbers that follow from a random seed, and are computed as often as they are needed:
/// while a client takes its time to store them, no memory has them.
#[derive(Clone)]
pub(super) struct Draw {
    seed: chacha20::Seed,
    count: usize,
}

impl Draw {
    /// Draws `count` voter numbers, none of them 0. Two of ten million are the same once in 300,000
    /// times.
    ///
    /// # Errors
    /// That of the operating system's generator.
    pub(super) fn new(count: usize) -> Result<Self, getrandom::Error> {
        let mut seed = chacha20::Seed::default();
        getrandom::fill(&mut seed)?;
        Ok(Self { seed, count })
    }

    /// The numbers, the same each time.
    pub(super) fn numbers(&self) -> impl Iterator<Item = VoterNumber> {
        let mut generator = ChaCha20Rng::from_seed(self.seed);
        (0..self.count).map(move |_| VoterNumber::from(generator.next_u64().max(1)))
    }
}

/// Draws `count` different voter numbers, none of them 0.
///
/// # Errors
/// That of the operating system's generator.
pub(crate) fn draw_numbers(count: usize) -> Result<Vec<VoterNumber>, getrandom::Error> {
    loop {
        let numbers: Vec<_> = Draw::new(count)?.numbers().collect();
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        if sorted.is_sorted_by(|a, b| a < b) {
            return Ok(numbers);
        }
    }
}

/// Draws a token for `role`, and its grant.
///
/// # Errors
/// That of the operating system's generator.
pub(crate) fn draw_grant(
    parent: Option<GrantId>,
    role: Role,
    uses: Uses,
) -> Result<(Token, Grant), getrandom::Error> {
    let mut bytes = [0; Token::BYTES];
    getrandom::fill(&mut bytes)?;
    let token = Token::from(bytes);
    let id = GrantId(getrandom::u64()?);
    let grant = Grant { id, parent, role, token: token.hash(), uses };
    Ok((token, grant))
}

/// Draws the nonce of a voter who sent none.
///
/// # Errors
/// That of the operating system's generator.
pub(super) fn draw_nonce() -> Result<Nonce, getrandom::Error> {
    let mut bytes = [0; Nonce::BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.into())
}

/// Draws the challenge of a puzzle.
///
/// # Errors
/// That of the operating system's generator.
pub(super) fn draw_challenge() -> Result<[u8; Puzzle::CHALLENGE_BYTES], getrandom::Error> {
    let mut bytes = [0; Puzzle::CHALLENGE_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// An error of the operating system's generator as an exception.
pub(super) fn no_random_numbers(error: getrandom::Error) -> Error {
    Error::failed(format!("no random numbers: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_different_and_spread_over_the_whole_range() {
        let mut numbers = draw_numbers(10_000).unwrap();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 10_000);
        let upper_half = numbers.iter().filter(|number| number.get() > u64::MAX / 2).count();
        assert!((4_500..5_500).contains(&upper_half), "{upper_half}");
        assert_eq!(draw_numbers(0).unwrap(), []);
    }

    #[test]
    fn a_draw_gives_the_same_numbers_each_time_and_no_other_draw_does() {
        let draw = Draw::new(1_000).unwrap();
        let numbers: Vec<_> = draw.numbers().collect();
        assert!(numbers.iter().copied().eq(draw.numbers()));
        let other = Draw::new(1_000).unwrap();
        assert!(other.numbers().all(|number| !numbers.contains(&number)));
    }
}
