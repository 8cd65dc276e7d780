//! The checks after a kill.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use anyhow::{bail, ensure};
use capvote::client::{ActOutcome, Auditor, Ballot, Election, RecordedVote, VoteOutcome};
use capvote::election::{LIVE_BATCH_BALLOTS, ResultStatus};
use futures::{StreamExt, TryStreamExt, stream};

use super::Figures;

/// Votes in flight while votes are checked.
const IN_FLIGHT: usize = 64;

/// Votes known to be recorded, and votes known to have been refused as too late.
#[derive(Default)]
pub(super) struct Votes {
    pub(super) recorded: Vec<(Ballot, RecordedVote)>,
    pub(super) late: Vec<Ballot>,
}

/// Checks the recorded votes from index `before` on, and retries those without an answer.
pub(super) async fn round(
    election: &Election,
    closed: bool,
    votes: &mut Votes,
    before: usize,
    unanswered: Vec<Ballot>,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    // An unanswered vote may be recorded or not.
    let found = election.results().await?.ballots as usize;
    let (known, sent) = (votes.recorded.len(), votes.recorded.len() + unanswered.len());
    figures.note(known.saturating_sub(found), found.saturating_sub(sent));
    figures.unanswered_recorded += found.saturating_sub(known);

    let fresh = Votes { recorded: votes.recorded[before..].to_vec(), ..Votes::default() };
    check(election, closed, &fresh, figures).await?;
    // A retry finds the vote if it was recorded, and otherwise records it, unless the election has
    // been closed.
    for ballot in unanswered {
        match election.vote(&ballot, |_| {}).await? {
            VoteOutcome::Recorded(vote) => votes.recorded.push((ballot, vote)),
            VoteOutcome::Closed if closed => votes.late.push(ballot),
            other => bail!("the retry of an unanswered vote: {other:?}"),
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

/// Checks that a retry of each vote gets the same receipt, and that another vote under its number
/// is refused.
async fn check(
    election: &Election,
    closed: bool,
    votes: &Votes,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let refusal = if closed { VoteOutcome::Closed } else { VoteOutcome::AlreadyVoted };
    // Had the first vote been lost, the second would be recorded.
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
    figures.note(lost, failed(late).await?);
    Ok(())
}

/// How many of these checks fail.
async fn failed(
    checks: impl Iterator<Item = impl Future<Output = anyhow::Result<bool>>>,
) -> anyhow::Result<usize> {
    let checks = stream::iter(checks).buffer_unordered(IN_FLIGHT);
    checks.try_fold(0, async |failed, held| Ok(failed + usize::from(!held))).await
}

/// Checks the count of each candidate against the recorded votes.
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
    let (turnout, recorded) = (results.ballots as usize, votes.recorded.len());
    // A live count leaves out the newest ballots.
    let open = results.status != Some(ResultStatus::Final);
    let published = (turnout / LIVE_BATCH_BALLOTS).saturating_sub(1) * LIVE_BATCH_BALLOTS;
    lost -= if open { lost.min(turnout - published) } else { 0 };
    figures.note(lost, twice);
    let fits = turnout == recorded || !figures.hold();
    ensure!(fits, "the turnout is {turnout}, but {recorded} votes are recorded");
    Ok(())
}

/// Checks that the tally sheet has every recorded vote once and nothing else.
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
    figures.note(lost, ballots.into_values().sum());
    Ok(())
}
