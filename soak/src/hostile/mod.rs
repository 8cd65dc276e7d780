//! Hostile clients: the latency of an honest client's votes and the memory of the server while
//! others attack it.

mod crowd;
mod guessing;
mod honest;
pub mod kept;
mod links;
mod messages;
mod places;
mod process;
mod report;

use std::cell::RefCell;
use std::env;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use capvote::election::VoterNumber;
use capvote::net::budget::{CONNECTION_BYTES_MIN, PROCESS_BYTES_MAX};
use capvote::net::transport::{CALLS_BYTES_MAX, UNWRITTEN_BYTES_MAX};
use tokio::runtime::LocalRuntime;

use self::crowd::{Activity, FLOODS, HALF_OPEN, KEEPING, Kind, RANDOM_AT_ONCE, SINKS};
use self::process::Hostile;
use self::report::{Phase, Report};
use crate::server::{self, Server};

/// Voter numbers: more than the honest clients use up.
const VOTERS: u32 = 4_000_000;

/// Open-file limit of the hostile process.
const FILES: u64 = 16_384;

/// How long the server has to clean up after the hostile clients before the next measurement.
const CLEANUP_WAIT: Duration = Duration::from_secs(3);

/// Memory of a connection that sends little: its task, tables and buffers.
const QUIET_BYTES: usize = 32 << 10;

/// Memory for an announced message (`net::transport::decoder::ANNOUNCED_WORDS_MAX`).
const ANNOUNCED_BYTES: usize = 512 << 10;

/// The 99th percentile of an honest client's votes may grow to this many times its value alone.
pub(crate) const RATIO_MAX: f64 = 3.0;

/// Votes in flight of the two honest clients, which are measured one after the other.
const IN_FLIGHT: [usize; 2] = [1, 16];

/// Attack a server with hostile clients, and measure how that affects an honest one.
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// How many seconds each honest client votes, per round: alone, then under attack.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// How many rounds to measure.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The server program. [default: capvote-server beside this program]
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// The folder for the ledger, on the disk to measure. [default: the one for temporary files]
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Run only these hostile clients. [default: all]
    #[arg(long, value_enum, value_name = "KIND")]
    only: Vec<Kind>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Run the hostile clients. `hostile` starts this itself.
#[derive(clap::Args, Debug)]
pub struct CrowdArguments {
    address: SocketAddr,
    seconds: u64,
    #[arg(long, value_enum)]
    only: Vec<Kind>,
}

impl CrowdArguments {
    /// Attacks until stdin ends.
    pub fn run(self) -> anyhow::Result<bool> {
        rlimit::increase_nofile_limit(FILES)?;
        let runtime = crate::runtime()?;
        match self.only[..] {
            [Kind::Guess] => runtime.block_on(guessing::attack(self.address))?,
            [Kind::Links] => runtime.block_on(links::attack(self.address))?,
            _ => runtime.block_on(crowd::attack(self.address, self.seconds, &self.only))?,
        }
        Ok(true)
    }
}

impl Arguments {
    /// Measures and prints. Returns whether the latency and the memory are within their bounds.
    pub fn run(mut self) -> anyhow::Result<bool> {
        let program = server::program(self.server.clone())?;
        let all = self.only.is_empty();
        let has = |kind| all || self.only.contains(&kind);
        let (guess, links) = (has(Kind::Guess), has(Kind::Links));
        self.only.retain(|kind| ![Kind::Guess, Kind::Links].contains(kind));
        let mut holds = true;
        if guess {
            holds &= guessing::measure(&program, &self.folder(), self.json)?;
        }
        if links {
            holds &= links::measure(&program, &self)?;
        }
        if all || !self.only.is_empty() {
            holds &= self.measure_crowd(&program)? & places::attack(&program)?;
        }
        Ok(holds)
    }

    /// Measures beside all kinds that share a server.
    fn measure_crowd(&self, program: &Path) -> anyhow::Result<bool> {
        let temporary = tempfile::tempdir_in(self.folder())?;
        let server = Server::found(program, temporary.path(), VOTERS)?;
        let numbers = Rc::new(RefCell::new(server::numbers(temporary.path())?));
        let runtime = crate::runtime()?;
        let mut report = Report::new(bound_mib(server.memory_mib()?.1));
        for round in 1..=self.rounds {
            let alone = self.measure(&runtime, &server, &numbers)?;
            let left = numbers.borrow().len() - FLOODS - SINKS;
            let given = numbers.borrow_mut().split_off(left);
            let given: Vec<_> = given.iter().map(|number| number.get().to_string()).collect();
            let seconds = self.seconds * IN_FLIGHT.len() as u64;
            let crowd = Hostile::start(&server.link, seconds, &self.only, &given.join(" "))?;
            let attacked = self.measure(&runtime, &server, &numbers)?;
            let memory = server.memory_mib()?;
            let activity: Activity = crowd.stop()?;
            eprintln!("round {round}: {activity:?}");
            report.add(alone, attacked, activity, memory);
            thread::sleep(CLEANUP_WAIT);
        }
        report.print(self.json)?;
        Ok(report.holds())
    }

    /// The folder for ledgers.
    fn folder(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(env::temp_dir)
    }

    /// Measures both honest clients.
    fn measure(
        &self,
        runtime: &LocalRuntime,
        server: &Server,
        numbers: &Rc<RefCell<Vec<VoterNumber>>>,
    ) -> anyhow::Result<Phase> {
        let (link, time) = (server.address()?, Duration::from_secs(self.seconds));
        let before = server.processor_seconds()?;
        let [alone, many] = IN_FLIGHT
            .map(|in_flight| runtime.block_on(honest::vote(&link, numbers, in_flight, time)));
        let after = server.processor_seconds()?;
        let (ran, waited) = (after.0 - before.0, after.1 - before.1);
        Ok(Phase { honest: [alone?, many?], waited: waited / (ran + waited) })
    }
}

/// The memory bound of a server that had `before` MiB without connections: what ARCHITECTURE.md
/// allows for each hostile connection.
fn bound_mib(before: f64) -> f64 {
    let floods = FLOODS * (CALLS_BYTES_MAX + UNWRITTEN_BYTES_MAX);
    let quiet = (SINKS + HALF_OPEN + RANDOM_AT_ONCE) * QUIET_BYTES;
    let keeping = PROCESS_BYTES_MAX / 4 * 5 + KEEPING * (CONNECTION_BYTES_MIN + QUIET_BYTES);
    let bytes = floods + quiet + RANDOM_AT_ONCE * ANNOUNCED_BYTES + keeping;
    before + bytes as f64 / f64::from(1 << 20)
}
