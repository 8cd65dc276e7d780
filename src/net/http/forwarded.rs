//! Where a trusted proxy says that a visitor comes from: the header field `X-Forwarded-For`.
//!
//! Each proxy appends where it was connected from. So the last address that is not a proxy's own
//! is the visitor's, and what stands before it may be anything.

use std::net::{IpAddr, SocketAddr};

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use super::hosts::Site;
use crate::net::admission::Origin;

const FIELD: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The visitor's origin; `None` if the field does not tell.
pub(super) fn visitor(fields: &HeaderMap, site: &Site) -> Option<Origin> {
    let mut last = None;
    // What a visitor has sent may be no text, and stands in one value with what a proxy appends.
    let values = fields.get_all(FIELD).into_iter().map(HeaderValue::as_bytes);
    for part in values.flat_map(|value| value.split(|byte| *byte == b',')).rev() {
        let Some(address) = str::from_utf8(part).ok().and_then(address) else { break };
        last = Some(address);
        if !site.proxies().cover(Some(address)) {
            break;
        }
    }
    last.map(Origin::from)
}

/// An address, which some proxies write with a port or in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bracketed = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    bracketed.unwrap_or(text).parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::proxy::TrustedProxies;

    #[test]
    fn the_last_address_that_is_no_proxys_is_the_visitors() {
        let proxies = TrustedProxies::default();
        proxies.set(vec!["192.0.2.0/24".parse().unwrap(), "127.0.0.1".parse().unwrap()]);
        let site = Site::on_socket().behind(proxies);
        for (values, expected) in [
            (&["198.51.100.7"][..], Some("198.51.100.7")),
            (&["203.0.113.9, 198.51.100.7"], Some("198.51.100.7")),
            (&["203.0.113.9, 198.51.100.7, 192.0.2.1"], Some("198.51.100.7")),
            (&["198.51.100.7", "192.0.2.1, 127.0.0.1"], Some("198.51.100.7")),
            (&["198.51.100.7:4711"], Some("198.51.100.7")),
            (&["[2001:db8::7]:4711"], Some("2001:db8::7")),
            (&["[2001:db8::7]"], Some("2001:db8::7")),
            (&["2001:db8::7"], Some("2001:db8::7")),
            (&["192.0.2.9, 192.0.2.1"], Some("192.0.2.9")),
            (&["198.51.100.7, unknown"], None),
            (&["\u{ff}, 198.51.100.7"], Some("198.51.100.7")),
            (&["\u{ff}", "198.51.100.7 , 192.0.2.1"], Some("198.51.100.7")),
            (&["198.51.100.7, unknown, 192.0.2.1"], Some("192.0.2.1")),
            (&[""], None),
            (&[], None),
        ] {
            let told =
                values.iter().map(|value| (FIELD, HeaderValue::from_bytes(value.as_bytes())));
            let told = told.map(|(field, value)| (field, value.unwrap()));
            let expected = expected.map(|it| Origin::from(it.parse::<IpAddr>().unwrap()));
            assert_eq!(visitor(&told.collect(), &site), expected, "{values:?}");
        }
    }
}
