//! BLT, the file format in which programs exchange ranked ballots: that of OpenSTV, OpaVote, Droop,
//! stv-rs and OpenTally.
//!
//! ```text
//! 3 1              3 candidates, 1 seat
//! -2               the second candidate has withdrawn
//! 4 1 3 0          4 ballots: the first candidate before the third
//! 2 3=1 0          2 ballots: both share the first rank
//! 1 0              a blank ballot
//! 0                the end of the ballots
//! "Ada"            the names, in order
//! "Bob"
//! "Cy"
//! "The chair"      the title
//! ```
//!
//! `#` begins a comment. A ballot ends on the line on which it begins, and several can be on one; a
//! name without quotes takes a line, and has no `#`. A quote in a name is doubled. Nothing follows
//! the title.

mod lines;
mod read;
#[cfg(test)]
mod tests;
mod write;

use super::{Ballot, Ballots, Choice, Method, Rules, Slate};

/// The longest file, in bytes.
pub const BLT_BYTES_MAX: usize = 512 << 20;
/// The most ballots in a file.
pub const BLT_BALLOTS_MAX: u64 = 1_000_000_000;

/// What a BLT file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blt {
    /// The candidates that have not withdrawn. Ballots may be blank.
    pub slate: Slate,
    /// How many are elected. At least 1.
    pub seats: u16,
    /// The names of those who have withdrawn, in the order of the file. They are on no ballot.
    pub withdrawn: Vec<String>,
    /// The title; empty if the file has none.
    pub title: String,
    lines: Vec<BallotLine>,
    /// The preferences of all lines, one after the other.
    preferences: Vec<Preference>,
}

/// Why a text is no BLT file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid BLT file (line {line}): {what}")]
pub struct InvalidBlt {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

/// The ballots of a file that say more than the rules count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CutBallots {
    /// Ballots of which the first names count, and others do not.
    pub short: u64,
    /// Ballots of which no name counts, so that they are counted as blank.
    pub off: u64,
}

/// Equal ballots of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct BallotLine {
    ballots: u64,
    /// Where its preferences end.
    end: usize,
}

/// A name on a ballot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Preference {
    name: Choice,
    /// Whether it shares its rank with the name before it.
    shared: bool,
}

impl Blt {
    /// The ballots as they are in the file: how many are equal, and their names by rank. A blank
    /// ballot has none.
    pub fn ballots(&self) -> impl Iterator<Item = (u64, Vec<Vec<Choice>>)> {
        let starts = std::iter::once(0).chain(self.lines.iter().map(|line| line.end));
        starts.zip(&self.lines).map(|(start, line)| {
            let preferences = self.preferences.get(start..line.end).unwrap_or_default();
            let ranks = preferences.chunk_by(|_, next| next.shared);
            (line.ballots, ranks.map(|rank| rank.iter().map(|it| it.name).collect()).collect())
        })
    }

    /// The ballots, for counting by these rules.
    ///
    /// A file may say more than the rules let a ballot say. A ballot counts up to the most marks,
    /// and up to the first shared rank where ranks cannot be shared. With plurality its first names
    /// are its votes, and a shared rank counts if all its names still may be marked.
    pub fn for_counting(&self, rules: &Rules) -> Ballots {
        let mut ballots = Ballots::new(&self.slate, rules);
        let blank = Ballot::blank(&self.slate, rules);
        for (number, ranks) in self.ballots() {
            let marks = self.marks(rules, &ranks);
            let ballot = Ballot::new(&self.slate, rules, &marks).ok().or_else(|| blank.clone());
            ballot.iter().for_each(|ballot| ballots.add_many(ballot, number));
        }
        ballots
    }

    /// How many ballots say more than these rules count.
    pub fn cut(&self, rules: &Rules) -> CutBallots {
        let mut cut = CutBallots::default();
        for (number, ranks) in self.ballots() {
            let said: usize = ranks.iter().map(Vec::len).sum();
            let counted = self.marks(rules, &ranks).iter().filter(|&&mark| mark > 0).count();
            match counted {
                0 if said > 0 => cut.off += number,
                some if some < said => cut.short += number,
                _ => {}
            }
        }
        cut
    }

    /// The marks of a ballot, by these rules.
    fn marks(&self, rules: &Rules, ranks: &[Vec<Choice>]) -> Vec<u16> {
        let mut marks = vec![0; self.slate.names().len()];
        let mut left = usize::from(rules.marks);
        for (names, rank) in ranks.iter().zip(1..) {
            let shared = names.len() > 1 && rules.method == Method::Transferable;
            if shared || names.len() > left {
                break;
            }
            left -= names.len();
            let mark = if rules.method == Method::Plurality { 1 } else { rank };
            for name in names {
                marks.get_mut(name.index()).into_iter().for_each(|all| *all = mark);
            }
        }
        // A blank ballot is an empty list.
        if marks.iter().any(|&mark| mark > 0) { marks } else { Vec::new() }
    }
}
