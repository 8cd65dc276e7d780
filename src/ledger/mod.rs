//! What is on disk, and the one thread that writes it.
//!
//! A [`Ledger`] decides votes and stores them; [`SqliteLedger`] is the embedded one. The [`clerk`] owns
//! the ledger and commits whatever has queued up as one group, with one sync.

mod chain;
pub mod clerk;
mod sqlite;

pub use clerk::{Board, Clerk, ClerkHandle};
pub use sqlite::SqliteLedger;

use std::path::PathBuf;
use std::sync::Arc;

use crate::election::{
    ChangeRefusal, Definition, ElectionId, Outcome, Standing, Timestamp, Vote, VoterNumber,
};

/// The most elections in one ledger.
pub const ELECTIONS_MAX: usize = 1_000;

/// Elections on stable storage.
///
/// A ledger is blocking and is called from one thread, the clerk's. Nothing above it may assume that
/// this process alone decides: another process may share the ledger's store.
pub trait Ledger: Send {
    /// Decides these votes, which came at `now`, in order, stores those that count, and returns each one's
    /// outcome, in the same order.
    ///
    /// When this returns, every vote that is `Recorded` is on stable storage. With an error, none of the
    /// outcomes is known to the voters and none of the votes is counted in a [`standing`](Self::standings).
    fn commit(&mut self, votes: &[Vote], now: Timestamp) -> Result<Vec<Outcome>, LedgerError>;

    /// Makes these changes in order, all of them or, with an error, none, and returns when they are on
    /// stable storage.
    fn administer(&mut self, acts: &[Act]) -> Result<(), LedgerError>;

    /// Every election as it stands on stable storage, oldest first.
    fn standings(&self) -> Vec<Arc<Standing>>;
}

/// A change of an election by whoever runs it.
#[derive(Debug, Clone)]
pub enum Act {
    /// A new election, as a draft with nobody on its roll.
    Create(Arc<Definition>),
    /// More voter numbers on an election's roll.
    Issue(ElectionId, Vec<VoterNumber>),
    /// Voter numbers off an election's roll.
    Revoke(ElectionId, Vec<VoterNumber>),
    /// The beginning of the voting.
    Open(ElectionId),
    /// The end of the voting. From here on nobody can tell which number made which choice.
    Close(ElectionId),
}

/// Why a ledger cannot be opened, or did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Another process has the ledger open.
    #[error("{} is in use by another server", .0.display())]
    InUse(PathBuf),
    /// The file or the folder cannot be used.
    #[error("cannot use {}: {}", .path.display(), .source)]
    Inaccessible {
        /// What cannot be used.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is not a ledger, or not one that this version can read.
    #[error("{} is not a ledger of this version of capvote: {why}", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        why: String,
    },
    /// The file does not say what was once written to it.
    #[error("{} is damaged: {what}; restore it from a backup", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not hold.
        what: String,
    },
    /// The store did not take what was to be written, and nothing of it counts.
    #[error("the ledger did not store it: {0}")]
    NotStored(String),
    /// An earlier write failed in a way that leaves open what is on the disk.
    #[error("the ledger takes no more until the server is started again: {0}")]
    Stopped(String),
    /// The rules do not allow an act.
    #[error("election {election}: {refusal}")]
    NotAllowed {
        /// Where it was to happen.
        election: ElectionId,
        /// Why it does not.
        refusal: ChangeRefusal,
    },
    /// An act on an election that is not there.
    #[error("there is no election {0}")]
    NoSuchElection(ElectionId),
    /// A second election of the same name.
    #[error("there is an election {0} already")]
    ElectionExists(ElectionId),
    /// One election too many.
    #[error("a ledger has at most {ELECTIONS_MAX} elections")]
    TooManyElections,
}
