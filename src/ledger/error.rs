//! Why a ledger cannot be opened, or did not do what it was asked.

use std::io;
use std::path::PathBuf;

use super::ELECTIONS_MAX;
use crate::election::{ChangeRefusal, DERIVED_GRANTS_MAX, ElectionId, GRANTS_MAX};

/// Why a ledger did not do what it was asked. Cheap to clone: one failed commit fails all its votes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The rules do not allow it. Nothing is broken.
    #[error(transparent)]
    Refused(#[from] ActRefusal),
    /// The authorization is not in force.
    #[error("this authority was revoked")]
    Revoked,
    /// The store did not take it. Nothing was stored.
    #[error("the ledger did not store it: {0}")]
    NotStored(String),
    /// The ledger is shut down. Nothing was stored.
    #[error("the server is stopping")]
    Stopped,
    /// It may or may not be stored. Ask again; a vote with the same nonce.
    #[error("{0}")]
    Unknown(String),
    /// What is stored cannot be read, or does not hold together.
    #[error("{0}")]
    Unreadable(String),
}

/// Why the rules do not allow an act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActRefusal {
    /// The election does not allow the change.
    #[error("election {election}: {refusal}")]
    NotAllowed {
        /// The election.
        election: ElectionId,
        /// Why not.
        refusal: ChangeRefusal,
    },
    /// There is no such election.
    #[error("there is no election {0}")]
    NoSuchElection(ElectionId),
    /// An election with this id exists.
    #[error("there is an election {0} already")]
    ElectionExists(ElectionId),
    /// The parent of a grant is not in force, or a limit is reached.
    #[error(
        "what this was to be saved from is revoked, or too much is saved: {DERIVED_GRANTS_MAX} from \
         one link of an election, {GRANTS_MAX} in all"
    )]
    GrantRefused,
    /// A returning officer's grant is in force.
    #[error("there is a returning officer already")]
    OfficerExists,
    /// The ledger has [`ELECTIONS_MAX`] elections.
    #[error("a ledger has at most {ELECTIONS_MAX} elections")]
    TooManyElections,
}

impl LedgerError {
    /// Whether the rules say no, and nothing is broken.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    /// Whether nothing was stored for certain.
    pub fn is_certain(&self) -> bool {
        !matches!(self, Self::Unknown(_) | Self::Unreadable(_))
    }
}

/// Why a ledger cannot be opened, read or copied. The text names the cause, which is therefore not a
/// [`source`](std::error::Error::source).
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the ledger open.
    #[error(
        "the data folder \"{}\" is in use by another capvote-server, which goes on; stop that first, \
         or choose another folder", .0.display()
    )]
    InUse(PathBuf),
    /// The file or the folder cannot be used.
    #[error("cannot use {}: {}", .path.display(), .why)]
    Inaccessible {
        /// What cannot be used.
        path: PathBuf,
        /// Why not.
        why: io::Error,
    },
    /// The file is not a ledger, or has a format that this version does not read.
    #[error("{} is not a ledger of this version of capvote: {why}", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        why: String,
    },
    /// The file's content is not what was written.
    #[error("{} is damaged: {what}; restore it from a backup", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not hold.
        what: String,
    },
    /// The machine has no thread left for the ledger.
    #[error("cannot start: {0}")]
    Thread(#[source] io::Error),
}

impl From<OpenError> for LedgerError {
    fn from(error: OpenError) -> Self {
        Self::Unreadable(error.to_string())
    }
}
