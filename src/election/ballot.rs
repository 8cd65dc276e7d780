//! A ballot: what one voter says about the names of the slate.

use super::{Choice, Method, Rules, Slate};

/// What one voter says: one number for each name of the slate, where 0 is no mark. A blank ballot
/// marks nothing. Each ballot has exactly one encoding.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ballot(Said);

/// Where a ballot is one name or blank, it is a choice: nothing is allocated for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Said {
    One(Choice),
    /// The mark of each name, in the order of the slate.
    Marks(Box<[u8]>),
}

/// Why marks are no ballot of an election.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBallot {
    /// There is not one number for each name.
    #[error(
        "a ballot has one number for each of the {names} names of the slate; {given} were given"
    )]
    Length {
        /// The names of the slate.
        names: usize,
        /// The numbers given.
        given: usize,
    },
    /// There are only zeros.
    #[error("a ballot of zeros marks nothing; a blank ballot is an empty list")]
    Zeros,
    /// Ballots cannot be blank.
    #[error("this election takes no blank ballots: mark at least one name")]
    Blank,
    /// More names are marked than may be.
    #[error(
        "a ballot marks at most {max} name{}; {given} are marked", if *max == 1 { "" } else { "s" }
    )]
    TooMany {
        /// The most names that a ballot may mark.
        max: u16,
        /// The marked names.
        given: usize,
    },
    /// A mark is not 1.
    #[error("a name is marked with 1, or not at all with 0; one has {0}")]
    NotOne(u16),
    /// A rank is missing below another.
    #[error("ranks are 1, 2, 3 and so on without a gap; nobody has rank {0}")]
    Gap(u16),
    /// Two names share a rank.
    #[error("each rank is given once; two names have rank {0}")]
    Shared(u16),
}

impl From<Choice> for Ballot {
    fn from(choice: Choice) -> Self {
        Self(Said::One(choice))
    }
}

impl Ballot {
    /// The ballot with these marks, one for each name of the slate; none is a blank ballot.
    ///
    /// # Errors
    /// [`InvalidBallot`].
    pub fn new(slate: &Slate, rules: &Rules, marks: &[u16]) -> Result<Self, InvalidBallot> {
        let names = slate.names().len();
        if marks.is_empty() {
            return Self::blank(slate, rules).ok_or(InvalidBallot::Blank);
        }
        if marks.len() != names {
            return Err(InvalidBallot::Length { names, given: marks.len() });
        }
        let given = marks.iter().filter(|&&mark| mark > 0).count();
        if given == 0 {
            return Err(InvalidBallot::Zeros);
        }
        match rules.method {
            Method::Plurality => check_votes(marks)?,
            Method::Transferable => check_ranks(marks, false)?,
            Method::Schulze => check_ranks(marks, true)?,
        }
        if given > usize::from(rules.marks) {
            return Err(InvalidBallot::TooMany { max: rules.marks, given });
        }
        if rules.has_one_mark() {
            let marked = marks.iter().position(|&mark| mark > 0);
            return marked.and_then(Choice::from_index).map(Self::from).ok_or(InvalidBallot::Zeros);
        }
        // A ranked slate has at most 100 names, and a rank is at most their number.
        let narrow = |&mark: &u16| u8::try_from(mark).map_err(|_| InvalidBallot::Gap(1));
        Ok(Self(Said::Marks(marks.iter().map(narrow).collect::<Result<_, _>>()?)))
    }

    /// The blank ballot, if ballots may be blank.
    pub fn blank(slate: &Slate, rules: &Rules) -> Option<Self> {
        let blank = slate.blank()?;
        if rules.has_one_mark() {
            return Some(Self::from(blank));
        }
        Some(Self(Said::Marks(vec![0; slate.names().len()].into())))
    }

    /// Whether it is a ballot of an election with this slate and these rules, as far as its form
    /// tells: it was made by the rules of some election.
    pub fn fits(&self, slate: &Slate, rules: &Rules) -> bool {
        match &self.0 {
            Said::One(choice) => rules.has_one_mark() && choice.index() < slate.choices(),
            Said::Marks(marks) => !rules.has_one_mark() && marks.len() == slate.names().len(),
        }
    }

    /// The choice, of a ballot that is one name or blank by the rules of its election.
    pub fn choice(&self) -> Option<Choice> {
        match self.0 {
            Said::One(choice) => Some(choice),
            Said::Marks(_) => None,
        }
    }

    /// The marked names with their marks, in the order of the slate. A blank ballot has none.
    pub fn marks(&self, slate: &Slate) -> impl Iterator<Item = (Choice, u16)> {
        let (one, many) = match &self.0 {
            Said::One(choice) => {
                ((choice.index() < slate.names().len()).then_some((*choice, 1)), &[][..])
            }
            Said::Marks(marks) => (None, &marks[..]),
        };
        let marked = many.iter().enumerate().filter(|&(_, &mark)| mark > 0);
        let many =
            marked.filter_map(|(index, &mark)| Some((Choice::from_index(index)?, u16::from(mark))));
        one.into_iter().chain(many)
    }

    /// The marks, one for each name of the slate; none of a blank ballot. From these it is made
    /// [anew](Self::new).
    pub fn as_marks(&self, slate: &Slate) -> Vec<u16> {
        let mut marks = Vec::new();
        for (name, mark) in self.marks(slate) {
            marks.resize(slate.names().len(), 0);
            if let Some(place) = marks.get_mut(name.index()) {
                *place = mark;
            }
        }
        marks
    }

    /// The choices that it votes for first: the names with mark 1, or the blank ballot.
    pub fn first(&self) -> impl Iterator<Item = Choice> {
        let (one, marks) = match &self.0 {
            Said::One(choice) => (Some(*choice), &[][..]),
            Said::Marks(marks) if marks.iter().all(|&mark| mark == 0) => {
                (Choice::from_index(marks.len()), &[][..])
            }
            Said::Marks(marks) => (None, &marks[..]),
        };
        let first = marks.iter().enumerate().filter(|&(_, &mark)| mark == 1);
        one.into_iter().chain(first.filter_map(|(index, _)| Choice::from_index(index)))
    }

    /// How many bytes each ballot of an election has when stored.
    pub fn stored_bytes(slate: &Slate, rules: &Rules) -> usize {
        let names = slate.names().len();
        match rules.method {
            Method::Plurality if rules.has_one_mark() => 2,
            Method::Plurality => names.div_ceil(8),
            Method::Transferable | Method::Schulze => names,
        }
    }

    /// Appends the ballot as it is stored: the choice as a 16-bit little-endian integer; or for
    /// votes a bit for each name, the lowest first; or for ranks a byte for each name. All ballots
    /// of an election are equally long.
    pub fn store(&self, rules: &Rules, into: &mut Vec<u8>) {
        match &self.0 {
            Said::One(choice) => into.extend((choice.index() as u16).to_le_bytes()),
            Said::Marks(marks) if rules.method.is_ranked() => into.extend(marks),
            Said::Marks(marks) => into.extend(marks.chunks(8).map(|chunk| {
                let bits = chunk.iter().enumerate();
                bits.fold(0, |byte, (bit, &mark)| byte | (mark & 1) << bit)
            })),
        }
    }

    /// The ballot that was [stored](Self::store). `None` if it is none by the rules.
    pub fn from_stored(slate: &Slate, rules: &Rules, stored: &[u8]) -> Option<Self> {
        if stored.len() != Self::stored_bytes(slate, rules) {
            return None;
        }
        if rules.has_one_mark() {
            let index = u16::from_le_bytes(stored.try_into().ok()?);
            let choice = Choice::from_index(usize::from(index))?;
            return (choice.index() < slate.choices()).then(|| Self::from(choice));
        }
        let names = slate.names().len();
        let marks: Vec<u16> = if rules.method.is_ranked() {
            stored.iter().copied().map(u16::from).collect()
        } else {
            let bits = stored.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1));
            let bits: Vec<u16> = bits.map(u16::from).collect();
            let (marks, rest) = bits.split_at_checked(names)?;
            if rest.iter().any(|&bit| bit > 0) {
                return None;
            }
            marks.to_vec()
        };
        if marks.iter().all(|&mark| mark == 0) {
            return Self::blank(slate, rules);
        }
        Self::new(slate, rules, &marks).ok()
    }
}

fn check_votes(marks: &[u16]) -> Result<(), InvalidBallot> {
    match marks.iter().find(|&&mark| mark > 1) {
        Some(&mark) => Err(InvalidBallot::NotOne(mark)),
        None => Ok(()),
    }
}

/// Checks that the ranks from 1 to the highest are all given.
fn check_ranks(marks: &[u16], may_share: bool) -> Result<(), InvalidBallot> {
    let mut ranks: Vec<u16> = marks.iter().copied().filter(|&mark| mark > 0).collect();
    ranks.sort_unstable();
    let mut last = 0;
    for rank in ranks {
        if rank == last && !may_share {
            return Err(InvalidBallot::Shared(rank));
        }
        if rank > last.saturating_add(1) {
            return Err(InvalidBallot::Gap(last.saturating_add(1)));
        }
        last = rank;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slate(names: usize) -> Slate {
        Slate::new((0..names).map(|name| format!("name {name}")).collect()).unwrap()
    }

    fn rules(method: Method, marks: u16) -> Rules {
        Rules { method, marks, ..Rules::default() }
    }

    #[test]
    fn a_ballot_is_read_as_it_was_stored() {
        use Method::{Plurality, Schulze, Transferable};
        for (names, rules, marks) in [
            (4, rules(Plurality, 1), vec![0, 0, 1, 0]),
            (4, rules(Plurality, 4), vec![1, 0, 1, 1]),
            (9, rules(Plurality, 2), vec![1, 0, 0, 0, 0, 0, 0, 0, 1]),
            (4, rules(Transferable, 4), vec![2, 0, 3, 1]),
            (4, rules(Schulze, 4), vec![2, 1, 2, 1]),
            (100, rules(Transferable, 100), (1..=100).rev().collect()),
        ] {
            let slate = slate(names).with_blank(true);
            for marks in [&marks[..], &[]] {
                let ballot = Ballot::new(&slate, &rules, marks).unwrap();
                let mut stored = Vec::new();
                ballot.store(&rules, &mut stored);
                assert_eq!(stored.len(), Ballot::stored_bytes(&slate, &rules));
                assert_eq!(Ballot::from_stored(&slate, &rules, &stored), Some(ballot.clone()));
                assert_eq!(ballot.as_marks(&slate), marks);
            }
        }
    }

    #[test]
    fn what_is_no_ballot_is_refused() {
        use InvalidBallot as No;
        use Method::{Plurality, Schulze, Transferable};
        let (one, two) = (rules(Plurality, 1), rules(Plurality, 2));
        let (stv, tied) = (rules(Transferable, 2), rules(Schulze, 3));
        for (rules, marks, refusal) in [
            (one, &[][..], No::Blank),
            (one, &[0, 0, 0, 0], No::Zeros),
            (one, &[1, 0, 0], No::Length { names: 4, given: 3 }),
            (one, &[1; 65_536], No::Length { names: 4, given: 65_536 }),
            (one, &[1, 1, 0, 0], No::TooMany { max: 1, given: 2 }),
            (one, &[2, 0, 0, 0], No::NotOne(2)),
            (two, &[1, 1, 1, 0], No::TooMany { max: 2, given: 3 }),
            (two, &[1, 65_535, 0, 0], No::NotOne(65_535)),
            (stv, &[1, 1, 0, 0], No::Shared(1)),
            (stv, &[1, 3, 0, 0], No::Gap(2)),
            (stv, &[2, 0, 0, 0], No::Gap(1)),
            (stv, &[65_535, 0, 0, 1], No::Gap(2)),
            (stv, &[1, 2, 3, 0], No::TooMany { max: 2, given: 3 }),
            (tied, &[1, 3, 1, 0], No::Gap(2)),
            (tied, &[1, 1, 1, 1], No::TooMany { max: 3, given: 4 }),
        ] {
            assert_eq!(Ballot::new(&slate(4), &rules, marks), Err(refusal), "{rules:?} {marks:?}");
        }
        for (rules, stored) in
            [(one, &[4, 0][..]), (one, &[0]), (two, &[0x11]), (stv, &[1, 1, 0, 0])]
        {
            assert_eq!(Ballot::from_stored(&slate(4), &rules, stored), None, "{stored:?}");
        }
    }
}
