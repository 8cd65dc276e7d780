//! One election in memory: its state, its roll, and the count.
//!
//! A vote is counted before it is stored: later votes of the same group see it. What cannot be
//! stored is undone.

use std::sync::Arc;

use super::roll::{BallotRow, Roll, RollIndex};
use super::run::Run;
use crate::election::{
    ChangeRefusal, Choice, Count, Definition, ElectionState, Nonce, Origin, Standing, VoterNumber,
};

/// The state of one election, its roll, and its count.
#[derive(Debug)]
pub(super) struct BallotBox {
    definition: Arc<Definition>,
    state: ElectionState,
    /// Empty after the close: see [`forget_roll`](Self::forget_roll).
    roll: Roll,
    /// How many numbers the roll had when it was forgotten, and how many of them had voted.
    forgotten: Option<(u64, u64)>,
    added_while_open: u64,
    count: Count,
    origin: Origin,
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
    pub(super) fn new(definition: Arc<Definition>, origin: Origin) -> Self {
        let count = Count::new(&definition.slate);
        let (state, roll) = (ElectionState::Draft, Roll::default());
        Self { definition, state, roll, forgotten: None, added_while_open: 0, count, origin }
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

    /// Adds a run of numbers to the roll, none of which may be on it.
    ///
    /// # Errors
    /// Those of [`ElectionState::may_issue`].
    pub(super) fn issue(&mut self, run: Run) -> Result<(), ChangeRefusal> {
        let added = run.on_roll;
        self.state.may_issue(self.roll.len(), added)?;
        self.roll.push(run);
        if self.state == ElectionState::Open {
            self.added_while_open += added as u64;
        }
        Ok(())
    }

    /// Whether these numbers, which are in ascending order, may join the roll, with others to make
    /// `added`.
    ///
    /// # Errors
    /// Those of [`ElectionState::may_issue`], and [`ChangeRefusal::NumberTaken`].
    pub(super) fn may_issue(
        &self,
        ascending: &[VoterNumber],
        added: usize,
    ) -> Result<(), ChangeRefusal> {
        self.state.may_issue(self.roll.len(), added)?;
        if self.roll.is_disjoint(ascending) { Ok(()) } else { Err(ChangeRefusal::NumberTaken) }
    }

    /// Of these numbers, those that are on the roll and have not voted.
    pub(super) fn unused(&self, numbers: &[VoterNumber]) -> Vec<VoterNumber> {
        numbers.iter().copied().filter(|&number| self.is_unused(number)).collect()
    }

    fn is_unused(&self, number: VoterNumber) -> bool {
        matches!(self.roll_entry(number), RollEntry::Unused(_))
    }

    /// Takes numbers off the roll that have not voted, all or none; `added` says whether they were
    /// issued while the election was open. Returns `false` if one is not on the roll, or has voted.
    #[must_use]
    pub(super) fn void(&mut self, numbers: &[VoterNumber], added: bool) -> bool {
        let unused = numbers.iter().all(|&number| self.is_unused(number));
        let done = unused && self.roll.remove(numbers);
        if done && added {
            self.added_while_open = self.added_while_open.saturating_sub(numbers.len() as u64);
        }
        done
    }

    /// Merges the runs of the roll a little. Returns whether there is more to merge.
    pub(super) fn settle_step(&mut self) -> bool {
        self.roll.settle_step()
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
    /// Those of [`ElectionState::opened`], and [`ChangeRefusal::Unconfirmed`].
    pub(super) fn open(&mut self) -> Result<(), ChangeRefusal> {
        self.check_confirmed()?;
        self.state = self.state.opened()?;
        Ok(())
    }

    /// Closes the election.
    ///
    /// # Errors
    /// Those of [`ElectionState::closed`], and [`ChangeRefusal::Unconfirmed`].
    pub(super) fn close(&mut self) -> Result<(), ChangeRefusal> {
        self.check_confirmed()?;
        self.state = self.state.closed()?;
        Ok(())
    }

    /// Marks numbers of an open election without ballots as used, as those of a closed one that is
    /// read back. Returns `false` if one is not on the roll, or given twice, or there are ballots.
    #[must_use]
    pub(super) fn mark_voted(&mut self, voted: &[VoterNumber]) -> bool {
        let open = self.state == ElectionState::Open && self.count.ballots() == 0;
        open && voted.iter().all(|&number| match self.roll_entry(number) {
            RollEntry::Unused(at) => {
                self.roll.set_ballot(at, BallotRow::new(1));
                true
            }
            RollEntry::NotOnRoll | RollEntry::Used(_) => false,
        })
    }

    /// Counts a ballot of a closed election that is read back. Returns `false` if no such choice is
    /// on the slate.
    #[must_use]
    pub(super) fn count_choice(&mut self, choice: Choice) -> bool {
        self.count.add_final(choice)
    }

    /// Closes an election that is read back. Returns `false` if it is not open, or there are not as
    /// many ballots as numbers that voted.
    #[must_use]
    pub(super) fn restore_closed(&mut self) -> bool {
        let matches = self.count.ballots() == self.numbers_used();
        let closed = matches && self.close().is_ok();
        self.forget_roll();
        closed
    }

    /// Notes that the election was restored from a backup, in this epoch. It then takes no votes
    /// until it is [confirmed](Self::confirm).
    ///
    /// # Errors
    /// [`ChangeRefusal::Closed`]: a closed election is final.
    pub(super) fn restored(&mut self, epoch: u64) -> Result<(), ChangeRefusal> {
        if self.state == ElectionState::Closed {
            return Err(ChangeRefusal::Closed);
        }
        (self.origin.restored, self.origin.unconfirmed) = (Some(epoch), true);
        Ok(())
    }

    /// Lets a restored election take its course.
    ///
    /// # Errors
    /// [`ChangeRefusal::NothingToConfirm`].
    pub(super) fn confirm(&mut self) -> Result<(), ChangeRefusal> {
        if !self.origin.unconfirmed {
            return Err(ChangeRefusal::NothingToConfirm);
        }
        self.origin.unconfirmed = false;
        Ok(())
    }

    /// Undoes [`confirm`](Self::confirm).
    pub(super) fn unconfirm(&mut self) {
        self.origin.unconfirmed = true;
    }

    /// Whether it was restored, and is not confirmed.
    pub(super) fn is_unconfirmed(&self) -> bool {
        self.origin.unconfirmed
    }

    fn check_confirmed(&self) -> Result<(), ChangeRefusal> {
        if self.origin.unconfirmed { Err(ChangeRefusal::Unconfirmed) } else { Ok(()) }
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

    /// Undoes the last [`issue`](Self::issue).
    pub(super) fn unissue(&mut self) {
        let added = self.roll.pop().map_or(0, |run| run.on_roll);
        if self.state == ElectionState::Open {
            self.added_while_open -= added as u64;
        }
    }

    /// Undoes [`revoke`](Self::revoke).
    pub(super) fn unrevoke(&mut self, numbers: &[VoterNumber]) {
        self.roll.restore(numbers);
    }

    /// Undoes [`open`](Self::open) or [`close`](Self::close).
    pub(super) fn step_back(&mut self) {
        self.state = match self.state {
            ElectionState::Draft | ElectionState::Open => ElectionState::Draft,
            ElectionState::Closed => ElectionState::Open,
        };
    }

    /// The numbers that have voted, in ascending order. Of an election whose roll is not forgotten.
    pub(super) fn voted(&self) -> impl Iterator<Item = VoterNumber> {
        self.roll.voted()
    }

    /// How many numbers the roll has in memory: none after the close.
    pub(super) fn roll_numbers(&self) -> usize {
        self.roll.len()
    }

    /// Forgets the numbers, once the close is stored. Their ballots are in order of arrival, and
    /// would tell who voted when. Votes after the close are answered from the sheet.
    pub(super) fn forget_roll(&mut self) {
        if self.state == ElectionState::Closed && self.forgotten.is_none() {
            self.forgotten = Some((self.voters(), self.numbers_used()));
            self.roll = Roll::default();
        }
    }

    /// How many numbers are on the roll.
    fn voters(&self) -> u64 {
        self.forgotten.map_or(self.roll.len() as u64, |(voters, _)| voters)
    }

    /// How many numbers have voted.
    pub(super) fn numbers_used(&self) -> u64 {
        self.forgotten.map_or(self.roll.used() as u64, |(_, used)| used)
    }

    /// The public state of the election.
    pub(super) fn standing(&self) -> Standing {
        let (definition, voters) = (self.definition.clone(), self.voters());
        Standing::new(definition, self.state, voters, self.added_while_open, self.count.clone())
            .with_origin(self.origin)
    }
}

#[cfg(test)]
mod tests;
