//! Connecting to the server of a link.

use std::io;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::link::{Address, HostPort, Link};
use super::reach::reach;
use super::stream::{HANDSHAKE_WAIT_MAX, Stream, configure, within};
use super::tls::{Wiped, verifier};
use super::websocket;

/// Connect timeout.
const CONNECT_WAIT_MAX: Duration = Duration::from_secs(10);

/// Connects to the server of a link, and does the handshakes, if any. Of a name with several
/// addresses, it is the first that answers.
///
/// # Errors
/// Where the connection is refused or fails, or takes longer than 10 s; where a handshake fails, or
/// they take another 10 s.
pub async fn connect(link: &Link) -> io::Result<Box<dyn Stream>> {
    match &link.address {
        Address::Tcp(at) | Address::Http(at) => {
            let stream = reach_tcp(at).await?;
            within(HANDSHAKE_WAIT_MAX, upgraded(link, stream)).await
        }
        Address::Unix(path) | Address::HttpUnix(path) => {
            let stream = within(CONNECT_WAIT_MAX, UnixStream::connect(path)).await?;
            within(HANDSHAKE_WAIT_MAX, upgraded(link, stream)).await
        }
        Address::Tls(at) | Address::Https(at) => {
            let config = verifier::client_config(link.certificate)?;
            let server = ServerName::try_from(at.without_zone().to_string());
            let server = server.map_err(io::Error::other)?;
            let stream = Wiped(reach_tcp(at).await?);
            let encrypted = async {
                let connected = TlsConnector::from(config).connect(server, stream).await;
                let pinned = link.certificate.is_some();
                let stream = connected.map_err(|error| verifier::explain(error, pinned))?;
                upgraded(link, stream).await
            };
            within(HANDSHAKE_WAIT_MAX, encrypted).await
        }
    }
}

async fn reach_tcp(at: &HostPort) -> io::Result<TcpStream> {
    let stream = within(CONNECT_WAIT_MAX, reach(at)).await?;
    configure(SockRef::from(&stream))?;
    Ok(stream)
}

/// The stream, once the handshake of its WebSocket is done, if it has one.
async fn upgraded(link: &Link, stream: impl Stream) -> io::Result<Box<dyn Stream>> {
    Ok(match link.address.http_host() {
        Some(host) => Box::new(websocket::handshake(stream, &host).await?),
        None => Box::new(stream),
    })
}
