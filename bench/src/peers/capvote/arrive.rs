//! Voters who arrive, through the public client.

use std::rc::Rc;

use anyhow::ensure;
use capvote::client::{Ballot, Client, VoteOutcome};
use capvote::election::VoterNumber;
use capvote::net::link::Link;

use crate::peers::tls::Connector;
use crate::peers::{CANDIDATE, Measured, Over, crowd};

/// Has `votes` voters come to the server at `address`, `in_flight` at a time.
pub(super) async fn drive(
    address: &str,
    in_flight: u64,
    votes: u64,
    over: Over,
) -> anyhow::Result<Measured> {
    let scheme = match over {
        Over::Tcp => "capvote",
        Over::Tls | Over::Resumed => "capvotes",
        Over::Web => "http",
    };
    let link: Link = format!("{scheme}://{address}").parse()?;
    if over == Over::Resumed {
        return resume(&link, in_flight, votes).await;
    }
    let voter = move |number| {
        let link = link.clone();
        async move { vote(&Client::connect(&link).await?, number).await }
    };
    crowd::arrive(in_flight, votes, voter).await
}

/// The client keeps no tickets: here, one that does so has the TLS below it.
async fn resume(link: &Link, in_flight: u64, votes: u64) -> anyhow::Result<Measured> {
    let connector = Rc::new(Connector::new(true, in_flight)?);
    let at = link.address.at().map(ToString::to_string).unwrap_or_default().parse()?;
    let used = connector.clone();
    let voter = move |number| {
        let connector = connector.clone();
        async move { vote(&Client::over(connector.connect(at, number).await?), number).await }
    };
    let measured = crowd::arrive(in_flight, votes, voter).await?;
    used.check()?;
    Ok(measured)
}

/// Votes, and checks that the sink was called.
async fn vote(client: &Client, number: u64) -> anyhow::Result<()> {
    let mut messages = 0;
    let ballot = Ballot::new(CANDIDATE, VoterNumber::from(number))?;
    let outcome = client.election("board").vote(&ballot, |_| messages += 1).await?;
    ensure!(matches!(outcome, VoteOutcome::Recorded(_)), "not recorded: {outcome:?}");
    ensure!(messages == 1, "{messages} messages for a vote");
    Ok(())
}
