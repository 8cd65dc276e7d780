//! The systems to measure: each with its jobs, and the commands that run them.

use std::env;
use std::path::{Path, PathBuf};

use crate::jobs::Job;

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

use Amount::{Megabytes, Votes};

/// The folders of the peers that are not in Rust.
pub struct Peers {
    pub sources: PathBuf,
    pub venv: PathBuf,
    pub cpp: PathBuf,
}

const DURABLE: &str = "durable: answered after the sync";
const MEMORY: &str = "in memory: nothing survives the process";
const INSERTED: &str = "durable: one POST and one INSERT a vote; no callback";
const VATS: &str = "one call and its callback, with nothing behind; one thread";
const ECHOED: &str = "256 bytes echoed; one thread";

/// Every system at each of its jobs. capvote, which the others are compared with, comes first.
pub fn all(peers: &Peers) -> Vec<System> {
    let mut all = crowd();
    all.extend(votes());
    all.extend(lines());
    all.extend(rpyc(peers));
    all.extend(polled(peers));
    all.extend(pycapnp(peers));
    all.extend(cpp(peers));
    all.extend(on_postgres(peers));
    all
}

/// Who comes one by one, and who stands by.
fn crowd() -> Vec<System> {
    use Job::{Arrive, ArriveResumed, ArriveTls, ArriveWeb, Stand10, Stand1000, Stand10000};
    let arrivals = Votes(20_000);
    let mut crowd = vec![
        own("capvote", "capvote", Arrive, arrivals, DURABLE),
        own("capvote, no disk", "capvote-no-disk", Arrive, arrivals, MEMORY),
        own("tonic", "tonic", Arrive, arrivals, "in memory; a channel and a stream for each"),
        own("axum, SQLite", "axum-sqlite", Arrive, Votes(10_000), INSERTED),
        own("accept, echo, close", "accept", Arrive, arrivals, ECHOED),
        own("accept, echo, close: io_uring", "accept-uring", Arrive, arrivals, ECHOED),
        own("capnp-rpc alone", "vats", Arrive, arrivals, VATS),
        own("capvote", "capvote", ArriveTls, Votes(10_000), DURABLE),
        own("rustls: accept, echo, close", "accept", ArriveTls, Votes(10_000), ECHOED),
        own("capvote", "capvote", ArriveResumed, arrivals, DURABLE),
        own("rustls: accept, echo, close", "accept", ArriveResumed, arrivals, ECHOED),
        own("capvote", "capvote", ArriveWeb, arrivals, DURABLE),
    ];
    for job in [Stand10, Stand1000, Stand10000] {
        let streamed = "in memory; an unanswered message in place of a callback";
        crowd.push(own("capvote", "capvote", job, Votes(100_000), DURABLE));
        crowd.push(own("tonic stream", "tonic", job, Votes(200_000), streamed));
    }
    crowd
}

fn votes() -> Vec<System> {
    use Job::{Alone, Votes as Many};
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
    ]
}

fn lines() -> Vec<System> {
    use Job::{Far, Lines};
    vec![
        own("capvote", "capvote", Lines, Megabytes(1_000), ""),
        own("capvote, stock network", "capvote-stock", Lines, Megabytes(1_000), ""),
        own("loopback echo", "echo", Lines, Megabytes(1_000), "the same bytes echoed"),
        own("capvote", "capvote", Far, Megabytes(1_000), ""),
        own("capvote, stock network", "capvote-stock", Far, Megabytes(1_000), ""),
        own("the path itself", "echo", Far, Megabytes(1_000), "the same bytes echoed"),
    ]
}

/// Either side has a thread for each connection. 10,000 of them did not connect within two minutes.
fn rpyc(peers: &Peers) -> Vec<System> {
    use Job::{Arrive, Far, Lines, Stand10, Stand1000, Votes as Many};
    let one_call = "in memory; one call at a time per connection";
    let threads = "in memory; a thread for each connection";
    let jobs = [
        ("RPyC, at its best", Arrive, "", Votes(5_000), MEMORY),
        ("RPyC, as in the handout", Arrive, "-handout", Votes(2_000), MEMORY),
        ("RPyC, at its best", Stand10, "", Votes(10_000), threads),
        ("RPyC, at its best", Stand1000, "", Votes(10_000), threads),
        ("RPyC, at its best", Many, "", Votes(10_000), MEMORY),
        ("RPyC, as in the handout", Many, "-handout", Votes(5_000), one_call),
        ("RPyC, as in the handout", Lines, "-handout", Megabytes(1), ""),
        ("RPyC, buffiter and async", Lines, "-best", Megabytes(4), ""),
        ("RPyC, batches", Lines, "-batched", Megabytes(50), ""),
        ("RPyC, batches", Far, "-batched", Megabytes(4), ""),
    ];
    let programs = ["server.py", "client.py"].map(|file| script(peers, "rpyc", file));
    jobs.map(|(name, job, kind, amount, note)| other(&programs, name, job, kind, amount, note))
        .into()
}

/// Python's XML-RPC and JSON-RPC, which have no callbacks.
fn polled(peers: &Peers) -> [System; 2] {
    let programs = ["server.py", "client.py"].map(|file| script(peers, "polled", file));
    let note = "in memory; no callback: each voter asks once for the message";
    let of = |name, kind| other(&programs, name, Job::Arrive, kind, Votes(2_000), note);
    [of("XML-RPC, Python", "-xml"), of("JSON-RPC, Python", "-json")]
}

fn pycapnp(peers: &Peers) -> Vec<System> {
    let programs = ["server.py", "client.py"].map(|file| script(peers, "pycapnp", file));
    let of = |job, amount, note| other(&programs, "pycapnp", job, "", amount, note);
    vec![
        of(Job::Votes, Votes(20_000), MEMORY),
        of(Job::Lines, Megabytes(100), ""),
        of(Job::Far, Megabytes(4), ""),
    ]
}

fn cpp(peers: &Peers) -> Vec<System> {
    let programs = ["server", "client"].map(|program| vec![text(&peers.cpp.join(program))]);
    let of = |job, amount, note| other(&programs, "C++ Cap'n Proto", job, "", amount, note);
    vec![
        of(Job::Arrive, Votes(20_000), MEMORY),
        of(Job::Stand10, Votes(50_000), MEMORY),
        of(Job::Stand1000, Votes(50_000), MEMORY),
        of(Job::Stand10000, Votes(50_000), MEMORY),
        of(Job::Votes, Votes(100_000), MEMORY),
        of(Job::Lines, Megabytes(500), ""),
        of(Job::Far, Megabytes(4), ""),
    ]
}

/// What has its votes in a database.
fn on_postgres(peers: &Peers) -> Vec<System> {
    use Job::{Arrive, ArriveResumed, ArriveTls, Stand10, Stand1000, Stand10000};
    let script = text(&peers.sources.join("postgres.sh"));
    let database = vec![script, "vote".into(), "AMOUNT".into()];
    let axum = |job, note| {
        let system = own("axum, PostgreSQL", "axum-postgres", job, Votes(20_000), note);
        below(&database, system)
    };
    let kept = "durable: one POST and one INSERT a vote, over kept connections; no callback";
    let note = "durable: one INSERT a vote; no callback";
    let alone = own("PostgreSQL", "postgres", Job::Votes, Votes(50_000), note);
    let note = "durable on a synchronous standby, too";
    let standby = own("capvote, PostgreSQL", "capvote-postgres", Job::Votes, Votes(200_000), note);
    let mut systems: Vec<_> =
        [Arrive, ArriveTls, ArriveResumed].map(|job| axum(job, INSERTED)).into();
    systems.extend([Stand10, Stand1000, Stand10000].map(|job| axum(job, kept)));
    systems.push(System { server: Some(database.clone()), ..alone });
    systems.push(below(&[text(&peers.sources.join("cluster.sh"))], standby));
    systems
}

/// The system with a server that the command line of its database starts.
fn below(database: &[String], system: System) -> System {
    let server = system.server.map(|server| [database, &server].concat());
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
    kind: &str,
    amount: Amount,
    note: &'static str,
) -> System {
    let server = Some([&server[..], &job.serving(kind)].concat());
    let client = [&client[..], &job.driving(kind)].concat();
    System { name, job, amount, server, client, note }
}

/// A system whose server and client are commands of this program.
fn own(name: &'static str, peer: &str, job: Job, amount: Amount, note: &'static str) -> System {
    let me = text(&env::current_exe().unwrap_or_default());
    let command = |word: &str| vec![me.clone(), word.into(), peer.into()];
    let mut system = other(&[command("serve"), command("drive")], name, job, "", amount, note);
    // It has no server.
    system.server = system.server.filter(|_| peer != "sync");
    system
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
