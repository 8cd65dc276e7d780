//! Where a server listens, and over what.

use std::path::{Path, PathBuf};

use super::host::HostPort;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// TCP, unencrypted.
    Tcp(HostPort),
    /// TLS.
    Tls(HostPort),
    /// The path of a Unix socket.
    Unix(PathBuf),
    /// Pages for browsers, and a WebSocket, unencrypted.
    Http(HostPort),
    /// The same over TLS.
    Https(HostPort),
    /// The same over a Unix socket, for a proxy.
    HttpUnix(PathBuf),
}

impl Address {
    /// The host and the port, unless it is a Unix socket.
    pub fn at(&self) -> Option<&HostPort> {
        match self {
            Self::Tcp(at) | Self::Tls(at) | Self::Http(at) | Self::Https(at) => Some(at),
            Self::Unix(_) | Self::HttpUnix(_) => None,
        }
    }

    /// The path of the socket, if it is a Unix socket.
    pub fn socket(&self) -> Option<&Path> {
        match self {
            Self::Unix(path) | Self::HttpUnix(path) => Some(path),
            _ => None,
        }
    }

    /// Whether its host is `0.0.0.0` or `::`, which is no address to reach a server at.
    pub fn is_unspecified(&self) -> bool {
        self.at().is_some_and(HostPort::is_unspecified)
    }

    /// Whether connections to it are encrypted.
    pub fn is_encrypted(&self) -> bool {
        matches!(self, Self::Tls(_) | Self::Https(_))
    }

    /// Whether a browser opens it.
    pub fn has_pages(&self) -> bool {
        matches!(self, Self::Http(_) | Self::Https(_) | Self::HttpUnix(_))
    }

    /// The same kind of address with another host and port; `None` for a Unix socket.
    #[must_use]
    pub fn moved(&self, at: HostPort) -> Option<Self> {
        match self {
            Self::Tcp(_) => Some(Self::Tcp(at)),
            Self::Tls(_) => Some(Self::Tls(at)),
            Self::Http(_) => Some(Self::Http(at)),
            Self::Https(_) => Some(Self::Https(at)),
            Self::Unix(_) | Self::HttpUnix(_) => None,
        }
    }

    /// What the field `Host` of a request says, if it has pages.
    pub(super) fn http_host(&self) -> Option<String> {
        let without_zone = |at: &HostPort| {
            let at = HostPort { host: at.without_zone().to_string(), ..at.clone() };
            at.with_usual_port(if self.is_encrypted() { HTTPS_PORT } else { HTTP_PORT })
        };
        match self {
            Self::Http(at) | Self::Https(at) => Some(without_zone(at)),
            Self::HttpUnix(_) => Some("localhost".into()),
            Self::Tcp(_) | Self::Tls(_) | Self::Unix(_) => None,
        }
    }

    /// What its links begin with.
    pub(super) fn scheme(&self) -> &'static str {
        match self {
            Self::Tcp(_) => "capvote",
            Self::Tls(_) => "capvotes",
            Self::Unix(_) => "capvote+unix",
            Self::Http(_) => "http",
            Self::Https(_) => "https",
            Self::HttpUnix(_) => "http+unix",
        }
    }
}

/// The ports that links to pages leave out.
pub(super) const HTTP_PORT: u16 = 80;
pub(super) const HTTPS_PORT: u16 = 443;
