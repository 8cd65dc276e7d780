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
    let mut all = in_this_program();
    all.extend(rpyc(peers));
    all.extend(pycapnp(peers));
    all.extend(cpp(peers));
    all.push(postgres(peers));
    all.push(on_postgres(peers));
    all
}

fn in_this_program() -> Vec<System> {
    use Amount::{Megabytes, Votes};
    use Job::{Alone, Far, Lines, Votes as Many};
    let streamed = "in memory; instead of a callback, an unanswered message on the same stream";
    vec![
        own("capvote", "capvote", Many, Votes(200_000), DURABLE),
        own("capvote, one mark", "capvote-cast", Many, Votes(200_000), DURABLE),
        own("capvote, 20 ranks", "capvote-ranked", Many, Votes(200_000), DURABLE),
        own("capvote, stock network", "capvote-stock", Many, Votes(100_000), DURABLE),
        own("capvote, no disk", "capvote-no-disk", Many, Votes(200_000), MEMORY),
        own("tonic stream", "tonic", Many, Votes(500_000), streamed),
        own("tarpc", "tarpc", Many, Votes(300_000), "in memory; no callback"),
        own("loopback echo", "echo", Many, Votes(500_000), "256 bytes echoed for each"),
        own("capvote", "capvote", Alone, Votes(5_000), DURABLE),
        own("capvote, no disk", "capvote-no-disk", Alone, Votes(20_000), MEMORY),
        own("fdatasync", "sync", Alone, Votes(5_000), "appends of 100 bytes, each synced"),
        own("capvote", "capvote", Lines, Megabytes(1_000), ""),
        own("capvote, stock network", "capvote-stock", Lines, Megabytes(1_000), ""),
        own("loopback echo", "echo", Lines, Megabytes(1_000), "the same bytes echoed"),
        own("capvote", "capvote", Far, Megabytes(1_000), ""),
        own("capvote, stock network", "capvote-stock", Far, Megabytes(1_000), ""),
        own("the path itself", "echo", Far, Megabytes(1_000), "the same bytes echoed"),
    ]
}

fn rpyc(peers: &Peers) -> Vec<System> {
    use Amount::{Megabytes, Votes};
    use Job::{Far, Lines, Votes as Many};
    let one_call = "in memory; one call at a time per connection";
    let jobs = [
        ("RPyC, at its best", Many, "vote", Votes(10_000), MEMORY),
        ("RPyC, as in the handout", Many, "vote-handout", Votes(5_000), one_call),
        ("RPyC, as in the handout", Lines, "lines-handout", Megabytes(1), ""),
        ("RPyC, buffiter and async", Lines, "lines-best", Megabytes(4), ""),
        ("RPyC, batches", Lines, "lines-batched", Megabytes(50), ""),
        ("RPyC, batches", Far, "lines-batched", Megabytes(4), ""),
    ];
    let programs = ["server.py", "client.py"].map(|file| script(peers, "rpyc", file));
    jobs.map(|(name, job, word, amount, note)| other(&programs, name, job, word, amount, note))
        .into()
}

fn pycapnp(peers: &Peers) -> Vec<System> {
    let programs = ["server.py", "client.py"].map(|file| script(peers, "pycapnp", file));
    let of = |job, word, amount, note| other(&programs, "pycapnp", job, word, amount, note);
    vec![
        of(Job::Votes, "vote", Amount::Votes(20_000), MEMORY),
        of(Job::Lines, "lines", Amount::Megabytes(100), ""),
        of(Job::Far, "lines", Amount::Megabytes(4), ""),
    ]
}

fn cpp(peers: &Peers) -> Vec<System> {
    let programs = ["server", "client"].map(|program| vec![text(&peers.cpp.join(program))]);
    let of = |job, word, amount, note| other(&programs, "C++ Cap'n Proto", job, word, amount, note);
    vec![
        of(Job::Votes, "vote", Amount::Votes(100_000), MEMORY),
        of(Job::Lines, "lines", Amount::Megabytes(500), ""),
        of(Job::Far, "lines", Amount::Megabytes(4), ""),
    ]
}

fn postgres(peers: &Peers) -> System {
    let server = vec![text(&peers.sources.join("postgres.sh")), "vote".into(), "AMOUNT".into()];
    let note = "durable: one INSERT a vote; no callback";
    let amount = Amount::Votes(50_000);
    System { server: Some(server), ..own("PostgreSQL", "postgres", Job::Votes, amount, note) }
}

/// capvote with its ledger in PostgreSQL, with a synchronous standby.
fn on_postgres(peers: &Peers) -> System {
    let (amount, note) = (Amount::Votes(200_000), "durable on a synchronous standby, too");
    let system = own("capvote, PostgreSQL", "capvote-postgres", Job::Votes, amount, note);
    let cluster = text(&peers.sources.join("cluster.sh"));
    let server = system.server.map(|server| [vec![cluster], server].concat());
    System { server, ..system }
}

/// The command line of a Python program.
fn script(peers: &Peers, folder: &str, file: &str) -> Vec<String> {
    let python = peers.venv.join("bin/python");
    vec![text(&python), text(&peers.sources.join(folder).join(file))]
}

/// A system with programs of its own.
fn other(
    [server, client]: &[Vec<String>; 2],
    name: &'static str,
    job: Job,
    word: &str,
    amount: Amount,
    note: &'static str,
) -> System {
    let server = Some([&server[..], &words(&serving(job, word))].concat());
    let client = [&client[..], &work(job, word)].concat();
    System { name, job, amount, server, client, note }
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
