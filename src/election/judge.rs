//! The rules of an election: which votes count, and which changes are allowed.
//!
//! Every ledger decides by these functions, inside the transaction that stores the decision.

use super::{Ballot, Definition, ElectionState, Outcome, Refusal, Schedule, Timestamp, VOTERS_MAX};

/// What a ledger holds under the voter number of a vote.
///
/// A closed election does not know which number cast which ballot. There, the ledger looks for the
/// vote's ballot on the tally sheet: `SameBallot` if it is listed, and anything else if not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnderNumber {
    /// The number is not on the roll.
    NotOnRoll,
    /// The number is on the roll and has not voted.
    NoBallot,
    /// A ballot with the choice and the nonce of this vote: the vote is a retry.
    SameBallot,
    /// Another ballot.
    OtherBallot,
}

/// What to do with a vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruling {
    /// Store it, and answer `recorded` once it is stored.
    Count,
    /// Store nothing and answer this.
    Answer(Outcome),
}

/// Why an election does not allow a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChangeRefusal {
    /// An election opens once.
    #[error("it is open already")]
    AlreadyOpen,
    /// The schedule's time to close has come.
    #[error(
        "its time to close has passed by the server's clock, and it would be closed for good as \
         soon as it is open; create an election with a later time to close"
    )]
    TimePassed,
    /// Only an open election can be closed.
    #[error("it is a draft, and was not opened yet")]
    NotOpen,
    /// Closing is final, and so is the roll of a closed election.
    #[error("it is closed already, and a close is for good")]
    Closed,
    /// Numbers can be revoked before the election opens, and not afterwards.
    #[error("voting has begun, and the roll is frozen: numbers can be added and not revoked")]
    RollFrozen,
    /// A number is not on the roll.
    #[error("a number is not on the roll")]
    NumberUnknown,
    /// The roll would have more than [`VOTERS_MAX`] numbers.
    #[error("a roll has at most {VOTERS_MAX} voter numbers")]
    RollFull,
    /// A number is on the roll already, or was given twice.
    #[error("a voter number is on the roll already")]
    NumberTaken,
    /// A restored election is neither opened nor closed before an officer confirms it.
    #[error(
        "it was restored from a backup, and what happened after the backup is not in it; confirm \
         that first"
    )]
    Unconfirmed,
    /// The key of its ballots is lost.
    #[error("the key of its ballots is missing, and nobody can count them: it is over")]
    KeyMissing,
    /// The roll is another election's.
    #[error("its voter numbers are those of another election: change them there")]
    SharedRoll,
    /// Only a restored election is confirmed, and once.
    #[error("there is nothing to confirm: it takes its normal course")]
    NothingToConfirm,
}

/// Decides a vote with this ballot that arrives at `now`, in an election in this state.
///
/// The schedule's time to close is binding from that second on, even if nothing has closed the
/// election yet. A retry of a recorded vote is answered `recorded` at any time.
pub fn judge(
    definition: &Definition,
    state: ElectionState,
    now: Timestamp,
    ballot: &Ballot,
    under_number: UnderNumber,
) -> Ruling {
    let refuse = |refusal| Ruling::Answer(Outcome::Refused(refusal));
    match (state, under_number) {
        (ElectionState::Draft, _) => refuse(Refusal::NotOpen),
        (ElectionState::Closed, UnderNumber::SameBallot) => Ruling::Answer(Outcome::Recorded),
        (ElectionState::Closed, _) => refuse(Refusal::Closed),
        (ElectionState::Open, _) if !ballot.fits(&definition.slate, &definition.rules) => {
            refuse(Refusal::UnknownCandidate)
        }
        (ElectionState::Open, UnderNumber::NotOnRoll) => refuse(Refusal::UnknownVoterNumber),
        (ElectionState::Open, UnderNumber::SameBallot) => Ruling::Answer(Outcome::Recorded),
        (ElectionState::Open, UnderNumber::OtherBallot) => refuse(Refusal::AlreadyVoted),
        (ElectionState::Open, UnderNumber::NoBallot) => {
            if definition.schedule.has_closed(now) {
                refuse(Refusal::Closed)
            } else {
                Ruling::Count
            }
        }
    }
}

impl Ruling {
    /// The ruling in an election that may be unconfirmed after a restore: nothing new counts in
    /// it, and a retry of a vote that it has is answered.
    #[must_use]
    pub fn unless(self, unconfirmed: bool) -> Self {
        match self {
            Self::Count if unconfirmed => Self::Answer(Outcome::Refused(Refusal::Unconfirmed)),
            ruling => ruling,
        }
    }
}

impl ElectionState {
    /// The state after opening.
    ///
    /// # Errors
    /// [`ChangeRefusal::AlreadyOpen`] or [`ChangeRefusal::Closed`] if it was opened before.
    pub fn opened(self) -> Result<Self, ChangeRefusal> {
        match self {
            Self::Draft => Ok(Self::Open),
            Self::Open => Err(ChangeRefusal::AlreadyOpen),
            Self::Closed => Err(ChangeRefusal::Closed),
        }
    }

    /// Whether an officer may create or open an election with this schedule at `now`.
    ///
    /// # Errors
    /// [`ChangeRefusal::TimePassed`] for a draft that would be closed at once.
    pub fn may_begin(self, schedule: Schedule, now: Timestamp) -> Result<(), ChangeRefusal> {
        match self {
            Self::Draft if schedule.has_closed(now) => Err(ChangeRefusal::TimePassed),
            _ => Ok(()),
        }
    }

    /// The state after closing.
    ///
    /// # Errors
    /// [`ChangeRefusal::NotOpen`] for a draft, [`ChangeRefusal::Closed`] if it was closed before.
    pub fn closed(self) -> Result<Self, ChangeRefusal> {
        match self {
            Self::Draft => Err(ChangeRefusal::NotOpen),
            Self::Open => Ok(Self::Closed),
            Self::Closed => Err(ChangeRefusal::Closed),
        }
    }

    /// Whether `added` numbers may join a roll of `voters`. The ledger checks that they are new.
    ///
    /// # Errors
    /// [`ChangeRefusal::Closed`] and [`ChangeRefusal::RollFull`].
    pub fn may_issue(self, voters: usize, added: usize) -> Result<(), ChangeRefusal> {
        if self == Self::Closed {
            return Err(ChangeRefusal::Closed);
        }
        match voters.checked_add(added) {
            Some(voters) if voters <= VOTERS_MAX => Ok(()),
            _ => Err(ChangeRefusal::RollFull),
        }
    }

    /// Whether numbers may be taken off the roll. The ledger checks that they are on it.
    ///
    /// # Errors
    /// [`ChangeRefusal::RollFrozen`] once the election has been opened.
    pub fn may_revoke(self) -> Result<(), ChangeRefusal> {
        if self == Self::Draft { Ok(()) } else { Err(ChangeRefusal::RollFrozen) }
    }

    /// The state that the schedule requires at `now`, unless it is this one.
    pub fn due(self, schedule: Schedule, now: Timestamp) -> Option<Self> {
        match self {
            Self::Draft if schedule.has_opened(now) => Some(Self::Open),
            Self::Open if schedule.has_closed(now) => Some(Self::Closed),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::election::Choice;
    use ElectionState::{Closed, Draft, Open};
    use UnderNumber::{NoBallot, NotOnRoll, OtherBallot, SameBallot};

    const CLOSES: Timestamp = Timestamp(1_000);

    fn refused(refusal: Refusal) -> Ruling {
        Ruling::Answer(Outcome::Refused(refusal))
    }

    #[test]
    fn every_ruling() {
        let definition =
            Definition::new("board".parse().unwrap(), String::new(), vec!["Ada".into()]);
        let schedule = Schedule { opens: None, closes: Some(CLOSES) };
        let definition = definition.unwrap().with_schedule(schedule).unwrap();
        let recorded = Ruling::Answer(Outcome::Recorded);
        let (in_time, late) = (CLOSES.0 - 1, CLOSES.0);
        let table = [
            (Draft, in_time, 0, NoBallot, refused(Refusal::NotOpen)),
            (Draft, in_time, 0, NotOnRoll, refused(Refusal::NotOpen)),
            (Open, in_time, 0, NoBallot, Ruling::Count),
            (Open, late, 0, NoBallot, refused(Refusal::Closed)),
            (Open, late, 0, SameBallot, recorded),
            (Open, late, 0, OtherBallot, refused(Refusal::AlreadyVoted)),
            (Open, in_time, 0, SameBallot, recorded),
            (Open, in_time, 0, OtherBallot, refused(Refusal::AlreadyVoted)),
            (Open, in_time, 0, NotOnRoll, refused(Refusal::UnknownVoterNumber)),
            (Open, in_time, 1, NoBallot, refused(Refusal::UnknownCandidate)),
            (Open, in_time, 1, NotOnRoll, refused(Refusal::UnknownCandidate)),
            (Closed, in_time, 0, SameBallot, recorded),
            (Closed, late, 0, SameBallot, recorded),
            (Closed, in_time, 0, NoBallot, refused(Refusal::Closed)),
            (Closed, in_time, 0, NotOnRoll, refused(Refusal::Closed)),
            (Closed, in_time, 1, OtherBallot, refused(Refusal::Closed)),
        ];
        for (state, now, index, under, ruling) in table {
            let ballot = Choice::from_index(index).unwrap().into();
            let judged = judge(&definition, state, Timestamp(now), &ballot, under);
            assert_eq!(judged, ruling, "{state:?}, {now}, {index}, {under:?}");
        }
    }

    #[test]
    fn every_change() {
        use ChangeRefusal as No;
        assert_eq!(
            [Draft, Open, Closed].map(ElectionState::opened),
            [Ok(Open), Err(No::AlreadyOpen), Err(No::Closed)]
        );
        assert_eq!(
            [Draft, Open, Closed].map(ElectionState::closed),
            [Err(No::NotOpen), Ok(Closed), Err(No::Closed)]
        );
        let issue = |state: ElectionState| state.may_issue(1, VOTERS_MAX - 1);
        assert_eq!([Draft, Open, Closed].map(issue), [Ok(()), Ok(()), Err(No::Closed)]);
        assert_eq!(Open.may_issue(1, VOTERS_MAX), Err(No::RollFull));
        assert_eq!(Open.may_issue(1, usize::MAX), Err(No::RollFull));
        let frozen = Err(No::RollFrozen);
        assert_eq!([Draft, Open, Closed].map(ElectionState::may_revoke), [Ok(()), frozen, frozen]);
    }

    #[test]
    fn nothing_begins_that_would_end_at_once() {
        let schedule = Schedule { opens: None, closes: Some(CLOSES) };
        for (state, now, may) in [
            (Draft, CLOSES.0 - 1, Ok(())),
            (Draft, CLOSES.0, Err(ChangeRefusal::TimePassed)),
            // Another refusal says what these are.
            (Open, CLOSES.0, Ok(())),
            (Closed, CLOSES.0, Ok(())),
        ] {
            assert_eq!(state.may_begin(schedule, Timestamp(now)), may, "{state:?}, {now}");
        }
        assert_eq!(Draft.may_begin(Schedule::default(), Timestamp(u64::MAX)), Ok(()));
    }

    #[test]
    fn a_schedule_takes_effect_from_its_second_on() {
        let schedule = Schedule { opens: Some(Timestamp(10)), closes: Some(Timestamp(20)) };
        let due = |state: ElectionState, now| state.due(schedule, Timestamp(now));
        assert_eq!([9, 10, 30].map(|now| due(Draft, now)), [None, Some(Open), Some(Open)]);
        assert_eq!([10, 19, 20].map(|now| due(Open, now)), [None, None, Some(Closed)]);
        assert_eq!([0, 10, 30].map(|now| due(Closed, now)), [None; 3]);
    }
}
