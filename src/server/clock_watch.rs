//! Whether the wall clock is believed: it is compared with a steady clock.
//!
//! Closing an election is final, so a clock that is wrong for a second must not close one. The wall
//! clock can be set, by a person, a time server or a hypervisor; the steady clock cannot. A step is
//! a change of the difference between the two.

use std::time::Duration;

use crate::election::Timestamp;

/// How far the wall clock may be from where the steady clock puts it. Beyond that, elections are
/// not opened or closed by their schedules.
pub const CLOCK_STEP_MAX: Duration = Duration::from_secs(60);

/// How long a wall clock that was set has to keep to its new time. Then it is believed.
pub const CLOCK_STEP_WAIT_MAX: Duration = Duration::from_secs(15 * 60);

/// Compares the two clocks, from one check to the next.
#[derive(Debug)]
pub(super) struct ClockWatch {
    /// The difference that is believed: wall clock minus steady clock, in milliseconds.
    believed: i128,
    /// The difference at `since`. It has not changed by a step since then.
    candidate: i128,
    /// When that was, by the steady clock.
    since: Duration,
    suspended: bool,
}

impl ClockWatch {
    /// Believes the wall clock as it is: at a start there is nothing to compare it with.
    pub(super) fn new(wall: Timestamp, steady: Duration) -> Self {
        let believed = difference(wall, steady);
        Self { believed, candidate: believed, since: steady, suspended: false }
    }

    /// Whether schedules may be kept by the wall clock. Logs when that changes.
    pub(super) fn is_believed(&mut self, wall: Timestamp, steady: Duration) -> bool {
        let now = difference(wall, steady);
        if is_step(self.candidate, now) {
            (self.candidate, self.since) = (now, steady);
        } else if steady.saturating_sub(self.since) >= CLOCK_STEP_WAIT_MAX {
            // Also without a step: two good clocks drift apart over months.
            (self.believed, self.candidate, self.since) = (now, now, steady);
        }
        let suspended = is_step(self.believed, now);
        if suspended && !self.suspended {
            let seconds = (now - self.believed) / 1_000;
            tracing::error!(
                seconds,
                "the clock was set: no election is opened or closed by its schedule until the \
                 clock is set back, or has kept to its new time for 15 minutes; an officer can \
                 open and close"
            );
        } else if self.suspended && !suspended {
            tracing::warn!("the clock is believed again: schedules are kept");
        }
        self.suspended = suspended;
        !suspended
    }
}

/// The wall clock minus the steady clock, in milliseconds.
fn difference(wall: Timestamp, steady: Duration) -> i128 {
    i128::from(wall.0) * 1_000 - steady.as_millis().cast_signed()
}

fn is_step(before: i128, now: i128) -> bool {
    now.abs_diff(before) > CLOCK_STEP_MAX.as_millis()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600;
    const WAIT: u64 = CLOCK_STEP_WAIT_MAX.as_secs();

    /// Checks once a second from one steady time to another, with the wall clock ahead by `ahead`.
    /// Returns how many of these checks believe the clock.
    fn believed(watch: &mut ClockWatch, seconds: std::ops::Range<u64>, ahead: i64) -> usize {
        let wall = |steady: u64| Timestamp((10 * HOUR + steady).saturating_add_signed(ahead));
        seconds
            .filter(|steady| watch.is_believed(wall(*steady), Duration::from_secs(*steady)))
            .count()
    }

    fn watch() -> ClockWatch {
        ClockWatch::new(Timestamp(10 * HOUR), Duration::ZERO)
    }

    #[test]
    fn a_step_suspends_until_it_is_taken_back() {
        for ahead in [11 * HOUR as i64, -11 * HOUR as i64, 61, -61] {
            let mut watch = watch();
            assert_eq!(believed(&mut watch, 0..10, 0), 10);
            assert_eq!(believed(&mut watch, 10..12, ahead), 0, "{ahead}");
            assert_eq!(believed(&mut watch, 12..20, 0), 8, "{ahead}");
        }
    }

    #[test]
    fn a_step_that_stays_is_believed_after_the_wait() {
        let mut watch = watch();
        assert_eq!(believed(&mut watch, 0..WAIT, HOUR as i64), 0);
        assert_eq!(believed(&mut watch, WAIT..WAIT + 10, HOUR as i64), 10);
        // The old time is now the wrong one.
        assert_eq!(believed(&mut watch, WAIT + 10..WAIT + 20, 0), 0);
    }

    #[test]
    fn a_clock_that_is_set_again_and_again_is_not_believed() {
        let mut watch = watch();
        for turn in 0..20 {
            let ahead = if turn % 2 == 0 { HOUR as i64 } else { 2 * HOUR as i64 };
            assert_eq!(believed(&mut watch, turn * WAIT / 2..(turn + 1) * WAIT / 2, ahead), 0);
        }
    }

    #[test]
    fn small_steps_add_up() {
        let mut watch = watch();
        let counts = [0, 30, 60, 90, 120].map(|ahead| {
            let from = ahead as u64;
            believed(&mut watch, from..from + 30, ahead)
        });
        assert_eq!(counts, [30, 30, 30, 0, 0]);
    }

    #[test]
    fn clocks_that_drift_apart_over_months_agree() {
        let mut watch = watch();
        // One second in three hours is 93 millionths.
        for hours in 0..3_000 {
            let from = hours * HOUR;
            assert_eq!(believed(&mut watch, from..from + 2, hours as i64 / 3), 2, "{hours}");
        }
    }

    #[test]
    fn a_machine_that_was_suspended_has_no_step() {
        let mut watch = watch();
        assert_eq!(believed(&mut watch, 0..5, 0), 5);
        // The steady clock counts the time of the suspension, too.
        assert_eq!(believed(&mut watch, 100 * HOUR..100 * HOUR + 5, 0), 5);
    }
}
