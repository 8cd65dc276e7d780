//! How the cost of a vote grows with the roll, the ballots in the ledger, the connections and the
//! threads.

mod crowd;
mod helper;
mod page;
mod server;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use self::crowd::Crowd;
pub use self::crowd::drive;
pub use self::page::{pictures, tables};
use self::server::Server;
pub use self::server::{fill, serve};
use crate::report::median;

/// The sizes of the roll, and the ballots in the ledger before the measurement. Each number votes
/// once, so there have to be more numbers than ballots.
const SIZES: [(u64, u64); 4] =
    [(10_000, 0), (1_000_000, 0), (10_000_000, 5_000_000), (50_000_000, 20_000_000)];

/// Votes in one burst: as many as the smallest roll has numbers.
const BURST: u64 = 10_000;

/// Numbers of connections to measure.
const CROWDS: [u64; 4] = [10, 100, 1_000, 10_000];

/// Votes over each number of connections.
const CROWD_VOTES: u64 = 100_000;

/// Votes in flight, over all connections.
const IN_FLIGHT: u64 = 256;

/// Voters with a connection each. Each connection occupies a port for a minute (TIME_WAIT).
const ARRIVALS: u64 = 8_000;

/// All measurements.
#[derive(Serialize)]
pub struct Growth {
    pub rolls: Vec<RollRow>,
    pub crowds: Vec<CrowdRow>,
    pub arrivals: Arrivals,
    pub shards: Vec<ShardsRow>,
}

/// Voters who each open a connection, vote and leave.
#[derive(Serialize)]
pub struct Arrivals {
    pub votes_a_second: f64,
    /// Processor time of the server per vote.
    pub micros_a_vote: f64,
    /// Peak memory of the server.
    pub server_mib: f64,
}

/// The measurement of one size of roll.
#[derive(Serialize)]
pub struct RollRow {
    pub numbers: u64,
    /// Ballots in the ledger when it opens.
    pub ballots: u64,
    /// How long the ledger takes to open.
    pub open_seconds: f64,
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

/// The measurement of one number of connections.
#[derive(Serialize)]
pub struct CrowdRow {
    pub connections: u64,
    /// Memory of the server per idle connection.
    pub idle_kib: f64,
    /// Over all connections.
    pub votes_a_second: f64,
    /// Median of the ratios to the fewest connections in the same round.
    pub ratio: f64,
    /// Peak memory of the server.
    pub server_mib: f64,
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
        crowds: crowds(&ledgers, rounds, divisor)?,
        arrivals: arrivals(&ledgers, rounds, divisor)?,
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
        for file in fs::read_dir(&self.folder)? {
            let file = file?;
            fs::copy(file.path(), copy.path().join(file.file_name()))?;
        }
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
        let server = Server::start(folder.path(), 2)?;
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
            let mut crowd = Crowd::connect(&server.address, 16)?;
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
            open_seconds: opened.server.open_seconds,
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

fn crowds(ledgers: &[Filled], rounds: usize, divisor: u64) -> anyhow::Result<Vec<CrowdRow>> {
    let mut measured = vec![Vec::new(); CROWDS.len()];
    // Each measurement gets a new server: one keeps memory that it has allocated.
    let ledger = &ledgers[1];
    let votes = CROWD_VOTES / divisor;
    for _ in 0..rounds {
        for (index, connections) in CROWDS.map(|it| (it / divisor).max(1)).into_iter().enumerate() {
            let copy = ledger.copy()?;
            let server = Server::start(copy.path(), 2)?;
            let before = server.memory_mib();
            let mut crowd = Crowd::connect(&server.address, connections)?;
            let idle_kib = (server.memory_mib() - before) * 1024.0 / connections as f64;
            let rate = crowd.vote(IN_FLIGHT.max(connections), ledger.ballots, votes)?;
            eprintln!("{connections} connections: {idle_kib:.1} KiB each, {rate:.0} votes/s");
            measured[index].push((connections, idle_kib, rate, server.peak_mib()));
        }
    }
    let rows = measured.iter().map(|rounds| {
        let ratios = rounds.iter().zip(&measured[0]).map(|(this, first)| this.2 / first.2);
        CrowdRow {
            connections: rounds[0].0,
            idle_kib: median(rounds.iter().map(|it| it.1).collect()),
            votes_a_second: median(rounds.iter().map(|it| it.2).collect()),
            ratio: median(ratios.collect()),
            server_mib: median(rounds.iter().map(|it| it.3).collect()),
        }
    });
    Ok(rows.collect())
}

fn arrivals(ledgers: &[Filled], rounds: usize, divisor: u64) -> anyhow::Result<Arrivals> {
    let ledger = &ledgers[1];
    let votes = ARRIVALS / divisor;
    let mut measured = Vec::new();
    for _ in 0..rounds {
        let copy = ledger.copy()?;
        let server = Server::start(copy.path(), 2)?;
        let mut crowd = Crowd::connect(&server.address, 0)?;
        let before = server.processor_seconds();
        let rate = crowd.vote(IN_FLIGHT, ledger.ballots, votes)?;
        let micros = (server.processor_seconds() - before) * 1e6 / votes as f64;
        eprintln!("a connection each: {micros:.1} µs a vote, {rate:.0} votes/s");
        measured.push((rate, micros, server.peak_mib()));
    }
    Ok(Arrivals {
        votes_a_second: median(measured.iter().map(|it| it.0).collect()),
        micros_a_vote: median(measured.iter().map(|it| it.1).collect()),
        server_mib: median(measured.iter().map(|it| it.2).collect()),
    })
}

fn shards(ledgers: &[Filled], rounds: usize, divisor: u64) -> anyhow::Result<Vec<ShardsRow>> {
    let ledger = &ledgers[1];
    let votes = CROWD_VOTES * 2 / divisor;
    let mut measured = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (index, measured) in measured.iter_mut().enumerate() {
            let copy = ledger.copy()?;
            let server = Server::start(copy.path(), index + 1)?;
            let mut crowd = Crowd::connect(&server.address, 16)?;
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
