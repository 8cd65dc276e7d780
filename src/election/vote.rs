//! A vote, and its outcome.

use super::{Ballot, ElectionId, InvalidBallot, Nonce, VoterNumber};

/// A vote for the ledger to decide. Its ballot is one by the rules of the election; nothing else is
/// checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vote {
    /// The election.
    pub election: ElectionId,
    /// The ballot.
    pub ballot: Ballot,
    /// The voter number.
    pub number: VoterNumber,
    /// The nonce of the ballot.
    pub nonce: Nonce,
}

/// The outcome of a vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is on stable storage and counted once, by this call or by the call it is a retry of.
    Recorded,
    /// It was not counted.
    Refused(Refusal),
}

/// Why a vote was not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The number has voted.
    AlreadyVoted,
    /// The number is not on the roll.
    UnknownVoterNumber,
    /// The candidate is not on the slate.
    UnknownCandidate,
    /// The marks are no ballot of this election.
    InvalidBallot(InvalidBallot),
    /// Voting has not begun.
    NotOpen,
    /// Voting is over.
    Closed,
    /// The election was restored from a backup, and no officer has confirmed that.
    Unconfirmed,
}
