//! Idle connections of many addresses, which take all places: whether voters from everywhere get in.
//!
//! A server that trusts this machine as a proxy is told by the PROXY protocol where each connection
//! comes from.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use capvote::client::{Ballot, Client, VoteOutcome};
use capvote::election::VoterNumber;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::server::{self, ANY_PORT, BOARD, Server};

/// The addresses of the idle connections.
const ADDRESSES: usize = 20;

/// The idle connections of each. With other files, the process may open 20,000.
const IDLE: usize = 950;

/// Open-file limit of this process.
const FILES: u64 = 20_000;

/// The voters of each address, and of another one.
const VOTERS: usize = 5;

/// A vote takes at most this long.
const VOTE_WAIT_MAX: Duration = Duration::from_secs(5);

/// Takes all places of a server of its own, and votes from each address. Returns whether every
/// vote was recorded in time.
pub(super) fn attack(program: &Path) -> anyhow::Result<bool> {
    rlimit::increase_nofile_limit(FILES)?;
    let data = tempfile::tempdir()?;
    let voters = ((ADDRESSES + 1) * VOTERS).to_string();
    let arguments = [&BOARD[..], &["--voters", &voters, "--proxy", "127.0.0.0/8"]].concat();
    let server = Server::start(program, ANY_PORT, data.path(), &arguments)?;
    let address = server.link.strip_prefix("capvote://").context("not a TCP link")?;
    let mut idle = Vec::new();
    for index in 0..ADDRESSES * IDLE {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(header(index % ADDRESSES).as_bytes())?;
        idle.push(stream);
    }
    let numbers = server::numbers(data.path())?;
    let (mut slowest, mut lost) = (Duration::ZERO, 0);
    let runtime = crate::runtime()?;
    for (index, number) in numbers.into_iter().enumerate() {
        let begun = Instant::now();
        let voted = timeout(VOTE_WAIT_MAX, vote(address, index % (ADDRESSES + 1), number));
        if !runtime.block_on(async { voted.await.is_ok_and(|voted| voted.is_ok()) }) {
            lost += 1;
        }
        slowest = slowest.max(begun.elapsed());
    }
    eprintln!(
        "{} idle connections from {ADDRESSES} addresses: {lost} of {voters} votes were not \
         recorded, the slowest took {} ms",
        idle.len(),
        slowest.as_millis()
    );
    Ok(lost == 0)
}

async fn vote(server: &str, origin: usize, number: VoterNumber) -> anyhow::Result<()> {
    let mut stream = tokio::net::TcpStream::connect(server).await?;
    stream.write_all(header(origin).as_bytes()).await?;
    let ballot = Ballot::new("Ada", number)?;
    let outcome = Client::over(stream).election("board").vote(&ballot, |_| {}).await?;
    ensure!(matches!(outcome, VoteOutcome::Recorded(_)), "{outcome:?}");
    Ok(())
}

fn header(origin: usize) -> String {
    format!("PROXY TCP4 192.0.2.{origin} 127.0.0.1 50000 12358\r\n")
}
