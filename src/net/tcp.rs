//! The listening TCP sockets of one host: one for each of its addresses.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::task::{Context, Poll};

use rustix::io::Errno;
use socket2::SockRef;
use tokio::net::TcpListener;

use super::host::HostPort;
use super::http::Site;
use super::listening::Listening;
use super::resolve::{ADDRESSES_MAX, addresses};
use super::stream::configure;

/// How many free ports of the first address are tried until one is free at the others.
const PORT_TRIES_MAX: usize = 16;

type Listeners = Vec<(Listening<std::net::TcpListener>, SocketAddr)>;

/// Listens at every address of a host, on the same port. Clones are of the same sockets.
#[derive(Debug, Clone)]
pub(super) struct TcpListeners {
    listeners: Listeners,
    /// Which listener is asked first.
    turn: usize,
}

impl TcpListeners {
    /// Listens at all addresses of the host that this machine has. Port 0 picks a free port.
    pub(super) async fn bind(at: &HostPort) -> io::Result<Self> {
        let addresses = addresses(at).await?;
        if addresses.len() > ADDRESSES_MAX {
            let why = format!("the name has more than {ADDRESSES_MAX} addresses");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let mut tries = 1;
        loop {
            match bind_all(&addresses).await {
                // The port was picked for the first address.
                Err(error)
                    if at.port == 0
                        && error.kind() == io::ErrorKind::AddrInUse
                        && tries < PORT_TRIES_MAX =>
                {
                    tries += 1;
                }
                bound => return Ok(Self { listeners: bound?, turn: 0 }),
            }
        }
    }

    /// The port that they listen on.
    pub(super) fn port(&self) -> u16 {
        self.listeners.first().map_or(0, |(_, address)| address.port())
    }

    /// Where clients reach them: the name if it has several addresses, otherwise its address.
    pub(super) fn reached_at(&self, at: &HostPort) -> HostPort {
        let host = match &self.listeners[..] {
            [(_, address)] if at.zone().is_none() => address.ip().to_string(),
            _ => at.host.clone(),
        };
        HostPort { host, port: self.port() }
    }

    /// What browsers may call the host.
    pub(super) fn site(&self, at: &HostPort) -> Site {
        Site::at(self.listeners.iter().map(|(_, address)| address.ip())).named(&at.host)
    }

    /// Whether only this machine can reach them.
    pub(super) fn are_loopback(&self) -> bool {
        self.listeners.iter().all(|(_, address)| address.ip().to_canonical().is_loopback())
    }

    /// The next connection. They take turns, so that many connections at one address do not keep
    /// those at another waiting.
    pub(super) fn poll_accept(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        self.turn = (self.turn + 1) % self.listeners.len().max(1);
        let (later, sooner) = self.listeners.split_at_mut(self.turn);
        for (listener, _) in sooner.iter_mut().chain(later) {
            if let Poll::Ready(accepted) = listener.poll_accept(context, accept) {
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    }
}

/// Accepts a connection, which has the options of the listener.
fn accept(listener: &std::net::TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, peer) = listener.accept()?;
    stream.set_nonblocking(true)?;
    Ok((stream, peer))
}

async fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let listener = TcpListener::bind(address).await?.into_std()?;
    configure(SockRef::from(&listener))?;
    Ok(listener)
}

/// Listens at each of these addresses that this machine has.
async fn bind_all(addresses: &[SocketAddr]) -> io::Result<Listeners> {
    let mut listeners = Listeners::new();
    let mut absent = None;
    for address in addresses {
        let mut address = *address;
        if let Some((_, first)) = listeners.first() {
            address.set_port(first.port());
        }
        let named = |error: io::Error| match addresses.len() {
            1 => error,
            _ => io::Error::new(error.kind(), format!("{address}: {error}")),
        };
        match listen(address).await {
            Ok(listener) => {
                let local = listener.local_addr()?;
                listeners.push((Listening::new(listener), local));
            }
            Err(error) if is_absent(&error) => absent = Some(named(error)),
            Err(error) => return Err(named(error)),
        }
    }
    match absent {
        Some(error) if listeners.is_empty() => return Err(error),
        Some(error) => {
            tracing::warn!(%error, "an address of the name is not listened on");
        }
        None if listeners.is_empty() => {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        }
        None => {}
    }
    Ok(listeners)
}

/// Whether the machine does not have the address, or no IPv6 at all.
fn is_absent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || Errno::from_io_error(error) == Some(Errno::AFNOSUPPORT)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    fn parse(addresses: &[&str]) -> Vec<SocketAddr> {
        addresses.iter().map(|address| address.parse().unwrap()).collect()
    }

    #[tokio::test]
    async fn every_address_of_a_name_is_listened_on_at_the_same_port() {
        let bound = bind_all(&parse(&["127.0.0.1:0", "127.0.0.2:0", "127.0.0.3:0"])).await;
        let mut listeners = TcpListeners { listeners: bound.unwrap(), turn: 0 };
        let port = listeners.port();
        let hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
        let mut streams = Vec::new();
        for host in hosts {
            for _ in 0..2 {
                streams.push(TcpStream::connect((host, port)).unwrap());
            }
        }
        let mut accepted = Vec::new();
        for _ in &streams {
            let (stream, _) = poll_fn(|context| listeners.poll_accept(context)).await.unwrap();
            accepted.push(stream.local_addr().unwrap().ip().to_string());
        }
        // In turns, although each had a second one waiting.
        for round in accepted.chunks(3) {
            let mut round = round.to_vec();
            round.sort();
            assert_eq!(round, hosts);
        }
        let at = HostPort { host: "vote.example.org".into(), port: 0 };
        assert_eq!(listeners.reached_at(&at), HostPort { port, ..at });
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_left_out_and_one_in_use_is_an_error() {
        let bound = bind_all(&parse(&["240.0.0.1:0", "127.0.0.1:0"])).await.unwrap();
        let [(_, taken)] = &bound[..] else { panic!("{bound:?}") };
        let error = bind_all(&parse(&["240.0.0.1:0", "240.0.0.2:0"])).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
        let elsewhere = format!("127.0.0.2:{}", taken.port());
        let error = bind_all(&parse(&[&elsewhere, &taken.to_string()])).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&taken.to_string()), "{error}");
        assert!(bind_all(&[]).await.unwrap_err().to_string().contains("no address"));
    }
}
