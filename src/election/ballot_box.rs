//! One election's whole state, and the decision on each vote.

use std::sync::Arc;

use super::roll::{BallotNumber, Place, Roll};
use super::{
    Choice, Definition, ElectionState, Refusal, Standing, Timestamp, VOTERS_MAX, VoterNumber,
};

/// One election: who may vote, who has, and the count.
///
/// A vote is judged first and counted when it is being stored; what could not be stored is uncounted.
#[derive(Debug)]
pub struct BallotBox {
    definition: Arc<Definition>,
    state: ElectionState,
    roll: Roll,
    added_while_open: u64,
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
    /// Voting begins once.
    #[error("it is open already")]
    AlreadyOpen,
    /// Only an open election can be closed.
    #[error("it is a draft, and was not opened yet")]
    NotOpen,
    /// A closed election stays so, with those who are on its roll.
    #[error("it is closed already, and a close is for good")]
    Closed,
    /// Nobody leaves the roll of an election that has begun.
    #[error("voting has begun, and the roll is frozen: numbers can be added and not revoked")]
    RollFrozen,
    /// What is left of a closed election does not make one.
    #[error("the ballots of a closed election and the numbers that voted do not fit")]
    Miscounted,
    /// A number is not on the roll.
    #[error("a number is not on the roll")]
    NumberUnknown,
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
        let votes = vec![0; definition.slate.choices()];
        let (state, roll) = (ElectionState::Draft, Roll::default());
        Self { definition, state, roll, added_while_open: 0, votes, ballots: 0 }
    }

    /// Whether votes are taken.
    pub fn state(&self) -> ElectionState {
        self.state
    }

    /// What is being elected.
    pub fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    /// Puts numbers on the roll: all of them or, with an error, none.
    ///
    /// # Errors
    /// Where it is closed, or the numbers are too many, or one is on the roll already or stands twice.
    pub fn issue(&mut self, numbers: Vec<VoterNumber>) -> Result<(), ChangeRefusal> {
        if self.state == ElectionState::Closed {
            return Err(ChangeRefusal::Closed);
        }
        if self.roll.len() + numbers.len() > VOTERS_MAX {
            return Err(ChangeRefusal::RollFull);
        }
        let added = numbers.len() as u64;
        if !self.roll.add(numbers) {
            return Err(ChangeRefusal::NumberTaken);
        }
        if self.state == ElectionState::Open {
            self.added_while_open += added;
        }
        Ok(())
    }

    /// Takes numbers off the roll, before anybody could vote with them: all of them or, with an error,
    /// none.
    ///
    /// # Errors
    /// [`ChangeRefusal::RollFrozen`] once voting has begun, [`ChangeRefusal::NumberUnknown`] for a number that is not on the
    /// roll.
    pub fn revoke(&mut self, numbers: &[VoterNumber]) -> Result<(), ChangeRefusal> {
        if self.state != ElectionState::Draft {
            return Err(ChangeRefusal::RollFrozen);
        }
        if self.roll.remove(numbers) { Ok(()) } else { Err(ChangeRefusal::NumberUnknown) }
    }

    /// Takes back what [`issue`](Self::issue) did, for numbers that could not be stored.
    pub fn unissue(&mut self, numbers: &[VoterNumber]) {
        if self.roll.remove(numbers) && self.state == ElectionState::Open {
            self.added_while_open -= numbers.len() as u64;
        }
    }

    /// Takes back what [`revoke`](Self::revoke) did, where that could not be stored.
    pub fn unrevoke(&mut self, numbers: Vec<VoterNumber>) {
        // They stood on the roll.
        let _ = self.roll.add(numbers);
    }

    /// Begins the voting.
    ///
    /// # Errors
    /// [`ChangeRefusal::AlreadyOpen`] or [`ChangeRefusal::Closed`] where it was opened before.
    pub fn open(&mut self) -> Result<(), ChangeRefusal> {
        match self.state {
            ElectionState::Draft => self.state = ElectionState::Open,
            ElectionState::Open => return Err(ChangeRefusal::AlreadyOpen),
            ElectionState::Closed => return Err(ChangeRefusal::Closed),
        }
        Ok(())
    }

    /// Ends the voting.
    ///
    /// # Errors
    /// [`ChangeRefusal::NotOpen`] before it was opened, [`ChangeRefusal::Closed`] after it was closed.
    pub fn close(&mut self) -> Result<(), ChangeRefusal> {
        match self.state {
            ElectionState::Draft => return Err(ChangeRefusal::NotOpen),
            ElectionState::Open => self.state = ElectionState::Closed,
            ElectionState::Closed => return Err(ChangeRefusal::Closed),
        }
        Ok(())
    }

    /// Takes back what [`open`](Self::open) or [`close`](Self::close) did, where that could not be stored.
    pub fn step_back(&mut self) {
        self.state = match self.state {
            ElectionState::Draft | ElectionState::Open => ElectionState::Draft,
            ElectionState::Closed => ElectionState::Open,
        };
    }

    /// Ends the voting, with what is left of it after the close: the numbers that voted, and the choices
    /// that were made, of which nobody knows any more which belongs to which.
    ///
    /// # Errors
    /// As [`close`](Self::close), and [`ChangeRefusal::Miscounted`] where the two do not fit each other or the roll.
    pub fn close_with(
        &mut self,
        voted: &[VoterNumber],
        choices: &[Choice],
    ) -> Result<(), ChangeRefusal> {
        self.close()?;
        if self.ballots > 0 || voted.len() != choices.len() {
            return Err(ChangeRefusal::Miscounted);
        }
        for &number in voted {
            let place = self.roll.find(number).ok_or(ChangeRefusal::NumberUnknown)?;
            if self.roll.ballot(place).is_some() {
                return Err(ChangeRefusal::Miscounted);
            }
            self.roll.set_ballot(place, BallotNumber::new(1));
        }
        for choice in choices {
            let votes = self.votes.get_mut(choice.index()).ok_or(ChangeRefusal::Miscounted)?;
            *votes += 1;
            self.ballots += 1;
        }
        Ok(())
    }

    /// Decides on a vote that came at `now`, and changes nothing.
    ///
    /// An election whose time has come is closed for votes from that moment on, whether or not anybody has
    /// got round to closing it.
    pub fn judge(&self, number: VoterNumber, choice: Choice, now: Timestamp) -> Verdict {
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
                // A vote that is sent again was in time, whenever it comes again.
                Some(ballot) => Verdict::Voted(ballot),
                None if self.definition.schedule.has_closed(now) => {
                    Verdict::Refuse(Refusal::Closed)
                }
                None => Verdict::Count(place),
            },
        }
    }

    /// Counts a vote that was judged [`Verdict::Count`], as `ballot`.
    pub fn count(&mut self, place: Place, choice: Choice, ballot: BallotNumber) {
        self.roll.set_ballot(place, Some(ballot));
        if let Some(votes) = self.votes.get_mut(choice.index()) {
            *votes += 1;
            self.ballots += 1;
        }
    }

    /// Takes back what [`count`](Self::count) did, for a vote that could not be stored.
    pub fn uncount(&mut self, place: Place, choice: Choice) {
        self.roll.set_ballot(place, None);
        if let Some(votes) = self.votes.get_mut(choice.index()) {
            *votes -= 1;
            self.ballots -= 1;
        }
    }

    /// How many of the numbers on the roll have voted.
    pub fn numbers_used(&self) -> u64 {
        self.roll.voted().len() as u64
    }

    /// What everyone may know.
    pub fn standing(&self) -> Standing {
        Standing {
            definition: self.definition.clone(),
            state: self.state,
            voters: self.roll.len() as u64,
            added_while_open: self.added_while_open,
            ballots: self.ballots,
            votes: self.votes.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::election::Schedule;

    const ADA: usize = 0;
    const GRACE: usize = 1;
    const NOW: Timestamp = Timestamp(1_000);

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
        let verdict = ballot_box.judge(number.into(), choice(index), NOW);
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
    fn whoever_comes_at_the_time_to_close_is_late() {
        let schedule = Schedule { opens: None, closes: Some(NOW) };
        let definition = (**draft().definition()).clone().with_schedule(schedule).unwrap();
        let mut ballot_box = BallotBox::new(Arc::new(definition));
        ballot_box.issue(vec![11.into()]).unwrap();
        ballot_box.open().unwrap();
        let judge = |at| ballot_box.judge(11.into(), choice(ADA), Timestamp(at));
        assert_eq!(judge(NOW.0), Verdict::Refuse(Refusal::Closed));
        assert!(matches!(judge(NOW.0 - 1), Verdict::Count(_)));
    }

    #[test]
    fn a_closed_election_is_what_was_left_of_it() {
        let mut before = open();
        cast(&mut before, 11, GRACE);
        cast(&mut before, 33, GRACE);
        before.close().unwrap();
        assert_eq!(cast(&mut before, 22, ADA), Verdict::Refuse(Refusal::Closed));
        let mut after = open();
        after.close_with(&[33.into(), 11.into()], &[choice(GRACE), choice(GRACE)]).unwrap();
        assert_eq!(after.standing(), before.standing());
        assert_eq!(after.close(), Err(ChangeRefusal::Closed));
        assert_eq!(after.open(), Err(ChangeRefusal::Closed));
        assert_eq!(after.issue(vec![44.into()]), Err(ChangeRefusal::Closed));
        assert_eq!(draft().close(), Err(ChangeRefusal::NotOpen));
    }

    #[test]
    fn numbers_can_be_revoked_before_and_added_after_the_opening() {
        let mut ballot_box = draft();
        assert_eq!(ballot_box.revoke(&[11.into(), 12.into()]), Err(ChangeRefusal::NumberUnknown));
        ballot_box.revoke(&[11.into()]).unwrap();
        ballot_box.issue(vec![44.into()]).unwrap();
        ballot_box.open().unwrap();
        assert_eq!(ballot_box.revoke(&[22.into()]), Err(ChangeRefusal::RollFrozen));
        ballot_box.issue(vec![55.into(), 66.into()]).unwrap();
        let verdict = cast(&mut ballot_box, 11, ADA);
        assert_eq!(verdict, Verdict::Refuse(Refusal::UnknownVoterNumber));
        let standing = ballot_box.standing();
        assert_eq!((standing.voters, standing.added_while_open), (5, 2));
    }

    #[test]
    fn votes_only_while_open_and_only_for_the_slate() {
        assert_eq!(cast(&mut draft(), 11, ADA), Verdict::Refuse(Refusal::NotOpen));
        assert_eq!(cast(&mut open(), 11, 2), Verdict::Refuse(Refusal::UnknownCandidate));
        assert_eq!(open().open(), Err(ChangeRefusal::AlreadyOpen));
    }
}
