//! The host and the port of a link.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use percent_encoding::percent_decode_str;

use super::link::DEFAULT_PORT;

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// A host name in ASCII, an IPv4 address, or an IPv6 address without brackets. A link-local one
    /// may have a zone: `fe80::1%eth0`.
    pub host: String,
    /// The port. A server that listens on port 0 picks a free one.
    pub port: u16,
}

/// Why a text is not a host and a port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a host and a port: {0}; give HOST:PORT, such as vote.example.org:12358")]
pub struct InvalidHostPort(String);

impl FromStr for HostPort {
    type Err = InvalidHostPort;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text, DEFAULT_PORT).map_err(|why| InvalidHostPort(why.into()))
    }
}

impl HostPort {
    /// The host without its zone: other machines name their interfaces differently.
    pub(crate) fn without_zone(&self) -> &str {
        self.host.split_once('%').map_or(&*self.host, |(address, _)| address)
    }

    /// The zone of a link-local address: a network interface of this machine.
    pub(super) fn zone(&self) -> Option<&str> {
        self.host.split_once('%').map(|(_, zone)| zone)
    }

    /// The address, if it is one. An IPv4 address in IPv6 is that IPv4 address.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.without_zone().parse().ok().map(|address: IpAddr| address.to_canonical())
    }

    /// Whether it is an address of one network, which needs a zone.
    pub fn is_link_local(&self) -> bool {
        matches!(self.address(), Some(IpAddr::V6(address)) if address.is_unicast_link_local())
    }

    /// Whether it is `0.0.0.0` or `::`, where a server listens on all addresses, and a client
    /// reaches its own machine.
    pub fn is_unspecified(&self) -> bool {
        self.address().is_some_and(|address| address.is_unspecified())
    }

    #[cfg(any(feature = "client", feature = "server"))]
    /// Whether it stands for the machine that uses it: a loopback address or its usual names.
    pub(crate) fn is_this_machine(&self) -> bool {
        let name = self.host.to_ascii_lowercase();
        let usual = ["localhost", "ip6-localhost", "ip6-loopback"].contains(&&*name)
            || name.starts_with("localhost.")
            || name.ends_with(".localhost");
        usual || self.address().is_some_and(|address| address.is_loopback())
    }

    #[cfg(feature = "server")]
    /// Whether it is a name, and not an address.
    pub(crate) fn is_name(&self) -> bool {
        self.address().is_none()
    }
}

/// The host and port in a link's authority, or this port if it has none. The error does not quote
/// it.
pub(super) fn parse(authority: &str, default_port: u16) -> Result<HostPort, &'static str> {
    let (host, port) = match authority.rsplit_once(':') {
        // The colon of an IPv6 address is in brackets.
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, ""),
    };
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = match bracketed {
        _ if host.is_empty() => return Err("it names no host"),
        _ if host.contains('@') => return Err("it names a user"),
        Some(address) => ipv6(address)?,
        None if ipv6(authority).is_ok() || ipv6(host).is_ok() => {
            return Err("an IPv6 address goes in brackets, such as [::1]:12358");
        }
        None => name(host)?,
    };
    let port = match port {
        "" => Some(default_port),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok(),
        _ => None,
    };
    Ok(HostPort { host, port: port.ok_or("its port is not 0 to 65535")? })
}

/// An IPv6 address with a zone, if it has one, after `%` or `%25` (RFC 6874).
fn ipv6(text: &str) -> Result<String, &'static str> {
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (text, None),
    };
    let address: Ipv6Addr = address.parse().map_err(|_| "its host is not an IPv6 address")?;
    let Some(zone) = zone else { return Ok(address.to_string()) };
    if !address.is_unicast_link_local() {
        return Err("only an IPv6 address that begins with fe80: has a zone after \"%\"");
    }
    let zone = zone.strip_prefix("25").filter(|zone| !zone.is_empty()).unwrap_or(zone);
    let in_zone = |c: char| c.is_ascii_alphanumeric() || "._-~".contains(c);
    if zone.is_empty() || !zone.chars().all(in_zone) {
        return Err("what follows \"%\" is not the name of a network interface");
    }
    Ok(format!("{address}%{zone}"))
}

/// A host name as the DNS has it, or an IPv4 address.
fn name(host: &str) -> Result<String, &'static str> {
    const INVALID: &str = "its host is not a name or an address";
    let decoded = percent_decode_str(host).decode_utf8().map_err(|_| INVALID)?;
    let name = if decoded.is_ascii() { decoded.into_owned() } else { to_ascii(&decoded)? };
    let mut labels = name.strip_suffix('.').unwrap_or(&name).split('.');
    let in_label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !labels.clone().all(|label| !label.is_empty() && label.bytes().all(in_label)) {
        return Err(INVALID);
    }
    let is_number = labels.next_back().is_some_and(is_number);
    if is_number && name.parse::<Ipv4Addr>().is_err() {
        // Some programs read `127.1`, `0x7f.1` and `0` as addresses.
        return Err("an IPv4 address is four numbers from 0 to 255, such as 127.0.0.1");
    }
    Ok(name)
}

/// Whether a label is a number to those who read `0x7f.1` as an address. No domain ends in one.
fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    hexadecimal.map_or_else(
        || label.bytes().all(|byte| byte.is_ascii_digit()),
        |digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
    )
}

/// The form of an internationalised name that the DNS and certificates have: UTS #46, as browsers
/// apply it.
#[cfg(feature = "idna")]
fn to_ascii(name: &str) -> Result<String, &'static str> {
    let ascii = idna::domain_to_ascii_cow(name.as_bytes(), idna::AsciiDenyList::URL);
    let ascii = ascii.map_err(|_| "its host has characters that no domain name has")?;
    Ok(ascii.into_owned())
}

#[cfg(not(feature = "idna"))]
fn to_ascii(_: &str) -> Result<String, &'static str> {
    Err("its host is not in ASCII; write it as the DNS has it, beginning with xn--")
}

/// As in a link.
impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_host(f)?;
        write!(f, ":{}", self.port)
    }
}

impl HostPort {
    fn write_host(&self, to: &mut impl fmt::Write) -> fmt::Result {
        match (self.host.contains(':'), self.zone()) {
            (true, Some(zone)) => write!(to, "[{}%25{zone}]", self.without_zone()),
            (true, None) => write!(to, "[{}]", self.host),
            _ => to.write_str(&self.host),
        }
    }

    /// As in a link of which this port is the usual one, which is left out.
    pub(super) fn with_usual_port(&self, usual: u16) -> String {
        let mut shown = String::new();
        if self.port != usual {
            return self.to_string();
        }
        // Writing to a string cannot fail.
        let _ = self.write_host(&mut shown);
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(feature = "idna")]
    fn an_internationalised_name_is_the_one_of_the_dns() {
        for (text, shown) in [
            ("münchen.example:1", "xn--mnchen-3ya.example:1"),
            // Decomposed, in capitals, percent-encoded, with an ideographic full stop.
            ("mu\u{308}nchen.example:1", "xn--mnchen-3ya.example:1"),
            ("MÜNCHEN.example:1", "xn--mnchen-3ya.example:1"),
            ("m%C3%BCnchen.example:1", "xn--mnchen-3ya.example:1"),
            ("例え。テスト:1", "xn--r8jz45g.xn--zckzah:1"),
            ("xn--mnchen-3ya.example:1", "xn--mnchen-3ya.example:1"),
            ("straße.example:1", "xn--strae-oqa.example:1"),
            // Names in ASCII stay as they are.
            ("My_Host:1", "My_Host:1"),
        ] {
            assert_eq!(text.parse::<HostPort>().unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn a_zone_is_the_name_of_an_interface() {
        for (text, host, shown) in [
            ("[fe80::1%eth0]:1", "fe80::1%eth0", "[fe80::1%25eth0]:1"),
            ("[fe80::1%25eth0]:1", "fe80::1%eth0", "[fe80::1%25eth0]:1"),
            ("[FE80:0::1%25en-1.2_b]", "fe80::1%en-1.2_b", "[fe80::1%25en-1.2_b]:12358"),
            ("[fe80::1%3]:1", "fe80::1%3", "[fe80::1%253]:1"),
        ] {
            let at: HostPort = text.parse().unwrap();
            assert_eq!((&*at.host, &*at.to_string()), (host, shown), "{text}");
            assert_eq!(at.to_string().parse(), Ok(at), "{text}");
        }
    }

    #[test]
    #[cfg(feature = "server")]
    fn an_address_is_known_in_each_of_its_forms() {
        for (text, unspecified, here, link_local) in [
            ("0.0.0.0:1", true, false, false),
            ("[::]:1", true, false, false),
            ("[::ffff:0.0.0.0]:1", true, false, false),
            ("[::ffff:127.0.0.1]:1", false, true, false),
            ("127.9.9.9:1", false, true, false),
            ("localhost.:1", false, true, false),
            ("[fe80::1]:1", false, false, true),
            ("[fe80::1%eth0]:1", false, false, true),
            ("0.example.org:1", false, false, false),
            ("0xab.example.org.:1", false, false, false),
        ] {
            let at: HostPort = text.parse().unwrap();
            let found = (at.is_unspecified(), at.is_this_machine(), at.is_link_local());
            assert_eq!(found, (unspecified, here, link_local), "{text}");
        }
    }

    #[test]
    fn what_is_no_host_and_port_is_refused_by_name() {
        for (text, why) in [
            ("", "names no host"),
            (":1", "names no host"),
            ("fe80::1%eth0", "goes in brackets"),
            ("::1", "goes in brackets"),
            ("2001:db8::1:12358", "goes in brackets"),
            ("[2001:db8::1%eth0]:1", "begins with fe80:"),
            ("[fe80::1%]:1", "name of a network interface"),
            ("[fe80::1%a b]:1", "name of a network interface"),
            ("[fe80::g]", "not an IPv6 address"),
            ("capvote://host:1", "not a name or an address"),
            ("a%2Fb:1", "not a name or an address"),
            ("a%zz:1", "not a name or an address"),
            ("*.example.org:1", "not a name or an address"),
            ("a..b:1", "not a name or an address"),
            (".:1", "not a name or an address"),
            ("0:1", "four numbers from 0 to 255"),
            ("0x0:1", "four numbers from 0 to 255"),
            ("127.1:1", "four numbers from 0 to 255"),
            ("0x7f.1:1", "four numbers from 0 to 255"),
            ("0177.0.0.01:1", "four numbers from 0 to 255"),
            ("127.0.0.1.:1", "four numbers from 0 to 255"),
            ("256.0.0.1:1", "four numbers from 0 to 255"),
            ("host:65536", "not 0 to 65535"),
        ] {
            let error = text.parse::<HostPort>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
        #[cfg(feature = "idna")]
        for text in ["a\u{2100}b:1", "\u{ad}:1", "\u{202e}ab.example:1"] {
            assert!(text.parse::<HostPort>().is_err(), "{text:?}");
        }
    }
}
