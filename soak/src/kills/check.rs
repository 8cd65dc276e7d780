//! What has to hold after a kill.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use anyhow::{bail, ensure};
use capvote::client::{ActOutcome, Auditor, Ballot, Election, RecordedVote, VoteOutcome};
use futures::{StreamExt, TryStreamExt, stream};

use super::Figures;

/// Votes in flight while votes are checked.
const IN_FLIGHT: usize = 64;

/// The votes that are known to be recorded, and those that are known not to be.
#[derive(Default)]
pub(super) struct Votes {
    pub(super) recorded: Vec<(Ballot, RecordedVote)>,
    pub(super) late: Vec<Ballot>,
}

/// Checks the votes that were told since those `before`, and settles those that were not answered.
pub(super) async fn round(
    election: &Election,
    closed: bool,
    votes: &mut Votes,
    before: usize,
    unanswered: Vec<Ballot>,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    // How many of the unanswered were recorded is open; that none is counted twice is not.
    let found = election.results().await?.ballots as usize;
    let (told, sent) = (votes.recorded.len(), votes.recorded.len() + unanswered.len());
    figures.find(told.saturating_sub(found), found.saturating_sub(sent));
    figures.recorded += found.saturating_sub(told);

    let fresh = Votes { recorded: votes.recorded[before..].to_vec(), ..Votes::default() };
    check(election, closed, &fresh, figures).await?;
    // A retry finds the vote that was recorded. Where none was, as may be without an answer, it records it, unless
    // it is too late.
    for ballot in unanswered {
        match election.vote(&ballot, |_| {}).await? {
            VoteOutcome::Recorded(vote) => votes.recorded.push((ballot, vote)),
            VoteOutcome::Closed if closed => votes.late.push(ballot),
            other => bail!("a vote that was not answered came to {other:?}"),
        }
    }
    count(election, votes, figures).await
}

/// Checks every vote.
pub(super) async fn all(
    election: &Election,
    closed: bool,
    votes: &Votes,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    check(election, closed, votes, figures).await?;
    count(election, votes, figures).await
}

/// Checks that votes are recorded as they were told, and that nothing more can be recorded under their numbers.
async fn check(
    election: &Election,
    closed: bool,
    votes: &Votes,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let refusal = if closed { VoteOutcome::Closed } else { VoteOutcome::AlreadyVoted };
    // A second vote under a number that has voted is refused; where the first was lost, it would not be.
    let seconds = votes.recorded.iter().map(async |(ballot, _)| {
        let second = Ballot::new(&ballot.candidate[..], ballot.number)?;
        anyhow::Ok(election.vote(&second, |_| {}).await? == refusal)
    });
    let retries = votes.recorded.iter().map(async |(ballot, vote)| {
        let again = election.vote(ballot, |_| {}).await?;
        anyhow::Ok(again == VoteOutcome::Recorded(vote.clone()))
    });
    let late = votes.late.iter().map(async |ballot| {
        anyhow::Ok(election.vote(ballot, |_| {}).await? == VoteOutcome::Closed)
    });
    let lost = failed(seconds).await?.max(failed(retries).await?);
    figures.find(lost, failed(late).await?);
    Ok(())
}

/// How many of them fail.
async fn failed(
    checks: impl Iterator<Item = impl Future<Output = anyhow::Result<bool>>>,
) -> anyhow::Result<usize> {
    let checks = stream::iter(checks).buffer_unordered(IN_FLIGHT);
    checks.try_fold(0, async |failed, held| Ok(failed + usize::from(!held))).await
}

/// Checks that the votes that are recorded are those that are counted.
async fn count(election: &Election, votes: &Votes, figures: &mut Figures) -> anyhow::Result<()> {
    let mut expected = HashMap::new();
    for (ballot, _) in &votes.recorded {
        *expected.entry(&ballot.candidate[..]).or_default() += 1;
    }
    let results = election.results().await?;
    let (mut lost, mut twice) = (0, 0);
    for (candidate, found) in &results.candidates {
        let expected: u64 = expected.get(&candidate[..]).copied().unwrap_or_default();
        lost += expected.saturating_sub(*found) as usize;
        twice += found.saturating_sub(expected) as usize;
    }
    figures.find(lost, twice);
    let (turnout, recorded) = (results.ballots as usize, votes.recorded.len());
    let fits = turnout == recorded || !figures.hold();
    ensure!(fits, "the turnout is {turnout}, and {recorded} votes are recorded");
    Ok(())
}

/// Checks that every vote is on the tally sheet once, and nothing else.
pub(super) async fn sheet(
    auditor: &Auditor,
    votes: &Votes,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let ballots = Rc::new(RefCell::new(HashMap::new()));
    let taken = ballots.clone();
    let take = move |candidate: String, nonce, receipt| {
        *taken.borrow_mut().entry((candidate, nonce, receipt)).or_insert(0_usize) += 1;
    };
    let outcome = auditor.tally_sheet(take).await?;
    ensure!(outcome == ActOutcome::Done, "no tally sheet: {outcome:?}");
    let (mut ballots, mut lost) = (ballots.take(), 0);
    for (_, vote) in &votes.recorded {
        let line = (vote.candidate.clone(), vote.nonce, vote.receipt.to_string());
        match ballots.get_mut(&line) {
            Some(left @ 1..) => *left -= 1,
            _ => lost += 1,
        }
    }
    figures.find(lost, ballots.into_values().sum());
    Ok(())
}
