//! The simulated clocks: a steady one, which is the simulated time, and a wall clock that is set
//! ahead for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use capvote::election::Timestamp;
use capvote::ledger;
use fastrand::Rng;
use tokio::time::{Instant, sleep};

use super::DURATION;

/// How far the clock is set ahead: more than a server takes for a small correction.
const AHEAD_SECONDS: std::ops::Range<u64> = 61..8_000;

/// How long it stays ahead at most.
const AHEAD_FOR: Duration = Duration::from_millis(1_500);

/// When an election closes that is not meant to close in a history.
pub(super) const FAR: Timestamp = Timestamp(3_600);

/// The clocks of one history. Clones share them.
#[derive(Clone)]
pub(super) struct Clocks {
    begun: Instant,
    ahead: Arc<AtomicU64>,
}

impl Clocks {
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), ahead: Arc::default() }
    }

    /// When the history began.
    pub(super) fn begun(&self) -> Instant {
        self.begun
    }

    /// The time since then, which no step changes.
    pub(super) fn steady(&self) -> Duration {
        self.begun.elapsed()
    }

    /// The wall clock, as the ledger reads it.
    pub(super) fn wall(&self) -> ledger::Clock {
        let clocks = self.clone();
        Arc::new(move || {
            let ahead = clocks.ahead.load(Ordering::Relaxed);
            Timestamp(clocks.steady().as_secs() + ahead)
        })
    }

    /// Whether the wall clock is wrong.
    pub(super) fn are_apart(&self) -> bool {
        self.ahead.load(Ordering::Relaxed) > 0
    }

    /// Sets the wall clock ahead and back again, in every second history. `note` is told.
    pub(super) async fn step(self, mut rng: Rng, note: impl Fn(&str)) {
        if rng.bool() {
            return;
        }
        loop {
            sleep(DURATION.mul_f64(rng.f64() / 2.0)).await;
            self.ahead.store(rng.u64(AHEAD_SECONDS), Ordering::Relaxed);
            note("the clock is set ahead");
            sleep(AHEAD_FOR.mul_f64(rng.f64())).await;
            self.ahead.store(0, Ordering::Relaxed);
            note("the clock is set back");
        }
    }
}
