//! Listening sockets: TCP, TLS and Unix, for RPC connections and for pages.

use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use rustix::io::Errno;
use tokio::net::{UnixListener, UnixStream};
use tokio::time::Instant;

use super::admission::Admission;
use super::http::Site;
use super::link::{Address, HostPort, Link};
use super::proxy::TrustedProxies;
use super::socket::Socket;
use super::tcp::TcpListeners;
use super::tls::Identity;

/// The pause after a failed accept.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// The least time between two lines of the log about failed accepts.
const LOG_PAUSE: Duration = Duration::from_secs(60);

/// The idle connections that make room at a time when there are no file descriptors left.
const OUT_OF_FILES_CLOSED: usize = 16;

/// Opened to have a descriptor to spare.
const NOTHING: &str = "/dev/null";

/// Accepts connections at one address, or at all addresses of a name. Dropping it removes its
/// socket file.
#[derive(Debug)]
pub struct Listener {
    inner: Inner,
    link: Link,
    proxies: TrustedProxies,
    /// What browsers may call it, if it serves pages.
    site: Option<Arc<Site>>,
    /// While there are no descriptors left, this one is used to accept a connection and close it.
    spare: Option<File>,
    /// When a failed accept was logged.
    logged: Option<Instant>,
}

#[derive(Debug)]
enum Inner {
    Tcp(TcpListeners, Option<Identity>),
    Unix { listener: UnixListener, path: PathBuf, file: FileId },
}

impl Listener {
    /// Listens at `address`, with `identity` if that is a TLS address. Port 0 picks a free port.
    /// A name is listened on at all its addresses that this machine has.
    ///
    /// # Errors
    /// Where the address cannot be bound, or is a TLS address and there is no identity.
    pub async fn bind(address: &Address, identity: Option<&Identity>) -> io::Result<Self> {
        match address {
            Address::Tcp(at) | Address::Http(at) => {
                let listeners = TcpListeners::bind(at).await?;
                let site = address.has_pages().then(|| listeners.site(at));
                let kind = if site.is_some() { Address::Http } else { Address::Tcp };
                let link = Link::to(kind(listeners.reached_at(at)));
                Ok(Self::new(Inner::Tcp(listeners, None), link, site).told_to(at))
            }
            Address::Tls(at) | Address::Https(at) => {
                let identity = identity.cloned().ok_or_else(|| {
                    let why = "it is encrypted, and there is no certificate";
                    io::Error::new(io::ErrorKind::InvalidInput, why)
                })?;
                let listeners = TcpListeners::bind(at).await?;
                let site = address.has_pages().then(|| listeners.site(at).encrypted());
                let kind = if site.is_some() { Address::Https } else { Address::Tls };
                // The link keeps the host name, which the certificate may be for.
                let at = HostPort { host: at.host.clone(), port: listeners.port() };
                let certificate = identity.in_links.then_some(identity.fingerprint);
                let link = Link { certificate, ..Link::to(kind(at.clone())) };
                Ok(Self::new(Inner::Tcp(listeners, Some(identity)), link, site).told_to(&at))
            }
            Address::Unix(path) | Address::HttpUnix(path) => {
                remove_stale_socket(path).await?;
                let listener = UnixListener::bind(path)?;
                let path = path.canonicalize()?;
                let file = file_id(&path)?;
                let site = address.has_pages().then(Site::on_socket);
                let kind = if site.is_some() { Address::HttpUnix } else { Address::Unix };
                let link = Link::to(kind(path.clone()));
                Ok(Self::new(Inner::Unix { listener, path, file }, link, site))
            }
        }
    }

    fn new(inner: Inner, link: Link, site: Option<Site>) -> Self {
        Self {
            inner,
            link,
            proxies: TrustedProxies::default(),
            site: site.map(Arc::new),
            spare: File::open(NOTHING).ok(),
            logged: None,
        }
    }

    /// The same listener, after a warning if it was told to listen at a name that has only loopback
    /// addresses here: the machine's own name often has.
    fn told_to(self, at: &HostPort) -> Self {
        if self.reaches_nobody_at(at) {
            tracing::warn!(
                link = ?self.link,
                "only this machine reaches it, because its name has a loopback address here \
                 (see /etc/hosts); listen on 0.0.0.0 or [::], and name it with --public"
            );
        }
        self
    }

    /// Whether a name, to those who do not know this machine, hides that nobody else reaches it.
    fn reaches_nobody_at(&self, at: &HostPort) -> bool {
        let Inner::Tcp(listeners, _) = &self.inner else { return false };
        at.is_name() && !at.is_this_machine() && listeners.are_loopback()
    }

    /// The same listener, which requires the PROXY protocol from these peers.
    #[must_use]
    pub fn trusting(self, proxies: TrustedProxies) -> Self {
        // Not `..self`: it implements `Drop`.
        let mut listener = self;
        listener.proxies = proxies;
        listener
    }

    /// The same listener, whose pages are also reached at this host, and behind these proxies, of
    /// which the header field `X-Forwarded-For` is believed.
    #[must_use]
    pub fn with_pages(self, host: Option<&str>, proxies: TrustedProxies) -> Self {
        self.with_site(|site| {
            let site = site.behind(proxies);
            match host {
                Some(host) => site.named(host),
                None => site,
            }
        })
    }

    /// The same listener with another site, if it has pages.
    pub(super) fn with_site(self, change: impl FnOnce(Site) -> Site) -> Self {
        let mut listener = self;
        if let Some(site) = &mut listener.site {
            *site = Arc::new(change(Site::clone(site)));
        }
        listener
    }

    /// The link to this listener, with the actual port.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// Whether other machines can reach it without encryption.
    pub fn is_exposed(&self) -> bool {
        match &self.inner {
            Inner::Tcp(listeners, None) => !listeners.are_loopback(),
            Inner::Tcp(_, Some(_)) | Inner::Unix { .. } => false,
        }
    }

    /// The next connection. Retries until one is accepted. While there are no file descriptors
    /// left, idle connections of `admission` make room, and where there is none, new ones are
    /// closed.
    pub async fn accept(&mut self, admission: &Admission) -> Socket {
        loop {
            match self.try_accept().await {
                Ok(socket) => return socket,
                Err(error) if is_of_peer(&error) => {
                    tracing::debug!(%error, "connection failed before it was accepted");
                }
                Err(error) => {
                    self.log(&error);
                    let mut has_room = false;
                    if is_out_of_files(&error) {
                        for _ in 0..OUT_OF_FILES_CLOSED {
                            has_room |= admission.make_room();
                        }
                    }
                    if has_room || !is_out_of_files(&error) || !self.turn_one_away() {
                        tokio::time::sleep(ACCEPT_RETRY).await;
                    }
                }
            }
        }
    }

    async fn try_accept(&mut self) -> io::Result<Socket> {
        let (socket, peer) = match &mut self.inner {
            Inner::Tcp(listeners, identity) => {
                let (stream, peer) = poll_fn(|context| listeners.poll_accept(context)).await?;
                (Socket::accepted(stream, peer, identity.as_ref()), Some(peer.ip()))
            }
            Inner::Unix { listener, .. } => (Socket::from_unix(listener.accept().await?.0)?, None),
        };
        let socket = socket.forwarded(self.proxies.cover(peer));
        Ok(match &self.site {
            Some(site) => socket.for_pages(site.clone(), peer),
            None => socket,
        })
    }

    /// Accepts a connection with the spare descriptor, and closes it. Returns whether it could.
    fn turn_one_away(&mut self) -> bool {
        let had_spare = self.spare.take().is_some();
        let accepted = self.try_accept().now_or_never();
        drop(accepted);
        self.spare = File::open(NOTHING).ok();
        had_spare && self.spare.is_some()
    }

    /// Logs a failed accept, at most once in [`LOG_PAUSE`].
    fn log(&mut self, error: &io::Error) {
        let now = Instant::now();
        if self.logged.is_none_or(|logged| now >= logged + LOG_PAUSE) {
            self.logged = Some(now);
            tracing::warn!(link = ?self.link, %error, "cannot accept connections");
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Inner::Unix { path, file, .. } = &self.inner {
            // Another server may have replaced it by its own socket file.
            if file_id(path).is_ok_and(|found| found == *file) {
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

/// Device and inode.
type FileId = (u64, u64);

fn file_id(path: &Path) -> io::Result<FileId> {
    use std::os::unix::fs::MetadataExt;

    let metadata = std::fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
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

/// Removes a socket file on which no server listens; refuses any other file.
async fn remove_stale_socket(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt;

    let Ok(metadata) = std::fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !metadata.file_type().is_socket() {
        let why = "there is a file that is not a socket";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
    }
    match UnixStream::connect(path).await {
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another server listens there")),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_nobody_else_can_reach_is_told_from_loopback() {
        // The first is a name here, and 127.0.0.1 to the system, without the DNS.
        for (host, hidden) in [("127.1", true), ("localhost", false), ("127.0.0.1", false)] {
            let at = HostPort { host: host.into(), port: 0 };
            let listener = Listener::bind(&Address::Tcp(at.clone()), None).await.unwrap();
            assert_eq!(listener.reaches_nobody_at(&at), hidden, "{host}");
        }
    }
}
