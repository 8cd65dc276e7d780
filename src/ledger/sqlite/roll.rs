//! The roll in memory: every voter number of an election, and the ballot cast under it.

use std::num::NonZeroU32;

use crate::election::VoterNumber;

/// The id of a row in the table of ballots: from 1, over all elections of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BallotRow(NonZeroU32);

impl BallotRow {
    /// The row `number`, unless it is 0 or beyond 32 bits.
    pub fn new(number: u64) -> Option<Self> {
        u32::try_from(number).ok().and_then(NonZeroU32::new).map(Self)
    }

    /// The number as an integer.
    pub fn get(self) -> u64 {
        u64::from(self.0.get())
    }
}

/// The voter numbers of one election, each with the ballot cast under it: 12 bytes a number.
///
/// The numbers are sorted in runs, each at least twice as long as the next. A lookup is one binary
/// search in each run; adding n numbers moves each O(log n) times.
#[derive(Debug, Default)]
pub struct Roll {
    runs: Vec<Run>,
}

/// The position of a number on a roll. Valid until numbers are added or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollIndex {
    run: usize,
    index: usize,
}

#[derive(Debug)]
struct Run {
    numbers: Vec<VoterNumber>,
    ballots: Vec<Option<BallotRow>>,
}

impl Roll {
    /// How many numbers are on the roll.
    pub fn len(&self) -> usize {
        self.runs.iter().map(|run| run.numbers.len()).sum()
    }

    /// Whether it has no numbers.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The position of this number, if it is on the roll.
    pub fn find(&self, number: VoterNumber) -> Option<RollIndex> {
        let search =
            |(run, it): (usize, &Run)| it.find(number).map(|index| RollIndex { run, index });
        self.runs.iter().enumerate().find_map(search)
    }

    /// The ballot cast under the number at this position, if there is one.
    pub fn ballot(&self, at: RollIndex) -> Option<BallotRow> {
        *self.runs.get(at.run)?.ballots.get(at.index)?
    }

    /// Sets or clears the ballot cast under the number at this position.
    pub fn set_ballot(&mut self, at: RollIndex, ballot: Option<BallotRow>) {
        let run = self.runs.get_mut(at.run);
        if let Some(slot) = run.and_then(|run| run.ballots.get_mut(at.index)) {
            *slot = ballot;
        }
    }

    /// Adds these numbers. If one is on the roll already or given twice, adds none and returns
    /// `false`.
    #[must_use]
    pub fn add(&mut self, mut numbers: Vec<VoterNumber>) -> bool {
        numbers.sort_unstable();
        let twice = !numbers.is_sorted_by(|a, b| a < b);
        if twice || numbers.iter().any(|&number| self.find(number).is_some()) {
            return false;
        }
        if numbers.is_empty() {
            return true;
        }
        let mut newest = Run { ballots: vec![None; numbers.len()], numbers };
        while let Some(older) =
            self.runs.pop_if(|older| older.numbers.len() < 2 * newest.numbers.len())
        {
            newest = Run::merge(older, newest);
        }
        self.runs.push(newest);
        true
    }

    /// Removes these numbers. If one is not on the roll, or given twice, removes none and returns
    /// `false`.
    #[must_use]
    pub fn remove(&mut self, numbers: &[VoterNumber]) -> bool {
        let mut removed = numbers.to_vec();
        removed.sort_unstable();
        let twice = !removed.is_sorted_by(|a, b| a < b);
        if twice || removed.iter().any(|&number| self.find(number).is_none()) {
            return false;
        }
        let kept = |run: Run| {
            let entries = run.numbers.into_iter().zip(run.ballots);
            let (numbers, ballots) =
                entries.filter(|(number, _)| removed.binary_search(number).is_err()).unzip();
            Run { numbers, ballots }
        };
        self.runs = std::mem::take(&mut self.runs).into_iter().map(kept).collect();
        self.runs.retain(|run| !run.numbers.is_empty());
        true
    }

    /// The numbers that have voted, in ascending order, which does not reveal when.
    pub fn voted(&self) -> Vec<VoterNumber> {
        let entries = self.runs.iter().flat_map(|run| run.numbers.iter().zip(&run.ballots));
        let mut voted: Vec<_> =
            entries.filter(|(_, ballot)| ballot.is_some()).map(|(&number, _)| number).collect();
        voted.sort_unstable();
        voted
    }
}

impl Run {
    /// The index of a number.
    fn find(&self, number: VoterNumber) -> Option<usize> {
        self.numbers.binary_search(&number).ok()
    }

    fn merge(left: Self, right: Self) -> Self {
        let length = left.numbers.len() + right.numbers.len();
        let mut merged =
            Self { numbers: Vec::with_capacity(length), ballots: Vec::with_capacity(length) };
        let mut right = right.numbers.into_iter().zip(right.ballots).peekable();
        for (number, ballot) in left.numbers.into_iter().zip(left.ballots) {
            while let Some(entry) = right.next_if(|&(other, _)| other < number) {
                merged.push(entry);
            }
            merged.push((number, ballot));
        }
        right.for_each(|entry| merged.push(entry));
        merged
    }

    fn push(&mut self, (number, ballot): (VoterNumber, Option<BallotRow>)) {
        self.numbers.push(number);
        self.ballots.push(ballot);
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
}
