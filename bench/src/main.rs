//! Measures capvote against what a user would pick instead, in turn, in one run, and writes what came of it.

mod peers;
mod report;
mod run;
mod systems;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command as Program;

use anyhow::{Context, ensure};
use clap::{Args, Parser, Subcommand};

use self::peers::{Job, Peer, Work};
use self::report::Row;
use self::systems::{Peers, System};

/// That of capvote's own programs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures capvote against what a user would pick instead.
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
    /// Only systems whose names have one of these in them. capvote itself is always there.
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    only: Vec<String>,
    /// How often each system does each job; the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// A tenth of the work: to see that everything runs, not for figures.
    #[arg(long)]
    quick: bool,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
    /// Write docs/benchmarks.md and its pictures, in this checkout of capvote.
    #[arg(long, value_name = "FOLDER")]
    write: Option<PathBuf>,
    /// Where the peers that are not in Rust are installed: see `install`.
    #[arg(long, default_value = "target/bench-peers")]
    peers: PathBuf,
    /// Where data and files are written meanwhile.
    #[arg(long, default_value = "target/bench-scratch")]
    scratch: PathBuf,
}

#[derive(Subcommand)]
enum Command {
    /// Install the peers that are not in Rust. Needs Debian's packages and PyPI.
    Install {
        /// Where to.
        #[arg(default_value = "target/bench-peers")]
        peers: PathBuf,
    },
    /// Serve until killed. For the benchmark itself.
    #[command(hide = true)]
    Serve {
        peer: Peer,
        job: Job,
        /// The voter numbers are 1 to this.
        #[arg(default_value_t = 0)]
        voters: u64,
    },
    /// Do a job with a server, and print what was measured. For the benchmark itself.
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
    match arguments.command {
        None => measure(&arguments.measure),
        Some(Command::Install { peers }) => install(&peers),
        Some(Command::Serve { peer, job, voters }) => peers::serve(peer, job, voters),
        Some(Command::Drive { peer, address, work }) => {
            let measured = peers::drive(peer, &address, work)?;
            println!("{}", serde_json::to_string(&measured)?);
            Ok(())
        }
    }
}

/// Where the peers' sources are.
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
        for (index, system) in systems.iter().enumerate() {
            if broken[index] {
                runs[index].push(None);
                continue;
            }
            let ran = run::run(system, &scratch, divisor);
            let job = report::title(system.job);
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
    match &measure.write {
        Some(checkout) => write(&checkout.join("docs"), &rows, measure),
        None => Ok(()),
    }
}

/// Writes the page about this run.
fn write(docs: &Path, rows: &[Row], measure: &Measure) -> anyhow::Result<()> {
    let pictures = [
        ("votes", systems::Job::Votes),
        ("alone", systems::Job::Alone),
        ("lines", systems::Job::Lines),
    ];
    let mut page = String::from("# Benchmarks\n\n");
    page += &format!(
        "Written by `cargo run --release -p capvote-bench -- --rounds {} --write .` on {}, on {}. Client and server are on the \
         same machine, which others use too: a figure by itself says little, and the ratios, each the median of {} \
         rounds in which every system had its turn, say more.\n",
        measure.rounds,
        said_by("date", &["+%Y-%m-%d"]),
        machine(),
        measure.rounds,
    );
    page += &format!("\nVersions: capvote {}; {}.\n", env!("CARGO_PKG_VERSION"), versions());
    for (name, job) in pictures {
        fs::write(docs.join(format!("benchmarks-{name}.svg")), report::picture(rows, job))?;
        page += &format!("\n![{}](benchmarks-{name}.svg)\n", report::title(job));
    }
    page += &report::tables(rows);
    let notes = Path::new(env!("CARGO_MANIFEST_DIR")).join("notes.md");
    page += "\n";
    page += &fs::read_to_string(&notes).with_context(|| notes.display().to_string())?;
    Ok(fs::write(docs.join("benchmarks.md"), page)?)
}

fn machine() -> String {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map(|rest| rest.trim_start_matches([' ', '\t', ':'])).unwrap_or("a machine");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{cores} cores ({model}), {}", said_by("uname", &["-s"]))
}

fn versions() -> String {
    let python = said_by("python3", &["--version"]);
    let [rust, capnp] = [said_by("rustc", &["--version"]), said_by("capnp", &["--version"])];
    format!(
        "{rust}; {capnp}; {python}; the crates in Cargo.lock, the packages in bench/peers/install.sh"
    )
}

/// The first line that a program prints.
fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Program::new(program).args(arguments).output();
    let output = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    output.ok().and_then(|text| text.lines().next().map(str::to_string)).unwrap_or_default()
}
