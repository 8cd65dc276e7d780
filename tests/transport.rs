//! The transport, with streams that are cut in every way, and with capnp-rpc's own network on the other side.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use capnp::ErrorKind;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::{RpcSystem, VatNetwork, new_client, twoparty};
use capvote::net::pace::WINDOW_BYTES_MIN;
use capvote::net::socket::Stream;
use capvote::net::transport::{self, UNWRITTEN_BYTES_MAX};
use capvote::schema::election_capnp::message_sink;
use capvote::schema::lines_capnp::{line_sink, remote_file};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;
use tokio::time::timeout;
use tokio_util::compat::{TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};

/// How long a test waits for what has to happen. Reached only when it does not happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// How the two sides make a network of a stream.
type Make = fn(Box<dyn Stream>, Side) -> Box<dyn VatNetwork<Side>>;

fn ours(stream: Box<dyn Stream>, side: Side) -> Box<dyn VatNetwork<Side>> {
    transport::network(stream, side)
}

fn stock(stream: Box<dyn Stream>, side: Side) -> Box<dyn VatNetwork<Side>> {
    let (reader, writer) = tokio::io::split(stream);
    let (reader, writer) = (reader.compat(), writer.compat_write());
    Box::new(twoparty::VatNetwork::new(reader, writer, side, Default::default()))
}

/// A stream that moves at most so many bytes at a time, and waits a turn between any two moves.
struct Choppy<S> {
    stream: S,
    most: usize,
    moved: Cell<bool>,
    /// The writes that were made.
    writes: Rc<Cell<usize>>,
    ear: Rc<Ear>,
}

/// Whether a stream can be read at this moment, and who wants to.
#[derive(Default)]
struct Ear {
    deaf: Cell<bool>,
    waiting: Cell<Option<Waker>>,
}

impl Ear {
    fn close(&self) {
        self.deaf.set(true);
    }

    fn open(&self) {
        self.deaf.set(false);
        // On a slow machine nobody may have come to read while it was closed.
        self.waiting.take().inspect(Waker::wake_by_ref);
    }
}

impl<S> Choppy<S> {
    fn new(stream: S, most: usize) -> Self {
        Self { stream, most, moved: Cell::default(), writes: Rc::default(), ear: Rc::default() }
    }

    fn is_to_wait(&self, context: &Context<'_>) -> bool {
        let wait = self.most < usize::MAX && self.moved.take();
        if wait {
            context.waker().wake_by_ref();
        }
        wait
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Choppy<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ear.deaf.get() {
            self.ear.waiting.set(Some(context.waker().clone()));
            return Poll::Pending;
        }
        if self.is_to_wait(context) {
            return Poll::Pending;
        }
        let mut part = vec![0; self.most.min(buffer.remaining())];
        let mut part = ReadBuf::new(&mut part);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut part))?;
        buffer.put_slice(part.filled());
        self.moved.set(true);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Choppy<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_to_wait(context) {
            return Poll::Pending;
        }
        let most = self.most.min(bytes.len());
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, &bytes[..most]))?;
        self.writes.set(self.writes.get() + 1);
        self.moved.set(true);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        self.poll_write(context, &bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Keeps the texts it is told.
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

/// A file without end, which counts how often it is read.
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

/// Adds up lines, and takes its time for each call.
#[derive(Default)]
struct Lines {
    bytes: Cell<usize>,
    under_way: Cell<usize>,
}

impl line_sink::Server for Lines {
    async fn lines(self: Rc<Self>, params: line_sink::LinesParams) -> capnp::Result<()> {
        self.under_way.set(self.under_way.get() + 1);
        tokio::task::yield_now().await;
        for line in params.get()?.get_lines()?.iter() {
            self.bytes.set(self.bytes.get() + line?.len());
        }
        self.under_way.set(self.under_way.get() - 1);
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

/// Serves a capability at one end of a stream.
fn serve(make: Make, stream: impl Stream, client: capnp::capability::Client) {
    let system = RpcSystem::new(make(Box::new(stream), Side::Server), Some(client));
    spawn_local(system);
}

/// Reaches it at the other.
fn reach<T: capnp::capability::FromClientHook>(make: Make, stream: impl Stream) -> T {
    let mut system = RpcSystem::new(make(Box::new(stream), Side::Client), None);
    let client = system.bootstrap(Side::Server);
    spawn_local(system);
    client
}

/// Texts of all sizes: none, those that are copied, and those that are too large for that.
fn texts() -> Vec<String> {
    let sizes = [0, 1, 7, 100, 4_000, 16_380, 20_000, 70_000, 5];
    let text = |(index, size): (usize, usize)| format!("{index}{}", "x".repeat(size));
    (0..36).map(|index| sizes[index % sizes.len()]).enumerate().map(text).collect()
}

#[tokio::test(flavor = "local")]
async fn messages_come_whole_and_in_order_whoever_is_on_the_other_side() {
    for (server, client) in [(ours as Make, ours as Make), (ours, stock), (stock, ours)] {
        for most in [1, 13, 4_096, usize::MAX] {
            let (here, there) = duplex(1_000.max(most.min(64 * 1024)));
            let sink = Rc::new(Texts::default());
            let capability: message_sink::Client = capnp_rpc::new_client_from_rc(sink.clone());
            serve(server, Choppy::new(there, most), capability.client);
            let remote: message_sink::Client = reach(client, Choppy::new(here, most));
            let count = if most < 100 { 6 } else { texts().len() };
            let sent = texts()[..count].to_vec();
            let answers = sent.iter().map(|text| {
                let mut request = remote.message_request();
                request.get().set_text(&text[..]);
                request.send().promise
            });
            let answers = futures::future::try_join_all(answers.collect::<Vec<_>>());
            timeout(PATIENCE, answers).await.unwrap().unwrap();
            assert!(*sink.0.borrow() == sent, "at most {most} bytes at a time");
        }
    }
}

#[tokio::test(flavor = "local")]
async fn what_one_turn_has_to_say_leaves_in_one_write() {
    let (here, there) = duplex(1 << 20);
    serve(ours, there, new_client::<message_sink::Client, _>(Texts::default()).client);
    let stream = Choppy::new(here, usize::MAX);
    let writes = stream.writes.clone();
    let remote: message_sink::Client = reach(ours, stream);
    timeout(PATIENCE, remote.message_request().send().promise).await.unwrap().unwrap();
    let before = writes.get();
    let mut answers: Vec<_> = (0..100).map(|_| remote.message_request().send().promise).collect();
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    assert_eq!(writes.get(), before + 1);
    for answer in &mut answers {
        timeout(PATIENCE, answer).await.unwrap().unwrap();
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
        let ear = stream.ear.clone();
        let remote: line_sink::Client = reach(client, stream);
        timeout(PATIENCE, remote.done_request().send().promise).await.unwrap().unwrap();
        let line = vec![b'x'; 100_000];
        let send = async || {
            let mut request = remote.lines_request();
            request.get().init_lines(1).set(0, &line);
            request.send().await
        };
        // Without acknowledgements the window closes.
        ear.close();
        let mut sent = 0;
        while timeout(Duration::from_millis(200), send()).await.is_ok() {
            sent += line.len();
        }
        let window = WINDOW_BYTES_MIN;
        assert!((window - 200_000..window + 200_000).contains(&sent), "{sent}");
        ear.open();
        // The one that was given up waiting for was sent, too.
        for _ in 0..100 {
            timeout(PATIENCE, send()).await.unwrap().unwrap();
        }
        timeout(PATIENCE, remote.done_request().send().promise).await.unwrap().unwrap();
        assert_eq!((sink.bytes.get(), sink.under_way.get()), (sent + 101 * line.len(), 0));
    }
}

#[tokio::test(flavor = "local")]
async fn a_peer_that_does_not_read_is_not_read_from() {
    let (here, there) = duplex(64 * 1024);
    let file = Rc::new(Endless::default());
    let capability: remote_file::Client = capnp_rpc::new_client_from_rc(file.clone());
    serve(ours, there, capability.client);
    let stream = Choppy::new(here, usize::MAX);
    let ear = stream.ear.clone();
    let remote: remote_file::Client = reach(ours, stream);
    let read = |length| {
        let mut request = remote.read_request();
        request.get().set_length(length);
        request.send().promise
    };
    timeout(PATIENCE, read(1)).await.unwrap().unwrap();
    ear.close();
    // Calls that come one by one, each for an answer of 1 MiB.
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
    ear.open();
    let answers = futures::future::try_join_all(answers);
    assert_eq!(timeout(PATIENCE, answers).await.unwrap().unwrap().len(), calls);
}

#[tokio::test(flavor = "local")]
async fn calls_end_with_the_stream_wherever_it_is_cut() {
    // A call as it goes over the wire.
    let (here, mut there) = duplex(1 << 20);
    let remote: message_sink::Client = reach(ours, here);
    let _answer = remote.message_request().send().promise;
    let mut bytes = vec![0; 1 << 20];
    let length = timeout(PATIENCE, there.read(&mut bytes)).await.unwrap().unwrap();
    for cut in [0, 3, 8, 20, length - 1, length] {
        let (mut here, there) = duplex(1 << 20);
        let client = new_client::<message_sink::Client, _>(Texts::default()).client;
        let system = RpcSystem::new(transport::network(there, Side::Server), Some(client));
        here.write_all(&bytes[..cut]).await.unwrap();
        here.shutdown().await.unwrap();
        let ended = timeout(PATIENCE, system).await.unwrap();
        assert!(ended.is_ok(), "{ended:?} at {cut}");
    }
    for nonsense in [&[0xff; 64][..], &[0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f]] {
        let (mut here, there) = duplex(1 << 20);
        let system = RpcSystem::new(transport::network(there, Side::Server), None);
        here.write_all(nonsense).await.unwrap();
        assert!(timeout(PATIENCE, system).await.unwrap().is_err());
    }
    // A client whose server goes away has its answers at once.
    let (here, there) = duplex(1 << 20);
    let remote: message_sink::Client = reach(ours, here);
    let answer = remote.message_request().send().promise;
    drop(there);
    let error = timeout(PATIENCE, answer).await.unwrap().err().unwrap();
    assert_eq!(error.kind, ErrorKind::Disconnected);
}

#[tokio::test(flavor = "local")]
async fn a_side_that_ends_while_the_other_sends_loses_no_answer() {
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
            _ = &mut system => panic!("the client went away"),
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
    // The client reads nothing before the server has ended its side, and sends all the time.
    let stream = Choppy::new(client.unwrap(), usize::MAX);
    let ear = stream.ear.clone();
    ear.close();
    let remote: remote_file::Client = reach(ours, stream);
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
    ear.open();
    let answered = timeout(PATIENCE, futures::future::join_all(answers)).await.unwrap();
    let answered = answered.iter().filter(|answer| answer.is_ok()).count();
    let served = serving.await.unwrap();
    assert!(answered >= served, "{answered} of {served}");
}
