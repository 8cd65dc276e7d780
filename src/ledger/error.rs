//! The errors of a ledger.

use std::io;
use std::path::PathBuf;

use super::{DEFINITION_BYTES_MAX, ELECTIONS_MAX, LINK_NUMBERS_MAX};
use crate::election::{ChangeRefusal, DERIVED_GRANTS_MAX, ElectionId, GRANTS_MAX};

/// The error of a call on a ledger. `Clone`, since a failed commit fails all its votes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The rules do not allow it. This is a refusal, not a fault.
    #[error(transparent)]
    Refused(#[from] ActRefusal),
    /// The authorization is not in force.
    #[error("this authority was revoked")]
    Revoked,
    /// This server lacks what it takes, and another server of the store may have it. Nothing was
    /// stored.
    #[error("{0}")]
    Away(String),
    /// The store failed. Nothing was stored.
    #[error("the ledger did not store it: {0}")]
    NotStored(String),
    /// The ledger is shut down, or has stopped by itself. This was not tried, and nothing of it was
    /// stored.
    #[error("the server is stopping")]
    Stopped,
    /// It may or may not be stored. Send a vote again with the same nonce, once the server is
    /// started again.
    #[error("{0}")]
    Unknown(String),
    /// The store cannot be read, or is damaged.
    #[error("{0}")]
    Unreadable(String),
}

impl LedgerError {
    /// The error of what was tried until this one, where an earlier try has an `unknown` outcome:
    /// that the last one stored nothing says nothing about it.
    #[cfg(feature = "postgres")]
    pub(super) fn after(self, unknown: Option<&str>) -> Self {
        match (unknown, self) {
            (Some(why), Self::Away(_) | Self::NotStored(_) | Self::Stopped) => {
                Self::Unknown(why.into())
            }
            (_, error) => error,
        }
    }
}

/// Why an act is refused.
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
    /// The parent of a grant is not in force, its id is taken, or a limit is reached.
    #[error(
        "the capability it is derived from was revoked, or too many are saved: at most \
         {DERIVED_GRANTS_MAX} from one link of an election, and {GRANTS_MAX} in all"
    )]
    GrantRefused,
    /// The token of a link that works once is spent.
    #[error(
        "this link works once, and was opened before, perhaps by yourself: ask for another link; \
         revoke --void-numbers ends what this one has opened"
    )]
    TokenSpent,
    /// A returning officer's grant is in force.
    #[error("there is a returning officer already")]
    OfficerExists,
    /// The ledger has [`ELECTIONS_MAX`] elections.
    #[error("a ledger has at most {ELECTIONS_MAX} elections")]
    TooManyElections,
    /// The definitions would have more than [`DEFINITION_BYTES_MAX`].
    #[error(
        "the slates and titles of all elections on a server take at most {} MiB together: with \
         this election they would take more", DEFINITION_BYTES_MAX >> 20
    )]
    DefinitionsFull,
    /// The rolls have `numbers`, and would have more than `most`.
    #[error(
        "the rolls of all elections on this server that are not closed have at most {most} voter \
         numbers together, and they have {numbers}: close an election that is over first, or use \
         another server"
    )]
    RollsFull {
        /// The voter numbers on them.
        numbers: usize,
        /// How many they may have.
        most: usize,
    },
    /// The links of the election have issued this many numbers, and may issue [`LINK_NUMBERS_MAX`].
    #[error(
        "the links of one election put at most {LINK_NUMBERS_MAX} voter numbers on its roll, and \
         they have put {0}: more takes the returning officer's link"
    )]
    LinkNumbers(u64),
    /// The link to void numbers of is a returning officer's, and in force.
    #[error(
        "this is a returning officer's link: it is ended on the server's machine, by \
         capvote-server officer-link --end-others"
    )]
    OfficersLink,
    /// The key of the election's ballots would be lost with one server.
    #[error(
        "only one server has the key of election {0}: if that server were lost, so would be every \
         vote in it. Start a second server with the same secret, or let this one run alone"
    )]
    OneHolder(ElectionId),
    /// A token is of no grant of the election, and no numbers were issued under it.
    #[error(
        "this link opens nothing of election {0}, and no numbers of it were issued under this link"
    )]
    UnknownLink(ElectionId),
}

impl LedgerError {
    /// Whether this is a refusal, not a fault.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    /// Whether it is certain that nothing was stored.
    pub fn is_certain(&self) -> bool {
        !matches!(self, Self::Unknown(_) | Self::Unreadable(_))
    }

    /// The error of a call that was taken and never answered.
    pub(crate) fn unanswered() -> Self {
        Self::Unknown("the server stopped before it answered".into())
    }
}

/// Why a ledger cannot be opened, read or copied. The text includes the cause, which is therefore
/// not a [`source`](std::error::Error::source).
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the ledger open.
    #[error(
        "the data directory \"{}\" is in use by another capvote-server; stop that first, or choose \
         another directory", .0.display()
    )]
    InUse(PathBuf),
    /// The file or the directory cannot be used.
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
    /// The file's content is not what the ledger wrote.
    #[error("{} is damaged: {what}; restore it from a backup", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The file is not used: what was committed may be missing from it, or be lost in it.
    #[error("{} is not used: {why}", .path.display())]
    Refused {
        /// The file or the directory.
        path: PathBuf,
        /// What is wrong, and how to go on.
        why: String,
    },
    /// The database cannot be used.
    #[error("the database is not used: {0}")]
    Database(String),
    /// The ledger is not moved, and is where it was.
    #[error("the ledger is not moved: {0}")]
    NotMoved(String),
    /// The ledger's thread cannot be started.
    #[error("cannot start the ledger's thread: {0}")]
    Thread(#[source] io::Error),
}

impl From<OpenError> for LedgerError {
    fn from(error: OpenError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

#[cfg(all(test, feature = "postgres"))]
mod tests {
    use super::LedgerError;

    #[test]
    fn nothing_stored_by_the_last_try_says_nothing_about_an_earlier_one() {
        let why = String::from;
        let unknown = LedgerError::Unknown(why("lost"));
        let certain = [
            LedgerError::Away(why("no key")),
            LedgerError::NotStored(why("full")),
            LedgerError::Stopped,
        ];
        for error in certain {
            assert_eq!(error.clone().after(Some("lost")), unknown);
            assert_eq!(error.clone().after(None), error);
        }
        // What the rules say of an act, they say of all its tries.
        assert_eq!(LedgerError::Revoked.after(Some("lost")), LedgerError::Revoked);
    }
}
