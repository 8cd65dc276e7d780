//! One election, seen from a client.

use std::time::Duration;

use tokio::time::timeout;

use super::Error;
use super::connection::{Wire, resolved};
use super::message_sink::message_sink;
use super::observer::observer;
use crate::election::{
    ElectionId, ElectionState, Nonce, Publication, Receipt, ResultStatus, Schedule, Timestamp,
    VoterNumber,
};
use crate::schema::election_capnp::{
    self as schema, election, election_info, receipt, results, vote_outcome,
};

/// How long a watch may tell nothing. Where nothing changes, the server tells the same at least every 5 minutes.
pub const WATCH_WAIT_MAX: Duration = Duration::from_secs(10 * 60);

/// An election on a server. From [`Client::election`](super::Client::election).
#[derive(Clone)]
pub struct Election {
    capability: election::Client,
    wire: Wire,
}

/// A vote to be cast, with the random bytes that are its own.
///
/// Casting the same ballot again is a retry, which never counts twice: do that when an answer was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ballot {
    /// Whom it is for: a name of the slate, byte for byte.
    pub candidate: String,
    /// The number that entitles to the vote.
    pub number: VoterNumber,
    /// The random bytes.
    pub nonce: Nonce,
}

/// What became of a vote.
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
    /// Voting has not begun.
    NotOpen,
    /// Voting is over.
    Closed,
    /// Too many wrong numbers came from here, and this one was not looked up: vote again after this time, in whole
    /// milliseconds.
    Throttled(Duration),
    /// It was refused for a reason that this client does not know: the server is newer.
    Unknown,
}

/// A recorded vote, with its receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedVote {
    /// The commitment to the other three, which was checked against them.
    pub receipt: Receipt,
    /// Where the vote was cast.
    pub election: ElectionId,
    /// Whom it is for.
    pub candidate: String,
    /// The random bytes it was made with.
    pub nonce: Nonce,
}

/// What everyone may know about an election.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// Its name on the server.
    pub id: String,
    /// What people call it. May be empty.
    pub title: String,
    /// The slate, in the order of the ballot paper.
    pub candidates: Vec<String>,
    /// Whether votes are taken. None where this client does not know such a state: the server is newer.
    pub state: Option<ElectionState>,
    /// How many voter numbers are on the roll.
    pub voters: u64,
    /// How many of them joined it after voting had begun.
    pub added_while_open: u64,
    /// Whether a ballot may be blank.
    pub blank: bool,
    /// When the count is shown. None likewise.
    pub publication: Option<Publication>,
    /// When the server opens and closes the election by itself.
    pub schedule: Schedule,
}

/// The count of an election at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Results {
    /// The election's name on the server.
    pub election: String,
    /// What the numbers mean. None where this client does not know such a status: the server is newer.
    pub status: Option<ResultStatus>,
    /// Every candidate with their votes, most votes first.
    pub candidates: Vec<(String, u64)>,
    /// The blank ballots, which are not among the candidates.
    pub blank: u64,
    /// How many have voted.
    pub ballots: u64,
    /// How many voter numbers are on the roll.
    pub voters: u64,
}

impl Ballot {
    /// A ballot for `candidate` under `number`, with fresh random bytes.
    ///
    /// # Errors
    /// [`Error::Random`] where the operating system has none.
    pub fn new(candidate: impl Into<String>, number: VoterNumber) -> Result<Self, Error> {
        let mut nonce = [0; Nonce::BYTES];
        getrandom::fill(&mut nonce)?;
        Ok(Self { candidate: candidate.into(), number, nonce: nonce.into() })
    }
}

impl Election {
    pub(super) fn new(capability: election::Client, wire: Wire) -> Self {
        Self { capability, wire }
    }

    /// Casts a vote, and calls `on_message` with what the server has to say about it before this returns.
    /// From `Election.vote`.
    ///
    /// ```no_run
    /// use capvote::client::{Ballot, Client, VoteOutcome};
    ///
    /// # async fn example() -> anyhow::Result<()> {
    /// let client = Client::connect(&"capvote://127.0.0.1:12358".parse()?).await?;
    /// let ballot = Ballot::new("Ada", "1234-5678-9012-3456-7890".parse()?)?;
    /// let outcome = client.election("board").vote(&ballot, |text| println!("{text}")).await?;
    /// if let VoteOutcome::Recorded(vote) = outcome {
    ///     println!("keep this: {}", vote.receipt);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// Dropping the future does not take the vote back: where it has reached the server, it is decided all the same. Nor does
    /// that end the call for the server before it is decided, and a connection with 10,000 such calls is cut.
    ///
    /// `on_message` gets the text as the server sent it, which may hold any characters:
    /// [`printable`](crate::election::printable) makes it fit for a terminal.
    ///
    /// # Errors
    /// After [`Error::Disconnected`], [`Error::NoAnswer`] and [`Error::Protocol`] it is not known whether the vote was recorded:
    /// cast the same ballot again, as [`cast`](super::cast) does after the first two. [`Error::Remote`] says why the server could not take it, and
    /// whether that is certain: it is where there is no such election, and not where the ledger failed and cannot tell what it
    /// stored. After [`Error::Overloaded`] nothing was recorded, and the server may take it later.
    pub async fn vote(
        &self,
        ballot: &Ballot,
        mut on_message: impl FnMut(&str),
    ) -> Result<VoteOutcome, Error> {
        let _turn = self.wire.may_vote().await?;
        let (sink, messages) = message_sink();
        let mut request = resolved(&self.capability).vote_request();
        let mut vote = request.get();
        vote.set_candidate(ballot.candidate.as_str());
        vote.set_voter_number(ballot.number.get());
        vote.set_nonce(ballot.nonce.as_bytes());
        vote.set_messages(sink);

        let mut answer = std::pin::pin!(self.wire.answer(request.send().promise));
        let answer = loop {
            tokio::select! {
                biased;
                text = messages.come() => on_message(&text),
                answer = &mut answer => break answer?,
            }
        };
        // The message was sent before the answer, and so it is here.
        while let Some(text) = messages.next() {
            on_message(&text);
        }
        VoteOutcome::read(answer.get()?.get_outcome()?, ballot)
    }

    /// A candidate's votes, and what the number means, as [`Results::status`]: it is 0 while the count is sealed, and for a
    /// name that is not on the slate. From `Election.result`.
    ///
    /// ```no_run
    /// # async fn example(client: capvote::client::Client) -> anyhow::Result<()> {
    /// let (votes, status) = client.election("board").result("Ada").await?;
    /// println!("Ada: {votes} ({status:?})");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Remote`] where there is no such election; [`Error::Disconnected`] and [`Error::NoAnswer`].
    pub async fn result(&self, candidate: &str) -> Result<(u64, Option<ResultStatus>), Error> {
        let mut request = self.capability.result_request();
        request.get().set_candidate(candidate);
        let answer = self.wire.answer(request.send().promise).await?;
        let result = answer.get()?;
        Ok((result.get_votes(), read_status(result.get_status())?))
    }

    /// Every candidate's votes, and the turnout. From `Election.results`.
    ///
    /// ```no_run
    /// # async fn example(client: capvote::client::Client) -> anyhow::Result<()> {
    /// let results = client.election("board").results().await?;
    /// for (candidate, votes) in &results.candidates {
    ///     println!("{candidate}: {votes}");
    /// }
    /// println!("{} of {} have voted", results.ballots, results.voters);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Remote`] where there is no such election; [`Error::Disconnected`] and [`Error::NoAnswer`].
    pub async fn results(&self) -> Result<Results, Error> {
        let answer = self.wire.answer(self.capability.results_request().send().promise).await?;
        Results::read(answer.get()?.get_results()?)
    }

    /// What is being elected, and whether voting is open. From `Election.info`.
    ///
    /// ```no_run
    /// # async fn example(client: capvote::client::Client) -> anyhow::Result<()> {
    /// let info = client.election("").info().await?;
    /// println!("{} is {:?}; the candidates are {:?}", info.id, info.state, info.candidates);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Remote`] where there is no such election; [`Error::Disconnected`] and [`Error::NoAnswer`].
    pub async fn info(&self) -> Result<Info, Error> {
        let answer = self.wire.answer(self.capability.info_request().send().promise).await?;
        Info::read(answer.get()?.get_info()?)
    }

    /// Calls `on_change` with the results as they are, and again when they have changed, until the election
    /// is closed or `on_change` returns an error. Changes that come fast replace each other: there are at most four calls a
    /// second. From `Election.watch`.
    ///
    /// ```no_run
    /// # async fn example(client: capvote::client::Client) -> anyhow::Result<()> {
    /// let election = client.election("board");
    /// election.watch(|results| Ok(println!("{} have voted", results.ballots))).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Callback`] where `on_change` returned an error; [`Error::Remote`] where there is no such election;
    /// [`Error::Overloaded`] where this connection watches too much already; [`Error::Disconnected`]; [`Error::NoAnswer`] where
    /// nothing came for [`WATCH_WAIT_MAX`], as when the server's machine is gone without a word.
    pub async fn watch(
        &self,
        mut on_change: impl FnMut(&Results) -> Result<(), String>,
    ) -> Result<(), Error> {
        let (observer, mut changes) = observer();
        let mut request = resolved(&self.capability).watch_request();
        request.get().set_observer(observer);
        let answer = self.wire.answer(request.send().promise).await?;
        // Watching goes on for as long as this is held.
        let _subscription = answer.get()?.get_subscription()?;
        loop {
            let change = self.wire.unless_broken(async { Ok(changes.recv().await) });
            let change = timeout(WATCH_WAIT_MAX, change).await;
            match change.map_err(|_| Error::NoAnswer(WATCH_WAIT_MAX))?? {
                Some(Some(results)) => on_change(&results?).map_err(Error::Callback)?,
                Some(None) => return Ok(()),
                // The server lets go of the observer without a word where the connection is lost.
                None => return Err(Error::Disconnected),
            }
        }
    }

    /// The capability itself, for calls that this library does not have.
    pub fn capability(&self) -> &election::Client {
        &self.capability
    }
}

impl VoteOutcome {
    fn read(outcome: vote_outcome::Reader<'_>, ballot: &Ballot) -> Result<Self, Error> {
        let Ok(outcome) = outcome.which() else { return Ok(Self::Unknown) };
        Ok(match outcome {
            vote_outcome::Recorded(receipt) => {
                Self::Recorded(RecordedVote::read(receipt?, ballot)?)
            }
            vote_outcome::AlreadyVoted(()) => Self::AlreadyVoted,
            vote_outcome::UnknownVoterNumber(()) => Self::UnknownVoterNumber,
            vote_outcome::UnknownCandidate(slate) => Self::UnknownCandidate(read_names(slate?)?),
            vote_outcome::NotOpen(()) => Self::NotOpen,
            vote_outcome::Closed(()) => Self::Closed,
            vote_outcome::Throttled(ms) => Self::Throttled(Duration::from_millis(ms.into())),
            vote_outcome::Unspecified(()) => return Err(Error::Protocol("it says nothing".into())),
        })
    }
}

impl RecordedVote {
    /// Reads a receipt, and checks that it is one for `ballot`.
    fn read(receipt: receipt::Reader<'_>, ballot: &Ballot) -> Result<Self, Error> {
        let election = receipt.get_election()?.to_str()?.parse::<ElectionId>();
        let election = election.map_err(|error| Error::Protocol(error.to_string()))?;
        let expected = Receipt::new(&election, &ballot.candidate, &ballot.nonce);
        if receipt.get_commitment()?.to_str()? != expected.to_string() {
            return Err(Error::Protocol("its receipt is not one for this vote".into()));
        }
        let Ballot { candidate, nonce, .. } = ballot.clone();
        Ok(Self { receipt: expected, election, candidate, nonce })
    }
}

impl Info {
    pub(super) fn read(info: election_info::Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            id: info.get_id()?.to_string()?,
            title: info.get_title()?.to_string()?,
            candidates: read_names(info.get_candidates()?)?,
            state: match info.get_state() {
                Ok(schema::ElectionState::Draft) => Some(ElectionState::Draft),
                Ok(schema::ElectionState::Open) => Some(ElectionState::Open),
                Ok(schema::ElectionState::Closed) => Some(ElectionState::Closed),
                Ok(schema::ElectionState::Unspecified) => {
                    return Err(Error::Protocol("an election has no state".into()));
                }
                Err(capnp::NotInSchema(_)) => None,
            },
            voters: info.get_voters(),
            added_while_open: info.get_added_while_open(),
            blank: info.get_blank(),
            publication: match info.get_publication() {
                Ok(schema::Publication::Sealed) => Some(Publication::Sealed),
                // A server that does not know of sealed counts has none.
                Ok(schema::Publication::Live | schema::Publication::Unspecified) => {
                    Some(Publication::Live)
                }
                Err(capnp::NotInSchema(_)) => None,
            },
            schedule: Schedule {
                opens: moment(info.get_opens()),
                closes: moment(info.get_closes()),
            },
        })
    }
}

impl Results {
    pub(super) fn read(results: results::Reader<'_>) -> Result<Self, Error> {
        let candidates = results.get_candidates()?.iter();
        let candidates =
            candidates.map(|it| Ok((it.get_candidate()?.to_string()?, it.get_votes())));
        let turnout = results.get_turnout()?;
        Ok(Self {
            election: results.get_election()?.to_string()?,
            status: read_status(results.get_status())?,
            candidates: candidates.collect::<Result<_, Error>>()?,
            blank: results.get_blank(),
            ballots: turnout.get_ballots(),
            voters: turnout.get_voters(),
        })
    }
}

fn moment(seconds: u64) -> Option<Timestamp> {
    (seconds > 0).then_some(Timestamp(seconds))
}

fn read_status(
    status: Result<schema::ResultStatus, capnp::NotInSchema>,
) -> Result<Option<ResultStatus>, Error> {
    Ok(match status {
        Ok(schema::ResultStatus::Provisional) => Some(ResultStatus::Provisional),
        Ok(schema::ResultStatus::Sealed) => Some(ResultStatus::Sealed),
        Ok(schema::ResultStatus::Final) => Some(ResultStatus::Final),
        Ok(schema::ResultStatus::UnknownCandidate) => Some(ResultStatus::UnknownCandidate),
        Ok(schema::ResultStatus::Unspecified) => {
            return Err(Error::Protocol("a result has no status".into()));
        }
        Err(capnp::NotInSchema(_)) => None,
    })
}

fn read_names(names: capnp::text_list::Reader<'_>) -> Result<Vec<String>, Error> {
    names.iter().map(|name| Ok(name?.to_string()?)).collect()
}

#[cfg(test)]
mod tests {
    use capnp::message::{Builder, ReaderOptions};
    use capnp::serialize::{read_message, write_message_to_words};
    use capnp::traits::Owned;

    use super::*;

    /// The message that a newer server would send: the one that is written, with `was` replaced by a value that no
    /// schema has yet.
    fn newer<T: Owned>(
        was: u16,
        write: impl FnOnce(T::Builder<'_>),
    ) -> capnp::message::Reader<capnp::serialize::OwnedSegments> {
        let mut message = Builder::new_default();
        write(message.init_root());
        let mut words = write_message_to_words(&message);
        // Behind the table of the segments and the pointer to the root.
        let mut fields = words[16..].chunks_exact_mut(2);
        let field = fields.find(|field| **field == was.to_le_bytes()).unwrap();
        field.copy_from_slice(&999_u16.to_le_bytes());
        read_message(&words[..], ReaderOptions::new()).unwrap()
    }

    #[test]
    fn what_a_newer_server_says_is_no_fault() {
        let closed = 6;
        let outcome = newer::<vote_outcome::Owned>(closed, |mut outcome| outcome.set_closed(()));
        let ballot = Ballot::new("Ada", 1.into()).unwrap();
        let outcome = VoteOutcome::read(outcome.get_root().unwrap(), &ballot).unwrap();
        assert_eq!(outcome, VoteOutcome::Unknown);

        let state =
            newer::<election_info::Owned>(schema::ElectionState::Closed as u16, |mut info| {
                info.set_state(schema::ElectionState::Closed);
            });
        let info = Info::read(state.get_root().unwrap()).unwrap();
        assert_eq!((info.state, info.publication), (None, Some(Publication::Live)));
        let publication =
            newer::<election_info::Owned>(schema::Publication::Sealed as u16, |mut info| {
                info.set_state(schema::ElectionState::Closed);
                info.set_publication(schema::Publication::Sealed);
            });
        let info = Info::read(publication.get_root().unwrap()).unwrap();
        assert_eq!((info.state, info.publication), (Some(ElectionState::Closed), None));

        let status = newer::<results::Owned>(schema::ResultStatus::Final as u16, |mut results| {
            results.set_status(schema::ResultStatus::Final);
        });
        assert_eq!(Results::read(status.get_root().unwrap()).unwrap().status, None);
    }
}
