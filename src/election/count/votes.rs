//! A number of votes, with fractions.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub, SubAssign};

/// A number of votes, in billionths: 100 million votes fit 184 times. An overflow is a fault, and
/// never a wrong number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Votes(u64);

impl Votes {
    /// No votes.
    pub const ZERO: Self = Self(0);
    /// The billionths in a vote.
    pub const ONE: u64 = 1_000_000_000;

    /// This many whole votes.
    pub fn whole(votes: u64) -> Self {
        Self(votes * Self::ONE)
    }

    /// This many billionths of a vote.
    pub fn from_billionths(billionths: u64) -> Self {
        Self(billionths)
    }

    /// This many times as many.
    pub fn times(self, factor: u64) -> Self {
        Self(self.0 * factor)
    }

    /// The billionths.
    pub fn billionths(self) -> u64 {
        self.0
    }
}

impl Add for Votes {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Votes {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl AddAssign for Votes {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Votes {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Votes {
    fn sum<I: Iterator<Item = Self>>(votes: I) -> Self {
        votes.fold(Self::ZERO, Add::add)
    }
}

/// Without zeros at the end: `1914`, `1789.19796`.
impl fmt::Display for Votes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / Self::ONE, self.0 % Self::ONE);
        if rest == 0 {
            return f.pad(&whole.to_string());
        }
        let digits = format!("{whole}.{rest:09}");
        f.pad(digits.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn votes_are_shown_without_zeros_at_the_end() {
        for (billionths, shown) in [
            (0, "0"),
            (1, "0.000000001"),
            (1_914_000_000_000, "1914"),
            (1_789_197_960_000, "1789.19796"),
            (10_500_000_000, "10.5"),
            (u64::MAX, "18446744073.709551615"),
        ] {
            assert_eq!(Votes::from_billionths(billionths).to_string(), shown);
        }
        assert_eq!(format!("{:>6}", Votes::whole(12)), "    12");
    }
}
