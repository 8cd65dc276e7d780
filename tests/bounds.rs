//! The limits and timeouts of a connection, and what happens to a client that exceeds them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

mod messages;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use capnp::Error;
use capnp::capability::{Promise, Response};
use capnp_rpc::RpcSystem;
use capnp_rpc::rpc_capnp::{message, return_};
use capnp_rpc::rpc_twoparty_capnp::Side;
use capvote::net::budget::{PROCESS_BYTES_MAX, charged_bytes};
use capvote::net::connection::{
    self, FIRST_CALL_WAIT_MAX, IDLE_WAIT_MAX, MEMORY_WAIT_MAX, MESSAGE_REST_WAIT_MAX,
};
use capvote::net::transport::{self, ANONYMOUS_QUESTIONS_MAX};
use capvote::schema::election_capnp::message_sink;
use capvote::schema::election_capnp::message_sink::message_results;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::messages::{bootstrap, call, discard, message};

/// The timeout for what must happen. Reached only if a test fails.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Held by a test that uses much of the memory budget, which all tests share.
fn alone() -> impl Drop {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers no call before `release`.
#[derive(Default)]
struct Waiting {
    calls: Cell<usize>,
    waiting: RefCell<Vec<oneshot::Sender<()>>>,
    released: Cell<bool>,
}

impl Waiting {
    fn release(&self) {
        self.released.set(true);
        self.waiting.take();
    }

    /// The number of calls once no further one arrives.
    async fn settled(&self) -> usize {
        let mut before = usize::MAX;
        while before != self.calls.get() {
            before = self.calls.get();
            for _ in 0..1_000 {
                tokio::task::yield_now().await;
            }
        }
        before
    }
}

impl message_sink::Server for Waiting {
    async fn message(
        self: Rc<Self>,
        params: message_sink::MessageParams,
        _: message_sink::MessageResults,
    ) -> capnp::Result<()> {
        self.calls.set(self.calls.get() + 1);
        if !self.released.get() {
            let (waits, wait) = oneshot::channel();
            self.waiting.borrow_mut().push(waits);
            let _ = wait.await;
        }
        drop(params);
        Ok(())
    }
}

/// Serves `sink` as the bootstrap capability: the client's stream, and the task that serves it.
fn serve(sink: Rc<Waiting>) -> (DuplexStream, JoinHandle<()>) {
    let (here, there) = duplex(1 << 20);
    let sink: message_sink::Client = capnp_rpc::new_client_from_rc(sink);
    let served = connection::serve(there, |_| sink.client, CancellationToken::new());
    (here, spawn_local(served))
}

fn connect(stream: DuplexStream) -> message_sink::Client {
    let mut system = RpcSystem::new(transport::network(stream, Side::Client), None);
    let sink = system.bootstrap(Side::Server);
    spawn_local(system);
    sink
}

/// A call of so many bytes over its own connection: the task that serves it, and the call's answer.
fn call_alone(
    server: &Rc<Waiting>,
    bytes: usize,
) -> (JoinHandle<()>, Promise<Response<message_results::Owned>, Error>) {
    let (stream, served) = serve(server.clone());
    let mut request = connect(stream).message_request();
    request.get().set_text("x".repeat(bytes));
    (served, request.send().promise)
}

#[tokio::test(flavor = "local")]
async fn a_client_with_too_many_calls_in_progress_is_not_read_from() {
    let _alone = alone();
    let server = Rc::new(Waiting::default());
    let (stream, _) = serve(server.clone());
    let sink = connect(stream);
    const CALLS: usize = 20_000;
    let answers: Vec<_> = (0..CALLS).map(|_| sink.message_request().send().promise).collect();
    let before = server.settled().await;
    assert_eq!(before, ANONYMOUS_QUESTIONS_MAX);
    server.release();
    for answer in answers {
        timeout(TIMEOUT, answer).await.unwrap().unwrap();
    }
    assert_eq!(server.calls.get(), CALLS);
}

fn finish(question: u32) -> Vec<u8> {
    message(|message| message.init_finish().set_question_id(question))
}

#[tokio::test(flavor = "local")]
async fn a_client_with_too_many_unfinished_questions_is_disconnected() {
    let _alone = alone();
    let (stream, mut served) = serve(Rc::default());
    let (reads, mut writes) = tokio::io::split(stream);
    spawn_local(discard(reads));
    // There is no limit if each is finished.
    for question in 0..2 * ANONYMOUS_QUESTIONS_MAX as u32 {
        writes.write_all(&bootstrap(question)).await.unwrap();
        tokio::task::yield_now().await;
        writes.write_all(&finish(question)).await.unwrap();
    }
    assert!(timeout(Duration::from_millis(50), &mut served).await.is_err());
    let mut question = 0;
    let flood = async {
        while writes.write_all(&bootstrap(question)).await.is_ok() {
            question += 1;
            tokio::task::yield_now().await;
        }
    };
    timeout(TIMEOUT, flood).await.unwrap();
    timeout(TIMEOUT, served).await.unwrap().unwrap();
    assert!(question >= ANONYMOUS_QUESTIONS_MAX as u32, "{question}");
}

#[tokio::test(flavor = "local")]
async fn a_cancelled_call_is_answered_as_canceled_and_leaves_the_table() {
    let _alone = alone();
    let server = Rc::new(Waiting::default());
    let (stream, mut served) = serve(server.clone());
    let (mut reads, mut writes) = tokio::io::split(stream);
    // Each is finished before it is answered, and the last is not.
    let calls = 2 * ANONYMOUS_QUESTIONS_MAX as u32;
    writes.write_all(&bootstrap(0)).await.unwrap();
    let answers = spawn_local(async move {
        let mut buffer = Vec::new();
        let mut canceled = Vec::new();
        // The first answer is the bootstrap capability.
        while canceled.len() <= calls as usize + 1 {
            let mut rest = &buffer[..];
            let Ok(message) = capnp::serialize::read_message(&mut rest, Default::default()) else {
                assert!(reads.read_buf(&mut buffer).await.unwrap() > 0);
                continue;
            };
            let Ok(message::Return(answer)) =
                message.get_root::<message::Reader<'_>>().unwrap().which()
            else {
                panic!("not an answer")
            };
            let answer = answer.unwrap();
            let is_canceled = matches!(answer.which(), Ok(return_::Canceled(())));
            canceled.push((answer.get_answer_id(), is_canceled));
            let used = buffer.len() - rest.len();
            buffer.drain(..used);
        }
        canceled
    });
    for question in 1..=calls {
        let call = call(question, |call| {
            call.init_target().init_promised_answer().set_question_id(0);
        });
        let sent = [call, finish(question)].concat();
        writes.write_all(&sent).await.unwrap();
        if question.is_multiple_of(100) {
            server.settled().await;
            server.waiting.take();
        }
    }
    server.release();
    let last = call(calls + 1, |call| {
        call.init_target().init_promised_answer().set_question_id(0);
    });
    writes.write_all(&last).await.unwrap();
    let answers = timeout(TIMEOUT, answers).await.unwrap().unwrap();
    let expected = (0..=calls + 1).map(|question| (question, (1..=calls).contains(&question)));
    assert_eq!(answers, expected.collect::<Vec<_>>());
    assert!(timeout(Duration::from_millis(50), &mut served).await.is_err());
}

/// A call on the bootstrap capability.
fn call_bootstrap(keep_results: bool, capabilities: u32) -> Vec<u8> {
    call(1, |mut call| {
        call.reborrow().init_target().init_promised_answer().set_question_id(0);
        if keep_results {
            call.reborrow().init_send_results_to().set_yourself(());
        }
        let mut table = call.init_params().init_cap_table(capabilities);
        for index in 0..capabilities {
            table.reborrow().get(index).set_sender_hosted(index);
        }
    })
}

fn answer(question: u32, bytes: u32) -> Vec<u8> {
    message(|message| {
        let mut answer = message.init_return();
        answer.set_answer_id(question);
        answer.init_results().init_content().initn_as::<capnp::data::Builder<'_>>(bytes);
    })
}

#[tokio::test(flavor = "local")]
async fn messages_that_take_more_memory_than_their_bytes_end_the_connection() {
    let most = transport::MESSAGE_CAPABILITIES_MAX;
    let table = [
        (call_bootstrap(false, most), true),
        (call_bootstrap(false, most + 1), false),
        (call_bootstrap(true, 0), false),
        (answer(7, transport::ANSWER_BYTES_MAX as u32 + 8), false),
    ];
    for (index, (sent, accepted)) in table.into_iter().enumerate() {
        let server = Rc::new(Waiting::default());
        server.release();
        let (mut stream, served) = serve(server);
        stream.write_all(&[bootstrap(0), sent].concat()).await.unwrap();
        let wait = if accepted { Duration::from_millis(200) } else { TIMEOUT };
        let ended = timeout(wait, served).await;
        assert_eq!(ended.is_err(), accepted, "message {index}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_client_that_never_calls_is_disconnected() {
    for sends in [&b""[..], &[0; 4], &[0xff]] {
        let (mut stream, served) = serve(Rc::default());
        let begun = Instant::now();
        stream.write_all(sends).await.unwrap();
        timeout(FIRST_CALL_WAIT_MAX * 2, served).await.unwrap().unwrap();
        // Bytes that are not a message end it at once.
        assert!(begun.elapsed() <= FIRST_CALL_WAIT_MAX);
        assert_eq!(stream.read(&mut [0; 100]).await.unwrap(), 0);
    }
    // A byte now and then is not a message.
    let (mut stream, served) = serve(Rc::default());
    let begun = Instant::now();
    let head = [0, 0, 0, 0, 200, 0, 0, 0];
    stream.write_all(&head).await.unwrap();
    while stream.write_all(&[0]).await.is_ok() {
        sleep(Duration::from_secs(1)).await;
    }
    served.await.unwrap();
    assert!(begun.elapsed() <= FIRST_CALL_WAIT_MAX + Duration::from_secs(1));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_idle_client_is_disconnected_unless_it_waits_for_an_answer() {
    let server = Rc::new(Waiting::default());
    let (stream, mut served) = serve(server.clone());
    let sink = connect(stream);
    let answer = sink.message_request().send().promise;
    // It waits for an answer.
    assert!(timeout(IDLE_WAIT_MAX * 10, &mut served).await.is_err());
    server.release();
    answer.await.unwrap();
    let begun = Instant::now();
    // It calls now and then.
    while begun.elapsed() < IDLE_WAIT_MAX * 3 {
        sleep(IDLE_WAIT_MAX / 2).await;
        sink.message_request().send().promise.await.unwrap();
    }
    let begun = Instant::now();
    served.await.unwrap();
    assert!((IDLE_WAIT_MAX / 2..=IDLE_WAIT_MAX * 2).contains(&begun.elapsed()));
}

// Time stands still meanwhile: nobody is cut.
#[tokio::test(flavor = "local", start_paused = true)]
async fn the_connections_of_a_process_share_a_memory_budget() {
    let _alone = alone();
    let server = Rc::new(Waiting::default());
    let call = |bytes| call_alone(&server, bytes).1;
    const LONG: usize = 60 << 20;
    let enough = PROCESS_BYTES_MAX / 2 / LONG;
    let mut long = Vec::new();
    for count in 1..=enough {
        long.push(call(LONG));
        let arrived = async {
            while server.calls.get() < count {
                tokio::task::yield_now().await;
            }
        };
        timeout(TIMEOUT, arrived).await.unwrap();
    }
    long.extend((0..enough).map(|_| call(LONG)));
    assert_eq!(server.settled().await, enough);
    // Half of the budget is for connections that use little.
    let mut short: Vec<_> = (0..3).map(|_| call(1_000)).collect();
    let (stream, _served) = serve(server.clone());
    let sink = connect(stream);
    short.extend((0..16).map(|_| sink.message_request().send().promise));
    assert_eq!(server.settled().await, enough + short.len());
    server.release();
    for answer in long.into_iter().chain(short) {
        timeout(TIMEOUT, answer).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_client_that_holds_scarce_memory_is_disconnected() {
    let _alone = alone();
    let server = Rc::new(Waiting::default());
    let call = |bytes| call_alone(&server, bytes);
    const LONG: usize = 60 << 20;
    // The calls that take half of the budget, and further ones.
    const MORE: usize = 2;
    let half = (PROCESS_BYTES_MAX / 2).div_ceil(LONG);
    let (mut short, _answer) = call(1_000);
    let (mut long, _answers): (Vec<_>, Vec<_>) = (1..half).map(|_| call(LONG)).unzip();
    // Memory is not scarce yet.
    assert!(timeout(MEMORY_WAIT_MAX * 10, &mut long[0]).await.is_err());
    let (more, _answers): (Vec<_>, Vec<_>) = (0..=MORE).map(|_| call(LONG)).unzip();
    long.extend(more);
    assert!(timeout(FIRST_CALL_WAIT_MAX + MEMORY_WAIT_MAX * 3, &mut short).await.is_err());
    // Disconnecting stops once memory is not scarce.
    assert_eq!(long.iter().filter(|served| served.is_finished()).count(), MORE + 1);
    server.release();
    let released = async {
        while charged_bytes() > 0 {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(TIMEOUT, released).await.unwrap();
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_client_that_stalls_within_a_message_is_disconnected() {
    let begun = Instant::now();
    let (mut stream, served) = serve(Rc::default());
    let whole = bootstrap(0);
    stream.write_all(&whole).await.unwrap();
    // A byte now and then is progress.
    for byte in &whole[..5] {
        sleep(FIRST_CALL_WAIT_MAX / 2).await;
        stream.write_all(&[*byte]).await.unwrap();
    }
    let stopped = Instant::now();
    served.await.unwrap();
    assert!(stopped - begun > FIRST_CALL_WAIT_MAX);
    assert!((MESSAGE_REST_WAIT_MAX..=MESSAGE_REST_WAIT_MAX * 2).contains(&stopped.elapsed()));
}
