//! Voters beside a guesser at their address: a process with a hundred connections that guesses at
//! full speed and solves the puzzles with every processor.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use capvote::client::{Ballot, Client, VoteOutcome, cast};
use capvote::election::{Puzzle, VoterNumber};
use capvote::net::link::Link;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::{spawn_blocking, spawn_local};
use tokio::time::sleep;

use super::crowd::Kind;
use super::process::{self, Hostile};
use crate::server::{self, Server};

/// Voters, all at once.
const VOTERS: usize = 200;

/// The longest that one of them may take.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Connections of the guesser. A fifth of them send the votes with solutions.
const CONNECTIONS: usize = 100;
const SOLVERS: usize = CONNECTIONS / 5;

/// Guesses in flight of each.
const IN_FLIGHT: usize = 16;

/// How long the guesser guesses before the voters come. It uses up what is free.
const WARM_UP: Duration = Duration::from_secs(5);

/// Lookups of guesses from one address after that: a second (SECURITY.md), and at once.
const GUESSES_A_SECOND: f64 = 51.0;
const GUESSES_AT_ONCE: f64 = 31.0;

/// Pause before the next attempt to connect.
const RECONNECT_PAUSE: Duration = Duration::from_millis(10);

/// Pause of a solver that has no puzzle.
const PUZZLE_PAUSE: Duration = Duration::from_millis(10);

/// What the guesser did after its warm-up.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Guesses {
    seconds: f64,
    looked_up: u64,
    throttled: u64,
    solved: u64,
    connections: u64,
}

#[derive(Debug, Serialize)]
struct Report {
    voters: usize,
    recorded: usize,
    median_seconds: f64,
    slowest_seconds: f64,
    guesses: Guesses,
    looked_up_max: f64,
}

/// Measures and prints. Returns whether everybody's vote was recorded in time, and the guesser had
/// no more lookups than it may have.
pub(super) fn measure(program: &Path, folder: &Path, json: bool) -> anyhow::Result<bool> {
    let temporary = tempfile::tempdir_in(folder)?;
    let server = Server::found(program, temporary.path(), VOTERS as u32)?;
    let numbers = server::numbers(temporary.path())?;
    let guesser = Hostile::start(&server.link, 0, &[Kind::Guess], "")?;
    let report = vote_beside(&server, numbers, guesser)?;
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        let Report { voters, recorded, median_seconds, slowest_seconds, guesses, looked_up_max } =
            &report;
        println!(
            "{recorded} of {voters} voters beside a guesser are recorded, the median after \
             {median_seconds:.2} s, the last after {slowest_seconds:.2} s (bound: {} s)",
            WAIT_MAX.as_secs()
        );
        println!("{guesses:?} (bound: {looked_up_max:.0} looked up)");
    }
    Ok(report.recorded == VOTERS
        && report.slowest_seconds <= WAIT_MAX.as_secs_f64()
        && report.guesses.looked_up as f64 <= report.looked_up_max)
}

fn vote_beside(
    server: &Server,
    numbers: Vec<VoterNumber>,
    guesser: Hostile,
) -> anyhow::Result<Report> {
    let mut took = crate::runtime()?.block_on(vote(server.address()?, numbers))?;
    let guesses: Guesses = guesser.stop()?;
    took.sort_unstable();
    let seconds = |time: Option<&Duration>| time.map_or(f64::NAN, Duration::as_secs_f64);
    Ok(Report {
        voters: VOTERS,
        recorded: took.len(),
        median_seconds: seconds(took.get(took.len() / 2)),
        slowest_seconds: seconds(took.last()),
        guesses,
        looked_up_max: GUESSES_AT_ONCE + GUESSES_A_SECOND * guesses.seconds,
    })
}

/// Casts a vote under each number, all at once. Returns how long those took that were recorded.
async fn vote(link: Link, numbers: Vec<VoterNumber>) -> anyhow::Result<Vec<Duration>> {
    let begun = Instant::now();
    let voters: Vec<_> = numbers
        .into_iter()
        .map(|number| {
            let link = link.clone();
            spawn_local(async move {
                let ballot = Ballot::new("Ada", number)?;
                let outcome = cast(&link, "board", &ballot, |_| {}).await?.outcome;
                anyhow::Ok((outcome, begun.elapsed()))
            })
        })
        .collect();
    let mut took = Vec::new();
    for voter in voters {
        match voter.await? {
            Ok((VoteOutcome::Recorded(_), time)) => took.push(time),
            other => eprintln!("not recorded: {other:?}"),
        }
    }
    Ok(took)
}

/// The state shared by the guesser's connections.
struct Guesser {
    link: Link,
    guesses: RefCell<Guesses>,
    next: Cell<u64>,
    puzzle: Arc<Mutex<Option<Puzzle>>>,
}

/// Guesses until the end of stdin. Prints `ready` after the warm-up, and then what it did since.
pub(super) async fn attack(address: SocketAddr) -> anyhow::Result<()> {
    process::given()?;
    let guesser = Rc::new(Guesser {
        link: format!("capvote://{address}").parse()?,
        guesses: RefCell::default(),
        next: Cell::new(1),
        puzzle: Arc::default(),
    });
    let (found, solved) = mpsc::channel(SOLVERS * IN_FLIGHT);
    let stop = Arc::new(AtomicBool::new(false));
    let processors = thread::available_parallelism().map_or(1, |count| count.get() as u64);
    for index in 0..processors {
        let (puzzle, found, stop) = (guesser.puzzle.clone(), found.clone(), stop.clone());
        spawn_blocking(move || solve(&puzzle, index << 48, &found, &stop));
    }
    let solved = Rc::new(tokio::sync::Mutex::new(solved));
    for index in 0..CONNECTIONS {
        let (guesser, solved) = (guesser.clone(), (index < SOLVERS).then(|| solved.clone()));
        spawn_local(async move { guesser.guess(solved).await });
    }
    sleep(WARM_UP).await;
    guesser.guesses.take();
    let begun = Instant::now();
    process::ready().await?;
    let mut guesses = *guesser.guesses.borrow();
    guesses.seconds = begun.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    process::done(&guesses)
}

/// Solves the newest puzzle for one number after another, which are on no roll with near certainty.
fn solve(
    puzzle: &Mutex<Option<Puzzle>>,
    first: u64,
    found: &mpsc::Sender<(VoterNumber, u64)>,
    stop: &AtomicBool,
) {
    for number in first + 1.. {
        let newest = *puzzle.lock().unwrap_or_else(PoisonError::into_inner);
        let number = VoterNumber::from(number);
        let stopped = || stop.load(Ordering::Relaxed);
        match newest {
            Some(newest) => {
                // Dropped if the connections are busy: the next one shows as much work.
                if let Some(solution) = newest.solve(number, 1, stopped) {
                    let _ = found.try_send((number, solution));
                }
            }
            None => thread::sleep(PUZZLE_PAUSE),
        }
        if stopped() {
            return;
        }
    }
}

type Found = mpsc::Receiver<(VoterNumber, u64)>;

impl Guesser {
    /// Guesses over one connection after another: votes with solutions, or without.
    async fn guess(self: Rc<Self>, solved: Option<Rc<tokio::sync::Mutex<Found>>>) {
        loop {
            let Ok(client) = Client::connect(&self.link).await else {
                sleep(RECONNECT_PAUSE).await;
                continue;
            };
            self.guesses.borrow_mut().connections += 1;
            let guessing: Vec<_> = (0..IN_FLIGHT)
                .map(|_| {
                    let (guesser, client, solved) = (self.clone(), client.clone(), solved.clone());
                    spawn_local(async move { guesser.guess_over(client, solved).await })
                })
                .collect();
            for guesses in guessing {
                let _ = guesses.await;
            }
        }
    }

    /// Guesses one number after another until the connection ends.
    async fn guess_over(&self, client: Client, solved: Option<Rc<tokio::sync::Mutex<Found>>>) {
        let election = client.election("board");
        loop {
            let (number, solution) = match &solved {
                Some(solved) => {
                    let Some(found) = solved.lock().await.recv().await else { return };
                    found
                }
                None => (self.next.replace(self.next.get() + 1).into(), 0),
            };
            let Ok(ballot) = Ballot::new("Ada", number) else { return };
            let outcome = election.vote_solved(&ballot, solution, |_| {}).await;
            let mut guesses = self.guesses.borrow_mut();
            guesses.solved += u64::from(solution != 0);
            match outcome {
                Ok(VoteOutcome::Throttled { puzzle, .. }) => {
                    guesses.throttled += 1;
                    *self.puzzle.lock().unwrap_or_else(PoisonError::into_inner) = puzzle;
                }
                Ok(_) => guesses.looked_up += 1,
                Err(_) => return,
            }
        }
    }
}
