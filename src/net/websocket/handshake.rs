//! The client's handshake.

use std::io;

use data_encoding::BASE64;
use httparse::{EMPTY_HEADER, Header, Response, Status};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{PATH, VERSION, WebSocket, accept_key};
use crate::net::stream::Stream;

/// The longest head of a server's answer, in bytes.
pub const ANSWER_HEAD_BYTES_MAX: usize = 8 << 10;

/// The header fields of a server's answer.
pub const ANSWER_HEADERS_MAX: usize = 64;

/// The status of an answer that goes on as another protocol.
const SWITCHING_PROTOCOLS: u16 = 101;

/// The bytes of a key before they are encoded.
const KEY_BYTES: usize = 16;

/// Asks the server of this name for a WebSocket.
///
/// # Errors
/// Where the server does not answer with one.
pub(in crate::net) async fn handshake<S: Stream>(
    mut stream: S,
    host: &str,
) -> io::Result<WebSocket<S>> {
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    let key = BASE64.encode(&key);
    let request = format!(
        "GET {PATH} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: {VERSION}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut answer = Vec::new();
    loop {
        if answer.len() >= ANSWER_HEAD_BYTES_MAX {
            return Err(invalid("its answer to the request for a WebSocket is too long"));
        }
        if (&mut stream).take(ANSWER_HEAD_BYTES_MAX as u64).read_buf(&mut answer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(length) = head_length(&answer, &accept_key(key.as_bytes()))? {
            return Ok(WebSocket::client(stream, answer.split_off(length)));
        }
    }
}

/// The length of an answer's head that accepts a WebSocket; `None` while it is not complete.
fn head_length(answer: &[u8], accepted: &str) -> io::Result<Option<usize>> {
    let mut headers = [EMPTY_HEADER; ANSWER_HEADERS_MAX];
    let mut response = Response::new(&mut headers);
    let parsed = response.parse(answer);
    let parsed = parsed.map_err(|_| invalid("it does not answer as a server of pages does"))?;
    let Status::Complete(length) = parsed else { return Ok(None) };
    let status = response.code.unwrap_or_default();
    if status != SWITCHING_PROTOCOLS {
        let why = format!("it has no WebSocket for capvote: it answers HTTP status {status}");
        return Err(invalid(&why));
    }
    let headers = &*response.headers;
    let is = |name: &str, value: &str| {
        only(headers, name).is_some_and(|it| it.eq_ignore_ascii_case(value.as_bytes()))
    };
    let agreed = |name: &str| headers.iter().any(|it| it.name.eq_ignore_ascii_case(name));
    let upgrades = is("Upgrade", "websocket")
        && is("Connection", "upgrade")
        && only(headers, "Sec-WebSocket-Accept") == Some(accepted.as_bytes())
        && !agreed("Sec-WebSocket-Extensions")
        && !agreed("Sec-WebSocket-Protocol");
    if upgrades { Ok(Some(length)) } else { Err(invalid("its WebSocket handshake is wrong")) }
}

/// The value of a field that is there once.
fn only<'a>(headers: &[Header<'a>], name: &str) -> Option<&'a [u8]> {
    let mut named = headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
    let first = named.next()?;
    named.next().is_none().then_some(first.value)
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_answer_is_accepted() {
        // The example of RFC 6455, section 1.3.
        let accepted = accept_key(b"dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(accepted, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let right = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accepted}\r\n"
        );
        let read = |answer: &str| head_length(answer.as_bytes(), &accepted);
        assert_eq!(read(&right).unwrap(), None);
        assert_eq!(read(&format!("{right}\r\nearly")).unwrap(), Some(right.len() + 2));
        for (answer, why) in [
            ("capvote\r\n\r\n".to_string(), "does not answer as"),
            ("HTTP/1.1 404 Not Found\r\n\r\n".into(), "HTTP status 404"),
            (right.replace("s3pP", "s3pQ") + "\r\n", "handshake is wrong"),
            (right.replace("websocket", "h2c") + "\r\n", "handshake is wrong"),
            (right.replace("Upgrade: websocket", "X: y") + "\r\n", "handshake is wrong"),
            (format!("{right}Upgrade: websocket\r\n\r\n"), "handshake is wrong"),
            (format!("{right}Sec-WebSocket-Extensions: x\r\n\r\n"), "handshake is wrong"),
        ] {
            let error = read(&answer).unwrap_err().to_string();
            assert!(error.contains(why), "{answer:?}: {error}");
        }
    }
}
