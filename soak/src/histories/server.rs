//! The simulated server: the ledger on a failing disk, the capabilities, and crashes and restarts.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use capvote::election::{
    Choice, Definition, ElectionId, ElectionState, Grant, GrantId, Nonce, Outcome, Publication,
    Role, Schedule, Standing, Timestamp, Token, Vote, VoterNumber,
};
use capvote::ledger::sqlite::{SqliteLedger, SqliteReader, Store};
use capvote::ledger::{Act, Ledger as _, LedgerError, SheetCursor};
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

use super::clock::{Clocks, FAR};
use super::faults::{Delayed, plan, until_cut};
use super::history::{History, Sheet};
use super::restores::Backups;
use super::{CANDIDATES, DURATION, VOTERS, wire};
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

fn board() -> ElectionId {
    "board".parse().expect("a good name for an election")
}

impl Server {
    /// Creates and opens an election in a subfolder of `folder`, and starts to serve it.
    pub(super) fn start(folder: &Path, mut rng: Rng) -> anyhow::Result<Rc<Self>> {
        let first = folder.join("0");
        let mut store = Store::open(&first)?;
        let candidates = CANDIDATES.map(String::from).to_vec();
        let closes = match rng.u32(0..3) {
            0 => Some(Timestamp(rng.u64(1..DURATION.as_secs()))),
            1 => Some(FAR),
            _ => None,
        };
        let definition = Definition::new(board(), String::new(), candidates)?
            .with_publication(Publication::Live)
            .with_schedule(Schedule { opens: None, closes })?;
        let (role, token) = (Role::ReturningOfficer, Token::from(TOKEN).hash());
        let acts = [
            Act::Grant(Grant { id: GrantId(1), parent: None, role, token }),
            Act::Create(Arc::new(definition)),
            Act::Issue(board(), (1..=VOTERS).map(VoterNumber::from).collect()),
            Act::Open(board()),
        ];
        store.act(&acts, None)?;
        drop(store);
        let disk = Disk::new(&first, rng.u64(..))?;
        let clocks = Clocks::new();
        let running = RefCell::new(Some(Running::start(first, disk, &mut rng, &clocks)?));
        let history = Rc::new(RefCell::new(History::new(clocks.begun(), closes)));
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
        if rng.u32(0..RESTORE_ODDS) == 0
            && let Some((restored, story)) = self.restore(&folder, &mut rng)?
        {
            disk = restored;
            self.history.borrow_mut().restored(story);
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
                let closed = |it: &Arc<Standing>| it.state == ElectionState::Closed;
                let closed = snapshot.elections.iter().any(closed);
                self.history.borrow_mut().started(closed, self.clocks.are_apart());
                if rng.u32(0..BACKUP_ODDS) == 0 {
                    let story = self.history.borrow().story.len();
                    if self.backups.take(&running.folder, &self.folder, story) {
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

    /// Restores the newest backup, if there is one.
    fn restore(&self, folder: &Path, rng: &mut Rng) -> anyhow::Result<Option<(Arc<Disk>, usize)>> {
        let number = VoterNumber::from(VOTERS);
        let choice = Choice::from_index(0).context("a candidate")?;
        let vote = Vote { election: board(), choice, number, nonce: [9; Nonce::BYTES].into() };
        self.backups.restore(folder, rng.u64(..), &vote)
    }

    /// Crashes the server, opens its ledger on a disk without faults, retries every recorded vote,
    /// closes the election and checks the tally sheet.
    pub(super) async fn finish(&self) -> anyhow::Result<History> {
        self.crash()?;
        let (folder, _disk) = self.crashed.take().context("a crashed server")?;
        let mut store = open_store(&folder).context("the last start")?;
        let mut history = self.history.replace(History::new(self.clocks.begun(), None));
        let standing = store.snapshot().elections.pop().context("an election")?;
        for (ballot, receipt) in history.receipts() {
            let place = CANDIDATES.iter().position(|name| *name == ballot.candidate);
            let choice = place.and_then(Choice::from_index).context("a candidate")?;
            let (election, number, nonce) = (board(), ballot.number, ballot.nonce);
            let vote = Vote { election, choice, number, nonce };
            let again = store.vote(std::slice::from_ref(&vote), Timestamp(0))?;
            let recorded = again == [Outcome::Recorded];
            history.check(recorded, || format!("a retry of {receipt} is {again:?}"));
            // The retry of a vote that was lost would be counted.
            let now = store.snapshot().elections.pop().map(|standing| standing.ballots);
            history.check(now == Some(standing.ballots), || {
                format!("a retry of {receipt} is counted")
            });
        }
        let closed = standing.state == ElectionState::Closed;
        if closed {
            history.found_closed();
        }
        history.check(closed || !history.is_closed(), || "the close is lost".into());
        if !closed {
            store.act(&[Act::Close(board())], None)?;
        }
        let sheet = sheet(&store.reader(), &CANDIDATES)?;
        history.check_sheet(&sheet);
        let standing = store.snapshot().elections.pop().context("an election")?;
        let ballots = standing.ballots;
        history.check(ballots == sheet.len() as u64, || {
            format!("{ballots} ballots, but {} lines on the sheet", sheet.len())
        });
        Ok(history)
    }
}

/// Reads the whole tally sheet.
fn sheet(reader: &SqliteReader, candidates: &[&str]) -> Result<Sheet, LedgerError> {
    let (mut sheet, mut cursor) = (Sheet::new(), SheetCursor::default());
    loop {
        let (lines, next) = reader.sheet(&board(), cursor, 1_000)?;
        if lines.is_empty() {
            return Ok(sheet);
        }
        sheet.extend(lines.into_iter().map(|(choice, nonce): (_, Nonce)| {
            (candidates.get(choice.index()).unwrap_or(&"nobody").to_string(), nonce)
        }));
        cursor = next;
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
