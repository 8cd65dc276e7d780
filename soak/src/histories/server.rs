//! The server of a history: the ledger on a disk that fails, the capabilities, and how all of that is
//! stopped and started again.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::{Context as _, bail};
use capvote::election::{
    Choice, Definition, ElectionId, ElectionState, Grant, GrantId, Nonce, Outcome, Role, Schedule,
    Timestamp, Token, Vote, VoterNumber,
};
use capvote::ledger::sqlite::{SqliteLedger, SqliteReader, Store};
use capvote::ledger::{Act, LedgerError, SheetCursor};
use capvote::net::admission::Origin;
use capvote::net::connection;
use capvote::service::{Bootstrap, Guesses};
use fastrand::Rng;
use futures::FutureExt;
use futures::future::FusedFuture;
use tokio::io::DuplexStream;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::CancellationToken;

use super::record::{Record, Sheet};
use super::{CANDIDATES, DURATION, VOTERS, wire};
use crate::disk::{Disk, Fault, Operation, open_store};

/// The token of the returning officer.
const TOKEN: [u8; Token::BYTES] = [7; Token::BYTES];

/// The longest that the ledger makes jobs wait, in simulated time.
const DAWDLE_MAX: Duration = Duration::from_millis(30);

/// A server, whether or not it runs at the moment.
pub(super) struct Server {
    folder: PathBuf,
    record: Rc<RefCell<Record>>,
    rng: RefCell<Rng>,
    running: RefCell<Option<Running>>,
    /// What is there while it does not run.
    left: RefCell<Option<(PathBuf, Arc<Disk>)>>,
    /// How many folders there were: each start has its own.
    lives: Cell<usize>,
    /// When the history began.
    begun: Instant,
}

/// A server that runs.
struct Running {
    folder: PathBuf,
    disk: Arc<Disk>,
    ledger: Arc<SqliteLedger>,
    bootstrap: Bootstrap,
    work: JoinHandle<()>,
    /// Ends every connection at once.
    cut: CancellationToken,
    connections: RefCell<Vec<JoinHandle<()>>>,
    faults: Arc<AtomicUsize>,
}

fn board() -> ElectionId {
    "board".parse().expect("a good name for an election")
}

impl Server {
    /// Makes an election that is open, in a folder of `folder`, and starts to serve it.
    pub(super) fn start(folder: &Path, mut rng: Rng) -> anyhow::Result<Rc<Self>> {
        let first = folder.join("0");
        let mut store = Store::open(&first)?;
        let candidates = CANDIDATES.map(String::from).to_vec();
        let closes = (rng.u32(0..3) == 0).then(|| Timestamp(rng.u64(1..DURATION.as_secs())));
        let definition = Definition::new(board(), String::new(), candidates)?
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
        let begun = Instant::now();
        let running = RefCell::new(Some(Running::start(first, disk, &mut rng, begun)?));
        let record = Rc::new(RefCell::new(Record::new(begun, closes)));
        let (folder, rng) = (folder.to_path_buf(), RefCell::new(rng));
        let (left, lives) = (RefCell::default(), Cell::new(1));
        Ok(Rc::new(Self { folder, record, rng, running, left, lives, begun }))
    }

    pub(super) fn record(&self) -> Rc<RefCell<Record>> {
        self.record.clone()
    }

    /// The returning officer's token.
    pub(super) fn officer(&self) -> Token {
        Token::from(TOKEN)
    }

    /// A connection over a wire of its own, if the server is there.
    pub(super) fn connect(&self, rng: Rng) -> Option<DuplexStream> {
        let running = self.running.borrow();
        let running = running.as_ref()?;
        let (here, there) = wire::lay(rng, &running.cut);
        let bootstrap = running.bootstrap.clone();
        let bootstrap = move |work| bootstrap.capability(work, Origin::Here);
        let serving = connection::serve(there, bootstrap, CancellationToken::new());
        running.connections.borrow_mut().push(spawn_local(serving));
        Some(here)
    }

    /// Ends the server in all the ways there are and starts it again, until `people` have done what they do.
    pub(super) async fn while_it_breaks(
        &self,
        people: impl Future<Output = ()>,
    ) -> anyhow::Result<()> {
        let mut people = std::pin::pin!(people.fuse());
        while !people.is_terminated() {
            let lasts = Duration::from_millis(self.below(2_500));
            let is_off = self.running.borrow().as_ref().map(|running| running.disk.clone());
            let broken = async {
                match is_off {
                    Some(disk) => disk.is_cut().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = broken => {}
                () = sleep(lasts) => {}
                () = &mut people => {}
            }
            let down = Duration::from_millis(self.below(300));
            self.ends()?;
            tokio::select! {
                biased;
                () = sleep(down) => {}
                () = &mut people => {}
            }
            self.begins()?;
        }
        Ok(())
    }

    fn below(&self, count: u64) -> u64 {
        self.rng.borrow_mut().u64(0..count)
    }

    /// Ends the server: by a signal that it cannot catch, or by a power cut. What it leaves goes to a new folder.
    fn ends(&self) -> anyhow::Result<()> {
        let Some(running) = self.running.take() else { return Ok(()) };
        // Where the disk went off in the middle of a commit, that is where it was killed, or the power went.
        let killed = self.below(2) == 0;
        let (folder, disk, faults) = running.end();
        let next = self.folder.join(self.lives.get().to_string());
        self.lives.set(self.lives.get() + 1);
        fs::create_dir(&next)?;
        let disk =
            if killed { disk.after_kill(&folder, &next)? } else { disk.after_power_cut(&next)? };
        self.left.replace(Some((next, disk)));
        fs::remove_dir_all(&folder)?;
        let mut record = self.record.borrow_mut();
        record.restarts += 1;
        record.faults += faults;
        record.notes(if killed { "the server is killed" } else { "the power is cut" });
        Ok(())
    }

    /// Starts the server on what the last one left.
    fn begins(&self) -> anyhow::Result<()> {
        let (folder, disk) = self.left.take().context("a server that does not run")?;
        let mut rng = self.rng.borrow_mut().fork();
        // A disk that fails at the start: the ledger is not opened, and nothing happens to it.
        if rng.u32(0..10) == 0 {
            let mut reads = rng.u32(0..40);
            disk.plan(move |_, _| {
                reads = reads.saturating_sub(1);
                (reads == 0).then_some(Fault::Fails)
            });
            match open_store(&folder) {
                Ok(store) => drop(store),
                Err(_) => self.record.borrow_mut().notes("the server does not start"),
            }
            disk.mend();
        }
        match Running::start(folder, disk, &mut rng, self.begun) {
            Ok(running) => {
                self.record.borrow_mut().notes("the server starts");
                self.running.replace(Some(running));
            }
            Err(error) => {
                let mut record = self.record.borrow_mut();
                record.holds(false, || format!("the server does not start: {error:#}"));
                bail!("{error:#}");
            }
        }
        Ok(())
    }

    /// Starts the server once more, on a disk that works, closes the election, and looks at what there is.
    pub(super) async fn finish(&self) -> anyhow::Result<Record> {
        self.ends()?;
        let (folder, _disk) = self.left.take().context("a server that ran")?;
        let mut store = open_store(&folder).context("the last start")?;
        let mut record = self.record.replace(Record::new(self.begun, None));
        let standing = store.snapshot().elections.pop().context("an election")?;
        for (ballot, receipt) in record.receipts() {
            let place = CANDIDATES.iter().position(|name| *name == ballot.candidate);
            let choice = place.and_then(Choice::from_index).context("a candidate")?;
            let (election, number, nonce) = (board(), ballot.number, ballot.nonce);
            let vote = Vote { election, choice, number, nonce };
            let again = store.vote(std::slice::from_ref(&vote), Timestamp(0))?;
            let recorded = again == [Outcome::Recorded];
            record.holds(recorded, || format!("{receipt} is {again:?} when it is cast again"));
            // A vote that was lost would be counted by that.
            let now = store.snapshot().elections.pop().map(|standing| standing.ballots);
            record.holds(now == Some(standing.ballots), || format!("{receipt} is counted again"));
        }
        let closed = standing.state == ElectionState::Closed;
        record.holds(closed || !record.was_closed(), || "the close is lost".into());
        if !closed {
            store.act(&[Act::Close(board())], None)?;
        }
        let sheet = sheet(&store.reader(), &CANDIDATES)?;
        record.ends(&sheet);
        let standing = store.snapshot().elections.pop().context("an election")?;
        let ballots = standing.ballots;
        record.holds(ballots == sheet.len() as u64, || {
            format!("{ballots} ballots, and {} lines on the sheet", sheet.len())
        });
        Ok(record)
    }
}

/// The sheet, as it is stored.
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
        begun: Instant,
    ) -> anyhow::Result<Self> {
        let store = open_store(&folder)?;
        let faults = Arc::default();
        disk.plan(plan(rng.fork(), Arc::clone(&faults)));
        let clock = Arc::new(move || Timestamp(begun.elapsed().as_secs()));
        let (ledger, work) = SqliteLedger::without_thread(store, clock);
        let ledger = Arc::new(ledger);
        let work = Dawdling { work: Box::pin(work), rng: rng.fork(), pause: None };
        let cut = CancellationToken::new();
        let work = spawn_local(until_cut(work, disk.clone(), cut.clone()));
        let bootstrap = Bootstrap::new(ledger.clone(), Guesses::default());
        let connections = RefCell::default();
        Ok(Self { folder, disk, ledger, bootstrap, work, cut, connections, faults })
    }

    /// Ends everything at once. From here on nothing gets to the disk.
    fn end(self) -> (PathBuf, Arc<Disk>, usize) {
        self.disk.cut_power();
        self.cut.cancel();
        self.work.abort();
        self.connections.take().iter().for_each(JoinHandle::abort);
        drop(self.ledger);
        (self.folder, self.disk, self.faults.load(Ordering::Relaxed))
    }
}

/// What goes wrong with a disk that is mostly well, sometimes not quite, and now and then really broken.
fn plan(
    mut rng: Rng,
    faults: Arc<AtomicUsize>,
) -> impl FnMut(Operation, &str) -> Option<Fault> + Send {
    let one_in = [0, 0, 100, 30, 10][rng.usize(0..5)];
    move |operation, _| {
        if one_in == 0 || rng.u32(0..one_in) != 0 {
            return None;
        }
        let fault = match (operation, rng.u32(0..4)) {
            (Operation::Read, 0) => Fault::Fails,
            (Operation::Read, _) => return None,
            (_, 0) => Fault::Fails,
            (Operation::Write, 1) => Fault::Torn,
            (Operation::Write, 2) => Fault::Full,
            _ => Fault::PowerCut,
        };
        faults.fetch_add(1, Ordering::Relaxed);
        Some(fault)
    }
}

/// Works until the power is cut, and then nobody hears anything more.
async fn until_cut(work: impl Future<Output = ()>, disk: Arc<Disk>, cut: CancellationToken) {
    let mut work = std::pin::pin!(work);
    std::future::poll_fn(|context| {
        let polled = work.as_mut().poll(context);
        if disk.is_off() {
            cut.cancel();
        }
        polled
    })
    .await;
}

/// Work that is not begun at once when there is something to do, so that more comes together.
struct Dawdling<F> {
    work: Pin<Box<F>>,
    rng: Rng,
    pause: Option<Pin<Box<Sleep>>>,
}

impl<F: Future<Output = ()>> Future for Dawdling<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let pause = this.pause.get_or_insert_with(|| {
            Box::pin(sleep(DAWDLE_MAX.mul_f64(this.rng.f64() * this.rng.f64())))
        });
        std::task::ready!(pause.as_mut().poll(context));
        this.pause = None;
        this.work.as_mut().poll(context)
    }
}
