//! Which names a server answers to. A page of another site must neither read what is served here
//! nor speak to a server that only its visitor reaches.

use std::net::IpAddr;

use hyper::body::Incoming;
use hyper::header::{HOST, ORIGIN};
use hyper::{Request, StatusCode};

use crate::net::host::{self, HostPort};
use crate::net::proxy::TrustedProxies;

/// What a browser may call a server that serves it pages.
#[derive(Debug, Clone, Default)]
pub struct Site {
    /// In lower case, without the dot that ends a name of the DNS.
    names: Vec<String>,
    addresses: Vec<IpAddr>,
    /// Whether this machine's own names and addresses are among them.
    is_here: bool,
    /// Whether every address is: a name of the DNS may lead here without the server's knowing,
    /// but an address is where the browser has connected to.
    is_everywhere: bool,
    is_encrypted: bool,
    proxies: TrustedProxies,
    /// The server that it is for, if that is another: a host and a port.
    relayed: Option<String>,
}

impl Site {
    /// A server with these addresses. If `0.0.0.0` or `::` is one, all addresses are.
    pub fn at(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let addresses: Vec<_> = addresses.into_iter().map(|it| it.to_canonical()).collect();
        let is_everywhere = addresses.iter().any(IpAddr::is_unspecified);
        let is_here = is_everywhere || addresses.iter().any(IpAddr::is_loopback);
        Self { addresses, is_everywhere, is_here, ..Self::default() }
    }

    /// A server on a Unix socket, behind a proxy of this machine.
    pub fn on_socket() -> Self {
        Self { is_here: true, ..Self::default() }
    }

    /// The same with another name.
    #[must_use]
    pub fn named(mut self, host: &str) -> Self {
        self.names.push(plain(host));
        self
    }

    /// The same over TLS.
    #[must_use]
    pub fn encrypted(self) -> Self {
        Self { is_encrypted: true, ..self }
    }

    /// The same behind proxies of which the header field `X-Forwarded-For` is believed.
    #[must_use]
    pub fn behind(self, proxies: TrustedProxies) -> Self {
        Self { proxies, ..self }
    }

    /// The same for another server, a host and a port, to which its WebSockets are relayed.
    #[must_use]
    pub fn relaying_to(self, server: String) -> Self {
        Self { relayed: Some(server), ..self }
    }

    /// What it says of the server that it is for: nothing if that is itself.
    pub(super) fn server(&self) -> &str {
        self.relayed.as_deref().unwrap_or_default()
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    pub(in crate::net) fn proxies(&self) -> &TrustedProxies {
        &self.proxies
    }

    /// Whether it is called that: a host, perhaps with a port, which may be that of a proxy.
    fn is_called(&self, host: &str) -> bool {
        let Ok(at) = host::parse(host, 0) else { return false };
        if let Some(address) = at.address() {
            let is_here = self.is_here && address.is_loopback();
            return is_here || self.is_everywhere || self.addresses.contains(&address);
        }
        let name = plain(&at.host);
        // No name of the DNS ends like this.
        let is_here = self.is_here && (name == "localhost" || name.ends_with(".localhost"));
        is_here || self.names.contains(&name)
    }

    /// Checks whom a request is for, and which site's page has made it.
    pub(super) fn check(
        &self,
        request: &Request<Incoming>,
    ) -> Result<(), (StatusCode, &'static str)> {
        let mut hosts = request.headers().get_all(HOST).into_iter();
        let host = hosts.next().and_then(|host| host.to_str().ok());
        let (Some(host), None, None) = (host, hosts.next(), request.uri().authority()) else {
            return Err((StatusCode::BAD_REQUEST, "a request names one host, in the field Host"));
        };
        if !self.is_called(host) {
            let why = "this server is not called that; its operator can say --public";
            return Err((StatusCode::MISDIRECTED_REQUEST, why));
        }
        // A browser adds the field where a page of another site asks. Other programs send none.
        for origin in request.headers().get_all(ORIGIN) {
            let origin = origin.to_str().unwrap_or_default();
            let site = origin.strip_prefix("https://").or(origin.strip_prefix("http://"));
            if !site.is_some_and(|site| site.eq_ignore_ascii_case(host)) {
                return Err((StatusCode::FORBIDDEN, "pages of other sites may not ask for this"));
            }
        }
        Ok(())
    }
}

/// A host as it is compared.
fn plain(host: &str) -> String {
    let at = HostPort { host: host.to_ascii_lowercase(), port: 0 };
    let host = at.without_zone();
    host.strip_suffix('.').unwrap_or(host).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_the_names_and_addresses_that_lead_to_it() {
        let at = |addresses: &[&str]| Site::at(addresses.iter().map(|it| it.parse().unwrap()));
        let socket = Site::on_socket().named("vote.example.org");
        for (site, called, not) in [
            (
                at(&["127.0.0.1"]),
                &["127.0.0.1", "127.0.0.1:8080", "localhost", "LOCALHOST.:1", "[::1]:8080"][..],
                &["192.0.2.1", "vote.example.org", "localhost.example.org", "", "a@localhost"][..],
            ),
            (
                at(&["192.0.2.1"]).named("Vote.Example.org"),
                &["192.0.2.1", "[::ffff:192.0.2.1]:1", "vote.example.org.", "VOTE.example.org:1"],
                &["192.0.2.2", "127.0.0.1", "localhost", "example.org"],
            ),
            (
                at(&["0.0.0.0"]),
                &["127.0.0.1", "localhost", "192.0.2.1:80", "[2001:db8::1]"],
                &["vote.example.org", "rebound.example"],
            ),
            (at(&["::"]), &["[::1]", "192.0.2.1"], &["0x7f.1", "2130706433"]),
            (socket, &["localhost", "vote.example.org"], &["192.0.2.1", "other.example.org"]),
        ] {
            for host in called {
                assert!(site.is_called(host), "{site:?}: {host}");
            }
            for host in not {
                assert!(!site.is_called(host), "{site:?}: {host}");
            }
        }
    }
}
