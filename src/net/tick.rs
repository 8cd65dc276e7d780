//! A periodic timer that makes short-lived timers cheap.
//!
//! Every wait for an answer sets a timeout, which is almost always cancelled. Whenever a new timer
//! is due before all others of its thread, tokio wakes the thread by a system call. With a tick
//! that is due sooner than any of these timeouts, it does not.

use std::convert::Infallible;
use std::time::Duration;

/// No longer than any timeout that is set for each call or connection.
const TICK: Duration = Duration::from_secs(1);

/// Ticks for ever: one task per thread.
pub(crate) async fn tick() -> Infallible {
    loop {
        tokio::time::sleep(TICK).await;
    }
}
