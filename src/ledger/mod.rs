//! What is on disk, and the one thread that writes it.
//!
//! A [`Ledger`] decides votes and stores them; [`SqliteLedger`] is the embedded one. The [`clerk`] owns
//! the ledger and commits whatever has queued up as one group, with one sync.

mod chain;
pub mod clerk;
mod desk;
mod metrics;
mod sqlite;
mod teller;

pub use clerk::{Clerk, ClerkHandle};
pub use desk::{Board, ClerkError, Clock, Mandate};
pub(crate) use metrics::Metrics;
pub use sqlite::{Copying, SqliteLedger, backup, restore};
pub(crate) use teller::Teller;
pub use teller::WAITING_VOTES_MAX;

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

use crate::election::{
    ChangeRefusal, Choice, DERIVED_GRANTS_MAX, Definition, ElectionId, GRANTS_MAX, Grant, GrantId,
    Grants, Nonce, Outcome, Standing, Timestamp, Vote, VoterNumber,
};

/// The most elections in one ledger.
pub const ELECTIONS_MAX: usize = 1_000;

/// Elections on stable storage.
///
/// Another one than [`SqliteLedger`] goes wherever a [`Clerk`] does: [`connection::serve`](crate::net::connection::serve)
/// shows what that is put together with.
///
/// A ledger is blocking and is called from one thread, the clerk's. Nothing above it may assume that
/// this process alone decides: another process may share the ledger's store.
pub trait Ledger: Send {
    /// Decides these votes, which came at `now`, in order, stores those that count, and returns each one's
    /// outcome, in the same order.
    ///
    /// When this returns, every vote that is `Recorded` is on stable storage. With an error, none of the
    /// outcomes is known to the voters and none of the votes is counted in a [`standing`](Self::standings).
    ///
    /// # Errors
    /// [`LedgerError::NotStored`], and [`LedgerError::Stopped`] from then on where it is open what is on the disk.
    fn commit(&mut self, votes: &[Vote], now: Timestamp) -> Result<Vec<Outcome>, LedgerError>;

    /// Makes these changes in order, all of them or, with an error, none, and returns when they are on
    /// stable storage.
    ///
    /// # Errors
    /// As [`commit`](Self::commit), and the refusals, for which [`LedgerError::is_refusal`] is true.
    fn administer(&mut self, acts: &[Act]) -> Result<(), LedgerError>;

    /// Finishes what a close could not, because another program was in the way. Called about once a second;
    /// costs nothing where there is nothing to finish.
    fn tidy(&mut self);

    /// Every election as it stands on stable storage, oldest first.
    fn standings(&self) -> Vec<Arc<Standing>>;

    /// Every grant in force.
    fn grants(&self) -> Arc<Grants>;

    /// A way to read what is stored that does not hold up the commits.
    fn reader(&self) -> Arc<dyn LedgerReader>;
}

/// Reads a ledger beside the clerk. Blocking; each call sees the ledger as it is at one moment.
///
/// That of a ledger which keeps a sheet in memory:
///
/// ```
/// use capvote::election::{Choice, ElectionId, Nonce};
/// use capvote::ledger::{LedgerError, LedgerReader, Report, SheetPart, SheetPlace};
///
/// #[derive(Debug)]
/// struct InMemory(Vec<(Choice, Nonce)>);
///
/// impl LedgerReader for InMemory {
///     fn check(&self, election: &ElectionId) -> Result<Report, LedgerError> {
///         Err(LedgerError::NoSuchElection(election.clone()))
///     }
///
///     fn sheet(&self, _: &ElectionId, after: SheetPlace, lines: usize) -> Result<SheetPart, LedgerError> {
///         let part: Vec<_> = self.0.iter().copied().skip(after.0 as usize).take(lines).collect();
///         let place = SheetPlace(after.0 + part.len() as u64);
///         Ok((part, place))
///     }
/// }
///
/// let choice = Choice::from_index(0).expect("there is a first choice");
/// let reader = InMemory(vec![(choice, Nonce::from([1; 16])), (choice, Nonce::from([2; 16]))]);
/// let board = "board".parse()?;
/// let (first, place) = reader.sheet(&board, SheetPlace::default(), 1)?;
/// let (second, _) = reader.sheet(&board, place, 1)?;
/// assert_eq!([first, second].concat(), reader.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait LedgerReader: Debug + Send + Sync {
    /// Reads an election back and computes its hash chain again.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] with what does not hold, and [`LedgerError::NoSuchElection`].
    fn check(&self, election: &ElectionId) -> Result<Report, LedgerError>;

    /// At most `lines` lines of a closed election's sheet, in the order of the receipts, behind `after`.
    ///
    /// # Errors
    /// [`LedgerError::NoSuchElection`], and where the store cannot be read.
    fn sheet(
        &self,
        election: &ElectionId,
        after: SheetPlace,
        lines: usize,
    ) -> Result<SheetPart, LedgerError>;
}

/// What checking an election's part of a ledger came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The entries of its hash chain.
    pub entries: u64,
    /// The ballots stored.
    pub ballots: u64,
    /// The voter numbers that have voted.
    pub numbers_used: u64,
    /// Whether it was closed when this was read.
    pub closed: bool,
    /// The last value of the chain. Of an election that is not closed, it is nobody's business: with it,
    /// someone who knows voter numbers can try what they chose.
    pub head: [u8; 32],
    /// Whether deleted ballots may be left in unused parts of the store, because it could not be scrubbed
    /// yet.
    pub unscrubbed: bool,
}

/// A place in a stored sheet; the default is before its first line. What else the number says is its ledger's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SheetPlace(pub u64);

/// Some lines of a sheet, and the place behind them.
pub type SheetPart = (Vec<(Choice, Nonce)>, SheetPlace);

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
    /// A capability saved.
    Grant(Grant),
    /// A saved capability, and what was saved from it, taken back.
    RevokeGrant(GrantId),
    /// The end of the voting. From here on nobody can tell which number made which choice.
    Close(ElectionId),
}

/// Why a ledger cannot be opened, or did not do what it was asked. The text names the cause, which is therefore no
/// [`source`](std::error::Error::source).
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Another process has the ledger open.
    #[error(
        "the data folder \"{}\" is in use by another capvote-server, which goes on; stop that first, or choose another \
         folder", .0.display()
    )]
    InUse(PathBuf),
    /// The file or the folder cannot be used.
    #[error("cannot use {}: {}", .path.display(), .why)]
    Inaccessible {
        /// What cannot be used.
        path: PathBuf,
        /// Why not.
        why: std::io::Error,
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
    /// What was to be done was asked for under a grant that is revoked by now.
    #[error("this authority was revoked")]
    Revoked,
    /// A grant from one that is not in force, or one too many.
    #[error(
        "what this was to be saved from is revoked, or too much is saved: {DERIVED_GRANTS_MAX} from one link \
         of an election, {GRANTS_MAX} in all"
    )]
    GrantRefused,
    /// One election too many.
    #[error("a ledger has at most {ELECTIONS_MAX} elections")]
    TooManyElections,
}

impl LedgerError {
    /// Whether the rules say no, and nothing is broken.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::NotAllowed { .. }
                | Self::NoSuchElection(_)
                | Self::ElectionExists(_)
                | Self::GrantRefused
                | Self::TooManyElections
        )
    }
}
