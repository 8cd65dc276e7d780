//! A run of a roll: voter numbers in ascending order, in blocks that can be moved one at a time.

use std::collections::VecDeque;

use super::roll::{BallotRow, OFF};
use crate::election::VoterNumber;

/// Numbers in a block: what one step of a merge moves.
const BLOCK_NUMBERS: usize = 16_384;

/// How far the place of a number among even ones is from its estimate, nearly always: an estimate
/// from a number `d` places away is off by about the root of `d`, which is 8 in most blocks.
const ESTIMATE_ERROR: usize = 16;

/// The estimates of a place, each from the number at the one before.
const ESTIMATES: usize = 2;

/// Voter numbers in ascending order, each with the ballot cast under it.
#[derive(Debug, Default)]
pub struct Run {
    pub(super) blocks: VecDeque<Block>,
    /// The numbers in it, and how many of them are on the roll.
    pub(super) numbers: usize,
    pub(super) on_roll: usize,
}

#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) numbers: Vec<VoterNumber>,
    pub(super) ballots: Vec<Option<BallotRow>>,
}

impl Run {
    /// These numbers without ballots, or `None` if one is given twice.
    pub fn sorted(mut numbers: Vec<VoterNumber>) -> Option<Self> {
        numbers.sort_unstable();
        let mut run = Self::default();
        run.extend(&numbers).then_some(run)
    }

    /// Adds numbers without ballots. Returns `false` if they are not in ascending order, and all
    /// greater than those before; the run is of no use then.
    #[must_use]
    pub fn extend(&mut self, ascending: &[VoterNumber]) -> bool {
        let after = |last: &Block| last.numbers.last() < ascending.first();
        let fits = ascending.is_empty() || self.blocks.back().is_none_or(after);
        for numbers in ascending.chunks(BLOCK_NUMBERS) {
            self.append(Block { ballots: vec![None; numbers.len()], numbers: numbers.to_vec() });
        }
        fits && ascending.is_sorted_by(|a, b| a < b)
    }

    /// Its numbers, in ascending order.
    pub fn blocks(&self) -> impl Iterator<Item = &[VoterNumber]> {
        self.blocks.iter().map(|block| &block.numbers[..])
    }

    /// The block and the index in it of a number.
    pub(super) fn find(&self, number: VoterNumber) -> Option<(usize, usize)> {
        let block = self.block_of(number)?;
        let index = position(&self.blocks.get(block)?.numbers, number)?;
        Some((block, index))
    }

    /// The only block that can have this number.
    fn block_of(&self, number: VoterNumber) -> Option<usize> {
        let before = |block: &Block| block.numbers.first().is_some_and(|&first| first <= number);
        self.blocks.partition_point(before).checked_sub(1)
    }

    /// Whether none of these numbers, which are in ascending order, is in it and on the roll.
    pub(super) fn is_disjoint(&self, ascending: &[VoterNumber]) -> bool {
        let Some(first) = ascending.first() else { return true };
        let mut at = self.block_of(*first).unwrap_or(0);
        ascending.iter().all(|&number| {
            let begins = |index: usize| self.blocks.get(index)?.numbers.first().copied();
            while begins(at + 1).is_some_and(|first| first <= number) {
                at += 1;
            }
            let Some(block) = self.blocks.get(at) else { return true };
            let found = block.numbers.binary_search(&number);
            found.map_or(true, |index| block.ballots.get(index) == Some(&Some(OFF)))
        })
    }

    /// Adds a block at the end, whose numbers are greater than those before.
    pub(super) fn append(&mut self, mut block: Block) {
        self.numbers += block.numbers.len();
        self.on_roll += block.on_roll();
        match self.blocks.back_mut() {
            Some(last) if last.numbers.len() + block.numbers.len() <= BLOCK_NUMBERS => {
                last.numbers.append(&mut block.numbers);
                last.ballots.append(&mut block.ballots);
            }
            _ if block.numbers.is_empty() => {}
            _ => self.blocks.push_back(block),
        }
    }

    /// Takes the first block.
    pub(super) fn pop_front(&mut self) -> Option<Block> {
        let block = self.blocks.pop_front()?;
        self.numbers -= block.numbers.len();
        self.on_roll -= block.on_roll();
        Some(block)
    }

    fn push_front(&mut self, block: Block) {
        if !block.numbers.is_empty() {
            self.numbers += block.numbers.len();
            self.on_roll += block.on_roll();
            self.blocks.push_front(block);
        }
    }
}

impl Block {
    fn on_roll(&self) -> usize {
        self.ballots.iter().filter(|slot| **slot != Some(OFF)).count()
    }

    /// Splits off the numbers greater than `bound`.
    fn split_off(&mut self, bound: VoterNumber) -> Self {
        let at = self.numbers.partition_point(|&number| number <= bound);
        Self { numbers: self.numbers.split_off(at), ballots: self.ballots.split_off(at) }
    }

    fn entries(self) -> impl Iterator<Item = (VoterNumber, Option<BallotRow>)> {
        self.numbers.into_iter().zip(self.ballots)
    }
}

/// The index of a number among numbers in ascending order.
///
/// Servers draw numbers evenly, so their places can be estimated: by interpolation between the first
/// and the last, and then from the number that is found there. The search goes on around that place,
/// wider each time, until it has the number's. A binary search of a large roll would spend its time
/// waiting for memory.
fn position(ascending: &[VoterNumber], number: VoterNumber) -> Option<usize> {
    let (first, last) = (ascending.first()?.get(), ascending.last()?.get());
    let (into, end) = (number.get().checked_sub(first)?, ascending.len() - 1);
    let density = end as f64 / last.checked_sub(first)?.max(1) as f64;
    let mut estimate = ((into as f64 * density) as usize).min(end);
    for _ in 0..ESTIMATES {
        let found = ascending.get(estimate)?.get();
        let off = (found.abs_diff(number.get()) as f64 * density) as usize;
        estimate = match found < number.get() {
            true => estimate.saturating_add(off).min(end),
            false => estimate.saturating_sub(off),
        };
    }
    let mut reach = ESTIMATE_ERROR;
    loop {
        let (from, to) = (estimate.saturating_sub(reach), estimate.saturating_add(reach));
        let begins = from == 0 || ascending.get(from).is_none_or(|&it| it <= number);
        let ends = ascending.get(to).is_none_or(|&it| it > number);
        if begins && ends {
            let part = ascending.get(from..to.min(ascending.len()))?;
            return part.binary_search(&number).ok().map(|index| from + index);
        }
        reach *= 4;
    }
}

/// Moves the first numbers of two runs, about a block, to the end of a third, without those that
/// are off the roll. Returns `false` if both are empty.
pub(super) fn merge_step(left: &mut Run, right: &mut Run, merged: &mut Run) -> bool {
    let (mut one, mut other) = match (left.pop_front(), right.pop_front()) {
        (None, None) => return false,
        (Some(only), None) | (None, Some(only)) => (only, Block::default()),
        (Some(one), Some(other)) => (one, other),
    };
    if let (Some(&a), Some(&b)) = (one.numbers.last(), other.numbers.last()) {
        let bound = a.min(b);
        left.push_front(one.split_off(bound));
        right.push_front(other.split_off(bound));
    }
    let mut block = Block::default();
    block.numbers.reserve_exact(one.numbers.len() + other.numbers.len());
    block.ballots.reserve_exact(one.numbers.len() + other.numbers.len());
    let mut push = |(number, slot): (VoterNumber, Option<BallotRow>)| {
        if slot != Some(OFF) {
            block.numbers.push(number);
            block.ballots.push(slot);
        }
    };
    let mut other = other.entries().peekable();
    for entry in one.entries() {
        while let Some(before) = other.next_if(|before| before.0 < entry.0) {
            push(before);
        }
        push(entry);
    }
    other.for_each(push);
    if block.numbers.len() > BLOCK_NUMBERS {
        let rest = Block {
            numbers: block.numbers.split_off(BLOCK_NUMBERS),
            ballots: block.ballots.split_off(BLOCK_NUMBERS),
        };
        block.numbers.shrink_to_fit();
        block.ballots.shrink_to_fit();
        merged.append(block);
        merged.append(rest);
    } else {
        merged.append(block);
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_number_is_found_where_a_binary_search_finds_it(
            even in prop::collection::btree_set(any::<u64>(), 0..4_000),
            dense in any::<u64>(),
            shift in 0..64_u32,
            asked in any::<u64>(),
        ) {
            // Even ones, ones that crowd at one end, and ones in a row.
            let crowded = even.iter().map(|it| it >> (it % u64::from(shift + 1)));
            let row = (dense..).take(even.len());
            for mut numbers in [Vec::from_iter(even.clone()), crowded.collect(), row.collect()] {
                numbers.sort_unstable();
                numbers.dedup();
                let numbers: Vec<_> = numbers.into_iter().map(VoterNumber::from).collect();
                let near = numbers.iter().flat_map(|it| [it.get().wrapping_sub(1), it.get()]);
                let others = [asked, 0, 1, u64::MAX];
                for number in near.chain(others).map(VoterNumber::from) {
                    prop_assert_eq!(position(&numbers, number), numbers.binary_search(&number).ok());
                }
            }
        }
    }
}
