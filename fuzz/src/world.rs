//! A server in this process, without sockets and without time: real ledger, service and transport.
//!
//! It is made once, and each input gets a connection of its own. The clock stands still but for what an input is
//! given, and the ledger works on the thread of the others: nothing waits in real time, and an input runs in microseconds.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use capvote::client::Client;
use capvote::election::{Definition, Grant, GrantId, Role, Token, VoterNumber};
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

/// The memory that one input may take, beside what goes with its length.
pub(crate) const MEMORY_MAX: usize = 8 << 20;

/// The voter numbers on the roll of the election: 1 to this.
pub(crate) const VOTERS: u64 = 16;

/// What opens a returning officer's capability, where a target has one.
pub(crate) const TOKEN: [u8; Token::BYTES] = [7; Token::BYTES];

/// More than an input and its answers have: who writes never waits.
const STREAM_BYTES: usize = 64 << 20;

/// The turns of the event loop after which nothing more happens by itself: in each, everybody who has something to do
/// does it, and those whom that wakes, until only this is left.
const TURNS: usize = 3;

/// What is waited for an end: turns, and time behind them. Long inputs take many turns. A connection that is still
/// there afterwards hangs.
const WAITS: [(usize, Duration); 6] = [
    (10, Duration::ZERO),
    (10, Duration::from_secs(1)),
    (100, Duration::from_secs(10)),
    (100, Duration::from_secs(60)),
    (1_000, Duration::from_secs(60)),
    (1_000_000, Duration::ZERO),
];

/// After so many inputs the server has to answer an honest client.
const HONEST_EVERY: u32 = 64;

/// After so many inputs the server is made anew, where inputs can change more than the votes of its election.
const ANEW_EVERY: u32 = 256;

/// A server, and the one thread that its connections are on.
pub(crate) struct World {
    ledger: Arc<dyn Ledger>,
    stop: CancellationToken,
    inputs: Cell<u32>,
    officer: bool,
    /// For as long as this is held, a thread of the runtime has something to do, and the clock does not jump to
    /// the next timer whenever the ledger is waited for. It goes before the runtime, which waits for that thread.
    _awake: mpsc::Sender<()>,
    runtime: LocalRuntime,
    _directory: TempDir,
}

/// The peer of a connection, as an input plays it.
pub(crate) struct Peer {
    writes: WriteHalf<DuplexStream>,
    reads: JoinHandle<()>,
}

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// Runs this in the world. With an officer, who holds [`TOKEN`] may run elections in it.
pub(crate) fn with(officer: bool, run: impl AsyncFnOnce(&World)) {
    WORLD.with_borrow_mut(|world| {
        if world.as_ref().is_some_and(World::is_used_up) {
            *world = None;
        }
        let world = world.get_or_insert_with(|| World::new(officer));
        world.inputs.set(world.inputs.get() + 1);
        world.runtime.block_on(async {
            let others = world.tasks();
            run(world).await;
            world.ended("what the connection began", || world.tasks() <= others).await;
            if world.inputs.get().is_multiple_of(HONEST_EVERY) {
                world.answers().await;
            }
        });
    });
}

/// Ends the world, with all that officers had it keep: elections, numbers, grants. The next input gets a new one.
pub(crate) fn end() {
    WORLD.take();
}

impl World {
    fn new(officer: bool) -> Self {
        let memory = Path::new("/dev/shm");
        let directory =
            if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let directory = directory.expect("a folder for the ledger");
        let store = Store::open(directory.path()).expect("a new ledger");
        let (ledger, work) = SqliteLedger::without_thread(store, system_clock());
        let mut runtime = Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true);
        let runtime = runtime.build_local(LocalOptions::default()).expect("a runtime");
        let (awake, asleep) = mpsc::channel();
        runtime.spawn_blocking(move || asleep.recv());
        runtime.block_on(async {
            spawn_local(work);
            ledger.act(beginning(officer), None).await.expect("an election");
        });
        let (stop, inputs) = Default::default();
        let ledger = Arc::new(ledger);
        Self { ledger, stop, inputs, officer, _awake: awake, runtime, _directory: directory }
    }

    /// Whether it is too far from its beginning for what an input does to be the input's own doing.
    fn is_used_up(&self) -> bool {
        self.officer && self.inputs.get() >= ANEW_EVERY
    }

    fn tasks(&self) -> usize {
        self.runtime.metrics().num_alive_tasks()
    }

    /// A new connection: the client's end of it, and the server's doing.
    pub(crate) fn connect(&self) -> (DuplexStream, JoinHandle<()>) {
        let (here, there) = stream();
        let bootstrap = Bootstrap::new(self.ledger.clone(), Guesses::default());
        let bootstrap = move |work| bootstrap.capability(work, Origin::Here);
        (here, spawn_local(connection::serve(there, bootstrap, self.stop.clone())))
    }

    /// Lets every task do what there is to do, and the ledger what was handed in.
    pub(crate) async fn settle(&self) {
        turns().await;
        self.ledger.act(Vec::new(), None).await.expect("the ledger works");
        turns().await;
    }

    /// Waits until something has ended, which has to be soon.
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
        assert!(ended(), "{what} does not end");
    }

    /// An honest client is answered.
    async fn answers(&self) {
        let (stream, served) = self.connect();
        let client = Client::over(stream);
        let election = client.election("board");
        let results = election.results().await.unwrap_or_else(|error| panic!("no answer: {error}"));
        assert!(results.ballots <= VOTERS && results.voters == VOTERS, "{results:?}");
        drop((client, election));
        self.ended("an honest client's connection", || served.is_finished()).await;
    }
}

/// One open election, and perhaps an officer.
fn beginning(officer: bool) -> Vec<Act> {
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
        acts.push(Act::Grant(Grant { id: GrantId(1), parent: None, role, token }));
    }
    acts
}

/// Both ends of a stream.
pub(crate) fn stream() -> (DuplexStream, DuplexStream) {
    tokio::io::duplex(STREAM_BYTES)
}

/// Lets every task have its turn, as often as it takes for one message to bring about all it does.
pub(crate) async fn turns() {
    for _ in 0..TURNS {
        yield_now().await;
    }
}

impl Peer {
    /// Takes one end of a stream. What arrives there is read and forgotten.
    pub(crate) fn new(stream: DuplexStream) -> Self {
        let (reads, writes) = tokio::io::split(stream);
        Self { writes, reads: spawn_local(forget(reads)) }
    }

    pub(crate) async fn say(&mut self, bytes: &[u8]) {
        // The other side may have hung up.
        let _ = self.writes.write_all(bytes).await;
    }

    /// Says nothing more, and hangs up when the other side has.
    pub(crate) async fn leave(mut self, world: &World) {
        let _ = self.writes.shutdown().await;
        world.ended("the stream", || self.reads.is_finished()).await;
    }
}

async fn forget(mut reads: ReadHalf<DuplexStream>) {
    let mut nowhere = [0; 4_096];
    while let Ok(1..) = reads.read(&mut nowhere).await {}
}
