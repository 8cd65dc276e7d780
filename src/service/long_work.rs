//! Work that would hold up a shard: reading the ledger back, drawing many numbers.

use capnp::Error;
use tokio::sync::Semaphore;

/// How much of such work goes on at once in one process. What comes next waits; a connection has one piece
/// of it at a time.
pub const LONG_WORK_MAX: usize = 2;

static PLACES: Semaphore = Semaphore::const_new(LONG_WORK_MAX);

/// Does such work on a thread of its own. It goes on, in its place, though nobody waits for it any more.
pub(super) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    // The semaphore is never closed, and if it were, there would be nothing to wait for.
    let place = PLACES.acquire().await.ok();
    let work = move || {
        let _place = place;
        work()
    };
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Error::failed("the server could not do it; its log tells why".into()))
}
