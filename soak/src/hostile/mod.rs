//! Hostile clients: the latency of an honest client's votes and the memory of the server while
//! others attack it.

mod crowd;
mod guessing;
mod honest;
pub mod kept;
mod messages;
mod places;
mod report;

use std::cell::RefCell;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};
use capvote::election::VoterNumber;
use capvote::net::budget::{CONNECTION_BYTES_MIN, PROCESS_BYTES_MAX};
use capvote::net::transport::{CALLS_BYTES_MAX, UNWRITTEN_BYTES_MAX};
use clap::ValueEnum;
use tokio::runtime::LocalRuntime;

use self::crowd::{Activity, FLOODS, HALF_OPEN, KEEPING, Kind, RANDOM_AT_ONCE, SINKS};
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
        if self.only == [Kind::Guess] {
            runtime.block_on(guessing::attack(self.address))?;
        } else {
            runtime.block_on(crowd::attack(self.address, self.seconds, &self.only))?;
        }
        Ok(true)
    }
}

/// The process of the hostile clients, killed on drop.
struct Crowd {
    process: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Arguments {
    /// Measures and prints. Returns whether the latency and the memory are within their bounds.
    pub fn run(mut self) -> anyhow::Result<bool> {
        let program = server::program(self.server.clone())?;
        let folder = self.data.clone().unwrap_or_else(env::temp_dir);
        let asked = self.only.len();
        let guesses = asked == 0 || self.only.contains(&Kind::Guess);
        let guessing_holds = !guesses || guessing::measure(&program, &folder, self.json)?;
        self.only.retain(|kind| *kind != Kind::Guess);
        if guesses && asked > 0 && self.only.is_empty() {
            return Ok(guessing_holds);
        }
        let temporary = tempfile::tempdir_in(folder)?;
        let server = Server::found(&program, temporary.path(), VOTERS)?;
        let numbers = Rc::new(RefCell::new(server::numbers(temporary.path())?));
        let runtime = crate::runtime()?;
        let mut report = Report::new(bound_mib(server.memory_mib()?.1));
        for round in 1..=self.rounds {
            let alone = self.measure(&runtime, &server, &numbers)?;
            let crowd = Crowd::start(&server.link, &self, &numbers)?;
            let attacked = self.measure(&runtime, &server, &numbers)?;
            let memory = server.memory_mib()?;
            let activity = crowd.stop()?;
            eprintln!("round {round}: {activity:?}");
            report.add(alone, attacked, activity, memory);
            thread::sleep(CLEANUP_WAIT);
        }
        report.print(self.json)?;
        drop(server);
        Ok(report.holds() & guessing_holds & places::attack(&program)?)
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

impl Crowd {
    /// Starts the process and waits until its lasting connections are open.
    fn start(
        link: &str,
        asked: &Arguments,
        numbers: &RefCell<Vec<VoterNumber>>,
    ) -> anyhow::Result<Self> {
        let address = link.strip_prefix("capvote://").context("not a TCP link")?;
        let mut command = Command::new(env::current_exe()?);
        let both = asked.seconds * IN_FLIGHT.len() as u64;
        command.args(["hostile-crowd", address, &both.to_string()]);
        for kind in &asked.only {
            let name = kind.to_possible_value().context("a kind without a name")?;
            command.args(["--only", name.get_name()]);
        }
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut stdin = process.stdin.take().context("the hostile process has no stdin")?;
        let stdout =
            BufReader::new(process.stdout.take().context("the hostile process has no stdout")?);
        let mut crowd = Self { process, stdin: None, stdout };
        let left = numbers.borrow().len() - FLOODS - SINKS;
        let given = numbers.borrow_mut().split_off(left);
        let given: Vec<_> = given.iter().map(|number| number.get().to_string()).collect();
        writeln!(stdin, "{}", given.join(" "))?;
        crowd.stdin = Some(stdin);
        ensure!(crowd.line()? == "ready", "the hostile clients did not connect");
        Ok(crowd)
    }

    /// Ends the attack and returns what was sent.
    fn stop(mut self) -> anyhow::Result<Activity> {
        self.stdin = None;
        Ok(serde_json::from_str(&self.line()?)?)
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        Ok(line.trim().to_string())
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
