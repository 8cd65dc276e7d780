//! A clock that ticks, so that timers which are set and taken back again and again cost little.
//!
//! Whoever waits for an answer sets a timer, which almost always is taken back. tokio wakes its own thread, by a system call,
//! for each timer that is due before all others of the thread; where one is always due before them, it does not.

use std::convert::Infallible;
use std::time::Duration;

/// Between two ticks: less than any wait that is bounded for each call.
const TICK: Duration = Duration::from_secs(2);

/// Ticks for ever, once a thread.
pub(crate) async fn tick() -> Infallible {
    loop {
        tokio::time::sleep(TICK).await;
    }
}
