//! Where elections are stored and votes become durable.
//!
//! [`Ledger`] is the seam between the server's capabilities and a store. [`sqlite`] is the embedded
//! store; [`Location::open`] opens the one a server was configured with.

mod act;
mod error;
mod metrics;
mod snapshot;
pub mod sqlite;

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use futures::future::BoxFuture;
use tokio::sync::watch;

pub use self::act::{Act, Authorization};
pub use self::error::{ActRefusal, LedgerError, OpenError};
pub use self::metrics::Metrics;
pub use self::snapshot::Snapshot;
use self::sqlite::{SqliteLedger, Store};
use crate::election::{Choice, ElectionId, Grant, Nonce, Outcome, Timestamp, TokenHash, Vote};

/// The most elections in one ledger.
pub const ELECTIONS_MAX: usize = 1_000;

/// Elections on stable storage, shared by all threads of a server.
///
/// Several servers may share one store. A handle of this type is what one server has of it. Three
/// rules hold for every implementation; `tests/ledger/conformance` checks them:
///
/// 1. **Durable before told.** An answer is given after everything it rests on is on stable storage:
///    what this call stored, and for a retry what an earlier call stored.
/// 2. **A handle reads its own answers.** When a method returns, [`snapshots`](Self::snapshots) of
///    the same handle include everything the answer rests on. A voter who was told `recorded` finds
///    the vote in the results on every connection to the same server. Handles of other servers
///    follow within a second.
/// 3. **A snapshot may lag.** Before a final "no" that rests on a snapshot (no such election, not
///    open, unknown candidate, closed), ask for a [`fresh`](Self::fresh) one.
///
/// Votes and acts are serialised: a vote that is `recorded` is in the final count, and after a close
/// no vote is.
pub trait Ledger: Debug + Send + Sync {
    /// Decides these votes in order and stores those that count. The outcomes are in the same order.
    ///
    /// The votes arrive when the returned future is first polled. From then on they are decided, even
    /// if the future is dropped.
    ///
    /// # Errors
    /// [`LedgerError::NotStored`] or [`LedgerError::Stopped`] if none of them is stored;
    /// [`LedgerError::Unknown`] if some may be: ask again, with the same nonces.
    fn vote(&self, votes: Vec<Vote>) -> Answer<Vec<Outcome>>;

    /// Makes these changes in order, all or none.
    ///
    /// With an authorization, they are made only if it is in force: the store checks that inside the
    /// transaction that makes the changes, so a revocation that was committed first wins.
    ///
    /// # Errors
    /// As [`vote`](Self::vote); [`LedgerError::Refused`] if the rules do not allow it;
    /// [`LedgerError::Revoked`].
    fn act(&self, acts: Vec<Act>, under: Option<Authorization>) -> Answer<()>;

    /// The grant in force that this token hash opens.
    ///
    /// # Errors
    /// [`LedgerError::Unreadable`] and [`LedgerError::Stopped`].
    fn grant(&self, token: TokenHash) -> Answer<Option<Grant>>;

    /// The elections and grants as last seen. Changes arrive by themselves, also those that other
    /// servers made; a slow receiver sees the newest and skips those between.
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>>;

    /// A snapshot that includes everything committed before the call.
    ///
    /// # Errors
    /// [`LedgerError::Unreadable`] and [`LedgerError::Stopped`].
    fn fresh(&self) -> Answer<Arc<Snapshot>>;

    /// The time by which the store judges votes, which may be another machine's clock.
    fn now(&self) -> Timestamp;

    /// At most `lines` lines of a closed election's tally sheet, in the order of the receipts, from
    /// `cursor` on. An election that has none gives an empty part.
    ///
    /// # Errors
    /// [`LedgerError::Unreadable`].
    fn sheet(&self, election: ElectionId, cursor: SheetCursor, lines: usize) -> Answer<SheetPart>;

    /// Reads an election back and verifies its hash chain.
    ///
    /// # Errors
    /// [`LedgerError::Unreadable`] with what does not hold; [`ActRefusal::NoSuchElection`].
    fn check(&self, election: ElectionId) -> Answer<Report>;

    /// Resolves when this handle takes nothing more, whether or not it was told to stop.
    fn stopped(&self) -> BoxFuture<'static, ()>;

    /// Commits what was handed in, refuses what comes later, and releases the store. Blocks. Returns
    /// whether everything that was handed in was answered; a second call waits for nothing.
    fn shut_down(&self) -> bool;
}

/// What a ledger answers.
pub type Answer<T> = BoxFuture<'static, Result<T, LedgerError>>;

/// A position in a tally sheet; the default is the first line. Only the ledger that made it can
/// interpret the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SheetCursor(pub u64);

/// Some lines of a sheet, and the cursor behind them.
pub type SheetPart = (Vec<(Choice, Nonce)>, SheetCursor);

/// The result of checking one election.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How many entries its hash chain has; with several chains, of all of them.
    pub entries: u64,
    /// How many ballots are stored.
    pub ballots: u64,
    /// How many voter numbers have voted.
    pub numbers_used: u64,
    /// A hash over everything stored about the election. None before the close: with it, someone who
    /// knows voter numbers could try choices.
    pub head: Option<[u8; 32]>,
    /// Whether copies of deleted ballots may still be readable somewhere in the store.
    pub unscrubbed: bool,
}

/// Tells the time. The ledger asks it for every batch of votes.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The machine's clock.
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        // A clock before 1970 has not been set yet.
        Timestamp(since.map_or(0, |since| since.as_secs()))
    })
}

/// Which store a server uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A SQLite file in this folder, which is made if it is missing.
    Folder(PathBuf),
}

impl Location {
    /// Opens the ledger, and makes an empty one if there is none.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(&self) -> Result<Arc<dyn Ledger>, OpenError> {
        self.open_with(&Metrics::new())
    }

    /// The same, with figures that the caller can read.
    pub(crate) fn open_with(&self, metrics: &Metrics) -> Result<Arc<dyn Ledger>, OpenError> {
        let Self::Folder(folder) = self;
        let store = Store::open(folder)?;
        Ok(Arc::new(SqliteLedger::start_with(store, system_clock(), metrics.clone())?))
    }

    /// Opens a ledger that is there.
    ///
    /// # Errors
    /// [`OpenError`], also if there is none.
    pub fn open_existing(&self) -> Result<Arc<dyn Ledger>, OpenError> {
        let Self::Folder(folder) = self;
        let store = Store::open_existing(folder)?;
        Ok(Arc::new(SqliteLedger::start(store, system_clock())?))
    }
}
