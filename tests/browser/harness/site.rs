//! A tiny HTTP server on loopback: the files of web/, the modules of these tests, and a WebSocket
//! that leads to wherever a test wants.

use std::convert::Infallible;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_KEY, UPGRADE,
};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio::net::TcpListener;
use tokio::task::spawn_local;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::peer;

/// What pages of the product are allowed to do.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

/// Makes a connection to the peer behind the WebSocket, and gives the client's end of it.
pub(crate) type Connect = Rc<dyn Fn() -> DuplexStream>;

/// Serves until the runtime ends, and returns the address. The WebSocket is at `/rpc`.
pub(crate) async fn serve(connect: Option<Connect>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            let connect = connect.clone();
            let service = hyper::service::service_fn(move |request| {
                let response = respond(request, connect.as_ref());
                async move { Ok::<_, Infallible>(response) }
            });
            let http = hyper::server::conn::http1::Builder::new();
            let connection = http.serve_connection(TokioIo::new(stream), service);
            spawn_local(connection.with_upgrades());
        }
    });
    address
}

fn respond(request: Request<Incoming>, connect: Option<&Connect>) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    if let (true, Some(connect)) = (path == "/rpc", connect) {
        return upgrade(request, connect);
    }
    let (kind, bytes) = match file(path) {
        Some(path) => (kind(&path), std::fs::read(&path).unwrap_or_default()),
        None => ("text/html", b"<!doctype html><title>test</title>".to_vec()),
    };
    let mut response = Response::new(Full::from(bytes));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

/// The file for a path: of web/ under `/-/`, of the tests' modules under `/tests/`.
fn file(path: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (folder, name) = match (path.strip_prefix("/-/"), path.strip_prefix("/tests/")) {
        (Some(name), _) => ("web", name),
        (_, Some(name)) => ("tests/browser/modules", name),
        _ => return None,
    };
    let is_plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    is_plain.then(|| root.join(folder).join(name))
}

fn kind(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("js") => "text/javascript",
        Some("css") => "text/css",
        _ => "text/html",
    }
}

fn upgrade(request: Request<Incoming>, connect: &Connect) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    let Some(key) = request.headers().get(SEC_WEBSOCKET_KEY) else {
        *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
        return response;
    };
    let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes())).unwrap();
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    response.headers_mut().insert(SEC_WEBSOCKET_ACCEPT, accept);
    let connect = connect.clone();
    spawn_local(async move {
        let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
        let upgraded = TokioIo::new(upgraded);
        let socket = WebSocketStream::from_raw_socket(upgraded, Role::Server, None).await;
        peer::relay(socket, connect()).await;
    });
    response
}
