//! Listening sockets: TCP, TLS and Unix, for RPC connections and for pages.

use std::io;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tokio::net::UnixStream;

use super::acceptor::{Acceptor, Faults, Sockets};
use super::http::Site;
use super::link::{Address, HostPort, Link};
use super::listening::Listening;
use super::proxy::TrustedProxies;
use super::tcp::TcpListeners;
use super::tls::Identity;

/// Listens at one address, or at all addresses of a name. Dropping it removes its socket file;
/// nobody else can connect once its [`Acceptor`]s are dropped, too.
#[derive(Debug)]
pub struct Listener {
    sockets: Sockets,
    /// Removed with it.
    _file: Option<SocketFile>,
    link: Link,
    proxies: TrustedProxies,
    /// What browsers may call it, if it serves pages.
    site: Option<Arc<Site>>,
    faults: Arc<Mutex<Faults>>,
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
                Ok(Self::new(Sockets::Tcp(listeners, None), None, link, site).told_to(at))
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
                let sockets = Sockets::Tcp(listeners, Some(identity));
                Ok(Self::new(sockets, None, link, site).told_to(&at))
            }
            Address::Unix(path) | Address::HttpUnix(path) => {
                remove_stale_socket(path).await?;
                let listener = UnixListener::bind(path)?;
                listener.set_nonblocking(true)?;
                let file = SocketFile::at(path)?;
                let site = address.has_pages().then(Site::on_socket);
                let kind = if site.is_some() { Address::HttpUnix } else { Address::Unix };
                let link = Link::to(kind(file.path.clone()));
                let sockets = Sockets::Unix(Listening::new(listener));
                Ok(Self::new(sockets, Some(file), link, site))
            }
        }
    }

    fn new(sockets: Sockets, file: Option<SocketFile>, link: Link, site: Option<Site>) -> Self {
        let (proxies, site) = (TrustedProxies::default(), site.map(Arc::new));
        let faults = Arc::new(Mutex::new(Faults::none()));
        Self { sockets, _file: file, link, proxies, site, faults }
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
        let Sockets::Tcp(listeners, _) = &self.sockets else { return false };
        at.is_name() && !at.is_this_machine() && listeners.are_loopback()
    }

    /// The same listener, which requires the PROXY protocol from these peers.
    #[must_use]
    pub fn trusting(self, proxies: TrustedProxies) -> Self {
        Self { proxies, ..self }
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
        match &self.sockets {
            Sockets::Tcp(listeners, None) => !listeners.are_loopback(),
            Sockets::Tcp(_, Some(_)) | Sockets::Unix(_) => false,
        }
    }

    /// Accepts its connections, in any tokio runtime. There may be one in each of several.
    pub fn acceptor(&self) -> Acceptor {
        let (sockets, link) = (self.sockets.clone(), self.link.clone());
        let (proxies, site) = (self.proxies.clone(), self.site.clone());
        Acceptor::new(sockets, link, proxies, site, self.faults.clone())
    }
}

/// The file of a Unix socket, which is removed when this is dropped.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    id: FileId,
}

impl SocketFile {
    fn at(path: &Path) -> io::Result<Self> {
        let path = path.canonicalize()?;
        let id = file_id(&path)?;
        Ok(Self { path, id })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Another server may have replaced it by its own socket file.
        if file_id(&self.path).is_ok_and(|found| found == self.id) {
            let _ = std::fs::remove_file(&self.path);
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
