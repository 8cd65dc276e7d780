//! A vote, and what becomes of it.

use super::{Choice, ElectionId, Nonce, VoterNumber};

/// A vote as it goes to the ledger: the candidate is known to be on the slate, nothing else is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vote {
    /// The election it is cast in.
    pub election: ElectionId,
    /// Whom it is for.
    pub choice: Choice,
    /// The number it is cast under.
    pub number: VoterNumber,
    /// The random bytes it was made with.
    pub nonce: Nonce,
}

/// What became of a vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is on stable storage and counted once, by this call or by the one that this call repeats.
    Recorded,
    /// It was not counted.
    Refused(Refusal),
}

/// Why a vote was not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// A vote under this number stands.
    AlreadyVoted,
    /// The number is not on the roll.
    UnknownVoterNumber,
    /// The name is not on the slate.
    UnknownCandidate,
    /// Voting has not begun.
    NotOpen,
    /// Voting is over.
    Closed,
}
