//! The log of one simulated history, and the checks that it keeps the promises of its elections.
//! For each of them:
//!
//! - A vote answered `recorded` is on the tally sheet once, with every mark. A retry after the last
//!   restart is answered `recorded` and not counted again.
//! - The sheet has only ballots that were cast in this election: each once, at most one for each
//!   number.
//! - After `alreadyVoted`, another ballot of that number is on the sheet of this election.
//! - A vote answered "not recorded" is not on the sheet, unless the same ballot was cast again.
//! - What is no ballot of the election is answered `invalidBallot` with the reason, and a ballot
//!   never is.
//! - While an election is open, no count goes down, across restarts too, and each turnout includes
//!   every vote that was recorded before the question. Counts are published in whole batches, and
//!   are zeros while they are sealed.
//! - No ballot that was first cast after the close is recorded.
//! - No election closes before its time, unless the returning officer closes it, or a server has
//!   started with a wrong clock.
//! - The message about a vote arrives before its outcome.
//! - A creation, an opening and a close that were answered stay.
//! - How the result came about is what the lines of the sheet give, whoever asks and whenever.

mod answers;
mod course;
mod officer;
mod results;
mod sheet;

use std::collections::HashMap;
use std::sync::Arc;

use capvote::client::Ballot;
use capvote::election::{Definition, Nonce, Timestamp};
use tokio::time::Instant;

use self::answers::Attempt;
pub(super) use self::answers::{Answer, Cast};
use self::course::Course;
use super::elections::{Kind, said};

/// The events of one history, and the violations found in it.
pub struct History {
    began: Instant,
    /// What is known of each election.
    elections: Vec<Course>,
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
    /// Run-offs whose creation was answered.
    pub run_offs: usize,
    /// What was no ballot, and was answered so.
    pub invalid: usize,
}

/// A ballot on a tally sheet: what was marked, and the nonce.
pub(super) type Line = (Vec<u16>, Nonce);

impl History {
    /// An empty history of these elections, the first `open` of which are open.
    pub(super) fn new(began: Instant, elections: &[Arc<Definition>], open: usize) -> Self {
        let (attempts, story, violations) = Default::default();
        let (restarts, ended, faults, steps, restores) = Default::default();
        let (run_offs, invalid) = Default::default();
        let course = |(index, it): (usize, &Arc<Definition>)| Course::new(it, index < open);
        let elections = elections.iter().enumerate().map(course).collect();
        Self {
            began,
            elections,
            attempts,
            story,
            violations,
            restarts,
            ended,
            faults,
            steps,
            restores,
            run_offs,
            invalid,
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

    /// Notes a violation unless `holds`.
    pub(super) fn check(&mut self, holds: bool, violation: impl FnOnce() -> String) {
        if !holds {
            self.violated(violation());
        }
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

    fn now(&self) -> Timestamp {
        Timestamp(self.began.elapsed().as_secs())
    }

    /// The elections: their definitions, in the order of their indexes.
    pub(super) fn definitions(&self) -> impl Iterator<Item = (usize, Arc<Definition>)> {
        self.elections.iter().map(|it| it.definition.clone()).enumerate()
    }

    pub(super) fn definition(&self, election: usize) -> Arc<Definition> {
        self.elections[election].definition.clone()
    }

    /// A ballot is cast in an election. Returns the number of the attempt.
    pub(super) fn cast(&mut self, election: usize, ballot: &Ballot, kind: Kind) -> usize {
        let marks = said(&self.elections[election].definition, ballot);
        self.cast_marks(Cast { election, marks, number: ballot.number, nonce: ballot.nonce }, kind)
    }

    /// As [`cast`](Self::cast).
    pub(super) fn cast_marks(&mut self, cast: Cast, kind: Kind) -> usize {
        let attempt = self.attempts.len();
        let shown = self.show(&cast);
        let index = self.log(format!("{attempt} casts {shown}, {kind:?}"));
        let (at, answer) = (self.now(), Answer::None);
        self.attempts.push(Attempt { cast, kind, index, at, answer, answered: index });
        attempt
    }

    /// The server has a backup again that was taken when the story had this length. Nothing that
    /// was answered since is promised.
    pub(super) fn restored(&mut self, story: usize) {
        self.log(format!("the server has its state after {story} again"));
        for attempt in self.attempts.iter_mut().filter(|attempt| attempt.answered > story) {
            attempt.answer = Answer::None;
        }
        self.elections.iter_mut().for_each(|it| it.restored(story));
        self.restores += 1;
    }

    /// The ballots of an election that were answered `recorded`, by number, with their receipts.
    fn recorded(&self, election: usize) -> HashMap<u64, (&Cast, &str)> {
        let recorded = self.attempts.iter().filter_map(|attempt| match &attempt.answer {
            Answer::Recorded(receipt) if attempt.cast.election == election => {
                Some((attempt.cast.number.get(), (&attempt.cast, &receipt[..])))
            }
            _ => None,
        });
        recorded.collect()
    }

    /// The ballots of an election that were answered `recorded`, in the order of their numbers,
    /// with their receipts.
    pub(super) fn receipts(&self, election: usize) -> Vec<(Cast, String)> {
        let mut receipts: Vec<_> = self
            .recorded(election)
            .values()
            .map(|(cast, receipt)| ((*cast).clone(), receipt.to_string()))
            .collect();
        receipts.sort_by_key(|(cast, _)| cast.number.get());
        receipts
    }

    /// Whether a ballot was cast in an election under this number.
    pub(super) fn has_tried(&self, election: usize, number: u64) -> bool {
        let tried = |it: &Attempt| it.cast.election == election && it.cast.number.get() == number;
        self.attempts.iter().any(tried)
    }

    /// How many votes were answered `recorded`.
    pub fn votes(&self) -> usize {
        (0..self.elections.len()).map(|election| self.recorded(election).len()).sum()
    }

    fn name(&self, election: usize) -> &str {
        self.elections[election].definition.id.as_str()
    }

    fn show(&self, Cast { election, marks, number, nonce }: &Cast) -> String {
        format!("{} {} {marks:?} {nonce:?}", self.name(*election), number.get())
    }
}
