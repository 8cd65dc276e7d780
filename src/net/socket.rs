//! One open stream of bytes, whatever it runs over.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::admission::Origin;
use super::link::{Address, HostPort, Link};
use super::tls::{self, Identity};

/// How long to wait for a server to accept a connection.
const CONNECT_WAIT_MAX: Duration = Duration::from_secs(10);

/// Anything that an RPC connection can run over.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Stream for S {}

/// How long a connection says nothing before the machine at its other end is asked whether it is still there.
const KEEPALIVE_WAIT_MAX: Duration = Duration::from_secs(60);

/// How long a TLS handshake may take.
const HANDSHAKE_WAIT_MAX: Duration = Duration::from_secs(10);

/// A connected socket that is not bound to a runtime, and so can change threads.
#[derive(Debug)]
pub struct Socket(Inner);

#[derive(Debug)]
enum Inner {
    Tcp(std::net::TcpStream),
    Tls(std::net::TcpStream, Part),
    Unix(std::os::unix::net::UnixStream),
}

/// Which part of a TLS handshake is played here.
#[derive(Debug)]
enum Part {
    Server(Arc<ServerConfig>),
    Client { config: Arc<ClientConfig>, server: ServerName<'static>, pinned: bool },
}

impl Socket {
    /// Takes a TCP connection, which is encrypted if the server has an identity for it.
    pub(super) fn accepted(stream: TcpStream, identity: Option<&Identity>) -> io::Result<Self> {
        let stream = unbound(stream)?;
        Ok(Self(match identity {
            Some(identity) => Inner::Tls(stream, Part::Server(identity.config.clone())),
            None => Inner::Tcp(stream),
        }))
    }

    /// Takes a connection through a socket file.
    pub(super) fn from_unix(stream: UnixStream) -> io::Result<Self> {
        Ok(Self(Inner::Unix(stream.into_std()?)))
    }

    /// Where its other end is.
    ///
    /// # Errors
    /// Where it has gone already.
    pub fn origin(&self) -> io::Result<Origin> {
        match &self.0 {
            Inner::Tcp(stream) | Inner::Tls(stream, _) => Ok(stream.peer_addr()?.ip().into()),
            Inner::Unix(_) => Ok(Origin::Here),
        }
    }

    /// Binds the socket to the runtime of this thread. Where it is encrypted, both sides agree on how first.
    ///
    /// # Errors
    /// Where they do not, or not within 10 s.
    pub async fn into_stream(self) -> io::Result<Box<dyn Stream>> {
        let (stream, part) = match self.0 {
            Inner::Tcp(stream) => return Ok(Box::new(TcpStream::from_std(stream)?)),
            Inner::Unix(stream) => return Ok(Box::new(UnixStream::from_std(stream)?)),
            Inner::Tls(stream, part) => (TcpStream::from_std(stream)?, part),
        };
        let agreed = async {
            let stream: Box<dyn Stream> = match part {
                Part::Server(config) => Box::new(TlsAcceptor::from(config).accept(stream).await?),
                Part::Client { config, server, pinned } => {
                    let agreed = TlsConnector::from(config).connect(server, stream).await;
                    Box::new(agreed.map_err(|error| tls::explain(error, pinned))?)
                }
            };
            Ok(stream)
        };
        timeout(HANDSHAKE_WAIT_MAX, agreed).await.unwrap_or_else(|_| Err(late(HANDSHAKE_WAIT_MAX)))
    }
}

fn unbound(stream: TcpStream) -> io::Result<std::net::TcpStream> {
    // Whole messages are written at once; waiting for more to send would only delay them.
    stream.set_nodelay(true)?;
    // A peer that is gone without a word is noticed, also while a call is under way that takes as long as it takes.
    SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE_WAIT_MAX))?;
    stream.into_std()
}

fn late(wait: Duration) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", wait.as_secs()))
}

/// Connects to the server that a link names.
///
/// # Errors
/// Where nobody answers, or not within 10 s.
pub async fn connect(link: &Link) -> io::Result<Socket> {
    let reach = async |at: &HostPort| unbound(TcpStream::connect((&*at.host, at.port)).await?);
    let connected = async {
        Ok(Socket(match &link.address {
            Address::Tcp(at) => Inner::Tcp(reach(at).await?),
            Address::Unix(path) => Inner::Unix(UnixStream::connect(path).await?.into_std()?),
            Address::Tls(at) => {
                let pinned = link.certificate.is_some();
                let config = tls::client(link.certificate)?;
                let server = ServerName::try_from(at.host.clone()).map_err(io::Error::other)?;
                Inner::Tls(reach(at).await?, Part::Client { config, server, pinned })
            }
        }))
    };
    timeout(CONNECT_WAIT_MAX, connected).await.unwrap_or_else(|_| Err(late(CONNECT_WAIT_MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_ends_notice_where_the_other_is_gone_without_a_word() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let link = format!("capvote://{}", listener.local_addr().unwrap()).parse().unwrap();
        let here = connect(&link).await.unwrap();
        let there = Socket::accepted(listener.accept().await.unwrap().0, None).unwrap();
        for socket in [here, there] {
            let Inner::Tcp(stream) = socket.0 else { panic!("{socket:?}") };
            let socket = SockRef::from(&stream);
            assert!(socket.keepalive().unwrap());
            assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEPALIVE_WAIT_MAX);
        }
    }
}
