//! The elections of a history: the board, a second one by the board's roll, whose method follows
//! from the seed, and a run-off by the same roll, which some histories create while they run.

use std::sync::Arc;

use capvote::client;
use capvote::election::{Definition, ElectionId, Method, Publication, Rules, Schedule, Timestamp};
use fastrand::Rng;

use super::clock::FAR;
use super::{CANDIDATES, DURATION};
use crate::methods::{self, HALF_OF_MARKED, publication};

/// The indexes of the elections of a history.
pub(super) const BOARD: usize = 0;
pub(super) const SECOND: usize = 1;
pub(super) const RUN_OFF: usize = 2;

/// Their ids.
const IDS: [&str; 3] = ["board", "second", "runoff"];

/// What a voter means by a ballot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A ballot of the election.
    Valid,
    /// None, for this reason.
    Invalid(String),
    /// A vote for one name, where ballots say more: an old client's.
    ByName,
}

/// The elections of a history: the first two are open from the start.
pub(super) fn elections(rng: &mut Rng) -> anyhow::Result<Vec<Arc<Definition>>> {
    let board = definition(BOARD, &CANDIDATES, Rules::default(), Publication::Live, false)?;
    let board = board.with_schedule(schedule(rng))?;
    let second = methods::election(id(SECOND), id(BOARD), rng)?.with_schedule(schedule(rng))?;
    Ok([board, second, run_off(rng)?].map(Arc::new).to_vec())
}

pub(super) fn id(election: usize) -> ElectionId {
    IDS[election].parse().expect("a good name for an election")
}

fn definition(
    election: usize,
    names: &[&str],
    rules: Rules,
    publication: Publication,
    blank: bool,
) -> anyhow::Result<Definition> {
    let names = names.iter().map(|name| name.to_string()).collect();
    let roll = (election != BOARD).then(|| id(BOARD));
    let definition = Definition::new(id(election), String::new(), names)?
        .with_publication(publication)
        .with_blank(blank)
        .with_rules(rules)?;
    Ok(definition.with_roll(roll))
}

fn schedule(rng: &mut Rng) -> Schedule {
    let closes = match rng.u32(0..3) {
        0 => Some(Timestamp(rng.u64(1..DURATION.as_secs()))),
        1 => Some(FAR),
        _ => None,
    };
    Schedule { opens: None, closes }
}

/// Between two of the board: by an absolute majority, or by ranks.
fn run_off(rng: &mut Rng) -> anyhow::Result<Definition> {
    let names = &CANDIDATES[..2];
    if rng.bool() {
        let rules = Rules { majority: Some(HALF_OF_MARKED), ..Rules::default() };
        return definition(RUN_OFF, names, rules, publication(rng), true);
    }
    let rules = Rules { method: Method::Transferable, marks: 2, ..Rules::default() };
    definition(RUN_OFF, names, rules, Publication::Sealed, false)
}

/// What a client says in a ballot of this election, as marks.
pub(super) fn said(definition: &Definition, ballot: &client::Ballot) -> Vec<u16> {
    match &ballot.marks {
        Some(marks) => marks.marks.clone(),
        None if ballot.candidate.is_empty() => Vec::new(),
        None => {
            let names = definition.slate.names().iter();
            names.map(|name| u16::from(*name == ballot.candidate)).collect()
        }
    }
}

/// The same vote in the other of its two forms, where ballots are one name: a name, or marks.
pub(super) fn in_other_form(definition: &Definition, ballot: client::Ballot) -> client::Ballot {
    if !definition.rules.has_one_mark() {
        return ballot;
    }
    let marks = said(definition, &ballot);
    let slate = definition.slate.names().to_vec();
    let name = slate.iter().zip(&marks).find(|(_, mark)| **mark == 1).map(|(name, _)| name.clone());
    match ballot.marks {
        None => {
            let marks = Some(client::Marks { slate, marks });
            client::Ballot { candidate: String::new(), marks, ..ballot }
        }
        Some(_) => client::Ballot { candidate: name.unwrap_or_default(), marks: None, ..ballot },
    }
}
