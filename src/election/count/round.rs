//! The evidence of one round of a count.

use super::{Choice, Votes};

/// One round: what was done in it, and how everybody stands at its end.
///
/// In each round, the votes of all names, the exhausted and the lost are exactly the valid ballots
/// of a ranked count. With plurality, the votes are the marks, and nothing is exhausted or lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    /// What was done.
    pub step: Step,
    /// The votes of each name at the end, in the order of the slate.
    pub votes: Vec<Votes>,
    /// How each name stands at the end, in the order of the slate.
    pub status: Vec<Status>,
    /// Who is elected in this round, in order.
    pub elected: Vec<Choice>,
    /// How many votes are enough: the quota, or the fewest votes that reach the majority. Zero where
    /// no number of votes is enough by itself.
    pub needed: Votes,
    /// The votes of papers without a further preference.
    pub exhausted: Votes,
    /// The votes lost because values of papers have five decimals.
    pub lost: Votes,
    /// The seats that "reopen nominations" has taken, which stay empty. The votes that it still has
    /// for another seat are its votes less a quota for each of these.
    pub empty: u16,
    /// The lots drawn in this round, as positions in the lots of the count.
    pub lots: Vec<usize>,
}

/// What was done in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The first preferences were counted; with plurality, the marks.
    First,
    /// The surplus of an elected name was transferred.
    Surplus {
        /// Whose.
        from: Choice,
        /// How much it was.
        surplus: Votes,
    },
    /// A name was excluded, and its papers were transferred.
    Exclusion {
        /// Whose.
        from: Choice,
    },
    /// As many names were left as seats, and they fill these.
    Remaining,
}

/// How a name stands at the end of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It can still be elected.
    Continuing,
    /// It is elected.
    Elected,
    /// It is out.
    Excluded,
    /// It ended the count without a seat.
    Defeated,
}
