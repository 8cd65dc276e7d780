//! The checks after a kill.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{bail, ensure};
use capvote::client::{Auditor, Ballot, Election, RecordedVote, VoteOutcome};
use capvote::election::{
    self, Ballots, Definition, LIVE_BATCH_BALLOTS, LotSeedBuilder, Publication, ResultStatus,
};
use futures::{StreamExt, TryStreamExt, stream};

use super::Figures;
use crate::sheet::Lines;

/// Votes in flight while votes are checked.
const IN_FLIGHT: usize = 64;

/// One election: whether it is closed, the votes known to be recorded, and those known to have been
/// refused as too late.
#[derive(Clone)]
pub(super) struct Votes {
    pub(super) definition: Arc<Definition>,
    pub(super) closed: bool,
    pub(super) recorded: Vec<(Ballot, RecordedVote)>,
    pub(super) late: Vec<Ballot>,
}

/// Checks the recorded votes from index `before` on, and retries those without an answer.
pub(super) async fn round(
    election: &Election,
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

    check(election, votes.closed, &votes.recorded[before..], &[], figures).await?;
    // A retry finds the vote if it was recorded, and otherwise records it, unless the election has
    // been closed.
    for ballot in unanswered {
        match election.vote(&ballot, |_| {}).await? {
            VoteOutcome::Recorded(vote) => votes.recorded.push((ballot, vote)),
            VoteOutcome::Closed if votes.closed => votes.late.push(ballot),
            other => bail!("the retry of an unanswered vote: {other:?}"),
        }
    }
    count(election, votes, figures).await
}

/// Checks every vote.
pub(super) async fn all(
    election: &Election,
    votes: &Votes,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    check(election, votes.closed, &votes.recorded, &votes.late, figures).await?;
    count(election, votes, figures).await
}

/// Checks that a retry of each vote gets the same receipt, and that another vote under its number
/// is refused.
async fn check(
    election: &Election,
    closed: bool,
    recorded: &[(Ballot, RecordedVote)],
    late: &[Ballot],
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let refusal = if closed { VoteOutcome::Closed } else { VoteOutcome::AlreadyVoted };
    // Had the first vote been lost, the second would be recorded.
    let seconds = recorded.iter().map(async |(ballot, _)| {
        let nonce = Ballot::new("", ballot.number)?.nonce;
        let second = Ballot { nonce, ..ballot.clone() };
        anyhow::Ok(election.vote(&second, |_| {}).await? == refusal)
    });
    let retries = recorded.iter().map(async |(ballot, vote)| {
        let again = election.vote(ballot, |_| {}).await?;
        anyhow::Ok(again == VoteOutcome::Recorded(vote.clone()))
    });
    let late = late.iter().map(async |ballot| {
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

/// Checks the votes of each name, and the blank ballots, against the recorded votes.
async fn count(election: &Election, votes: &Votes, figures: &mut Figures) -> anyhow::Result<()> {
    let definition = &*votes.definition;
    let (names, mut expected) = (definition.slate.names(), HashMap::new());
    for (ballot, _) in &votes.recorded {
        let first = match &ballot.marks {
            None => vec![&ballot.candidate[..]],
            Some(marks) if marks.marks.is_empty() => vec![""],
            Some(marks) => marks.marked().filter(|it| it.1 == 1).map(|it| it.0).collect(),
        };
        first.into_iter().for_each(|name| *expected.entry(name).or_insert(0_u64) += 1);
    }
    let results = election.results().await?;
    let sealed = !votes.closed && definition.publication == Publication::Sealed;
    let status = results.status;
    ensure!(sealed == (status == Some(ResultStatus::Sealed)), "the status is {status:?}");
    let (turnout, recorded) = (results.ballots as usize, votes.recorded.len());
    // A live count leaves out the newest ballots.
    let published = match status {
        Some(ResultStatus::Final) => turnout,
        Some(ResultStatus::Provisional) => {
            (turnout / LIVE_BATCH_BALLOTS).saturating_sub(1) * LIVE_BATCH_BALLOTS
        }
        _ => 0,
    };
    let found = results.candidates.iter().map(|(name, votes)| (&name[..], *votes));
    let found: Vec<_> = found.chain([("", results.blank)]).collect();
    ensure!(found.len() == names.len() + 1, "the results have other names: {found:?}");
    let (mut lost, mut twice) = (0, 0);
    for (name, found) in found {
        let expected = expected.get(name).copied().unwrap_or_default();
        lost += expected.saturating_sub(found) as usize;
        twice += found.saturating_sub(expected) as usize;
    }
    lost -= lost.min((turnout - published) * usize::from(definition.rules.marks));
    figures.note(lost, twice);
    let fits = turnout == recorded || !figures.hold();
    ensure!(fits, "the turnout is {turnout}, but {recorded} votes are recorded");
    Ok(())
}

/// Checks that how the result came about is what the recorded votes give.
pub(super) async fn counted(election: &Election, votes: &Votes, roll: u64) -> anyhow::Result<()> {
    let Definition { slate, rules, .. } = &*votes.definition;
    let mut ballots = Ballots::new(slate, rules);
    for (ballot, _) in &votes.recorded {
        let name = slate.choice(&ballot.candidate).map(election::Ballot::from);
        ballots.add(&match (&ballot.marks, name) {
            (None, Some(name)) => name,
            (None, None) => bail!("a vote for {:?} is recorded", ballot.candidate),
            (Some(marks), _) => election::Ballot::new(slate, rules, &marks.marks)?,
        });
    }
    let mut receipts: Vec<_> = votes.recorded.iter().map(|(_, vote)| vote.receipt).collect();
    receipts.sort_unstable();
    let mut lot = LotSeedBuilder::default();
    receipts.iter().for_each(|receipt| lot.add(receipt));
    let expected = election::count(slate, rules, &ballots, roll, &lot.finish());
    let found = election.count().await?.count;
    ensure!(found == expected, "the count is {found:?}, and the votes give {expected:?}");
    Ok(())
}

/// Checks that the tally sheet has every recorded vote once, with every mark, and nothing else.
pub(super) async fn sheet(
    auditor: &Auditor,
    votes: &Votes,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let mut lines = Lines::of(auditor).await?;
    let struck = votes.recorded.iter().filter(|(_, vote)| lines.strike(vote)).count();
    figures.note(votes.recorded.len() - struck, lines.count());
    Ok(())
}
