//! Simulated histories: voters, observers and a returning officer over connections that break, and a server whose disk
//! fails and whose power is cut, in a time that is not that of any clock.
//!
//! What is tried is the real thing: the client, the transport, the capabilities, the clerk and the SQLite ledger. The
//! seed decides everything else: who does what and when, what the wires do, what the disk does. A history with the same
//! seed is the same history. What came of it is held against what an election promises (see [`record`]).

mod people;
pub mod record;
mod server;
mod wire;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use fastrand::Rng;
use tokio::runtime::{Builder, LocalOptions};

use self::people::People;
pub use self::record::Record;
use self::server::Server;

/// Simulate elections over connections that break, on a disk that fails, with a server that crashes, and hold what was seen
/// against what an election promises.
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// How many, one seed each.
    #[arg(long, default_value_t = 10_000)]
    count: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Tell what happens in the first, step by step.
    #[arg(long)]
    story: bool,
}

impl Arguments {
    /// Does so, and returns whether everything held.
    ///
    /// # Errors
    /// Those of [`simulate_many`].
    pub fn run(&self) -> anyhow::Result<bool> {
        let scratch = scratch();
        if self.story {
            let record = simulate(self.seed, &scratch)?;
            record.story.iter().for_each(|line| println!("{line}"));
            return Ok(record.violations.is_empty());
        }
        let summary = simulate_many(self.seed, self.count, &scratch)?;
        println!(
            "{} histories: {} votes recorded, {} crashes, {} faults of the disk, 0 violations",
            summary.histories, summary.votes, summary.crashes, summary.faults
        );
        Ok(true)
    }
}

/// The candidates of every simulated election.
pub const CANDIDATES: [&str; 3] = ["Ada", "Grace", "Edsger"];

/// The numbers on the roll are 1 to this.
pub const VOTERS: u64 = 400;

/// Half the votes are cast under the first of them, so that voters come upon each other's.
const DISPUTED: u64 = 12;

/// How long people do something, in the time of the simulation.
const DURATION: Duration = Duration::from_secs(4);

/// Lets one history happen, with its files in a folder of its own in `scratch`, and returns what was seen in it.
///
/// # Errors
/// Where the simulation itself does not work.
pub fn simulate(seed: u64, scratch: &Path) -> anyhow::Result<Record> {
    let folder = tempfile::tempdir_in(scratch).context("no folder for a history")?;
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true);
    let runtime = runtime.build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let mut rng = Rng::with_seed(seed);
        let server = Server::start(folder.path(), rng.fork())?;
        let people = People::new(&server, &mut rng);
        server.while_it_breaks(people.act(DURATION)).await?;
        server.finish().await
    })
}

/// What many histories came to.
#[derive(Debug, Default)]
pub struct Summary {
    /// How many there were.
    pub histories: u64,
    /// The votes that were told to be recorded.
    pub votes: usize,
    /// How often a server ended and was started again.
    pub crashes: usize,
    /// How often a disk did not do what it should.
    pub faults: usize,
}

/// Lets histories happen with the seeds from `first`, on as many threads as there are processors, until `count` are
/// done.
///
/// # Errors
/// With the first violation, and the seed that it comes with.
pub fn simulate_many(first: u64, count: u64, scratch: &Path) -> anyhow::Result<Summary> {
    let next = AtomicU64::new(first);
    let summary = Mutex::new(Summary::default());
    let work = || -> anyhow::Result<()> {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count {
                return Ok(());
            }
            let happened = simulate(seed, scratch).and_then(|record| {
                ensure!(record.violations.is_empty(), "{}", record.violations.join("; "));
                Ok(record)
            });
            let mut summary = summary.lock().unwrap_or_else(PoisonError::into_inner);
            summary.histories += 1;
            let record = happened.with_context(|| {
                // Nobody goes on.
                next.store(first + count, Ordering::Relaxed);
                format!("after {} histories, with --seed {seed}", summary.histories)
            })?;
            summary.votes += record.votes();
            summary.crashes += record.restarts;
            summary.faults += record.faults;
            if summary.histories % 1_000 == 0 {
                eprintln!("{} histories", summary.histories);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| match thread.join() {
            Ok(worked) => worked,
            Err(_) => bail!("a history ended in a panic"),
        })
    })?;
    Ok(summary.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// A place for the files of histories: memory, where the system has a folder for that.
pub fn scratch() -> std::path::PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.into() } else { std::env::temp_dir() }
}
