//! Idle connections of many addresses, which take all places: whether voters from everywhere get
//! in.
//!
//! A server that trusts this machine as a proxy is told by the PROXY protocol where each connection
//! comes from.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use capvote::client::{Ballot, Client, VoteOutcome};
use capvote::election::VoterNumber;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
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
    let address = server.link.strip_prefix("capvote://").context("not a TCP link")?.parse()?;
    let numbers = server::numbers(data.path())?;
    crate::runtime()?.block_on(async {
        let mut idle = Vec::new();
        for index in 0..ADDRESSES * IDLE {
            idle.push(connect(address, index % ADDRESSES).await?);
        }
        let (mut slowest, mut lost) = (Duration::ZERO, 0);
        for (index, number) in numbers.into_iter().enumerate() {
            let begun = Instant::now();
            let voted = timeout(VOTE_WAIT_MAX, vote(address, index % (ADDRESSES + 1), number));
            lost += usize::from(!voted.await.is_ok_and(|voted| voted.is_ok()));
            slowest = slowest.max(begun.elapsed());
        }
        eprintln!(
            "{} idle connections from {ADDRESSES} addresses: {lost} of {voters} votes were not \
             recorded, the slowest took {} ms",
            idle.len(),
            slowest.as_millis()
        );
        Ok(lost == 0)
    })
}

/// Connects, and says that the connection comes from there.
async fn connect(server: SocketAddr, origin: usize) -> anyhow::Result<TcpStream> {
    // One loopback address has too few ports for all connections.
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from(([127, 0, 1, u8::try_from(origin)?], 0)))?;
    let mut stream = socket.connect(server).await?;
    let header = format!("PROXY TCP4 192.0.2.{origin} 127.0.0.1 50000 12358\r\n");
    stream.write_all(header.as_bytes()).await?;
    Ok(stream)
}

async fn vote(server: SocketAddr, origin: usize, number: VoterNumber) -> anyhow::Result<()> {
    let client = Client::over(connect(server, origin).await?);
    let outcome = client.election("board").vote(&Ballot::new("Ada", number)?, |_| {}).await?;
    ensure!(matches!(outcome, VoteOutcome::Recorded(_)), "{outcome:?}");
    Ok(())
}
