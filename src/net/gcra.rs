//! The generic cell rate algorithm (GCRA): a limit on how often something happens.
//!
//! The crate `governor` implements it, but its check is also the charge, and it cannot charge what
//! exceeds the burst. [`guesses`](crate::service::Guesses) needs both, and
//! [`arrivals`](super::arrivals) needs the first.

use std::time::Duration;

use tokio::time::Instant;

/// The parameters of a GCRA: `burst` events at once, then one per `interval`, its emission
/// interval.
pub(crate) struct Limit {
    pub(crate) interval: Duration,
    pub(crate) burst: u32,
}

/// The state of a GCRA: its theoretical arrival time, when everything charged is paid off.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ArrivalTime(Option<Instant>);

impl ArrivalTime {
    pub(crate) fn charge(&mut self, limit: &Limit, now: Instant) {
        self.0 = Some(self.0.map_or(now, |time| time.max(now)) + limit.interval);
    }

    /// Takes one charge back.
    pub(crate) fn refund(&mut self, limit: &Limit) {
        self.0 = self.0.and_then(|time| time.checked_sub(limit.interval));
    }

    pub(crate) fn is_paid_off(self, now: Instant) -> bool {
        self.0.is_none_or(|time| time <= now)
    }

    /// The time until the limit allows one more event, unless it already does.
    pub(crate) fn wait(self, limit: &Limit, now: Instant) -> Option<Duration> {
        let tolerance = limit.interval * (limit.burst - 1);
        let wait = self.0?.saturating_duration_since(now).checked_sub(tolerance)?;
        (!wait.is_zero()).then_some(wait)
    }
}
