//! The answer to a request.

use http_body_util::Full;
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};

use super::hosts::Site;
use super::{forwarded, upgrade};
use crate::election::ElectionId;
use crate::net::admission::Origin;
use crate::net::link::OFFICERS_PAGE;
use crate::net::websocket;
use crate::pages::{self, Page as File};

/// The body of an answer: a part of the program.
pub(super) type Page = Full<Bytes>;

/// Nothing but what this server serves, no script or style within a page, and no text that becomes
/// a script.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; form-action 'none'; base-uri 'none'; \
     frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// The fields of every answer.
const FIELDS: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, CONTENT_POLICY),
    (REFERRER_POLICY, "no-referrer"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (CACHE_CONTROL, "no-cache"),
];

/// A year: a browser that was served over TLS asks for nothing without it.
const TRANSPORT_POLICY: &str = "max-age=31536000";

/// Where the files are. An election's id begins with a letter or a digit.
const FILES: &str = "-/";

/// Which server the pages are for, in a line: empty if it is the one that they come from. To
/// another one, a page sends no token of a link for this machine.
const SERVER: &str = "/-/server";

const INDEX: &str = "index.html";
const MISSING: &str = "missing.html";

/// What browsers and crawlers ask for by themselves.
const USUAL: [&str; 2] = ["favicon.ico", "robots.txt"];

pub(super) struct Answer {
    pub(super) response: Response<Page>,
    /// If the connection goes on as a WebSocket: where a proxy says that it comes from.
    pub(super) upgrade: Option<Option<Origin>>,
}

/// The answer to a request. `proxy` is where it comes from if that is a trusted proxy.
pub(super) fn answer(request: &Request<Incoming>, site: &Site, proxy: Option<Origin>) -> Answer {
    let path = request.uri().path();
    let mut response = match refused(request, site) {
        Some(refused) => refused,
        None if path == websocket::PATH => upgrade::handshake(request),
        None if path == SERVER => words(StatusCode::OK, site.server()),
        None => match file(path.strip_prefix('/').unwrap_or_default()) {
            Some(file) => served(file, request.headers()),
            None => missing(request.headers()),
        },
    };
    let upgrade = (response.status() == StatusCode::SWITCHING_PROTOCOLS)
        .then(|| proxy.map(|proxy| forwarded::visitor(request.headers(), site).unwrap_or(proxy)));
    let fields = response.headers_mut();
    for (name, value) in FIELDS {
        fields.insert(name, HeaderValue::from_static(value));
    }
    if site.is_encrypted() {
        fields.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(TRANSPORT_POLICY));
    }
    Answer { response, upgrade }
}

/// Why a request is refused, whatever it asks for.
fn refused(request: &Request<Incoming>, site: &Site) -> Option<Response<Page>> {
    if let Err((status, why)) = site.check(request) {
        return Some(last_words(status, why));
    }
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let mut response = words(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        last(&mut response);
        return Some(response);
    }
    (!request.body().is_end_stream())
        .then(|| last_words(StatusCode::BAD_REQUEST, "a request has no body here"))
}

/// An answer of one line.
pub(super) fn words(status: StatusCode, text: &str) -> Response<Page> {
    let mut response = Response::new(Full::from(format!("{text}\n")));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

/// The same, and the connection ends with it.
fn last_words(status: StatusCode, text: &str) -> Response<Page> {
    let mut response = words(status, text);
    last(&mut response);
    response
}

/// Ends the connection with this answer.
pub(super) fn last(response: &mut Response<Page>) {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
}

/// The file for a path, without the slash that it begins with.
fn file(path: &str) -> Option<&'static File> {
    let of_election =
        |id: &str, file| id.parse::<ElectionId>().ok().and_then(|_| pages::find(file));
    match path.split_once('/') {
        _ if path.starts_with(FILES) => pages::find(path.strip_prefix(FILES)?),
        _ if path.is_empty() => pages::find(INDEX),
        _ if path == OFFICERS_PAGE => pages::find("officer.html"),
        _ if USUAL.contains(&path) => pages::find(path),
        None => of_election(path, "voter.html"),
        Some((election, "watch")) => of_election(election, "observer.html"),
        Some((election, "audit")) => of_election(election, "auditor.html"),
        Some(_) => None,
    }
}

fn missing(asked: &HeaderMap) -> Response<Page> {
    let Some(file) = pages::find(MISSING) else {
        return words(StatusCode::NOT_FOUND, "there is no such page");
    };
    let mut response = content(file, asked);
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// A file, unless the browser has it.
fn served(file: &'static File, asked: &HeaderMap) -> Response<Page> {
    let mut response = content(file, asked);
    let tag = response.headers().get(ETAG).cloned();
    if tag.is_some_and(|tag| has(asked, tag.as_bytes())) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Full::default();
        response.headers_mut().remove(CONTENT_ENCODING);
        response.headers_mut().remove(CONTENT_TYPE);
    }
    response
}

/// A file, in the best coding that the browser takes.
fn content(file: &'static File, asked: &HeaderMap) -> Response<Page> {
    let compressed = file.compressed.iter().find(|(coding, _)| takes(asked, coding));
    let bytes = compressed.map_or(file.bytes, |(_, bytes)| bytes);
    let mut response = Response::new(Full::from(bytes));
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(file.content_type));
    fields.insert(VARY, HeaderValue::from_static("accept-encoding"));
    // Each form of a file has a tag of its own.
    let form = compressed.map_or(String::new(), |(coding, _)| format!("-{coding}"));
    if let Ok(tag) = HeaderValue::try_from(format!("\"{}{form}\"", file.sha256)) {
        fields.insert(ETAG, tag);
    }
    if let Some((coding, _)) = compressed {
        fields.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}

/// Whether the browser says that it has what has this tag.
fn has(asked: &HeaderMap, tag: &[u8]) -> bool {
    parts(asked, IF_NONE_MATCH)
        .any(|part| part == "*" || part.strip_prefix("W/").unwrap_or(part).as_bytes() == tag)
}

/// Whether the browser takes what is compressed in this coding.
fn takes(asked: &HeaderMap, coding: &str) -> bool {
    let quality = |name: &str| {
        parts(asked, ACCEPT_ENCODING).find_map(|part| {
            let (named, weight) = part.split_once(';').unwrap_or((part, ""));
            let weight = weight.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
            named.trim().eq_ignore_ascii_case(name).then(|| weight.is_ok_and(|weight| weight > 0.0))
        })
    };
    quality(coding).or_else(|| quality("*")).unwrap_or(false)
}

/// The parts of a field that are separated by commas.
pub(super) fn parts(fields: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = fields.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::election::RESERVED_IDS;

    fn fields(name: HeaderName, values: &[&'static str]) -> HeaderMap {
        let values = values.iter().map(|value| (name.clone(), HeaderValue::from_static(value)));
        values.collect()
    }

    #[test]
    fn a_coding_is_for_those_who_take_it() {
        for (accepted, takes) in [
            (&["gzip"][..], true),
            (&["GZIP, deflate, br, zstd"], true),
            (&["deflate", "gzip;q=0.5"], true),
            (&["*"], true),
            (&["gzip;q=0, *"], false),
            (&["gzip;q=0.000"], false),
            (&["gzip; q=x"], false),
            (&["*;q=0"], false),
            (&["br"], false),
            (&[""], false),
            (&[], false),
        ] {
            assert_eq!(
                super::takes(&fields(ACCEPT_ENCODING, accepted), "gzip"),
                takes,
                "{accepted:?}"
            );
        }
    }

    #[test]
    fn a_tag_is_found_among_others() {
        for (told, found) in [
            (&["\"abc\""][..], true),
            (&["\"x\", W/\"abc\""], true),
            (&["\"x\"", "\"abc\""], true),
            (&["*"], true),
            (&["\"abc-gzip\""], false),
            (&["abc"], false),
            (&[], false),
        ] {
            assert_eq!(has(&fields(IF_NONE_MATCH, told), b"\"abc\""), found, "{told:?}");
        }
    }

    #[test]
    fn no_election_can_be_created_whose_page_is_something_else() {
        let rpc = websocket::PATH.strip_prefix('/').unwrap();
        for path in USUAL.into_iter().chain([OFFICERS_PAGE, rpc]) {
            assert!(RESERVED_IDS.contains(&path), "{path}");
        }
    }

    #[test]
    fn paths_name_files() {
        let path = |path: &str| file(path).map(|file| file.path);
        assert_eq!(path("-/missing.html"), Some("missing.html"));
        for none in ["-/", "-/nothing.js", "-/../Cargo.toml", "-", "board/x", "board/watch/", "_"] {
            assert_eq!(path(none), None, "{none}");
        }
        for (asked, name) in [
            ("", "index.html"),
            ("officer", "officer.html"),
            ("board-2026", "voter.html"),
            ("board/watch", "observer.html"),
            ("officer/audit", "auditor.html"),
        ] {
            assert_eq!(path(asked), pages::find(name).map(|_| name), "{asked}");
        }
    }
}
