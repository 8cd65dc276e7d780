//! What is being elected, and by which rules.

use super::{ElectionId, InvalidSlate, Slate, TITLE_BYTES_MAX};

/// What is being elected, and by which rules. It does not change once the election is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Its name on this server.
    pub id: ElectionId,
    /// What people call it.
    pub title: String,
    /// The candidates.
    pub slate: Slate,
    /// When the count is shown.
    pub publication: Publication,
    /// When the server opens and closes the election by itself.
    pub schedule: Schedule,
}

/// When an election's count is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Publication {
    /// As the votes come in.
    #[default]
    Live,
    /// Once the election is closed. Before, only the turnout is.
    Sealed,
}

/// A moment, in whole seconds since 1970-01-01 00:00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub u64);

/// When the server opens and closes an election by itself, where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Schedule {
    /// The moment from which on votes are taken.
    pub opens: Option<Timestamp>,
    /// The moment from which on none are.
    pub closes: Option<Timestamp>,
}

/// Why some words define no election.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDefinition {
    /// The title is too long.
    #[error("a title has at most {TITLE_BYTES_MAX} bytes of UTF-8; {0} were given")]
    LongTitle(usize),
    /// The election would be over before it begins.
    #[error("the time to close has to be after the time to open")]
    ClosesFirst,
    /// The candidates make no slate.
    #[error(transparent)]
    Slate(#[from] InvalidSlate),
}

impl Definition {
    /// An election called `id`, with this title and these candidates: results live, no blank ballots,
    /// opened and closed by hand.
    ///
    /// # Errors
    /// [`InvalidDefinition`] where the title or a name is too long, a name stands twice or is empty, or there are no
    /// candidates or too many.
    pub fn new(
        id: ElectionId,
        title: String,
        candidates: Vec<String>,
    ) -> Result<Self, InvalidDefinition> {
        if title.len() > TITLE_BYTES_MAX {
            return Err(InvalidDefinition::LongTitle(title.len()));
        }
        let slate = Slate::new(candidates)?;
        let (publication, schedule) = (Publication::Live, Schedule::default());
        Ok(Self { id, title, slate, publication, schedule })
    }

    /// The same election, with blank ballots allowed or not.
    #[must_use]
    pub fn with_blank(self, blank: bool) -> Self {
        Self { slate: self.slate.with_blank(blank), ..self }
    }

    /// The same election, with its count shown at another time.
    #[must_use]
    pub fn with_publication(self, publication: Publication) -> Self {
        Self { publication, ..self }
    }

    /// The same election, opened and closed by the server.
    ///
    /// # Errors
    /// [`InvalidDefinition::ClosesFirst`] where it would be over before it begins.
    pub fn with_schedule(self, schedule: Schedule) -> Result<Self, InvalidDefinition> {
        match (schedule.opens, schedule.closes) {
            (Some(opens), Some(closes)) if closes <= opens => Err(InvalidDefinition::ClosesFirst),
            _ => Ok(Self { schedule, ..self }),
        }
    }
}

impl Schedule {
    /// Whether it is time to open.
    pub fn has_opened(&self, now: Timestamp) -> bool {
        self.opens.is_some_and(|opens| opens <= now)
    }

    /// Whether it is time to close.
    pub fn has_closed(&self, now: Timestamp) -> bool {
        self.closes.is_some_and(|closes| closes <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition() -> Definition {
        Definition::new("board".parse().unwrap(), String::new(), vec!["Ada".into()]).unwrap()
    }

    fn schedule(opens: Option<u64>, closes: Option<u64>) -> Schedule {
        Schedule { opens: opens.map(Timestamp), closes: closes.map(Timestamp) }
    }

    #[test]
    fn an_election_closes_after_it_opens() {
        for (opens, closes) in [(None, None), (Some(5), None), (None, Some(5)), (Some(5), Some(6))]
        {
            assert!(definition().with_schedule(schedule(opens, closes)).is_ok());
        }
        let error = definition().with_schedule(schedule(Some(5), Some(5)));
        assert_eq!(error, Err(InvalidDefinition::ClosesFirst));
    }

    #[test]
    fn a_moment_belongs_to_what_it_begins() {
        let schedule = schedule(Some(5), Some(9));
        assert_eq!([4, 5, 6].map(|now| schedule.has_opened(Timestamp(now))), [false, true, true]);
        assert_eq!([8, 9, 10].map(|now| schedule.has_closed(Timestamp(now))), [false, true, true]);
    }
}
