//! Connection limits: in total, and per address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The connections from other machines that a server has at a time, and the same number again from
/// its own machine, where a proxy may run. One more is closed as soon as it is accepted.
pub const CONNECTIONS_MAX: usize = 20_000;

/// The connections from one address that a server has at a time; for IPv6, from one /64 network,
/// which is what one customer gets. One more is closed as soon as it is accepted. (The machine's
/// own addresses have only the limit above.)
pub const CONNECTIONS_OF_ADDRESS_MAX: usize = 1_000;

/// The origin of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// This machine: a loopback address or a Unix socket.
    Here,
    /// An IPv4 address, or the first address of an IPv6 /64 network.
    Elsewhere(IpAddr),
}

impl From<IpAddr> for Origin {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            address if address.is_loopback() => Self::Here,
            IpAddr::V6(address) => {
                let network = address.to_bits() & !u128::from(u64::MAX);
                Self::Elsewhere(Ipv6Addr::from_bits(network).into())
            }
            address => Self::Elsewhere(address),
        }
    }
}

/// Counts connections. Clones share the counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Admission(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    here: usize,
    elsewhere: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Counts one connection until it is dropped.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    origin: Origin,
    admission: Admission,
}

impl Admission {
    /// A permit for one more connection, unless a limit is reached.
    pub(super) fn admit(&self, origin: Origin) -> Option<ConnectionPermit> {
        let mut counts = self.counts();
        match origin {
            Origin::Here if counts.here < CONNECTIONS_MAX => counts.here += 1,
            Origin::Elsewhere(address) if counts.elsewhere < CONNECTIONS_MAX => {
                let count = counts.by_address.entry(address).or_default();
                if *count == CONNECTIONS_OF_ADDRESS_MAX {
                    return None;
                }
                *count += 1;
                counts.elsewhere += 1;
            }
            _ => return None,
        }
        Some(ConnectionPermit { origin, admission: self.clone() })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Nothing panics while it holds this lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionPermit {
    pub(super) fn origin(&self) -> Origin {
        self.origin
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut counts = self.admission.counts();
        match self.origin {
            Origin::Here => counts.here -= 1,
            Origin::Elsewhere(address) => {
                counts.elsewhere -= 1;
                if let Some(count) = counts.by_address.get_mut(&address) {
                    *count -= 1;
                    if *count == 0 {
                        counts.by_address.remove(&address);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(address: &str) -> Origin {
        address.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn one_address_has_its_own_limit() {
        let admission = Admission::default();
        let mut permits: Vec<_> =
            std::iter::from_fn(|| admission.admit(origin("192.0.2.1"))).collect();
        assert_eq!(permits.len(), CONNECTIONS_OF_ADDRESS_MAX);
        let other = admission.admit(origin("192.0.2.2"));
        assert!(other.is_some());
        permits.pop();
        assert!(admission.admit(origin("192.0.2.1")).is_some());
        drop((permits, other));
        assert_eq!(admission.counts().elsewhere, 0);
        assert!(admission.counts().by_address.is_empty());
    }

    #[test]
    fn other_machines_cannot_use_up_the_limit_of_this_one() {
        let admission = Admission::default();
        let addresses = (0..=u8::MAX).map(|last| origin(&format!("198.51.100.{last}")));
        let permits: Vec<_> = addresses
            .flat_map(|origin| {
                let admission = admission.clone();
                std::iter::from_fn(move || admission.admit(origin))
            })
            .collect();
        assert_eq!(permits.len(), CONNECTIONS_MAX);
        assert!(admission.admit(origin("203.0.113.1")).is_none());
        assert!(admission.admit(origin("127.0.0.1")).is_some());
    }

    #[test]
    fn an_ipv6_network_of_64_bits_is_one_origin() {
        assert_eq!(origin("2001:db8:1:2:3::1"), origin("2001:db8:1:2:ffff::"));
        assert_ne!(origin("2001:db8:1:2:3::1"), origin("2001:db8:1:3:3::1"));
        assert_eq!(origin("::ffff:192.0.2.1"), origin("192.0.2.1"));
        assert_eq!([origin("::1"), origin("127.9.9.9")], [Origin::Here; 2]);
    }
}
