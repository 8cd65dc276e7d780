//! The systems to measure: each with its jobs, and the commands that run them.

use std::env;
use std::path::{Path, PathBuf};

/// A job to compare systems at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Job {
    /// Votes with a callback each, over 16 connections with 16 votes in flight on each.
    Votes,
    /// Votes by one voter at a time.
    Alone,
    /// The lines of a file on the client, with a callback for each line.
    Lines,
    /// The same over a path of 1 Gbit/s with a round trip of 100 ms.
    Far,
}

impl Job {
    fn is_lines(self) -> bool {
        matches!(self, Self::Lines | Self::Far)
    }
}

/// A system at a job.
pub struct System {
    /// Its name in the tables.
    pub name: &'static str,
    pub job: Job,
    /// How much of the job one run does.
    pub amount: Amount,
    /// The server's command line, if it has a server.
    pub server: Option<Vec<String>>,
    /// The client's command line. `ADDRESS` and `AMOUNT` are replaced.
    pub client: Vec<String>,
    /// A note for readers of the tables.
    pub note: &'static str,
}

/// How much of a job one run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    Votes(u64),
    /// A file of this many MB.
    Megabytes(u64),
}

/// The folders of the peers that are not in Rust.
pub struct Peers {
    pub sources: PathBuf,
    pub venv: PathBuf,
    pub cpp: PathBuf,
}

const DURABLE: &str = "durable: answered after the sync";
const MEMORY: &str = "in memory: nothing survives the process";

/// Every system at each of its jobs. capvote, which the others are compared with, comes first.
pub fn all(peers: &Peers) -> Vec<System> {
    use Amount::{Megabytes, Votes};
    use Job::{Alone, Far, Lines, Votes as Many};
    let mut all = Vec::new();
    let mut rust =
        |name, peer: &str, job, amount, note| all.push(own(name, peer, job, amount, note));
    rust("capvote", "capvote", Many, Votes(200_000), DURABLE);
    rust("capvote, stock network", "capvote-stock", Many, Votes(100_000), DURABLE);
    rust("capvote, no disk", "capvote-no-disk", Many, Votes(200_000), MEMORY);
    rust(
        "tonic stream",
        "tonic",
        Many,
        Votes(500_000),
        "in memory; instead of a callback, an unanswered message on the same stream",
    );
    rust("tarpc", "tarpc", Many, Votes(300_000), "in memory; no callback");
    rust("loopback echo", "echo", Many, Votes(500_000), "256 bytes echoed for each");
    rust("capvote", "capvote", Alone, Votes(5_000), DURABLE);
    rust("capvote, no disk", "capvote-no-disk", Alone, Votes(20_000), MEMORY);
    rust("fdatasync", "sync", Alone, Votes(5_000), "appends of 100 bytes, each synced");
    rust("capvote", "capvote", Lines, Megabytes(1_000), "");
    rust("capvote, stock network", "capvote-stock", Lines, Megabytes(1_000), "");
    rust("loopback echo", "echo", Lines, Megabytes(1_000), "the same bytes echoed");
    rust("capvote", "capvote", Far, Megabytes(1_000), "");
    rust("capvote, stock network", "capvote-stock", Far, Megabytes(1_000), "");
    rust("the path itself", "echo", Far, Megabytes(1_000), "the same bytes echoed");

    let python = peers.venv.join("bin/python");
    let script = |folder: &str, file: &str| {
        vec![text(&python), text(&peers.sources.join(folder).join(file))]
    };
    let mut other =
        |name, job, amount, server: Vec<String>, client: Vec<String>, word: &str, note| {
            let server = Some([server, words(&serving(job, word))].concat());
            let client = [client, work(job, word)].concat();
            all.push(System { name, job, amount, server, client, note });
        };
    let rpyc = || (script("rpyc", "server.py"), script("rpyc", "client.py"));
    let (server, client) = rpyc();
    other("RPyC, at its best", Many, Votes(10_000), server, client, "vote", MEMORY);
    let (server, client) = rpyc();
    other(
        "RPyC, as in the handout",
        Many,
        Votes(5_000),
        server,
        client,
        "vote-handout",
        "in memory; one call at a time per connection",
    );
    for (name, job, word, size) in [
        ("RPyC, as in the handout", Lines, "lines-handout", 1),
        ("RPyC, buffiter and async", Lines, "lines-best", 4),
        ("RPyC, batches", Lines, "lines-batched", 50),
        ("RPyC, batches", Far, "lines-batched", 4),
    ] {
        let (server, client) = rpyc();
        other(name, job, Megabytes(size), server, client, word, "");
    }
    let pycapnp = || (script("pycapnp", "server.py"), script("pycapnp", "client.py"));
    let (server, client) = pycapnp();
    other("pycapnp", Many, Votes(20_000), server, client, "vote", MEMORY);
    let (server, client) = pycapnp();
    other("pycapnp", Lines, Megabytes(100), server, client, "lines", "");
    let (server, client) = pycapnp();
    other("pycapnp", Far, Megabytes(4), server, client, "lines", "");
    let cpp = |program: &str| vec![text(&peers.cpp.join(program))];
    other("C++ Cap'n Proto", Many, Votes(100_000), cpp("server"), cpp("client"), "vote", MEMORY);
    for (job, size) in [(Lines, 500), (Far, 4)] {
        let (server, client) = (cpp("server"), cpp("client"));
        other("C++ Cap'n Proto", job, Megabytes(size), server, client, "lines", "");
    }
    let postgres = vec![text(&peers.sources.join("postgres.sh")), "vote".into(), "AMOUNT".into()];
    all.push(System {
        server: Some(postgres),
        ..own(
            "PostgreSQL",
            "postgres",
            Many,
            Votes(50_000),
            "durable: one INSERT a vote; no callback",
        )
    });
    all
}

/// A system whose server and client are commands of this program.
fn own(name: &'static str, peer: &str, job: Job, amount: Amount, note: &'static str) -> System {
    let me = text(&env::current_exe().unwrap_or_default());
    let command = |words: &[&str]| {
        let words = words.iter().map(|word| word.to_string());
        std::iter::once(me.clone()).chain(words).collect::<Vec<_>>()
    };
    let word = if job.is_lines() { "lines" } else { "vote" };
    let server =
        (peer != "sync").then(|| [command(&["serve", peer]), words(&serving(job, word))].concat());
    let client = [command(&["drive", peer]), work(job, word)].concat();
    System { name, job, amount, server, client, note }
}

/// The arguments of a server.
fn serving(job: Job, word: &str) -> Vec<&str> {
    match job {
        Job::Votes | Job::Alone => vec![word, "AMOUNT"],
        Job::Lines | Job::Far => vec![word],
    }
}

/// The arguments of a client.
fn work(job: Job, word: &str) -> Vec<String> {
    words(&match job {
        Job::Votes => vec!["ADDRESS", word, "16", "16", "AMOUNT"],
        Job::Alone => vec!["ADDRESS", word, "1", "1", "AMOUNT"],
        Job::Lines | Job::Far => vec!["ADDRESS", word, "AMOUNT"],
    })
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| word.to_string()).collect()
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
