//! An election of any method that shares a roll, and ballots for it, valid and not.

use capvote::election::{Ballot, Definition, ElectionId, Method, Publication, Rules, Share, Whole};
use fastrand::Rng;

/// The names of an election, the last of which may stand for nobody.
const NAMES: [&str; 5] = ["Barbara", "Donald", "Frances", "Tony", "Nobody"];

/// More than half of the ballots that mark a name.
pub(crate) const HALF_OF_MARKED: Share =
    Share { numerator: 1, denominator: 2, at_least: false, of: Whole::Marked };

/// A quorum that is reached or missed.
const QUORUM: Share = Share { numerator: 1, denominator: 8, at_least: true, of: Whole::Roll };

/// An election by the roll of another: approval with several marks, ranks of either method, or a
/// motion.
pub(crate) fn election(
    id: ElectionId,
    roll: ElectionId,
    rng: &mut Rng,
) -> anyhow::Result<Definition> {
    let plain = Rules { marks: rng.u16(2..=5), seats: rng.u16(1..=3), ..Rules::default() };
    let (sealed, ranked) = (Publication::Sealed, Rules { none: rng.bool(), ..plain });
    let (names, rules, publication) = match rng.u32(0..4) {
        0 => (&NAMES[..], plain, publication(rng)),
        1 => (&NAMES[..], Rules { method: Method::Transferable, ..ranked }, sealed),
        2 => (&NAMES[..], Rules { method: Method::Schulze, ..ranked }, sealed),
        _ => {
            let (majority, quorum) = (Some(HALF_OF_MARKED), Some(QUORUM));
            (&["Yes", "No"][..], Rules { majority, quorum, ..Rules::default() }, publication(rng))
        }
    };
    let blank = rules.has_one_mark() || rng.bool();
    let names = names.iter().map(|name| name.to_string()).collect();
    let definition = Definition::new(id, String::new(), names)?.with_publication(publication);
    Ok(definition.with_blank(blank).with_rules(rules)?.with_roll(Some(roll)))
}

pub(crate) fn publication(rng: &mut Rng) -> Publication {
    if rng.bool() { Publication::Live } else { Publication::Sealed }
}

/// The marks of a ballot of this election.
pub(crate) fn mark(definition: &Definition, rng: &mut Rng) -> Vec<u16> {
    let Definition { slate, rules, .. } = definition;
    let names = slate.names().len();
    if slate.blank().is_some() && rng.u32(0..8) == 0 {
        return Vec::new();
    }
    let mut order: Vec<usize> = (0..names).collect();
    rng.shuffle(&mut order);
    let most = usize::from(rules.marks);
    let (mut marks, mut rank) = (vec![0; names], 0);
    for name in order.into_iter().take(rng.usize(1..=most)) {
        let shares = rank > 0 && rules.method == Method::Schulze && rng.bool();
        rank += u16::from(!shares);
        marks[name] = if rules.method.is_ranked() { rank } else { 1 };
    }
    marks
}

/// Marks that are no ballot of this election, and why they are not: gaps, ties, too many marks, too
/// long a list.
pub(crate) fn spoil(definition: &Definition, rng: &mut Rng) -> (Vec<u16>, String) {
    let Definition { slate, rules, .. } = definition;
    let names = slate.names().len();
    loop {
        let mut marks = mark(definition, rng);
        match rng.u32(0..8) {
            0 => marks.resize(names + 1 + rng.usize(0..1_500), 0),
            1 => marks.truncate(names - 1),
            2 => marks.fill(0),
            3 => marks.iter_mut().filter(|mark| **mark > 0).for_each(|mark| *mark += 1),
            4 => marks.iter_mut().for_each(|mark| *mark = (*mark).max(1)),
            5 => marks = (1..=names as u16).collect(),
            6 => marks.clear(),
            _ => marks.iter_mut().take(1).for_each(|mark| *mark = u16::MAX),
        }
        if let Err(why) = Ballot::new(slate, rules, &marks) {
            return (marks, why.to_string());
        }
    }
}
