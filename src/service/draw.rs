//! Drawing secrets from the operating system's generator: voter numbers, and tokens with their grants.

use crate::election::{Grant, GrantId, Role, Token, VoterNumber};

/// Draws `count` different numbers, none of them 0, from the operating system's generator.
///
/// # Errors
/// Where the operating system gives no random numbers.
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
        // Ten million draws are one try, but for 1 time in 300,000.
        if different && sorted.first() != Some(&VoterNumber::from(0)) {
            return Ok(numbers);
        }
    }
}

/// Draws a token that opens `role`, and the grant that keeps its hash.
///
/// # Errors
/// Where the operating system gives no random numbers.
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
