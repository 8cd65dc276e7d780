//! A decided vote.

use std::sync::Arc;

use super::guesses::Throttled;
use crate::election::{Nonce, Receipt, Refusal, Standing};

/// A decided vote, with everything that its message and its outcome contain.
pub(super) struct Decided {
    pub(super) standing: Arc<Standing>,
    pub(super) candidate: String,
    pub(super) nonce: Nonce,
    pub(super) answer: Answer,
}

/// The answer to a vote.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answer {
    Recorded(Receipt),
    Refused(Refusal),
    /// The number was not looked up, because of earlier wrong guesses.
    Throttled(Throttled),
}
