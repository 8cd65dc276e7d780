//! A simulated server: a handle of the ledger, whose tasks can be paused or dropped.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use capvote::election::Timestamp;
use capvote::ledger::postgres::{Options, PostgresLedger, Secret};
use capvote::ledger::{Metrics, OpenError};
use fastrand::Rng;
use tokio::io::{DuplexStream, duplex};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::history::Shared as History;
use super::nodes::{Role, Shared};
use super::session::Session;

const ADDRESS: &str = "postgres://capvote@localhost:1,localhost:2/capvote";

/// What all servers have from their operator.
const SECRET: &[u8] = b"the secret of the simulated servers";

/// What is on the way in a connection at most.
const WIRE_BYTES: usize = 1 << 20;

/// The pause before a server that could not start starts again.
const START_PAUSE: Duration = Duration::from_millis(500);

/// How long a server has to end by itself.
const END_WAIT_MAX: Duration = Duration::from_secs(60);

type Dialled = (usize, oneshot::Sender<io::Result<DuplexStream>>);

/// A server, running or not.
pub(super) struct Server {
    pub(super) index: usize,
    nodes: Shared,
    history: History,
    folder: PathBuf,
    dial: mpsc::UnboundedSender<Dialled>,
    ledger: RefCell<Option<Arc<PostgresLedger>>>,
    gate: Rc<Gate>,
    driver: RefCell<Option<JoinHandle<()>>>,
    /// Tells it to end.
    stop: RefCell<CancellationToken>,
    /// How often it was started.
    pub(super) starts: Cell<usize>,
}

/// Whether the tasks of a server run.
#[derive(Default)]
struct Gate {
    is_paused: Cell<bool>,
    was_paused: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Server {
    pub(super) fn new(
        index: usize,
        nodes: Shared,
        history: History,
        folder: PathBuf,
        rng: Rng,
    ) -> Rc<Self> {
        let (dial, dialled) = mpsc::unbounded_channel();
        spawn_local(accept(nodes.clone(), index, dialled, rng));
        let (ledger, gate, driver, stop, starts) = Default::default();
        Rc::new(Self { index, nodes, history, folder, dial, ledger, gate, driver, stop, starts })
    }

    /// The ledger, if the server runs.
    pub(super) fn ledger(&self) -> Option<Arc<PostgresLedger>> {
        self.ledger.borrow().clone()
    }

    /// Whether any server was out of touch with the database for as long as a lease lasts.
    pub(super) fn was_any_away(&self) -> bool {
        self.nodes.borrow().was_away
    }

    fn options(&self) -> Options {
        let options = Options::new(ADDRESS, self.folder.clone()).expect("a good address");
        let (dial, begun) = (self.dial.clone(), self.nodes.borrow().begun);
        let dial = Arc::new(move |node| -> futures::future::BoxFuture<'static, _> {
            let (reply, reached) = oneshot::channel();
            let is_sent = dial.send((node, reply)).is_ok();
            Box::pin(async move {
                let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
                if is_sent { reached.await.map_err(|_| refused())? } else { Err(refused()) }
            })
        });
        let clock = Arc::new(move || Timestamp(begun.elapsed().as_secs()));
        let secret = Secret::new(SECRET).expect("a good secret");
        options.with_dial(dial).with_clock(clock).with_secret(secret)
    }

    /// Starts the server. Tries until it can.
    pub(super) async fn start(self: &Rc<Self>) {
        while let Err(error) = self.try_start().await {
            self.history.borrow_mut().note(format!("{} does not start: {error}", self.index));
            sleep(START_PAUSE).await;
        }
        self.starts.set(self.starts.get() + 1);
        self.history.borrow_mut().started(self.index);
    }

    async fn try_start(self: &Rc<Self>) -> Result<(), OpenError> {
        let (tell, told) = oneshot::channel();
        let (set, options) = (LocalSet::new(), self.options());
        let stop = CancellationToken::new();
        self.stop.replace(stop.clone());
        set.spawn_local(async move {
            match PostgresLedger::without_thread(options, Metrics::new(), stop).await {
                Ok((ledger, work)) => {
                    let _ = tell.send(Ok(ledger));
                    work.await;
                }
                Err(error) => drop(tell.send(Err(error))),
            }
        });
        let driver = spawn_local(drive(set, self.gate.clone()));
        let ledger = told.await;
        let gone = || OpenError::Database("it ended".into());
        self.driver.replace(Some(driver));
        self.ledger.replace(Some(Arc::new(ledger.map_err(|_| gone())??)));
        Ok(())
    }

    /// Ends the server at once.
    pub(super) async fn crash(&self) {
        self.ledger.take();
        if let Some(driver) = self.driver.take() {
            driver.abort();
            let _ = driver.await;
        }
    }

    /// Ends the server as it ends by itself.
    pub(super) async fn stop(&self) {
        self.ledger.take();
        self.stop.borrow().cancel();
        let driver = self.driver.take();
        if let Some(mut driver) = driver
            && timeout(END_WAIT_MAX, &mut driver).await.is_err()
        {
            self.history.borrow_mut().violated(format!("{} does not end", self.index));
            driver.abort();
        }
    }

    /// Whether it was paused, ever.
    pub(super) fn was_paused(&self) -> bool {
        self.gate.was_paused.get()
    }

    /// Pauses the server for a while.
    pub(super) async fn pause(&self, how_long: Duration) {
        self.gate.is_paused.set(true);
        self.gate.was_paused.set(true);
        sleep(how_long).await;
        self.gate.is_paused.set(false);
        let waker = self.gate.waker.take();
        waker.into_iter().for_each(Waker::wake);
    }
}

/// Does the tasks of a server, while it is not paused.
async fn drive(set: LocalSet, gate: Rc<Gate>) {
    let mut set = Box::pin(set);
    poll_fn(|context| {
        if gate.is_paused.get() {
            gate.waker.replace(Some(context.waker().clone()));
            return Poll::Pending;
        }
        Future::poll(Pin::new(&mut set), context)
    })
    .await;
}

/// Connects a server to database servers.
async fn accept(
    nodes: Shared,
    server: usize,
    mut dialled: mpsc::UnboundedReceiver<Dialled>,
    mut rng: Rng,
) {
    while let Some((node, reply)) = dialled.recv().await {
        let (nodes, mut rng) = (nodes.clone(), rng.fork());
        spawn_local(async move {
            sleep(Duration::from_micros(rng.u64(0..2_000))).await;
            let changed = nodes.borrow().changed.clone();
            loop {
                let changed = changed.notified();
                if !nodes.borrow().held[server][node][0] {
                    break;
                }
                changed.await;
            }
            if nodes.borrow().nodes[node].role == Role::Down {
                let _ = reply.send(Err(io::ErrorKind::ConnectionRefused.into()));
                return;
            }
            let (here, there) = duplex(WIRE_BYTES);
            let session = Session::new(nodes.clone(), (server, node), there, rng);
            let session = spawn_local(session.run());
            nodes.borrow_mut().add_session(node, session.abort_handle());
            let _ = reply.send(Ok(here));
        });
    }
}
