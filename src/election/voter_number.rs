//! Voter numbers.

use std::fmt;
use std::str::FromStr;

/// A secret number that entitles its holder to one vote in one election.
///
/// Shown as five groups of four digits; parsed with or without separators. Any 64-bit number is
/// valid; 0 is never issued.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VoterNumber(u64);

/// Why a text is not a voter number. It does not repeat the text, which may be a mistyped number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a voter number is 1 to 20 digits such as 1234-5678-9012-3456-7890, at most \
     18446744073709551615, with or without separators"
)]
pub struct InvalidVoterNumber;

/// The digits of the largest number. Smaller ones are padded with zeros.
const DIGITS: usize = 20;
const GROUP_DIGITS: usize = 4;

impl VoterNumber {
    /// The number as an integer.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl From<u64> for VoterNumber {
    fn from(number: u64) -> Self {
        Self(number)
    }
}

impl FromStr for VoterNumber {
    type Err = InvalidVoterNumber;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let separator = |character: char| character == '-' || character.is_whitespace();
        let digits: String = text.chars().filter(|&character| !separator(character)).collect();
        // `u64::from_str` accepts a leading "+" and any number of leading zeros.
        if digits.len() > DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidVoterNumber);
        }
        digits.parse().map(Self).map_err(|_| InvalidVoterNumber)
    }
}

impl fmt::Display for VoterNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:0DIGITS$}", self.0);
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && index % GROUP_DIGITS == 0 {
                f.write_str("-")?;
            }
            fmt::Write::write_char(f, digit)?;
        }
        Ok(())
    }
}

/// Hides the number: `Debug` output ends up in logs.
impl fmt::Debug for VoterNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VoterNumber(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_parses_as_it_is_shown() {
        for number in [0, 1, 42, 1_234_567_890_123_456, u64::MAX] {
            let shown = VoterNumber(number).to_string();
            assert_eq!(shown.len(), 24, "{shown}");
            assert_eq!(shown.parse(), Ok(VoterNumber(number)));
        }
        assert_eq!(VoterNumber(12_345).to_string(), "0000-0000-0000-0001-2345");
    }

    #[test]
    fn only_digits_and_separators_are_accepted() {
        for text in
            ["12345678", "1234-5678", "1234 5678", " 1234  5678\n", "12-34-56-78", "0012345678"]
        {
            assert_eq!(text.parse(), Ok(VoterNumber(12_345_678)), "{text:?}");
        }
        for text in
            ["", "-", "+1", "1.0", "0x10", "12a4", "18446744073709551616", "000000000000000000001"]
        {
            assert_eq!(text.parse::<VoterNumber>(), Err(InvalidVoterNumber), "{text:?}");
        }
    }
}
