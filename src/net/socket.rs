//! Accepted sockets, over TCP, TLS or Unix, and the byte streams they become.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

use super::admission::Origin;
use super::http::Site;
use super::proxy::{self, PROXY_HEADER_WAIT_MAX};
use super::stream::{HANDSHAKE_WAIT_MAX, Stream, within};
use super::tls::{Identity, Wiped};

/// A connected socket that is not registered with a runtime, and so can be moved to another thread.
#[derive(Debug)]
pub struct Socket {
    inner: Inner,
    /// The peer.
    origin: Origin,
    /// Whether a proxy says first where the connection comes from.
    is_forwarded: bool,
    pages: Option<Pages>,
}

/// What a connection is served before it goes on as a WebSocket.
#[derive(Debug)]
pub(super) struct Pages {
    pub(super) site: Arc<Site>,
    /// Where it comes from, if that is a proxy that says so of its visitors.
    pub(super) proxy: Option<Origin>,
}

#[derive(Debug)]
enum Inner {
    Tcp(std::net::TcpStream),
    Tls(std::net::TcpStream, Arc<ServerConfig>),
    Unix(std::os::unix::net::UnixStream),
}

impl Socket {
    /// A TCP connection with this peer: TLS, if there is an identity.
    pub(super) fn accepted(
        stream: std::net::TcpStream,
        peer: SocketAddr,
        identity: Option<&Identity>,
    ) -> Self {
        let inner = match identity {
            Some(identity) => Inner::Tls(stream, identity.config.clone()),
            None => Inner::Tcp(stream),
        };
        Self { inner, origin: peer.ip().into(), is_forwarded: false, pages: None }
    }

    /// A connection over a Unix socket.
    pub(super) fn from_unix(stream: std::os::unix::net::UnixStream) -> Self {
        let inner = Inner::Unix(stream);
        Self { inner, origin: Origin::Here, is_forwarded: false, pages: None }
    }

    /// The same connection, if it is one that a proxy forwards.
    pub(super) fn forwarded(self, is_forwarded: bool) -> Self {
        Self { is_forwarded, ..self }
    }

    /// The same connection, if it is one for pages, from this address; `None` is a Unix socket. One
    /// that a proxy forwards begins with where it comes from, and its requests do not say it again.
    pub(super) fn for_pages(self, site: Arc<Site>, peer: Option<IpAddr>) -> Self {
        let is_proxy = !self.is_forwarded && site.proxies().cover(peer);
        let proxy = is_proxy.then_some(self.origin);
        Self { pages: Some(Pages { site, proxy }), ..self }
    }

    /// What the connection is served before it goes on as a WebSocket, if it does not begin as an
    /// RPC connection.
    pub(super) fn take_pages(&mut self) -> Option<Pages> {
        self.pages.take()
    }

    pub(super) fn is_forwarded(&self) -> bool {
        self.is_forwarded
    }

    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self.inner, Inner::Tls(..))
    }

    /// The peer's address. For a connection that a proxy forwards, or asks for pages on, this
    /// machine: the proxy says later where it comes from.
    pub fn origin(&self) -> Origin {
        let is_proxys = self.pages.as_ref().is_some_and(|pages| pages.proxy.is_some());
        if self.is_forwarded || is_proxys { Origin::Here } else { self.origin }
    }

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
                Inner::Tls(stream, config) => {
                    let (stream, origin) = told_origin(stream).await?;
                    (Inner::Tls(stream, config), origin)
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

    /// Registers the socket with this thread's runtime, and does the TLS handshake, if any.
    ///
    /// # Errors
    /// Where the handshake fails, or takes longer than 10 s.
    pub async fn into_stream(self) -> io::Result<Box<dyn Stream>> {
        match self.inner {
            Inner::Tcp(stream) => Ok(Box::new(TcpStream::from_std(stream)?)),
            Inner::Unix(stream) => Ok(Box::new(UnixStream::from_std(stream)?)),
            Inner::Tls(stream, config) => {
                let stream = Wiped(TcpStream::from_std(stream)?);
                let handshake = TlsAcceptor::from(config).accept(stream);
                Ok(Box::new(within(HANDSHAKE_WAIT_MAX, handshake).await?))
            }
        }
    }
}

/// Reads where a forwarded connection comes from, and deregisters it from the runtime again.
async fn told_origin(stream: std::net::TcpStream) -> io::Result<(std::net::TcpStream, Origin)> {
    let mut stream = TcpStream::from_std(stream)?;
    let origin = proxy::read_origin(&mut stream).await?;
    Ok((stream.into_std()?, origin))
}
