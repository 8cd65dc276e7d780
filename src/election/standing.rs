//! What everyone may know of an election: its definition, its state and its count at one moment.

use std::sync::Arc;

use super::{Choice, ElectionId, InvalidSlate, Refusal, Slate, TITLE_BYTES_MAX};

/// What is being elected. It does not change once the election is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Its name on this server.
    pub id: ElectionId,
    /// What people call it.
    pub title: String,
    /// The candidates.
    pub slate: Slate,
}

/// Why some words define no election.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDefinition {
    /// The title is too long.
    #[error("a title has at most {TITLE_BYTES_MAX} bytes of UTF-8; {0} were given")]
    LongTitle(usize),
    /// The candidates make no slate.
    #[error(transparent)]
    Slate(#[from] InvalidSlate),
}

/// Where an election is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ElectionState {
    /// Being prepared: no votes yet.
    Draft,
    /// Votes are taken.
    Open,
    /// Votes are over, and the count is final.
    Closed,
}

/// What a number of votes means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultStatus {
    /// Voting is not over, and this is the count so far.
    Provisional,
    /// Not shown before the close; the number is 0.
    Sealed,
    /// Voting is over.
    Final,
    /// Nobody of that name is on the slate; the number is 0.
    UnknownCandidate,
}

/// An election at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What is being elected.
    pub definition: Arc<Definition>,
    /// Whether votes are taken.
    pub state: ElectionState,
    /// How many numbers are on the roll.
    pub voters: u64,
    /// How many votes are recorded: the sum of `votes`.
    pub ballots: u64,
    /// Each candidate's votes, in the order of the slate.
    pub votes: Vec<u64>,
}

impl Definition {
    /// An election called `id`, with this title and these candidates.
    pub fn new(
        id: ElectionId,
        title: String,
        candidates: Vec<String>,
    ) -> Result<Self, InvalidDefinition> {
        if title.len() > TITLE_BYTES_MAX {
            return Err(InvalidDefinition::LongTitle(title.len()));
        }
        Ok(Self { id, title, slate: Slate::new(candidates)? })
    }
}

impl Standing {
    /// The choice of a vote for `candidate`, or why no such vote can be counted at this moment.
    ///
    /// This spares the ledger votes that cannot count. It does not replace the ledger's decision: the
    /// election may have moved on by the time the vote is there.
    pub fn admit(&self, candidate: &str) -> Result<Choice, Refusal> {
        match self.state {
            ElectionState::Draft => Err(Refusal::NotOpen),
            ElectionState::Closed => Err(Refusal::Closed),
            ElectionState::Open => {
                self.definition.slate.choice(candidate).ok_or(Refusal::UnknownCandidate)
            }
        }
    }

    /// What the numbers of this standing mean.
    pub fn status(&self) -> ResultStatus {
        match self.state {
            ElectionState::Draft | ElectionState::Open => ResultStatus::Provisional,
            ElectionState::Closed => ResultStatus::Final,
        }
    }

    /// The votes of the candidate with this name, and what they mean.
    pub fn result(&self, candidate: &str) -> (u64, ResultStatus) {
        let choice = self.definition.slate.choice(candidate);
        match choice.and_then(|choice| self.votes.get(choice.index())) {
            Some(&votes) => (votes, self.status()),
            None => (0, ResultStatus::UnknownCandidate),
        }
    }

    /// Every candidate with their votes, most votes first, and in the slate's order among equals.
    pub fn ranking(&self) -> Vec<(&str, u64)> {
        let names = self.definition.slate.names().iter().map(String::as_str);
        let mut ranking: Vec<_> = names.zip(self.votes.iter().copied()).collect();
        ranking.sort_by_key(|&(_, votes)| std::cmp::Reverse(votes));
        ranking
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(state: ElectionState) -> Standing {
        let candidates = ["Ada", "Grace", "Edsger"].map(String::from).to_vec();
        let definition =
            Definition::new("board".parse().unwrap(), String::new(), candidates).unwrap();
        Standing {
            definition: Arc::new(definition),
            state,
            voters: 10,
            ballots: 5,
            votes: vec![1, 3, 1],
        }
    }

    #[test]
    fn most_votes_first_and_the_slates_order_among_equals() {
        let standing = standing(ElectionState::Open);
        assert_eq!(standing.ranking(), [("Grace", 3), ("Ada", 1), ("Edsger", 1)]);
    }

    #[test]
    fn a_name_that_is_not_on_the_slate_has_no_votes() {
        let standing = standing(ElectionState::Open);
        assert_eq!(standing.result("Grace"), (3, ResultStatus::Provisional));
        assert_eq!(standing.result("grace"), (0, ResultStatus::UnknownCandidate));
        assert_eq!(standing.result(""), (0, ResultStatus::UnknownCandidate));
    }

    #[test]
    fn votes_are_admitted_only_while_open() {
        assert_eq!(standing(ElectionState::Open).admit("Ada").map(Choice::index), Ok(0));
        assert_eq!(standing(ElectionState::Open).admit("Zoe"), Err(Refusal::UnknownCandidate));
        assert_eq!(standing(ElectionState::Draft).admit("Ada"), Err(Refusal::NotOpen));
        assert_eq!(standing(ElectionState::Closed).admit("Ada"), Err(Refusal::Closed));
    }
}
