//! A server in this process, with real ledger, service and transport, but no sockets and a paused
//! clock.
//!
//! Inputs share one server; each gets its own connection. The clock moves only when an input waits,
//! and the ledger runs on the same thread, so an input takes microseconds.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use capvote::client::Client;
use capvote::election::{Definition, Grant, GrantId, Role, Token, Uses, VoterNumber};
use capvote::ledger::sqlite::{SqliteLedger, Store};
use capvote::ledger::{Act, Ledger, system_clock};
use capvote::net::admission::Origin;
use capvote::net::connection;
use capvote::service::{Bootstrap, Guesses};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::task::{JoinHandle, spawn_local, yield_now};
use tokio::time::advance;
use tokio_util::sync::CancellationToken;

use crate::scratch;

/// Memory that one input may take, apart from what grows with its length.
pub(crate) const MEMORY_MAX: usize = 8 << 20;

/// The voter numbers on the roll are 1 to this.
pub(crate) const VOTERS: u64 = 16;

/// The token of the returning officer, for targets that have one.
pub(crate) const TOKEN: [u8; Token::BYTES] = [7; Token::BYTES];

/// More than an input and its answers, so writes never block.
const STREAM_BYTES: usize = 64 << 20;

/// Turns of the event loop until all tasks are idle.
const TURNS: usize = 3;

/// How long to wait for an end: turns of the event loop, then simulated time. Long inputs take many
/// turns. A connection that outlasts all of this hangs.
const WAITS: [(usize, Duration); 6] = [
    (10, Duration::ZERO),
    (10, Duration::from_secs(1)),
    (100, Duration::from_secs(10)),
    (100, Duration::from_secs(60)),
    (1_000, Duration::from_secs(60)),
    (1_000_000, Duration::ZERO),
];

/// Inputs between two checks that the server answers an honest client.
const HONEST_EVERY: u32 = 64;

/// Inputs until a server with an officer is replaced: they change more than the votes.
const FRESH_EVERY: u32 = 256;

/// A server and the runtime of its connections.
pub(crate) struct World {
    ledger: Arc<dyn Ledger>,
    stop: CancellationToken,
    inputs: Cell<u32>,
    officer: bool,
    /// Keeps a blocking task running, which stops the paused clock from advancing by itself while
    /// tasks wait for the ledger. Dropped before the runtime, which waits for that task.
    _awake: mpsc::Sender<()>,
    runtime: LocalRuntime,
    _directory: TempDir,
}

/// The end of a connection that an input controls.
pub(crate) struct Peer {
    writes: WriteHalf<DuplexStream>,
    reads: JoinHandle<()>,
}

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// Runs this with the server. With `officer`, [`TOKEN`] restores a returning officer.
pub(crate) fn with(officer: bool, run: impl AsyncFnOnce(&World)) {
    WORLD.with_borrow_mut(|world| {
        if world.as_ref().is_some_and(World::is_used_up) {
            *world = None;
        }
        let world = world.get_or_insert_with(|| World::new(officer));
        world.inputs.set(world.inputs.get() + 1);
        world.runtime.block_on(async {
            let tasks = world.tasks();
            run(world).await;
            world.ended("a task of the connection", || world.tasks() <= tasks).await;
            if world.inputs.get().is_multiple_of(HONEST_EVERY) {
                world.answer_an_honest_client().await;
            }
        });
    });
}

/// Drops the server, with the elections, numbers and grants that officers made. The next input gets
/// a new one.
pub(crate) fn end() {
    WORLD.take();
}

impl World {
    fn new(officer: bool) -> Self {
        let directory = scratch();
        let store = Store::open(directory.path()).expect("a new ledger");
        let (ledger, work) = SqliteLedger::without_thread(store, system_clock());
        let mut runtime = Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true);
        let runtime = runtime.build_local(LocalOptions::default()).expect("a runtime");
        let (awake, asleep) = mpsc::channel();
        runtime.spawn_blocking(move || asleep.recv());
        runtime.block_on(async {
            spawn_local(work);
            ledger.act(first_acts(officer), None).await.expect("an election");
        });
        let (stop, inputs) = Default::default();
        let ledger = Arc::new(ledger);
        Self { ledger, stop, inputs, officer, _awake: awake, runtime, _directory: directory }
    }

    /// Whether earlier inputs may have changed so much that a failure would not repeat.
    fn is_used_up(&self) -> bool {
        self.officer && self.inputs.get() >= FRESH_EVERY
    }

    fn tasks(&self) -> usize {
        self.runtime.metrics().num_alive_tasks()
    }

    /// A new connection: the client's end, and the task that serves it.
    pub(crate) fn connect(&self) -> (DuplexStream, JoinHandle<()>) {
        let (here, there) = stream();
        let bootstrap = Bootstrap::new(self.ledger.clone(), Guesses::default());
        let bootstrap = move |work| bootstrap.capability(work, Origin::Here);
        (here, spawn_local(connection::serve(there, bootstrap, self.stop.clone())))
    }

    /// Runs all tasks until they are idle, and the ledger until its queue is empty.
    pub(crate) async fn settle(&self) {
        turns().await;
        self.ledger.act(Vec::new(), None).await.expect("the ledger works");
        turns().await;
    }

    /// Waits until `ended` is true, as long as [`WAITS`] says.
    pub(crate) async fn ended(&self, what: &str, ended: impl Fn() -> bool) {
        for (turns, wait) in WAITS {
            for _ in 0..turns {
                if ended() {
                    return;
                }
                yield_now().await;
            }
            self.settle().await;
            advance(wait).await;
        }
        assert!(ended(), "{what} did not end");
    }

    /// Checks that an honest client is answered.
    async fn answer_an_honest_client(&self) {
        let (stream, served) = self.connect();
        let client = Client::over(stream);
        let election = client.election("board");
        let results = election.results().await.unwrap_or_else(|error| panic!("no answer: {error}"));
        assert!(results.ballots <= VOTERS && results.voters == VOTERS, "{results:?}");
        drop((client, election));
        self.ended("an honest client's connection", || served.is_finished()).await;
    }
}

/// Creates and opens an election, and grants an officer if asked to.
fn first_acts(officer: bool) -> Vec<Act> {
    let id: capvote::election::ElectionId = "board".parse().expect("an id");
    let candidates = vec!["Ada".into(), "Grace".into()];
    let definition = Definition::new(id.clone(), "The board".into(), candidates);
    let mut acts = vec![
        Act::Create(Arc::new(definition.expect("a definition"))),
        Act::Issue(id.clone(), (1..=VOTERS).map(VoterNumber::from).collect()),
        Act::Open(id),
    ];
    if officer {
        let (role, token) = (Role::ReturningOfficer, Token::from(TOKEN).hash());
        acts.push(Act::Grant(Grant { id: GrantId(1), parent: None, role, token, uses: Uses::Any }));
    }
    acts
}

/// Both ends of a stream.
pub(crate) fn stream() -> (DuplexStream, DuplexStream) {
    tokio::io::duplex(STREAM_BYTES)
}

/// Runs all tasks until they are idle.
pub(crate) async fn turns() {
    for _ in 0..TURNS {
        yield_now().await;
    }
}

impl Peer {
    /// Takes one end of a stream. Reads and drops what arrives.
    pub(crate) fn new(stream: DuplexStream) -> Self {
        let (reads, writes) = tokio::io::split(stream);
        Self { writes, reads: spawn_local(drain(reads)) }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        // Fails if the other side has disconnected.
        let _ = self.writes.write_all(bytes).await;
    }

    /// Ends the sending side, and waits until the other side disconnects.
    pub(crate) async fn leave(mut self, world: &World) {
        let _ = self.writes.shutdown().await;
        world.ended("the stream", || self.reads.is_finished()).await;
    }
}

async fn drain(mut reads: ReadHalf<DuplexStream>) {
    let mut buffer = [0; 4_096];
    while let Ok(1..) = reads.read(&mut buffer).await {}
}
