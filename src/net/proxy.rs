//! The PROXY protocol, versions 1 and 2: where a connection comes from, as a proxy says.

use std::io;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ipnet::IpNet;
use proxy_header::{ParseConfig, ProxyHeader};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::admission::Origin;

/// The longest header of version 2, in bytes, with what the proxy adds to the addresses. A longer
/// one ends the connection.
pub const PROXY_HEADER_BYTES_MAX: usize = 2_048;

/// The longest header of version 1, in bytes, by its specification.
pub const PROXY_LINE_BYTES_MAX: usize = 107;

/// The wait for the header. Then the connection is closed.
pub const PROXY_HEADER_WAIT_MAX: Duration = Duration::from_secs(5);

/// How a header of version 2 begins. No header of version 1 is as short.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// What follows the signature: command, family and length.
const REST_OF_START: usize = 4;

/// The command of a connection of the proxy's own.
const LOCAL: u8 = 0x20;

/// Peers whose connections begin with a PROXY protocol header, which is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrustedProxy {
    /// The machines of a network.
    Network(IpNet),
    /// The programs that connect to a Unix socket.
    Unix,
}

impl FromStr for TrustedProxy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "unix" {
            return Ok(Self::Unix);
        }
        let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
        let network = text.parse().ok().or_else(address);
        network.map(Self::Network).ok_or_else(|| {
            "give an address, such as 192.0.2.7, a network, such as 192.0.2.0/24, or unix".into()
        })
    }
}

impl TrustedProxy {
    /// Whether it is about connections from this address; `None` is a Unix socket.
    fn covers(&self, peer: Option<IpAddr>) -> bool {
        match (self, peer) {
            (Self::Network(network), Some(address)) => network.contains(&address.to_canonical()),
            (Self::Unix, None) => true,
            _ => false,
        }
    }
}

/// The trusted proxies of a server, which may change while it runs. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Arc<RwLock<Vec<TrustedProxy>>>);

impl TrustedProxies {
    /// Trusts these and no others, for connections that are accepted from here on.
    pub fn set(&self, proxies: Vec<TrustedProxy>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = proxies;
    }

    /// Whether one is about connections from this address; `None` is a Unix socket.
    pub(super) fn cover(&self, peer: Option<IpAddr>) -> bool {
        let proxies = self.0.read().unwrap_or_else(PoisonError::into_inner);
        proxies.iter().any(|proxy| proxy.covers(peer))
    }
}

/// Reads a header, and nothing behind it.
///
/// # Errors
/// Where there is no valid header.
pub(super) async fn read_origin(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Origin> {
    let mut header = SIGNATURE.to_vec();
    stream.read_exact(&mut header).await?;
    if header == SIGNATURE {
        let mut start = [0; REST_OF_START];
        stream.read_exact(&mut start).await?;
        header.extend_from_slice(&start);
        let [command, _, high, low] = start;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if header.len() + length > PROXY_HEADER_BYTES_MAX {
            return Err(invalid("its PROXY header is too long"));
        }
        let mut addresses = vec![0; length];
        stream.read_exact(&mut addresses).await?;
        if command == LOCAL {
            // By the specification, what follows does not matter then.
            return Ok(Origin::Here);
        }
        header.extend_from_slice(&addresses);
    } else if header.starts_with(b"PROXY ") {
        // Byte by byte: what follows the line belongs to the connection.
        while !header.ends_with(b"\r\n") {
            if header.len() >= PROXY_LINE_BYTES_MAX {
                return Err(invalid("its PROXY header is too long"));
            }
            header.push(stream.read_u8().await?);
        }
    }
    let config = ParseConfig { include_tlvs: false, ..ParseConfig::default() };
    let (parsed, length) = ProxyHeader::parse(&header, config)
        .map_err(|_| invalid("it does not begin with a valid PROXY header"))?;
    if length != header.len() {
        return Err(invalid("its PROXY header has the wrong length"));
    }
    Ok(parsed.proxied_address().map_or(Origin::Here, |address| address.source.ip().into()))
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The origin of a connection that begins with these bytes, and what is left of them.
    async fn read(mut bytes: &[u8]) -> (Option<Origin>, &[u8]) {
        (read_origin(&mut bytes).await.ok(), bytes)
    }

    fn from(address: &str) -> Option<Origin> {
        Some(address.parse::<IpAddr>().unwrap().into())
    }

    /// A header of version 2 with this command, family and payload.
    fn v2(command: u8, family: u8, payload: &[u8]) -> Vec<u8> {
        let length = (payload.len() as u16).to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, payload].concat()
    }

    #[tokio::test]
    async fn headers_of_both_versions_are_read_to_their_end() {
        let v4 = [192, 0, 2, 1, 127, 0, 0, 1, 0, 80, 0, 80];
        let v6 = [&"2001:db8::1".parse::<std::net::Ipv6Addr>().unwrap().octets()[..], &[0; 20]];
        let with_tlv = [&v4[..], &[4, 0, 2, 0, 0]].concat();
        let table: [(Vec<u8>, Option<Origin>); 9] = [
            (b"PROXY TCP4 192.0.2.1 127.0.0.1 80 80\r\n".into(), from("192.0.2.1")),
            (b"PROXY TCP6 2001:db8::1 ::1 80 80\r\n".into(), from("2001:db8::1")),
            (b"PROXY TCP6 ::ffff:192.0.2.1 ::1 80 80\r\n".into(), from("192.0.2.1")),
            (b"PROXY UNKNOWN\r\n".into(), Some(Origin::Here)),
            (v2(0x21, 0x11, &v4), from("192.0.2.1")),
            (v2(0x21, 0x21, &v6.concat()), from("2001:db8::1")),
            (v2(0x21, 0x11, &with_tlv), from("192.0.2.1")),
            (v2(0x20, 0, &[]), Some(Origin::Here)),
            (v2(0x20, 0x11, &[7; 3]), Some(Origin::Here)),
        ];
        for (header, origin) in table {
            let bytes = [&header[..], b"the connection"].concat();
            assert_eq!(read(&bytes).await, (origin, &b"the connection"[..]), "{header:?}");
        }
    }

    #[tokio::test]
    async fn what_is_no_header_is_an_error_after_few_bytes() {
        let long_line = [&b"PROXY UNKNOWN "[..], &[b'x'; 10_000]].concat();
        let long_header = v2(0x21, 0x11, &[0; 60_000]);
        let table: [&[u8]; 10] = [
            b"",
            b"PROXY TCP4 192.0.2.1",
            b"PROXY TCP4 192.0.2.256 127.0.0.1 80 80\r\n",
            b"PROXY TCP4 2001:db8::1 ::1 80 80\r\n",
            b"PROXY SCTP 192.0.2.1 127.0.0.1 80 80\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
            &[0; 64],
            &long_line,
            &long_header,
            &v2(0x21, 0x11, &[0; 4]),
        ];
        for bytes in table {
            let (origin, rest) = read(bytes).await;
            assert_eq!(origin, None, "{bytes:?}");
            assert!(bytes.len() - rest.len() <= PROXY_HEADER_BYTES_MAX);
        }
    }

    #[test]
    fn a_proxy_is_an_address_a_network_or_the_unix_socket() {
        let covers = |trusted: &str, peer: Option<&str>| {
            let trusted: TrustedProxy = trusted.parse().unwrap();
            trusted.covers(peer.map(|peer| peer.parse().unwrap()))
        };
        assert!(covers("192.0.2.7", Some("192.0.2.7")) && !covers("192.0.2.7", Some("192.0.2.8")));
        assert!(covers("192.0.2.0/24", Some("::ffff:192.0.2.8")));
        assert!(covers("2001:db8::/32", Some("2001:db8:7::1")) && !covers("::1", Some("::2")));
        assert!(covers("unix", None) && !covers("unix", Some("127.0.0.1")));
        assert!(!covers("0.0.0.0/0", None));
        for wrong in ["", "proxy", "192.0.2.0/33", "192.0.2.7:80"] {
            assert!(wrong.parse::<TrustedProxy>().is_err(), "{wrong}");
        }
    }
}
