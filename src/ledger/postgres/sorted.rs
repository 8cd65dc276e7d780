//! Opened ballots in the order of their receipts, on a thread for long work.

use std::ops::Range;
use std::sync::Arc;

use super::connection::Fault;
use super::public::Election;
use super::sheet::{Counting, PART_LINES, line_bytes, receipt};
use crate::election::{Definition, Receipt, VoterNumber};
use crate::ledger::keys::BallotKey;

/// What the place of an opened ballot takes.
pub(super) const PLACE_BYTES: usize = 8;

/// Opened ballots.
#[derive(Default)]
pub(super) struct Opened {
    /// Where each line is, behind the first 32 bits of its receipt. Sorted before lines are taken.
    pub(super) places: Vec<u64>,
    /// The lines, in the order in which they were opened.
    lines: Vec<u8>,
    /// The places whose lines were taken.
    taken: usize,
}

/// A sheet that is made row by row.
pub(super) struct Sheet {
    definition: Arc<Definition>,
    pub(super) counting: Counting,
    /// Lines in order that are in no row yet.
    pub(super) lines: Vec<u8>,
    bytes: usize,
}

impl Opened {
    /// Opens a ballot, and adds it if its receipt begins in `range`.
    pub(super) fn add(
        &mut self,
        definition: &Definition,
        key: &mut BallotKey,
        (number, sealed): (VoterNumber, &[u8]),
        range: &Range<u64>,
    ) -> Result<(), Fault> {
        let mut bytes = sealed.to_vec();
        if !key.open(number, &mut bytes) {
            return Err(Fault::damaged("a ballot was not sealed with the key of its election"));
        }
        let first = first_bits(&receipt(definition, &bytes)?);
        if range.contains(&first) {
            self.places.push(first << 32 | self.places.len() as u64);
            self.lines.extend(&bytes);
        }
        Ok(())
    }

    /// The next lines whose receipts begin with the same bits, in their order. None at the end.
    fn next(&mut self, definition: &Definition, bytes: usize) -> Result<Vec<&[u8]>, Fault> {
        let rest = self.places.get(self.taken..).unwrap_or_default();
        let same = rest.chunk_by(|a, b| a >> 32 == b >> 32).next().unwrap_or_default();
        let mut lines = Vec::with_capacity(same.len());
        for place in same {
            let begins = (place & u64::from(u32::MAX)) as usize * bytes;
            let stored = self.lines.get(begins..begins + bytes);
            let stored = stored.ok_or_else(|| Fault::damaged("a ballot is too short"))?;
            lines.push((receipt(definition, stored)?, stored));
        }
        lines.sort_unstable();
        self.taken += lines.len();
        Ok(lines.into_iter().map(|(_, stored)| stored).collect())
    }
}

impl Sheet {
    pub(super) fn new(election: &Election) -> Self {
        let definition = election.definition.clone();
        let (counting, bytes) = (Counting::new(&definition), line_bytes(&definition));
        Self { definition, counting, lines: Vec::new(), bytes }
    }

    /// The next whole row; `None` if `opened` has no lines for one any more, which the next has.
    pub(super) fn take_row(&mut self, opened: &mut Opened) -> Result<Option<Vec<u8>>, Fault> {
        let row = PART_LINES * self.bytes;
        while self.lines.len() < row {
            let same = opened.next(&self.definition, self.bytes)?;
            if same.is_empty() {
                return Ok(None);
            }
            for stored in same {
                self.counting.add(stored)?;
                self.lines.extend(stored);
            }
        }
        let rest = self.lines.split_off(row);
        Ok(Some(std::mem::replace(&mut self.lines, rest)))
    }
}

/// The first 32 bits of a receipt.
fn first_bits(receipt: &Receipt) -> u64 {
    let [a, b, c, d, ..] = *receipt.as_bytes();
    u64::from(u32::from_be_bytes([a, b, c, d]))
}
