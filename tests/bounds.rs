//! What a client may ask of a connection, and what becomes of one that asks for more.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

mod messages;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use capnp::Error;
use capnp::capability::{Promise, Response};
use capnp_rpc::RpcSystem;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capvote::net::budget::SHARD_BYTES_MAX;
use capvote::net::connection::{
    self, FIRST_CALL_WAIT_MAX, IDLE_WAIT_MAX, MEMORY_WAIT_MAX, MESSAGE_REST_WAIT_MAX,
};
use capvote::net::transport::{self, CALL_BYTES, CALLS_BYTES_MAX, UNFINISHED_QUESTIONS_MAX};
use capvote::schema::election_capnp::message_sink;
use capvote::schema::election_capnp::message_sink::message_results;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::messages::{bootstrap, message};

/// How long a test waits for what has to happen. Reached only when it does not happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// Answers no call before it is let.
#[derive(Default)]
struct Waiting {
    calls: Cell<usize>,
    waiting: RefCell<Vec<oneshot::Sender<()>>>,
    free: Cell<bool>,
}

impl Waiting {
    fn let_go(&self) {
        self.free.set(true);
        self.waiting.take();
    }

    /// How many calls there were when nothing more happens.
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
        if !self.free.get() {
            let (waits, wait) = oneshot::channel();
            self.waiting.borrow_mut().push(waits);
            let _ = wait.await;
        }
        drop(params);
        Ok(())
    }
}

/// A server whose first capability is `sink`, at the other end of a stream, and the end of its work.
fn serve(sink: Rc<Waiting>) -> (DuplexStream, JoinHandle<()>) {
    let (here, there) = duplex(1 << 20);
    let sink: message_sink::Client = capnp_rpc::new_client_from_rc(sink);
    let served = connection::serve(there, |_| sink.client, CancellationToken::new());
    (here, spawn_local(served))
}

fn reach(stream: DuplexStream) -> message_sink::Client {
    let mut system = RpcSystem::new(transport::network(stream, Side::Client), None);
    let sink = system.bootstrap(Side::Server);
    spawn_local(system);
    sink
}

/// A call of so many bytes over a connection of its own: the end of that, and the call's answer.
fn call_alone(
    server: &Rc<Waiting>,
    bytes: usize,
) -> (JoinHandle<()>, Promise<Response<message_results::Owned>, Error>) {
    let (stream, served) = serve(server.clone());
    let mut request = reach(stream).message_request();
    request.get().set_text("x".repeat(bytes));
    (served, request.send().promise)
}

#[tokio::test(flavor = "local")]
async fn a_client_that_calls_and_calls_waits_for_its_answers() {
    let server = Rc::new(Waiting::default());
    let (stream, _) = serve(server.clone());
    let sink = reach(stream);
    const CALLS: usize = 20_000;
    let answers: Vec<_> = (0..CALLS).map(|_| sink.message_request().send().promise).collect();
    let before = server.settled().await;
    let most = CALLS_BYTES_MAX / CALL_BYTES;
    assert!((most * 9 / 10..=most).contains(&before), "{before} calls are under way");
    server.let_go();
    for answer in answers {
        timeout(PATIENCE, answer).await.unwrap().unwrap();
    }
    assert_eq!(server.calls.get(), CALLS);
}

fn finish(question: u32) -> Vec<u8> {
    message(|message| message.init_finish().set_question_id(question))
}

#[tokio::test(flavor = "local")]
async fn a_client_that_finishes_no_question_is_dropped_in_the_end() {
    let (stream, mut served) = serve(Rc::default());
    let (mut reads, mut writes) = tokio::io::split(stream);
    spawn_local(async move {
        let mut nowhere = vec![0; 1 << 20];
        while let Ok(1..) = reads.read(&mut nowhere).await {}
    });
    // As often as one likes, where each is finished.
    for question in 0..2 * UNFINISHED_QUESTIONS_MAX as u32 {
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
    timeout(PATIENCE, flood).await.unwrap();
    timeout(PATIENCE, served).await.unwrap().unwrap();
    assert!(question >= UNFINISHED_QUESTIONS_MAX as u32, "{question}");
}

/// A call of `MessageSink.message` on the first capability, whose results and capabilities are as asked for.
fn call(question: u32, keep_results: bool, capabilities: u32) -> Vec<u8> {
    message(|message| {
        let mut call = message.init_call();
        call.set_question_id(question);
        call.set_interface_id(<message_sink::Client as capnp::traits::HasTypeId>::TYPE_ID);
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
async fn what_takes_more_memory_than_its_bytes_say_ends_the_connection() {
    let most = transport::MESSAGE_CAPABILITIES_MAX;
    let table = [
        (call(1, false, most), true),
        (call(1, false, most + 1), false),
        (call(1, true, 0), false),
        (answer(7, transport::ANSWER_BYTES_MAX as u32 + 8), false),
    ];
    for (index, (sent, goes_on)) in table.into_iter().enumerate() {
        let server = Rc::new(Waiting::default());
        server.let_go();
        let (mut stream, served) = serve(server);
        stream.write_all(&[bootstrap(0), sent].concat()).await.unwrap();
        let patience = if goes_on { Duration::from_millis(200) } else { PATIENCE };
        let ended = timeout(patience, served).await;
        assert_eq!(ended.is_err(), goes_on, "message {index}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_client_that_never_calls_is_cut() {
    for sends in [&b""[..], &[0; 4], &[0xff]] {
        let (mut stream, served) = serve(Rc::default());
        let begun = Instant::now();
        stream.write_all(sends).await.unwrap();
        timeout(FIRST_CALL_WAIT_MAX * 2, served).await.unwrap().unwrap();
        // What is no message at all ends it at once.
        assert!(begun.elapsed() <= FIRST_CALL_WAIT_MAX);
        assert_eq!(stream.read(&mut [0; 100]).await.unwrap(), 0);
    }
    // A byte now and then makes no message.
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
async fn a_client_that_says_nothing_is_cut_unless_it_waits() {
    let server = Rc::new(Waiting::default());
    let (stream, mut served) = serve(server.clone());
    let sink = reach(stream);
    let answer = sink.message_request().send().promise;
    // For as long as it waits for an answer, nothing is expected of it.
    assert!(timeout(IDLE_WAIT_MAX * 10, &mut served).await.is_err());
    server.let_go();
    answer.await.unwrap();
    let begun = Instant::now();
    // Nor is it cut while it calls.
    while begun.elapsed() < IDLE_WAIT_MAX * 3 {
        sleep(IDLE_WAIT_MAX / 2).await;
        sink.message_request().send().promise.await.unwrap();
    }
    let begun = Instant::now();
    served.await.unwrap();
    assert!((IDLE_WAIT_MAX / 2..=IDLE_WAIT_MAX * 2).contains(&begun.elapsed()));
}

#[tokio::test(flavor = "local")]
async fn what_all_connections_of_a_shard_take_together_is_bounded() {
    let server = Rc::new(Waiting::default());
    let call = |bytes| call_alone(&server, bytes).1;
    const LONG: usize = 60 << 20;
    let enough = SHARD_BYTES_MAX / LONG;
    let mut long = Vec::new();
    for count in 1..=enough {
        long.push(call(LONG));
        let come = async {
            while server.calls.get() < count {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, come).await.unwrap();
    }
    long.extend((0..3).map(|_| call(LONG)));
    assert_eq!(server.settled().await, enough);
    // Whoever needs little gets it all the same.
    let short: Vec<_> = (0..3).map(|_| call(1_000)).collect();
    assert_eq!(server.settled().await, enough + short.len());
    server.let_go();
    for answer in long.into_iter().chain(short) {
        timeout(PATIENCE, answer).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn whoever_keeps_memory_while_it_is_scarce_is_cut() {
    let server = Rc::new(Waiting::default());
    let call = |bytes| call_alone(&server, bytes);
    const LONG: usize = 60 << 20;
    // Enough for half of the memory not to do, and so many more.
    const MORE: usize = 2;
    let enough = (SHARD_BYTES_MAX / 2).div_ceil(LONG);
    let (mut little, _answer) = call(1_000);
    let (mut long, _answers): (Vec<_>, Vec<_>) = (1..enough).map(|_| call(LONG)).unzip();
    // While there is enough for the others, nothing is expected of who waits for an answer.
    assert!(timeout(MEMORY_WAIT_MAX * 10, &mut long[0]).await.is_err());
    let (more, _answers): (Vec<_>, Vec<_>) = (0..=MORE).map(|_| call(LONG)).unzip();
    long.extend(more);
    assert!(timeout(FIRST_CALL_WAIT_MAX + MEMORY_WAIT_MAX * 3, &mut little).await.is_err());
    // Until there is enough again.
    assert_eq!(long.iter().filter(|served| served.is_finished()).count(), MORE + 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_client_that_does_not_go_on_with_a_message_is_cut() {
    let begun = Instant::now();
    let (mut stream, served) = serve(Rc::default());
    let whole = bootstrap(0);
    stream.write_all(&whole).await.unwrap();
    // A byte now and then is enough.
    for byte in &whole[..5] {
        sleep(FIRST_CALL_WAIT_MAX / 2).await;
        stream.write_all(&[*byte]).await.unwrap();
    }
    let stopped = Instant::now();
    served.await.unwrap();
    assert!(stopped - begun > FIRST_CALL_WAIT_MAX);
    assert!((MESSAGE_REST_WAIT_MAX..=MESSAGE_REST_WAIT_MAX * 2).contains(&stopped.elapsed()));
}
