//! Chains and cycles of promises: they end the connection of the client that makes them.
#![allow(clippy::unwrap_used, clippy::panic)]

mod messages;

use std::rc::Rc;
use std::time::Duration;

use capvote::net::connection;
use capvote::net::transport::{CHAINED_CALLS_MAX, PROMISES_MAX};
use capvote::schema::election_capnp::message_sink;
use tokio::io::{AsyncWriteExt, duplex};
use tokio::task::spawn_local;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::messages::{bootstrap, call, discard, message};

/// The timeout for what must happen. Reached only if a test fails.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Never answers, and keeps the parameters of its calls.
struct Silent;

impl message_sink::Server for Silent {
    async fn message(
        self: Rc<Self>,
        params: message_sink::MessageParams,
        _: message_sink::MessageResults,
    ) -> capnp::Result<()> {
        let _kept = params;
        std::future::pending().await
    }
}

/// Sends the bytes to a server whose bootstrap capability never answers. Returns whether the server
/// ended the connection.
async fn is_refused(bytes: Vec<u8>) -> bool {
    let (stream, there) = duplex(1 << 20);
    let sink: message_sink::Client = capnp_rpc::new_client(Silent);
    let served = connection::serve(there, |_| sink.client, CancellationToken::new());
    let served = spawn_local(served);
    let (reads, mut writes) = tokio::io::split(stream);
    spawn_local(discard(reads));
    // The write fails if the server disconnects before its end.
    let _ = timeout(TIMEOUT, writes.write_all(&bytes)).await.unwrap();
    // `writes` is still open: only the server can have ended the connection.
    let ended = timeout(Duration::from_secs(5), served).await;
    drop(writes);
    ended.map(Result::unwrap).is_ok()
}

/// A call on the promised answer to question `on`.
fn call_on(on: u32, question: u32, promise: Option<u32>) -> Vec<u8> {
    call(question, |mut call| {
        let mut target = call.reborrow().init_target().init_promised_answer();
        target.set_question_id(on);
        if on > 0 {
            target.init_transform(1).get(0).set_get_pointer_field(0);
        }
        if let Some(promise) = promise {
            call.init_params().init_cap_table(1).get(0).set_sender_promise(promise);
        }
    })
}

fn resolve(promise: u32, to: u32) -> Vec<u8> {
    message(|message| {
        let mut resolve = message.init_resolve();
        resolve.set_promise_id(promise);
        resolve.init_cap().set_sender_promise(to);
    })
}

/// As `resolve`, but with the other promise declared as a capability.
fn resolve_hosted(promise: u32, to: u32) -> Vec<u8> {
    message(|message| {
        let mut resolve = message.init_resolve();
        resolve.set_promise_id(promise);
        resolve.init_cap().set_sender_hosted(to);
    })
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_long_chain_of_pipelined_calls_is_refused() {
    let chain = |calls: u32| {
        let calls = (1..=calls).map(|question| call_on(question - 1, question, None));
        std::iter::once(bootstrap(0)).chain(calls).flatten().collect::<Vec<_>>()
    };
    let most = CHAINED_CALLS_MAX as u32;
    assert!(!is_refused(chain(most)).await);
    for calls in [most + 1, 7_000] {
        assert!(is_refused(chain(calls)).await, "{calls} calls");
    }
    // The chain may also lead through a passed capability, a part of a promised answer.
    let mut passing = chain(most);
    passing.extend(call(most + 1, |mut call| {
        call.reborrow().init_target().init_promised_answer().set_question_id(0);
        let mut passed = call.init_params().init_cap_table(1).get(0).init_receiver_answer();
        passed.set_question_id(most);
        passed.init_transform(1).get(0).set_get_pointer_field(0);
    }));
    assert!(is_refused(passing).await);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn promises_that_resolve_to_promises_are_refused() {
    let begin = [bootstrap(0), call_on(0, 1, Some(0))].concat();
    let to_hosted = message(|message| message.init_resolve().init_cap().set_sender_hosted(9));
    assert!(!is_refused([&begin[..], &to_hosted].concat()).await);
    let to_answer = message(|message| {
        message.init_resolve().init_cap().init_receiver_answer().set_question_id(1);
    });
    assert!(is_refused([&begin[..], &to_answer].concat()).await);
    // A promise that is declared a capability is still a promise.
    assert!(is_refused([&begin[..], &resolve_hosted(0, 0)].concat()).await);
    let two = [&begin[..], &call_on(0, 2, Some(1))].concat();
    assert!(!is_refused([&two[..], &resolve_hosted(0, 9)].concat()).await);
    for cycle in
        [[&two[..], &resolve_hosted(0, 1)].concat(), [&two[..], &resolve_hosted(1, 0)].concat()]
    {
        assert!(is_refused(cycle).await);
    }
    let most = PROMISES_MAX as u32;
    let passing = |promises: std::ops::Range<u32>| {
        call(1 + promises.start, |mut call| {
            call.reborrow().init_target().init_promised_answer().set_question_id(0);
            let mut passed = call.init_params().init_cap_table(promises.len() as u32);
            for (index, promise) in promises.enumerate() {
                passed.reborrow().get(index as u32).set_sender_promise(promise);
            }
        })
    };
    let passed = (0..most).step_by(2).map(|first| passing(first..first + 2));
    let passed: Vec<u8> = std::iter::once(bootstrap(0)).chain(passed).flatten().collect();
    assert!(!is_refused(passed.clone()).await);
    assert!(is_refused([passed, passing(most..most + 1)].concat()).await);
    // A cycle, and a chain.
    assert!(is_refused([&begin[..], &resolve(0, 0)].concat()).await);
    let chain = (0..100_000).flat_map(|promise| resolve(promise, promise + 1));
    assert!(is_refused(begin.into_iter().chain(chain).collect()).await);
}
