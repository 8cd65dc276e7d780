//! The simulated server: the ledger on a failing disk, the capabilities, and crashes and restarts.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use capvote::election::{Grant, GrantId, Role, Token, Uses, VoterNumber};
use capvote::ledger::sqlite::{SqliteLedger, Store};
use capvote::ledger::{Act, Ledger as _};
use capvote::net::admission::Origin;
use capvote::net::connection;
use capvote::server::keep_schedules;
use capvote::service::{Bootstrap, Guesses};
use fastrand::Rng;
use futures::FutureExt;
use futures::future::FusedFuture;
use tokio::io::DuplexStream;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::clock::Clocks;
use super::elections::{BOARD, RUN_OFF, SECOND, elections, id};
use super::faults::{Delayed, plan, until_cut};
use super::finish::finish;
use super::history::History;
use super::restores::{Backups, Restored};
use super::{VOTERS, wire};
use crate::disk::{Disk, Fault, open_store};

/// The returning officer's token.
const TOKEN: [u8; Token::BYTES] = [7; Token::BYTES];

/// A start restores a backup once in so many times, and one is taken after one start in so many.
const RESTORE_ODDS: u32 = 4;
const BACKUP_ODDS: u32 = 3;

/// Poll interval of a server that waits for its connections to end, in simulated time.
const DRAIN_POLL: Duration = Duration::from_millis(10);

/// A server, running or crashed.
pub(super) struct Server {
    folder: PathBuf,
    history: Rc<RefCell<History>>,
    rng: RefCell<Rng>,
    running: RefCell<Option<Running>>,
    /// After a crash: the folder for the next start, and its disk.
    crashed: RefCell<Option<(PathBuf, Arc<Disk>)>>,
    /// The number of data folders so far: each start has its own.
    folders: Cell<usize>,
    clocks: Clocks,
    backups: Backups,
}

/// A running server.
struct Running {
    folder: PathBuf,
    disk: Arc<Disk>,
    ledger: Arc<SqliteLedger>,
    bootstrap: Bootstrap,
    work: JoinHandle<()>,
    timekeeper: JoinHandle<()>,
    /// Cuts every connection.
    cut: CancellationToken,
    /// Drains and closes every connection.
    stop: CancellationToken,
    connections: RefCell<Vec<JoinHandle<()>>>,
    faults: Arc<AtomicUsize>,
}

impl Server {
    /// Creates and opens the board and the second election in a subfolder of `folder`, and starts
    /// to serve them.
    pub(super) fn start(folder: &Path, mut rng: Rng) -> anyhow::Result<Rc<Self>> {
        let first = folder.join("0");
        let mut store = Store::open(&first)?;
        let elections = elections(&mut rng)?;
        let (role, token) = (Role::ReturningOfficer, Token::from(TOKEN).hash());
        let acts = [
            Act::Grant(Grant { id: GrantId(1), parent: None, role, token, uses: Uses::Any }),
            Act::Create(elections[BOARD].clone()),
            Act::Issue(id(BOARD), (1..=VOTERS).map(VoterNumber::from).collect()),
            Act::Open(id(BOARD)),
            Act::Create(elections[SECOND].clone()),
            Act::Open(id(SECOND)),
        ];
        store.act(&acts, None)?;
        drop(store);
        let disk = Disk::new(&first, rng.u64(..))?;
        let clocks = Clocks::new();
        let running = RefCell::new(Some(Running::start(first, disk, &mut rng, &clocks)?));
        let history = History::new(clocks.begun(), &elections, RUN_OFF);
        let history = Rc::new(RefCell::new(history));
        let noted = history.clone();
        spawn_local(clocks.clone().step(rng.fork(), move |what| noted.borrow_mut().stepped(what)));
        let (folder, rng) = (folder.to_path_buf(), RefCell::new(rng));
        let (crashed, folders, backups) = (RefCell::default(), Cell::new(1), Backups::default());
        Ok(Rc::new(Self { folder, history, rng, running, crashed, folders, clocks, backups }))
    }

    pub(super) fn history(&self) -> Rc<RefCell<History>> {
        self.history.clone()
    }

    /// The returning officer's token.
    pub(super) fn officer(&self) -> Token {
        Token::from(TOKEN)
    }

    /// A connection over a new wire, if the server runs.
    pub(super) fn connect(&self, rng: Rng) -> Option<DuplexStream> {
        let running = self.running.borrow();
        let running = running.as_ref().filter(|running| !running.stop.is_cancelled())?;
        let (here, there) = wire::connect(rng, &running.cut);
        let bootstrap = running.bootstrap.clone();
        let bootstrap = move |work| bootstrap.capability(work, Origin::Here);
        let serving = connection::serve(there, bootstrap, running.stop.clone());
        running.connections.borrow_mut().push(spawn_local(serving));
        Some(here)
    }

    /// Crashes and restarts the server until `participants` resolves. A server whose ledger stops
    /// ends by itself, and is restarted, too.
    pub(super) async fn crash_during(
        &self,
        participants: impl Future<Output = ()>,
    ) -> anyhow::Result<()> {
        let mut participants = std::pin::pin!(participants.fuse());
        while !participants.is_terminated() {
            let up = Duration::from_millis(self.below(2_500));
            let disk = self.running.borrow().as_ref().map(|running| running.disk.clone());
            let power_cut = async {
                match disk {
                    Some(disk) => disk.until_off().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = power_cut => {}
                () = self.end_in_doubt() => {}
                () = sleep(up) => {}
                () = &mut participants => {}
            }
            let down = Duration::from_millis(self.below(300));
            self.crash()?;
            tokio::select! {
                biased;
                () = sleep(down) => {}
                () = &mut participants => {}
            }
            self.restart()?;
        }
        Ok(())
    }

    /// Waits until the ledger stops by itself, and then for the calls in progress, as
    /// `capvote::server::Server::run` does.
    async fn end_in_doubt(&self) {
        let stopped = self.running.borrow().as_ref().map(|running| running.ledger.stopped());
        let Some(stopped) = stopped else { return std::future::pending().await };
        stopped.await;
        if let Some(running) = self.running.borrow().as_ref() {
            running.timekeeper.abort();
            running.stop.cancel();
            let mut history = self.history.borrow_mut();
            history.note("the server ends: its ledger is in doubt");
            history.ended += 1;
        }
        let drained = async {
            while self.is_connected() {
                sleep(DRAIN_POLL).await;
            }
        };
        let _ = timeout(connection::DRAIN_WAIT_MAX, drained).await;
    }

    fn is_connected(&self) -> bool {
        let running = self.running.borrow();
        let connections = running.as_ref().map(|running| running.connections.borrow());
        connections.is_some_and(|it| it.iter().any(|connection| !connection.is_finished()))
    }

    fn below(&self, count: u64) -> u64 {
        self.rng.borrow_mut().u64(0..count)
    }

    /// Ends the server by SIGKILL or by a power cut. The files that survive go to a new folder.
    fn crash(&self) -> anyhow::Result<()> {
        let Some(running) = self.running.take() else { return Ok(()) };
        // If the disk went off in the middle of a commit, the crash was at that point.
        let killed = self.below(2) == 0;
        let (folder, disk, faults) = running.stop();
        let next = self.folder.join(self.folders.get().to_string());
        self.folders.set(self.folders.get() + 1);
        fs::create_dir(&next)?;
        let disk =
            if killed { disk.after_kill(&folder, &next)? } else { disk.after_power_cut(&next)? };
        self.crashed.replace(Some((next, disk)));
        fs::remove_dir_all(&folder)?;
        let mut history = self.history.borrow_mut();
        history.restarts += 1;
        history.faults += faults;
        history.note(if killed { "the server is killed" } else { "the power is cut" });
        Ok(())
    }

    /// Starts the server on the files that survived the crash.
    fn restart(&self) -> anyhow::Result<()> {
        let (folder, mut disk) = self.crashed.take().context("a crashed server")?;
        let mut rng = self.rng.borrow_mut().fork();
        if rng.u32(0..RESTORE_ODDS) == 0 {
            match self.backups.restore(&folder, &mut rng)? {
                Some(Restored::Done(restored, story)) => {
                    disk = restored;
                    self.history.borrow_mut().restored(story);
                }
                Some(Restored::Refused) => {
                    self.history.borrow_mut().note("a backup without its keys is refused");
                }
                None => {}
            }
        }
        // A read that fails at the start must not damage the ledger.
        if rng.u32(0..10) == 0 {
            let mut reads = rng.u32(0..40);
            disk.plan(move |_, _| {
                reads = reads.saturating_sub(1);
                (reads == 0).then_some(Fault::Fails)
            });
            match open_store(&folder) {
                Ok(store) => drop(store),
                Err(_) => self.history.borrow_mut().note("the server does not start"),
            }
            disk.repair();
        }
        match Running::start(folder, disk, &mut rng, &self.clocks) {
            Ok(running) => {
                let snapshot = running.ledger.snapshots().borrow().clone();
                self.history.borrow_mut().started(&snapshot, self.clocks.are_apart());
                if rng.u32(0..BACKUP_ODDS) == 0 {
                    let (story, has_keys) = (self.history.borrow().story.len(), rng.bool());
                    let data = (running.folder.as_path(), &*snapshot);
                    if self.backups.take(data, &self.folder, story, has_keys) {
                        self.history.borrow_mut().note("a backup is taken");
                    }
                }
                self.running.replace(Some(running));
            }
            Err(error) => {
                let mut history = self.history.borrow_mut();
                history.check(false, || format!("the server does not start: {error:#}"));
                bail!("{error:#}");
            }
        }
        Ok(())
    }

    /// Crashes the server, and checks its ledger on a disk without faults.
    pub(super) async fn finish(&self) -> anyhow::Result<History> {
        self.crash()?;
        let (folder, _disk) = self.crashed.take().context("a crashed server")?;
        let mut store = open_store(&folder).context("the last start")?;
        let mut history = self.history.replace(History::new(self.clocks.begun(), &[], 0));
        finish(&mut store, &mut history, self.clocks.are_apart())?;
        Ok(history)
    }
}

impl Running {
    fn start(
        folder: PathBuf,
        disk: Arc<Disk>,
        rng: &mut Rng,
        clocks: &Clocks,
    ) -> anyhow::Result<Self> {
        let store = open_store(&folder)?;
        let faults = Arc::default();
        disk.plan(plan(rng.fork(), Arc::clone(&faults)));
        let (ledger, work) = SqliteLedger::without_thread(store, clocks.wall());
        let ledger = Arc::new(ledger);
        let work = Delayed::new(work, rng.fork());
        let cut = CancellationToken::new();
        let work = spawn_local(until_cut(work, disk.clone(), cut.clone()));
        let bootstrap = Bootstrap::new(ledger.clone(), Guesses::default());
        let clocks = clocks.clone();
        let timekeeper = spawn_local(keep_schedules(ledger.clone(), move || clocks.steady()));
        let (stop, connections) = Default::default();
        Ok(Self {
            folder,
            disk,
            ledger,
            bootstrap,
            work,
            timekeeper,
            cut,
            stop,
            connections,
            faults,
        })
    }

    /// Stops everything at once. Nothing more reaches the disk. Returns the data folder, its disk
    /// and how many faults the disk had.
    fn stop(self) -> (PathBuf, Arc<Disk>, usize) {
        self.disk.cut_power();
        self.cut.cancel();
        self.work.abort();
        self.timekeeper.abort();
        self.connections.take().iter().for_each(JoinHandle::abort);
        drop(self.ledger);
        (self.folder, self.disk, self.faults.load(Ordering::Relaxed))
    }
}
