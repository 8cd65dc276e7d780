//! Byte streams that an RPC connection can run over, and what all sockets have in common.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

/// The idle time of a TCP connection before keep-alive probes are sent.
const KEEPALIVE_WAIT_MAX: Duration = Duration::from_secs(60);

/// Timeout of the handshakes, of TLS and of a WebSocket.
pub(super) const HANDSHAKE_WAIT_MAX: Duration = Duration::from_secs(10);

/// A byte stream that an RPC connection can run over.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Stream for S {}

/// Sets the options of a TCP socket. Those of a listening socket are those of what it accepts.
pub(super) fn configure(socket: SockRef<'_>) -> io::Result<()> {
    // The transport batches its writes itself; Nagle's algorithm would only delay them.
    socket.set_tcp_nodelay(true)?;
    // Detects a dead peer even while a call without a timeout is in progress.
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE_WAIT_MAX))
}

/// Does this work, or fails once the time is over.
pub(super) async fn within<T>(
    wait: Duration,
    work: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    timeout(wait, work).await.unwrap_or_else(|_| {
        let why = format!("no answer within {} s", wait.as_secs());
        Err(io::Error::new(io::ErrorKind::TimedOut, why))
    })
}

#[cfg(test)]
#[cfg(all(feature = "client", feature = "server"))]
mod tests {
    use std::future::poll_fn;

    use tokio::net::TcpStream;

    use super::*;
    use crate::net::host::HostPort;
    use crate::net::reach::reach;
    use crate::net::tcp::TcpListeners;

    #[tokio::test]
    async fn both_ends_send_keep_alive_probes_and_wait_for_nothing() {
        let at = HostPort { host: "127.0.0.1".into(), port: 0 };
        let mut listeners = TcpListeners::bind(&at).await.unwrap();
        let here = reach(&listeners.reached_at(&at)).await.unwrap();
        configure(SockRef::from(&here)).unwrap();
        let (there, _) = poll_fn(|context| listeners.poll_accept(context)).await.unwrap();
        let there = TcpStream::from_std(there).unwrap();
        for stream in [here, there] {
            let socket = SockRef::from(&stream);
            assert!(socket.keepalive().unwrap() && socket.tcp_nodelay().unwrap());
            assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEPALIVE_WAIT_MAX);
        }
    }
}
