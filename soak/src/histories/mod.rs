//! Deterministic simulation: voters, observers and a returning officer over connections that
//! break, elections of every method by one roll, and a server with a failing disk, power cuts,
//! restored backups and a clock that is set, in simulated time.
//!
//! The client, the transport, the capabilities, the timekeeper, the group commit and the SQLite
//! ledger are the real ones. Everything else (the actions and their times, the network, the disk)
//! follows from the seed: the same seed gives the same history. [`history`] checks each history
//! against the promises of its elections.

mod clock;
mod elections;
mod faults;
mod finish;
pub mod history;
mod officer;
mod participants;
mod restores;
mod server;
mod wire;

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use fastrand::Rng;
use tokio::runtime::{Builder, LocalOptions};

pub use self::history::History;
use self::participants::Participants;
use self::server::Server;
use crate::many::many;

/// Simulate elections over connections that break, on a failing disk, with a server that crashes,
/// and check the promises of an election.
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// How many histories, one seed each.
    #[arg(long, default_value_t = 10_000)]
    count: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print the events of the first history.
    #[arg(long)]
    story: bool,
}

impl Arguments {
    /// Runs the simulations and returns whether every check held.
    ///
    /// # Errors
    /// As [`simulate`] and [`simulate_many`].
    pub fn run(&self) -> anyhow::Result<bool> {
        let scratch = scratch();
        if self.story {
            let history = simulate(self.seed, &scratch)?;
            history.story.iter().for_each(|line| println!("{line}"));
            return Ok(history.violations.is_empty());
        }
        let summary = simulate_many(self.seed, self.count, &scratch)?;
        println!(
            "{} histories: {} votes recorded, {} crashes, {} servers that ended by a failed write, \
             {} disk faults, {} clock steps, {} restores, {} run-offs, {} invalid ballots \
             refused, 0 violations",
            summary.histories,
            summary.votes,
            summary.crashes,
            summary.ended,
            summary.faults,
            summary.steps,
            summary.restores,
            summary.run_offs,
            summary.invalid
        );
        Ok(true)
    }
}

/// The candidates of the board in every history.
pub const CANDIDATES: [&str; 3] = ["Ada", "Grace", "Edsger"];

/// The numbers on the roll are 1 to this.
pub const VOTERS: u64 = 400;

/// Half the votes are cast under the numbers 1 to this, so several voters use the same number.
const DISPUTED: u64 = 12;

/// How long the participants act, in simulated time.
const DURATION: Duration = Duration::from_secs(4);

/// Simulates one history, with its files in a temporary folder in `scratch`.
///
/// # Errors
/// If the simulation itself fails. Violations are in the [`History`].
pub fn simulate(seed: u64, scratch: &Path) -> anyhow::Result<History> {
    let folder = tempfile::tempdir_in(scratch).context("no folder for a history")?;
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true);
    let runtime = runtime.build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let mut rng = Rng::with_seed(seed);
        let server = Server::start(folder.path(), rng.fork())?;
        let participants = Participants::new(&server, &mut rng);
        server.crash_during(participants.act(DURATION)).await?;
        server.finish().await
    })
}

/// Totals over many histories.
#[derive(Debug, Default)]
pub struct Summary {
    /// The number of histories.
    pub histories: u64,
    /// Votes that were answered `recorded`.
    pub votes: usize,
    /// Crashes of the server, each followed by a restart.
    pub crashes: usize,
    /// Servers that ended by themselves, because their ledger was in doubt.
    pub ended: usize,
    /// Injected disk faults.
    pub faults: usize,
    /// Times that the clock was set ahead.
    pub steps: usize,
    /// Times that a backup was restored.
    pub restores: usize,
    /// Run-offs that were created.
    pub run_offs: usize,
    /// Ballots that were refused because they are none.
    pub invalid: usize,
}

/// Simulates `count` histories with the seeds from `first`, on one thread per processor.
///
/// # Errors
/// The first violation, with its seed; or a simulation that failed.
pub fn simulate_many(first: u64, count: u64, scratch: &Path) -> anyhow::Result<Summary> {
    let add = |summary: &mut Summary, history: &History| {
        summary.votes += history.votes();
        summary.crashes += history.restarts;
        summary.ended += history.ended;
        summary.faults += history.faults;
        summary.steps += history.steps;
        summary.restores += history.restores;
        summary.run_offs += history.run_offs;
        summary.invalid += history.invalid;
    };
    let one = |seed| simulate(seed, scratch);
    let (histories, summary) = many(first, count, one, |it| &it.violations, add)?;
    Ok(Summary { histories, ..summary })
}

/// Where the files of histories go: in memory if the system has /dev/shm.
pub fn scratch() -> std::path::PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.into() } else { std::env::temp_dir() }
}
