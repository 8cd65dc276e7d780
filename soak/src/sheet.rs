//! The lines of a tally sheet, against the votes that were recorded.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use anyhow::ensure;
use capvote::client::{ActOutcome, Auditor, CountedBallot, RecordedVote};
use capvote::election::Nonce;

/// How often each ballot is on a sheet: the name, the marks, the nonce and the receipt.
pub(crate) struct Lines(HashMap<(String, Vec<u16>, Nonce, String), usize>);

impl Lines {
    /// Those of a closed election.
    pub(crate) async fn of(auditor: &Auditor) -> anyhow::Result<Self> {
        let lines = Rc::new(RefCell::new(HashMap::new()));
        let taken = lines.clone();
        let take = move |it: CountedBallot| {
            let line = (it.candidate, it.marks, it.nonce, it.receipt);
            *taken.borrow_mut().entry(line).or_insert(0_usize) += 1;
        };
        let outcome = auditor.tally_sheet(take).await?;
        ensure!(outcome == ActOutcome::Done, "no tally sheet: {outcome:?}");
        Ok(Self(lines.take()))
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.values().sum()
    }

    /// Strikes out the line of a vote. Returns whether there was one.
    pub(crate) fn strike(&mut self, vote: &RecordedVote) -> bool {
        let RecordedVote { candidate, marks, nonce, receipt, .. } = vote.clone();
        let marks = marks.map(|marks| marks.marks).unwrap_or_default();
        match self.0.get_mut(&(candidate, marks, nonce, receipt.to_string())) {
            Some(left @ 1..) => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }
}
