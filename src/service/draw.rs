//! Drawing from the operating system's random number generator: voter numbers, nonces, tokens with
//! their grants, and challenges.

use capnp::Error;

use crate::election::{Grant, GrantId, Nonce, Puzzle, Role, Token, VoterNumber};

/// Draws `count` different voter numbers, none of them 0.
///
/// # Errors
/// That of the operating system's generator.
pub(crate) fn draw_numbers(count: usize) -> Result<Vec<VoterNumber>, getrandom::Error> {
    let mut bytes = vec![0; 8 * count];
    loop {
        getrandom::fill(&mut bytes)?;
        let chunks = bytes.as_chunks::<8>().0.iter();
        let numbers: Vec<_> =
            chunks.map(|&chunk| VoterNumber::from(u64::from_le_bytes(chunk))).collect();
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        let different = sorted.is_sorted_by(|a, b| a < b);
        // Ten million numbers take more than one try once in 300,000 times.
        if different && sorted.first() != Some(&VoterNumber::from(0)) {
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
) -> Result<(Token, Grant), getrandom::Error> {
    let mut bytes = [0; Token::BYTES];
    getrandom::fill(&mut bytes)?;
    let token = Token::from(bytes);
    let id = GrantId(getrandom::u64()?);
    let grant = Grant { id, parent, role, token: token.hash() };
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
}
