//! What happened in a round, in one sentence for people.

use super::super::{Choice, Slate, printable};
use super::{Round, Status, Step, Votes};

/// How many names a sentence lists before it only counts them.
const LISTED_NAMES: usize = 10;

/// What happened in this round after the one before, in one sentence. Names in it are [`printable`].
pub fn sentence(round: &Round, before: Option<&Round>, slate: &Slate) -> String {
    let step = step(round, slate);
    let mut results = Vec::new();
    match &round.elected[..] {
        [] => {}
        [one] => results.push(format!("{} is elected", name(*one, slate))),
        several => results.push(format!("{} are elected", list(several, slate))),
    }
    let empty_before = before.map_or(0, |round| round.empty);
    let more = if empty_before > 0 { " more" } else { "" };
    match round.empty.saturating_sub(empty_before) {
        0 => {}
        1 => results.push(format!("1{more} seat stays empty")),
        empty => results.push(format!("{empty}{more} seats stay empty")),
    }
    if results.is_empty() {
        let over = !round.status.contains(&Status::Continuing);
        let yet = if over { "" } else { " yet" };
        let any = before.is_some_and(|before| before.status.contains(&Status::Elected));
        let more = if any { " else" } else { "" };
        results.push(format!("nobody{more} is elected{yet}"));
    }
    let results = results.join(", and ");
    let lot = round.step == Step::First && !round.lots.is_empty();
    let lot = if lot { ", where votes were equal, by lot" } else { "" };
    format!("{step}: {results}{lot}.")
}

fn step(round: &Round, slate: &Slate) -> String {
    let by_lot = if round.lots.is_empty() { "" } else { " (by lot among equals)" };
    match round.step {
        Step::First if round.needed == Votes::ZERO => "First count".into(),
        Step::First => format!("First count, {} needed", votes(round.needed)),
        Step::Surplus { from, surplus } => {
            let from = name(from, slate);
            format!("{from}{by_lot} passes {} on, more than needed", votes(surplus))
        }
        Step::Exclusion { from } => {
            // "Reopen nominations" keeps a quota for each seat that it has taken.
            let kept = round.votes.get(from.index()).is_some_and(|&votes| votes > Votes::ZERO);
            let above = if kept { " above those of its empty seats" } else { "" };
            let from = name(from, slate);
            format!("{from} has the fewest votes{above} and is excluded{by_lot}")
        }
        Step::Remaining => "No more are left than seats".into(),
    }
}

fn name(choice: Choice, slate: &Slate) -> String {
    printable(slate.name(choice).unwrap_or_default())
}

fn votes(votes: Votes) -> String {
    if votes == Votes::whole(1) { "1 vote".into() } else { format!("{votes} votes") }
}

fn list(choices: &[Choice], slate: &Slate) -> String {
    let mut names: Vec<_> = choices.iter().take(LISTED_NAMES).map(|&it| name(it, slate)).collect();
    match choices.len() - names.len() {
        0 => {}
        1 => names.push("1 other".into()),
        more => names.push(format!("{more} others")),
    }
    match &names[..] {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => names.concat(),
    }
}
