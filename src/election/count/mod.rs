//! How ballots are counted at the close: who is elected, and the evidence of how that came about.
//!
//! A count is a pure function of the slate, the rules, the ballots, the size of the roll, and the
//! seed of the lot. Everything is in whole numbers. The order of the ballots does not matter.
//!
//! The verdict is reached in this order:
//! 1. The **quorum** is judged: all ballots, the blank ones among them, against a share of the roll
//!    or a number. If it is missed, nobody is elected, and nothing else is counted.
//! 2. The method counts: [`plurality`], [`transferable`] or [`schulze`].

mod ballots;
mod groups;
mod lot;
mod plurality;
mod round;
mod schulze;
mod sentence;
mod transferable;
mod votes;

pub use ballots::Ballots;
pub use lot::{Lot, LotSeed, LotSeedBuilder, LotUse};
pub use round::{Round, Status, Step};
pub use schulze::{Pairs, Strength};
pub use sentence::sentence;
pub use votes::Votes;

use super::{Choice, Method, Rules, Slate, Wholes};

/// How a result came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// Who is elected, in the order of election. Never more than there are seats.
    pub elected: Vec<Choice>,
    /// What the elected, or the lack of them, means.
    pub verdict: Verdict,
    /// How many ballots there were, how many of them mark a name, and how long the roll is.
    pub wholes: Wholes,
    /// The rounds, in order: one for plurality, one for each stage of the transferable vote, none
    /// for Schulze's method. Without a quorum, none.
    pub rounds: Vec<Round>,
    /// The comparisons of each name with each other: for Schulze's method only.
    pub pairs: Option<Pairs>,
    /// Each lot that was drawn, in order.
    pub lots: Vec<Lot>,
}

/// What a count decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Each seat has somebody.
    Decided,
    /// Too few ballots were cast: nobody is elected.
    NoQuorum,
    /// Nobody reached the majority: nobody is elected.
    NoMajority,
    /// At least one seat stays empty, for another reason: too few names have a vote, reach the
    /// majority or beat the default option; or "reopen nominations" took a seat.
    Vacant,
}

/// Counts the ballots of an election whose roll has this many voter numbers.
///
/// The ballots were gathered for the same slate and rules. Of ballots for another method, nobody is
/// elected.
pub fn count(slate: &Slate, rules: &Rules, ballots: &Ballots, roll: u64, seed: &LotSeed) -> Count {
    let wholes = Wholes { marked: ballots.marked(), ballots: ballots.ballots(), roll };
    if rules.quorum.is_some_and(|quorum| !quorum.is_reached_by(wholes.ballots, &wholes)) {
        return Count::nobody(Verdict::NoQuorum, wholes);
    }
    match rules.method {
        Method::Plurality => plurality::count(slate, rules, ballots, wholes, seed),
        Method::Transferable => transferable::count(slate, rules, ballots, wholes, seed),
        Method::Schulze => schulze::count(slate, rules, ballots, wholes, seed),
    }
}

/// As [`count`], with a seed that is made only if the lot has to decide something.
///
/// # Errors
/// Those of `seed`.
pub fn count_with<E>(
    slate: &Slate,
    rules: &Rules,
    ballots: &Ballots,
    roll: u64,
    seed: impl FnOnce() -> Result<LotSeed, E>,
) -> Result<Count, E> {
    // Up to the first lot, a count is the same with every seed.
    let counted = count(slate, rules, ballots, roll, &LotSeed::from([0; 32]));
    if counted.lots.is_empty() {
        return Ok(counted);
    }
    Ok(count(slate, rules, ballots, roll, &seed()?))
}

impl Count {
    /// A count that elects nobody, before any round.
    fn nobody(verdict: Verdict, wholes: Wholes) -> Self {
        Self {
            elected: Vec::new(),
            verdict,
            wholes,
            rounds: Vec::new(),
            pairs: None,
            lots: Vec::new(),
        }
    }
}
