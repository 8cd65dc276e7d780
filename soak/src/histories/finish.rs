//! The end of a history: every answer is checked against what the ledger has, on a disk without
//! faults.

use std::sync::Arc;

use anyhow::Context as _;
use capvote::election::{
    Ballot, Ballots, Count, Definition, ElectionState, LotSeedBuilder, Nonce, Outcome, Receipt,
    Refusal, Standing, Timestamp, Vote, VoterNumber, count,
};
use capvote::ledger::sqlite::Store;
use capvote::ledger::{Act, LedgerError, SheetCursor};

use super::VOTERS;
use super::elections::Kind;
use super::history::{Cast, History, Line};

/// Second ballots and first ones that are tried in each election, at most.
const TRIED: usize = 12;

/// Retries every recorded vote, tries second ballots, closes the elections, and checks their tally
/// sheets and counts.
pub(super) fn finish(
    store: &mut Store,
    history: &mut History,
    wrong_clock: bool,
) -> anyhow::Result<()> {
    history.started(&store.snapshot(), wrong_clock);
    for (election, definition) in history.definitions().collect::<Vec<_>>() {
        if store.snapshot().election(&definition.id).is_some() {
            let last = Last { store: &mut *store, election, definition };
            last.check(history).with_context(|| format!("in election {election}"))?;
        }
    }
    Ok(())
}

/// An election at the end of a history.
struct Last<'a> {
    store: &'a mut Store,
    election: usize,
    definition: Arc<Definition>,
}

impl Last<'_> {
    fn check(mut self, history: &mut History) -> anyhow::Result<()> {
        self.retry(history)?;
        match self.standing()?.state {
            ElectionState::Draft => return Ok(()),
            ElectionState::Closed => {}
            ElectionState::Open => {
                self.try_seconds(history)?;
                self.try_others(history)?;
                self.store.act(&[Act::Close(self.definition.id.clone())], None)?;
            }
        }
        let (sheet, counted) = self.sheet()?;
        history.check_sheet(self.election, &sheet);
        let (standing, name) = (self.standing()?, self.definition.id.as_str());
        let (ballots, lines) = (standing.ballots, sheet.len() as u64);
        history.check(ballots == lines, || {
            format!("{name} has {ballots} ballots, but {lines} lines on the sheet")
        });
        history.check(standing.count().map(|it| &**it) == Some(&counted), || {
            format!("{name} was counted as {:?}, and its sheet is {counted:?}", standing.count())
        });
        history.check_count(self.election, &counted);
        let report = self.store.reader().check(&self.definition.id)?;
        history.check(!report.unscrubbed, || format!("the key of {name} is not destroyed"));
        Ok(())
    }

    /// Retries every recorded vote: it is answered `recorded`, and not counted again.
    fn retry(&mut self, history: &mut History) -> anyhow::Result<()> {
        let before = self.standing()?.ballots;
        for (cast, receipt) in history.receipts(self.election) {
            let again = self.vote(&cast)?;
            history
                .check(again == Outcome::Recorded, || format!("a retry of {receipt} is {again:?}"));
            // The retry of a vote that was lost would be counted.
            let now = self.standing()?.ballots;
            history.check(now == before, || format!("a retry of {receipt} is counted"));
        }
        Ok(())
    }

    /// Tries other ballots under numbers that have voted.
    fn try_seconds(&mut self, history: &mut History) -> anyhow::Result<()> {
        for (cast, receipt) in history.receipts(self.election).into_iter().take(TRIED) {
            let second = Cast { nonce: Nonce::from([8; Nonce::BYTES]), ..cast };
            let outcome = self.vote(&second)?;
            history.check(outcome == Outcome::Refused(Refusal::AlreadyVoted), || {
                format!("after {receipt}, a second vote of its number is {outcome:?}")
            });
        }
        Ok(())
    }

    /// Casts ballots under numbers that have cast none in this election, and may have voted in
    /// others.
    fn try_others(&mut self, history: &mut History) -> anyhow::Result<()> {
        let mut marks = vec![0; self.definition.slate.names().len()];
        marks[0] = 1;
        let untried = (1..=VOTERS).filter(|number| !history.has_tried(self.election, *number));
        let elsewhere = |number: &u64| (0..self.election).any(|it| history.has_tried(it, *number));
        let (mut first, others): (Vec<_>, Vec<_>) = untried.partition(elsewhere);
        first.extend(others);
        for number in first.into_iter().take(TRIED) {
            let (election, marks) = (self.election, marks.clone());
            let nonce = u128::from(number).to_le_bytes().into();
            let cast = Cast { election, marks, number: VoterNumber::from(number), nonce };
            let attempt = history.cast_marks(cast.clone(), Kind::Valid);
            let outcome = self.vote(&cast)?;
            history.check(outcome == Outcome::Recorded, || {
                format!("{attempt}, the first vote of {number}, is {outcome:?}")
            });
            // It may come after the time of a schedule, which the ledger was not told.
            history.note(format!("{attempt} is {outcome:?}"));
        }
        Ok(())
    }

    fn standing(&self) -> anyhow::Result<Arc<Standing>> {
        let snapshot = self.store.snapshot();
        snapshot.election(&self.definition.id).cloned().context("an election")
    }

    fn vote(&mut self, cast: &Cast) -> anyhow::Result<Outcome> {
        let Definition { id, slate, rules, .. } = &*self.definition;
        let ballot = Ballot::new(slate, rules, &cast.marks)?;
        let vote = Vote { election: id.clone(), ballot, number: cast.number, nonce: cast.nonce };
        let outcomes = self.store.vote(&[vote], Timestamp(0))?;
        outcomes.first().copied().context("an outcome")
    }

    /// The whole tally sheet, and the count of its lines.
    fn sheet(&self) -> Result<(Vec<Line>, Count), LedgerError> {
        let Definition { id, slate, rules, .. } = &*self.definition;
        let (mut sheet, mut cursor) = (Vec::new(), SheetCursor::default());
        let (mut ballots, mut receipts) = (Ballots::new(slate, rules), LotSeedBuilder::default());
        let reader = self.store.reader();
        loop {
            let (lines, next) = reader.sheet(id, cursor, 1_000)?;
            if lines.is_empty() {
                break;
            }
            for (ballot, nonce) in lines {
                ballots.add(&ballot);
                receipts.add(&Receipt::of(&self.definition, &ballot, &nonce));
                sheet.push((ballot.as_marks(slate), nonce));
            }
            cursor = next;
        }
        let counted = count(slate, rules, &ballots, VOTERS, &receipts.finish());
        Ok((sheet, counted))
    }
}
