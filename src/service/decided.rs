//! A decided vote.

use std::sync::Arc;

use super::guesses::Throttled;
use super::vote_request::Said;
use crate::election::{Ballot, Nonce, Receipt, Refusal, Standing};

/// A decided vote, with everything that its message and its outcome contain.
pub(super) struct Decided {
    pub(super) standing: Arc<Standing>,
    pub(super) spoken: Spoken,
    pub(super) nonce: Nonce,
    pub(super) answer: Answer,
}

/// What a voter said, as far as it was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spoken {
    /// A ballot of the election.
    Ballot(Ballot),
    /// A name that is not looked up, or not on the slate.
    Name(String),
    /// Marks that are not looked at, or are no ballot.
    Marks,
}

/// The answer to a vote.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answer {
    Recorded(Receipt),
    Refused(Refusal),
    /// The number was not looked up, because of earlier wrong guesses.
    Throttled(Throttled),
}

impl From<&Said> for Spoken {
    /// What was said, of which no ballot was made.
    fn from(said: &Said) -> Self {
        match said {
            Said::Name(name) => Self::Name(String::from_utf8_lossy(name).into_owned()),
            Said::Marks(..) => Self::Marks,
        }
    }
}
