//! How many connections, and how many TLS handshakes, one address may begin in a second.
//!
//! What exceeds the limit waits for its turn, so that many voters behind one address all get in. It
//! is refused if its turn is too far away.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::gcra::{ArrivalTime, Limit};

/// The new connections of one address.
const CONNECTION_LIMIT: Limit = Limit { interval: Duration::from_millis(4), burst: 1_000 };

/// The TLS handshakes of one address. A handshake takes more of a processor than a vote.
const HANDSHAKE_LIMIT: Limit = Limit { interval: Duration::from_millis(10), burst: 500 };

/// The longest wait of a new connection for its turn. One that had to wait longer is closed at
/// once.
pub const TURN_WAIT_MAX: Duration = Duration::from_secs(2);

/// The addresses whose arrivals are remembered until they are paid off. Further ones are not
/// limited.
pub const ARRIVING_ADDRESSES_MAX: usize = 100_000;

/// The least time between two searches for addresses that can be forgotten.
const SEARCH_PAUSE: Duration = Duration::from_secs(1);

/// What an address begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    Connection,
    Handshake,
}

/// The arrivals of all addresses.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    addresses: HashMap<IpAddr, OfAddress>,
    searched: Option<Instant>,
}

#[derive(Debug, Default)]
struct OfAddress {
    connections: ArrivalTime,
    handshakes: ArrivalTime,
}

impl OfAddress {
    fn is_paid_off(&self, now: Instant) -> bool {
        self.connections.is_paid_off(now) && self.handshakes.is_paid_off(now)
    }
}

impl Arrivals {
    /// The time that a new arrival has to wait for its turn; `None` if it is refused.
    pub(super) fn turn(
        &mut self,
        arrival: Arrival,
        address: IpAddr,
        now: Instant,
    ) -> Option<Duration> {
        if self.addresses.len() >= ARRIVING_ADDRESSES_MAX && !self.addresses.contains_key(&address)
        {
            self.forget_paid_off(now);
            if self.addresses.len() >= ARRIVING_ADDRESSES_MAX {
                return Some(Duration::ZERO);
            }
        }
        let of_address = self.addresses.entry(address).or_default();
        let (time, limit) = match arrival {
            Arrival::Connection => (&mut of_address.connections, &CONNECTION_LIMIT),
            Arrival::Handshake => (&mut of_address.handshakes, &HANDSHAKE_LIMIT),
        };
        let wait = time.wait(limit, now).unwrap_or_default();
        if wait > TURN_WAIT_MAX {
            return None;
        }
        time.charge(limit, now);
        Some(wait)
    }

    fn forget_paid_off(&mut self, now: Instant) {
        if self.searched.is_some_and(|searched| now < searched + SEARCH_PAUSE) {
            return;
        }
        self.searched = Some(now);
        self.addresses.retain(|_, address| !address.is_paid_off(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    /// Of so many arrivals at once: how many begin at once, wait, and are refused.
    fn arrive(arrivals: &mut Arrivals, kind: Arrival, count: u32, now: Instant) -> [u32; 3] {
        let mut counts = [0; 3];
        for _ in 0..count {
            let turn = arrivals.turn(kind, ADDRESS, now);
            let index = turn.map_or(2, |wait| usize::from(!wait.is_zero()));
            counts[index] += 1;
        }
        counts
    }

    #[test]
    fn a_burst_begins_at_once_then_turns_are_given_and_the_rest_is_refused() {
        let (mut arrivals, now) = (Arrivals::default(), Instant::now());
        assert_eq!(arrive(&mut arrivals, Arrival::Connection, 3_000, now), [1_000, 500, 1_500]);
        assert_eq!(arrive(&mut arrivals, Arrival::Handshake, 3_000, now), [500, 200, 2_300]);
        // Other addresses do not notice.
        let other = IpAddr::from([192, 0, 2, 2]);
        assert_eq!(arrivals.turn(Arrival::Handshake, other, now), Some(Duration::ZERO));
        // A second later, as many turns are free as the rate allows.
        let later = now + Duration::from_secs(1);
        assert_eq!(arrive(&mut arrivals, Arrival::Connection, 3_000, later), [0, 250, 2_750]);
        assert_eq!(arrive(&mut arrivals, Arrival::Handshake, 3_000, later), [0, 100, 2_900]);
    }

    #[test]
    fn addresses_are_forgotten_once_they_are_paid_off() {
        let (mut arrivals, now) = (Arrivals::default(), Instant::now());
        for index in 0..ARRIVING_ADDRESSES_MAX as u32 + 10 {
            arrivals.turn(Arrival::Connection, IpAddr::from(index.to_be_bytes()), now);
        }
        assert_eq!(arrivals.addresses.len(), ARRIVING_ADDRESSES_MAX);
        arrivals.turn(Arrival::Connection, ADDRESS, now + SEARCH_PAUSE);
        assert_eq!(arrivals.addresses.len(), 1);
    }
}
