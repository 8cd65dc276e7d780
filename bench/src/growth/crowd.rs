//! Voters over many connections, in a process of their own.

use std::cell::Cell;
use std::io::{Write, stdin, stdout};
use std::rc::Rc;
use std::time::Instant;

use anyhow::ensure;
use capvote::client::{Ballot, Client, Election, VoteOutcome};
use capvote::net::link::Link;
use tokio::task::{JoinHandle, spawn_local};

use super::helper::Helper;
use super::server::number;
use crate::peers::{self, Measured};

/// Connections that are open. They are closed when this is dropped.
pub(super) struct Crowd(Helper);

impl Crowd {
    /// Opens so many connections, each of which has called once. With none, each vote opens one of its own.
    pub(super) fn gather(address: &str, connections: u64) -> anyhow::Result<Self> {
        let mut helper = Helper::start(&["drive-crowd", address, &connections.to_string()])?;
        ensure!(helper.line()? == "ready", "the crowd did not gather");
        Ok(Self(helper))
    }

    /// Casts `votes` votes, from the number with the index `first`, with `in_flight` unanswered. Returns how many
    /// were recorded in a second.
    pub(super) fn vote(&mut self, in_flight: u64, first: u64, votes: u64) -> anyhow::Result<f64> {
        let answer = self.0.ask(&format!("{in_flight} {first} {votes}"))?;
        let measured: Measured = serde_json::from_str(&answer)?;
        Ok(measured.count as f64 / measured.seconds)
    }
}

/// Opens connections, says `ready`, and votes for each line on stdin.
pub fn drive(address: &str, connections: u64) -> anyhow::Result<()> {
    let link: Link = format!("capvote://{address}").parse()?;
    peers::capvote::runtime()?.block_on(async {
        let mut clients = Vec::new();
        for _ in 0..connections {
            let client = Client::connect(&link).await?;
            client.election("board").info().await?;
            clients.push(client);
        }
        say("ready")?;
        let mut line = String::new();
        while stdin().read_line(&mut line)? > 0 {
            let words: Vec<u64> =
                line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
            let [in_flight, first, votes] = words[..] else { anyhow::bail!("three numbers") };
            let measured = if clients.is_empty() {
                arrive(&link, in_flight, first, votes).await?
            } else {
                vote(&clients, in_flight, first, votes).await?
            };
            say(&serde_json::to_string(&measured)?)?;
            line.clear();
        }
        Ok(())
    })
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut stdout = stdout();
    Ok(writeln!(stdout, "{line}").and_then(|()| stdout.flush())?)
}

/// Casts votes over connections that are there.
async fn vote(
    clients: &[Client],
    in_flight: u64,
    first: u64,
    votes: u64,
) -> anyhow::Result<Measured> {
    let next = Rc::new(Cell::new(first));
    let begun = Instant::now();
    let mut voters = Vec::new();
    for client in clients.iter().cycle().take(in_flight as usize) {
        let (election, next) = (client.election("board"), next.clone());
        voters.push(spawn_local(async move {
            let mut told = 0;
            while next.get() < first + votes {
                told += cast(&election, next.replace(next.get() + 1)).await?;
            }
            Ok(told)
        }));
    }
    ended(voters, votes, begun).await
}

/// Casts votes over a connection each.
async fn arrive(link: &Link, in_flight: u64, first: u64, votes: u64) -> anyhow::Result<Measured> {
    let next = Rc::new(Cell::new(first));
    let begun = Instant::now();
    let mut voters = Vec::new();
    for _ in 0..in_flight {
        let (link, next) = (link.clone(), next.clone());
        voters.push(spawn_local(async move {
            let mut told = 0;
            while next.get() < first + votes {
                let index = next.replace(next.get() + 1);
                let client = Client::connect(&link).await?;
                told += cast(&client.election("board"), index).await?;
            }
            Ok(told)
        }));
    }
    ended(voters, votes, begun).await
}

/// Casts one vote, and returns how many messages came about it.
async fn cast(election: &Election, index: u64) -> anyhow::Result<u64> {
    let mut told = 0;
    let ballot = Ballot::new(peers::CANDIDATE, number(index))?;
    let outcome = election.vote(&ballot, |_| told += 1).await?;
    ensure!(matches!(outcome, VoteOutcome::Recorded(_)), "not recorded: {outcome:?}");
    Ok(told)
}

/// Waits for the voters, who have to have been told of so many votes.
async fn ended(
    voters: Vec<JoinHandle<anyhow::Result<u64>>>,
    votes: u64,
    begun: Instant,
) -> anyhow::Result<Measured> {
    let mut count = 0;
    for voter in voters {
        count += voter.await??;
    }
    let seconds = begun.elapsed().as_secs_f64();
    ensure!(count == votes, "{count} of {votes} voters were told");
    Ok(Measured { count, seconds })
}
