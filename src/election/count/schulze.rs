//! The beat path method of Markus Schulze, with winning votes; with a default option, the vote
//! counting of Debian's constitution (section A.5, which was A.6 until 2022).
//!
//! 1. For each two names, count the ballots that prefer the one to the other. A marked name is
//!    preferred to one that is not marked; names of one rank, and names without a mark, are not
//!    preferred to each other.
//! 2. With [`Rules::none`], the last name of the slate is the default option. Whoever does not beat
//!    it directly is dropped: more ballots must prefer them to it than it to them. (Debian: A.5.3,
//!    with a majority of 1:1. A quorum is that of the rules.)
//! 3. A name wins against another if more ballots prefer it. The ballots for it are the strength of
//!    the win; of equally strong ones, the one with fewer ballots against it is stronger. (Debian:
//!    A.5.4 and A.5.7.)
//! 4. A path leads from a name to another by way of wins, and is as strong as its weakest. A name is
//!    better than another if its strongest path there is stronger than the strongest path back.
//!    (Debian's A.5.5 to A.5.8 elect by dropping the weakest wins, which comes to the same.)
//! 5. The first place has the names than which none is better; the next place those of the others
//!    than which none of the others is better; and so on. The seats are filled in this order. Where
//!    a place has more names than there are seats left, the lot decides among them.
//!
//! The default option is never elected: whatever it would take stays empty. Without a marked ballot
//! nobody is elected.

mod beats;

use super::super::{Choice, Rules, Slate, Wholes};
use super::ballots::Kept;
use super::{Ballots, Count, Lot, LotSeed, LotUse, Verdict};

/// Who is preferred to whom, and what follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairs {
    /// For each name of the slate, the ballots that prefer it to each name.
    pub preferred: Vec<Vec<u64>>,
    /// For each name of the slate, the strength of the strongest path from it to each name, where
    /// there is a path between names that are not dropped.
    pub paths: Vec<Vec<Option<Strength>>>,
    /// The names that do not beat the default option, in the order of the slate.
    pub dropped: Vec<Choice>,
    /// The names that are not dropped, best first. Those of one place are tied.
    pub places: Vec<Vec<Choice>>,
}

/// The strength of a win or a path, which is its weakest win. The more ballots are for it, and of
/// equally many the fewer are against it, the stronger it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strength {
    /// The ballots that are for it.
    pub wins: u64,
    /// The ballots that are against it.
    pub against: u64,
}

impl Ord for Strength {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.wins.cmp(&other.wins).then(other.against.cmp(&self.against))
    }
}

impl PartialOrd for Strength {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

pub(super) fn count(
    slate: &Slate,
    rules: &Rules,
    ballots: &Ballots,
    wholes: Wholes,
    seed: &LotSeed,
) -> Count {
    let Kept::Ranks(groups) = ballots.kept() else { return Count::nobody(Verdict::Vacant, wholes) };
    let names = slate.names().len();
    let default = if rules.none { names.checked_sub(1) } else { None };
    let pairs = Pairs::new(beats::preferred(groups, names), default);

    let seats = usize::from(rules.seats);
    let mut elected: Vec<Choice> = Vec::new();
    let mut lots = Vec::new();
    let is_default = |name: &Choice| Some(name.index()) == default;
    let places = pairs.places.iter().filter(|_| wholes.marked > 0);
    for place in places.take_while(|place| !place.iter().any(is_default)) {
        let left = seats - elected.len();
        if place.len() <= left {
            elected.extend(place);
        } else if left > 0 {
            let order = seed.draw(slate, place);
            elected.extend(order.iter().take(left));
            lots.push(Lot { order, decided: LotUse::Seats { seats: left as u16 } });
        }
    }
    let verdict = if elected.len() == seats { Verdict::Decided } else { Verdict::Vacant };
    Count { elected, verdict, wholes, rounds: Vec::new(), pairs: Some(pairs), lots }
}

impl Pairs {
    /// What follows from who is preferred to whom. The default option is given by its index.
    fn new(preferred: Vec<Vec<u64>>, default: Option<usize>) -> Self {
        let names = preferred.len();
        let votes = |one: usize, other: usize| {
            preferred.get(one).and_then(|row| row.get(other)).copied().unwrap_or_default()
        };
        let is_dropped = |name: usize| {
            default.is_some_and(|none| name != none && votes(name, none) <= votes(none, name))
        };
        let (dropped, left): (Vec<usize>, Vec<usize>) = (0..names).partition(|&it| is_dropped(it));
        let win = |one: usize, other: usize| {
            let (wins, against) = (votes(one, other), votes(other, one));
            let between_left = !is_dropped(one) && !is_dropped(other);
            (between_left && wins > against).then_some(Strength { wins, against })
        };
        let row = |one| (0..names).map(|other| win(one, other)).collect();
        let mut paths: Vec<Vec<Option<Strength>>> = (0..names).map(row).collect();
        strengthen(&mut paths);
        let places = places(&paths, left);
        let choices = |names: Vec<usize>| names.into_iter().filter_map(Choice::from_index);
        let places = places.into_iter().map(|place| choices(place).collect()).collect();
        Self { paths, dropped: choices(dropped).collect(), places, preferred }
    }
}

/// Makes the strongest wins into the strongest paths, by Floyd and Warshall: a path by way of one
/// name after the other, if it is stronger.
fn strengthen(paths: &mut [Vec<Option<Strength>>]) {
    for way in 0..paths.len() {
        let Some(onward) = paths.get(way).cloned() else { continue };
        for (from, row) in paths.iter_mut().enumerate() {
            let Some(first) = row.get(way).copied().flatten() else { continue };
            for (to, path) in row.iter_mut().enumerate().filter(|(to, _)| *to != from) {
                let second = onward.get(to).copied().flatten();
                let by_way = second.map(|second| first.min(second));
                // No path is weaker than any.
                *path = (*path).max(by_way);
            }
        }
    }
}

/// The names by place: again and again those than which no other is better.
fn places(paths: &[Vec<Option<Strength>>], mut left: Vec<usize>) -> Vec<Vec<usize>> {
    let path =
        |from: usize, to: usize| paths.get(from).and_then(|row| row.get(to)).copied().flatten();
    let mut places = Vec::new();
    while !left.is_empty() {
        let is_best =
            |&name: &usize| left.iter().all(|&other| path(other, name) <= path(name, other));
        let (best, rest): (Vec<usize>, Vec<usize>) = left.iter().copied().partition(is_best);
        // To be better is transitive, so somebody is best; and were it not so, this would end.
        if best.is_empty() {
            places.push(rest);
            break;
        }
        places.push(best);
        left = rest;
    }
    places
}
