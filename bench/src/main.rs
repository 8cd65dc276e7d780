//! Benchmarks capvote against comparable systems, which take turns in one run, and writes the
//! results.

mod growth;
mod jobs;
mod page;
mod path;
mod peers;
mod processes;
mod report;
mod run;
mod systems;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command as Program;

use anyhow::ensure;
use clap::{Args, Parser, Subcommand};

use self::jobs::Job;
use self::peers::{Peer, Serving, Work};
use self::systems::{Peers, System};

/// The allocator of capvote's programs, which overwrite what they free, too. This one does not.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Benchmark capvote against comparable systems.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    measure: Measure,
}

#[derive(Args)]
struct Measure {
    /// Only systems whose names contain one of these. capvote itself always runs.
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    only: Vec<String>,
    /// Only these jobs.
    #[arg(long, value_delimiter = ',', value_name = "JOB")]
    jobs: Vec<Job>,
    /// How often each system does each job. The result is the median.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Measure how the cost of a vote grows with voters, ballots and threads, what an idle
    /// connection costs, and how long the first vote takes, instead of comparing systems. Takes
    /// 5 GB of disk and 2 GB of memory.
    #[arg(long, conflicts_with_all = ["only", "jobs"])]
    growth: bool,
    /// Do a tenth of the work: a test run, not for figures.
    #[arg(long)]
    quick: bool,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
    /// Write docs/benchmarks.md and its pictures in this checkout of capvote.
    #[arg(long, value_name = "FOLDER")]
    write: Option<PathBuf>,
    /// The folder of the peers that are not in Rust: see `install`.
    #[arg(long, default_value = "target/bench-peers")]
    peers: PathBuf,
    /// The folder for temporary data.
    #[arg(long, default_value = "target/bench-scratch")]
    scratch: PathBuf,
}

#[derive(Subcommand)]
enum Command {
    /// Install the peers that are not in Rust, from Debian and PyPI.
    Install {
        /// The folder to install in.
        #[arg(default_value = "target/bench-peers")]
        peers: PathBuf,
    },
    /// Serve until killed. For the benchmark itself.
    #[command(hide = true)]
    Serve {
        peer: Peer,
        job: Serving,
        /// The voter numbers on the roll are 1 to this.
        #[arg(default_value_t = 0)]
        voters: u64,
    },
    /// Fill a ledger. For the benchmark itself.
    #[command(hide = true)]
    Fill { folder: PathBuf, numbers: u64, ballots: u64 },
    /// Serve a ledger until killed. For the benchmark itself.
    #[command(hide = true)]
    ServeLedger { folder: PathBuf, shards: usize, scheme: String },
    /// Vote over many connections. For the benchmark itself.
    #[command(hide = true)]
    DriveCrowd { link: String, connections: u64 },
    /// Vote once, as a process of its own. For the benchmark itself.
    #[command(hide = true)]
    FirstVote { link: String, index: u64 },
    /// Do a job with a server and print the measurement. For the benchmark itself.
    #[command(hide = true)]
    Drive {
        peer: Peer,
        /// HOST:PORT of the server.
        address: String,
        #[command(subcommand)]
        work: Work,
    },
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    // For 10,000 connections, in the processes that this one starts, too.
    rlimit::increase_nofile_limit(u64::MAX)?;
    match arguments.command {
        None if arguments.measure.growth => measure_growth(&arguments.measure),
        None => measure(&arguments.measure),
        Some(Command::Install { peers }) => install(&peers),
        Some(Command::Serve { peer, job, voters }) => peers::serve(peer, job, voters),
        Some(Command::Fill { folder, numbers, ballots }) => growth::fill(&folder, numbers, ballots),
        Some(Command::ServeLedger { folder, shards, scheme }) => {
            growth::serve(&folder, shards, &scheme)
        }
        Some(Command::DriveCrowd { link, connections }) => growth::drive(&link, connections),
        Some(Command::FirstVote { link, index }) => growth::first_vote(&link, index),
        Some(Command::Drive { peer, address, work }) => {
            let measured = peers::drive(peer, &address, work)?;
            println!("{}", serde_json::to_string(&measured)?);
            Ok(())
        }
    }
}

/// The folder with the peers' sources.
fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

fn install(peers: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(peers)?;
    let peers = peers.canonicalize()?;
    let run = |program: &mut Program| -> anyhow::Result<()> {
        let status = program.status()?;
        ensure!(status.success(), "{program:?} ended with {status}");
        Ok(())
    };
    run(Program::new(sources().join("install.sh")).arg(peers.join("venv")))?;
    let out = format!("OUT={}", peers.join("cpp").display());
    run(Program::new("make").arg("-C").arg(sources().join("cpp")).arg(out))
}

fn measure(measure: &Measure) -> anyhow::Result<()> {
    fs::create_dir_all(&measure.scratch)?;
    let scratch = measure.scratch.canonicalize()?;
    let peers = measure.peers.canonicalize().unwrap_or_else(|_| measure.peers.clone());
    let peers = Peers { sources: sources(), venv: peers.join("venv"), cpp: peers.join("cpp") };
    let is_asked_for = |system: &System| {
        if !measure.jobs.is_empty() && !measure.jobs.contains(&system.job) {
            return false;
        }
        let named = |part: &String| system.name.to_lowercase().contains(&part.to_lowercase());
        measure.only.is_empty() || system.name == "capvote" || measure.only.iter().any(named)
    };
    let mut systems: Vec<_> = systems::all(&peers).into_iter().filter(is_asked_for).collect();
    // Stable: within a job, capvote itself stays first.
    systems.sort_by_key(|system| system.job as u8);
    let divisor = if measure.quick { 10 } else { 1 };
    let mut runs = vec![Vec::new(); systems.len()];
    let mut broken = vec![false; systems.len()];
    for round in 1..=measure.rounds {
        // Every round begins with another system: what one leaves to the disk meets the next.
        for turn in 0..systems.len() {
            let index = (turn + round) % systems.len();
            let system = &systems[index];
            if broken[index] {
                runs[index].push(None);
                continue;
            }
            let ran = run::run(system, &scratch, divisor);
            let job = system.job.title();
            match &ran {
                Ok(run) => eprintln!("round {round}: {}, {job}: {:.0}/s", system.name, run.rate),
                Err(error) => eprintln!("skipped: {}, {job}: {error:#}", system.name),
            }
            broken[index] = ran.is_err();
            runs[index].push(ran.ok());
        }
    }
    let rows = report::rows(&systems, &runs);
    if measure.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        println!("{}", report::tables(&rows));
    }
    let Some(checkout) = &measure.write else { return Ok(()) };
    let pictures = Job::DRAWN.map(|(name, job)| (name, job.title(), report::picture(&rows, job)));
    page::write(checkout, "systems", measure.rounds, &pictures, &report::tables(&rows))
}

fn measure_growth(measure: &Measure) -> anyhow::Result<()> {
    fs::create_dir_all(&measure.scratch)?;
    let scratch = measure.scratch.canonicalize()?;
    let growth = growth::measure(&scratch, measure.rounds, if measure.quick { 10 } else { 1 })?;
    if measure.json {
        println!("{}", serde_json::to_string_pretty(&growth)?);
    } else {
        println!("{}", growth::tables(&growth));
    }
    let Some(checkout) = &measure.write else { return Ok(()) };
    let pictures = growth::pictures(&growth);
    page::write(checkout, "growth", measure.rounds, &pictures, &growth::tables(&growth))
}
