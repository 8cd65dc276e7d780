//! The hostile clients, all in one process of their own.

use std::cell::{Cell, RefCell};
use std::io::{Write, stdin, stdout};
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

use super::messages::{FIRST_QUESTION, Vote, opening};

/// Clients that flood: one with a sink for each vote, which stays when it is not read any more, and one without, which
/// then comes again.
pub(super) const FLOODS: usize = 2;

/// The votes that they send together, at most.
const FLOOD_VOTES_MAX: u64 = 1_000_000;

/// The votes of one write.
const WRITTEN_VOTES: u64 = 64;

/// Connections that each vote once, with a sink that never answers.
pub(super) const SINKS: usize = 1_000;

/// Connections that say nothing, or half the head of a message.
pub(super) const HALF_OPEN: usize = 1_000;

/// Connections that say random bytes, and how many of them there are at a time.
const RANDOM: usize = 10_000;
pub(super) const RANDOM_AT_ONCE: usize = 32;

/// The random bytes of a connection.
const RANDOM_BYTES: usize = 4_096;

/// How long a connection waits for the server to close it, and for another try to connect.
const CLOSED_WAIT_MAX: Duration = Duration::from_secs(2);
const CONNECT_AGAIN_AFTER: Duration = Duration::from_millis(10);

/// How long a flood that comes again waits for the server to take more.
const TAKEN_WAIT_MAX: Duration = Duration::from_secs(1);

/// A kind of hostile clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Send a million votes, and read no answer.
    Flood,
    /// Vote with sinks that never answer.
    Sinks,
    /// Connect, and say nothing or half the head of a message.
    HalfOpen,
    /// Connect, and say random bytes.
    Random,
}

/// What the crowd did.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Deeds {
    /// Votes that the flood has sent, and the connections that it took.
    pub flood_votes: u64,
    pub flood_connections: u64,
    /// Connections that said random bytes.
    pub random_connections: u64,
    /// The processor time that the crowd took.
    pub processor_seconds: f64,
}

/// Where the server is, and what was done to it.
struct Crowd {
    address: SocketAddr,
    deeds: RefCell<Deeds>,
    unsent: Cell<u64>,
    /// Connections that stay.
    kept: RefCell<Vec<TcpStream>>,
}

/// Reads voter numbers from stdin, one for each flood and each sink, is hostile until stdin ends, and says then what it
/// did. Says `ready` when all that stay have connected.
pub(super) async fn drive(address: SocketAddr, seconds: u64, only: &[Kind]) -> anyhow::Result<()> {
    let has = |kind| only.is_empty() || only.contains(&kind);
    let mut line = String::new();
    stdin().read_line(&mut line)?;
    let numbers: Vec<u64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let needed = FLOODS + SINKS;
    ensure!(numbers.len() == needed, "{needed} numbers are needed");
    let crowd = Rc::new(Crowd {
        address,
        deeds: RefCell::default(),
        unsent: Cell::new(FLOOD_VOTES_MAX),
        kept: RefCell::default(),
    });
    let (floods, sinks) = numbers.split_at(FLOODS);
    if has(Kind::Sinks) {
        crowd.vote_once(sinks).await?;
    }
    if has(Kind::HalfOpen) {
        crowd.stay_silent().await?;
    }
    for (index, number) in floods.iter().copied().enumerate().filter(|_| has(Kind::Flood)) {
        let crowd = crowd.clone();
        spawn_local(async move { crowd.flood(index == 0, number).await });
    }
    for index in (0..RANDOM_AT_ONCE).filter(|_| has(Kind::Random)) {
        let crowd = crowd.clone();
        spawn_local(async move { crowd.babble(index, seconds).await });
    }
    say("ready")?;
    let ended = tokio::task::spawn_blocking(|| stdin().read_line(&mut String::new()));
    ended.await??;
    let mut deeds = *crowd.deeds.borrow();
    deeds.flood_votes = FLOOD_VOTES_MAX - crowd.unsent.get();
    deeds.processor_seconds = ProcessTime::now().as_duration().as_secs_f64();
    say(&serde_json::to_string(&deeds)?)
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut stdout = stdout();
    Ok(writeln!(stdout, "{line}").and_then(|()| stdout.flush())?)
}

impl Crowd {
    /// Votes once over each of many connections, with a sink that never answers.
    async fn vote_once(&self, numbers: &[u64]) -> anyhow::Result<()> {
        let (opening, vote) = (opening()?, Vote::new(true)?);
        for number in numbers {
            let mut said = opening.clone();
            vote.append(FIRST_QUESTION, *number, &mut said);
            self.keep(&said).await.context("a sink")?;
        }
        Ok(())
    }

    /// Connects, and says nothing or half the head of a message.
    async fn stay_silent(&self) -> anyhow::Result<()> {
        for index in 0..HALF_OPEN {
            let said: &[u8] = if index % 2 == 0 { &[] } else { &[0; 4] };
            self.keep(said).await.context("half-open")?;
        }
        Ok(())
    }

    async fn keep(&self, said: &[u8]) -> anyhow::Result<()> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.write_all(said).await?;
        self.kept.borrow_mut().push(stream);
        Ok(())
    }

    /// Votes as fast as the server takes it, and reads nothing. Comes again where it is cut; without a sink also where
    /// the server takes nothing more.
    async fn flood(&self, sink: bool, number: u64) -> anyhow::Result<()> {
        let (opening, vote) = (opening()?, Vote::new(sink)?);
        let mut said = Vec::new();
        while self.unsent.get() > 0 {
            let Ok(mut stream) = TcpStream::connect(self.address).await else {
                sleep(CONNECT_AGAIN_AFTER).await;
                continue;
            };
            self.deeds.borrow_mut().flood_connections += 1;
            said.clone_from(&opening);
            let mut question = FIRST_QUESTION;
            let patience = if sink { Duration::MAX } else { TAKEN_WAIT_MAX };
            while self.unsent.get() > 0
                && matches!(timeout(patience, stream.write_all(&said)).await, Ok(Ok(())))
            {
                said.clear();
                for _ in 0..WRITTEN_VOTES {
                    vote.append(question, number, &mut said);
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

    /// Says random bytes over one connection after the other, spread over `seconds`.
    async fn babble(&self, index: usize, seconds: u64) -> anyhow::Result<()> {
        let begun = Instant::now();
        let mut bytes = [0; RANDOM_BYTES];
        for turn in (index..RANDOM).step_by(RANDOM_AT_ONCE) {
            sleep_until(begun + Duration::from_secs(seconds) * turn as u32 / RANDOM as u32).await;
            getrandom::fill(&mut bytes)?;
            if (turn / RANDOM_AT_ONCE).is_multiple_of(2) {
                // One message of so many words: it is read to its end.
                bytes[..4].fill(0);
                bytes[4..8].copy_from_slice(&(RANDOM_BYTES as u32 / 8 - 1).to_le_bytes());
            }
            let Ok(mut stream) = TcpStream::connect(self.address).await else { continue };
            self.deeds.borrow_mut().random_connections += 1;
            let closed = async {
                stream.write_all(&bytes).await?;
                stream.read_to_end(&mut Vec::new()).await
            };
            // The server closes it as it likes.
            let _ = timeout(CLOSED_WAIT_MAX, closed).await;
        }
        Ok(())
    }
}
