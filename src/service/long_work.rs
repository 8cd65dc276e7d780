//! Blocking work outside the shard's thread: reading the ledger, drawing voter numbers.
//!
//! Each connection does one such piece of work at a time. The semaphores here bound it for the
//! whole process.

use capnp::Error;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinError;

/// Concurrent checks of the ledger in one process. Further ones wait.
pub const CHECKS_MAX: usize = 2;

/// Voter numbers in one process that are drawn, and not yet issued. Further draws wait.
pub const NUMBERS_IN_HAND_MAX: u32 = 20_000_000;

static CHECKS: Semaphore = Semaphore::const_new(CHECKS_MAX);
static NUMBERS: Semaphore = Semaphore::const_new(NUMBERS_IN_HAND_MAX as usize);

/// `None` would mean that the semaphore is closed, which these never are.
pub(super) type Permit = Option<SemaphorePermit<'static>>;

/// Waits for a permit to check the ledger.
pub(super) async fn check_permit() -> Permit {
    CHECKS.acquire().await.ok()
}

/// Waits for permits to draw `count` numbers.
pub(super) async fn draw_permit(count: u32) -> Permit {
    NUMBERS.acquire_many(count.min(NUMBERS_IN_HAND_MAX)).await.ok()
}

/// Runs `work` on a thread for blocking work. It is not aborted when this future is dropped.
pub(super) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(failed)
}

/// The exception for work that panicked. The panic is in the server's log.
pub(super) fn failed(_: JoinError) -> Error {
    Error::failed("the server failed to do this; see its log".into())
}
