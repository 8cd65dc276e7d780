//! The in-memory votes of the tonic and tarpc peers, behind one lock.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// The candidates.
const CANDIDATES: [&str; 2] = ["Ada", "Grace"];

/// The outcome of a vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Counted.
    Recorded,
    /// The number has voted.
    AlreadyVoted,
    /// The number is not on the roll.
    UnknownNumber,
    /// There is no such candidate.
    UnknownCandidate,
}

/// The roll and the count.
#[derive(Debug)]
pub struct Booth {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Whether each number on the roll has voted.
    voted: HashMap<u64, bool>,
    counts: [u64; CANDIDATES.len()],
}

impl Booth {
    /// An election for the voter numbers 1 to `voters`.
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

/// The message about a vote, for systems that can send one.
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
    fn each_number_votes_once_and_only_for_a_candidate() {
        let booth = Booth::new(2);
        assert_eq!(booth.vote(1, "Eve"), Outcome::UnknownCandidate);
        assert_eq!(booth.vote(1, "Ada"), Outcome::Recorded);
        assert_eq!(booth.vote(1, "Grace"), Outcome::AlreadyVoted);
        assert_eq!(booth.vote(2, "Grace"), Outcome::Recorded);
        assert_eq!(booth.vote(3, "Ada"), Outcome::UnknownNumber);
        assert_eq!(booth.state.lock().unwrap().counts, [1, 1]);
    }
}
