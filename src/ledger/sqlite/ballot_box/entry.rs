//! What a roll has under a number, for the elections that share it.

use std::collections::HashMap;

use crate::election::VoterNumber;
use crate::ledger::roll::{BallotRow, RollIndex};

/// What an election knows of a roll that it shares.
#[derive(Debug, Default)]
pub(super) struct SharedRoll {
    /// The numbers that have voted in this election.
    pub(super) used: HashMap<VoterNumber, BallotRow>,
    /// How many numbers are on the roll, and were at the opening.
    pub(super) numbers: u64,
    pub(super) at_opening: u64,
}

/// Where a number has its ballot: on the roll, or among those of an election that shares one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ledger::sqlite) enum Place {
    OnRoll(RollIndex),
    Shared(VoterNumber),
}

/// What the roll has under a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ledger::sqlite) enum RollEntry {
    /// The number is not on the roll.
    NotOnRoll,
    /// It has not voted.
    Unused(Place),
    /// It cast this ballot.
    Used(BallotRow),
}
