//! The votes of a peer that keeps them in memory: nothing is durable, and one lock guards everything. No
//! measurement of its own; what tonic and tarpc have in common.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// Who can be voted for.
const CANDIDATES: [&str; 2] = ["Ada", "Grace"];

/// What became of a vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It counts.
    Recorded,
    /// The number was used before.
    AlreadyVoted,
    /// There is no such number.
    UnknownNumber,
    /// There is no such candidate.
    UnknownCandidate,
}

/// Who voted, and for whom how many did.
#[derive(Debug)]
pub struct Booth {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    voted: HashMap<u64, bool>,
    counts: [u64; CANDIDATES.len()],
}

impl Booth {
    /// A booth for the voter numbers 1 to `voters`.
    pub fn new(voters: u64) -> Self {
        let voted = (1..=voters).map(|number| (number, false)).collect();
        Self { state: Mutex::new(State { voted, counts: [0; CANDIDATES.len()] }) }
    }

    /// Counts a vote, unless it is refused.
    pub fn vote(&self, number: u64, candidate: &str) -> Outcome {
        let Some(choice) = CANDIDATES.iter().position(|name| *name == candidate) else {
            return Outcome::UnknownCandidate;
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.voted.get_mut(&number) {
            None => Outcome::UnknownNumber,
            Some(true) => Outcome::AlreadyVoted,
            Some(voted) => {
                *voted = true;
                state.counts[choice] += 1;
                Outcome::Recorded
            }
        }
    }
}

/// What a voter is told about a vote, where there is a way to tell them.
pub fn text(number: u64, candidate: &str, outcome: Outcome) -> String {
    match outcome {
        Outcome::Recorded => {
            format!("Your vote for \"{candidate}\" under the voter number {number} is recorded.")
        }
        Outcome::AlreadyVoted => format!("The voter number {number} has already voted."),
        Outcome::UnknownNumber => format!("The voter number {number} is not on the roll."),
        Outcome::UnknownCandidate => format!("\"{candidate}\" is not a candidate."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_votes_once_for_someone_who_is_a_candidate() {
        let booth = Booth::new(2);
        assert_eq!(booth.vote(1, "Eve"), Outcome::UnknownCandidate);
        assert_eq!(booth.vote(1, "Ada"), Outcome::Recorded);
        assert_eq!(booth.vote(1, "Grace"), Outcome::AlreadyVoted);
        assert_eq!(booth.vote(2, "Grace"), Outcome::Recorded);
        assert_eq!(booth.vote(3, "Ada"), Outcome::UnknownNumber);
        assert_eq!(booth.state.lock().unwrap().counts, [1, 1]);
    }
}
