//! Equal ballots together: records of one length, each with how many there are of it.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

/// The records in a block. A block never moves once it is full, so that memory grows by a block.
const BLOCK_RECORDS: usize = 8_192;

/// Different records of one length, in the order in which they were first added.
///
/// Most ballots of a large ranked election are the only ones of their kind. So a record costs its
/// bytes, its number, and a place in a table.
#[derive(Debug, Clone)]
pub(super) struct Groups {
    width: usize,
    blocks: Vec<Vec<u8>>,
    numbers: Vec<u64>,
    table: HashTable<u32>,
    hasher: RandomState,
}

impl Groups {
    /// No records. Each will have `width` bytes, and at least one.
    pub(super) fn new(width: usize) -> Self {
        Self {
            width: width.max(1),
            blocks: Vec::new(),
            numbers: Vec::new(),
            table: HashTable::new(),
            hasher: RandomState::new(),
        }
    }

    /// Adds this many of a record.
    pub(super) fn add(&mut self, record: &[u8], number: u64) {
        let Self { width, blocks, numbers, table, hasher } = self;
        debug_assert_eq!(record.len(), *width);
        let hash = hasher.hash_one(record);
        let is_it = |&group: &u32| self::record(blocks, *width, group) == record;
        if let Some(&group) = table.find(hash, is_it) {
            if let Some(all) = numbers.get_mut(group as usize) {
                *all += number;
            }
            return;
        }
        let group = numbers.len() as u32;
        if numbers.len().is_multiple_of(BLOCK_RECORDS) {
            // The first block grows as it is filled: most elections are small.
            let capacity = if blocks.is_empty() { 0 } else { *width * BLOCK_RECORDS };
            blocks.push(Vec::with_capacity(capacity));
        }
        if let Some(block) = blocks.last_mut() {
            block.extend_from_slice(record);
        }
        numbers.push(number);
        let hash_again = |&group: &u32| hasher.hash_one(self::record(blocks, *width, group));
        table.insert_unique(hash, group, hash_again);
    }

    /// How many different records there are.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// The record of this group; empty if there is none.
    pub(super) fn record(&self, group: u32) -> &[u8] {
        record(&self.blocks, self.width, group)
    }

    /// How many there are of this group's record.
    pub(super) fn number(&self, group: u32) -> u64 {
        self.numbers.get(group as usize).copied().unwrap_or_default()
    }

    /// Each record with how many there are of it.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], u64)> {
        let records = self.blocks.iter().flat_map(|block| block.chunks_exact(self.width));
        records.zip(self.numbers.iter().copied())
    }
}

fn record(blocks: &[Vec<u8>], width: usize, group: u32) -> &[u8] {
    let (block, place) = (group as usize / BLOCK_RECORDS, group as usize % BLOCK_RECORDS);
    let block = blocks.get(block).map(Vec::as_slice).unwrap_or_default();
    block.get(place * width..(place + 1) * width).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_records_are_one_group_across_blocks() {
        let mut groups = Groups::new(2);
        let records = BLOCK_RECORDS as u16 * 2 + 3;
        for round in 1..=3 {
            (0..records).for_each(|record| groups.add(&record.to_le_bytes(), round));
        }
        assert_eq!(groups.len(), usize::from(records));
        for (group, (record, number)) in groups.iter().enumerate() {
            assert_eq!((record, number), (&(group as u16).to_le_bytes()[..], 6));
            assert_eq!(groups.record(group as u32), record);
            assert_eq!(groups.number(group as u32), 6);
        }
        assert_eq!(groups.record(u32::from(records)), b"");
    }
}
