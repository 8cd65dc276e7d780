//! Accepting connections, over TCP, TLS or Unix, for RPC connections and for pages.

use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::FutureExt;
use rustix::io::Errno;
use tokio::time::Instant;

use super::admission::Admission;
use super::http::Site;
use super::link::Link;
use super::listening::Listening;
use super::proxy::TrustedProxies;
use super::socket::Socket;
use super::tcp::TcpListeners;
use super::tls::Identity;

/// The pause after a failed accept, and between two times that connections make room.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// The least time between two lines of the log about failed accepts.
const LOG_PAUSE: Duration = Duration::from_secs(60);

/// The idle connections that make room at a time when there are no file descriptors left.
const OUT_OF_FILES_CLOSED: usize = 16;

/// Opened to have a descriptor to spare.
const NOTHING: &str = "/dev/null";

/// Accepts the connections of a [`Listener`](super::listener::Listener), in one tokio runtime. Each
/// connection is accepted by one of the listener's acceptors.
#[derive(Debug)]
pub struct Acceptor {
    sockets: Sockets,
    link: Link,
    proxies: TrustedProxies,
    site: Option<Arc<Site>>,
    faults: Arc<Mutex<Faults>>,
    /// Whether an accept has failed, and the spare descriptor may be gone.
    has_failed: bool,
}

/// What the acceptors of a listener know of failed accepts.
#[derive(Debug)]
pub(super) struct Faults {
    /// While there are no descriptors left, this one is used to accept a connection and close it.
    spare: Option<File>,
    /// When a failed accept was logged.
    logged: Option<Instant>,
    /// When connections made room.
    made_room: Option<Instant>,
}

impl Faults {
    pub(super) fn none() -> Self {
        Self { spare: File::open(NOTHING).ok(), logged: None, made_room: None }
    }

    /// Logs a failed accept, at most once in [`LOG_PAUSE`].
    fn log(&mut self, error: &io::Error, link: &Link, now: Instant) {
        if self.logged.is_none_or(|logged| now >= logged + LOG_PAUSE) {
            self.logged = Some(now);
            tracing::warn!(?link, %error, "cannot accept connections");
        }
    }

    /// Whether there is a spare descriptor, after another try to get one.
    fn has_spare(&mut self) -> bool {
        self.spare = self.spare.take().or_else(|| File::open(NOTHING).ok());
        self.spare.is_some()
    }
}

/// The listening sockets at one address, or at all addresses of a name.
#[derive(Debug, Clone)]
pub(super) enum Sockets {
    Tcp(TcpListeners, Option<Identity>),
    Unix(Listening<UnixListener>),
}

impl Sockets {
    fn poll_accept(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<(Socket, Option<IpAddr>)>> {
        match self {
            Self::Tcp(listeners, identity) => {
                let (stream, peer) = ready!(listeners.poll_accept(context))?;
                let socket = Socket::accepted(stream, peer, identity.as_ref());
                Poll::Ready(Ok((socket, Some(peer.ip()))))
            }
            Self::Unix(listening) => {
                let stream = ready!(listening.poll_accept(context, accept))?;
                Poll::Ready(Ok((Socket::from_unix(stream), None)))
            }
        }
    }
}

fn accept(listener: &UnixListener) -> io::Result<UnixStream> {
    let (stream, _) = listener.accept()?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

impl Acceptor {
    /// For connections to the listener of this link, from these proxies and for this site.
    pub(super) fn new(
        sockets: Sockets,
        link: Link,
        proxies: TrustedProxies,
        site: Option<Arc<Site>>,
        faults: Arc<Mutex<Faults>>,
    ) -> Self {
        Self { sockets, link, proxies, site, faults, has_failed: false }
    }

    /// The next connection. Retries until one is accepted. While there are no file descriptors
    /// left, idle connections of `admission` make room, and where there is none, new ones are
    /// closed. To be called in the runtime of the first call.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn accept(&mut self, admission: &Admission) -> Socket {
        loop {
            match self.try_accept().await {
                Ok(socket) => {
                    if self.has_failed
                        && let Ok(mut faults) = self.faults.try_lock()
                    {
                        // Another acceptor may have accepted with the descriptor.
                        self.has_failed = !faults.has_spare();
                    }
                    return socket;
                }
                Err(error) if is_of_peer(&error) => {
                    tracing::debug!(%error, "connection failed before it was accepted");
                }
                Err(error) => {
                    self.has_failed = true;
                    if !self.can_go_on(&error, admission) {
                        tokio::time::sleep(ACCEPT_RETRY).await;
                    }
                }
            }
        }
    }

    /// Logs a failed accept, and makes room if there are no descriptors left. Returns whether
    /// another try may succeed at once.
    fn can_go_on(&mut self, error: &io::Error, admission: &Admission) -> bool {
        let faults = self.faults.clone();
        // One acceptor at a time: each has the same fault.
        let Ok(mut faults) = faults.try_lock() else { return false };
        let now = Instant::now();
        faults.log(error, &self.link, now);
        if !is_out_of_files(error) || faults.made_room.is_some_and(|at| now < at + ACCEPT_RETRY) {
            return false;
        }
        let make_room = |_: &usize| admission.make_room();
        if (0..OUT_OF_FILES_CLOSED).filter(make_room).count() > 0 {
            faults.made_room = Some(now);
            return true;
        }
        self.turn_one_away(&mut faults)
    }

    async fn try_accept(&mut self) -> io::Result<Socket> {
        let (socket, peer) = poll_fn(|context| self.sockets.poll_accept(context)).await?;
        let socket = socket.forwarded(self.proxies.cover(peer));
        Ok(match &self.site {
            Some(site) => socket.for_pages(site.clone(), peer),
            None => socket,
        })
    }

    /// Accepts a connection with the spare descriptor, and closes it. Returns whether it could.
    fn turn_one_away(&mut self, faults: &mut Faults) -> bool {
        let had_spare = faults.spare.take().is_some();
        let accepted = self.try_accept().now_or_never();
        drop(accepted);
        faults.has_spare() && had_spare
    }
}

/// Whether the process or the system has no file descriptors left.
fn is_out_of_files(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// Whether an accept error is about a peer that disconnected, not about the listener.
fn is_of_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, InvalidInput, NotConnected};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | InvalidInput | NotConnected)
}
