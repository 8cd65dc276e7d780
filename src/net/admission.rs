//! Connection limits: in total, and per address; and which connection makes room for a new one.
//!
//! A connection holds its place by a vote that is not decided, by counting lines, by watching, and
//! by an officer's capability. Where a limit is reached, the connection that has been idle longest
//! and holds nothing makes room. By watching and by counting lines, which anybody may do, at most
//! nine tenths of the places can be held: the others are left to those who vote, and to officers.

use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::arrivals::{Arrival, Arrivals};
use super::place::{Hold, Place, milliseconds};
use super::places::{Limits, Places};

/// The connections from other machines that a server has at a time, and the same number again from
/// its own machine, where a proxy may run. For one more, the connection that has been idle longest
/// and holds nothing is closed. With few open files, there are fewer: see
/// [`Admission::with_files`].
pub const CONNECTIONS_MAX: usize = 20_000;

/// The connections from one address that a server has at a time; for IPv6, from one /64 network,
/// which is what one customer gets. One more takes the place of another of that address. (The
/// machine's own addresses have only the limit above.)
pub const CONNECTIONS_OF_ADDRESS_MAX: usize = 1_000;

/// TLS handshakes with other machines at a time, and as many with this one. For one more, the
/// oldest is ended.
pub const HANDSHAKES_MAX: usize = 2_000;

/// TLS handshakes with one address at a time. For one more, the oldest of that address is ended.
pub const HANDSHAKES_OF_ADDRESS_MAX: usize = 500;

/// The idle time that a connection is always allowed, if no other one needs its place.
pub const IDLE_WAIT_MIN: Duration = Duration::from_secs(30);

/// The open files of a server that are not connections: the ledger, the listeners, the log.
pub(crate) const OTHER_FILES: u64 = 256;

/// The least connections from other machines, and from this one, however few files may be open.
const CONNECTIONS_MIN: usize = 16;

/// The origin of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// This machine: a loopback address or a Unix socket, unless a proxy there names another.
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

/// The idle time that a connection is allowed: `most` while at most half of its places are taken,
/// and from there in proportion to those that are free, but at least [`IDLE_WAIT_MIN`].
fn idle_wait(most: Duration, occupancy: f64) -> Duration {
    let share = (2.0 * (1.0 - occupancy)).clamp(0.0, 1.0);
    most.mul_f64(share).max(IDLE_WAIT_MIN.min(most))
}

/// The connections of one server. Clones share them.
#[derive(Debug, Clone)]
pub struct Admission(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    arrivals: Mutex<Arrivals>,
    connections: Mutex<Places>,
    handshakes: Mutex<Places>,
}

impl Default for Admission {
    fn default() -> Self {
        Self::new(CONNECTIONS_MAX)
    }
}

impl Admission {
    /// The connections of a server that may have so many files open.
    pub fn with_files(files: u64) -> Self {
        let each = usize::try_from(files.saturating_sub(OTHER_FILES) / 2).unwrap_or(usize::MAX);
        Self::new(each.clamp(CONNECTIONS_MIN, CONNECTIONS_MAX))
    }

    fn new(all: usize) -> Self {
        let connections = Limits { all, one: CONNECTIONS_OF_ADDRESS_MAX.min(all / 2) };
        let handshakes = Limits { all: HANDSHAKES_MAX, one: HANDSHAKES_OF_ADDRESS_MAX };
        Self(Arc::new(Shared {
            arrivals: Mutex::default(),
            connections: Mutex::new(Places::new(connections)),
            handshakes: Mutex::new(Places::new(handshakes)),
        }))
    }

    /// A permit for one more connection; `None` if it has to be closed: too many came from its
    /// address within the last seconds, or all places are held.
    pub(super) fn admit(&self, origin: Origin) -> Option<ConnectionPermit> {
        let turn = self.turn(Arrival::Connection, origin)?;
        let place = Place::new(turn);
        let id = self.connections().take(origin, place.clone(), milliseconds(Instant::now()))?;
        Some(ConnectionPermit { admission: self.clone(), origin, id, place, turn })
    }

    /// Has one connection make room. Returns whether there was one that holds nothing.
    pub(super) fn make_room(&self) -> bool {
        self.connections().make_room(milliseconds(Instant::now()))
    }

    /// When a new arrival has its turn. Those of this machine do not wait.
    fn turn(&self, arrival: Arrival, origin: Origin) -> Option<Instant> {
        let now = Instant::now();
        let Origin::Elsewhere(address) = origin else { return Some(now) };
        Some(now + lock(&self.0.arrivals).turn(arrival, address, now)?)
    }

    fn connections(&self) -> MutexGuard<'_, Places> {
        lock(&self.0.connections)
    }

    fn handshakes(&self) -> MutexGuard<'_, Places> {
        lock(&self.0.handshakes)
    }
}

/// Nothing panics while it holds one of these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The place of one connection, until it is dropped.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    admission: Admission,
    origin: Origin,
    id: u64,
    place: Arc<Place>,
    turn: Instant,
}

impl ConnectionPermit {
    pub(super) fn origin(&self) -> Origin {
        self.origin
    }

    /// What the connection's capabilities need of it.
    pub(super) fn seat(&self) -> Seat {
        let admission = Some((self.admission.clone(), self.id));
        Seat { place: self.place.clone(), admission }
    }

    /// A permit for the same connection, which a proxy said comes from there. `None` as for
    /// [`Admission::admit`].
    pub(super) fn forwarded(self, origin: Origin) -> Option<Self> {
        let admission = self.admission.clone();
        drop(self);
        admission.admit(origin)
    }

    /// Does this work, unless the connection has to make room before.
    pub(super) async fn unless_given_up<T>(
        &self,
        work: impl Future<Output = io::Result<T>>,
    ) -> io::Result<T> {
        tokio::select! {
            done = work => done,
            () = self.place.given_up() => Err(io::Error::other("it made room for another")),
        }
    }

    /// Waits until it is this connection's turn.
    pub(super) async fn turn(&self) {
        if self.turn > Instant::now() {
            sleep_until(self.turn).await;
        }
    }

    /// Notes that the connection is active: it has asked for a page, or begins to be one for calls.
    pub(super) fn touch(&self) {
        self.place.touch(Instant::now());
    }

    /// Waits until it may begin a TLS handshake; `None` as for [`Admission::admit`].
    pub(super) async fn handshake(&self) -> Option<HandshakePermit> {
        let turn = self.admission.turn(Arrival::Handshake, self.origin)?;
        if turn > Instant::now() {
            // It does not make room before it had its turn.
            self.place.touch(turn);
            sleep_until(turn).await;
        }
        let now = milliseconds(Instant::now());
        let id = self.admission.handshakes().take(self.origin, self.place.clone(), now)?;
        Some(HandshakePermit { admission: self.admission.clone(), id })
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.admission.connections().free(self.id);
    }
}

/// Counts one TLS handshake until it is dropped.
#[derive(Debug)]
pub(super) struct HandshakePermit {
    admission: Admission,
    id: u64,
}

impl Drop for HandshakePermit {
    fn drop(&mut self) {
        self.admission.handshakes().free(self.id);
    }
}

/// A connection's place, as its capabilities see it.
#[derive(Debug, Clone)]
pub(super) struct Seat {
    pub(super) place: Arc<Place>,
    /// Where the place is, unless nobody else waits for it.
    admission: Option<(Admission, u64)>,
}

impl Seat {
    /// A place that no other connection can get.
    pub(super) fn of_its_own() -> Self {
        Self { place: Place::new(Instant::now()), admission: None }
    }

    /// Holds the place by what anybody may do.
    ///
    /// # Errors
    /// [`NoHold`].
    pub(super) fn hold_public(&self) -> Result<PublicHold, NoHold> {
        let hold = self.place.hold().ok_or(NoHold::GivenUp)?;
        let Some((admission, id)) = &self.admission else {
            return Ok(PublicHold { _hold: hold, admission: None });
        };
        if !admission.connections().hold_public(*id) {
            return Err(NoHold::Full);
        }
        Ok(PublicHold { _hold: hold, admission: Some((admission.clone(), *id)) })
    }

    /// Whether the connection holds nothing, and was idle for longer than it is allowed. Then it
    /// gives up its place.
    pub(super) fn gives_up_after(&self, most: Duration) -> bool {
        let Some((admission, id)) = &self.admission else { return false };
        let occupancy = admission.connections().occupancy(*id);
        let idle = milliseconds(Instant::now()).saturating_sub(self.place.active_at());
        Duration::from_millis(idle) >= idle_wait(most, occupancy) && self.place.give_up()
    }
}

/// Why a place is not held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoHold {
    /// It was given to another connection.
    GivenUp,
    /// Too many connections hold their places by what anybody may do.
    Full,
}

/// Keeps a connection's place, by what anybody may do, until it is dropped.
#[derive(Debug)]
pub struct PublicHold {
    _hold: Hold,
    admission: Option<(Admission, u64)>,
}

impl Drop for PublicHold {
    fn drop(&mut self) {
        if let Some((admission, id)) = &self.admission {
            admission.connections().release_public(*id);
        }
    }
}

#[cfg(test)]
mod tests;
