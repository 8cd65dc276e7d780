//! One open stream of bytes, whatever it runs over.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::admission::Origin;
use super::link::Address;

/// How long to wait for a server to accept a connection.
const CONNECT_WAIT_MAX: Duration = Duration::from_secs(10);

/// Anything that an RPC connection can run over.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Stream for S {}

/// A connected socket that is not bound to a runtime, and so can change threads.
#[derive(Debug)]
pub enum Socket {
    /// TCP.
    Tcp(std::net::TcpStream),
    /// A socket file.
    Unix(std::os::unix::net::UnixStream),
}

impl Socket {
    /// Takes a TCP connection.
    pub(super) fn from_tcp(stream: TcpStream) -> io::Result<Self> {
        // Whole messages are written at once; waiting for more to send would only delay them.
        stream.set_nodelay(true)?;
        Ok(Self::Tcp(stream.into_std()?))
    }

    /// Takes a connection through a socket file.
    pub(super) fn from_unix(stream: UnixStream) -> io::Result<Self> {
        Ok(Self::Unix(stream.into_std()?))
    }

    /// Where its other end is.
    pub fn origin(&self) -> io::Result<Origin> {
        match self {
            Self::Tcp(stream) => Ok(stream.peer_addr()?.ip().into()),
            Self::Unix(_) => Ok(Origin::Here),
        }
    }

    /// Binds the socket to the runtime of this thread.
    pub fn into_stream(self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Tcp(stream) => Box::new(TcpStream::from_std(stream)?),
            Self::Unix(stream) => Box::new(UnixStream::from_std(stream)?),
        })
    }
}

/// Connects to a server.
pub async fn connect(address: &Address) -> io::Result<Socket> {
    let connected = async {
        match address {
            Address::Tcp(at) => Socket::from_tcp(TcpStream::connect((&*at.host, at.port)).await?),
            Address::Unix(path) => Socket::from_unix(UnixStream::connect(path).await?),
            Address::Tls(_) => Err(unsupported_tls()),
        }
    };
    let waited = timeout(CONNECT_WAIT_MAX, connected).await;
    waited.unwrap_or_else(|_| {
        let seconds = CONNECT_WAIT_MAX.as_secs();
        Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {seconds} s")))
    })
}

/// What there is to say to a `capvotes://` link.
pub(super) fn unsupported_tls() -> io::Error {
    let why = "this version of capvote does not speak TLS (capvotes://)";
    io::Error::new(io::ErrorKind::Unsupported, why)
}
