//! The hostile clients, all in one separate process.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, ensure};
use cpu_time::ProcessTime;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::kept::{Flood, Flooding};
use super::messages::{FIRST_QUESTION, Vote, opening};
use super::process;

/// Flooding clients. The first passes a sink with each vote and keeps its connection when the
/// server stops reading; the second passes none and reconnects.
pub(super) const FLOODS: usize = 2;

/// The most votes that they send together.
const FLOOD_VOTES_MAX: u64 = 1_000_000;

/// Votes in one write.
const WRITTEN_VOTES: u64 = 64;

/// Connections that each vote once, with a sink that never answers.
pub(super) const SINKS: usize = 1_000;

/// Connections that fill what the server keeps for a client, a part of them each table.
pub(super) const KEEPING: usize = 360;

/// Connections that send nothing, or half a message header.
pub(super) const HALF_OPEN: usize = 1_000;

/// Connections that send random bytes: in all, and at a time.
const RANDOM: usize = 10_000;
pub(super) const RANDOM_AT_ONCE: usize = 32;

/// Random bytes on each of them.
const RANDOM_BYTES: usize = 4_096;

/// How long a connection waits for the server to close it.
const CLOSED_WAIT_MAX: Duration = Duration::from_secs(2);

/// Pause before the next attempt to connect.
const RECONNECT_PAUSE: Duration = Duration::from_millis(10);

/// How long a write of the reconnecting flood may block.
const WRITE_WAIT_MAX: Duration = Duration::from_secs(1);

/// A kind of hostile client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Send a million votes and read no answer.
    Flood,
    /// Vote with sinks that never answer.
    Sinks,
    /// Connect and send nothing or half a message header.
    HalfOpen,
    /// Connect and send random bytes.
    Random,
    /// Guess voter numbers. Measured by itself, see `guessing`.
    Guess,
    /// Issue, check and create without end, with stolen links. Measured by itself, see `links`.
    Links,
    /// Have the server keep answers, exceptions, capabilities and the like, and release nothing.
    Kept,
}

/// What the hostile clients sent.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Activity {
    /// Votes of the floods, and the connections they took.
    pub flood_votes: u64,
    pub flood_connections: u64,
    /// Connections with random bytes.
    pub random_connections: u64,
    /// Processor time of the hostile process.
    pub processor_seconds: f64,
}

/// The state shared by the hostile clients.
struct Crowd {
    address: SocketAddr,
    activity: RefCell<Activity>,
    /// Votes that the floods may still send.
    unsent: Cell<u64>,
    /// Connections that stay open.
    kept: RefCell<Vec<TcpStream>>,
}

/// Reads a line of voter numbers from stdin, one for each flood and each sink; prints `ready` once
/// the lasting connections are open; attacks until the next line or the end of stdin; prints the
/// [`Activity`] as JSON.
pub(super) async fn attack(address: SocketAddr, seconds: u64, only: &[Kind]) -> anyhow::Result<()> {
    let has = |kind| only.is_empty() || only.contains(&kind);
    let numbers: Vec<u64> =
        process::given()?.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let needed = FLOODS + SINKS;
    ensure!(numbers.len() == needed, "{needed} numbers are needed");
    let crowd = Rc::new(Crowd {
        address,
        activity: RefCell::default(),
        unsent: Cell::new(FLOOD_VOTES_MAX),
        kept: RefCell::default(),
    });
    let (floods, sinks) = numbers.split_at(FLOODS);
    if has(Kind::Sinks) {
        crowd.connect_sinks(sinks).await?;
    }
    if has(Kind::HalfOpen) {
        crowd.connect_half_open().await?;
    }
    for (index, number) in floods.iter().copied().enumerate().filter(|_| has(Kind::Flood)) {
        let crowd = crowd.clone();
        spawn_local(async move { crowd.flood(index == 0, number).await });
    }
    for index in (0..RANDOM_AT_ONCE).filter(|_| has(Kind::Random)) {
        let crowd = crowd.clone();
        spawn_local(async move { crowd.send_random(index, seconds).await });
    }
    let mut floods = Vec::new();
    for flood in Flood::ALL.into_iter().filter(|_| has(Kind::Kept)) {
        let (connections, entries) = (KEEPING / Flood::ALL.len(), flood.entries_max());
        floods.push(Flooding::start(address, flood, connections, entries, true).await?);
    }
    process::ready().await?;
    let mut activity = *crowd.activity.borrow();
    activity.flood_votes = FLOOD_VOTES_MAX - crowd.unsent.get();
    activity.processor_seconds = ProcessTime::now().as_duration().as_secs_f64();
    process::done(&activity)
}

impl Crowd {
    /// Opens a connection for each number and votes on it, with a sink that never answers.
    async fn connect_sinks(&self, numbers: &[u64]) -> anyhow::Result<()> {
        let (opening, vote) = (opening()?, Vote::new(true)?);
        for number in numbers {
            let mut sent = opening.clone();
            vote.append(FIRST_QUESTION, *number, &mut sent);
            self.keep(&sent).await.context("a sink")?;
        }
        Ok(())
    }

    /// Opens connections that send nothing or half a message header.
    async fn connect_half_open(&self) -> anyhow::Result<()> {
        for index in 0..HALF_OPEN {
            let sent: &[u8] = if index % 2 == 0 { &[] } else { &[0; 4] };
            self.keep(sent).await.context("half-open")?;
        }
        Ok(())
    }

    /// Opens a connection, sends these bytes and keeps it open.
    async fn keep(&self, sent: &[u8]) -> anyhow::Result<()> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.write_all(sent).await?;
        self.kept.borrow_mut().push(stream);
        Ok(())
    }

    /// Votes as fast as the server reads, and reads nothing. Reconnects when the connection fails
    /// and, without a sink, also when a write blocks for [`WRITE_WAIT_MAX`].
    async fn flood(&self, sink: bool, number: u64) -> anyhow::Result<()> {
        let (opening, vote) = (opening()?, Vote::new(sink)?);
        let mut unwritten = Vec::new();
        while self.unsent.get() > 0 {
            let Ok(mut stream) = TcpStream::connect(self.address).await else {
                sleep(RECONNECT_PAUSE).await;
                continue;
            };
            self.activity.borrow_mut().flood_connections += 1;
            unwritten.clone_from(&opening);
            let mut question = FIRST_QUESTION;
            let patience = if sink { Duration::MAX } else { WRITE_WAIT_MAX };
            while self.unsent.get() > 0
                && matches!(timeout(patience, stream.write_all(&unwritten)).await, Ok(Ok(())))
            {
                unwritten.clear();
                for _ in 0..WRITTEN_VOTES {
                    vote.append(question, number, &mut unwritten);
                    question += 1;
                }
                self.unsent.set(self.unsent.get().saturating_sub(WRITTEN_VOTES));
            }
            if self.unsent.get() == 0 {
                self.kept.borrow_mut().push(stream);
            }
        }
        Ok(())
    }

    /// Sends random bytes over one connection after another, spread over `seconds`.
    async fn send_random(&self, index: usize, seconds: u64) -> anyhow::Result<()> {
        let begun = Instant::now();
        let mut bytes = [0; RANDOM_BYTES];
        for turn in (index..RANDOM).step_by(RANDOM_AT_ONCE) {
            sleep_until(begun + Duration::from_secs(seconds) * turn as u32 / RANDOM as u32).await;
            getrandom::fill(&mut bytes)?;
            if (turn / RANDOM_AT_ONCE).is_multiple_of(2) {
                // A valid header of one segment, so the server reads to the end of the message.
                bytes[..4].fill(0);
                bytes[4..8].copy_from_slice(&(RANDOM_BYTES as u32 / 8 - 1).to_le_bytes());
            }
            let Ok(mut stream) = TcpStream::connect(self.address).await else { continue };
            self.activity.borrow_mut().random_connections += 1;
            let closed = async {
                stream.write_all(&bytes).await?;
                stream.read_to_end(&mut Vec::new()).await
            };
            // The server may close it at any point.
            let _ = timeout(CLOSED_WAIT_MAX, closed).await;
        }
        Ok(())
    }
}
