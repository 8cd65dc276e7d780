//! Connected sockets, over TCP, TLS or Unix, and the byte streams they become.

use std::io;
#[cfg(feature = "server")]
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
#[cfg(feature = "client")]
use tokio_rustls::rustls::pki_types::ServerName;
#[cfg(feature = "server")]
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};
#[cfg(feature = "client")]
use tokio_rustls::{TlsConnector, rustls::ClientConfig};

#[cfg(feature = "server")]
use super::admission::Origin;
#[cfg(feature = "server")]
use super::http::Site;
#[cfg(feature = "client")]
use super::link::{Address, HostPort, Link};
#[cfg(feature = "server")]
use super::proxy::{self, PROXY_HEADER_WAIT_MAX};
#[cfg(feature = "client")]
use super::reach::reach;
#[cfg(feature = "server")]
use super::tls::Identity;
use super::tls::Wiped;
#[cfg(feature = "client")]
use super::tls::verifier;
#[cfg(feature = "client")]
use super::websocket;

#[cfg(feature = "client")]
/// Connect timeout.
const CONNECT_WAIT_MAX: Duration = Duration::from_secs(10);

/// The idle time of a TCP connection before keep-alive probes are sent.
const KEEPALIVE_WAIT_MAX: Duration = Duration::from_secs(60);

/// Timeout of the handshakes, of TLS and of a WebSocket.
const HANDSHAKE_WAIT_MAX: Duration = Duration::from_secs(10);

/// A byte stream that an RPC connection can run over.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Stream for S {}

/// A connected socket that is not registered with a runtime, and so can be moved to another thread.
#[derive(Debug)]
pub struct Socket {
    inner: Inner,
    /// Whether a proxy says first where the connection comes from.
    #[cfg(feature = "server")]
    is_forwarded: bool,
    #[cfg(feature = "server")]
    pages: Option<Pages>,
    /// What the server is called that is asked for a WebSocket.
    #[cfg(feature = "client")]
    host: Option<String>,
}

/// What a connection is served before it goes on as a WebSocket.
#[cfg(feature = "server")]
#[derive(Debug)]
pub(super) struct Pages {
    pub(super) site: Arc<Site>,
    /// Where it comes from, if that is a proxy that says so of its visitors.
    pub(super) proxy: Option<Origin>,
}

#[derive(Debug)]
enum Inner {
    Tcp(std::net::TcpStream),
    Tls(std::net::TcpStream, TlsRole),
    Unix(std::os::unix::net::UnixStream),
}

/// This side's role in the TLS handshake.
#[derive(Debug)]
enum TlsRole {
    #[cfg(feature = "server")]
    Server(Arc<ServerConfig>),
    #[cfg(feature = "client")]
    Client { config: Arc<ClientConfig>, server: ServerName<'static>, pinned: bool },
}

impl Socket {
    #[cfg(feature = "server")]
    /// An accepted TCP connection: TLS, if there is an identity.
    pub(super) fn accepted(stream: TcpStream, identity: Option<&Identity>) -> io::Result<Self> {
        let stream = configured(stream)?;
        Ok(Self::new(match identity {
            Some(identity) => Inner::Tls(stream, TlsRole::Server(identity.config.clone())),
            None => Inner::Tcp(stream),
        }))
    }

    #[cfg(feature = "server")]
    /// An accepted connection over a Unix socket.
    pub(super) fn from_unix(stream: UnixStream) -> io::Result<Self> {
        Ok(Self::new(Inner::Unix(stream.into_std()?)))
    }

    #[cfg(feature = "server")]
    /// The same connection, if it is one that a proxy forwards.
    pub(super) fn forwarded(self, is_forwarded: bool) -> Self {
        Self { is_forwarded, ..self }
    }

    #[cfg(feature = "server")]
    /// The same connection, if it is one for pages, from this address; `None` is a Unix socket. One
    /// that a proxy forwards begins with where it comes from, and its requests do not say it again.
    pub(super) fn for_pages(self, site: Arc<Site>, peer: Option<IpAddr>) -> Self {
        let origin = peer.map_or(Origin::Here, Origin::from);
        let is_proxy = !self.is_forwarded && site.proxies().cover(peer);
        let proxy = is_proxy.then_some(origin);
        Self { pages: Some(Pages { site, proxy }), ..self }
    }

    #[cfg(feature = "server")]
    /// What the connection is served before it goes on as a WebSocket, if it does not begin as an
    /// RPC connection.
    pub(super) fn take_pages(&mut self) -> Option<Pages> {
        self.pages.take()
    }

    #[cfg(feature = "server")]
    pub(super) fn is_forwarded(&self) -> bool {
        self.is_forwarded
    }

    #[cfg(feature = "server")]
    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self.inner, Inner::Tls(..))
    }

    fn new(inner: Inner) -> Self {
        Self {
            inner,
            #[cfg(feature = "server")]
            is_forwarded: false,
            #[cfg(feature = "server")]
            pages: None,
            #[cfg(feature = "client")]
            host: None,
        }
    }

    #[cfg(feature = "server")]
    /// The peer's address. For a connection that a proxy forwards, or asks for pages on, this
    /// machine: the proxy says later where it comes from.
    ///
    /// # Errors
    /// Where the peer has already disconnected.
    pub fn origin(&self) -> io::Result<Origin> {
        let is_proxys = self.pages.as_ref().is_some_and(|pages| pages.proxy.is_some());
        match &self.inner {
            _ if self.is_forwarded || is_proxys => Ok(Origin::Here),
            Inner::Tcp(stream) | Inner::Tls(stream, _) => Ok(stream.peer_addr()?.ip().into()),
            Inner::Unix(_) => Ok(Origin::Here),
        }
    }

    #[cfg(feature = "server")]
    /// Reads where a forwarded connection comes from. What follows is left to be read.
    ///
    /// # Errors
    /// Where the proxy does not say so within 5 s.
    pub(super) async fn forwarded_origin(self) -> io::Result<(Self, Origin)> {
        let told = async {
            Ok(match self.inner {
                Inner::Tcp(stream) => {
                    let (stream, origin) = told_origin(stream).await?;
                    (Inner::Tcp(stream), origin)
                }
                Inner::Tls(stream, role) => {
                    let (stream, origin) = told_origin(stream).await?;
                    (Inner::Tls(stream, role), origin)
                }
                Inner::Unix(stream) => {
                    let mut stream = UnixStream::from_std(stream)?;
                    let origin = proxy::read_origin(&mut stream).await?;
                    (Inner::Unix(stream.into_std()?), origin)
                }
            })
        };
        let (inner, origin) = within(PROXY_HEADER_WAIT_MAX, told).await?;
        Ok((Self { inner, ..self }, origin))
    }

    /// Registers the socket with this thread's runtime, and does the handshakes, if any.
    ///
    /// # Errors
    /// Where a handshake fails, or they take longer than 10 s.
    pub async fn into_stream(self) -> io::Result<Box<dyn Stream>> {
        let handshakes = async {
            let stream = self.inner.into_stream().await?;
            #[cfg(feature = "client")]
            if let Some(host) = &self.host {
                let socket: Box<dyn Stream> = Box::new(websocket::handshake(stream, host).await?);
                return Ok(socket);
            }
            Ok(stream)
        };
        within(HANDSHAKE_WAIT_MAX, handshakes).await
    }
}

impl Inner {
    /// Registers the socket with this thread's runtime, and does the TLS handshake, if any.
    async fn into_stream(self) -> io::Result<Box<dyn Stream>> {
        let (stream, role) = match self {
            Self::Tcp(stream) => return Ok(Box::new(TcpStream::from_std(stream)?)),
            Self::Unix(stream) => return Ok(Box::new(UnixStream::from_std(stream)?)),
            Self::Tls(stream, role) => (Wiped(TcpStream::from_std(stream)?), role),
        };
        Ok(match role {
            #[cfg(feature = "server")]
            TlsRole::Server(config) => Box::new(TlsAcceptor::from(config).accept(stream).await?),
            #[cfg(feature = "client")]
            TlsRole::Client { config, server, pinned } => {
                let connected = TlsConnector::from(config).connect(server, stream).await;
                Box::new(connected.map_err(|error| verifier::explain(error, pinned))?)
            }
        })
    }
}

#[cfg(feature = "client")]
/// Connects to the server of a link: of a name with several addresses, to the first that answers.
///
/// # Errors
/// Where the connection is refused or fails, or takes longer than 10 s.
pub async fn connect(link: &Link) -> io::Result<Socket> {
    let reach = async |at: &HostPort| configured(reach(at).await?);
    let connected = async {
        let inner = match &link.address {
            Address::Tcp(at) | Address::Http(at) => Inner::Tcp(reach(at).await?),
            Address::Unix(path) | Address::HttpUnix(path) => {
                Inner::Unix(UnixStream::connect(path).await?.into_std()?)
            }
            Address::Tls(at) | Address::Https(at) => {
                let pinned = link.certificate.is_some();
                let config = verifier::client_config(link.certificate)?;
                let server = ServerName::try_from(at.without_zone().to_string());
                let server = server.map_err(io::Error::other)?;
                Inner::Tls(reach(at).await?, TlsRole::Client { config, server, pinned })
            }
        };
        Ok(Socket { host: link.address.http_host(), ..Socket::new(inner) })
    };
    within(CONNECT_WAIT_MAX, connected).await
}

#[cfg(feature = "server")]
/// Reads where a forwarded connection comes from, and deregisters it from the runtime again.
async fn told_origin(stream: std::net::TcpStream) -> io::Result<(std::net::TcpStream, Origin)> {
    let mut stream = TcpStream::from_std(stream)?;
    let origin = proxy::read_origin(&mut stream).await?;
    Ok((stream.into_std()?, origin))
}

/// Sets the socket options, and deregisters the stream from the runtime.
fn configured(stream: TcpStream) -> io::Result<std::net::TcpStream> {
    // The transport batches its writes itself; Nagle's algorithm would only delay them.
    stream.set_nodelay(true)?;
    // Detects a dead peer even while a call without a timeout is in progress.
    SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE_WAIT_MAX))?;
    stream.into_std()
}

async fn within<T>(wait: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(wait, work).await.unwrap_or_else(|_| {
        let why = format!("no answer within {} s", wait.as_secs());
        Err(io::Error::new(io::ErrorKind::TimedOut, why))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_ends_send_keep_alive_probes() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let link = format!("capvote://{}", listener.local_addr().unwrap()).parse().unwrap();
        let here = connect(&link).await.unwrap();
        let there = Socket::accepted(listener.accept().await.unwrap().0, None).unwrap();
        for socket in [here, there] {
            let Inner::Tcp(stream) = socket.inner else { panic!("{socket:?}") };
            let socket = SockRef::from(&stream);
            assert!(socket.keepalive().unwrap());
            assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEPALIVE_WAIT_MAX);
        }
    }
}
