//! How long a connection for pages lasts.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, DuplexStream, duplex};
use tokio::time::{Instant, sleep};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn site() -> Site {
    Site::at([Ipv4Addr::LOCALHOST.into()])
}

/// Serves a connection on which a visitor does this. Returns how long it lasted, and the error that
/// ended it.
async fn lasts(visitor: impl AsyncFnOnce(DuplexStream)) -> (Duration, Option<String>) {
    let (near, far) = duplex(4_096);
    let begun = Instant::now();
    let site = site();
    let served = async {
        let ended = serve(near, &site, None, || ()).await;
        (begun.elapsed(), ended.err().map(|error| error.to_string()))
    };
    let ((lasted, error), ()) = futures::future::join(served, visitor(far)).await;
    (Duration::from_secs(lasted.as_secs()), error)
}

const REQUEST: &[u8] = b"GET /-/missing.html HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Reads answers until the connection ends.
async fn read(mut stream: DuplexStream) {
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

#[tokio::test(start_paused = true)]
async fn a_visitor_who_asks_for_nothing_or_slowly_is_sent_away() {
    let (lasted, error) = lasts(read).await;
    assert_eq!((lasted, error.is_some()), (REQUEST_WAIT_MAX, true));
    let slowly = async |mut stream: DuplexStream| {
        for byte in REQUEST.iter().cycle().filter(|byte| **byte != b'\n') {
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
            sleep(SECOND).await;
        }
    };
    let (lasted, error) = lasts(slowly).await;
    assert_eq!((lasted, error.is_some()), (REQUEST_WAIT_MAX, true));
    // Between two requests as well.
    let once = async |mut stream: DuplexStream| {
        sleep(10 * SECOND).await;
        stream.write_all(REQUEST).await.unwrap();
        read(stream).await;
    };
    let (lasted, _) = lasts(once).await;
    assert_eq!(lasted, 10 * SECOND + REQUEST_WAIT_MAX);
}

#[tokio::test(start_paused = true)]
async fn a_visit_ends_behind_an_answer_and_one_that_is_not_read_is_cut() {
    let again = async |stream: DuplexStream| {
        let (mut reads, mut writes) = tokio::io::split(stream);
        let asks = async {
            while writes.write_all(REQUEST).await.is_ok() {
                sleep(7 * SECOND).await;
            }
        };
        let mut answers = Vec::new();
        let (_, read) = futures::future::join(asks, reads.read_to_end(&mut answers)).await;
        read.unwrap();
        // Each of them whole.
        let answers = String::from_utf8(answers).unwrap();
        assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), answers.matches("</html>").count());
    };
    let (lasted, error) = lasts(again).await;
    assert!((VISIT_WAIT_MAX..VISIT_WAIT_MAX + 8 * SECOND).contains(&lasted), "{lasted:?}");
    assert_eq!(error, None);
    let unread = async |mut stream: DuplexStream| {
        while stream.write_all(REQUEST).await.is_ok() {}
    };
    let (lasted, error) = lasts(unread).await;
    assert_eq!((lasted, error.is_some()), (VISIT_WAIT_MAX + LAST_ANSWER_WAIT_MAX, true));
}

#[tokio::test]
async fn what_follows_a_handshake_is_read_by_the_websocket() {
    let (near, mut far) = duplex(4_096);
    let request = "GET /rpc HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
                   Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    far.write_all(request.as_bytes()).await.unwrap();
    far.write_all(b"\x82\x83\0\0\0\0abc").await.unwrap();
    let visitor = serve(near, &site(), Some(Origin::Here), || ()).await.unwrap().unwrap();
    assert_eq!(visitor.origin, Some(Origin::Here));
    let mut socket = visitor.socket;
    let mut read = [0; 3];
    socket.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"abc");
}

#[tokio::test]
async fn a_request_that_is_refused_is_no_activity() {
    let (near, mut far) = duplex(1 << 16);
    let foreign = "GET / HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n";
    far.write_all(&[REQUEST, REQUEST, foreign.as_bytes()].concat()).await.unwrap();
    let asked = Cell::new(0);
    serve(near, &site(), None, || asked.update(|count| count + 1)).await.unwrap();
    assert_eq!(asked.get(), 2);
}
