//! An honest client and the latency of its votes.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use capvote::client::{Ballot, Client, Election, VoteOutcome};
use capvote::election::VoterNumber;
use capvote::net::link::Link;
use serde::Serialize;
use tokio::task::spawn_local;

/// Votes at the start of a connection that are not measured.
const WARM_UP_VOTES: usize = 20;

/// Latency of votes, from the call to the outcome; the callback comes before that.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Times {
    /// Votes a second.
    pub rate: f64,
    /// Percentiles, in microseconds.
    pub p50: f64,
    pub p99: f64,
}

/// Votes over one connection with `in_flight` votes in flight, each under a fresh number.
pub(super) async fn vote(
    link: &Link,
    numbers: &Rc<RefCell<Vec<VoterNumber>>>,
    in_flight: usize,
    time: Duration,
) -> anyhow::Result<Times> {
    let election = Client::connect(link).await?.election("board");
    for _ in 0..WARM_UP_VOTES {
        cast(&election, numbers).await?;
    }
    let begun = Instant::now();
    let mut voters = Vec::new();
    for _ in 0..in_flight {
        let (election, numbers) = (election.clone(), numbers.clone());
        voters.push(spawn_local(async move {
            let mut took = Vec::new();
            while begun.elapsed() < time {
                took.push(cast(&election, &numbers).await?);
            }
            anyhow::Ok(took)
        }));
    }
    let mut took = Vec::new();
    for voter in voters {
        took.extend(voter.await??);
    }
    took.sort_unstable();
    let rate = took.len() as f64 / begun.elapsed().as_secs_f64();
    let quantile = |of_hundred: usize| took[took.len() * of_hundred / 100].as_secs_f64() * 1e6;
    Ok(Times { rate, p50: quantile(50), p99: quantile(99) })
}

/// Casts one vote and returns its latency.
async fn cast(
    election: &Election,
    numbers: &RefCell<Vec<VoterNumber>>,
) -> anyhow::Result<Duration> {
    let number = numbers.borrow_mut().pop();
    let number = number.ok_or_else(|| anyhow::anyhow!("no voter numbers are left"))?;
    let ballot = Ballot::new("Ada", number)?;
    let mut messages = 0;
    let begun = Instant::now();
    let outcome = election.vote(&ballot, |_| messages += 1).await?;
    let took = begun.elapsed();
    let recorded = matches!(outcome, VoteOutcome::Recorded(_));
    ensure!(recorded && messages == 1, "an honest vote: {outcome:?} with {messages} messages");
    Ok(took)
}
