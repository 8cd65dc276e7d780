//! One election in memory: its state, its roll, and the count.
//!
//! A vote is counted before it is stored: later votes of the same group see it. What cannot be
//! stored is undone.

mod entry;

use std::collections::HashMap;
use std::sync::Arc;

use self::entry::SharedRoll;
pub(super) use self::entry::{Place, RollEntry};
use crate::election::{
    Ballot, ChangeRefusal, Count, Definition, ElectionState, Nonce, Origin, Standing, Tally,
    VoterNumber,
};
use crate::ledger::roll::{BallotRow, Roll};
use crate::ledger::run::Run;

/// The state of one election, its roll, and its count.
#[derive(Debug)]
pub(super) struct BallotBox {
    definition: Arc<Definition>,
    state: ElectionState,
    /// Its own roll. Empty if it shares another's, and after the close, unless others share it: see
    /// [`close_roll`](Self::close_roll).
    roll: Roll,
    /// If it shares a roll: what it knows of it.
    shared: Option<SharedRoll>,
    /// How many numbers were on the roll at the close, and how many of them had voted.
    at_close: Option<(u64, u64)>,
    added_while_open: u64,
    tally: Tally,
    /// How the result came about, after the close.
    count: Option<Arc<Count>>,
    origin: Origin,
}

impl BallotBox {
    /// A draft with an empty roll.
    pub(super) fn new(definition: Arc<Definition>, origin: Origin) -> Self {
        let (tally, count) = (Tally::new(&definition.slate), None);
        let (state, roll) = (ElectionState::Draft, Roll::default());
        let shared = definition.roll.as_ref().map(|_| SharedRoll::default());
        let (at_close, added_while_open) = (None, 0);
        Self { definition, state, roll, shared, at_close, added_while_open, tally, count, origin }
    }

    /// The election's state.
    pub(super) fn state(&self) -> ElectionState {
        self.state
    }

    /// The election's definition.
    pub(super) fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    /// What its own roll has under a number.
    pub(super) fn roll_entry(&self, number: VoterNumber) -> RollEntry {
        match self.roll.find(number) {
            None => RollEntry::NotOnRoll,
            Some(at) => {
                let unused = RollEntry::Unused(Place::OnRoll(at));
                self.roll.ballot(at).map_or(unused, RollEntry::Used)
            }
        }
    }

    /// What the roll that it shares with `owner` has under a number.
    pub(super) fn shared_entry(&self, owner: &Self, number: VoterNumber) -> RollEntry {
        let used = self.shared.as_ref().and_then(|shared| shared.used.get(&number));
        match used {
            Some(&row) => RollEntry::Used(row),
            None if owner.roll.find(number).is_some() => RollEntry::Unused(Place::Shared(number)),
            None => RollEntry::NotOnRoll,
        }
    }

    /// Whether a number of the roll that it shares has voted in it.
    pub(super) fn has_voted(&self, number: VoterNumber) -> bool {
        self.shared.as_ref().is_some_and(|shared| shared.used.contains_key(&number))
    }

    /// Notes how many numbers are on the roll that it shares. After the close that is as it was.
    pub(super) fn note_shared(&mut self, numbers: u64) {
        let Some(shared) = &mut self.shared else { return };
        match self.state {
            ElectionState::Draft => (shared.numbers, shared.at_opening) = (numbers, numbers),
            ElectionState::Open => shared.numbers = numbers,
            ElectionState::Closed => {}
        }
    }

    /// Puts numbers back on a roll that was forgotten at the close, for an election that shares it.
    pub(super) fn remember_roll(&mut self, roll: Roll) {
        self.roll = roll;
    }

    /// Adds a run of numbers to the roll, none of which may be on it.
    ///
    /// # Errors
    /// Those of [`ElectionState::may_issue`].
    pub(super) fn issue(&mut self, run: Run) -> Result<(), ChangeRefusal> {
        let added = run.on_roll;
        self.check_own_roll()?;
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
        self.check_own_roll()?;
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
        self.check_own_roll()?;
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
        let open = self.state == ElectionState::Open && self.tally.ballots() == 0;
        open && voted.iter().all(|&number| match self.roll_entry(number) {
            RollEntry::Unused(at) => {
                self.set_ballot(at, BallotRow::new(1));
                true
            }
            RollEntry::NotOnRoll | RollEntry::Used(_) => false,
        })
    }

    /// Counts a ballot of a closed election that is read back.
    pub(super) fn count_final(&mut self, ballot: &Ballot) {
        self.tally.add_final(ballot);
    }

    /// Closes an election that is read back. Returns `false` if it is not open, or there are not as
    /// many ballots as numbers that voted, or more than numbers on the roll.
    #[must_use]
    pub(super) fn restore_closed(&mut self) -> bool {
        let used = self.numbers_used();
        let matches = self.tally.ballots() == used && used <= self.voters();
        matches && self.close().is_ok()
    }

    /// Takes the tally of the sealed ballots that are marked as used.
    pub(super) fn set_tally(&mut self, tally: Tally) {
        self.tally = tally;
    }

    /// Takes the sealed ballots that are marked as used for ballots that nobody can open.
    pub(super) fn set_unread(&mut self) {
        self.tally.add_unread(self.numbers_used());
    }

    /// Notes how the result came about.
    pub(super) fn set_count(&mut self, count: Count) {
        self.count = Some(Arc::new(count));
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

    fn check_own_roll(&self) -> Result<(), ChangeRefusal> {
        if self.shared.is_some() { Err(ChangeRefusal::SharedRoll) } else { Ok(()) }
    }

    /// Marks a number as used by the sealed ballot of a closed election.
    pub(super) fn mark_used(&mut self, at: Place, row: BallotRow) {
        self.set_ballot(at, Some(row));
    }

    fn set_ballot(&mut self, at: Place, row: Option<BallotRow>) {
        match (at, row, &mut self.shared) {
            (Place::OnRoll(at), row, _) => self.roll.set_ballot(at, row),
            (Place::Shared(number), Some(row), Some(shared)) => {
                shared.used.insert(number, row);
            }
            (Place::Shared(number), None, Some(shared)) => {
                shared.used.remove(&number);
            }
            (Place::Shared(_), _, None) => {}
        }
    }

    /// Counts a vote whose ruling is `Count`, as the ballot in this row.
    pub(super) fn count(&mut self, at: Place, ballot: Ballot, nonce: Nonce, row: BallotRow) {
        self.set_ballot(at, Some(row));
        self.tally.add(ballot, nonce);
    }

    /// Undoes the last [`count`](Self::count), which was at this place of the roll, or one of the
    /// last ones if all of them are undone.
    pub(super) fn uncount(&mut self, at: Place) {
        self.set_ballot(at, None);
        self.tally.undo();
    }

    /// Publishes what may be of the count, once every ballot in it is stored.
    pub(super) fn publish(&mut self) {
        self.tally.publish(self.definition.publication, self.state);
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

    /// How many numbers the roll has in memory: none after the close.
    pub(super) fn roll_numbers(&self) -> usize {
        self.roll.len()
    }

    /// Forgets who voted when, once the close is stored: votes after the close are answered from the
    /// sheet. Forgets the numbers as well, unless other elections share the roll.
    pub(super) fn close_roll(&mut self, is_shared: bool) {
        if self.state != ElectionState::Closed {
            return;
        }
        if self.at_close.is_none() {
            self.at_close = Some((self.voters(), self.numbers_used()));
            self.roll.forget_ballots();
            self.shared =
                self.shared.take().map(|shared| SharedRoll { used: HashMap::new(), ..shared });
        }
        if !is_shared {
            self.roll = Roll::default();
        }
    }

    /// How many numbers are on the roll.
    pub(super) fn voters(&self) -> u64 {
        let open = || self.shared.as_ref().map_or(self.roll.len() as u64, |it| it.numbers);
        self.at_close.map_or_else(open, |(voters, _)| voters)
    }

    /// How many numbers have voted.
    pub(super) fn numbers_used(&self) -> u64 {
        let shared = self.shared.as_ref().map(|shared| shared.used.len() as u64);
        let open = || shared.unwrap_or(self.roll.used() as u64);
        self.at_close.map_or_else(open, |(_, used)| used)
    }

    /// How many numbers were put on the roll after the opening.
    fn added_while_open(&self) -> u64 {
        match &self.shared {
            Some(shared) => shared.numbers.saturating_sub(shared.at_opening),
            None => self.added_while_open,
        }
    }

    /// The public state of the election.
    pub(super) fn standing(&self) -> Standing {
        let (definition, voters) = (self.definition.clone(), self.voters());
        Standing::new(definition, self.state, voters, self.added_while_open(), self.tally.clone())
            .with_origin(self.origin)
            .with_count(self.count.clone())
    }
}

#[cfg(test)]
mod tests;
