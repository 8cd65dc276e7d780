//! Voter numbers.

use std::fmt;
use std::str::FromStr;

use super::typed::typed_digits;

/// A secret number that entitles its holder to one vote in one election.
///
/// Shown as five groups of four digits; parsed with or without separators, as
/// [`typed_digits`](super::typed_digits) reads them. Any 64-bit number is valid; 0 is never issued.
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
        let (digits, others) = typed_digits(text);
        // `u64::from_str` accepts any number of leading zeros.
        if digits.len() > DIGITS || others {
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
        for text in [
            "12345678",
            "1234-5678",
            "1234 5678",
            " 1234  5678\n",
            "12-34-56-78",
            "0012345678",
            "1234\u{2011}5678",
            "1234\u{2010}5678",
            "1234\u{2013}5678",
            "1234\u{2014}5678",
            "1234\u{2212}5678",
            "1234\u{FF0D}5678",
            "1234\u{30FC}5678",
            "1234\u{A0}5678",
            "1234\u{202F}5678",
            "1234\u{3000}5678",
            "\u{FEFF}1234\u{200B}5678\u{200E}",
            "\u{202D}1234\u{2060}-5678\u{202C}",
            "1234\u{AD}-\u{AD}5678",
            "１２３４－５６７８",
            "١٢٣٤-٥٦٧٨",
            "۱۲۳۴ ۵۶۷۸",
            "१२३४-५६७८",
            "\"1234-5678\"",
            "“1234–5678”",
            "«1234-5678»",
            "*1234-5678*.",
            "`12345678`",
            "1234-5678,",
        ] {
            assert_eq!(text.parse(), Ok(VoterNumber(12_345_678)), "{text:?}");
        }
        for text in [
            "",
            "-",
            "+1",
            "1.0",
            "0x10",
            "12a4",
            "18446744073709551616",
            "000000000000000000001",
            "①",
            "1²",
            "一",
            "\"",
            "1\u{7}2",
        ] {
            assert_eq!(text.parse::<VoterNumber>(), Err(InvalidVoterNumber), "{text:?}");
        }
    }
}
