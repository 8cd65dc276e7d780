//! What is deferred arrives, however the connection ends.

use capnp::serialize;
use capnp_rpc::rpc_capnp::message;
use capvote::net::connection;
use capvote::schema::election_capnp::directory;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::deferred::Silent;
use super::*;

/// Serves a directory of silent elections.
fn serve_silent(stream: impl Stream) -> (CancellationToken, tokio::task::JoinHandle<()>) {
    let stop = CancellationToken::new();
    let bootstrap = |_| new_client::<directory::Client, _>(Silent).client;
    (stop.clone(), spawn_local(connection::serve(stream, bootstrap, stop)))
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_deferred_answer_arrives_before_a_server_that_stops_leaves() {
    for make in [ours as Make, stock] {
        let (near, far) = duplex(64 * 1024);
        let (stop, serving) = serve_silent(far);
        let remote: directory::Client = connect(make, near);
        let election = remote.election_request().send();
        let unanswered = election.pipeline.get_election().info_request().send().promise;
        sleep(Duration::from_millis(10)).await;
        stop.cancel();
        timeout(TIMEOUT, election.promise).await.unwrap().unwrap();
        let error = timeout(TIMEOUT, unanswered).await.unwrap().err().unwrap();
        assert_eq!(error.kind, ErrorKind::Disconnected);
        timeout(TIMEOUT, serving).await.unwrap().unwrap();
    }
}

/// What a client sends to make a call on the answer to another.
async fn calls() -> Vec<u8> {
    let (near, mut far) = duplex(64 * 1024);
    let remote: directory::Client = connect(ours, near);
    let election = remote.election_request().send();
    let _unanswered = election.pipeline.get_election().info_request().send();
    let mut bytes = vec![0; 64 * 1024];
    let length = timeout(TIMEOUT, far.read(&mut bytes)).await.unwrap().unwrap();
    bytes.truncate(length);
    bytes
}

/// The questions that are answered in these messages, which have to be whole.
fn answered(mut bytes: &[u8]) -> Vec<u32> {
    let mut answered = Vec::new();
    while !bytes.is_empty() {
        let message = serialize::read_message(&mut bytes, Default::default()).unwrap();
        if let Ok(message::Return(answer)) =
            message.get_root::<message::Reader<'_>>().unwrap().which()
        {
            answered.push(answer.unwrap().get_answer_id());
        }
    }
    answered
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_client_that_ends_its_side_gets_the_answers_that_were_deferred() {
    let calls = calls().await;
    for wait in [0, 10, 5_000] {
        for limit in [1, 50, usize::MAX] {
            let (mut near, far) = duplex(64 * 1024);
            let (_, serving) = serve_silent(Choppy::new(far, limit));
            near.write_all(&calls).await.unwrap();
            sleep(Duration::from_millis(wait)).await;
            near.shutdown().await.unwrap();
            let mut bytes = Vec::new();
            timeout(TIMEOUT, near.read_to_end(&mut bytes)).await.unwrap().unwrap();
            timeout(TIMEOUT, serving).await.unwrap().unwrap();
            let answered = answered(&bytes);
            assert!(answered.starts_with(&[0, 1]), "{answered:?} after {wait} ms, by {limit}");
        }
    }
}

/// A client that is slow to read gets whole messages, also where the rest of them is deferred.
#[tokio::test(flavor = "local", start_paused = true)]
async fn a_slow_client_gets_whole_answers_when_it_leaves_at_any_time() {
    let calls = calls().await;
    for taken in (1..400).step_by(7) {
        let (mut near, far) = duplex(16);
        let (_, serving) = serve_silent(far);
        let (mut reads, mut writes) = tokio::io::split(&mut near);
        let mut bytes = vec![0; taken];
        let write = writes.write_all(&calls);
        let (written, read) = timeout(TIMEOUT, async {
            tokio::join!(write, timeout(Duration::from_secs(3), reads.read_exact(&mut bytes)))
        })
        .await
        .unwrap();
        written.unwrap();
        if read.is_err() {
            break;
        }
        writes.shutdown().await.unwrap();
        timeout(TIMEOUT, reads.read_to_end(&mut bytes)).await.unwrap().unwrap();
        timeout(TIMEOUT, serving).await.unwrap().unwrap();
        assert!(answered(&bytes).starts_with(&[0, 1]), "{taken}");
    }
}
