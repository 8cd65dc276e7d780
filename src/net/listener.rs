//! Where connections come from.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener, UnixStream};

use super::link::{Address, HostPort, Link};
use super::socket::{Socket, unsupported_tls};

/// How long to leave a listener alone that cannot accept, as when there are no more file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Accepts connections at one address. A socket file is removed when its listener is dropped.
#[derive(Debug)]
pub struct Listener {
    inner: Inner,
    link: Link,
}

#[derive(Debug)]
enum Inner {
    Tcp(TcpListener),
    Unix { listener: UnixListener, path: PathBuf, file: FileId },
}

impl Listener {
    /// Listens at `address`. Port 0 takes one that is free.
    pub async fn bind(address: &Address) -> io::Result<Self> {
        match address {
            Address::Tcp(at) => {
                let listener = TcpListener::bind((&*at.host, at.port)).await?;
                let local = listener.local_addr()?;
                let at = HostPort { host: local.ip().to_string(), port: local.port() };
                Ok(Self { inner: Inner::Tcp(listener), link: Link::to(Address::Tcp(at)) })
            }
            Address::Unix(path) => {
                remove_stale_socket(path).await?;
                let listener = UnixListener::bind(path)?;
                let path = path.canonicalize()?;
                let file = file_id(&path)?;
                let link = Link::to(Address::Unix(path.clone()));
                Ok(Self { inner: Inner::Unix { listener, path, file }, link })
            }
            Address::Tls(_) => Err(unsupported_tls()),
        }
    }

    /// How to reach this listener, with the port it really has.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// The next connection. Failures to accept are waited out.
    pub async fn accept(&self) -> Socket {
        loop {
            let accepted = match &self.inner {
                Inner::Tcp(listener) => {
                    listener.accept().await.and_then(|(it, _)| Socket::from_tcp(it))
                }
                Inner::Unix { listener, .. } => {
                    listener.accept().await.and_then(|(it, _)| Socket::from_unix(it))
                }
            };
            match accepted {
                Ok(socket) => return socket,
                Err(error) if of_one_peer(&error) => {
                    tracing::debug!(%error, "a connection broke before it began");
                }
                Err(error) => {
                    tracing::warn!(link = ?self.link, %error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Inner::Unix { path, file, .. } = &self.inner {
            // Another server may have put its own socket file there since.
            if file_id(path).is_ok_and(|found| found == *file) {
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

/// Which file it is, whatever its name: its device and its number there.
type FileId = (u64, u64);

fn file_id(path: &Path) -> io::Result<FileId> {
    use std::os::unix::fs::MetadataExt;

    let metadata = std::fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Whether an error in accepting is about one peer, who has gone, and not about the listener.
fn of_one_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, InvalidInput, NotConnected};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | InvalidInput | NotConnected)
}

/// Removes a socket file that a killed server left behind, and nothing else.
async fn remove_stale_socket(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt;

    let Ok(metadata) = std::fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !metadata.file_type().is_socket() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "there is a file that is not a socket",
        ));
    }
    match UnixStream::connect(path).await {
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another server listens there")),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)
        }
        Err(error) => Err(error),
    }
}
