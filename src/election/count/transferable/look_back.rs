//! Ties that an earlier stage decides.

use super::super::super::Choice;
use super::super::{Round, Votes};

/// Who is looked for among names with equal votes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sought {
    /// Whoever had most votes.
    Most,
    /// Whoever had fewest.
    Fewest,
}

/// Those of the names that the earlier stages leave, from the last back to the first: one, or
/// several that were equal at all stages.
pub(super) fn look_back(
    rounds: &[Round],
    equal: &[Choice],
    sought: Sought,
    votes: impl Fn(&Round, Choice) -> Votes,
) -> Vec<Choice> {
    let mut left = equal.to_vec();
    for round in rounds.iter().rev() {
        if left.len() < 2 {
            break;
        }
        let all = left.iter().map(|&name| votes(round, name));
        let found = match sought {
            Sought::Most => all.max(),
            Sought::Fewest => all.min(),
        };
        left.retain(|&name| Some(votes(round, name)) == found);
    }
    left
}
