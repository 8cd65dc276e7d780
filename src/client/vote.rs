//! A vote, and its outcome.

use std::time::Duration;

use super::Error;
use crate::election::{ElectionId, LedgerId, Nonce, Puzzle, Receipt, VoterNumber};
use crate::schema::election_capnp::{receipt, vote_outcome};
use crate::schema::puzzle::read_puzzle;
use crate::schema::values::{read_names, read_text};

/// A vote to be cast, with a nonce of its own.
///
/// Casting the same ballot again is a retry, which is never counted twice. Retry when an answer was
/// lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ballot {
    /// The candidate: a name of the slate, byte for byte. Empty for a blank ballot, and where there
    /// are marks.
    pub candidate: String,
    /// The marks, if the vote is cast by `Election.cast`.
    pub marks: Option<Marks>,
    /// The voter number to vote under.
    pub number: VoterNumber,
    /// The random bytes that tell a retry from a second vote.
    pub nonce: Nonce,
}

/// The marks of a ballot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    /// The slate, as [`Info::candidates`](super::Info::candidates) has it.
    pub slate: Vec<String>,
    /// One number for each name of the slate, where 0 is no mark; or none, for a blank ballot. A
    /// mark is 1 by plurality, and by the ranked methods the name's rank, from 1.
    pub marks: Vec<u16>,
}

/// The outcome of a vote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VoteOutcome {
    /// It is on the server's stable storage and counts once.
    Recorded(RecordedVote),
    /// A vote under this number stands, and this one was discarded.
    AlreadyVoted,
    /// The number is not on the roll.
    UnknownVoterNumber,
    /// The name is not on the slate, which is this.
    UnknownCandidate(Vec<String>),
    /// The marks are no ballot of the election, for this reason.
    InvalidBallot(String),
    /// Voting has not begun.
    NotOpen,
    /// The election was restored from a backup that lacks this vote, and takes no votes until an
    /// officer confirms that.
    Unconfirmed,
    /// Voting is over.
    Closed,
    /// Too many wrong numbers came from this connection or address, and this one was not looked up.
    Throttled {
        /// Retry after this time, in whole milliseconds, over a new connection.
        wait: Duration,
        /// Or retry at once with its solution, by [`vote_solved`](super::Election::vote_solved).
        /// `None` if the server is older, or has no puzzle.
        puzzle: Option<Puzzle>,
    },
    /// It was refused for a reason that only newer clients know.
    Unknown,
}

/// A recorded vote, with its receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedVote {
    /// The commitment to election, ballot and nonce, checked against them.
    pub receipt: Receipt,
    /// The election it was cast in.
    pub election: ElectionId,
    /// The candidate, as in the [`Ballot`].
    pub candidate: String,
    /// The marks, as in the [`Ballot`].
    pub marks: Option<Marks>,
    /// The nonce it was cast with.
    pub nonce: Nonce,
    /// The ledger that holds it. The default from a server that does not say.
    pub ledger: LedgerId,
    /// The ledger's epoch, or 0.
    pub epoch: u64,
}

impl Ballot {
    /// A ballot for `candidate` under `number`, with a fresh nonce.
    ///
    /// # Errors
    /// [`Error::Random`] if the operating system has no random bytes.
    pub fn new(candidate: impl Into<String>, number: VoterNumber) -> Result<Self, Error> {
        Ok(Self { candidate: candidate.into(), marks: None, number, nonce: draw_nonce()? })
    }

    /// A ballot with marks under `number`, with a fresh nonce, for elections whose
    /// [rules](super::Info::rules) let a ballot say more than one name.
    ///
    /// # Errors
    /// [`Error::Random`] if the operating system has no random bytes.
    pub fn with_marks(marks: Marks, number: VoterNumber) -> Result<Self, Error> {
        let candidate = String::new();
        Ok(Self { candidate, marks: Some(marks), number, nonce: draw_nonce()? })
    }
}

fn draw_nonce() -> Result<Nonce, Error> {
    let mut nonce = [0; Nonce::BYTES];
    getrandom::fill(&mut nonce)?;
    Ok(nonce.into())
}

impl Marks {
    /// The marked names with their marks, in the order of the slate.
    pub fn marked(&self) -> impl Iterator<Item = (&str, u16)> {
        let names = self.slate.iter().map(String::as_str);
        names.zip(self.marks.iter().copied()).filter(|&(_, mark)| mark > 0)
    }
}

impl VoteOutcome {
    /// Reads the outcome of `ballot` in the election `asked`, which is empty for the only one.
    pub(super) fn read(
        outcome: vote_outcome::Reader<'_>,
        ballot: &Ballot,
        asked: &str,
    ) -> Result<Self, Error> {
        let unconfirmed = outcome.get_unconfirmed();
        let Ok(which) = outcome.which() else { return Ok(Self::Unknown) };
        Ok(match which {
            vote_outcome::Recorded(receipt) => {
                Self::Recorded(RecordedVote::read(receipt?, ballot, asked)?)
            }
            vote_outcome::AlreadyVoted(()) => Self::AlreadyVoted,
            vote_outcome::UnknownVoterNumber(()) => Self::UnknownVoterNumber,
            vote_outcome::UnknownCandidate(slate) => Self::UnknownCandidate(read_names(slate?)?),
            vote_outcome::InvalidBallot(why) => Self::InvalidBallot(read_text(why?)?),
            vote_outcome::NotOpen(()) if unconfirmed => Self::Unconfirmed,
            vote_outcome::NotOpen(()) => Self::NotOpen,
            vote_outcome::Closed(()) => Self::Closed,
            vote_outcome::Throttled(ms) => {
                let has_puzzle = outcome.has_puzzle();
                let puzzle = if has_puzzle { read_puzzle(outcome.get_puzzle()?)? } else { None };
                Self::Throttled { wait: Duration::from_millis(ms.into()), puzzle }
            }
            vote_outcome::Unspecified(()) => {
                return Err(Error::Protocol("a vote has no outcome".into()));
            }
        })
    }
}

impl RecordedVote {
    /// Reads a receipt, and checks that every part of it is for `ballot` in the election `asked`.
    fn read(receipt: receipt::Reader<'_>, ballot: &Ballot, asked: &str) -> Result<Self, Error> {
        let election = read_text(receipt.get_election()?)?.parse::<ElectionId>();
        let election = election.map_err(|error| Error::Protocol(error.to_string()))?;
        check_election(asked, election.as_str())?;
        let Ballot { candidate, marks, nonce, .. } = ballot.clone();
        let named = read_text(receipt.get_candidate()?)?;
        let sent: Vec<u16> = receipt.get_marks()?.iter().collect();
        let commitment = read_text(receipt.get_commitment()?)?;
        let fits = |expected: Receipt| (expected.to_string() == commitment).then_some(expected);
        let one_name = |name: &str| match named == name && sent.is_empty() {
            true => fits(Receipt::new(&election, name, &nonce)),
            false => None,
        };
        let expected = match &marks {
            None => one_name(&candidate),
            Some(marks) if named.is_empty() && sent == marks.marks => {
                let of_marks = fits(Receipt::of_marks(&election, marks.marked(), &nonce));
                // A blank ballot has no marks in either form.
                of_marks.or_else(|| sent.is_empty().then(|| one_name("")).flatten())
            }
            // In an election whose ballots have one mark, which is the vote for a name.
            Some(marks) => match marks.marked().collect::<Vec<_>>()[..] {
                [(name, 1)] => one_name(name),
                _ => None,
            },
        };
        let expected =
            expected.filter(|_| receipt.get_nonce().is_ok_and(|it| it == nonce.as_bytes()));
        let Some(expected) = expected else {
            return Err(Error::Protocol("the receipt is not for this vote".into()));
        };
        let ledger = LedgerId::try_from(receipt.get_ledger()?).unwrap_or_default();
        let epoch = receipt.get_epoch();
        Ok(Self { receipt: expected, election, candidate, marks, nonce, ledger, epoch })
    }
}

/// Checks that an answer is about the election that was asked for. Any is the right one if `asked`
/// is empty.
pub(super) fn check_election(asked: &str, answered: &str) -> Result<(), Error> {
    if asked.is_empty() || asked == answered {
        return Ok(());
    }
    Err(Error::Protocol(format!("asked about election {asked}, it answers about {answered}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_of_a_newer_server_is_unknown_and_no_fault() {
        let mut message = capnp::message::Builder::new_default();
        message.init_root::<vote_outcome::Builder<'_>>().set_closed(());
        let mut words = capnp::serialize::write_message_to_words(&message);
        // The discriminant is the only field that is 6. The first 16 bytes are the segment table
        // and the root pointer.
        let mut fields = words[16..].chunks_exact_mut(2);
        let discriminant = fields.find(|field| **field == 6_u16.to_le_bytes()).unwrap();
        discriminant.copy_from_slice(&999_u16.to_le_bytes());
        let message = capnp::serialize::read_message(&words[..], Default::default()).unwrap();
        let ballot = Ballot::new("Ada", 1.into()).unwrap();
        let outcome = VoteOutcome::read(message.get_root().unwrap(), &ballot, "").unwrap();
        assert_eq!(outcome, VoteOutcome::Unknown);
    }

    /// What a voter who asked to vote for Ada in `board` makes of a receipt with these parts.
    fn read_receipt(election: &str, candidate: &str, nonce: u8) -> Result<RecordedVote, Error> {
        let candidate_asked = "Ada".to_string();
        let ballot = Ballot {
            candidate: candidate_asked,
            marks: None,
            number: 1.into(),
            nonce: [7; 16].into(),
        };
        let nonce = Nonce::from([nonce; 16]);
        let fitting = Receipt::new(&election.parse().unwrap(), candidate, &nonce);
        let mut message = capnp::message::Builder::new_default();
        let mut receipt = message.init_root::<receipt::Builder<'_>>();
        receipt.set_election(election);
        receipt.set_candidate(candidate);
        receipt.set_nonce(nonce.as_bytes());
        receipt.set_commitment(fitting.to_string().as_str());
        RecordedVote::read(message.get_root_as_reader().unwrap(), &ballot, "board")
    }

    #[test]
    fn a_receipt_for_anything_else_is_refused() {
        assert!(read_receipt("board", "Ada", 7).is_ok());
        for (election, candidate, nonce) in
            [("trash", "Ada", 7), ("board", "Grace", 7), ("board", "", 7), ("board", "Ada", 8)]
        {
            let read = read_receipt(election, candidate, nonce);
            assert!(matches!(read, Err(Error::Protocol(_))), "{read:?}");
        }
    }
}
