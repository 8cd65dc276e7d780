//! One election in memory: its state, its roll, and the count.
//!
//! A vote is counted before it is stored: later votes of the same group see it. What cannot be
//! stored is undone.

use std::sync::Arc;

use super::roll::{BallotRow, Roll, RollIndex};
use crate::election::{
    ChangeRefusal, Choice, Count, Definition, ElectionState, Nonce, Standing, VoterNumber,
};

/// The state of one election, its roll, and its count.
#[derive(Debug)]
pub(super) struct BallotBox {
    definition: Arc<Definition>,
    state: ElectionState,
    roll: Roll,
    added_while_open: u64,
    count: Count,
}

/// What the roll has under a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RollEntry {
    /// The number is not on the roll.
    NotOnRoll,
    /// It has not voted.
    Unused(RollIndex),
    /// It cast this ballot.
    Used(BallotRow),
}

impl BallotBox {
    /// A draft with an empty roll.
    pub(super) fn new(definition: Arc<Definition>) -> Self {
        let count = Count::new(&definition.slate);
        let (state, roll) = (ElectionState::Draft, Roll::default());
        Self { definition, state, roll, added_while_open: 0, count }
    }

    /// The election's state.
    pub(super) fn state(&self) -> ElectionState {
        self.state
    }

    /// The election's definition.
    pub(super) fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    /// What the roll has under a number.
    pub(super) fn roll_entry(&self, number: VoterNumber) -> RollEntry {
        match self.roll.find(number) {
            None => RollEntry::NotOnRoll,
            Some(at) => self.roll.ballot(at).map_or(RollEntry::Unused(at), RollEntry::Used),
        }
    }

    /// Adds numbers to the roll, all or none.
    ///
    /// # Errors
    /// Those of [`ElectionState::may_issue`], and [`ChangeRefusal::NumberTaken`].
    pub(super) fn issue(&mut self, numbers: Vec<VoterNumber>) -> Result<(), ChangeRefusal> {
        self.state.may_issue(self.roll.len(), numbers.len())?;
        let added = numbers.len() as u64;
        if !self.roll.add(numbers) {
            return Err(ChangeRefusal::NumberTaken);
        }
        if self.state == ElectionState::Open {
            self.added_while_open += added;
        }
        Ok(())
    }

    /// Takes numbers off the roll of a draft, all or none.
    ///
    /// # Errors
    /// [`ChangeRefusal::RollFrozen`] and [`ChangeRefusal::NumberUnknown`].
    pub(super) fn revoke(&mut self, numbers: &[VoterNumber]) -> Result<(), ChangeRefusal> {
        self.state.may_revoke()?;
        if self.roll.remove(numbers) { Ok(()) } else { Err(ChangeRefusal::NumberUnknown) }
    }

    /// Opens the election.
    ///
    /// # Errors
    /// Those of [`ElectionState::opened`].
    pub(super) fn open(&mut self) -> Result<(), ChangeRefusal> {
        self.state = self.state.opened()?;
        Ok(())
    }

    /// Closes the election.
    ///
    /// # Errors
    /// Those of [`ElectionState::closed`].
    pub(super) fn close(&mut self) -> Result<(), ChangeRefusal> {
        self.state = self.state.closed()?;
        Ok(())
    }

    /// Restores a closed election from the numbers that voted and the choices, which are not
    /// paired. Returns `false` if they do not match each other or the roll.
    #[must_use]
    pub(super) fn restore_closed(&mut self, voted: &[VoterNumber], choices: &[Choice]) -> bool {
        let open = self.state == ElectionState::Open && self.count.ballots() == 0;
        if !open || voted.len() != choices.len() {
            return false;
        }
        self.state = ElectionState::Closed;
        let mark = |&number| match self.roll_entry(number) {
            RollEntry::Unused(at) => {
                self.roll.set_ballot(at, BallotRow::new(1));
                true
            }
            RollEntry::NotOnRoll | RollEntry::Used(_) => false,
        };
        voted.iter().all(mark) && choices.iter().all(|&choice| self.count.add_final(choice))
    }

    /// Counts a vote whose verdict is `Count`, as `ballot`.
    pub(super) fn count(&mut self, at: RollIndex, choice: Choice, nonce: Nonce, ballot: BallotRow) {
        self.roll.set_ballot(at, Some(ballot));
        self.count.add(choice, nonce);
    }

    /// Undoes the last [`count`](Self::count), which was at this place of the roll, or one of the
    /// last ones if all of them are undone.
    pub(super) fn uncount(&mut self, at: RollIndex) {
        self.roll.set_ballot(at, None);
        self.count.undo();
    }

    /// Publishes what may be of the count, once every ballot in it is stored.
    pub(super) fn publish(&mut self) {
        self.count.publish(self.definition.publication, self.state);
    }

    /// Undoes [`issue`](Self::issue).
    pub(super) fn unissue(&mut self, numbers: &[VoterNumber]) {
        if self.roll.remove(numbers) && self.state == ElectionState::Open {
            self.added_while_open -= numbers.len() as u64;
        }
    }

    /// Undoes [`revoke`](Self::revoke).
    pub(super) fn unrevoke(&mut self, numbers: Vec<VoterNumber>) {
        // They were on the roll, so none of them is taken.
        let _ = self.roll.add(numbers);
    }

    /// Undoes [`open`](Self::open) or [`close`](Self::close).
    pub(super) fn step_back(&mut self) {
        self.state = match self.state {
            ElectionState::Draft | ElectionState::Open => ElectionState::Draft,
            ElectionState::Closed => ElectionState::Open,
        };
    }

    /// How many numbers have voted.
    pub(super) fn numbers_used(&self) -> u64 {
        self.roll.voted().len() as u64
    }

    /// The public state of the election.
    pub(super) fn standing(&self) -> Standing {
        let (definition, voters) = (self.definition.clone(), self.roll.len() as u64);
        Standing::new(definition, self.state, voters, self.added_while_open, self.count.clone())
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

    /// Counts a vote under a number that has none, as ballot 7.
    fn cast(ballot_box: &mut BallotBox, number: u64, index: usize) -> RollIndex {
        let RollEntry::Unused(at) = ballot_box.roll_entry(number.into()) else {
            panic!("{number} cannot vote")
        };
        ballot_box.count(at, choice(index), [7; 16].into(), BallotRow::new(7).unwrap());
        at
    }

    #[test]
    fn a_counted_vote_is_found_under_its_number() {
        let mut ballot_box = open();
        cast(&mut ballot_box, 11, GRACE);
        let used = RollEntry::Used(BallotRow::new(7).unwrap());
        assert_eq!(ballot_box.roll_entry(11.into()), used);
        for stranger in [0, 12, u64::MAX] {
            assert_eq!(ballot_box.roll_entry(stranger.into()), RollEntry::NotOnRoll);
        }
        let standing = ballot_box.standing();
        assert_eq!((standing.ballots, standing.voters), (1, 3));
        ballot_box.close().unwrap();
        assert_eq!(ballot_box.standing().votes(), Some(&[0, 1][..]));
    }

    #[test]
    fn undoing_a_count_leaves_no_trace() {
        let mut ballot_box = open();
        let before = ballot_box.standing();
        let at = cast(&mut ballot_box, 33, GRACE);
        ballot_box.uncount(at);
        assert_eq!(ballot_box.standing(), before);
        cast(&mut ballot_box, 33, ADA);
    }

    #[test]
    fn a_closed_election_is_restored_from_numbers_and_choices() {
        let mut before = open();
        cast(&mut before, 11, GRACE);
        cast(&mut before, 33, GRACE);
        before.close().unwrap();
        let grace = [choice(GRACE), choice(GRACE)];
        let mut after = open();
        assert!(after.restore_closed(&[33.into(), 11.into()], &grace));
        assert_eq!(after.standing(), before.standing());
        assert!(!after.restore_closed(&[], &[]), "it is closed");
        for voted in [&[11.into()][..], &[11.into(), 11.into()], &[11.into(), 12.into()]] {
            assert!(!open().restore_closed(voted, &grace), "{voted:?}");
        }
        let off_the_slate = [choice(GRACE), choice(2)];
        assert!(!open().restore_closed(&[33.into(), 11.into()], &off_the_slate));
    }

    #[test]
    fn numbers_can_be_revoked_before_and_added_after_the_opening() {
        let mut ballot_box = draft();
        assert_eq!(ballot_box.revoke(&[11.into(), 12.into()]), Err(ChangeRefusal::NumberUnknown));
        ballot_box.revoke(&[11.into()]).unwrap();
        ballot_box.issue(vec![44.into()]).unwrap();
        assert_eq!(ballot_box.issue(vec![44.into()]), Err(ChangeRefusal::NumberTaken));
        ballot_box.open().unwrap();
        assert_eq!(ballot_box.revoke(&[22.into()]), Err(ChangeRefusal::RollFrozen));
        ballot_box.issue(vec![55.into(), 66.into()]).unwrap();
        assert_eq!(ballot_box.roll_entry(11.into()), RollEntry::NotOnRoll);
        let standing = ballot_box.standing();
        assert_eq!((standing.voters, standing.added_while_open), (5, 2));
    }
}
