//! Blocking work outside the shard's thread: reading the ledger, drawing voter numbers.
//!
//! Each connection does one such piece of work at a time. The semaphores here bound it for the
//! whole process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use capnp::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::task::JoinError;

use crate::election::ElectionId;
use crate::threads::background;

/// Concurrent checks of the ledger in one process. Further ones wait.
pub const CHECKS_MAX: usize = 2;

/// Voter numbers in the memory of one process on their way to a roll. Further issues wait. No wait
/// for a client is included.
pub const NUMBERS_IN_HAND_MAX: u32 = 10_000_000;

static CHECKS: Semaphore = Semaphore::const_new(CHECKS_MAX);
static NUMBERS: Semaphore = Semaphore::const_new(NUMBERS_IN_HAND_MAX as usize);
static TURNS: Mutex<BTreeMap<ElectionId, Weak<Semaphore>>> = Mutex::new(BTreeMap::new());

/// `None` would mean that the semaphore is closed, which these never are.
pub(super) type Permit = Option<SemaphorePermit<'static>>;

/// Waits for a permit to check the ledger.
pub(super) async fn check_permit() -> Permit {
    CHECKS.acquire().await.ok()
}

/// Waits for the turn of an issue of `count` numbers in an election. One election at a time waits
/// with one issue, so another waits for as many issues at most as there are elections.
pub(super) async fn issue_turn(
    election: &ElectionId,
    count: u32,
) -> (Option<OwnedSemaphorePermit>, Permit) {
    let turn = turn_of(election).acquire_owned().await.ok();
    (turn, NUMBERS.acquire_many(count.min(NUMBERS_IN_HAND_MAX)).await.ok())
}

fn turn_of(election: &ElectionId) -> Arc<Semaphore> {
    let mut turns = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(turn) = turns.get(election).and_then(Weak::upgrade) {
        return turn;
    }
    turns.retain(|_, turn| turn.strong_count() > 0);
    let turn = Arc::new(Semaphore::new(1));
    turns.insert(election.clone(), Arc::downgrade(&turn));
    turn
}

/// Does `work` in the [background]. It is not aborted when this future is dropped.
pub(super) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    background::run(work).await.map_err(failed)
}

/// The exception for work that panicked. The panic is in the server's log.
pub(super) fn failed(_: JoinError) -> Error {
    Error::failed("the server failed to do this; see its log".into())
}
