//! How much to have on its way to keep a path full, and no more than that.
//!
//! With less on its way than a path holds, the path is empty for a part of the time. With more, the rest waits in
//! somebody's memory: nothing arrives earlier for it, and what has gone cold in the processor's cache by its
//! turn arrives later. How much a path holds is how fast it is times how long it takes there and back, and
//! both show in what arrives: this is what [BBR](https://queue.acm.org/detail.cfm?id=3022184) does for TCP.

use std::time::Duration;

use tokio::time::Instant;

/// The bytes that may always be on their way: on one machine, more is slower.
pub const WINDOW_BYTES_MIN: usize = 1 << 20;

/// The bytes that may be on their way at most.
///
/// A path of 1 Gbit/s that takes 100 ms there and back holds 12.5 MB, and what is read or written at a time waits
/// at either end. Less would make such a path slower than it is; more would only take memory on both sides.
pub const WINDOW_BYTES_MAX: usize = 16 << 20;

/// How many times what the path seems to hold may be on its way: with only as much as that, it would never
/// seem to hold more.
const ROOM: f64 = 2.0;

/// What is known of a path from what went there and came back.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// The bytes that have arrived.
    arrived: u64,
    /// The most bytes a second that have arrived.
    rate: f64,
    /// The shortest time that something took there and back.
    shortest: Option<Duration>,
}

/// When something was sent, and how much had arrived by then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Departure {
    at: Instant,
    arrived: u64,
}

impl Pace {
    /// Something is sent.
    pub(crate) fn departs(&self) -> Departure {
        Departure { at: Instant::now(), arrived: self.arrived }
    }

    /// It has come there, or its answer back, and was so long.
    pub(crate) fn arrives(&mut self, departure: Departure, bytes: usize) {
        self.arrived += bytes as u64;
        let took = departure.at.elapsed();
        if took.is_zero() {
            return;
        }
        self.shortest = Some(self.shortest.map_or(took, |shortest| shortest.min(took)));
        self.rate = self.rate.max((self.arrived - departure.arrived) as f64 / took.as_secs_f64());
    }

    /// The bytes that may be on their way.
    pub(crate) fn window(&self) -> usize {
        let holds = self.rate * self.shortest.unwrap_or_default().as_secs_f64();
        ((holds * ROOM) as usize).clamp(WINDOW_BYTES_MIN, WINDOW_BYTES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use tokio::time::advance;

    use super::*;

    const PIECE: usize = 256 * 1024;

    /// The window after so many bytes over a path that takes `latency` there and back and `rate` bytes a
    /// second.
    async fn window(latency: Duration, rate: f64, bytes: usize) -> usize {
        let (mut pace, mut on_the_way) = (Pace::default(), VecDeque::new());
        let begun = Instant::now();
        let mut last = begun;
        for _ in 0..bytes / PIECE {
            while on_the_way.len() < pace.window() / PIECE {
                on_the_way.push_back(pace.departs());
            }
            let departure = on_the_way.pop_front().unwrap();
            // It arrives when it has gone all the way, and what was before it on the path as well.
            let pause = Duration::from_secs_f64(PIECE as f64 / rate);
            last = (departure.at + latency + pause).max(last + pause);
            advance(last - Instant::now()).await;
            pace.arrives(departure, PIECE);
        }
        pace.window()
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_path_is_filled_and_a_short_one_is_not_crammed() {
        let far = window(Duration::from_millis(100), 125e6, 100_000_000).await;
        assert_eq!(far, WINDOW_BYTES_MAX);
        let across_the_country = window(Duration::from_millis(20), 125e6, 100_000_000).await;
        // It holds 2.5 MB.
        assert!((4_000_000..8_000_000).contains(&across_the_country), "{across_the_country}");
        let here = window(Duration::from_micros(50), 2e9, 1_000_000_000).await;
        assert_eq!(here, WINDOW_BYTES_MIN);
        let slow = window(Duration::from_millis(100), 1e6, 10_000_000).await;
        assert_eq!(slow, WINDOW_BYTES_MIN);
    }

    #[tokio::test(start_paused = true)]
    async fn what_arrives_at_once_says_nothing() {
        let mut pace = Pace::default();
        let departure = pace.departs();
        pace.arrives(departure, usize::MAX / 2);
        assert_eq!(pace.window(), WINDOW_BYTES_MIN);
    }
}
