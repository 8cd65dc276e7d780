//! What a browser is served: pages over HTTP/1.1, and a WebSocket at [`PATH`](super::websocket::PATH).
//!
//! A connection begins with requests for pages, as hyper reads them, and ends with them, or goes on
//! as a WebSocket under the transport of an RPC connection. Until then it holds no place, only whole
//! requests count as activity, and its time and its requests are bounded.

mod answer;
mod forwarded;
mod hosts;
#[cfg(test)]
mod tests;
mod upgrade;

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::{poll_fn, ready};
use std::io;
use std::pin::Pin;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use self::answer::{Answer, Page, answer, last};
pub use self::hosts::Site;
use super::admission::Origin;
use super::stream::Stream;
use super::websocket::WebSocket;

/// The longest head of a request, in bytes.
pub const REQUEST_HEAD_BYTES_MAX: usize = 16 << 10;

/// The header fields of a request.
pub const REQUEST_HEADERS_MAX: usize = 64;

/// The wait for a request: for the first one, and between two. Then the connection is closed.
pub const REQUEST_WAIT_MAX: Duration = Duration::from_secs(15);

/// The requests of one connection. After the answer to the last it is closed.
pub const REQUESTS_MAX: usize = 100;

/// The time of a connection for pages. Then it is closed after the answer in progress.
pub const VISIT_WAIT_MAX: Duration = Duration::from_secs(60);

/// The time for that last answer. Then the connection is cut.
pub const LAST_ANSWER_WAIT_MAX: Duration = Duration::from_secs(30);

/// A connection that goes on as a WebSocket.
#[derive(Debug)]
pub struct Visitor<S> {
    /// The WebSocket.
    pub socket: WebSocket<S>,
    /// Where a trusted proxy says that the visitor comes from.
    pub origin: Option<Origin>,
}

/// Serves pages until the connection ends, or goes on as a WebSocket. `proxy` is where it comes
/// from if that is a proxy of which the header field `X-Forwarded-For` is believed. `asked` is
/// called at each request that is not refused.
///
/// # Errors
/// Where the connection fails, or breaks a bound.
pub async fn serve<S: Stream>(
    stream: S,
    site: &Site,
    proxy: Option<Origin>,
    asked: impl Fn(),
) -> io::Result<Option<Visitor<S>>> {
    let (requests, upgraded) = (Cell::new(0), RefCell::new(None));
    let service = service_fn(|request: Request<Incoming>| {
        requests.update(|count| count + 1);
        let mut answer = answer(&request, site, proxy);
        if !answer.response.status().is_client_error() {
            asked();
        }
        if let Answer { upgrade: Some(upgrade), .. } = &answer {
            upgraded.replace(Some(*upgrade));
        }
        if requests.get() >= REQUESTS_MAX {
            last(&mut answer.response);
        }
        ready(Ok::<Response<Page>, Infallible>(answer.response))
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_WAIT_MAX)
        .max_buf_size(REQUEST_HEAD_BYTES_MAX)
        .max_headers(REQUEST_HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let visit = poll_fn(|context| connection.poll_without_shutdown(context));
    let ended = match timeout(VISIT_WAIT_MAX, visit).await {
        Ok(ended) => ended,
        Err(_) => {
            Pin::new(&mut connection).graceful_shutdown();
            let rest = poll_fn(|context| connection.poll_without_shutdown(context));
            timeout(LAST_ANSWER_WAIT_MAX, rest).await?
        }
    };
    ended.map_err(io::Error::other)?;
    let parts = connection.into_parts();
    let mut stream = parts.io.into_inner();
    match upgraded.take() {
        Some(origin) => {
            let socket = WebSocket::server(stream, parts.read_buf.to_vec());
            Ok(Some(Visitor { socket, origin }))
        }
        None => {
            timeout(LAST_ANSWER_WAIT_MAX, stream.shutdown()).await??;
            Ok(None)
        }
    }
}
