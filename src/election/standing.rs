//! The public state of an election at one moment: its turnout, and of its count what is published.

use std::sync::Arc;

use super::{Ballot, Choice, Count, Definition, Origin, OwnBallot, Publication, Refusal, Tally};

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
    /// The count so far, in whole [batches](super::LIVE_BATCH_BALLOTS).
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
    /// The published votes for each choice, in the order of the slate; none while they are sealed.
    /// Read only through [`votes`](Self::votes).
    votes: Vec<u64>,
    /// How the result came about, after the close.
    count: Option<Arc<Count>>,
    /// The ballots of a live count that are not published, for [`with_own`](Self::with_own).
    recent: Vec<OwnBallot>,
}

impl Standing {
    /// An election with this tally. The standing has no more of it than may be shown to somebody.
    pub fn new(
        definition: Arc<Definition>,
        state: ElectionState,
        voters: u64,
        added_while_open: u64,
        tally: Tally,
    ) -> Self {
        Self::of_tallies(definition, state, voters, added_while_open, [tally])
    }

    /// An election whose ballots were recorded in several orders beside each other, each with a
    /// tally of its own: each publishes its own batches.
    pub fn of_tallies(
        definition: Arc<Definition>,
        state: ElectionState,
        voters: u64,
        added_while_open: u64,
        tallies: impl IntoIterator<Item = Tally>,
    ) -> Self {
        let is_sealed = status(state, definition.publication) == ResultStatus::Sealed;
        let choices = if is_sealed { 0 } else { definition.slate.choices() };
        let (mut votes, mut recent, mut ballots) = (vec![0; choices], Vec::new(), 0);
        for mut tally in tallies {
            tally.publish(definition.publication, state);
            ballots += tally.ballots();
            if !is_sealed {
                votes.iter_mut().zip(tally.votes()).for_each(|(sum, votes)| *sum += votes);
                recent.extend(tally.recent().cloned());
            }
        }
        let (origin, count) = (Origin::default(), None);
        Self { definition, state, voters, added_while_open, ballots, origin, votes, count, recent }
    }

    /// The same election as those see it who cast these ballots: what is published, and the recent
    /// ones among these. They learn nothing of other ballots, as long as nonces are secret.
    #[must_use]
    pub fn with_own(&self, own: &[OwnBallot]) -> Self {
        let mut seen = self.clone();
        for (ballot, _) in self.recent.iter().filter(|ballot| own.contains(ballot)) {
            for choice in ballot.first() {
                if let Some(votes) = seen.votes.get_mut(choice.index()) {
                    *votes += 1;
                }
            }
        }
        seen
    }

    /// Whether this ballot is recorded and not published.
    pub fn is_recent(&self, ballot: &OwnBallot) -> bool {
        self.recent.contains(ballot)
    }

    /// The same, stored there.
    #[must_use]
    pub fn with_origin(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }

    /// The ballot of a vote for `candidate`, which need not be UTF-8, in an election whose ballots
    /// are [one mark](super::Rules::has_one_mark).
    ///
    /// Spares the ledger votes that cannot count. The ledger still decides the others, since the
    /// election may change first. After the close a vote for a candidate passes: it may be a retry.
    ///
    /// # Errors
    /// [`Refusal::NotOpen`], [`Refusal::UnknownCandidate`] and [`Refusal::Closed`].
    pub fn admit(&self, candidate: &[u8]) -> Result<Ballot, Refusal> {
        let name = std::str::from_utf8(candidate).ok();
        let choice = name.and_then(|name| self.definition.slate.choice(name));
        self.admitted(choice.map(Ballot::from).ok_or(Refusal::UnknownCandidate))
    }

    /// The ballot of a vote with these marks, one for each name of the slate, or none. As
    /// [`admit`](Self::admit).
    ///
    /// # Errors
    /// [`Refusal::NotOpen`], [`Refusal::InvalidBallot`] and [`Refusal::Closed`].
    pub fn admit_marks(&self, marks: &[u16]) -> Result<Ballot, Refusal> {
        let Definition { slate, rules, .. } = &*self.definition;
        self.admitted(Ballot::new(slate, rules, marks).map_err(Refusal::InvalidBallot))
    }

    fn admitted(&self, ballot: Result<Ballot, Refusal>) -> Result<Ballot, Refusal> {
        match self.state {
            ElectionState::Draft => Err(Refusal::NotOpen),
            ElectionState::Open => ballot,
            ElectionState::Closed => ballot.map_err(|_| Refusal::Closed),
        }
    }

    /// The same election after the close, with how its result came about.
    #[must_use]
    pub fn with_count(self, count: Option<Arc<Count>>) -> Self {
        Self { count, ..self }
    }

    /// How the result came about. `None` before the close.
    pub fn count(&self) -> Option<&Arc<Count>> {
        self.count.as_ref()
    }

    /// What the votes of this standing mean.
    pub fn status(&self) -> ResultStatus {
        status(self.state, self.definition.publication)
    }

    /// The published votes for each choice, in the order of the slate: until the close, only the
    /// whole [batches](super::LIVE_BATCH_BALLOTS) of a live count. `None` while they are sealed.
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

fn status(state: ElectionState, publication: Publication) -> ResultStatus {
    match (state, publication) {
        (ElectionState::Closed, _) => ResultStatus::Final,
        (_, Publication::Live) => ResultStatus::Provisional,
        (_, Publication::Sealed) => ResultStatus::Sealed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::election::{InvalidBallot, LIVE_BATCH_BALLOTS, Nonce};

    /// An election with two batches of ballots, of which one is published.
    fn standing(state: ElectionState, publication: Publication) -> Standing {
        let candidates = ["Ada", "Grace", "Edsger"].map(String::from).to_vec();
        let definition =
            Definition::new("board".parse().unwrap(), String::new(), candidates).unwrap();
        let definition = definition.with_blank(true).with_publication(publication);
        let mut count = Tally::new(&definition.slate);
        let indexes = [0, 1, 1, 1, 2, 3, 3].into_iter().chain([3; LIVE_BATCH_BALLOTS * 2 - 7]);
        for (nonce, index) in indexes.enumerate() {
            let choice = Choice::from_index(index).unwrap();
            count.add(choice.into(), Nonce::from([nonce as u8; 16]));
        }
        Standing::new(Arc::new(definition), state, 100, 0, count)
    }

    fn live(state: ElectionState) -> Standing {
        standing(state, Publication::Live)
    }

    fn sealed(state: ElectionState) -> Standing {
        standing(state, Publication::Sealed)
    }

    #[test]
    fn a_sealed_count_is_hidden_until_the_close() {
        for state in [ElectionState::Draft, ElectionState::Open] {
            let standing = sealed(state);
            assert_eq!(standing.votes(), None);
            assert_eq!(standing.ranking(), [("Ada", 0), ("Grace", 0), ("Edsger", 0)]);
            assert_eq!(standing.result("Grace"), (0, ResultStatus::Sealed));
            assert_eq!((standing.blank(), standing.ballots), (0, 20));
        }
        let standing = sealed(ElectionState::Closed);
        assert_eq!(standing.result("Grace"), (3, ResultStatus::Final));
        assert_eq!(standing.ranking()[0], ("Grace", 3));
    }

    #[test]
    fn most_votes_first_and_the_slates_order_among_equals() {
        let standing = live(ElectionState::Open);
        assert_eq!(standing.ranking(), [("Grace", 3), ("Ada", 1), ("Edsger", 1)]);
    }

    #[test]
    fn a_name_that_is_not_on_the_slate_has_no_votes() {
        let standing = live(ElectionState::Open);
        assert_eq!(standing.result("Grace"), (3, ResultStatus::Provisional));
        assert_eq!(standing.result("grace"), (0, ResultStatus::UnknownCandidate));
        assert_eq!(standing.result(""), (5, ResultStatus::Provisional), "blank ballots");
    }

    #[test]
    fn votes_for_candidates_are_admitted_once_the_election_is_open() {
        let ada = Ballot::from(Choice::from_index(0).unwrap());
        assert_eq!(live(ElectionState::Open).admit(b"Ada"), Ok(ada.clone()));
        assert_eq!(live(ElectionState::Open).admit_marks(&[1, 0, 0]), Ok(ada.clone()));
        assert_eq!(live(ElectionState::Open).admit(b"Zoe"), Err(Refusal::UnknownCandidate));
        assert_eq!(live(ElectionState::Draft).admit(b"Ada"), Err(Refusal::NotOpen));
        assert_eq!(live(ElectionState::Closed).admit(b"Zoe"), Err(Refusal::Closed));
        let gap = Refusal::InvalidBallot(InvalidBallot::NotOne(2));
        assert_eq!(live(ElectionState::Open).admit_marks(&[2, 0, 0]), Err(gap));
        assert_eq!(live(ElectionState::Closed).admit_marks(&[2, 0, 0]), Err(Refusal::Closed));
        assert_eq!(live(ElectionState::Closed).admit(b"Ada"), Ok(ada));
    }

    #[test]
    fn a_live_count_has_whole_batches_and_for_their_voters_recent_ballots() {
        let open = live(ElectionState::Open);
        assert_eq!(open.votes(), Some(&[1, 3, 1, 5][..]));
        assert_eq!(
            (open.ballots, live(ElectionState::Closed).votes()),
            (20, Some(&[1, 3, 1, 15][..]))
        );
        let ballot =
            |choice, nonce| (Choice::from_index(choice).unwrap().into(), Nonce::from([nonce; 16]));
        // The first is published, the second recent; the others are no ballots of this election.
        let own = [ballot(0, 0), ballot(3, 19), ballot(3, 20), ballot(2, 19)];
        assert_eq!(open.with_own(&own).votes(), Some(&[1, 3, 1, 6][..]));
        let recent: Vec<_> = own.iter().map(|ballot| open.is_recent(ballot)).collect();
        assert_eq!(recent, [false, true, false, false]);
        assert_eq!(sealed(ElectionState::Open).with_own(&own), sealed(ElectionState::Open));
        assert_eq!(live(ElectionState::Closed).with_own(&own), live(ElectionState::Closed));
    }
}
