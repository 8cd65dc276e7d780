//! Listening sockets: TCP, TLS and Unix.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener, UnixStream};

use super::link::{Address, HostPort, Link};
use super::socket::Socket;
use super::tls::Identity;

/// The pause after a failed accept, such as when there are no file descriptors left.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Accepts connections at one address. Dropping it removes its socket file.
#[derive(Debug)]
pub struct Listener {
    inner: Inner,
    link: Link,
}

#[derive(Debug)]
enum Inner {
    Tcp(TcpListener, Option<Identity>),
    Unix { listener: UnixListener, path: PathBuf, file: FileId },
}

impl Listener {
    /// Listens at `address`, with `identity` if that is a TLS address. Port 0 picks a free port.
    ///
    /// # Errors
    /// Where the address cannot be bound, or is a TLS address and there is no identity.
    pub async fn bind(address: &Address, identity: Option<&Identity>) -> io::Result<Self> {
        match address {
            Address::Tcp(at) => {
                let (listener, at) = listen(at).await?;
                Ok(Self { inner: Inner::Tcp(listener, None), link: Link::to(Address::Tcp(at)) })
            }
            Address::Tls(at) => {
                let identity = identity.cloned().ok_or_else(|| {
                    let why = "it is encrypted, and there is no certificate";
                    io::Error::new(io::ErrorKind::InvalidInput, why)
                })?;
                let (listener, local) = listen(at).await?;
                // The link keeps the host name, which the certificate may be for.
                let at = HostPort { host: at.host.clone(), port: local.port };
                let certificate = identity.in_links.then_some(identity.fingerprint);
                let link = Link { certificate, ..Link::to(Address::Tls(at)) };
                Ok(Self { inner: Inner::Tcp(listener, Some(identity)), link })
            }
            Address::Unix(path) => {
                remove_stale_socket(path).await?;
                let listener = UnixListener::bind(path)?;
                let path = path.canonicalize()?;
                let file = file_id(&path)?;
                let link = Link::to(Address::Unix(path.clone()));
                Ok(Self { inner: Inner::Unix { listener, path, file }, link })
            }
        }
    }

    /// The link to this listener, with the actual port.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// Whether other machines can reach it without encryption.
    pub fn is_exposed(&self) -> bool {
        match &self.link.address {
            Address::Tcp(at) => !at.host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()),
            Address::Tls(_) | Address::Unix(_) => false,
        }
    }

    /// The next connection. Retries until one is accepted.
    pub async fn accept(&self) -> Socket {
        loop {
            let accepted = match &self.inner {
                Inner::Tcp(listener, identity) => {
                    let accepted = listener.accept().await;
                    accepted.and_then(|(it, _)| Socket::accepted(it, identity.as_ref()))
                }
                Inner::Unix { listener, .. } => {
                    listener.accept().await.and_then(|(it, _)| Socket::from_unix(it))
                }
            };
            match accepted {
                Ok(socket) => return socket,
                Err(error) if is_of_peer(&error) => {
                    tracing::debug!(%error, "connection failed before it was accepted");
                }
                Err(error) => {
                    tracing::warn!(link = ?self.link, %error, "cannot accept connections");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
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

async fn listen(at: &HostPort) -> io::Result<(TcpListener, HostPort)> {
    let listener = TcpListener::bind((&*at.host, at.port)).await?;
    let local = listener.local_addr()?;
    Ok((listener, HostPort { host: local.ip().to_string(), port: local.port() }))
}

/// Device and inode.
type FileId = (u64, u64);

fn file_id(path: &Path) -> io::Result<FileId> {
    use std::os::unix::fs::MetadataExt;

    let metadata = std::fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
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
