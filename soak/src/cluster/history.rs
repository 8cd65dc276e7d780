//! The log of one simulated history, and the checks that it keeps the promises of its elections.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use capvote::election::{ElectionState, Outcome, Refusal};
use capvote::ledger::{LedgerError, Snapshot};
use tokio::time::Instant;

use super::SERVERS;

/// The elections of a history.
pub(super) const IDS: [&str; 3] = ["board", "second", "third"];

pub(super) type Shared = Rc<RefCell<History>>;

/// A place in the story.
type Moment = usize;

/// How long an answer takes at most from a server to a voter.
const PAUSED_WAIT: Duration = Duration::from_millis(1);

/// A ballot that was cast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cast {
    pub(super) election: usize,
    pub(super) number: u64,
    pub(super) choice: usize,
    pub(super) nonce: [u8; 16],
}

/// A ballot, and what became of it.
#[derive(Debug)]
pub(super) struct Voted {
    pub(super) cast: Cast,
    /// When it was first cast.
    first: Moment,
    /// Calls whose answer never came, or was that it is unknown.
    open: usize,
    pub(super) is_recorded: bool,
    refused: Vec<Refusal>,
}

/// A change that an officer wants: when it was first asked for, and when it was known to be made.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted {
    pub(super) begun: Option<Moment>,
    pub(super) done: Option<Moment>,
}

/// The events of one history, and the violations found in it.
#[derive(Debug)]
pub struct History {
    begun: Instant,
    /// The events in order, as text.
    pub story: Vec<String>,
    /// Broken promises.
    pub violations: Vec<String>,
    pub(super) votes: Vec<Voted>,
    /// When numbers came on the roll, and when they were voided, by number.
    pub(super) issued: BTreeMap<u64, Wanted>,
    pub(super) voided: BTreeMap<u64, Wanted>,
    pub(super) opened: [Wanted; IDS.len()],
    pub(super) closed: [Wanted; IDS.len()],
    /// What each handle has told voters, and the most that it has shown.
    told: [BTreeSet<(usize, u64)>; SERVERS],
    shown: [BTreeMap<usize, Vec<u64>>; SERVERS],
    /// Whether a server was out of touch for so long that others go on without what it remembers.
    pub(super) was_away: bool,
    /// Since when each server is paused.
    pub(super) paused: [Option<Instant>; SERVERS],
    /// Faults of all kinds.
    pub(super) faults: BTreeMap<&'static str, usize>,
    /// Whether a standby was promoted: what was seen and never replicated is gone
    /// from the counts, too.
    pub(super) has_failed_over: bool,
    /// Whether acknowledged commits may have been lost with a database server.
    pub(super) has_lost: bool,
}

impl History {
    pub(super) fn new() -> Self {
        Self {
            begun: Instant::now(),
            story: Vec::new(),
            violations: Vec::new(),
            votes: Vec::new(),
            issued: BTreeMap::new(),
            voided: BTreeMap::new(),
            opened: Default::default(),
            closed: Default::default(),
            told: Default::default(),
            shown: Default::default(),
            paused: Default::default(),
            faults: BTreeMap::new(),
            has_failed_over: false,
            has_lost: false,
            was_away: false,
        }
    }

    /// Logs an event. Returns its moment.
    pub(super) fn note(&mut self, what: impl Into<String>) -> Moment {
        let at = self.begun.elapsed();
        self.story.push(format!("{:10.4} {}", at.as_secs_f64(), what.into()));
        self.story.len()
    }

    pub(super) fn violated(&mut self, what: impl Into<String>) {
        let what = what.into();
        self.note(format!("VIOLATION: {what}"));
        self.violations.push(what);
    }

    pub(super) fn check(&mut self, holds: bool, violation: impl FnOnce() -> String) {
        if !holds {
            self.violated(violation());
        }
    }

    pub(super) fn fault(&mut self, kind: &'static str, about: impl std::fmt::Display) {
        self.note(format!("{kind}: {about}"));
        *self.faults.entry(kind).or_default() += 1;
    }

    /// A server has started: it has told nobody anything.
    pub(super) fn started(&mut self, server: usize) {
        self.note(format!("{server} has started"));
        self.told[server].clear();
        self.shown[server].clear();
    }

    /// A ballot is cast for the first time. Returns its index.
    pub(super) fn cast(&mut self, cast: Cast) -> usize {
        let index = self.votes.len();
        let Cast { election, number, choice, .. } = &cast;
        let what = format!("vote {index}: {number} for {choice} in {}", IDS[*election]);
        let first = self.note(what);
        let (open, is_recorded, refused) = Default::default();
        self.votes.push(Voted { cast, first, open, is_recorded, refused });
        index
    }

    /// A ballot is sent to a server. Returns when.
    pub(super) fn sent(&mut self, vote: usize, server: usize) -> Moment {
        self.votes[vote].open += 1;
        self.note(format!("vote {vote} to {server}"))
    }

    /// The answer of a server that was asked at `asked`.
    pub(super) fn answered(
        &mut self,
        vote: usize,
        (server, starts): (usize, bool),
        asked: Moment,
        answer: &Result<Outcome, LedgerError>,
    ) {
        let now = self.note(format!("vote {vote}: {server} says {answer:?}"));
        let is_paused = self.paused[server].is_some_and(|since| since.elapsed() > PAUSED_WAIT);
        self.check(!is_paused, || format!("{server} is paused, and answers vote {vote}"));
        let Cast { election, number, .. } = self.votes[vote].cast;
        let first = self.votes[vote].first;
        match answer {
            Ok(Outcome::Recorded) => {
                self.votes[vote].open -= 1;
                self.votes[vote].is_recorded = true;
                if starts {
                    self.told[server].insert((election, number));
                }
                if self.has_lost {
                    return;
                }
                let late = self.closed[election].done.is_some_and(|closed| closed < first);
                self.check(!late, || format!("vote {vote} is recorded, and came after the close"));
                let early = self.opened[election].begun.is_none();
                self.check(!early, || format!("vote {vote} is recorded before the opening"));
                let firsts = self.votes.iter().filter(|it| it.cast.number == number);
                let first = firsts.map(|it| it.first).min().unwrap_or(first);
                let voided = self.voided.get(&number).and_then(|it| it.done);
                let is_void = voided.is_some_and(|voided| voided < first);
                self.check(!is_void, || format!("vote {vote} is recorded for a voided number"));
            }
            Ok(Outcome::Refused(refusal)) => {
                self.votes[vote].open -= 1;
                self.votes[vote].refused.push(*refusal);
                self.refused(vote, asked, now, *refusal);
            }
            // It may be stored later, or never.
            Err(LedgerError::Unreadable(why)) => {
                self.violated(format!("vote {vote} is unreadable: {why}"));
            }
            Err(error) if error.is_certain() => self.votes[vote].open -= 1,
            Err(_) => {}
        }
    }

    fn refused(&mut self, vote: usize, asked: Moment, now: Moment, refusal: Refusal) {
        let Cast { election, number, .. } = self.votes[vote].cast;
        let before = |moment: Option<Moment>| moment.is_some_and(|moment| moment < asked);
        let begun = |wanted: Option<&Wanted>| {
            wanted.and_then(|wanted| wanted.begun).is_some_and(|begun| begun < now)
        };
        let wrong = match refusal {
            Refusal::NotOpen => before(self.opened[election].done),
            Refusal::Closed => !begun(Some(&self.closed[election])),
            Refusal::UnknownVoterNumber => {
                let on_roll = before(self.issued.get(&number).and_then(|it| it.done));
                on_roll && !begun(self.voided.get(&number))
            }
            Refusal::AlreadyVoted => {
                let mut others = self.votes.iter().map(|it| &it.cast);
                let nonce = self.votes[vote].cast.nonce;
                !others
                    .any(|it| (it.election, it.number) == (election, number) && it.nonce != nonce)
            }
            _ => true,
        };
        let wrong = wrong && !self.has_lost;
        self.check(!wrong, || format!("vote {vote} is refused, wrongly: {refusal:?}"));
    }

    /// What a server shows.
    pub(super) fn look(&mut self, server: usize, snapshot: &Snapshot) {
        if self.has_lost {
            return;
        }
        for (election, standing) in snapshot.elections.iter().enumerate() {
            let told = self.told[server].iter().filter(|(of, _)| *of == election).count() as u64;
            let (name, ballots) = (IDS[election], standing.ballots);
            self.check(told <= ballots, || {
                format!("{server} shows {ballots} in {name}, and has told {told} voters")
            });
            if standing.state != ElectionState::Open || self.has_failed_over {
                continue;
            }
            let mut now = vec![ballots];
            now.extend(standing.votes().into_iter().flatten());
            let before = self.shown[server].insert(election, now.clone()).unwrap_or_default();
            let grew = before.iter().zip(&now).all(|(before, now)| before <= now);
            self.check(grew, || format!("{server} shows {now:?} in {name} after {before:?}"));
        }
    }

    /// The tally sheet of an election, by the nonces of its lines.
    pub(super) fn check_sheet(&mut self, election: usize, sheet: &[([u8; 16], usize)]) {
        let mut numbers = BTreeMap::<u64, usize>::new();
        let mut lines = BTreeMap::<[u8; 16], usize>::new();
        for (nonce, choice) in sheet {
            *lines.entry(*nonce).or_default() += 1;
            let cast = self.votes.iter().find(|it| it.cast.nonce == *nonce);
            match cast.map(|it| it.cast.clone()).filter(|it| it.election == election) {
                Some(cast) => {
                    *numbers.entry(cast.number).or_default() += 1;
                    let (number, meant) = (cast.number, cast.choice);
                    self.check(meant == *choice, || format!("{number} voted for {meant}"));
                }
                None => self.violated(format!("a line of {} was never cast", IDS[election])),
            }
        }
        for (number, count) in &numbers {
            self.check(*count == 1, || format!("{number} counts {count} times"));
        }
        let mut wrong = Vec::new();
        for (index, vote) in self.votes.iter().enumerate() {
            if vote.cast.election != election {
                continue;
            }
            let lines = lines.get(&vote.cast.nonce).copied().unwrap_or(0);
            let may_be_lost =
                self.has_lost && (self.was_away || numbers.contains_key(&vote.cast.number));
            if vote.is_recorded && lines != 1 && !may_be_lost {
                wrong.push(format!("vote {index} is recorded, and has {lines} lines"));
            }
            let is_final = |it: &Refusal| matches!(it, Refusal::Closed | Refusal::AlreadyVoted);
            let is_refused = vote.refused.iter().any(is_final);
            let is_only_refused = !vote.is_recorded && vote.open == 0;
            if lines > 0 && (is_refused || is_only_refused) && !self.has_lost {
                wrong.push(format!("vote {index} was refused, and is on the sheet"));
            }
            let is_second = vote.refused.contains(&Refusal::AlreadyVoted);
            if is_second && !numbers.contains_key(&vote.cast.number) {
                wrong.push(format!("vote {index} was a second one, and there is no first"));
            }
        }
        wrong.into_iter().for_each(|wrong| self.violated(wrong));
    }

    /// How many ballots were answered `recorded`.
    pub fn recorded(&self) -> usize {
        self.votes.iter().filter(|vote| vote.is_recorded).count()
    }
}
