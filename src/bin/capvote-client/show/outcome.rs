//! The outcome of a vote.

use capvote::client::{Marks, VoteOutcome};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::UNKNOWN;

/// A vote's outcome, for a server that sent no message about it.
pub(crate) fn words(outcome: &VoteOutcome) -> &'static str {
    match outcome {
        VoteOutcome::Recorded(_) => "Your vote is recorded.",
        VoteOutcome::AlreadyVoted => "Not counted: this voter number has already voted.",
        VoteOutcome::UnknownVoterNumber => "Not counted: this voter number is not on the roll.",
        VoteOutcome::UnknownCandidate(_) => "Not counted: this is no candidate's name.",
        VoteOutcome::InvalidBallot(_) => "Not counted: this is no ballot of the election.",
        VoteOutcome::NotOpen => "Not counted: voting has not begun.",
        VoteOutcome::Unconfirmed => {
            "Not counted: the election was restored from a backup, and waits for its officer."
        }
        VoteOutcome::Closed => "Not counted: voting is over.",
        VoteOutcome::Throttled { .. } => {
            "Not counted: too many wrong numbers came from here; wait and vote again."
        }
        VoteOutcome::Unknown => {
            "Not counted, for a reason that this client does not know: try a newer client."
        }
    }
}

/// A vote's outcome, as a JSON document.
pub(crate) fn outcome(outcome: &VoteOutcome, message: &str) -> Value {
    let name = match outcome {
        VoteOutcome::Recorded(vote) => {
            return json!({
                "outcome": "recorded",
                "message": message,
                "receipt": {
                    "commitment": vote.receipt.to_string(),
                    "election": vote.election.as_str(),
                    "candidate": vote.candidate,
                    "marks": vote.marks.as_ref().map(marks),
                    "nonce": HEXLOWER.encode(vote.nonce.as_bytes()),
                    "ledger": vote.ledger.to_string(),
                    "epoch": vote.epoch,
                },
            });
        }
        VoteOutcome::UnknownCandidate(slate) => {
            let name = "unknownCandidate";
            return json!({ "outcome": name, "message": message, "candidates": slate });
        }
        VoteOutcome::InvalidBallot(why) => {
            return json!({ "outcome": "invalidBallot", "message": message, "rule": why });
        }
        VoteOutcome::Throttled { wait, .. } => {
            let wait_ms = wait.as_millis() as u64;
            return json!({ "outcome": "throttled", "message": message, "waitMs": wait_ms });
        }
        VoteOutcome::AlreadyVoted => "alreadyVoted",
        VoteOutcome::UnknownVoterNumber => "unknownVoterNumber",
        VoteOutcome::Unconfirmed => {
            return json!({ "outcome": "notOpen", "message": message, "unconfirmed": true });
        }
        VoteOutcome::NotOpen => "notOpen",
        VoteOutcome::Closed => "closed",
        VoteOutcome::Unknown => UNKNOWN,
    };
    json!({ "outcome": name, "message": message })
}

/// The marked names, in the order of the slate.
pub(crate) fn marks(marks: &Marks) -> Value {
    let marked = marks.marked();
    marked.map(|(candidate, mark)| json!({ "candidate": candidate, "mark": mark })).collect()
}
