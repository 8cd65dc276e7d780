//! How the cost of a vote grows with the roll, the ballots in the ledger and the threads; what an
//! idle connection costs; and how long the first vote takes. What a crowd costs is a job of the
//! comparison.

mod crowd;
mod helper;
mod page;
mod server;
mod starts;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use serde::Serialize;

use self::crowd::Crowd;
pub use self::crowd::drive;
pub use self::page::{pictures, tables};
use self::server::Server;
pub use self::server::{fill, serve};
pub use self::starts::{Starts, first_vote};
use crate::report::median;

/// The sizes of the roll, and the ballots in the ledger before the measurement. Each number votes
/// once, so there have to be more numbers than ballots.
const SIZES: [(u64, u64); 4] =
    [(10_000, 0), (1_000_000, 0), (10_000_000, 5_000_000), (50_000_000, 20_000_000)];

/// Votes in one burst: as many as the smallest roll has numbers.
const BURST: u64 = 10_000;

/// Idle connections to measure, and the schemes of links to connect by.
const IDLE: u64 = 10_000;
const SCHEMES: [(&str, &str); 3] = [("capvote", "TCP"), ("capvotes", "TLS"), ("http", "WebSocket")];

/// Votes with each number of shards.
const SHARDS_VOTES: u64 = 200_000;

/// Votes in flight, over all connections.
const IN_FLIGHT: u64 = 256;

/// All measurements.
#[derive(Serialize)]
pub struct Growth {
    pub rolls: Vec<RollRow>,
    pub starts: Starts,
    pub idle: Vec<IdleRow>,
    pub shards: Vec<ShardsRow>,
}

/// The measurement of one size of roll.
#[derive(Serialize)]
pub struct RollRow {
    pub numbers: u64,
    /// Ballots in the ledger when it opens.
    pub ballots: u64,
    /// Memory of the server after opening, beyond that with the smallest roll, per voter number.
    pub bytes_a_number: f64,
    pub server_mib: f64,
    /// Size of the ledger file.
    pub file_mib: f64,
    /// Median of the bursts.
    pub votes_a_second: f64,
    /// Median of the ratios to the smallest roll in the same round.
    pub ratio: f64,
    pub votes_a_commit: f64,
    /// Percentiles over the commits of all bursts.
    pub commit_p50_ms: f64,
    pub commit_p99_ms: f64,
}

/// The measurement of idle connections of one kind.
#[derive(Serialize)]
pub struct IdleRow {
    pub over: &'static str,
    pub connections: u64,
    /// Memory of the server for each, after its first call.
    pub kib: f64,
    /// The same after a vote on each.
    pub voted_kib: f64,
}

/// The measurement of one number of shards.
#[derive(Serialize)]
pub struct ShardsRow {
    pub shards: usize,
    pub votes_a_second: f64,
    /// Processor time of the server per vote.
    pub micros_a_vote: f64,
    /// Median of the ratios of this time to that with one shard, in the same round.
    pub ratio: f64,
}

/// Measures growth, with files in `scratch`. Divides all sizes by `divisor`.
pub fn measure(scratch: &Path, rounds: usize, divisor: u64) -> anyhow::Result<Growth> {
    let folder = tempfile::tempdir_in(scratch)?;
    let mut ledgers = Vec::new();
    for (numbers, ballots) in SIZES.map(|(numbers, ballots)| (numbers / divisor, ballots / divisor))
    {
        let ledger = folder.path().join(numbers.to_string());
        eprintln!("a ledger of {numbers} numbers and {ballots} ballots ...");
        server::make(&ledger, numbers, ballots)?;
        ledgers.push(Filled { folder: ledger, numbers, ballots });
    }
    Ok(Growth {
        rolls: rolls(&ledgers, rounds, BURST / divisor)?,
        starts: starts::measure(&ledgers, rounds)?,
        idle: idle(&ledgers, rounds, IDLE / divisor)?,
        shards: shards(&ledgers, rounds, divisor)?,
    })
}

/// A ledger that was filled for the measurement.
struct Filled {
    folder: PathBuf,
    numbers: u64,
    ballots: u64,
}

impl Filled {
    /// A copy to vote in.
    fn copy(&self) -> anyhow::Result<tempfile::TempDir> {
        let folder = self.folder.parent().context("the ledger's folder has no parent")?;
        let copy = tempfile::tempdir_in(folder)?;
        let mut program = Command::new("cp");
        let status = program.arg("-a").arg(self.folder.join(".")).arg(copy.path()).status()?;
        ensure!(status.success(), "copying a ledger ended with {status}");
        Ok(copy)
    }
}

/// A server with a copy of a ledger.
struct Opened {
    server: Server,
    /// Removed on drop.
    _folder: tempfile::TempDir,
    /// Memory before the first vote.
    memory_mib: f64,
}

impl Opened {
    fn new(ledger: &Filled) -> anyhow::Result<Self> {
        let folder = ledger.copy()?;
        let server = Server::start(folder.path(), 2, "capvote")?;
        let memory_mib = server.memory_mib();
        Ok(Self { server, _folder: folder, memory_mib })
    }
}

fn rolls(ledgers: &[Filled], rounds: usize, burst: u64) -> anyhow::Result<Vec<RollRow>> {
    let mut opened = Vec::new();
    for ledger in ledgers {
        opened.push(Opened::new(ledger)?);
    }
    let mut rates = vec![Vec::new(); ledgers.len()];
    let mut commits = vec![Vec::new(); ledgers.len()];
    // The ledgers take turns, so other load on the machine affects all of them alike. Bursts are
    // short, so there are more of them than rounds.
    let bursts = rounds as u64 * 5;
    for round in 0..bursts {
        for (index, ledger) in ledgers.iter().enumerate() {
            // The smallest roll has numbers for one burst only: it gets a new copy for each.
            let mut fresh = if index == 0 { Some(Opened::new(ledger)?) } else { None };
            let first = if index == 0 { 0 } else { ledger.ballots + round * burst };
            let server = &mut fresh.as_mut().unwrap_or(&mut opened[index]).server;
            let mut crowd = Crowd::connect(&server.link, 16)?;
            rates[index].push(crowd.vote(IN_FLIGHT, first, burst)?);
            commits[index].extend(server.commits()?);
        }
    }
    let smallest_mib = opened[0].memory_mib;
    let mut rows = Vec::new();
    for (index, (ledger, opened)) in ledgers.iter().zip(&opened).enumerate() {
        commits[index].sort_by(f64::total_cmp);
        let commits = &commits[index];
        let at = |share: f64| commits[(share * (commits.len() - 1) as f64) as usize] * 1e3;
        let beyond_mib = opened.memory_mib - smallest_mib;
        let file = ledger.folder.join("ledger.sqlite").metadata()?.len();
        let ratios = rates[index].iter().zip(&rates[0]).map(|(this, smallest)| this / smallest);
        rows.push(RollRow {
            numbers: ledger.numbers,
            ballots: ledger.ballots,
            bytes_a_number: beyond_mib * f64::from(1 << 20) / ledger.numbers as f64,
            server_mib: opened.memory_mib,
            file_mib: file as f64 / f64::from(1 << 20),
            votes_a_second: median(rates[index].clone()),
            ratio: median(ratios.collect()),
            votes_a_commit: (bursts * burst) as f64 / commits.len() as f64,
            commit_p50_ms: at(0.5),
            commit_p99_ms: at(0.99),
        });
    }
    Ok(rows)
}

fn idle(ledgers: &[Filled], rounds: usize, connections: u64) -> anyhow::Result<Vec<IdleRow>> {
    let mut measured = [const { (Vec::new(), Vec::new()) }; SCHEMES.len()];
    let copy = ledgers[1].copy()?;
    let mut first = ledgers[1].ballots;
    for _ in 0..rounds {
        for ((scheme, _), (kibs, voted_kibs)) in SCHEMES.iter().zip(&mut measured) {
            // A new server: one keeps memory that it has allocated.
            let server = Server::start(copy.path(), 2, scheme)?;
            let before = server.memory_mib();
            let kib = || (server.memory_mib() - before) * 1024.0 / connections as f64;
            let mut crowd = Crowd::connect(&server.link, connections)?;
            kibs.push(kib());
            crowd.vote(connections, first, connections)?;
            first += connections;
            voted_kibs.push(kib());
            eprintln!("{connections} connections by {scheme}: {kibs:.1?}, {voted_kibs:.1?} KiB");
        }
    }
    let row = |((_, over), (kib, voted_kib))| {
        let [kib, voted_kib] = [kib, voted_kib].map(median);
        IdleRow { over, connections, kib, voted_kib }
    };
    Ok(SCHEMES.into_iter().zip(measured).map(row).collect())
}

fn shards(ledgers: &[Filled], rounds: usize, divisor: u64) -> anyhow::Result<Vec<ShardsRow>> {
    let ledger = &ledgers[1];
    let votes = SHARDS_VOTES / divisor;
    let mut measured = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (index, measured) in measured.iter_mut().enumerate() {
            let copy = ledger.copy()?;
            let server = Server::start(copy.path(), index + 1, "capvote")?;
            let mut crowd = Crowd::connect(&server.link, 16)?;
            let before = server.processor_seconds();
            let rate = crowd.vote(IN_FLIGHT, ledger.ballots, votes)?;
            let micros = (server.processor_seconds() - before) * 1e6 / votes as f64;
            eprintln!("{} shards: {micros:.1} µs a vote, {rate:.0} votes/s", index + 1);
            measured.push((rate, micros));
        }
    }
    let rows = measured.iter().enumerate().map(|(index, rounds)| {
        let ratios = rounds.iter().zip(&measured[0]).map(|(this, one)| this.1 / one.1);
        ShardsRow {
            shards: index + 1,
            votes_a_second: median(rounds.iter().map(|it| it.0).collect()),
            micros_a_vote: median(rounds.iter().map(|it| it.1).collect()),
            ratio: median(ratios.collect()),
        }
    });
    Ok(rows.collect())
}
