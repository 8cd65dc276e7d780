//! What the ledger's thread knows of each election, for checks, which read the file beside it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::chain::Head;
use super::elections::StoredElection;
use crate::election::{ElectionId, ElectionState};

/// What the last commit made of each election.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<HashMap<ElectionId, KnownElection>>);

/// An election as of its last commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KnownElection {
    /// Its row in the table of elections.
    pub(super) key: i64,
    /// The head of its chain.
    pub(super) head: Head,
    pub(super) closed: bool,
    /// How many numbers of its roll have voted.
    pub(super) used: u64,
}

impl Known {
    /// Notes a commit.
    pub(super) fn set(&self, election: &StoredElection) {
        let StoredElection { key, head, ballot_box, .. } = election;
        let (key, head) = (*key, *head);
        let closed = ballot_box.state() == ElectionState::Closed;
        let known = KnownElection { key, head, closed, used: ballot_box.numbers_used() };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Without cloning the id, which is done once for each commit otherwise.
        match all.get_mut(&election.definition().id) {
            Some(there) => *there = known,
            None => drop(all.insert(election.definition().id.clone(), known)),
        }
    }

    /// An election, if there is one.
    pub(super) fn get(&self, id: &ElectionId) -> Option<KnownElection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).copied()
    }
}
