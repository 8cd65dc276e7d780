//! An honest client, and how long its votes take.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use capvote::client::{Ballot, Client, Election, VoteOutcome};
use capvote::election::VoterNumber;
use capvote::net::link::Link;
use serde::Serialize;
use tokio::task::spawn_local;

/// The votes that are not measured, with which a connection begins.
const FIRST_VOTES: usize = 20;

/// How long votes took, from the call to the outcome, with the callback before it.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Times {
    /// The votes a second.
    pub rate: f64,
    /// The time that half of them took at most, and that all but a hundredth did, in microseconds.
    pub p50: f64,
    pub p99: f64,
}

/// Votes over one connection, with `in_flight` votes unanswered, each under a number of its own.
pub(super) async fn vote(
    link: &Link,
    numbers: &Rc<RefCell<Vec<VoterNumber>>>,
    in_flight: usize,
    time: Duration,
) -> anyhow::Result<Times> {
    let election = Client::connect(link).await?.election("board");
    for _ in 0..FIRST_VOTES {
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

/// Casts one vote, and returns how long it took.
async fn cast(
    election: &Election,
    numbers: &RefCell<Vec<VoterNumber>>,
) -> anyhow::Result<Duration> {
    let number = numbers.borrow_mut().pop();
    let number = number.ok_or_else(|| anyhow::anyhow!("there are no more voter numbers"))?;
    let ballot = Ballot::new("Ada", number)?;
    let mut told = 0;
    let begun = Instant::now();
    let outcome = election.vote(&ballot, |_| told += 1).await?;
    let took = begun.elapsed();
    let recorded = matches!(outcome, VoteOutcome::Recorded(_));
    ensure!(recorded && told == 1, "an honest vote came to {outcome:?}, and {told} messages");
    Ok(took)
}
