//! One election's whole state, and the decision on each vote.

use std::sync::Arc;

use super::roll::{BallotNumber, Place, Roll};
use super::{Choice, Definition, ElectionState, Refusal, Standing, VOTERS_MAX, VoterNumber};

/// One election: who may vote, who has, and the count.
///
/// A vote is judged first and counted when it is being stored; what could not be stored is uncounted.
#[derive(Debug)]
pub struct BallotBox {
    definition: Arc<Definition>,
    state: ElectionState,
    roll: Roll,
    votes: Vec<u64>,
    ballots: u64,
}

/// The decision on a vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// To be stored and counted, under the number at this place of the roll.
    Count(Place),
    /// This ballot was cast under the number. It may have been this very vote, sent again.
    Voted(BallotNumber),
    /// Not to be counted.
    Refuse(Refusal),
}

/// Why an election cannot be changed so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeRefusal {
    /// Only a draft can be opened.
    #[error("the election is not a draft")]
    NotDraft,
    /// Nobody joins the roll of a closed election.
    #[error("the election is closed")]
    Closed,
    /// The roll would be too long.
    #[error("a roll has at most {VOTERS_MAX} voter numbers")]
    RollFull,
    /// A number is on the roll already.
    #[error("a voter number is on the roll already")]
    NumberTaken,
}

impl BallotBox {
    /// A draft with nobody on its roll.
    pub fn new(definition: Arc<Definition>) -> Self {
        let votes = vec![0; definition.slate.names().len()];
        Self { definition, state: ElectionState::Draft, roll: Roll::default(), votes, ballots: 0 }
    }

    /// What is being elected.
    pub fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    /// Puts numbers on the roll: all of them or, with an error, none.
    pub fn issue(&mut self, numbers: Vec<VoterNumber>) -> Result<(), ChangeRefusal> {
        if self.state == ElectionState::Closed {
            return Err(ChangeRefusal::Closed);
        }
        if self.roll.len() + numbers.len() > VOTERS_MAX {
            return Err(ChangeRefusal::RollFull);
        }
        if self.roll.add(numbers) { Ok(()) } else { Err(ChangeRefusal::NumberTaken) }
    }

    /// Begins the voting.
    pub fn open(&mut self) -> Result<(), ChangeRefusal> {
        if self.state != ElectionState::Draft {
            return Err(ChangeRefusal::NotDraft);
        }
        self.state = ElectionState::Open;
        Ok(())
    }

    /// Decides on a vote, and changes nothing.
    pub fn judge(&self, number: VoterNumber, choice: Choice) -> Verdict {
        match self.state {
            ElectionState::Draft => return Verdict::Refuse(Refusal::NotOpen),
            ElectionState::Closed => return Verdict::Refuse(Refusal::Closed),
            ElectionState::Open => {}
        }
        if choice.index() >= self.votes.len() {
            return Verdict::Refuse(Refusal::UnknownCandidate);
        }
        match self.roll.find(number) {
            None => Verdict::Refuse(Refusal::UnknownVoterNumber),
            Some(place) => match self.roll.ballot(place) {
                None => Verdict::Count(place),
                Some(ballot) => Verdict::Voted(ballot),
            },
        }
    }

    /// Counts a vote that was judged [`Verdict::Count`], as `ballot`.
    pub fn count(&mut self, place: Place, choice: Choice, ballot: BallotNumber) {
        self.roll.set_ballot(place, Some(ballot));
        self.votes[choice.index()] += 1;
        self.ballots += 1;
    }

    /// Takes back what [`count`](Self::count) did, for a vote that could not be stored.
    pub fn uncount(&mut self, place: Place, choice: Choice) {
        self.roll.set_ballot(place, None);
        self.votes[choice.index()] -= 1;
        self.ballots -= 1;
    }

    /// What everyone may know.
    pub fn standing(&self) -> Standing {
        Standing {
            definition: self.definition.clone(),
            state: self.state,
            voters: self.roll.len() as u64,
            ballots: self.ballots,
            votes: self.votes.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: usize = 0;
    const GRACE: usize = 1;

    fn choice(index: usize) -> Choice {
        Choice::from_index(index).unwrap()
    }

    fn draft() -> BallotBox {
        let candidates = ["Ada", "Grace"].map(String::from).to_vec();
        let definition =
            Definition::new("board".parse().unwrap(), String::new(), candidates).unwrap();
        let mut ballot_box = BallotBox::new(Arc::new(definition));
        ballot_box.issue([11, 22, 33].map(VoterNumber::from).to_vec()).unwrap();
        ballot_box
    }

    fn open() -> BallotBox {
        let mut ballot_box = draft();
        ballot_box.open().unwrap();
        ballot_box
    }

    /// Judges a vote and counts it when it is to be counted.
    fn cast(ballot_box: &mut BallotBox, number: u64, index: usize) -> Verdict {
        let verdict = ballot_box.judge(number.into(), choice(index));
        if let Verdict::Count(place) = verdict {
            let ballot = BallotNumber::new(ballot_box.ballots + 1).unwrap();
            ballot_box.count(place, choice(index), ballot);
        }
        verdict
    }

    #[test]
    fn one_vote_a_number() {
        let mut ballot_box = open();
        assert!(matches!(cast(&mut ballot_box, 11, ADA), Verdict::Count(_)));
        assert_eq!(cast(&mut ballot_box, 11, GRACE), Verdict::Voted(BallotNumber::new(1).unwrap()));
        assert!(matches!(cast(&mut ballot_box, 22, GRACE), Verdict::Count(_)));
        for stranger in [0, 12, u64::MAX] {
            let verdict = cast(&mut ballot_box, stranger, ADA);
            assert_eq!(verdict, Verdict::Refuse(Refusal::UnknownVoterNumber));
        }
        let standing = ballot_box.standing();
        assert_eq!((standing.votes, standing.ballots, standing.voters), (vec![1, 1], 2, 3));
    }

    #[test]
    fn what_was_not_stored_leaves_no_trace() {
        let mut ballot_box = open();
        let before = ballot_box.standing();
        let Verdict::Count(place) = cast(&mut ballot_box, 33, GRACE) else { panic!("not counted") };
        ballot_box.uncount(place, choice(GRACE));
        assert_eq!(ballot_box.standing(), before);
        assert!(matches!(cast(&mut ballot_box, 33, ADA), Verdict::Count(_)));
    }

    #[test]
    fn votes_only_while_open_and_only_for_the_slate() {
        assert_eq!(cast(&mut draft(), 11, ADA), Verdict::Refuse(Refusal::NotOpen));
        assert_eq!(cast(&mut open(), 11, 2), Verdict::Refuse(Refusal::UnknownCandidate));
        assert_eq!(open().open(), Err(ChangeRefusal::NotDraft));
    }
}
