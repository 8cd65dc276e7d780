//! One election, as far as the participants know it.

use std::sync::Arc;

use capvote::election::{Count, Definition};

pub(super) struct Course {
    pub(super) definition: Arc<Definition>,
    /// Whether its creation was ever asked for.
    pub(super) asked_to_create: bool,
    /// Where in the story its creation, its opening and the officer's close were answered.
    pub(super) created: Option<usize>,
    pub(super) opened: Option<usize>,
    pub(super) closed: Option<usize>,
    /// Whether the returning officer has called the close.
    pub(super) asked_to_close: bool,
    /// Whether the server has started with a wrong clock, which it cannot notice, or one that did
    /// has closed the election.
    pub(super) wrong_clock: bool,
    /// The most votes seen for each name, and the most blank ballots.
    pub(super) highest: Votes,
    /// The highest turnout seen.
    pub(super) turnout: u64,
    /// How the result came about, by the first answer.
    pub(super) count: Option<Count>,
}

/// Votes for each name of a slate, in its order, and the blank ballots.
pub(super) type Votes = Vec<u64>;

impl Course {
    /// An election that is open, or has not been created.
    pub(super) fn new(definition: &Arc<Definition>, is_open: bool) -> Self {
        let since = is_open.then_some(0);
        let highest = no_votes(definition);
        Self {
            definition: definition.clone(),
            asked_to_create: is_open,
            created: since,
            opened: since,
            closed: None,
            asked_to_close: false,
            wrong_clock: false,
            highest,
            turnout: 0,
            count: None,
        }
    }

    /// Forgets what was answered since the story had this length.
    pub(super) fn restored(&mut self, story: usize) {
        for answered in [&mut self.created, &mut self.opened, &mut self.closed] {
            *answered = answered.filter(|answered| *answered <= story);
        }
        (self.highest, self.turnout, self.count) = (no_votes(&self.definition), 0, None);
    }
}

fn no_votes(definition: &Definition) -> Votes {
    vec![0; definition.slate.names().len() + 1]
}
