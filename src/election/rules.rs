//! What a ballot of an election can say, and how ballots are counted.

use std::fmt;
use std::str::FromStr;

use super::Publication;

/// The most names on the slate of an election that is counted by ranks.
pub const RANKED_CANDIDATES_MAX: usize = 100;

/// What a ballot can say, and how ballots are counted. The default is one mark, most votes, one
/// seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How ballots are counted.
    pub method: Method,
    /// How many are elected, at most. At least 1.
    pub seats: u16,
    /// The most names that a ballot may mark. At least 1, and at most the whole slate.
    pub marks: u16,
    /// What the votes of a name have to reach for it to be elected, besides being the most.
    pub majority: Option<Share>,
    /// What the ballots have to reach for anybody to be elected.
    pub quorum: Option<Share>,
    /// Whether the last name of the slate stands for nobody: "reopen nominations", or a default
    /// option.
    pub none: bool,
}

/// A method of counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// Most votes win. With several marks, each is a vote: approval.
    #[default]
    Plurality,
    /// The single transferable vote, by the Scottish Local Government Elections Order 2011. With one
    /// seat, instant runoff.
    Transferable,
    /// The beat path method of Markus Schulze, with winning votes.
    Schulze,
}

/// A share that something has to reach, or to exceed. At most 4,294,967,295 in 4,294,967,295.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// The numerator.
    pub numerator: u32,
    /// The denominator: at least 1.
    pub denominator: u32,
    /// Whether the share itself is enough; otherwise it has to be exceeded.
    pub at_least: bool,
    /// What it is a share of.
    pub of: Whole,
}

/// What a [`Share`] is a share of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    /// The ballots that mark at least one name.
    Marked,
    /// All ballots, the blank ones among them.
    Ballots,
    /// The voter numbers on the roll.
    Roll,
    /// One: the share is a number of votes or ballots.
    One,
}

/// How many there are of each [`Whole`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wholes {
    /// The ballots that mark at least one name.
    pub marked: u64,
    /// All ballots.
    pub ballots: u64,
    /// The voter numbers on the roll.
    pub roll: u64,
}

/// Why rules are invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRules {
    /// No seat, or more than there are candidates.
    #[error("an election has at least 1 seat, and at most one for each candidate: {0} were given")]
    Seats(u16),
    /// No mark, or more than there are names.
    #[error("a ballot marks at least 1 name, and at most the whole slate: {0} were given")]
    Marks(u16),
    /// A ranked slate is too long.
    #[error("a slate of a ranked method has at most {RANKED_CANDIDATES_MAX} names; {0} were given")]
    LongSlate(usize),
    /// A ranked election has no majority.
    #[error("a majority goes with plurality: a ranked method decides by itself who has enough")]
    Majority,
    /// A plurality election has no default option.
    #[error("none is an option of the ranked methods; with plurality, allow blank ballots")]
    None,
    /// A quorum that every election reaches.
    #[error("a quorum is a share of the roll, or a number of ballots")]
    Quorum,
    /// With none, there is at least one candidate besides.
    #[error("with none, the slate needs at least 2 names: its last stands for nobody")]
    OnlyNone,
    /// A share is above 1, or 0 in a comparison that everything passes, or has no denominator, or is
    /// a fraction of one vote.
    #[error("{0} is no share: it is more than 0, and at most the whole")]
    Share(Share),
    /// A ranked count is published at the close.
    #[error("only plurality can be counted live: who ranks what would show before the close")]
    Live,
}

/// Why a text is no share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidShare {
    /// It is not written as a share.
    #[error(
        "a share is written as \">1/2 of marked\", \">=2/3 of ballots\", \">=1/4 of roll\" or \
         \">=50\""
    )]
    Form,
    /// A fraction without what it is of.
    #[error(
        "a fraction needs what it is of, \"of marked\", \"of ballots\" or \"of roll\", such as \
         \">1/2 of marked\"; without that, a share is a whole number, such as \">=50\""
    )]
    NoWhole,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            method: Method::Plurality,
            seats: 1,
            marks: 1,
            majority: None,
            quorum: None,
            none: false,
        }
    }
}

impl Rules {
    /// Whether a ballot is one name or blank, so that receipts name it alone.
    pub fn has_one_mark(&self) -> bool {
        self.method == Method::Plurality && self.marks == 1
    }

    /// Checks the rules of an election with this many names on its slate.
    ///
    /// # Errors
    /// [`InvalidRules`].
    pub fn check(&self, names: usize, publication: Publication) -> Result<(), InvalidRules> {
        let ranked = self.method != Method::Plurality;
        if ranked && names > RANKED_CANDIDATES_MAX {
            return Err(InvalidRules::LongSlate(names));
        }
        if ranked && publication == Publication::Live {
            return Err(InvalidRules::Live);
        }
        if self.none && !ranked {
            return Err(InvalidRules::None);
        }
        if self.none && names < 2 {
            return Err(InvalidRules::OnlyNone);
        }
        if self.majority.is_some() && ranked {
            return Err(InvalidRules::Majority);
        }
        let candidates = names - usize::from(self.none);
        if !(1..=candidates).contains(&usize::from(self.seats)) {
            return Err(InvalidRules::Seats(self.seats));
        }
        if !(1..=names).contains(&usize::from(self.marks)) {
            return Err(InvalidRules::Marks(self.marks));
        }
        if self.quorum.is_some_and(|quorum| matches!(quorum.of, Whole::Marked | Whole::Ballots)) {
            return Err(InvalidRules::Quorum);
        }
        let mut shares = self.majority.into_iter().chain(self.quorum);
        shares.try_for_each(Share::check)
    }
}

impl Method {
    /// Its name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plurality => "plurality",
            Self::Transferable => "transferable",
            Self::Schulze => "schulze",
        }
    }

    /// The method with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Plurality, Self::Transferable, Self::Schulze];
        all.into_iter().find(|method| method.name() == name)
    }

    /// Whether marks are ranks.
    pub fn is_ranked(self) -> bool {
        self != Self::Plurality
    }
}

impl Share {
    /// Whether `part` reaches this share, in whole numbers.
    pub fn is_reached_by(&self, part: u64, wholes: &Wholes) -> bool {
        let whole = match self.of {
            Whole::Marked => wholes.marked,
            Whole::Ballots => wholes.ballots,
            Whole::Roll => wholes.roll,
            Whole::One => 1,
        };
        let part = u128::from(part) * u128::from(self.denominator);
        let needed = u128::from(whole) * u128::from(self.numerator);
        if self.at_least { part >= needed } else { part > needed }
    }

    fn check(self) -> Result<(), InvalidRules> {
        let above = self.of != Whole::One && self.numerator > self.denominator;
        // More than all of something is never reached.
        let all = self.of != Whole::One && !self.at_least && self.numerator == self.denominator;
        let nothing = self.denominator == 0 || (self.at_least && self.numerator == 0);
        let of_one_vote = self.of == Whole::One && (self.denominator != 1 || self.numerator == 0);
        if above || all || nothing || of_one_vote { Err(InvalidRules::Share(self)) } else { Ok(()) }
    }
}

impl Whole {
    fn name(self) -> &'static str {
        match self {
            Self::Marked => "marked",
            Self::Ballots => "ballots",
            Self::Roll => "roll",
            Self::One => "one",
        }
    }
}

/// As on the command line: `>=2/3 of marked`, or `>=50` of a number.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.at_least { ">=" } else { ">" };
        write!(f, "{sign}{}", self.numerator)?;
        if self.denominator != 1 {
            write!(f, "/{}", self.denominator)?;
        }
        match self.of {
            Whole::One => Ok(()),
            of => write!(f, " of {}", of.name()),
        }
    }
}

/// As it is shown; blanks may be missing, and the sign may be `≥`.
impl FromStr for Share {
    type Err = InvalidShare;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim().to_lowercase().replace('≥', ">=");
        let (at_least, rest) = match text.strip_prefix(">=") {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('>').ok_or(InvalidShare::Form)?),
        };
        let (share, of) = match rest.split_once("of") {
            Some((share, of)) => (share, Some(of.trim())),
            None => (rest, None),
        };
        let all = [Whole::Marked, Whole::Ballots, Whole::Roll];
        let named = |of| all.into_iter().find(|whole| whole.name() == of).ok_or(InvalidShare::Form);
        let of = of.map_or(Ok(Whole::One), named)?;
        let (numerator, denominator) = share.split_once('/').unwrap_or((share, "1"));
        let number = |text: &str| text.trim().parse::<u32>().map_err(|_| InvalidShare::Form);
        let share =
            Self { numerator: number(numerator)?, denominator: number(denominator)?, at_least, of };
        if of == Whole::One && denominator.trim() != "1" {
            return Err(InvalidShare::NoWhole);
        }
        share.check().map(|()| share).map_err(|_| InvalidShare::Form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(text: &str) -> Share {
        text.parse().unwrap()
    }

    #[test]
    fn a_share_is_read_as_it_is_shown() {
        for text in [">1/2 of marked", ">=2/3 of ballots", ">=1/4 of roll", ">=50", ">0/1 of roll"]
        {
            let shown = share(text).to_string();
            assert_eq!(share(&shown), share(text));
        }
        assert_eq!(share(" ≥ 2 / 3 of MARKED").to_string(), ">=2/3 of marked");
        assert_eq!(share(">=1 of roll").to_string(), ">=1 of roll");
        for text in [
            "",
            "1/2 of marked",
            ">3/2 of roll",
            ">1 of roll",
            ">=0 of roll",
            ">=0",
            ">0",
            ">=50 of one",
            ">1/2 of one",
            ">1/2 of",
            ">=1/2 of voters",
            ">=-1/2 of roll",
            ">=4294967296",
            ">=0.5 of roll",
        ] {
            assert_eq!(text.parse::<Share>(), Err(InvalidShare::Form), "{text}");
        }
        for text in [">1/2", ">=1/4", "≥ 2 / 3", ">=1/0", ">=100/2"] {
            assert_eq!(text.parse::<Share>(), Err(InvalidShare::NoWhole), "{text}");
        }
    }

    #[test]
    fn a_fraction_of_one_vote_is_no_rule() {
        for (numerator, denominator, at_least) in [(1, 2, false), (1, 4, true), (0, 1, false)] {
            let share = Share { numerator, denominator, at_least, of: Whole::One };
            let rules = Rules { quorum: Some(share), ..Rules::default() };
            let checked = rules.check(2, Publication::Sealed);
            assert_eq!(checked, Err(InvalidRules::Share(share)));
        }
    }

    #[test]
    fn a_share_is_reached_in_whole_numbers() {
        let wholes = |marked| Wholes { marked, ballots: marked + 10, roll: 1_000 };
        for (text, part, marked, reached) in [
            (">1/2 of marked", 50, 100, false),
            (">1/2 of marked", 51, 100, true),
            (">=2/3 of marked", 2, 3, true),
            (">=2/3 of marked", 66, 100, false),
            (">=2/3 of ballots", 73, 100, false),
            (">=2/3 of ballots", 74, 100, true),
            (">=1/4 of roll", 249, 0, false),
            (">=1/4 of roll", 250, 0, true),
            (">=50", 49, 0, false),
            (">=50", 50, 0, true),
            (">1/2 of marked", 0, 0, false),
            (">=4294967295/4294967295 of marked", u64::MAX, u64::MAX - 10, true),
        ] {
            assert_eq!(share(text).is_reached_by(part, &wholes(marked)), reached, "{text}: {part}");
        }
    }

    #[test]
    fn rules_fit_their_slate() {
        let rules = Rules::default();
        let ranked = Rules { method: Method::Transferable, marks: 3, ..rules };
        let half = Some(share(">1/2 of marked"));
        for (rules, names, publication, checked) in [
            (rules, 1, Publication::Live, Ok(())),
            (Rules { marks: 7, seats: 3, ..rules }, 7, Publication::Live, Ok(())),
            (Rules { seats: 0, ..rules }, 7, Publication::Live, Err(InvalidRules::Seats(0))),
            (Rules { seats: 8, ..rules }, 7, Publication::Live, Err(InvalidRules::Seats(8))),
            (Rules { marks: 0, ..rules }, 7, Publication::Live, Err(InvalidRules::Marks(0))),
            (Rules { marks: 8, ..rules }, 7, Publication::Live, Err(InvalidRules::Marks(8))),
            (Rules { none: true, ..rules }, 7, Publication::Live, Err(InvalidRules::None)),
            (ranked, 7, Publication::Live, Err(InvalidRules::Live)),
            (ranked, 100, Publication::Sealed, Ok(())),
            (ranked, 101, Publication::Sealed, Err(InvalidRules::LongSlate(101))),
            (Rules { quorum: half, ..rules }, 7, Publication::Live, Err(InvalidRules::Quorum)),
            (
                Rules { majority: half, ..ranked },
                7,
                Publication::Sealed,
                Err(InvalidRules::Majority),
            ),
            (
                Rules { none: true, marks: 1, ..ranked },
                1,
                Publication::Sealed,
                Err(InvalidRules::OnlyNone),
            ),
            (
                Rules { none: true, seats: 3, ..ranked },
                3,
                Publication::Sealed,
                Err(InvalidRules::Seats(3)),
            ),
        ] {
            assert_eq!(rules.check(names, publication), checked, "{rules:?}");
        }
    }
}
