//! Both sides of a WebSocket, and what a peer of another kind may send.

use capnp::message::{Builder, HeapAllocator};
use capnp::serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::join;

use super::*;

/// A message with a text of this length.
fn message(length: usize) -> Vec<u8> {
    let mut message = Builder::new(HeapAllocator::new().first_segment_words(20));
    let mut list = message.initn_root::<capnp::text_list::Builder<'_>>(1);
    list.set(0, "x".repeat(length).as_str());
    serialize::write_message_to_words(&message)
}

/// A frame as a client sends it.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [0x5a, 1, 0, 0xff];
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..126 => bytes.push(0x80 | short as u8),
        long => {
            bytes.push(0x80 | 126);
            bytes.extend((long as u16).to_be_bytes());
        }
    }
    bytes.extend(key);
    bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

const BINARY: u8 = 0x82;
const PING: u8 = 0x89;

/// The server's side, and what the client's sends and receives.
fn server(room: usize) -> (WebSocket<DuplexStream>, DuplexStream) {
    let (near, far) = duplex(room);
    (WebSocket::server(near, Vec::new()), far)
}

/// What a client has sent, and how it ended, read with this much room at a time.
async fn received(bytes: &[u8], room: usize) -> (Vec<u8>, Option<String>) {
    let (mut socket, mut far) = server(1 << 20);
    far.write_all(bytes).await.unwrap();
    far.shutdown().await.unwrap();
    let mut all = Vec::new();
    loop {
        let mut piece = vec![0xee; room];
        match socket.read(&mut piece).await {
            Ok(0) => return (all, None),
            Ok(length) => all.extend(&piece[..length]),
            Err(error) => return (all, Some(error.to_string())),
        }
    }
}

#[tokio::test]
async fn messages_pass_both_ways_and_arrive_as_they_were_sent() {
    let sent: Vec<_> = [0, 5, 100, 70_000, 3, 2_000_000, 1].map(message).concat();
    for room in [7, 1_000, 1 << 20] {
        let (near, far) = duplex(room);
        let (server, client) =
            (WebSocket::server(near, Vec::new()), WebSocket::client(far, Vec::new()));
        let pass = async |from: WebSocket<DuplexStream>, to: WebSocket<DuplexStream>| {
            let (mut from, mut to) = (from, to);
            let mut arrived = Vec::new();
            let write = async {
                for piece in sent.chunks(12_345) {
                    from.write_all(piece).await.unwrap();
                }
                from.shutdown().await.unwrap();
            };
            join!(write, async { to.read_to_end(&mut arrived).await.unwrap() });
            assert!(arrived == sent, "{} of {} bytes", arrived.len(), sent.len());
            (from, to)
        };
        let (server, client) = pass(server, client).await;
        // A close ends one direction only.
        pass(client, server).await;
    }
}

#[tokio::test]
async fn each_message_is_one_binary_message() {
    let (mut socket, mut far) = server(1 << 20);
    let messages = [0, 100, 40_000, 70_000].map(message);
    socket.write_all(&messages.concat()).await.unwrap();
    socket.shutdown().await.unwrap();
    let mut bytes = Vec::new();
    far.read_to_end(&mut bytes).await.unwrap();
    let mut rest = &bytes[..];
    for message in &messages {
        let (first, length) = (rest[0], usize::from(rest[1]));
        let (length, head) = match length {
            126 => (u16::from_be_bytes([rest[2], rest[3]]).into(), 4),
            127 => (u64::from_be_bytes(rest[2..10].try_into().unwrap()) as usize, 10),
            short => (short, 2),
        };
        assert_eq!((first, length), (BINARY, message.len()));
        assert!(rest[head..head + length] == message[..]);
        rest = &rest[head + length..];
    }
    assert_eq!(rest, [0x88, 2, 3, 0xe8]);
}

#[tokio::test]
async fn a_stream_may_be_cut_anywhere() {
    let sent = [message(3), message(4_000), message(0)].concat();
    for cut in [1, 2, 125, 126, 1_000] {
        let pieces: Vec<_> = sent.chunks(cut).collect();
        // As many messages, as fragments of one, and with pings between.
        let whole = pieces.iter().map(|piece| frame(BINARY, piece)).collect::<Vec<_>>().concat();
        let mut parts = frame(0x02, &[]);
        for piece in &pieces {
            parts.extend(frame(0x00, piece));
            parts.extend(frame(PING, b"there?"));
            parts.extend(frame(0x8a, b"unasked"));
        }
        parts.extend(frame(0x80, &[]));
        for bytes in [whole, parts] {
            for room in [1, 2, 10, 4_096, 1 << 16] {
                let (arrived, error) = received(&bytes, room).await;
                assert!(arrived == sent && error.is_none(), "{cut}, {room}: {error:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_was_read_with_the_handshake_comes_first() {
    let (near, mut far) = duplex(1_000);
    let early = [frame(BINARY, b"one"), frame(BINARY, b"two")].concat();
    let (early, late) = early.split_at(11);
    far.write_all(late).await.unwrap();
    let mut socket = WebSocket::server(near, early.to_vec());
    let mut arrived = [0; 6];
    socket.read_exact(&mut arrived).await.unwrap();
    assert_eq!(&arrived, b"onetwo");
}

#[tokio::test]
async fn the_rest_of_a_readers_buffer_has_nothing_of_the_stream() {
    let (mut socket, mut far) = server(1_000);
    far.write_all(&frame(BINARY, b"a vote")).await.unwrap();
    let mut buffer = [0xee; 100];
    assert_eq!(socket.read(&mut buffer).await.unwrap(), 6);
    assert_eq!(&buffer[..6], b"a vote");
    assert!(buffer[6..12].iter().all(|byte| *byte == 0), "{buffer:?}");
}

#[tokio::test]
async fn a_violation_ends_the_connection_with_its_code() {
    for (bytes, why, code) in [
        (frame(0x81, b"text"), "text", 1003),
        (vec![BINARY, 3, 1, 2, 3], "no mask", 1002),
        (frame(0xc2, b"x"), "reserved bits", 1002),
        (frame(0x85, b"x"), "unknown kind", 1002),
        (frame(PING, &[0; 126]), "too long", 1002),
        (frame(0x80, b"x"), "before it began", 1002),
        (vec![BINARY, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4], "longer", 1002),
        (frame(0x8a, b"").repeat(1_001), "in a row", 1002),
        (frame(0x00, b"").repeat(1_001), "before it began", 1002),
        ([frame(0x02, b""), frame(0x00, b"").repeat(1_000)].concat(), "in a row", 1002),
    ] {
        let (mut socket, mut far) = server(1 << 20);
        far.write_all(&bytes).await.unwrap();
        let error = socket.read(&mut [0; 100]).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        drop(socket);
        let mut answer = Vec::new();
        far.read_to_end(&mut answer).await.unwrap();
        let code: u16 = code;
        assert_eq!(answer, [&[0x88, 2][..], &code.to_be_bytes()].concat(), "{why}");
    }
    // A byte of a message in between: there is no end to that.
    let pings = [frame(BINARY, b"x"), frame(PING, b"").repeat(900)].concat().repeat(3);
    let (mut socket, mut far) = server(1 << 20);
    far.write_all(&pings).await.unwrap();
    let mut arrived = [0; 3];
    socket.read_exact(&mut arrived).await.unwrap();
}

#[tokio::test]
async fn a_ping_is_answered_by_the_reader_and_pings_take_no_room() {
    let (mut socket, mut far) = server(100);
    far.write_all(&frame(PING, b"there?")).await.unwrap();
    let mut buffer = [0; 10];
    let mut answer = [0; 8];
    tokio::select! {
        read = socket.read(&mut buffer) => panic!("{read:?}"),
        read = far.read_exact(&mut answer) => drop(read.unwrap()),
    }
    assert_eq!(&answer, b"\x8a\x06there?");
    // The peer sends pings, and does not read: what waits for it has a bound.
    let (mut near, mut read) = server(64);
    let flood = async {
        loop {
            if read.write_all(&frame(PING, &[7; 100])).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = flood => {}
        end = near.read(&mut buffer) => assert!(end.unwrap_err().to_string().contains("in a row")),
    }
    assert!(near.output.unwritten().len() <= 2 * (CONTROL_BYTES_MAX + 2));
}

#[tokio::test]
async fn a_writer_that_waits_answers_the_ping_behind_its_message() {
    let (mut socket, mut far) = server(64);
    let message = message(5_000);
    let mut buffer = [0; 10];
    // The writer fills the stream, and waits.
    let begun = {
        let mut written = std::pin::pin!(async {
            socket.write_all(&message).await.unwrap();
            socket.flush().await.unwrap();
        });
        futures::poll!(written.as_mut()).is_pending()
    };
    assert!(begun && socket.writer_waits);
    far.write_all(&frame(PING, b"p")).await.unwrap();
    assert!(futures::poll!(std::pin::pin!(socket.read(&mut buffer))).is_pending());
    let mut arrived = vec![0; 4 + message.len() + 3];
    let (_, read) = join!(socket.flush(), far.read_exact(&mut arrived));
    read.unwrap();
    assert_eq!(arrived[4 + message.len()..], *b"\x8a\x01p");
}

#[tokio::test]
async fn a_close_is_answered_and_what_follows_it_is_dropped() {
    let (mut socket, mut far) = server(1_000);
    let bytes = [frame(BINARY, b"x"), frame(0x88, &[3, 0xe9]), frame(BINARY, b"late")].concat();
    far.write_all(&bytes).await.unwrap();
    let mut arrived = Vec::new();
    socket.read_to_end(&mut arrived).await.unwrap();
    assert_eq!(arrived, b"x");
    socket.shutdown().await.unwrap();
    let mut answer = Vec::new();
    far.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, [0x88, 2, 3, 0xe8]);
}

/// A stream that takes all that is written, and tries to pass it on at once, as TLS does.
struct Greedy {
    stream: DuplexStream,
    taken: Vec<u8>,
}

impl Greedy {
    fn poll_pass(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.taken.is_empty() {
            let passed = ready!(Pin::new(&mut self.stream).poll_write(context, &self.taken))?;
            self.taken.drain(..passed);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Greedy {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Greedy {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.taken.extend(bytes);
        let _ = this.poll_pass(context);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_pass(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[tokio::test(start_paused = true)]
async fn a_flush_that_waits_is_woken_also_after_a_ping() {
    let (near, far) = duplex(64);
    let stream = Greedy { stream: near, taken: Vec::new() };
    let (mut reader, mut writer) = tokio::io::split(WebSocket::server(stream, Vec::new()));
    let (mut from_server, mut to_server) = tokio::io::split(far);
    let sent = message(5_000);
    let length = sent.len() + 4;
    tokio::spawn(async move {
        writer.write_all(&sent).await.unwrap();
        writer.flush().await.unwrap();
        // It writes nothing more.
        std::future::pending::<()>().await;
    });
    tokio::spawn(async move { reader.read(&mut [0; 100]).await });
    tokio::task::yield_now().await;
    to_server.write_all(&frame(PING, b"here?")).await.unwrap();
    tokio::task::yield_now().await;
    let mut received = vec![0; length];
    let all = from_server.read_exact(&mut received);
    tokio::time::timeout(std::time::Duration::from_secs(1), all).await.unwrap().unwrap();
}
