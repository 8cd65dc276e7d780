//! Work that takes long, on threads that leave the processors to votes.

#[cfg(feature = "postgres")]
use std::cell::Cell;

use tokio::task::{JoinError, spawn_blocking};

use super::stack;

/// The nice value of these threads. Of a processor that a vote wants too, they get a tenth.
const NICE: i32 = 10;

#[cfg(feature = "postgres")]
thread_local! {
    static STAYS: Cell<bool> = const { Cell::new(false) };
}

/// What the calling thread asks for is done by itself from here on. In a simulation the pace of
/// another thread would be chance.
#[cfg(feature = "postgres")]
pub(crate) fn stay_on_this_thread() {
    STAYS.set(true);
}

/// Does `work` on a thread for blocking work. It is not aborted when this future is dropped.
///
/// # Errors
/// If it panicked. The panic is in the server's log.
pub(crate) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    #[cfg(feature = "postgres")]
    if STAYS.get() {
        return Ok(work());
    }
    let done = spawn_blocking(|| {
        lower_priority();
        let done = work();
        // The thread may be used again, and may outlive the close.
        stack::clear();
        done
    });
    done.await
}

fn lower_priority() {
    // On Linux, the process 0 is the calling thread. Without it, the work is as urgent as any.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, NICE);
}
