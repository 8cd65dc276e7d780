//! How long it takes from the start of a program to its first vote.
//!
//! The server is the benchmark's `serve-ledger`, which opens a ledger and listens as capvote's own
//! program does. The ledger is in the page cache.

use std::io::{Write, stdout};
use std::time::Instant;

use anyhow::ensure;
use capvote::client::{Ballot, Client, VoteOutcome};
use capvote::net::link::Link;
use serde::Serialize;

use super::Filled;
use super::helper::{Helper, command};
use super::server::{Server, number};
use crate::peers::{self, CANDIDATE};
use crate::report::median;

/// All measurements: medians, in milliseconds.
#[derive(Serialize)]
pub struct Starts {
    pub servers: Vec<ServerStart>,
    /// From the start of a client's process to the call of its sink.
    pub voter_ms: f64,
}

/// The start of a server with one size of roll.
#[derive(Serialize)]
pub struct ServerStart {
    pub numbers: u64,
    /// Ballots in the ledger when it opens.
    pub ballots: u64,
    /// Until it accepts connections.
    pub accepts_ms: f64,
    /// Until a voter, who waits for that, has a vote recorded.
    pub voted_ms: f64,
}

pub(super) fn measure(ledgers: &[Filled], rounds: usize) -> anyhow::Result<Starts> {
    let (mut servers, mut voter) = (Vec::new(), Vec::new());
    for ledger in ledgers {
        let copy = ledger.copy()?;
        // Numbers that have not voted, from the last.
        let mut unused = (0..ledger.numbers).rev();
        let mut next = || unused.next().unwrap_or_default();
        let (mut accepts, mut voted) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let runtime = peers::local()?;
            let begun = Instant::now();
            let since = || begun.elapsed().as_secs_f64() * 1e3;
            let server = Server::start(copy.path(), 2, "capvote")?;
            accepts.push(since());
            runtime.block_on(vote(&server.link.parse()?, next(), || ()))?;
            voted.push(since());

            let begun = Instant::now();
            let index = next().to_string();
            let mut client = Helper::start(command(&["first-vote", &server.link, &index])?)?;
            ensure!(client.line()? == "told", "the voter was not told");
            voter.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        let [accepts_ms, voted_ms] = [accepts, voted].map(median);
        let (numbers, ballots) = (ledger.numbers, ledger.ballots);
        eprintln!("{numbers} numbers: accepts after {accepts_ms:.0} ms");
        servers.push(ServerStart { numbers, ballots, accepts_ms, voted_ms });
    }
    Ok(Starts { servers, voter_ms: median(voter) })
}

/// A voter's process: votes under the number with this index, and prints `told` when its sink is
/// called.
pub fn first_vote(link: &str, index: u64) -> anyhow::Result<()> {
    let told = || _ = writeln!(stdout(), "told").and_then(|()| stdout().flush());
    peers::local()?.block_on(vote(&link.parse()?, index, told))
}

async fn vote(link: &Link, index: u64, mut told: impl FnMut()) -> anyhow::Result<()> {
    let client = Client::connect(link).await?;
    let ballot = Ballot::new(CANDIDATE, number(index))?;
    let outcome = client.election("board").vote(&ballot, |_| told()).await?;
    ensure!(matches!(outcome, VoteOutcome::Recorded(_)), "not recorded: {outcome:?}");
    Ok(())
}
