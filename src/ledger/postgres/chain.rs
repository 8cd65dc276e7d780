//! The hash chains of ballots: one for each writer and election.
//!
//! A chain begins with the head of the acts that its writer knew. Each batch of votes is an entry,
//! also one that stores no ballot. The last entry ends the chain: its place is taken, and no batch
//! can follow.

use sha2::{Digest, Sha256};
use tokio_postgres::Row;

use super::connection::Fault;
use crate::election::VoterNumber;

/// A hash.
pub(super) type Head = [u8; 32];

/// Reads the head in this column of a row.
pub(super) fn head(row: &Row, column: usize) -> Result<Head, Fault> {
    let head = row.try_get::<_, &[u8]>(column)?.try_into();
    head.map_err(|_| Fault::damaged("a head is none"))
}

/// The kind of an entry with ballots, and of the last one of a chain.
pub(super) const BALLOTS: i16 = 4;
pub(super) const END: i16 = 5;

/// The last entry of a chain that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChainHead {
    pub(super) chain: i64,
    /// 0 before the first entry.
    pub(super) seq: i32,
    pub(super) head: Head,
}

impl ChainHead {
    /// The beginning of a chain.
    pub(super) fn begin(genesis: &[u8], chain: i64, election: i32) -> Self {
        let mut hash = Sha256::new_with_prefix(b"capvote ballots: chain 1\0");
        hash.update(genesis);
        hash.update(chain.to_le_bytes());
        hash.update(election.to_le_bytes());
        Self { chain, seq: 0, head: hash.finalize().into() }
    }

    /// The next entry, to which ballots are added.
    pub(super) fn next(&self, kind: i16) -> Entry {
        let mut hash = Sha256::new_with_prefix(b"capvote ballots 1\0");
        hash.update(self.head);
        hash.update(kind.to_le_bytes());
        Entry { chain: self.chain, seq: self.seq + 1, hash, ballots: 0 }
    }
}

/// An entry, ballot by ballot.
pub(super) struct Entry {
    pub(super) chain: i64,
    pub(super) seq: i32,
    hash: Sha256,
    pub(super) ballots: i32,
}

impl Entry {
    /// Adds a sealed ballot. They are added in the order of their numbers, as the database sorts
    /// them.
    pub(super) fn ballot(&mut self, number: VoterNumber, sealed: &[u8]) {
        self.hash.update(number.get().to_le_bytes());
        self.hash.update((sealed.len() as u32).to_le_bytes());
        self.hash.update(sealed);
        self.ballots += 1;
    }

    /// The head after it.
    pub(super) fn finish(self) -> ChainHead {
        let Self { chain, seq, mut hash, ballots } = self;
        hash.update(ballots.to_le_bytes());
        ChainHead { chain, seq, head: hash.finalize().into() }
    }
}
