//! Chains and circles of promises that a client makes: they end its own connection, and neither the server nor
//! another client notices.
#![allow(clippy::unwrap_used, clippy::panic)]

mod messages;

use std::rc::Rc;
use std::time::Duration;

use capvote::net::connection;
use capvote::net::transport::{CHAINED_CALLS_MAX, PROMISES_MAX};
use capvote::schema::election_capnp::message_sink;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::task::spawn_local;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::messages::{bootstrap, message};

/// How long a test waits for what has to happen. Reached only when it does not happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// Answers nothing, and keeps what came with its calls.
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

/// Says this to a server whose first capability never answers. Returns whether the server ended the connection.
async fn is_cut(say: Vec<u8>) -> bool {
    let (stream, there) = duplex(1 << 20);
    let sink: message_sink::Client = capnp_rpc::new_client(Silent);
    let served = connection::serve(there, |_| sink.client, CancellationToken::new());
    let served = spawn_local(served);
    let (mut reads, mut writes) = tokio::io::split(stream);
    spawn_local(async move {
        let mut nowhere = vec![0; 1 << 16];
        while let Ok(1..) = reads.read(&mut nowhere).await {}
    });
    // The server may have hung up before everything is written.
    let _ = timeout(PATIENCE, writes.write_all(&say)).await.unwrap();
    // The client stays: what ends the connection is what it said.
    let ended = timeout(Duration::from_secs(5), served).await;
    drop(writes);
    ended.map(Result::unwrap).is_ok()
}

/// A call on the answer to another question.
fn call(question: u32, on: u32, promise: Option<u32>) -> Vec<u8> {
    message(|message| {
        let mut call = message.init_call();
        call.set_question_id(question);
        call.set_interface_id(<message_sink::Client as capnp::traits::HasTypeId>::TYPE_ID);
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

/// The same, where what it comes to is called a capability.
fn resolve_hosted(promise: u32, to: u32) -> Vec<u8> {
    message(|message| {
        let mut resolve = message.init_resolve();
        resolve.set_promise_id(promise);
        resolve.init_cap().set_sender_hosted(to);
    })
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_long_chain_of_calls_on_answers_to_come_is_not_taken() {
    let chain = |calls: u32| {
        let calls = (1..=calls).map(|question| call(question, question - 1, None));
        std::iter::once(bootstrap(0)).chain(calls).flatten().collect::<Vec<_>>()
    };
    let most = CHAINED_CALLS_MAX as u32;
    assert!(!is_cut(chain(most)).await);
    for calls in [most + 1, 7_000] {
        assert!(is_cut(chain(calls)).await, "{calls} calls");
    }
    // Nor one in which what is passed is part of the answer to come.
    let mut passing = chain(most);
    passing.extend(message(|message| {
        let mut call = message.init_call();
        call.set_question_id(most + 1);
        call.reborrow().init_target().init_promised_answer().set_question_id(0);
        let mut passed = call.init_params().init_cap_table(1).get(0).init_receiver_answer();
        passed.set_question_id(most);
        passed.init_transform(1).get(0).set_get_pointer_field(0);
    }));
    assert!(is_cut(passing).await);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn promises_that_come_to_promises_are_not_taken() {
    let begin = [bootstrap(0), call(1, 0, Some(0))].concat();
    let to_hosted = message(|message| message.init_resolve().init_cap().set_sender_hosted(9));
    assert!(!is_cut([&begin[..], &to_hosted].concat()).await);
    let to_answer = message(|message| {
        message.init_resolve().init_cap().init_receiver_answer().set_question_id(1);
    });
    assert!(is_cut([&begin[..], &to_answer].concat()).await);
    // A promise that is called a capability is one all the same.
    assert!(is_cut([&begin[..], &resolve_hosted(0, 0)].concat()).await);
    let two = [&begin[..], &call(2, 0, Some(1))].concat();
    assert!(!is_cut([&two[..], &resolve_hosted(0, 9)].concat()).await);
    for circle in
        [[&two[..], &resolve_hosted(0, 1)].concat(), [&two[..], &resolve_hosted(1, 0)].concat()]
    {
        assert!(is_cut(circle).await);
    }
    let most = PROMISES_MAX as u32;
    let passing = |promises: std::ops::Range<u32>| {
        message(|message| {
            let mut call = message.init_call();
            call.set_question_id(1 + promises.start);
            call.set_interface_id(<message_sink::Client as capnp::traits::HasTypeId>::TYPE_ID);
            call.reborrow().init_target().init_promised_answer().set_question_id(0);
            let mut passed = call.init_params().init_cap_table(promises.len() as u32);
            for (place, promise) in promises.enumerate() {
                passed.reborrow().get(place as u32).set_sender_promise(promise);
            }
        })
    };
    let passed = (0..most).step_by(50).map(|first| passing(first..first + 50));
    let passed: Vec<u8> = std::iter::once(bootstrap(0)).chain(passed).flatten().collect();
    assert!(!is_cut(passed.clone()).await);
    assert!(is_cut([passed, passing(most..most + 1)].concat()).await);
    // A circle, and a chain.
    assert!(is_cut([&begin[..], &resolve(0, 0)].concat()).await);
    let chain = (0..100_000).flat_map(|promise| resolve(promise, promise + 1));
    assert!(is_cut(begin.into_iter().chain(chain).collect()).await);
}
