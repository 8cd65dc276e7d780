//! Voters over many connections, in a separate process.

use std::cell::Cell;
use std::io::{Write, stdin, stdout};
use std::rc::Rc;
use std::time::Instant;

use anyhow::ensure;
use capvote::client::{Ballot, Client, Election, VoteOutcome};
use capvote::net::link::Link;
use tokio::task::spawn_local;

use super::helper::{Helper, command};
use super::server::number;
use crate::peers::{self, Measured, crowd};

/// A process with open connections, killed on drop.
pub(super) struct Crowd(Helper);

impl Crowd {
    /// Opens this many connections and makes one call on each.
    pub(super) fn connect(link: &str, connections: u64) -> anyhow::Result<Self> {
        let command = command(&["drive-crowd", link, &connections.to_string()])?;
        let mut helper = Helper::start(command)?;
        ensure!(helper.line()? == "ready", "the crowd did not connect");
        Ok(Self(helper))
    }

    /// Casts `votes` votes under the numbers from index `first`, with `in_flight` votes in flight.
    /// Returns how many were recorded a second.
    pub(super) fn vote(&mut self, in_flight: u64, first: u64, votes: u64) -> anyhow::Result<f64> {
        let answer = self.0.ask(&format!("{in_flight} {first} {votes}"))?;
        let measured: Measured = serde_json::from_str(&answer)?;
        Ok(measured.count as f64 / measured.seconds)
    }
}

/// The crowd's process: opens the connections, prints `ready`, and runs a [`Crowd::vote`] for each
/// line on stdin.
pub fn drive(link: &str, connections: u64) -> anyhow::Result<()> {
    let link: Link = link.parse()?;
    peers::local()?.block_on(async {
        let mut clients = Vec::new();
        for _ in 0..connections {
            let client = Client::connect(&link).await?;
            client.election("board").info().await?;
            clients.push(client);
        }
        print_line("ready")?;
        let mut line = String::new();
        while stdin().read_line(&mut line)? > 0 {
            let words: Vec<u64> =
                line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
            let [in_flight, first, votes] = words[..] else {
                anyhow::bail!("expected three numbers")
            };
            let measured = vote(&clients, in_flight, first, votes).await?;
            print_line(&serde_json::to_string(&measured)?)?;
            line.clear();
        }
        Ok(())
    })
}

fn print_line(line: &str) -> anyhow::Result<()> {
    let mut stdout = stdout();
    Ok(writeln!(stdout, "{line}").and_then(|()| stdout.flush())?)
}

/// Casts votes over open connections.
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
            let mut messages = 0;
            while next.get() < first + votes {
                messages += cast(&election, next.replace(next.get() + 1)).await?;
            }
            anyhow::Ok(messages)
        }));
    }
    crowd::finish(voters, votes, begun).await
}

/// Casts one vote and returns how many messages its sink got.
async fn cast(election: &Election, index: u64) -> anyhow::Result<u64> {
    let mut messages = 0;
    let ballot = Ballot::new(peers::CANDIDATE, number(index))?;
    let outcome = election.vote(&ballot, |_| messages += 1).await?;
    ensure!(matches!(outcome, VoteOutcome::Recorded(_)), "not recorded: {outcome:?}");
    Ok(messages)
}
