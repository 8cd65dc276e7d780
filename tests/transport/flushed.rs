//! Output that a stream keeps in a buffer leaves, whatever waits behind it.

use capvote::net::websocket::WebSocket;
use capvote::schema::election_capnp::directory;
use tokio::io::BufWriter;
use tokio::time::{Instant, sleep};

use super::deferred::Silent;
use super::*;

/// The time that a call takes over a pair of streams of which the client's has taken more than the
/// server has read, when behind it there is what nobody waits for.
async fn waited<S: Stream>(near: S, far: impl Stream) -> Duration {
    let far = Choppy::new(far, usize::MAX);
    let reads = far.reads.clone();
    serve(ours, far, new_client::<directory::Client, _>(Silent).client);
    let remote: directory::Client = connect(ours, near);
    let first = timeout(TIMEOUT, remote.election_request().send().promise).await.unwrap().unwrap();
    let election = first.get().unwrap().get_election().unwrap();
    // The first answer is finished.
    drop(first);
    sleep(Duration::from_secs(5)).await;
    reads.pause();
    let mut request = remote.election_request();
    request.get().set_id("x".repeat(1_000));
    let answer = request.send().promise;
    sleep(Duration::from_millis(1)).await;
    // It is released.
    drop(election);
    sleep(Duration::from_millis(1)).await;
    let begun = Instant::now();
    reads.resume();
    timeout(TIMEOUT, answer).await.unwrap().unwrap();
    begun.elapsed()
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_in_the_buffer_of_a_stream_does_not_wait_for_what_is_deferred() {
    let (near, far) = duplex(64);
    let waited = waited(BufWriter::new(near), far).await;
    assert!(waited < Duration::from_millis(100), "{waited:?}");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_in_the_buffer_of_a_web_socket_does_not_wait_for_what_is_deferred() {
    let (near, far) = duplex(64);
    let (near, far) = (WebSocket::client(near, vec![]), WebSocket::server(far, vec![]));
    let waited = waited(near, far).await;
    assert!(waited < Duration::from_millis(100), "{waited:?}");
}
