//! What browsers are served: pages, and WebSockets beside them. The other end is a plain socket, or
//! tokio-tungstenite, which shares no code with the server's.

mod crowd;
mod fronts;
mod hostile;
mod links;
mod pages;
mod proxies;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use capvote::client::Client;
use capvote::net::link::Link;
use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex, split};
use tokio::net;
use tokio::task::spawn_local;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

use crate::process::{BOARD, Server};

pub(crate) const ANY_PORT: &str = "http://127.0.0.1:0";

/// A server with the election "board" for so many voters, which browsers open.
pub(crate) fn board(listen: &str, data: &Path, voters: u32, more: &[&str]) -> Server {
    let voters = voters.to_string();
    Server::listen(listen, data, &[&BOARD[..], &["--voters", &voters], more].concat())
}

/// The host and the port of a link to pages.
pub(crate) fn address(link: &str) -> String {
    link.parse::<Link>().unwrap().address.at().unwrap().to_string()
}

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// By their names in lower case.
    pub(crate) fields: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Parses an answer that ends with its connection.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|end| end == b"\r\n\r\n").unwrap();
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let mut fields = BTreeMap::new();
        for line in lines {
            let (name, value) = line.split_once(':').unwrap();
            let twice = fields.insert(name.to_ascii_lowercase(), value.trim().to_string());
            assert_eq!(twice, None, "{name} is there twice");
        }
        Self { status, fields, body: bytes[end + 4..].to_vec() }
    }

    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", |value| value)
    }
}

/// The answer to what is sent to an address.
pub(crate) fn ask(address: &str, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    Answer::parse(&answer)
}

/// A request for a path, with more header fields, after which the connection is closed.
pub(crate) fn get(address: &str, path: &str, more: &str) -> Answer {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{more}");
    ask(address, &(request + "\r\n"))
}

/// The head of a WebSocket's handshake.
pub(crate) fn handshake(host: &str, more: &str) -> String {
    format!(
        "GET /rpc HTTP/1.1\r\nHost: {host}\r\nConnection: keep-alive, Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
    )
}

/// A connection on which the handshake is done.
pub(crate) async fn upgraded(address: &str, more: &str) -> net::TcpStream {
    let mut stream = net::TcpStream::connect(address).await.unwrap();
    stream.write_all(handshake(address, more).as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    stream
}

/// Whether a WebSocket message is one whole message of Cap'n Proto.
fn is_whole(message: &[u8]) -> bool {
    let word = |at: usize| u32::from_le_bytes(message[at..at + 4].try_into().unwrap()) as usize;
    let segments = word(0) + 1;
    let header = (4 + 4 * segments).next_multiple_of(8);
    header + (0..segments).map(|index| word(4 + 4 * index) * 8).sum::<usize>() == message.len()
}

/// A client over tokio-tungstenite's WebSocket.
pub(crate) async fn voter(address: &str) -> Client {
    let stream = net::TcpStream::connect(address).await.unwrap();
    let (socket, _) = client_async(format!("ws://{address}/rpc"), stream).await.unwrap();
    let (mut out, mut input) = socket.split();
    let (near, far) = duplex(64 << 10);
    let (mut read, mut write) = split(far);
    spawn_local(async move {
        let mut buffer = vec![0; 16 << 10];
        while let Ok(length @ 1..) = read.read(&mut buffer).await {
            if out.send(Message::binary(buffer[..length].to_vec())).await.is_err() {
                return;
            }
        }
        let _ = out.close().await;
    });
    spawn_local(async move {
        while let Some(Ok(message)) = input.next().await {
            if let Message::Binary(message) = message {
                assert!(is_whole(&message), "{} bytes are not one message", message.len());
                if write.write_all(&message).await.is_err() {
                    return;
                }
            }
        }
    });
    Client::over(near)
}
