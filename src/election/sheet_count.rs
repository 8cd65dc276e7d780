//! Counting a tally sheet, line by line.

use super::count::{Ballots, Count, LotSeedBuilder, count};
use super::{Ballot, Definition, Receipt};

/// The count of an election from the lines of its tally sheet, in their order.
#[derive(Debug)]
pub struct SheetCount {
    ballots: Ballots,
    receipts: LotSeedBuilder,
}

impl SheetCount {
    /// No lines.
    pub fn new(definition: &Definition) -> Self {
        let ballots = Ballots::new(&definition.slate, &definition.rules);
        Self { ballots, receipts: LotSeedBuilder::default() }
    }

    /// Adds the next line.
    pub fn add(&mut self, ballot: &Ballot, receipt: &Receipt) {
        self.ballots.add(ballot);
        self.receipts.add(receipt);
    }

    /// Counts the lines. The roll has so many voter numbers.
    pub fn finish(self, definition: &Definition, roll: u64) -> Count {
        let seed = self.receipts.finish();
        count(&definition.slate, &definition.rules, &self.ballots, roll, &seed)
    }
}
