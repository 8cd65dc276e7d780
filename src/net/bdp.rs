//! Window size from an estimate of a path's bandwidth-delay product (BDP).
//!
//! With less than the BDP in flight, a path is idle part of the time. With more, the excess waits
//! in a buffer: it arrives no sooner, takes memory, and has left the processor's cache when its
//! turn comes. As in [BBR](https://queue.acm.org/detail.cfm?id=3022184), the BDP is the highest
//! delivery rate (the bottleneck bandwidth) times the minimum round-trip time.

use std::time::Duration;

use tokio::time::Instant;

/// The smallest window, in bytes. Within one machine a larger one is slower.
pub const WINDOW_BYTES_MIN: usize = 1 << 20;

/// The largest window, in bytes.
///
/// A path of 1 Gbit/s with a round trip of 100 ms holds 12.5 MB, to which the size of one read or
/// write is added at either end. A smaller window would slow such a path down; a larger one would
/// only take memory on both sides.
pub const WINDOW_BYTES_MAX: usize = 16 << 20;

/// The window as a multiple of the BDP. With a window of just the estimate, the delivery rate could
/// not exceed it, and the estimate would never grow.
const WINDOW_GAIN: f64 = 2.0;

/// The estimate for one path.
#[derive(Debug, Default)]
pub(crate) struct BdpEstimate {
    /// The bytes delivered so far.
    delivered: u64,
    /// The highest delivery rate so far, in bytes a second.
    bandwidth: f64,
    min_rtt: Option<Duration>,
}

/// The state when something was sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SendMark {
    at: Instant,
    delivered: u64,
}

impl BdpEstimate {
    /// To be called at each send; the mark goes to [`delivered`](Self::delivered).
    pub(crate) fn sent(&self) -> SendMark {
        SendMark { at: Instant::now(), delivered: self.delivered }
    }

    /// Takes a sample: `bytes` were acknowledged, or came back as the answer.
    pub(crate) fn delivered(&mut self, mark: SendMark, bytes: usize) {
        self.delivered += bytes as u64;
        let rtt = mark.at.elapsed();
        if rtt.is_zero() {
            return;
        }
        self.min_rtt = Some(self.min_rtt.map_or(rtt, |min| min.min(rtt)));
        let rate = (self.delivered - mark.delivered) as f64 / rtt.as_secs_f64();
        self.bandwidth = self.bandwidth.max(rate);
    }

    /// The bytes that may be in flight.
    pub(crate) fn window(&self) -> usize {
        let bdp = self.bandwidth * self.min_rtt.unwrap_or_default().as_secs_f64();
        ((bdp * WINDOW_GAIN) as usize).clamp(WINDOW_BYTES_MIN, WINDOW_BYTES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use tokio::time::advance;

    use super::*;

    const PIECE: usize = 256 * 1024;

    /// The window after `bytes` over a path with this round-trip time and rate in bytes a second.
    async fn window(rtt: Duration, rate: f64, bytes: usize) -> usize {
        let (mut estimate, mut in_flight) = (BdpEstimate::default(), VecDeque::new());
        let begun = Instant::now();
        let mut last = begun;
        for _ in 0..bytes / PIECE {
            while in_flight.len() < estimate.window() / PIECE {
                in_flight.push_back(estimate.sent());
            }
            let mark = in_flight.pop_front().unwrap();
            // A piece arrives after its round trip, and after the pieces sent before it.
            let pause = Duration::from_secs_f64(PIECE as f64 / rate);
            last = (mark.at + rtt + pause).max(last + pause);
            advance(last - Instant::now()).await;
            estimate.delivered(mark, PIECE);
        }
        estimate.window()
    }

    #[tokio::test(start_paused = true)]
    async fn the_window_is_twice_the_bdp_within_its_bounds() {
        let far = window(Duration::from_millis(100), 125e6, 100_000_000).await;
        assert_eq!(far, WINDOW_BYTES_MAX);
        let across_the_country = window(Duration::from_millis(20), 125e6, 100_000_000).await;
        // The BDP is 2.5 MB.
        assert!((4_000_000..8_000_000).contains(&across_the_country), "{across_the_country}");
        let local = window(Duration::from_micros(50), 2e9, 1_000_000_000).await;
        assert_eq!(local, WINDOW_BYTES_MIN);
        let slow = window(Duration::from_millis(100), 1e6, 10_000_000).await;
        assert_eq!(slow, WINDOW_BYTES_MIN);
    }

    #[tokio::test(start_paused = true)]
    async fn a_round_trip_of_no_time_is_not_a_sample() {
        let mut estimate = BdpEstimate::default();
        let mark = estimate.sent();
        estimate.delivered(mark, usize::MAX / 2);
        assert_eq!(estimate.window(), WINDOW_BYTES_MIN);
    }
}
