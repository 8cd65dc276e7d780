//! Most votes win. With several marks on a ballot, each is a vote; with marks for the whole slate,
//! that is approval voting.
//!
//! 1. Nobody is elected without a vote.
//! 2. With a majority, nobody is elected whose votes do not reach its share.
//! 3. Of the others, those with the most votes have the seats. Where names with equal votes are left
//!    for fewer seats, the lot decides among them.
//!
//! Names with equal votes that are all elected stand in the order of the slate.

use super::super::{Choice, Rules, Share, Slate, Whole, Wholes};
use super::ballots::Kept;
use super::{Ballots, Count, Lot, LotSeed, LotUse, Round, Status, Step, Verdict, Votes};

pub(super) fn count(
    slate: &Slate,
    rules: &Rules,
    ballots: &Ballots,
    wholes: Wholes,
    seed: &LotSeed,
) -> Count {
    let Kept::Votes(votes) = ballots.kept() else { return Count::nobody(Verdict::Vacant, wholes) };
    let seats = usize::from(rules.seats);
    let reaches = |votes| rules.majority.is_none_or(|share| share.is_reached_by(votes, &wholes));

    let named = votes.iter().enumerate();
    let voted = named.filter_map(|(name, &votes)| {
        (votes > 0).then(|| Choice::from_index(name)).flatten().map(|name| (votes, name))
    });
    let mut voted: Vec<(u64, Choice)> = voted.collect();
    let anybody = !voted.is_empty();
    voted.retain(|&(votes, _)| reaches(votes));
    voted.sort_by_key(|&(votes, name)| (std::cmp::Reverse(votes), name));

    let mut elected = Vec::new();
    let mut lots = Vec::new();
    for equal in voted.chunk_by(|(one, _), (other, _)| one == other) {
        let names: Vec<Choice> = equal.iter().map(|&(_, name)| name).collect();
        let left = seats - elected.len();
        if names.len() <= left {
            elected.extend(names);
        } else if left > 0 {
            let order = seed.draw(slate, &names);
            elected.extend(order.iter().take(left));
            lots.push(Lot { order, decided: LotUse::Seats { seats: left as u16 } });
        }
    }

    let verdict = match elected.len() {
        all if all == seats => Verdict::Decided,
        0 if anybody => Verdict::NoMajority,
        _ => Verdict::Vacant,
    };
    let status = |name| match Choice::from_index(name) {
        Some(name) if elected.contains(&name) => Status::Elected,
        _ => Status::Defeated,
    };
    let round = Round {
        step: Step::First,
        votes: votes.iter().copied().map(Votes::whole).collect(),
        status: (0..votes.len()).map(status).collect(),
        elected: elected.clone(),
        needed: rules.majority.map(|share| fewest(share, &wholes)).unwrap_or_default(),
        exhausted: Votes::ZERO,
        lost: Votes::ZERO,
        empty: 0,
        lots: (0..lots.len()).collect(),
    };
    Count { elected, verdict, wholes, rounds: vec![round], pairs: None, lots }
}

/// The fewest votes that reach a share.
fn fewest(share: Share, wholes: &Wholes) -> Votes {
    let whole = match share.of {
        Whole::Marked => wholes.marked,
        Whole::Ballots => wholes.ballots,
        Whole::Roll => wholes.roll,
        Whole::One => 1,
    };
    let needed = u128::from(whole) * u128::from(share.numerator);
    let denominator = u128::from(share.denominator).max(1);
    let votes =
        if share.at_least { needed.div_ceil(denominator) } else { needed / denominator + 1 };
    // Where the share is not of ballots that exist, it can be more than a number of votes can be.
    let most = u64::MAX / Votes::ONE;
    Votes::whole(u64::try_from(votes).unwrap_or(most).min(most))
}
