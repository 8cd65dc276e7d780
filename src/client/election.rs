//! One election, as a client sees it.

use std::time::Duration;

use capnp::capability::{Promise, Response};
use capnp::traits::{Owned, Pipelined};
use tokio::time::timeout;

use super::connection::{Connection, resolved};
use super::message_sink::{Messages, message_sink};
use super::observer::observer;
use super::silence::fallen_silent;
use super::vote::check_election;
use super::{Ballot, Error, Marks, VoteOutcome};
use crate::election::{CANDIDATE_BYTES_MAX, ResultStatus};
use crate::schema::count::Counted;
use crate::schema::election::{Info, Results};
use crate::schema::election_capnp::election;
use crate::schema::values::{known, length, marks_padding, padding, read_text, write_marks};

/// The longest silence of a watch. A server repeats unchanged results at least every 5 minutes.
pub const WATCH_WAIT_MAX: Duration = Duration::from_secs(10 * 60);

/// An election on a server. From [`Client::election`](super::Client::election).
#[derive(Clone)]
pub struct Election {
    capability: election::Client,
    connection: Connection,
    /// The id that was asked for; empty if any election may answer.
    asked: String,
}

impl Election {
    pub(super) fn new(capability: election::Client, connection: Connection, asked: &str) -> Self {
        Self { capability, connection, asked: asked.to_string() }
    }

    /// Casts a vote, and passes the server's message about it to `on_message` before returning.
    /// From `Election.vote`, and for a ballot with [marks](Ballot::marks) from `Election.cast`.
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
    /// Dropping the future does not take the vote back: a vote that has reached the server is
    /// decided. The server keeps the call until then, and cuts a connection with 10,000 such calls.
    ///
    /// `on_message` gets the text as the server sent it, with any characters.
    /// [`printable`](crate::election::printable) makes it safe for a terminal.
    ///
    /// # Errors
    /// - [`Error::Disconnected`], [`Error::NoAnswer`], [`Error::Protocol`]: it is not known whether
    ///   the vote was recorded. Cast the same ballot again; [`cast`](super::cast) does so after the
    ///   first two.
    /// - [`Error::Remote`]: the server could not decide the vote. The text says whether it may be
    ///   recorded: it may after some faults of the ledger; it is not if there is no such election.
    /// - [`Error::Overloaded`]: nothing was recorded. Try again later.
    pub async fn vote(
        &self,
        ballot: &Ballot,
        on_message: impl FnMut(&str),
    ) -> Result<VoteOutcome, Error> {
        self.vote_solved(ballot, 0, on_message).await
    }

    /// As [`vote`](Self::vote), with a solution of the puzzle that came with
    /// [`VoteOutcome::Throttled`]: the first that [`Puzzle::solve`](crate::election::Puzzle::solve)
    /// finds for the ballot's number, which takes processor time. 0 is none.
    ///
    /// # Errors
    /// As [`vote`](Self::vote).
    pub async fn vote_solved(
        &self,
        ballot: &Ballot,
        solution: u64,
        on_message: impl FnMut(&str),
    ) -> Result<VoteOutcome, Error> {
        let _permit = self.connection.vote_permit().await?;
        let (sink, messages) = message_sink();
        if let Some(Marks { slate, marks }) = &ballot.marks {
            let mut request = resolved(&self.capability).cast_request();
            let mut cast = request.get();
            // As below, of the marks and the padding.
            write_marks(marks, cast.reborrow().init_marks(length(marks.len())));
            cast.set_padding(marks_padding(marks.len(), slate.len()));
            cast.set_voter_number(ballot.number.get());
            cast.set_nonce(ballot.nonce.as_bytes());
            cast.set_solution(solution);
            cast.set_messages(sink);
            let answer = self.with_messages(request.send().promise, &messages, on_message).await?;
            return VoteOutcome::read(answer.get()?.get_outcome()?, ballot, &self.asked);
        }
        let mut request = resolved(&self.capability).vote_request();
        let mut vote = request.get();
        // The two are set first, and together: within the message's first segment, their order and
        // lengths make no difference to its size.
        vote.set_candidate(ballot.candidate.as_str());
        vote.set_padding(padding(ballot.candidate.len(), CANDIDATE_BYTES_MAX));
        vote.set_voter_number(ballot.number.get());
        vote.set_nonce(ballot.nonce.as_bytes());
        vote.set_solution(solution);
        vote.set_messages(sink);
        let answer = self.with_messages(request.send().promise, &messages, on_message).await?;
        VoteOutcome::read(answer.get()?.get_outcome()?, ballot, &self.asked)
    }

    /// Waits for an answer, and passes on the messages that arrive before it.
    async fn with_messages<R>(
        &self,
        answer: Promise<Response<R>, capnp::Error>,
        messages: &Messages,
        mut on_message: impl FnMut(&str),
    ) -> Result<Response<R>, Error>
    where
        R: Pipelined + Owned + 'static,
    {
        let mut answer = std::pin::pin!(self.connection.answer(answer));
        let answer = loop {
            tokio::select! {
                biased;
                text = messages.next() => on_message(&text),
                answer = &mut answer => break answer?,
            }
        };
        // The server sent the message before the answer, so it has arrived.
        while let Some(text) = messages.take() {
            on_message(&text);
        }
        Ok(answer)
    }

    /// A candidate's votes, and what the number means (see [`Results::status`]). It is 0 while the
    /// count is sealed, and for a name that is not on the slate. A live count has whole
    /// [batches](crate::election::LIVE_BATCH_BALLOTS), and the votes of this connection. From
    /// `Election.result`.
    ///
    /// ```no_run
    /// # async fn example(client: capvote::client::Client) -> anyhow::Result<()> {
    /// let (votes, status) = client.election("board").result("Ada").await?;
    /// println!("Ada: {votes} ({status:?})");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Remote`] if there is no such election; [`Error::Protocol`] if the answer is about
    /// another election or candidate; [`Error::Disconnected`] and [`Error::NoAnswer`].
    pub async fn result(&self, candidate: &str) -> Result<(u64, Option<ResultStatus>), Error> {
        let mut request = self.capability.result_request();
        let mut asked = request.get();
        asked.set_candidate(candidate);
        asked.set_padding(padding(candidate.len(), CANDIDATE_BYTES_MAX));
        let answer = self.connection.answer(request.send().promise).await?;
        let result = answer.get()?;
        let status = known(result.get_status())?;
        let named = read_text(result.get_candidate()?)?;
        if status != Some(ResultStatus::UnknownCandidate) && named != candidate {
            return Err(Error::Protocol("the result is another candidate's".into()));
        }
        Ok((result.get_votes(), status))
    }

    /// Every candidate's votes, as in [`result`](Self::result), and the turnout. From
    /// `Election.results`.
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
    /// As [`result`](Self::result).
    pub async fn results(&self) -> Result<Results, Error> {
        let request = self.capability.results_request();
        let answer = self.connection.answer(request.send().promise).await?;
        self.checked(Results::read(answer.get()?.get_results()?)?)
    }

    /// Results of the election that was asked for.
    fn checked(&self, results: Results) -> Result<Results, Error> {
        check_election(&self.asked, &results.election)?;
        Ok(results)
    }

    /// The slate, the rules, and whether voting is open. From `Election.info`.
    ///
    /// ```no_run
    /// # async fn example(client: capvote::client::Client) -> anyhow::Result<()> {
    /// let info = client.election("").info().await?;
    /// println!("{} is {:?}; the candidates are {:?}", info.id, info.state, info.candidates);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`result`](Self::result).
    pub async fn info(&self) -> Result<Info, Error> {
        let answer = self.connection.answer(self.capability.info_request().send().promise).await?;
        let info = Info::read(answer.get()?.get_info()?)?;
        check_election(&self.asked, &info.id)?;
        Ok(info)
    }

    /// How the result of a closed election came about. From `Election.count`.
    ///
    /// ```no_run
    /// # async fn example(client: capvote::client::Client) -> anyhow::Result<()> {
    /// let counted = client.election("board").count().await?;
    /// let mut before = None;
    /// for round in &counted.count.rounds {
    ///     println!("{}", capvote::election::sentence(round, before, &counted.slate));
    ///     before = Some(round);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Remote`] before the close, or if there is no such election;
    /// [`Error::Unimplemented`] by a server that does not know of counts; [`Error::Protocol`] if
    /// the count is malformed, or has something that only newer clients know;
    /// [`Error::Disconnected`] and [`Error::NoAnswer`].
    pub async fn count(&self) -> Result<Counted, Error> {
        let answer = self.connection.answer(self.capability.count_request().send().promise).await?;
        let count = answer.get()?.get_count()?;
        check_election(&self.asked, &read_text(count.get_election()?)?)?;
        Counted::read(count).map_err(|error| Error::Protocol(error.extra))
    }

    /// Calls `on_change` with the current results, and again after they change, until the election
    /// is closed or `on_change` returns an error. There are at most four calls a second; of faster
    /// changes only the newest is shown. From `Election.watch`.
    ///
    /// ```no_run
    /// # async fn example(client: capvote::client::Client) -> anyhow::Result<()> {
    /// let election = client.election("board");
    /// election.watch(|results| Ok(println!("{} have voted", results.ballots))).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// - [`Error::Callback`]: `on_change` returned an error.
    /// - [`Error::Remote`]: there is no such election.
    /// - [`Error::Overloaded`]: this connection has too many watches, or the server too many
    ///   connections that watch.
    /// - [`Error::NoAnswer`]: the server sent nothing for 11 to 14 s although it was asked, as when the
    ///   network is gone; or no results for [`WATCH_WAIT_MAX`].
    /// - [`Error::Disconnected`].
    pub async fn watch(
        &self,
        on_change: impl FnMut(&Results) -> Result<(), String>,
    ) -> Result<(), Error> {
        tokio::select! {
            biased;
            watched = self.watch_changes(on_change) => watched,
            silent = fallen_silent(self, &self.connection) => Err(silent),
        }
    }

    async fn watch_changes(
        &self,
        mut on_change: impl FnMut(&Results) -> Result<(), String>,
    ) -> Result<(), Error> {
        let (observer, mut changes) = observer();
        let mut request = resolved(&self.capability).watch_request();
        request.get().set_observer(observer);
        let answer = self.connection.answer(request.send().promise).await?;
        // Dropping the subscription ends the watch.
        let _subscription = answer.get()?.get_subscription()?;
        loop {
            let change = self.connection.unless_lost(async { Ok(changes.recv().await) });
            let change = timeout(WATCH_WAIT_MAX, change).await;
            match change.map_err(|_| Error::NoAnswer(WATCH_WAIT_MAX))?? {
                Some(Some(results)) => {
                    on_change(&self.checked(results?)?).map_err(Error::Callback)?;
                }
                Some(None) => return Ok(()),
                // A server drops the observer without `done` when the connection is lost.
                None => return Err(Error::Disconnected),
            }
        }
    }

    /// The capability itself, for calls that this library does not wrap.
    pub fn capability(&self) -> &election::Client {
        &self.capability
    }
}
