//! What the returning officer has done, and what a start finds of it.

use capvote::election::{ElectionState, Timestamp};
use capvote::ledger::Snapshot;

use super::super::VOTERS;
use super::History;

impl History {
    /// The returning officer calls the creation of an election. Returns whether that was never
    /// done before.
    pub(in super::super) fn asks_to_create(&mut self, election: usize) -> bool {
        let name = self.name(election).to_string();
        self.log(format!("the officer asks to create {name}"));
        !std::mem::replace(&mut self.elections[election].asked_to_create, true)
    }

    /// The creation of an election was answered.
    pub(in super::super) fn created(&mut self, election: usize) {
        let index = self.log(format!("{} is created", self.name(election)));
        self.elections[election].created = Some(index);
        self.run_offs += 1;
    }

    /// The opening of an election was answered.
    pub(in super::super) fn opened(&mut self, election: usize) {
        let index = self.log(format!("{} is open", self.name(election)));
        self.elections[election].opened = Some(index);
    }

    /// Whether the creation of an election was ever asked for.
    pub(in super::super) fn may_exist(&self, election: usize) -> bool {
        self.elections[election].asked_to_create
    }

    /// Whether the creation of an election was answered.
    pub(in super::super) fn is_created(&self, election: usize) -> bool {
        self.elections[election].created.is_some()
    }

    /// Whether the opening of an election was answered.
    pub(in super::super) fn is_open(&self, election: usize) -> bool {
        self.elections[election].opened.is_some()
    }

    /// The returning officer calls the close of an election.
    pub(in super::super) fn asks_to_close(&mut self, election: usize) {
        self.log(format!("the officer asks to close {}", self.name(election)));
        self.elections[election].asked_to_close = true;
    }

    /// The returning officer's close was answered.
    pub(in super::super) fn closed(&mut self, election: usize) {
        let index = self.log(format!("{} is closed", self.name(election)));
        self.elections[election].closed = Some(index);
    }

    /// Whether the returning officer's close was answered.
    pub(in super::super) fn is_closed(&self, election: usize) -> bool {
        self.elections[election].closed.is_some()
    }

    /// The server starts with these elections, and has a wrong clock or not.
    pub(in super::super) fn started(&mut self, snapshot: &Snapshot, wrong_clock: bool) {
        self.log(format!("the server starts; wrong clock: {wrong_clock}"));
        for (election, definition) in self.definitions().collect::<Vec<_>>() {
            let name = definition.id.as_str();
            let course = &self.elections[election];
            let (created, opened) = (course.created.is_some(), course.opened.is_some());
            let (asked, closed) = (course.asked_to_create, course.closed.is_some());
            let Some(standing) = snapshot.election(&definition.id) else {
                self.check(!created, || format!("{name} is gone"));
                continue;
            };
            let (state, ballots) = (standing.state, standing.ballots);
            self.log(format!("{name} is {state:?} and has {ballots} ballots"));
            self.check(asked, || format!("{name} was created by nobody"));
            let same = *standing.definition == *definition;
            self.check(same, || format!("{name} is another election: {:?}", standing.definition));
            let is_open = state != ElectionState::Draft;
            self.check(is_open || !opened, || format!("the opening of {name} is lost"));
            let is_closed = state == ElectionState::Closed;
            self.check(is_closed || !closed, || format!("the close of {name} is lost"));
            let recorded = self.recorded(election).len() as u64;
            self.check(ballots >= recorded, || {
                format!(
                    "{name} has {ballots} ballots after a restart, and {recorded} were recorded"
                )
            });
            let voters = standing.voters;
            self.check(voters == VOTERS, || format!("{name} has {voters} voters"));
            if is_closed {
                self.found_closed(election);
            }
            let course = &mut self.elections[election];
            course.wrong_clock = wrong_clock || (is_closed && course.wrong_clock);
        }
    }

    /// Whether somebody or something may have closed an election.
    pub(super) fn may_be_closed(&self, election: usize) -> bool {
        let course = &self.elections[election];
        let closes = course.definition.schedule.closes;
        let due = closes.is_some_and(|Timestamp(closes)| self.now().0 >= closes);
        course.asked_to_close || course.wrong_clock || due
    }

    /// An election was found closed.
    pub(in super::super) fn found_closed(&mut self, election: usize) {
        let may = self.may_be_closed(election);
        let name = self.name(election).to_string();
        self.check(may, || format!("{name} was closed before its time"));
    }
}
