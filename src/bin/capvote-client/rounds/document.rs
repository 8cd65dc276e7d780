//! A count as a JSON document. Votes can have fractions, and are texts: no number of JSON is sure to
//! keep them.

use capvote::election::{Choice, Lot, LotUse, Pairs, Round, Status, Step, Verdict, sentence};
use serde_json::{Value, json};

use super::Counted;

pub(super) fn document(counted: &Counted<'_>) -> Value {
    let count = counted.count;
    let names = |choices: &[Choice]| names(choices, counted);
    let mut before = None;
    let rounds = count.rounds.iter().map(|it| round(it, before.replace(it), counted));
    json!({
        "title": counted.title,
        "method": counted.method.name(),
        "seats": counted.seats,
        "ballots": count.wholes.ballots,
        "marked": count.wholes.marked,
        "elected": names(&count.elected),
        "verdict": match count.verdict {
            Verdict::Decided => "decided",
            Verdict::NoQuorum => "noQuorum",
            Verdict::NoMajority => "noMajority",
            Verdict::Vacant => "vacant",
        },
        "cutShort": counted.cut.short,
        "cutOff": counted.cut.off,
        "rounds": rounds.collect::<Vec<_>>(),
        "pairs": count.pairs.as_ref().map(|it| pairs(it, counted)),
        "lots": count.lots.iter().map(|it| lot(it, counted)).collect::<Vec<_>>(),
    })
}

fn names(choices: &[Choice], counted: &Counted<'_>) -> Value {
    choices.iter().map(|&it| counted.slate.name(it).unwrap_or_default()).collect()
}

fn round(round: &Round, before: Option<&Round>, counted: &Counted<'_>) -> Value {
    let (step, from) = match round.step {
        Step::First => ("first", None),
        Step::Surplus { from, .. } => ("surplus", Some(from)),
        Step::Exclusion { from } => ("exclusion", Some(from)),
        Step::Remaining => ("remaining", None),
    };
    let of_names = counted.slate.names().iter().zip(round.votes.iter().zip(&round.status));
    let candidates = of_names.map(|(name, (votes, status))| {
        let status = match status {
            Status::Continuing => "continuing",
            Status::Elected => "elected",
            Status::Excluded => "excluded",
            Status::Defeated => "defeated",
        };
        json!({ "candidate": name, "votes": votes.to_string(), "status": status })
    });
    json!({
        "sentence": sentence(round, before, counted.slate),
        "step": step,
        "from": from.and_then(|from| counted.slate.name(from)),
        "candidates": candidates.collect::<Vec<_>>(),
        "elected": names(&round.elected, counted),
        "needed": round.needed.to_string(),
        "exhausted": round.exhausted.to_string(),
        "lost": round.lost.to_string(),
        "empty": round.empty,
    })
}

fn pairs(pairs: &Pairs, counted: &Counted<'_>) -> Value {
    let paths = pairs.paths.iter().map(|row| {
        let path = row.iter().map(|path| path.map(|path| path.wins));
        path.collect::<Vec<_>>()
    });
    let places = pairs.places.iter().map(|place| names(place, counted));
    json!({
        "candidates": counted.slate.names(),
        "preferred": pairs.preferred,
        "paths": paths.collect::<Vec<_>>(),
        "dropped": names(&pairs.dropped, counted),
        "places": places.collect::<Vec<_>>(),
    })
}

fn lot(lot: &Lot, counted: &Counted<'_>) -> Value {
    let decided = match lot.decided {
        LotUse::Seats { .. } => "seats",
        LotUse::Surplus => "surplus",
        LotUse::Exclusion => "exclusion",
    };
    json!({ "order": names(&lot.order, counted), "decided": decided })
}
