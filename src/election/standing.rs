//! The public state of an election at one moment: its turnout, and its count unless that is sealed.

use std::sync::Arc;

use super::{Choice, Definition, Origin, Publication, Refusal};

/// The state of an election.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ElectionState {
    /// Being prepared; votes are refused.
    Draft,
    /// Votes are recorded.
    Open,
    /// Voting is over, and the count is final.
    Closed,
}

/// What a number of votes means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultStatus {
    /// The count so far.
    Provisional,
    /// Not published before the close; the number is 0.
    Sealed,
    /// The count after the close.
    Final,
    /// No candidate has that name; the number is 0.
    UnknownCandidate,
}

/// An election at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its definition.
    pub definition: Arc<Definition>,
    /// Its state.
    pub state: ElectionState,
    /// How many numbers are on the roll.
    pub voters: u64,
    /// How many of them were issued after the election was opened.
    pub added_while_open: u64,
    /// How many votes are recorded.
    pub ballots: u64,
    /// Where it is stored.
    pub origin: Origin,
    /// The votes for each choice, in the order of the slate. Read only through
    /// [`votes`](Self::votes), which hides a sealed count.
    votes: Vec<u64>,
}

impl Standing {
    /// An election with these votes for each choice of its slate, one ballot for each vote.
    pub fn new(
        definition: Arc<Definition>,
        state: ElectionState,
        voters: u64,
        added_while_open: u64,
        votes: Vec<u64>,
    ) -> Self {
        let ballots = votes.iter().sum();
        let origin = Origin::default();
        Self { definition, state, voters, added_while_open, ballots, origin, votes }
    }

    /// The same, stored there.
    #[must_use]
    pub fn with_origin(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }

    /// The choice of a vote for `candidate`, which need not be UTF-8.
    ///
    /// Spares the ledger votes that cannot count. The ledger still decides the others, since the
    /// election may change first. After the close a vote for a candidate passes: it may be a retry.
    ///
    /// # Errors
    /// [`Refusal::NotOpen`], [`Refusal::UnknownCandidate`] and [`Refusal::Closed`].
    pub fn admit(&self, candidate: &[u8]) -> Result<Choice, Refusal> {
        let name = std::str::from_utf8(candidate).ok();
        let choice = name.and_then(|name| self.definition.slate.choice(name));
        match self.state {
            ElectionState::Draft => Err(Refusal::NotOpen),
            ElectionState::Open => choice.ok_or(Refusal::UnknownCandidate),
            ElectionState::Closed => choice.ok_or(Refusal::Closed),
        }
    }

    /// What the votes of this standing mean.
    pub fn status(&self) -> ResultStatus {
        match (self.state, self.definition.publication) {
            (ElectionState::Closed, _) => ResultStatus::Final,
            (_, Publication::Live) => ResultStatus::Provisional,
            (_, Publication::Sealed) => ResultStatus::Sealed,
        }
    }

    /// The votes for each choice, in the order of the slate. `None` while they are sealed.
    pub fn votes(&self) -> Option<&[u64]> {
        (self.status() != ResultStatus::Sealed).then_some(&self.votes)
    }

    /// The votes for one choice; 0 while they are sealed.
    pub fn votes_for(&self, choice: Choice) -> u64 {
        self.votes().and_then(|votes| votes.get(choice.index())).copied().unwrap_or_default()
    }

    /// The votes for the candidate with this name, and what they mean.
    pub fn result(&self, candidate: &str) -> (u64, ResultStatus) {
        match self.definition.slate.choice(candidate) {
            Some(choice) => (self.votes_for(choice), self.status()),
            None => (0, ResultStatus::UnknownCandidate),
        }
    }

    /// Every candidate with their votes, most votes first, and in the slate's order among equals.
    /// All have 0 votes while they are sealed.
    pub fn ranking(&self) -> Vec<(&str, u64)> {
        let names = self.definition.slate.names().iter().enumerate();
        let votes = |index| Choice::from_index(index).map_or(0, |choice| self.votes_for(choice));
        let mut ranking: Vec<_> =
            names.map(|(index, name)| (name.as_str(), votes(index))).collect();
        ranking.sort_by_key(|&(_, votes)| std::cmp::Reverse(votes));
        ranking
    }

    /// The blank ballots; 0 while they are sealed, or if ballots cannot be blank.
    pub fn blank(&self) -> u64 {
        self.definition.slate.blank().map_or(0, |blank| self.votes_for(blank))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(state: ElectionState) -> Standing {
        let candidates = ["Ada", "Grace", "Edsger"].map(String::from).to_vec();
        let definition =
            Definition::new("board".parse().unwrap(), String::new(), candidates).unwrap();
        let definition = Arc::new(definition.with_blank(true));
        let votes = vec![1, 3, 1, 2];
        let origin = Origin::default();
        Standing { definition, state, voters: 10, added_while_open: 0, ballots: 7, origin, votes }
    }

    fn sealed(state: ElectionState) -> Standing {
        let live = standing(state);
        let definition = (*live.definition).clone().with_publication(Publication::Sealed);
        Standing { definition: Arc::new(definition), ..live }
    }

    #[test]
    fn a_sealed_count_is_hidden_until_the_close() {
        for state in [ElectionState::Draft, ElectionState::Open] {
            let standing = sealed(state);
            assert_eq!(standing.votes(), None);
            assert_eq!(standing.ranking(), [("Ada", 0), ("Grace", 0), ("Edsger", 0)]);
            assert_eq!(standing.result("Grace"), (0, ResultStatus::Sealed));
            assert_eq!((standing.blank(), standing.ballots), (0, 7));
        }
        let standing = sealed(ElectionState::Closed);
        assert_eq!(standing.result("Grace"), (3, ResultStatus::Final));
        assert_eq!(standing.ranking()[0], ("Grace", 3));
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
        assert_eq!(standing.result(""), (2, ResultStatus::Provisional), "blank ballots");
    }

    #[test]
    fn votes_for_candidates_are_admitted_once_the_election_is_open() {
        assert_eq!(standing(ElectionState::Open).admit(b"Ada").map(Choice::index), Ok(0));
        assert_eq!(standing(ElectionState::Open).admit(b"Zoe"), Err(Refusal::UnknownCandidate));
        assert_eq!(standing(ElectionState::Draft).admit(b"Ada"), Err(Refusal::NotOpen));
        assert_eq!(standing(ElectionState::Closed).admit(b"Zoe"), Err(Refusal::Closed));
        assert_eq!(standing(ElectionState::Closed).admit(b"Ada").map(Choice::index), Ok(0));
    }
}
