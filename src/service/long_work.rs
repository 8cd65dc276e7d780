//! Work that would hold up a shard: reading the ledger back, drawing many numbers.
//!
//! A connection has one piece of it under way at a time. What there is of it on the whole server is bounded
//! here.

use capnp::Error;
use tokio::sync::{Semaphore, SemaphorePermit};

/// The checks of the ledger that go on at once in one process. The next waits.
pub const CHECKS_MAX: usize = 2;

/// The voter numbers in one process that are drawn and not yet safely kept by those who asked for them.
/// Who asks for more waits.
pub const NUMBERS_IN_HAND_MAX: u32 = 20_000_000;

static CHECKS: Semaphore = Semaphore::const_new(CHECKS_MAX);
static NUMBERS: Semaphore = Semaphore::const_new(NUMBERS_IN_HAND_MAX as usize);

/// A part of what is bounded. The semaphores are never closed, and if they were, there would be nothing to
/// wait for.
pub(super) type Place = Option<SemaphorePermit<'static>>;

/// Waits until the ledger may be checked.
pub(super) async fn may_check() -> Place {
    CHECKS.acquire().await.ok()
}

/// Waits until so many numbers may be in hand.
pub(super) async fn may_draw(count: u32) -> Place {
    NUMBERS.acquire_many(count.min(NUMBERS_IN_HAND_MAX)).await.ok()
}

/// Does long work on a thread of its own. It goes on though nobody waits for it any more.
pub(super) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Error::failed("the server could not do it; its log tells why".into()))
}
