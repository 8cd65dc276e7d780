//! The ballots to be counted, equal ones together.

use super::super::{Ballot, Choice, Method, Rules, Slate};
use super::groups::Groups;

/// In a record of ranks, a name that is not marked: it is behind all others. In a record of names in
/// order, the end. A ranked slate has at most 100 names.
pub(super) const NO_MARK: u8 = u8::MAX;

/// The ballots of an election, for counting: for plurality the votes of each name; for ranks each
/// different ballot with how many there are of it. Their order is forgotten.
///
/// At most 18,446,744,073 ballots can be counted, 184 times the longest roll; one more is a fault.
#[derive(Debug, Clone)]
pub struct Ballots {
    slate: Slate,
    ballots: u64,
    marked: u64,
    kept: Kept,
    /// Where a record is made.
    record: Vec<u8>,
}

/// What is kept of the ballots.
#[derive(Debug, Clone)]
pub(super) enum Kept {
    /// The votes of each name.
    Votes(Vec<u64>),
    /// The names of each ballot in its order, the first preference first, up to [`NO_MARK`].
    Orders(Groups),
    /// The rank of each name on each ballot, or [`NO_MARK`].
    Ranks(Groups),
}

impl Ballots {
    /// No ballots of an election with this slate and these rules.
    pub fn new(slate: &Slate, rules: &Rules) -> Self {
        let names = slate.names().len();
        let kept = match rules.method {
            Method::Plurality => Kept::Votes(vec![0; names]),
            Method::Transferable => Kept::Orders(Groups::new(names.min(rules.marks.into()))),
            Method::Schulze => Kept::Ranks(Groups::new(names)),
        };
        let width = match rules.method {
            Method::Transferable => names.min(rules.marks.into()),
            _ => names,
        };
        let record = vec![NO_MARK; width];
        Self { slate: slate.clone(), ballots: 0, marked: 0, kept, record }
    }

    /// Adds a ballot.
    pub fn add(&mut self, ballot: &Ballot) {
        self.add_many(ballot, 1);
    }

    /// Adds this many equal ballots.
    pub fn add_many(&mut self, ballot: &Ballot, ballots: u64) {
        self.ballots += ballots;
        let mut marks = ballot.marks(&self.slate).peekable();
        if marks.peek().is_none() || ballots == 0 {
            return;
        }
        self.marked += ballots;
        match &mut self.kept {
            Kept::Votes(votes) => {
                for (name, _) in marks {
                    if let Some(votes) = votes.get_mut(name.index()) {
                        *votes += ballots;
                    }
                }
            }
            Kept::Orders(groups) => {
                self.record.fill(NO_MARK);
                for (name, rank) in marks {
                    let place = self.record.get_mut(usize::from(rank).saturating_sub(1));
                    place.into_iter().for_each(|place| *place = name.index() as u8);
                }
                groups.add(&self.record, ballots);
            }
            Kept::Ranks(groups) => {
                self.record.fill(NO_MARK);
                for (name, rank) in marks {
                    let place = self.record.get_mut(name.index());
                    place.into_iter().for_each(|place| *place = rank as u8);
                }
                groups.add(&self.record, ballots);
            }
        }
    }

    /// All ballots, the blank ones among them.
    pub fn ballots(&self) -> u64 {
        self.ballots
    }

    /// The ballots that mark at least one name.
    pub fn marked(&self) -> u64 {
        self.marked
    }

    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    /// The different ranked ballots, each with how many there are of it and with its marked names by
    /// rank; the blank ones are not among them, and the order is always the same. For plurality
    /// there are none: it keeps votes only.
    pub fn ranked(&self) -> impl Iterator<Item = (u64, Vec<Vec<Choice>>)> {
        let groups = match &self.kept {
            Kept::Votes(_) => None,
            Kept::Orders(groups) | Kept::Ranks(groups) => Some(groups),
        };
        let mut records: Vec<_> = groups.into_iter().flat_map(Groups::iter).collect();
        records.sort_unstable();
        let ranks = matches!(self.kept, Kept::Ranks(_));
        records.into_iter().map(move |(record, ballots)| {
            let mut names: Vec<(u8, Choice)> = Vec::with_capacity(record.len());
            for (place, &byte) in record.iter().enumerate().filter(|(_, byte)| **byte != NO_MARK) {
                let (rank, name) =
                    if ranks { (byte, place) } else { (place as u8, usize::from(byte)) };
                names.extend(Choice::from_index(name).map(|name| (rank, name)));
            }
            names.sort_unstable();
            let ranks = names.chunk_by(|(one, _), (other, _)| one == other);
            (ballots, ranks.map(|rank| rank.iter().map(|&(_, name)| name).collect()).collect())
        })
    }
}
