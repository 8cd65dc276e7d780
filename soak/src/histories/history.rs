//! The log of one simulated history, and the checks that it keeps the promises of an election:
//!
//! - A vote answered `recorded` is on the tally sheet once. A retry after the last restart is
//!   answered `recorded` and not counted again.
//! - The sheet has only ballots that were cast: each once, at most one for each number.
//! - After `alreadyVoted`, another ballot of that number is on the sheet.
//! - A vote answered "not recorded" is not on the sheet, unless the same ballot was cast again.
//! - While an election is open, no count goes down, across restarts too, and each turnout includes
//!   every vote that was recorded before the question. Counts are published in whole batches.
//! - No ballot that was first cast after the close is recorded.
//! - No election closes before its time, unless the returning officer closes it, or a server has
//!   started with a wrong clock.
//! - The message about a vote arrives before its outcome.

mod sheet;

use std::collections::HashMap;

use capvote::client::{Ballot, Results};
use capvote::election::{LIVE_BATCH_BALLOTS, Nonce, ResultStatus, Timestamp};
use tokio::time::Instant;

use super::CANDIDATES;

/// The events of one history, and the violations found in it.
pub struct History {
    began: Instant,
    /// When the election closes by schedule, in seconds since `began`.
    closes: Option<Timestamp>,
    attempts: Vec<Attempt>,
    /// The events in order, as text.
    pub story: Vec<String>,
    /// Broken promises.
    pub violations: Vec<String>,
    /// Restarts of the server.
    pub restarts: usize,
    /// Servers that ended by themselves.
    pub ended: usize,
    /// Injected disk faults.
    pub faults: usize,
    /// Times that the clock was set ahead.
    pub steps: usize,
    /// Times that a backup was restored.
    pub restores: usize,
    /// The highest count seen for each candidate.
    highest: Count,
    /// The highest turnout seen.
    turnout: u64,
    /// Where in the story the returning officer's close was answered.
    closed: Option<usize>,
    /// Whether the returning officer has called the close.
    asked_to_close: bool,
    /// Whether the server has started with a wrong clock, which it cannot notice, or one that did
    /// has closed the election.
    wrong_clock: bool,
}

/// Votes for each candidate.
type Count = [u64; CANDIDATES.len()];

/// The lines of a tally sheet: candidate and nonce.
pub(super) type Sheet = Vec<(String, Nonce)>;

/// A vote call.
struct Attempt {
    ballot: Ballot,
    /// Where in the story it was cast.
    index: usize,
    /// When it was cast, in seconds since the history began.
    at: Timestamp,
    answer: Answer,
    /// How long the story was when it was answered.
    answered: usize,
}

/// The answer to a vote call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// None, or one that leaves the outcome unknown.
    None,
    /// Recorded, with this receipt.
    Recorded(String),
    AlreadyVoted,
    UnknownVoterNumber,
    Closed,
    Throttled,
    /// Certainly not stored.
    NotRecorded(String),
    /// An answer that is never right in a simulation.
    Wrong(String),
}

/// A lower bound on results, taken when they are asked for.
pub(super) struct LowerBound {
    at_least: Count,
    turnout: u64,
    after_close: bool,
}

impl History {
    /// An empty history. `closes`: when the election closes by schedule, if it does.
    pub(super) fn new(began: Instant, closes: Option<Timestamp>) -> Self {
        let (attempts, story, violations) = Default::default();
        let (restarts, ended, faults, steps, restores) = Default::default();
        let (highest, turnout) = Default::default();
        let (closed, asked_to_close, wrong_clock) = Default::default();
        Self {
            began,
            closes,
            attempts,
            story,
            violations,
            restarts,
            ended,
            faults,
            steps,
            restores,
            highest,
            turnout,
            closed,
            asked_to_close,
            wrong_clock,
        }
    }

    /// Appends to the story and returns its length.
    fn log(&mut self, what: String) -> usize {
        self.story.push(what);
        self.story.len()
    }

    fn violated(&mut self, what: String) {
        self.log(format!("VIOLATION: {what}"));
        self.violations.push(what);
    }

    /// Logs an event of the server.
    pub(super) fn note(&mut self, what: impl Into<String>) {
        self.log(what.into());
    }

    /// The clock was set.
    pub(super) fn stepped(&mut self, what: &str) {
        self.note(what);
        self.steps += usize::from(what.ends_with("ahead"));
    }

    /// A ballot is cast. Returns the number of the attempt.
    pub(super) fn cast(&mut self, ballot: &Ballot) -> usize {
        let attempt = self.attempts.len();
        let index = self.log(format!("{attempt} casts {}", show(ballot)));
        let at = Timestamp(self.began.elapsed().as_secs());
        let (ballot, answer) = (ballot.clone(), Answer::None);
        self.attempts.push(Attempt { ballot, index, at, answer, answered: index });
        attempt
    }

    /// An attempt was answered, after these messages.
    pub(super) fn answered(&mut self, attempt: usize, answer: Answer, messages: Vec<String>) {
        self.log(format!("{attempt} is answered {answer:?}"));
        let decided = !matches!(answer, Answer::None | Answer::NotRecorded(_) | Answer::Wrong(_));
        if messages.len() > 1 || (decided && messages.is_empty()) {
            self.violated(format!("{attempt} had {} messages: {messages:?}", messages.len()));
        }
        if let Answer::Wrong(what) = &answer {
            self.violated(format!("{attempt} was answered {what}"));
        }
        let known = (1..=super::VOTERS).contains(&self.attempts[attempt].ballot.number.get());
        if known && answer == Answer::UnknownVoterNumber {
            self.violated(format!("{attempt} is unknown, but its number is on the roll"));
        }
        if let Answer::Recorded(receipt) = &answer {
            let ballot = &self.attempts[attempt].ballot;
            let late = |first: &Attempt| {
                self.closed.is_some_and(|closed| first.index > closed)
                    || self.closes.is_some_and(|closes| first.at >= closes)
            };
            if self.attempts.iter().find(|it| it.ballot == *ballot).is_some_and(late) {
                self.violated(format!("{attempt} was recorded after the close: {receipt}"));
            }
        }
        self.attempts[attempt].answer = answer;
        self.attempts[attempt].answered = self.story.len();
    }

    /// The server has a backup again that was taken when the story had this length. Nothing that
    /// was answered since is promised.
    pub(super) fn restored(&mut self, story: usize) {
        self.log(format!("the server has its state after {story} again"));
        for attempt in self.attempts.iter_mut().filter(|attempt| attempt.answered > story) {
            attempt.answer = Answer::None;
        }
        self.closed = self.closed.filter(|closed| *closed <= story);
        (self.highest, self.turnout) = Default::default();
        self.restores += 1;
    }

    /// The returning officer calls the close.
    pub(super) fn asks_to_close(&mut self) {
        self.log("the officer asks to close".into());
        self.asked_to_close = true;
    }

    /// The server starts, finds the election closed or not, and has a wrong clock or not.
    pub(super) fn started(&mut self, closed: bool, wrong_clock: bool) {
        self.log(format!("the server starts; closed: {closed}, wrong clock: {wrong_clock}"));
        if closed {
            self.found_closed();
        }
        self.wrong_clock = wrong_clock || (closed && self.wrong_clock);
    }

    /// The election was found closed.
    pub(super) fn found_closed(&mut self) {
        let due = self.closes.is_some_and(|closes| self.began.elapsed().as_secs() >= closes.0);
        let may = self.asked_to_close || self.wrong_clock || due;
        self.check(may, || "it was closed before its time".into());
    }

    /// The returning officer's close was answered.
    pub(super) fn closed(&mut self) {
        let index = self.log("the election is closed".into());
        self.closed = Some(index);
    }

    /// Whether the returning officer's close was answered.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// The least that results asked for at this moment have to show.
    pub(super) fn lower_bound(&self) -> LowerBound {
        let (at_least, turnout) = (self.highest, self.recorded().len() as u64);
        LowerBound { at_least, turnout, after_close: self.closed.is_some() }
    }

    /// A call for the results was answered. `bound` was taken before the call.
    pub(super) fn results(&mut self, bound: LowerBound, results: &Results) {
        let count = count(results);
        self.log(format!("results {count:?}, {:?}", results.status));
        if count.iter().zip(bound.at_least).any(|(now, before)| *now < before) {
            let before = bound.at_least;
            self.violated(format!("a count of {count:?}, and {before:?} before"));
        }
        let (turnout, recorded) = (results.ballots, bound.turnout);
        if turnout < recorded {
            self.violated(format!("a turnout of {turnout}, and {recorded} were recorded before"));
        }
        self.check_batches(results);
        if bound.after_close && count != self.highest && self.highest != Count::default() {
            // The count is final: results that were answered meanwhile cannot be higher.
            let highest = self.highest;
            if highest.iter().zip(count).any(|(highest, now)| *highest > now) {
                self.violated(format!("a count of {count:?} after the close, {highest:?} before"));
            }
        }
        self.raise_highest(count);
        if results.status == Some(ResultStatus::Final) {
            self.found_closed();
        }
    }

    /// An observer was called with results. They may be older than the last answer to a call.
    pub(super) fn pushed(&mut self, results: &Results) {
        let count = count(results);
        self.log(format!("pushed {count:?}, {:?}", results.status));
        self.check_batches(results);
        self.raise_highest(count);
        if results.status == Some(ResultStatus::Final) {
            self.found_closed();
        }
    }

    /// Until the close, a count has whole batches, and leaves out one batch to two.
    fn check_batches(&mut self, results: &Results) {
        let (turnout, shown) = (results.ballots, count(results).iter().sum::<u64>());
        self.turnout = self.turnout.max(turnout);
        let batch = LIVE_BATCH_BALLOTS as u64;
        let expected = match results.status {
            Some(ResultStatus::Final) => turnout,
            _ => (turnout / batch).saturating_sub(1) * batch,
        };
        self.check(shown == expected, || format!("{shown} votes of {turnout} are published"));
    }

    fn raise_highest(&mut self, count: Count) {
        self.highest.iter_mut().zip(count).for_each(|(most, now)| *most = (*most).max(now));
    }

    /// The ballots that were answered `recorded`, by number, with their receipts.
    fn recorded(&self) -> HashMap<u64, (&Ballot, &str)> {
        let recorded = self.attempts.iter().filter_map(|attempt| match &attempt.answer {
            Answer::Recorded(receipt) => {
                Some((attempt.ballot.number.get(), (&attempt.ballot, &receipt[..])))
            }
            _ => None,
        });
        recorded.collect()
    }

    /// The ballots that were answered `recorded`, in the order of their numbers, with their
    /// receipts.
    pub(super) fn receipts(&self) -> Vec<(Ballot, String)> {
        let mut receipts: Vec<_> = self
            .recorded()
            .values()
            .map(|(ballot, receipt)| ((*ballot).clone(), receipt.to_string()))
            .collect();
        receipts.sort_by_key(|(ballot, _)| ballot.number.get());
        receipts
    }

    /// Notes a violation unless `holds`.
    pub(super) fn check(&mut self, holds: bool, violation: impl FnOnce() -> String) {
        if !holds {
            self.violated(violation());
        }
    }

    /// How many votes were answered `recorded`.
    pub fn votes(&self) -> usize {
        self.recorded().len()
    }
}

fn count(results: &Results) -> Count {
    let votes = |name: &str| results.candidates.iter().find(|(candidate, _)| candidate == name);
    CANDIDATES.map(|name| votes(name).map_or(0, |(_, votes)| *votes))
}

fn show(ballot: &Ballot) -> String {
    format!("{} {} {:?}", ballot.number.get(), ballot.candidate, ballot.nonce)
}
