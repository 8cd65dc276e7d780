//! Drawing secrets from the operating system's generator: voter numbers, and tokens with their grants.

use std::collections::HashSet;

use crate::election::{Grant, GrantId, Role, Token, VoterNumber};

/// Draws `count` different numbers, none of them 0, from the operating system's generator.
///
/// # Errors
/// Where the operating system gives no random numbers.
pub fn draw_numbers(count: usize) -> Result<Vec<VoterNumber>, getrandom::Error> {
    let mut taken = HashSet::with_capacity(count);
    let mut numbers = Vec::with_capacity(count);
    while numbers.len() < count {
        let mut bytes = vec![0; 8 * (count - numbers.len())];
        getrandom::fill(&mut bytes)?;
        for &chunk in bytes.as_chunks::<8>().0 {
            let number = u64::from_le_bytes(chunk);
            if number != 0 && taken.insert(number) {
                numbers.push(VoterNumber::from(number));
            }
        }
    }
    Ok(numbers)
}

/// Draws a token that opens `role`, and the grant that keeps its hash.
///
/// # Errors
/// Where the operating system gives no random numbers.
pub fn draw_grant(parent: Option<GrantId>, role: Role) -> Result<(Token, Grant), getrandom::Error> {
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
