//! Drawing voter numbers.

use std::collections::HashSet;

use crate::election::VoterNumber;

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
