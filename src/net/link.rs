//! Links: a server's address, with an optional election, certificate fingerprint and token.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use percent_encoding::percent_decode_str;

pub use super::address::Address;
use super::address::{HTTP_PORT, HTTPS_PORT};
use super::host;
pub use super::host::{HostPort, InvalidHostPort};
use super::link_text::bare;
use super::link_uri::Uri;
use super::tls::Fingerprint;
use crate::election::ElectionId;

/// The port of a link without one.
pub const DEFAULT_PORT: u16 = 12358;

/// The maximum length of a link, in bytes.
pub const LINK_BYTES_MAX: usize = 4_096;

/// The page that restores a capability by the token behind the `#` of its address.
pub(super) const OFFICERS_PAGE: &str = "officer";

/// The longest path of a Unix socket, in bytes, as Linux has it.
pub(super) const SOCKET_PATH_BYTES_MAX: usize = 107;

/// A link to a server.
///
/// | form | connects |
/// |---|---|
/// | `capvote://HOST:PORT` | over TCP |
/// | `capvotes://HOST:PORT` | over TLS |
/// | `capvote+unix:///PATH` | on this machine, over a Unix socket |
/// | `wss://HOST:PORT`, `https://HOST:PORT` | over a WebSocket and TLS; without a port, to 443 |
/// | `ws://HOST:PORT`, `http://HOST:PORT` | over a WebSocket; without a port, to 80 |
/// | `http+unix:///PATH` | over a WebSocket and a Unix socket |
///
/// `/ELECTION` (for a Unix socket `?election=ID`) names an election, `?cert=SHA256` the fingerprint
/// of the server's certificate, and `#TOKEN` a saved capability; the last two are base64url without
/// padding.
///
/// What begins with `https:` or `http:` is the address of a page, and is written so that a browser
/// opens it: with a token it is `https://HOST/officer#TOKEN`, with `?election=ID` before the token
/// if it is about one. Those of an election, `https://HOST/ELECTION`, and of the pages below it name
/// that election. What such an address has behind its `#` is a voter number, and is left out.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    /// Where the server listens.
    pub address: Address,
    /// The election, if the link names one.
    pub election: Option<ElectionId>,
    /// The fingerprint of the certificate that the server must present.
    pub certificate: Option<Fingerprint>,
    /// The token that restores a saved capability.
    pub token: Option<Vec<u8>>,
}

/// Why a text is not a link. It does not repeat the text, which may contain a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a link: {0}; a link looks like capvote://HOST:PORT, https://HOST or capvote+unix:///PATH"
)]
pub struct InvalidLink(String);

impl Link {
    /// Whether it is an address and nothing more.
    pub fn is_bare(&self) -> bool {
        self.election.is_none() && self.certificate.is_none() && self.token.is_none()
    }

    /// A link that is an address and nothing more.
    pub fn to(address: Address) -> Self {
        Self { address, election: None, certificate: None, token: None }
    }
}

impl FromStr for Link {
    type Err = InvalidLink;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |why: &str| InvalidLink(why.to_string());
        if text.len() > LINK_BYTES_MAX {
            return Err(InvalidLink(format!("it is longer than {LINK_BYTES_MAX} bytes")));
        }
        let text = bare(text).map_err(invalid)?;
        let uri = Uri::split(&text);
        let address = address(&uri)?;
        let is_socket = address.socket().is_some();
        let path = match uri.path.trim_start_matches('/') {
            _ if is_socket => Named::default(),
            path if uri.is_page() => Named::of_page(path)?,
            path => Named { election: named_election(path)?, takes_token: false },
        };
        let Named { mut election, takes_token } = path;
        let mut certificate = None;
        for (key, value) in form_urlencoded::parse(uri.query.as_bytes()) {
            match &*key {
                "election" if (is_socket || takes_token) && election.is_none() => {
                    election = Some(parse_election(&value)?)
                }
                "cert" if certificate.is_none() => {
                    let bytes = BASE64URL_NOPAD.decode(value.as_bytes()).ok();
                    let fingerprint = bytes.and_then(|bytes| bytes.try_into().ok());
                    certificate = Some(
                        fingerprint.ok_or_else(|| invalid("its fingerprint is not 32 bytes"))?,
                    );
                }
                // The error does not quote it: it may be a misplaced token.
                _ => return Err(invalid("a part behind its \"?\" does not belong there")),
            }
        }
        if certificate.is_some() && !address.is_encrypted() {
            let why = "it names a certificate, and only capvotes:// and https:// are encrypted";
            return Err(invalid(why));
        }
        let is_number = uri.is_page() && election.is_some() && !takes_token;
        let token = Some(uri.fragment).filter(|token| !token.is_empty() && !is_number);
        let token = token
            .map(|token| BASE64URL_NOPAD.decode(token.as_bytes()))
            .transpose()
            .map_err(|_| invalid("its token is not base64url"))?;
        Ok(Self { address, election, certificate, token })
    }
}

/// The address in a link.
fn address(uri: &Uri<'_>) -> Result<Address, InvalidLink> {
    let at =
        |usual_port| host::parse(uri.authority, usual_port).map_err(|it| InvalidLink(it.into()));
    Ok(match &*uri.scheme.to_ascii_lowercase() {
        "capvote" => Address::Tcp(at(DEFAULT_PORT)?),
        "capvotes" => Address::Tls(at(DEFAULT_PORT)?),
        "capvote+unix" => Address::Unix(socket_path(uri)?),
        "http" | "ws" => Address::Http(at(HTTP_PORT)?),
        "https" | "wss" => Address::Https(at(HTTPS_PORT)?),
        "http+unix" => Address::HttpUnix(socket_path(uri)?),
        _ => {
            let why = "it does not begin with capvote:, capvotes:, capvote+unix:, https: or wss:";
            return Err(InvalidLink(why.into()));
        }
    })
}

/// What the path of a link names.
#[derive(Default)]
struct Named {
    election: Option<ElectionId>,
    /// Whether it is a page that takes a token, not a voter number.
    takes_token: bool,
}

impl Named {
    /// What the path of a page names.
    fn of_page(path: &str) -> Result<Self, InvalidLink> {
        if path == OFFICERS_PAGE {
            return Ok(Self { election: None, takes_token: true });
        }
        let (election, takes_token) = match path.split_once('/') {
            Some((election, "" | "watch")) => (election, false),
            Some((election, "audit")) => (election, true),
            _ => (path, false),
        };
        Ok(Self { election: named_election(election)?, takes_token })
    }
}

fn named_election(text: &str) -> Result<Option<ElectionId>, InvalidLink> {
    if text.is_empty() { Ok(None) } else { parse_election(text).map(Some) }
}

fn parse_election(text: &str) -> Result<ElectionId, InvalidLink> {
    text.parse().map_err(|error| InvalidLink(format!("{error}")))
}

fn socket_path(uri: &Uri<'_>) -> Result<PathBuf, InvalidLink> {
    if !uri.authority.is_empty() {
        let why = "a socket file has no host: three slashes go before its path";
        return Err(InvalidLink(why.into()));
    }
    let decoded = percent_decode_str(uri.path).decode_utf8();
    let path = decoded.map_err(|_| InvalidLink("its path is not UTF-8".into()))?;
    match &*path {
        "" | "/" => Err(InvalidLink("it names no socket file".into())),
        path if path.contains(char::is_control) => {
            Err(InvalidLink("the path of its socket has a control character".into()))
        }
        path if path.len() > SOCKET_PATH_BYTES_MAX => {
            let bytes = path.len();
            Err(InvalidLink(format!(
                "the path of its socket has {bytes} bytes, and {SOCKET_PATH_BYTES_MAX} are the most"
            )))
        }
        path if path.starts_with('/') => Ok(PathBuf::from(path)),
        // A link has no directory that a relative path could be resolved against.
        _ => Err(InvalidLink("three slashes go before the path of a socket file".into())),
    }
}

/// The complete link, including the token: whoever reads it has the capability.
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = '?';
        let mut query = |f: &mut fmt::Formatter<'_>, key, value: &str| {
            let written = write!(f, "{separator}{key}={value}");
            separator = '&';
            written
        };
        write!(f, "{}://", self.address.scheme())?;
        match &self.address {
            Address::Tcp(at) | Address::Tls(at) => write!(f, "{at}")?,
            Address::Http(at) => f.write_str(&at.with_usual_port(HTTP_PORT))?,
            Address::Https(at) => f.write_str(&at.with_usual_port(HTTPS_PORT))?,
            Address::Unix(path) | Address::HttpUnix(path) => {
                let path = path.to_string_lossy();
                write!(f, "{}", percent_encoding::utf8_percent_encode(&path, PATH_ESCAPES))?;
            }
        }
        let is_socket = self.address.socket().is_some();
        // An election may be called as that page is.
        let is_called_so = self.election.as_ref().is_some_and(|it| it.as_str() == OFFICERS_PAGE);
        let is_officers =
            self.address.has_pages() && !is_socket && (self.token.is_some() || is_called_so);
        if is_officers {
            write!(f, "/{OFFICERS_PAGE}")?;
        }
        match &self.election {
            None => {}
            Some(election) if is_socket || is_officers => query(f, "election", election.as_str())?,
            Some(election) => write!(f, "/{election}")?,
        }
        if let Some(certificate) = &self.certificate {
            query(f, "cert", &BASE64URL_NOPAD.encode(certificate))?;
        }
        if let Some(token) = &self.token {
            write!(f, "#{}", BASE64URL_NOPAD.encode(token))?;
        }
        Ok(())
    }
}

/// The characters that are percent-encoded in a path.
const PATH_ESCAPES: &percent_encoding::AsciiSet = &percent_encoding::CONTROLS
    .add(b' ')
    .add(b'%')
    .add(b'?')
    .add(b'#')
    .add(b'"')
    .add(b'<')
    .add(b'>');

/// As [`Display`](fmt::Display), without the token, for logs.
impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = Self { token: None, ..self.clone() };
        write!(f, "{shown}{}", if self.token.is_some() { "#.." } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_displayed_as_it_was_parsed() {
        let fingerprint = "A".repeat(43);
        let links = [
            "capvote://127.0.0.1:12358",
            "capvote://localhost:0",
            "capvote://[::1]:4000/board-2026",
            "capvotes://vote.example.org:443/board#c2VjcmV0",
            &format!("capvotes://vote.example.org:443?cert={fingerprint}#c2VjcmV0"),
            "capvote+unix:///run/capvote.sock",
            "capvote+unix:///run/with%20space%3F.sock?election=board#c2VjcmV0",
            "https://vote.example.org",
            "https://vote.example.org:8443/board",
            "https://vote.example.org/officer#c2VjcmV0",
            "https://[::1]/officer?election=board#c2VjcmV0",
            &format!("https://vote.example.org/board?cert={fingerprint}"),
            &format!("https://127.0.0.1:1/officer?election=a&cert={fingerprint}#c2VjcmV0"),
            "https://vote.example.org/officer?election=officer",
            "http://127.0.0.1:8080",
            "http://127.0.0.1",
            "http+unix:///run/capvote.sock?election=board#c2VjcmV0",
        ];
        for text in links {
            let link: Link = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(link.to_string(), text);
        }
    }

    #[test]
    fn a_link_is_parsed_into_its_parts() {
        let link: Link = "capvote://Example.org/board#c2VjcmV0".parse().unwrap();
        let Address::Tcp(at) = &link.address else { panic!("{link}") };
        assert_eq!((at.port, link.election.as_ref().unwrap().as_str()), (DEFAULT_PORT, "board"));
        assert_eq!(link.token.as_deref(), Some(&b"secret"[..]));
        let link: Link = "capvote+unix:///run/a%20b?election=x".parse().unwrap();
        assert_eq!(link.address, Address::Unix("/run/a b".into()));
        assert_eq!(link.election.unwrap().as_str(), "x");
    }

    #[test]
    fn a_link_may_be_written_in_other_ways() {
        for (text, link) in [
            (" capvote://host:1/board#c2Vj\ncmV0\n", "capvote://host:1/board#c2VjcmV0"),
            ("CAPVOTE://host:/board", "capvote://host:12358/board"),
            ("capvote://[0:0:0:0:0:0:0:1]:1", "capvote://[::1]:1"),
            ("capvote+unix:/run/a b.sock", "capvote+unix:///run/a%20b.sock"),
            ("capvote+unix:///run/[a].sock", "capvote+unix:///run/[a].sock"),
            // A WebSocket is beside the pages of the same address.
            ("wss://vote.example.org/", "https://vote.example.org"),
            ("wss://host/board#c2VjcmV0", "https://host/officer?election=board#c2VjcmV0"),
            ("ws://127.0.0.1:80", "http://127.0.0.1"),
            ("https://host:443/", "https://host"),
            ("HTTPS://host/board/", "https://host/board"),
            ("https://host/board/watch", "https://host/board"),
            ("https://host/board/audit", "https://host/board"),
            ("https://host/board/audit#c2VjcmV0", "https://host/officer?election=board#c2VjcmV0"),
            // A voter number.
            ("https://host/board#1307-2295-4406-8119-0052", "https://host/board"),
            ("https://host/#c2VjcmV0", "https://host/officer#c2VjcmV0"),
        ] {
            assert_eq!(text.parse::<Link>().unwrap().to_string(), link, "{text:?}");
        }
    }

    #[test]
    fn the_error_for_an_invalid_link_does_not_repeat_it() {
        let long = format!("capvote://{}", "x".repeat(LINK_BYTES_MAX));
        for text in [
            "",
            "127.0.0.1:12358",
            "ftp://127.0.0.1:12358",
            "https://",
            "https://host/board/results",
            "https://host/board?election=x",
            "https://host/officer#not*base64url-s3cret",
            "wss://host/board/watch",
            "wss://host?s3cret",
            "http://host?cert=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "capvote://",
            "capvote:///board",
            "capvote://me@host",
            "capvote://host:99999",
            "capvote://host:+1",
            "capvote://ho st",
            "capvote://::1",
            "capvote://[::g]",
            "capvote://host/two/parts",
            "capvote://host?election=x",
            "capvotes://host?cert=short",
            "capvote://host?cert=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "capvote://host?s3cret",
            "capvote+unix://",
            "capvote+unix://host/path",
            "capvote+unix:run/capvote.sock",
            "capvote+unix:///run/a%0Ab.sock",
            "capvote+unix:\u{1f}//run/capvote.sock",
            "capvote://host#not*base64url-s3cret",
            &long,
        ] {
            let error = text.parse::<Link>().unwrap_err().to_string();
            assert!(!error.contains("s3cret") && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn the_debug_form_has_no_token() {
        let link: Link = "capvote://host:1/board#c2VjcmV0".parse().unwrap();
        assert_eq!(format!("{link:?}"), "capvote://host:1/board#..");
    }
}
