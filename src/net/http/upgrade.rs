//! The server's handshake of a WebSocket (RFC 6455, section 4.2).

use http_body_util::Full;
use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::{Method, Request, Response, StatusCode, Version};

use super::answer::{Page, parts, words};
use crate::net::websocket::{VERSION, accept_key};

const WEBSOCKET: &str = "websocket";

/// The length of a key: 16 bytes in base64.
const KEY_CHARACTERS: usize = 24;

/// The answer to a handshake. After one of [`StatusCode::SWITCHING_PROTOCOLS`] the connection goes
/// on as a WebSocket.
pub(super) fn handshake<B>(request: &Request<B>) -> Response<Page> {
    let asked = request.headers();
    let names = |name: HeaderName, word: &str| {
        parts(asked, name).any(|part| part.eq_ignore_ascii_case(word))
    };
    let is_upgrade = request.method() == Method::GET
        && request.version() == Version::HTTP_11
        && names(UPGRADE, WEBSOCKET)
        && names(CONNECTION, UPGRADE.as_str());
    let version = only(asked, SEC_WEBSOCKET_VERSION);
    if !is_upgrade || version.is_none_or(|version| version != VERSION) {
        let mut refused = words(StatusCode::UPGRADE_REQUIRED, "this is for a WebSocket");
        let fields = refused.headers_mut();
        fields.insert(UPGRADE, HeaderValue::from_static(WEBSOCKET));
        fields.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        fields.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static(VERSION));
        return refused;
    }
    let key = only(asked, SEC_WEBSOCKET_KEY).filter(|key| key.len() == KEY_CHARACTERS);
    let accept = key.and_then(|key| HeaderValue::try_from(accept_key(key.as_bytes())).ok());
    let Some(accept) = accept else {
        return words(StatusCode::BAD_REQUEST, "the key of the WebSocket is wrong");
    };
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let fields = response.headers_mut();
    fields.insert(UPGRADE, HeaderValue::from_static(WEBSOCKET));
    fields.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    fields.insert(SEC_WEBSOCKET_ACCEPT, accept);
    response
}

/// The value of a field that is there once.
fn only(asked: &HeaderMap, name: HeaderName) -> Option<&HeaderValue> {
    let mut values = asked.get_all(name).into_iter();
    let first = values.next()?;
    values.next().is_none().then_some(first)
}
