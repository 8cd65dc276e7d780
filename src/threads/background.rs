//! Work that takes long, on threads that leave the processors to votes.

use tokio::task::{JoinError, spawn_blocking};

use super::stack;

/// The nice value of these threads. Of a processor that a vote wants too, they get a tenth.
const NICE: i32 = 10;

/// Does `work` on a thread for blocking work. It is not aborted when this future is dropped.
///
/// # Errors
/// If it panicked. The panic is in the server's log.
pub(crate) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
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
