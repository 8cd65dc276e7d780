//! What voters were answered, and whether it is right.

use capvote::election::{Nonce, Timestamp, VoterNumber};

use super::super::VOTERS;
use super::super::elections::Kind;
use super::History;

/// What a vote call says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Cast {
    /// The election's index.
    pub(in super::super) election: usize,
    pub(in super::super) marks: Vec<u16>,
    pub(in super::super) number: VoterNumber,
    pub(in super::super) nonce: Nonce,
}

/// A vote call.
pub(super) struct Attempt {
    pub(super) cast: Cast,
    pub(super) kind: Kind,
    /// Where in the story it was cast.
    pub(super) index: usize,
    /// When it was cast, in seconds since the history began.
    pub(super) at: Timestamp,
    pub(super) answer: Answer,
    /// How long the story was when it was answered.
    pub(super) answered: usize,
}

/// The answer to a vote call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Answer {
    /// None, or one that leaves the outcome unknown.
    None,
    /// Recorded, with this receipt.
    Recorded(String),
    AlreadyVoted,
    UnknownVoterNumber,
    /// No ballot of the election, for this reason.
    Invalid(String),
    NotOpen,
    Closed,
    Throttled,
    /// Certainly not stored.
    NotRecorded(String),
    /// There is no such election.
    NoElection,
    /// An answer that is never right in a simulation.
    Wrong(String),
}

impl History {
    /// An attempt was answered, after these messages.
    pub(in super::super) fn answered(
        &mut self,
        attempt: usize,
        answer: Answer,
        messages: &[String],
    ) {
        let decided = !matches!(
            answer,
            Answer::None | Answer::NotRecorded(_) | Answer::NoElection | Answer::Wrong(_)
        );
        if messages.len() > 1 || (decided && messages.is_empty()) {
            self.violated(format!("{attempt} had {} messages: {messages:?}", messages.len()));
        }
        self.decided(attempt, answer);
    }

    /// An attempt was answered.
    pub(in super::super) fn decided(&mut self, attempt: usize, answer: Answer) {
        self.log(format!("{attempt} is answered {answer:?}"));
        if let Some(what) = self.wrong(attempt, &answer) {
            self.violated(format!("{attempt} {what}"));
        }
        self.invalid += usize::from(matches!(answer, Answer::Invalid(_)));
        self.attempts[attempt].answer = answer;
        self.attempts[attempt].answered = self.story.len();
    }

    /// What is wrong with an answer by what is known so far, if anything.
    fn wrong(&self, attempt: usize, answer: &Answer) -> Option<String> {
        let Attempt { cast, kind, index, .. } = &self.attempts[attempt];
        let course = &self.elections[cast.election];
        let since = |moment: Option<usize>| moment.is_some_and(|moment| *index > moment);
        let fits = match (kind, answer) {
            (_, Answer::None | Answer::NoElection) => true,
            (Kind::Valid, answer) => {
                !matches!(answer, Answer::Invalid(_)) && !asks_for_cast(answer)
            }
            (Kind::Invalid(why), Answer::Invalid(said)) => said == why,
            (Kind::Invalid(_), Answer::Closed | Answer::NotOpen) => true,
            (Kind::Invalid(_), answer) => is_overloaded(answer),
            (Kind::ByName, answer) => asks_for_cast(answer) || is_overloaded(answer),
        };
        if !fits {
            return Some(format!("is {kind:?} and was answered {answer:?}"));
        }
        let known = (1..=VOTERS).contains(&cast.number.get());
        match answer {
            Answer::Wrong(what) => Some(format!("was answered {what}")),
            Answer::UnknownVoterNumber if known => {
                Some("is unknown, but its number is on the roll".into())
            }
            Answer::NoElection if since(course.created) => {
                Some("was cast in an election that is gone".into())
            }
            Answer::NotOpen if since(course.opened) => {
                Some("was cast in an open election, which is not open".into())
            }
            Answer::Closed if !self.may_be_closed(cast.election) && self.steps == 0 => {
                Some("came after a close that nobody made".into())
            }
            Answer::Recorded(receipt) => {
                let closes = course.definition.schedule.closes;
                let late = |first: &Attempt| {
                    course.closed.is_some_and(|closed| first.index > closed)
                        || closes.is_some_and(|closes| first.at >= closes)
                };
                let first = self.attempts.iter().find(|it| it.cast == *cast);
                first.is_some_and(late).then(|| format!("was recorded after the close: {receipt}"))
            }
            _ => None,
        }
    }
}

/// Whether an old client is told that this election takes other ballots.
fn asks_for_cast(answer: &Answer) -> bool {
    matches!(answer, Answer::NotRecorded(why) if why.contains("cast with the method cast"))
}

/// Whether a call was refused before anything was decided.
fn is_overloaded(answer: &Answer) -> bool {
    matches!(answer, Answer::NotRecorded(_)) && !asks_for_cast(answer)
}
