//! Where elections are stored and votes become durable.
//!
//! [`Ledger`] is the seam between the server's capabilities and a store. [`sqlite`] is the embedded
//! store, and `postgres` one for several servers; [`Location::open`] opens the one that a server
//! was configured with.

mod act;
mod database_metrics;
mod error;
mod keys;
mod links;
mod location;
mod metrics;
#[cfg(feature = "postgres")]
pub mod moving;
#[cfg(feature = "postgres")]
pub mod postgres;
mod quotas;
mod roll;
mod run;
mod snapshot;
pub mod sqlite;
mod worker;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::SystemTime;

use futures::future::BoxFuture;
use tokio::sync::watch;

pub use self::act::{Act, Authorization};
pub use self::database_metrics::{DatabaseMetrics, Replicated};
pub use self::error::{ActRefusal, LedgerError, OpenError};
pub use self::location::Location;
pub use self::metrics::Metrics;
pub use self::quotas::{
    DEFINITION_BYTES_MAX, ELECTIONS_MAX, LINK_NUMBERS_MAX, NUMBERS_MAX, may_add_numbers,
    may_create, may_issue_under,
};
pub use self::snapshot::Snapshot;
use crate::election::{
    Ballot, ElectionId, Grant, Nonce, Outcome, Timestamp, TokenHash, Vote, VoterNumber,
};

/// One server's handle of a store of elections, shared by all its threads.
///
/// Several servers may share one store, each with a handle. Every implementation passes
/// `tests/ledger/conformance`, and keeps these rules:
///
/// 1. **Durable before answered.** Everything an answer depends on is on stable storage before the
///    answer is given: what this call stored, and for a retry what an earlier call stored. The
///    suite shows this for a restart; loss of power is for each store to test.
/// 2. **A handle reads its own answers.** When a call resolves, [`snapshots`](Self::snapshots) of
///    the same handle include everything the answer depends on: a recorded vote is in the turnout
///    on every connection to the same server. Handles of other servers follow within a second.
/// 3. **Votes and acts are serialised.** A recorded vote is in the final count. A vote decided
///    after the close counts nothing, and is answered `recorded` only if it is a retry.
///
/// 4. **Live counts have batches.** Standings are made with a [`Tally`](crate::election::Tally) of
///    the stored ballots of each [part](Self::parts), in the order in which they were recorded,
///    which a restart does not change.
///
/// A snapshot may lag. Before refusing because of one (no such election, not open, unknown
/// candidate, closed), callers ask for a [`fresh`](Self::fresh) one.
pub trait Ledger: Debug + Send + Sync {
    /// Decides these votes in order, and stores those that count. Returns their decisions, in the
    /// same order.
    ///
    /// Nothing is decided before the future is first polled. If it is dropped after that, the votes
    /// may still be decided.
    ///
    /// # Errors
    /// Of one vote, in its [`Decision`]: [`LedgerError::NotStored`]; [`LedgerError::Unknown`] if it
    /// may be stored: send it again, with the same nonce; [`LedgerError::Unreadable`]. Of all of
    /// them: [`LedgerError::Stopped`] and [`LedgerError::NotStored`] if none was stored or even
    /// tried, [`LedgerError::Unknown`] if nothing is known.
    fn vote(&self, votes: Vec<Vote>) -> Answer<Vec<Decision>>;

    /// In how many parts votes are decided independently. A call with votes of several parts waits
    /// for the slowest.
    fn parts(&self) -> usize {
        1
    }

    /// The part in which votes with this number are decided, from 0.
    fn part_of(&self, _number: VoterNumber) -> usize {
        0
    }

    /// Makes these changes in order, all or none, unless the authorization is not in force. The
    /// check and the changes are one atomic step: a revocation that was committed first wins.
    ///
    /// Dropping the future is as with [`vote`](Self::vote).
    ///
    /// # Errors
    /// [`LedgerError::NotStored`], [`LedgerError::Stopped`] and [`LedgerError::Unknown`], for all
    /// of them together; [`LedgerError::Refused`] if the rules do not allow a change;
    /// [`LedgerError::Revoked`] if the authorization is not in force.
    fn act(&self, acts: Vec<Act>, under: Option<Authorization>) -> Answer<()>;

    /// Ends the grant with this token hash, if it is in force, and takes the numbers that were
    /// issued in this election under it, or under grants derived from it, off the roll, unless they
    /// have voted. Returns how many.
    ///
    /// This is done in steps, between which votes are decided. If a step fails, those before it
    /// stand; the call can be repeated. Dropping the future is as with [`vote`](Self::vote).
    ///
    /// # Errors
    /// As [`act`](Self::act); [`ActRefusal::UnknownLink`] if the token is of no grant of this
    /// election, and no numbers were issued under it.
    fn void(
        &self,
        election: ElectionId,
        token: TokenHash,
        under: Option<Authorization>,
    ) -> Answer<u64>;

    /// The grant in force with this token hash.
    ///
    /// # Errors
    /// [`LedgerError::Unreadable`] and [`LedgerError::Stopped`].
    fn grant(&self, token: TokenHash) -> Answer<Option<Grant>>;

    /// The newest snapshot that this handle has, and a notification of every change, also by other
    /// servers. A slow receiver skips snapshots.
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>>;

    /// A snapshot that includes everything committed before the call.
    ///
    /// # Errors
    /// [`LedgerError::Unreadable`] and [`LedgerError::Stopped`].
    fn fresh(&self) -> Answer<Arc<Snapshot>>;

    /// Tells the other servers of this store by which link clients reach this one. Not for a store
    /// of one server.
    fn announce(&self, _link: &str) {}

    /// The links that the servers of this store have announced, of those that are up. Empty for a
    /// store of one server.
    fn servers(&self) -> Arc<[String]> {
        Arc::default()
    }

    /// The store's time, by which votes are decided. It may be another machine's clock.
    fn now(&self) -> Timestamp;

    /// At most `lines` lines of an election's tally sheet, from `cursor` on, in the order of the
    /// receipts. None if the cursor is at the end, or there is no such sheet.
    ///
    /// # Errors
    /// [`LedgerError::Unreadable`].
    fn sheet(&self, election: ElectionId, cursor: SheetCursor, lines: usize) -> Answer<SheetPart>;

    /// Reads an election back from the store, as it was at the call or later, and verifies that its
    /// hash chain is the one that this ledger wrote or verified when it was opened.
    ///
    /// # Errors
    /// [`LedgerError::Unreadable`] with what is wrong; [`ActRefusal::NoSuchElection`].
    fn check(&self, election: ElectionId) -> Answer<Report>;

    /// Resolves when this handle accepts no more votes and acts: after
    /// [`shut_down`](Self::shut_down), because its worker ended by a fault, or because it cannot
    /// tell what it has stored: everything else in its queue is then refused with
    /// [`LedgerError::Stopped`], and the server has to open the store again.
    fn stopped(&self) -> BoxFuture<'static, ()>;

    /// Commits and answers the votes and acts that it has taken, refuses later ones with
    /// [`LedgerError::Stopped`], and releases the store. Blocks. Returns `false` if it had
    /// [`stopped`](Self::stopped) by itself; if its worker panicked, some may be unanswered. A
    /// second call waits for the first, and returns the same.
    fn shut_down(&self) -> bool;
}

/// The decision on one vote, or why there is none.
pub type Decision = Result<Outcome, LedgerError>;

/// The future of a ledger's answer.
pub type Answer<T> = BoxFuture<'static, Result<T, LedgerError>>;

/// A position in a tally sheet; the default is its beginning. The number has a meaning only to the
/// store that returned it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SheetCursor(pub u64);

/// Consecutive lines of a sheet, and the cursor behind them.
pub type SheetPart = (Vec<(Ballot, Nonce)>, SheetCursor);

/// The result of checking one election.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How many entries its hash chain has, or all its hash chains together.
    pub entries: u64,
    /// How many ballots are stored.
    pub ballots: u64,
    /// How many voter numbers have voted.
    pub numbers_used: u64,
    /// A hash over everything stored about the election, of which later heads are made.
    pub head: [u8; 32],
    /// Whether the election is closed and the key of its ballots is not destroyed.
    pub unscrubbed: bool,
}

/// Returns the time. [`SqliteLedger`](sqlite::SqliteLedger) reads it once for each commit of votes.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The machine's clock.
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        // A clock before 1970 is not set.
        Timestamp(since.map_or(0, |since| since.as_secs()))
    })
}
