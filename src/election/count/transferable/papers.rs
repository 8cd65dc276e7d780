//! Equal ballot papers on their way from one candidate to the next.

use super::super::Votes;
use super::super::ballots::NO_MARK;
use super::super::groups::Groups;

/// What a paper is worth, in hundred-thousandths of a vote: rule 49(3) has five decimal places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Value(u32);

/// All papers that are alike, and came to where they are together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paper {
    /// Which papers.
    pub(super) group: u32,
    /// What each is worth.
    pub(super) value: Value,
    /// How many preferences were looked at.
    seen: u8,
}

impl Value {
    /// Nothing.
    pub(super) const NOTHING: Self = Self(0);
    /// 49(4)(b)(i): a first preference is worth one vote.
    const ONE: Self = Self(100_000);

    /// 49(3): the surplus times the value, divided by the votes of the candidate, to five decimal
    /// places, any remainder being ignored.
    pub(super) fn of_surplus(self, surplus: Votes, total: Votes) -> Self {
        let value = u128::from(surplus.billionths()) * u128::from(self.0);
        let value = value / u128::from(total.billionths()).max(1);
        // The surplus is less than the total, so the value does not grow.
        Self(u32::try_from(value).unwrap_or(self.0))
    }
}

impl Paper {
    /// Papers of this group before the first stage.
    pub(super) fn unsorted(group: u32) -> Self {
        Self { group, value: Value::ONE, seen: 0 }
    }

    /// What all of them are worth.
    pub(super) fn worth(&self, groups: &Groups) -> Votes {
        let hundred_thousandth = Votes::ONE / u64::from(Value::ONE.0);
        let each = u64::from(self.value.0) * hundred_thousandth;
        Votes::from_billionths(each * groups.number(self.group))
    }

    /// Goes on to the next name of the order for which `is_next` says so.
    pub(super) fn go_on(&mut self, order: &[u8], is_next: impl Fn(usize) -> bool) -> Option<usize> {
        let rest = order.iter().skip(usize::from(self.seen));
        for &name in rest.take_while(|&&name| name != NO_MARK) {
            self.seen += 1;
            if is_next(usize::from(name)) {
                return Some(usize::from(name));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_value_has_five_decimals_and_no_more() {
        let votes = Votes::from_billionths;
        // Linn 2007: 129 / 2043 = 0.063142... for a first preference.
        let value = Value::ONE.of_surplus(Votes::whole(129), Votes::whole(2_043));
        assert_eq!(value, Value(6_314));
        // Of that paper again, from a surplus of 33.35496 of 1,947.35496 votes: 0.0010815...
        let surplus = votes(33_354_960_000);
        assert_eq!(value.of_surplus(surplus, votes(1_947_354_960_000)), Value(108));
        // 1/3 three times is less than 1, and a value of less than 0.00001 is nothing.
        assert_eq!(Value::ONE.of_surplus(Votes::whole(1), Votes::whole(3)), Value(33_333));
        let tiny = Value::ONE.of_surplus(Votes::whole(1), Votes::whole(100_001));
        assert_eq!(tiny, Value::NOTHING);
        let largest = Votes::whole(18_446_744_073);
        assert_eq!(Value::ONE.of_surplus(largest, largest), Value::ONE);
    }
}
