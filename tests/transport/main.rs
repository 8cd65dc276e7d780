//! The transport, over fragmented, paused and broken streams, and against capnp-rpc's own network.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

mod deferred;
mod flushed;
mod random;
mod stream;
mod unusual;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use capnp::ErrorKind;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::{RpcSystem, VatNetwork, new_client, twoparty};
use capvote::net::bdp::WINDOW_BYTES_MIN;
use capvote::net::stream::Stream;
use capvote::net::transport::{self, UNWRITTEN_BYTES_MAX};
use capvote::schema::election_capnp::message_sink;
use capvote::schema::lines_capnp::{line_sink, remote_file};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;
use tokio::time::timeout;
use tokio_util::compat::{TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};

use self::stream::Choppy;

/// The timeout for what must happen. Reached only if a test fails.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Makes a network of a stream.
type Make = fn(Box<dyn Stream>, Side) -> Box<dyn VatNetwork<Side>>;

fn ours(stream: Box<dyn Stream>, side: Side) -> Box<dyn VatNetwork<Side>> {
    transport::network(stream, side)
}

fn stock(stream: Box<dyn Stream>, side: Side) -> Box<dyn VatNetwork<Side>> {
    let (reader, writer) = tokio::io::split(stream);
    let (reader, writer) = (reader.compat(), writer.compat_write());
    Box::new(twoparty::VatNetwork::new(reader, writer, side, Default::default()))
}

/// Records the texts of its messages.
#[derive(Default)]
struct Texts(RefCell<Vec<String>>);

impl message_sink::Server for Texts {
    async fn message(
        self: Rc<Self>,
        params: message_sink::MessageParams,
        _: message_sink::MessageResults,
    ) -> capnp::Result<()> {
        self.0.borrow_mut().push(params.get()?.get_text()?.to_string()?);
        Ok(())
    }
}

/// A file without end that counts its reads.
#[derive(Default)]
struct Endless(Cell<usize>);

impl remote_file::Server for Endless {
    async fn read(
        self: Rc<Self>,
        params: remote_file::ReadParams,
        mut results: remote_file::ReadResults,
    ) -> capnp::Result<()> {
        self.0.set(self.0.get() + 1);
        results.get().init_data(params.get()?.get_length());
        Ok(())
    }
}

/// Counts the bytes of lines, and yields in each call.
#[derive(Default)]
struct Lines {
    bytes: Cell<usize>,
    in_progress: Cell<usize>,
}

impl line_sink::Server for Lines {
    async fn lines(self: Rc<Self>, params: line_sink::LinesParams) -> capnp::Result<()> {
        self.in_progress.set(self.in_progress.get() + 1);
        tokio::task::yield_now().await;
        for line in params.get()?.get_lines()?.iter() {
            self.bytes.set(self.bytes.get() + line?.len());
        }
        self.in_progress.set(self.in_progress.get() - 1);
        Ok(())
    }

    async fn done(
        self: Rc<Self>,
        _: line_sink::DoneParams,
        _: line_sink::DoneResults,
    ) -> capnp::Result<()> {
        Ok(())
    }
}

/// Serves a bootstrap capability on a stream.
fn serve(make: Make, stream: impl Stream, client: capnp::capability::Client) {
    let system = RpcSystem::new(make(Box::new(stream), Side::Server), Some(client));
    spawn_local(system);
}

/// The bootstrap capability of the server at the other end of a stream.
fn connect<T: capnp::capability::FromClientHook>(make: Make, stream: impl Stream) -> T {
    let mut system = RpcSystem::new(make(Box::new(stream), Side::Client), None);
    let client = system.bootstrap(Side::Server);
    spawn_local(system);
    client
}

/// Texts of many sizes: empty, short enough to be copied into the outbox, and longer.
fn texts() -> Vec<String> {
    let sizes = [0, 1, 7, 100, 4_000, 16_380, 20_000, 70_000, 5];
    let text = |(index, size): (usize, usize)| format!("{index}{}", "x".repeat(size));
    (0..36).map(|index| sizes[index % sizes.len()]).enumerate().map(text).collect()
}

#[tokio::test(flavor = "local")]
async fn messages_arrive_whole_and_in_order_with_either_network() {
    for (server, client) in [(ours as Make, ours as Make), (ours, stock), (stock, ours)] {
        for limit in [1, 13, 4_096, usize::MAX] {
            let (here, there) = duplex(1_000.max(limit.min(64 * 1024)));
            let sink = Rc::new(Texts::default());
            let capability: message_sink::Client = capnp_rpc::new_client_from_rc(sink.clone());
            serve(server, Choppy::new(there, limit), capability.client);
            let remote: message_sink::Client = connect(client, Choppy::new(here, limit));
            let count = if limit < 100 { 6 } else { texts().len() };
            let sent = texts()[..count].to_vec();
            let answers = sent.iter().map(|text| {
                let mut request = remote.message_request();
                request.get().set_text(&text[..]);
                request.send().promise
            });
            let answers = futures::future::try_join_all(answers.collect::<Vec<_>>());
            timeout(TIMEOUT, answers).await.unwrap().unwrap();
            assert!(*sink.0.borrow() == sent, "at most {limit} bytes at a time");
        }
    }
}

#[tokio::test(flavor = "local")]
async fn the_messages_of_one_turn_are_one_write() {
    let (here, there) = duplex(1 << 20);
    serve(ours, there, new_client::<message_sink::Client, _>(Texts::default()).client);
    let stream = Choppy::new(here, usize::MAX);
    let writes = stream.writes.clone();
    let remote: message_sink::Client = connect(ours, stream);
    timeout(TIMEOUT, remote.message_request().send().promise).await.unwrap().unwrap();
    let before = writes.get();
    let mut answers: Vec<_> = (0..100).map(|_| remote.message_request().send().promise).collect();
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    assert_eq!(writes.get(), before + 1);
    for answer in &mut answers {
        timeout(TIMEOUT, answer).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "local")]
async fn a_stream_of_calls_keeps_to_its_window_and_loses_nothing() {
    for (server, client) in [(ours as Make, ours as Make), (stock, ours)] {
        let (here, there) = duplex(64 * 1024);
        let sink = Rc::new(Lines::default());
        let capability: line_sink::Client = capnp_rpc::new_client_from_rc(sink.clone());
        serve(server, there, capability.client);
        let stream = Choppy::new(here, usize::MAX);
        let reads = stream.reads.clone();
        let remote: line_sink::Client = connect(client, stream);
        timeout(TIMEOUT, remote.done_request().send().promise).await.unwrap().unwrap();
        let line = vec![b'x'; 100_000];
        let send = async || {
            let mut request = remote.lines_request();
            request.get().init_lines(1).set(0, &line);
            request.send().await
        };
        // Without acknowledgements the window closes.
        reads.pause();
        let mut sent = 0;
        while timeout(Duration::from_millis(200), send()).await.is_ok() {
            sent += line.len();
        }
        let window = WINDOW_BYTES_MIN;
        assert!((window - 200_000..window + 200_000).contains(&sent), "{sent}");
        reads.resume();
        // The call whose promise timed out was sent, too.
        for _ in 0..100 {
            timeout(TIMEOUT, send()).await.unwrap().unwrap();
        }
        timeout(TIMEOUT, remote.done_request().send().promise).await.unwrap().unwrap();
        assert_eq!((sink.bytes.get(), sink.in_progress.get()), (sent + 101 * line.len(), 0));
    }
}

#[tokio::test(flavor = "local")]
async fn a_client_that_does_not_read_is_not_read_from() {
    let (here, there) = duplex(64 * 1024);
    let file = Rc::new(Endless::default());
    let capability: remote_file::Client = capnp_rpc::new_client_from_rc(file.clone());
    serve(ours, there, capability.client);
    let stream = Choppy::new(here, usize::MAX);
    let reads = stream.reads.clone();
    let remote: remote_file::Client = connect(ours, stream);
    let read = |length| {
        let mut request = remote.read_request();
        request.get().set_length(length);
        request.send().promise
    };
    timeout(TIMEOUT, read(1)).await.unwrap().unwrap();
    reads.pause();
    // Calls in separate turns, each with an answer of 1 MiB.
    let mut answers = Vec::new();
    let mut calls = 0;
    while calls < 200 {
        answers.push(read(1 << 20));
        calls += 1;
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }
    let served = file.0.get() - 1;
    assert!((UNWRITTEN_BYTES_MAX >> 20..40).contains(&served), "{served} of {calls} were served");
    reads.resume();
    let answers = futures::future::try_join_all(answers);
    assert_eq!(timeout(TIMEOUT, answers).await.unwrap().unwrap().len(), calls);
}

#[tokio::test(flavor = "local")]
async fn calls_end_with_the_stream_wherever_it_breaks_off() {
    // The bytes of a call on the wire.
    let (here, mut there) = duplex(1 << 20);
    let remote: message_sink::Client = connect(ours, here);
    let _answer = remote.message_request().send().promise;
    let mut bytes = vec![0; 1 << 20];
    let length = timeout(TIMEOUT, there.read(&mut bytes)).await.unwrap().unwrap();
    for cut in [0, 3, 8, 20, length - 1, length] {
        let (mut here, there) = duplex(1 << 20);
        let client = new_client::<message_sink::Client, _>(Texts::default()).client;
        let system = RpcSystem::new(transport::network(there, Side::Server), Some(client));
        here.write_all(&bytes[..cut]).await.unwrap();
        here.shutdown().await.unwrap();
        let ended = timeout(TIMEOUT, system).await.unwrap();
        assert!(ended.is_ok(), "{ended:?} at {cut}");
    }
    for nonsense in [&[0xff; 64][..], &[0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f]] {
        let (mut here, there) = duplex(1 << 20);
        let system = RpcSystem::new(transport::network(there, Side::Server), None);
        here.write_all(nonsense).await.unwrap();
        assert!(timeout(TIMEOUT, system).await.unwrap().is_err());
    }
    // Calls fail at once when the server disconnects.
    let (here, there) = duplex(1 << 20);
    let remote: message_sink::Client = connect(ours, here);
    let answer = remote.message_request().send().promise;
    drop(there);
    let error = timeout(TIMEOUT, answer).await.unwrap().err().unwrap();
    assert_eq!(error.kind, ErrorKind::Disconnected);
}

#[tokio::test(flavor = "local")]
async fn a_server_that_disconnects_while_the_client_sends_loses_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (client, server) = futures::join!(TcpStream::connect(address), listener.accept());
    let file = Rc::new(Endless::default());
    let capability: remote_file::Client = capnp_rpc::new_client_from_rc(file.clone());
    let network = transport::network(server.unwrap().0, Side::Server);
    let mut system = RpcSystem::new(network, Some(capability.client));
    let disconnector = system.get_disconnector();
    let ended = Rc::new(Cell::new(false));
    let ending = ended.clone();
    let serving = spawn_local(async move {
        tokio::select! {
            _ = &mut system => panic!("the client disconnected"),
            () = async { while file.0.get() < 1_000 { tokio::task::yield_now().await; } } => {}
        }
        let served = file.0.get();
        ending.set(true);
        tokio::select! {
            ended = disconnector => ended.unwrap(),
            _ = &mut system => {}
        }
        served
    });
    // The client sends all the time, and reads nothing before the server has ended its side.
    let stream = Choppy::new(client.unwrap(), usize::MAX);
    let reads = stream.reads.clone();
    reads.pause();
    let remote: remote_file::Client = connect(ours, stream);
    let mut answers = Vec::new();
    let mut call = async || {
        for _ in 0..100 {
            let mut request = remote.read_request();
            request.get().set_length(10);
            answers.push(request.send().promise);
        }
        tokio::task::yield_now().await;
    };
    while !ended.get() {
        call().await;
    }
    for _ in 0..50 {
        call().await;
    }
    reads.resume();
    let answered = timeout(TIMEOUT, futures::future::join_all(answers)).await.unwrap();
    let answered = answered.iter().filter(|answer| answer.is_ok()).count();
    let served = serving.await.unwrap();
    assert!(answered >= served, "{answered} of {served}");
}
