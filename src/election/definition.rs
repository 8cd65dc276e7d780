//! The definition of an election: candidates, publication and schedule.

use super::slate::text_bytes;
use super::{ElectionId, InvalidRules, InvalidSlate, Rules, Slate, TITLE_BYTES_MAX};

/// The definition of an election. It never changes after the election is created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Its id on this server.
    pub id: ElectionId,
    /// The title shown to people.
    pub title: String,
    /// The candidates.
    pub slate: Slate,
    /// When the count is published.
    pub publication: Publication,
    /// When the server opens and closes the election without an officer.
    pub schedule: Schedule,
    /// What a ballot can say, and how ballots are counted.
    pub rules: Rules,
    /// The election whose roll it shares, if it has none of its own.
    pub roll: Option<ElectionId>,
}

/// When an election's count is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Publication {
    /// While voting, in [batches](super::LIVE_BATCH_BALLOTS).
    Live,
    /// After the close. Before that, only the turnout is published.
    #[default]
    Sealed,
}

/// A time, in whole seconds since 1970-01-01 00:00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub u64);

/// When the server opens and closes an election without an officer. `None` leaves it to an officer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Schedule {
    /// From this second on, the server opens a draft.
    pub opens: Option<Timestamp>,
    /// From this second on, no vote counts, and the server closes the election.
    pub closes: Option<Timestamp>,
}

/// Why a definition is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDefinition {
    /// The id is not for elections.
    #[error("an election cannot be called {0:?}: in an address, that name leads elsewhere")]
    ReservedId(ElectionId),
    /// The title is too long.
    #[error("a title has at most {TITLE_BYTES_MAX} bytes of UTF-8; {0} were given")]
    LongTitle(usize),
    /// The schedule closes the election when it opens, or earlier.
    #[error("the time to close has to be after the time to open")]
    ClosesFirst,
    /// The candidates are not a valid slate.
    #[error(transparent)]
    Slate(#[from] InvalidSlate),
    /// The rules are invalid, or do not fit the slate or the publication.
    #[error(transparent)]
    Rules(#[from] InvalidRules),
}

impl Definition {
    /// An election by the default [`Rules`], with a roll of its own, whose count is sealed until the
    /// close, without blank ballots and without a schedule.
    ///
    /// # Errors
    /// [`InvalidDefinition`] if the title is too long, or the candidates are not a valid
    /// [`Slate`].
    pub fn new(
        id: ElectionId,
        title: String,
        candidates: Vec<String>,
    ) -> Result<Self, InvalidDefinition> {
        if title.len() > TITLE_BYTES_MAX {
            return Err(InvalidDefinition::LongTitle(title.len()));
        }
        let slate = Slate::new(candidates)?;
        let (publication, schedule, rules) = Default::default();
        Ok(Self { id, title, slate, publication, schedule, rules, roll: None })
    }

    /// Checks what is asked of a new election only, since a ledger may have older ones: that its id
    /// leads to it in an address, and its candidates' [looks](Slate::check_looks).
    ///
    /// # Errors
    /// [`InvalidDefinition::ReservedId`] or [`InvalidDefinition::Slate`].
    #[cfg(feature = "server")]
    pub fn check_new(&self) -> Result<(), InvalidDefinition> {
        if super::RESERVED_IDS.contains(&self.id.as_str()) {
            return Err(InvalidDefinition::ReservedId(self.id.clone()));
        }
        Ok(self.slate.check_looks()?)
    }

    /// About how many bytes it takes in a message, at most.
    pub fn message_bytes(&self) -> usize {
        // Numbers, rules, and pointers.
        const REST_BYTES: usize = 256;
        let roll = self.roll.as_ref().map_or(0, |roll| text_bytes(roll.as_str()));
        let texts = text_bytes(self.id.as_str()) + text_bytes(&self.title) + roll;
        REST_BYTES + texts + self.slate.message_bytes()
    }

    /// The same election, with blank ballots allowed or not.
    #[must_use]
    pub fn with_blank(self, blank: bool) -> Self {
        Self { slate: self.slate.with_blank(blank), ..self }
    }

    /// The same election, with another publication.
    #[must_use]
    pub fn with_publication(self, publication: Publication) -> Self {
        Self { publication, ..self }
    }

    /// The same election, with these rules. They have to fit its publication, so set that first.
    ///
    /// # Errors
    /// [`InvalidDefinition::Rules`].
    pub fn with_rules(self, rules: Rules) -> Result<Self, InvalidDefinition> {
        rules.check(self.slate.names().len(), self.publication)?;
        Ok(Self { rules, ..self })
    }

    /// The same election, which shares the roll of another, or has its own.
    #[must_use]
    pub fn with_roll(self, roll: Option<ElectionId>) -> Self {
        Self { roll, ..self }
    }

    /// The same election, with another schedule.
    ///
    /// # Errors
    /// [`InvalidDefinition::ClosesFirst`] if it closes when it opens, or earlier.
    pub fn with_schedule(self, schedule: Schedule) -> Result<Self, InvalidDefinition> {
        match (schedule.opens, schedule.closes) {
            (Some(opens), Some(closes)) if closes <= opens => Err(InvalidDefinition::ClosesFirst),
            _ => Ok(Self { schedule, ..self }),
        }
    }
}

impl Schedule {
    /// Whether the time to open has come.
    pub fn has_opened(&self, now: Timestamp) -> bool {
        self.opens.is_some_and(|opens| opens <= now)
    }

    /// Whether the time to close has come.
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
    fn a_scheduled_time_takes_effect_in_its_second() {
        let schedule = schedule(Some(5), Some(9));
        assert_eq!([4, 5, 6].map(|now| schedule.has_opened(Timestamp(now))), [false, true, true]);
        assert_eq!([8, 9, 10].map(|now| schedule.has_closed(Timestamp(now))), [false, true, true]);
    }
}
