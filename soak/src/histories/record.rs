//! What was seen in a history, and whether it is what an election promises:
//!
//! - What was `recorded` is on the sheet, once, with the receipt that was told.
//! - Nothing else is on it but ballots that were cast, each once, and one for each number.
//! - Whoever was told `alreadyVoted` has another vote on the sheet under their number, or had cast one.
//! - A vote that was refused as not stored is not on the sheet, unless it was cast again.
//! - While an election is open no count goes down, not even when the server is started again, and each has what was
//!   recorded before it was asked for.
//! - Nothing that was first cast after the close is recorded.
//! - The message about a vote is there before its outcome.

use std::collections::{HashMap, HashSet};

use capvote::client::{Ballot, Results};
use capvote::election::{Nonce, Timestamp};
use tokio::time::Instant;

use super::CANDIDATES;

/// What a history was like.
pub struct Record {
    began: Instant,
    /// When the election closes by itself, as a time since then.
    closes: Option<Timestamp>,
    attempts: Vec<Attempt>,
    /// What happened, in order, as text.
    pub story: Vec<String>,
    /// What should not have happened.
    pub violations: Vec<String>,
    /// How often the server was started again.
    pub restarts: usize,
    /// How often the disk did not do what it should.
    pub faults: usize,
    /// The highest count that was told while the election was open.
    told: Count,
    closed: Option<usize>,
}

/// Votes of each candidate.
type Count = [u64; CANDIDATES.len()];

/// What is on the sheet in the end: for each line its candidate and its nonce.
pub(super) type Sheet = Vec<(String, Nonce)>;

/// A vote on its way.
struct Attempt {
    ballot: Ballot,
    /// When it was cast, as a place in the story.
    begun: usize,
    /// And as a time.
    at: Timestamp,
    answer: Answer,
}

/// What a voter was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nothing, or that it is not known.
    None,
    /// It is recorded, with this receipt.
    Recorded(String),
    AlreadyVoted,
    UnknownVoterNumber,
    Closed,
    Throttled,
    /// It is certain that it was not stored.
    NotRecorded(String),
    /// Something that nobody should ever be told here.
    Wrong(String),
}

/// What somebody who asks for the results has to be told at least.
pub(super) struct Asked {
    at_least: Count,
    after_close: bool,
}

impl Record {
    /// A history that begins, with an election that closes by itself or does not.
    pub(super) fn new(began: Instant, closes: Option<Timestamp>) -> Self {
        let (attempts, story, violations) = Default::default();
        let (restarts, faults, told, closed) = Default::default();
        Self { began, closes, attempts, story, violations, restarts, faults, told, closed }
    }

    fn happened(&mut self, what: String) -> usize {
        self.story.push(what);
        self.story.len()
    }

    fn wrong(&mut self, what: String) {
        self.happened(format!("VIOLATION: {what}"));
        self.violations.push(what);
    }

    /// The server, the disk or a wire did something.
    pub(super) fn notes(&mut self, what: impl Into<String>) {
        self.happened(what.into());
    }

    /// A ballot is cast.
    pub(super) fn casts(&mut self, ballot: &Ballot) -> usize {
        let index = self.attempts.len();
        let begun = self.happened(format!("{index} casts {}", show(ballot)));
        let at = Timestamp(self.began.elapsed().as_secs());
        self.attempts.push(Attempt { ballot: ballot.clone(), begun, at, answer: Answer::None });
        index
    }

    /// It was answered so, and these messages came before.
    pub(super) fn answered(&mut self, attempt: usize, answer: Answer, messages: Vec<String>) {
        self.happened(format!("{attempt} is told {answer:?}"));
        let decided = !matches!(answer, Answer::None | Answer::NotRecorded(_) | Answer::Wrong(_));
        if messages.len() > 1 || (decided && messages.is_empty()) {
            self.wrong(format!("{attempt} had {} messages: {messages:?}", messages.len()));
        }
        if let Answer::Wrong(what) = &answer {
            self.wrong(format!("{attempt} was told {what}"));
        }
        let known = (1..=super::VOTERS).contains(&self.attempts[attempt].ballot.number.get());
        if known && answer == Answer::UnknownVoterNumber {
            self.wrong(format!("{attempt} has a number that is on the roll"));
        }
        if let Answer::Recorded(receipt) = &answer {
            let ballot = &self.attempts[attempt].ballot;
            let late = |first: &Attempt| {
                self.closed.is_some_and(|closed| first.begun > closed)
                    || self.closes.is_some_and(|closes| first.at >= closes)
            };
            if self.attempts.iter().find(|it| it.ballot == *ballot).is_some_and(late) {
                self.wrong(format!("{attempt} was recorded after the close: {receipt}"));
            }
        }
        self.attempts[attempt].answer = answer;
    }

    /// The returning officer was told that the election is closed.
    pub(super) fn is_closed(&mut self) {
        let moment = self.happened("the election is closed".into());
        self.closed = Some(moment);
    }

    /// Whether the returning officer was told that the election is closed.
    pub(super) fn was_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// Somebody asks for the results.
    pub(super) fn asks(&self) -> Asked {
        let mut at_least = self.told;
        let recorded = self.recorded();
        for (candidate, at_least) in CANDIDATES.iter().zip(&mut at_least) {
            let recorded = recorded.values().filter(|(ballot, _)| ballot.candidate == *candidate);
            *at_least = (*at_least).max(recorded.count() as u64);
        }
        Asked { at_least, after_close: self.closed.is_some() }
    }

    /// They are told.
    pub(super) fn sees(&mut self, asked: Asked, results: &Results) {
        let count = count(results);
        self.happened(format!("results {count:?}, {:?}", results.status));
        if count.iter().zip(asked.at_least).any(|(now, before)| *now < before) {
            let before = asked.at_least;
            self.wrong(format!("a count of {count:?}, where there were {before:?} before"));
        }
        if asked.after_close && count != self.told && self.told != Count::default() {
            // Whoever asked after the close saw the last count there is.
            let told = self.told;
            if told.iter().zip(count).any(|(told, now)| *told > now) {
                self.wrong(format!("a count of {count:?} after the close, and {told:?} before"));
            }
        }
        self.told.iter_mut().zip(count).for_each(|(told, now)| *told = (*told).max(now));
    }

    /// An observer is told without asking. Over a slow wire this may be late.
    pub(super) fn was_told(&mut self, results: &Results) {
        let count = count(results);
        self.happened(format!("pushed {count:?}, {:?}", results.status));
        self.told.iter_mut().zip(count).for_each(|(told, now)| *told = (*told).max(now));
    }

    /// The ballots that somebody was told are recorded, by number, with their receipts.
    fn recorded(&self) -> HashMap<u64, (&Ballot, &str)> {
        let recorded = self.attempts.iter().filter_map(|attempt| match &attempt.answer {
            Answer::Recorded(receipt) => {
                Some((attempt.ballot.number.get(), (&attempt.ballot, &receipt[..])))
            }
            _ => None,
        });
        recorded.collect()
    }

    /// The ballots that were recorded, with their receipts: what casting them again has to come to.
    pub(super) fn receipts(&self) -> Vec<(Ballot, String)> {
        let mut receipts: Vec<_> = self
            .recorded()
            .values()
            .map(|(ballot, receipt)| ((*ballot).clone(), receipt.to_string()))
            .collect();
        receipts.sort_by_key(|(ballot, _)| ballot.number.get());
        receipts
    }

    /// Holds everything against the sheet.
    pub(super) fn ends(&mut self, sheet: &Sheet) {
        let mut found = Vec::new();
        let mut numbers = HashMap::new();
        let mut nonces = HashSet::new();
        for (candidate, nonce) in sheet {
            if !nonces.insert(*nonce) {
                found.push(format!("{nonce:?} is on the sheet twice"));
            }
            let ballots = self.attempts.iter().map(|attempt| &attempt.ballot);
            match ballots.into_iter().find(|ballot| ballot.nonce == *nonce) {
                Some(ballot) if ballot.candidate == *candidate => {
                    if let Some(other) = numbers.insert(ballot.number.get(), *nonce) {
                        let number = ballot.number.get();
                        found.push(format!("{number} has {nonce:?} and {other:?} on the sheet"));
                    }
                }
                Some(ballot) => found.push(format!("{} counts for {candidate}", show(ballot))),
                None => found.push(format!("nobody cast {nonce:?}")),
            }
        }
        for (index, attempt) in self.attempts.iter().enumerate() {
            let (ballot, nonce) = (show(&attempt.ballot), attempt.ballot.nonce);
            let number = attempt.ballot.number.get();
            let again = self.attempts.iter().filter(|it| it.ballot == attempt.ballot).count() > 1;
            match &attempt.answer {
                Answer::Recorded(_) if !nonces.contains(&nonce) => {
                    found.push(format!("{index} was recorded and is lost: {ballot}"));
                }
                Answer::AlreadyVoted if numbers.get(&number).is_none_or(|it| *it == nonce) => {
                    found.push(format!("{index} had already voted, and nothing counts: {ballot}"));
                }
                Answer::Closed if nonces.contains(&nonce) => {
                    found.push(format!("{index} came after the close, and counts: {ballot}"));
                }
                Answer::NotRecorded(_) if nonces.contains(&nonce) && !again => {
                    found.push(format!("{index} was not stored, and counts: {ballot}"));
                }
                _ => {}
            }
        }
        let lines = |candidate: &&str| sheet.iter().filter(|(name, _)| name == candidate).count();
        let last: Vec<_> = CANDIDATES.iter().map(|candidate| lines(candidate) as u64).collect();
        if last.iter().zip(self.told).any(|(last, told)| *last < told) {
            found.push(format!("the sheet has {last:?}, and {:?} were told before", self.told));
        }
        found.into_iter().for_each(|what| self.wrong(what));
    }

    /// Something that the end of the history showed.
    pub(super) fn holds(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.wrong(what());
        }
    }

    /// How many votes were told to be recorded.
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
