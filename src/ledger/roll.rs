//! The roll in memory: every voter number of an election, and the ballot cast under it.

use std::num::NonZeroU32;

use super::run::{Run, merge_step};
use crate::election::VoterNumber;

/// The id of a row in the table of ballots: from 1, over all elections of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BallotRow(NonZeroU32);

/// In the place of a ballot: the number was taken off the roll.
pub(super) const OFF: BallotRow = BallotRow(NonZeroU32::MAX);

impl BallotRow {
    /// The row `number`, unless it is 0 or beyond 32 bits.
    pub fn new(number: u64) -> Option<Self> {
        let row = u32::try_from(number).ok().and_then(NonZeroU32::new).map(Self);
        row.filter(|row| *row != OFF)
    }

    /// The number as an integer.
    pub fn get(self) -> u64 {
        u64::from(self.0.get())
    }
}

/// The voter numbers of one election, each with the ballot cast under it: 12 bytes a number,
/// besides room that is not used.
///
/// The numbers are sorted in runs. A lookup is one search in each. Numbers join as a run of
/// their own, and leave as a mark. [`settle_step`](Self::settle_step) merges the runs a block at a
/// time, until each is at least twice as long as the next and a quarter of it at most is marked.
#[derive(Debug, Default)]
pub struct Roll {
    runs: Vec<Run>,
    /// The index of a run that is being merged with the next, into the one after that.
    merging: Option<usize>,
    used: usize,
}

/// The position of a number on a roll. Valid until numbers are added or removed, or runs merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollIndex {
    run: usize,
    block: usize,
    index: usize,
}

impl Roll {
    /// How many numbers are on the roll.
    pub fn len(&self) -> usize {
        self.runs.iter().map(|run| run.on_roll).sum()
    }

    /// Whether it has no numbers.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many of its numbers have voted.
    pub fn used(&self) -> usize {
        self.used
    }

    /// The position of this number, if it is on the roll.
    pub fn find(&self, number: VoterNumber) -> Option<RollIndex> {
        self.places(number).find(|&at| self.slot(at).is_some_and(|slot| slot != Some(OFF)))
    }

    /// The ballot cast under the number at this position, if there is one.
    pub fn ballot(&self, at: RollIndex) -> Option<BallotRow> {
        self.slot(at).flatten()
    }

    /// Sets or clears the ballot cast under the number at this position.
    pub fn set_ballot(&mut self, at: RollIndex, ballot: Option<BallotRow>) {
        if let Some(slot) = self.slot_mut(at) {
            let before = std::mem::replace(slot, ballot);
            self.used = self.used + usize::from(ballot.is_some()) - usize::from(before.is_some());
        }
    }

    /// Whether none of these numbers, which are in ascending order, is on the roll.
    pub fn is_disjoint(&self, ascending: &[VoterNumber]) -> bool {
        self.runs.iter().all(|run| run.is_disjoint(ascending))
    }

    /// Adds a run of numbers. None of them may be on the roll.
    pub fn push(&mut self, run: Run) {
        self.runs.push(run);
    }

    /// Undoes the last [`push`](Self::push), if nothing was settled since.
    pub fn pop(&mut self) -> Option<Run> {
        self.runs.pop()
    }

    /// Adds these numbers. If one is on the roll already or given twice, adds none and returns
    /// `false`.
    #[must_use]
    pub fn add(&mut self, numbers: Vec<VoterNumber>) -> bool {
        let Some(run) = Run::sorted(numbers) else { return false };
        let added = run.blocks().all(|numbers| self.is_disjoint(numbers));
        if added {
            self.push(run);
            self.settle();
        }
        added
    }

    /// Removes these numbers. If one is not on the roll, or given twice, removes none and returns
    /// `false`.
    #[must_use]
    pub fn remove(&mut self, numbers: &[VoterNumber]) -> bool {
        for (index, &number) in numbers.iter().enumerate() {
            let Some(at) = self.find(number) else {
                let removed = numbers.get(..index).unwrap_or_default();
                self.restore(removed);
                return false;
            };
            self.mark(at);
        }
        true
    }

    /// Undoes [`remove`](Self::remove) of numbers that had not voted, if nothing was settled since.
    pub fn restore(&mut self, numbers: &[VoterNumber]) {
        for &number in numbers {
            // The last: an earlier run may have it from before it was issued again.
            let off = self.places(number).filter(|&at| self.slot(at) == Some(Some(OFF))).last();
            let Some(at) = off else { continue };
            if let Some(slot) = self.slot_mut(at) {
                *slot = None;
            }
            if let Some(run) = self.runs.get_mut(at.run) {
                run.on_roll += 1;
            }
        }
    }

    /// Forgets the ballots cast under its numbers.
    pub fn forget_ballots(&mut self) {
        let slots = self.runs.iter_mut().flat_map(|run| &mut run.blocks);
        for slot in slots.flat_map(|block| &mut block.ballots) {
            *slot = slot.filter(|&row| row == OFF);
        }
        self.used = 0;
    }

    /// Merges runs by about a block. Returns whether there is more to merge.
    pub fn settle_step(&mut self) -> bool {
        let Some(at) = self.merging.or_else(|| self.begin_merge()) else { return false };
        let parts = at.checked_add(3).and_then(|end| self.runs.get_mut(at..end));
        let Some([left, right, merged]) = parts else { return false };
        if !merge_step(left, right, merged) {
            self.runs.drain(at..at + 2);
            self.merging = None;
        }
        true
    }

    /// Merges runs as far as they have to be.
    pub fn settle(&mut self) {
        while self.settle_step() {}
    }

    /// Begins the next merge, if one is due, and returns its index.
    fn begin_merge(&mut self) -> Option<usize> {
        self.runs.retain(|run| run.on_roll > 0);
        let pairs = self.runs.iter().zip(self.runs.iter().skip(1));
        let close = |(_, (older, newer)): &(usize, (&Run, &Run))| older.numbers < 2 * newer.numbers;
        // The last pair first: the newest runs are the shortest.
        let pair = pairs.enumerate().rfind(close).map(|(index, _)| index);
        let sparse = |run: &Run| run.on_roll < run.numbers / 4 * 3;
        let at = pair.or_else(|| {
            let at = self.runs.iter().position(sparse)?;
            self.runs.insert(at + 1, Run::default());
            Some(at)
        })?;
        self.runs.insert(at + 2, Run::default());
        self.merging = Some(at);
        Some(at)
    }

    /// The positions of this number, on the roll or off it.
    fn places(&self, number: VoterNumber) -> impl Iterator<Item = RollIndex> {
        self.runs.iter().enumerate().filter_map(move |(run, it)| {
            let (block, index) = it.find(number)?;
            Some(RollIndex { run, block, index })
        })
    }

    /// Takes the number at this position off the roll.
    fn mark(&mut self, at: RollIndex) {
        self.set_ballot(at, None);
        if let Some(slot) = self.slot_mut(at) {
            *slot = Some(OFF);
        }
        if let Some(run) = self.runs.get_mut(at.run) {
            run.on_roll -= 1;
        }
    }

    fn slot(&self, at: RollIndex) -> Option<Option<BallotRow>> {
        self.runs.get(at.run)?.blocks.get(at.block)?.ballots.get(at.index).copied()
    }

    fn slot_mut(&mut self, at: RollIndex) -> Option<&mut Option<BallotRow>> {
        self.runs.get_mut(at.run)?.blocks.get_mut(at.block)?.ballots.get_mut(at.index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(of: impl IntoIterator<Item = u64>) -> Vec<VoterNumber> {
        of.into_iter().map(VoterNumber::from).collect()
    }

    /// Pseudorandom numbers. The multiplier is odd, so all differ.
    fn scattered(range: std::ops::Range<u64>) -> Vec<VoterNumber> {
        numbers(range.map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
    }

    #[test]
    fn every_number_is_found_and_no_other() {
        for spread in [scattered(1..5_000), numbers(1..5_000), numbers(u64::MAX - 4_999..u64::MAX)]
        {
            let mut roll = Roll::default();
            for part in spread.chunks(613) {
                assert!(roll.add(part.to_vec()));
            }
            assert_eq!(roll.len(), spread.len());
            for &number in &spread {
                assert!(roll.find(number).is_some());
            }
            for absent in [0, u64::MAX, 6_000, 1 << 63] {
                assert_eq!(roll.find(absent.into()), None);
            }
        }
    }

    #[test]
    fn ballots_stay_with_their_numbers_when_the_roll_grows() {
        let mut roll = Roll::default();
        let all = scattered(1..2_000);
        for (step, part) in all.chunks(100).enumerate() {
            assert!(roll.add(part.to_vec()));
            let place = roll.find(part[step]).unwrap();
            roll.set_ballot(place, BallotRow::new(step as u64 + 1));
        }
        for (step, part) in all.chunks(100).enumerate() {
            for (index, &number) in part.iter().enumerate() {
                let ballot = roll.ballot(roll.find(number).unwrap()).map(BallotRow::get);
                assert_eq!(ballot, (index == step).then_some(step as u64 + 1));
            }
        }
    }

    #[test]
    fn numbers_leave_the_roll_all_or_none() {
        let mut roll = Roll::default();
        assert!(roll.add(scattered(1..100)) && roll.add(numbers([3, 1, 2])));
        assert!(!roll.remove(&numbers([1, 4])) && !roll.remove(&numbers([1, 1])));
        assert_eq!(roll.len(), 102);
        assert!(roll.remove(&numbers([3, 1, 2])));
        assert_eq!((roll.len(), roll.find(2.into())), (99, None));
        assert!(roll.remove(&scattered(1..100)) && roll.is_empty());
    }

    #[test]
    fn a_number_is_on_the_roll_once() {
        let mut roll = Roll::default();
        assert!(roll.add(numbers([3, 1, 2])));
        assert!(!roll.add(numbers([5, 2])));
        assert!(!roll.add(numbers([7, 7])));
        assert_eq!(roll.len(), 3);
        assert_eq!(roll.find(5.into()), None);
    }

    #[test]
    fn a_merge_in_progress_hides_no_number_and_no_ballot() {
        let mut roll = Roll::default();
        let all = scattered(1..100_000);
        let (left, right) = all.split_at(60_000);
        for part in [left, right] {
            let run = Run::sorted(part.to_vec()).unwrap();
            assert!(run.blocks().all(|numbers| roll.is_disjoint(numbers)));
            roll.push(run);
        }
        let (voted, gone) = (left[7], &right[1_000..9_000]);
        let mut steps = 0;
        while roll.settle_step() {
            steps += 1;
            if steps == 2 {
                roll.set_ballot(roll.find(voted).unwrap(), BallotRow::new(5));
                assert!(roll.remove(gone));
            }
            assert!(all.iter().step_by(997).all(|&number| {
                roll.find(number).is_some() != (steps >= 2 && gone.contains(&number))
            }));
            assert!(!roll.is_disjoint(&[all[0].min(all[3]), all[0].max(all[3])]));
        }
        assert!(steps > 6, "it is merged block by block");
        assert_eq!((roll.len(), roll.used()), (91_999, 1));
        assert_eq!(roll.ballot(roll.find(voted).unwrap()), BallotRow::new(5));
        roll.forget_ballots();
        assert_eq!((roll.len(), roll.used()), (91_999, 0));
        assert_eq!(roll.ballot(roll.find(voted).unwrap()), None);
        assert!(roll.add(gone.to_vec()), "they are off the roll");
        assert_eq!(roll.len(), 99_999);
    }

    #[test]
    fn numbers_that_left_take_little_memory() {
        let mut roll = Roll::default();
        let all = scattered(1..100_000);
        assert!(roll.add(all.clone()) && roll.remove(&all[..60_000]));
        roll.settle();
        assert_eq!(roll.runs.iter().map(|run| run.numbers).sum::<usize>(), 39_999);
        assert!(roll.remove(&all[60_000..]));
        roll.settle();
        assert!(roll.runs.is_empty());
    }

    #[test]
    fn what_is_undone_leaves_no_trace() {
        let mut roll = Roll::default();
        assert!(roll.add(scattered(1..1_000)));
        roll.push(Run::sorted(numbers([5, 6])).unwrap());
        assert!(roll.remove(&numbers([5])));
        roll.restore(&numbers([5]));
        assert!(roll.find(5.into()).is_some());
        roll.pop();
        assert_eq!((roll.len(), roll.find(5.into())), (999, None));
    }
}
