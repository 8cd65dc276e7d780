//! `Election`: votes, results and watches of one election.

use std::rc::Rc;
use std::sync::Arc;

use capnp::Error;
use tokio::task::spawn_local;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::convert::write_outcome;
use super::decided::{Answer, Decided, Spoken};
use super::guesses::Throttled;
use super::message::Message;
use super::session::{AnswerTurn, Session, send_message, standing_in};
use super::vote_request::{VoteParameters, VoteRequest};
use super::watch;
use crate::election::{ElectionId, Outcome, Receipt, Refusal, ResultStatus, Standing, Vote};
use crate::ledger::{LedgerError, Snapshot};
use crate::net::connection::Hold;
use crate::net::transport::Caller;
use crate::schema::count::{count_bytes, write_count};
use crate::schema::election::{write_info, write_results, write_servers};
use crate::schema::election_capnp::election::{
    CastParams, CastResults, CountParams, CountResults, InfoParams, InfoResults, ResultParams,
    ResultResults, ResultsParams, ResultsResults, Server, VoteParams, VoteResults, WatchParams,
    WatchResults,
};
use crate::schema::values::padding;
use crate::threads::stack;

pub(super) struct Election {
    session: Rc<Session>,
    id: ElectionId,
}

/// An answer that lists the slate. Many votes may be decided at once, and be answered before any
/// answer is written: each waits for its turn, and keeps its message until then.
struct LongAnswer {
    caller: Caller,
    _params: Box<dyn VoteParameters>,
}

impl Election {
    pub(super) fn new(session: Rc<Session>, id: ElectionId) -> Self {
        Self { session, id }
    }

    fn standing(&self) -> Result<Arc<Standing>, Error> {
        self.session.seen(&self.id)
    }

    /// Waits until the caller may be sent an answer that lists the slate.
    async fn may_list(&self, caller: Option<Caller>) -> Result<Option<AnswerTurn<'_>>, Error> {
        let bytes = self.standing()?.definition.message_bytes();
        self.session.may_answer(caller.as_ref(), bytes).await
    }

    /// Takes a call that casts a vote, and writes its outcome once the vote is decided.
    ///
    /// Not an `async fn`: the vote's task is spawned when the call arrives, so the vote is decided
    /// even if the voter cancels the call or the connection ends.
    fn take(
        self: Rc<Self>,
        params: impl VoteParameters,
        write: impl FnOnce(&Decided) + 'static,
    ) -> impl Future<Output = capnp::Result<()>> + 'static {
        let session = self.session.clone();
        let taken = self.session.track_call().and_then(|token| {
            let (request, hold) = (stack::step(|| params.read())?, self.session.hold()?);
            let processed = Box::pin(self.process(params, request, token.clone(), hold));
            Ok((spawn_local(stack::in_steps(processed)), token))
        });
        async move {
            // The token is held until the outcome is returned: the server drains before it stops.
            let (decided, _token) = taken?;
            let decided = decided.await;
            let failed = |_| Error::failed("the vote was not decided".into());
            let (decided, long) = decided.map_err(failed)??;
            let _turn = match &long {
                Some(LongAnswer { caller, .. }) => {
                    let bytes = decided.standing.definition.message_bytes();
                    session.may_answer(Some(caller), bytes).await?
                }
                None => None,
            };
            write(&decided);
            Ok(())
        }
    }

    /// Decides a vote and sends the message about it.
    async fn process(
        self: Rc<Self>,
        params: impl VoteParameters,
        request: Box<VoteRequest>,
        token: TaskTrackerToken,
        hold: Hold,
    ) -> Result<(Decided, Option<LongAnswer>), Error> {
        let mut hold = Some(hold);
        let decided = self.decide(&request).await?;
        if let Some(sink) = request.sink {
            let permit = self.session.message_permit(&mut hold).await;
            // Not before: thousands of votes may wait.
            let message =
                Message::new(&decided.standing.definition, &decided.spoken, &decided.answer);
            let sent = send_message(&sink, &message, permit);
            // The outcome does not wait for the sink's answer. Permits and a timeout bound these
            // tasks.
            spawn_local(sent.answered());
        }
        // Until here, the call's message counts against the bound on calls in flight, even if the
        // call is cancelled.
        drop((token, hold));
        let lists_slate = matches!(decided.answer, Answer::Refused(Refusal::UnknownCandidate));
        let caller = if lists_slate { Caller::of(|| params.is_readable()) } else { None };
        Ok((decided, caller.map(|caller| LongAnswer { caller, _params: Box::new(params) })))
    }

    /// Has a vote decided.
    async fn decide(&self, request: &VoteRequest) -> Result<Decided, Error> {
        let (number, nonce) = (request.number, request.nonce);
        let admit = |snapshot: &Snapshot| {
            let standing = standing_in(snapshot, &self.id)?;
            let admitted = request.said.admit(&standing)?;
            Ok((standing, admitted))
        };
        let looked_up = self.session.look_up(admit, |(_, admitted)| admitted.is_ok());
        let (standing, admitted) = looked_up.await?;
        let ballot = match admitted {
            Ok(ballot) => ballot,
            Err(refusal) => {
                let (spoken, answer) = (Spoken::from(&request.said), Answer::Refused(refusal));
                return Ok(Decided { standing, spoken, nonce, answer });
            }
        };
        let vote = Vote { election: self.id.clone(), ballot: ballot.clone(), number, nonce };
        let vote = Box::new(vote);
        let answer = match self.decide_by_ledger(vote, request.solution).await? {
            Err(throttled) => Answer::Throttled(throttled),
            Ok(Outcome::Refused(refusal)) => Answer::Refused(refusal),
            Ok(Outcome::Recorded) => {
                let receipt = Receipt::of(&standing.definition, &ballot, &nonce);
                self.session.remember(&self.id, (ballot.clone(), nonce));
                Answer::Recorded(receipt)
            }
        };
        Ok(Decided { standing, spoken: Spoken::Ballot(ballot), nonce, answer })
    }

    /// Has the ledger decide a vote, unless there were too many wrong guesses.
    async fn decide_by_ledger(
        &self,
        vote: Box<Vote>,
        solution: u64,
    ) -> Result<Result<Outcome, Throttled>, Error> {
        let _permit = self.session.lookup_permit().await;
        let guesser = &self.session.guesser;
        let admitted = match guesser.admit(vote.number, solution).await {
            Ok(admitted) => admitted,
            Err(throttled) => {
                self.session.throttle().await;
                return Ok(Err(throttled));
            }
        };
        let outcome = self.session.votes.vote(vote).await;
        let outcome = outcome.map_err(|error| fault(&error))?;
        let is_right = outcome != Outcome::Refused(Refusal::UnknownVoterNumber);
        // Only a wrong guess is charged at all of them.
        let servers = if is_right { 1 } else { self.session.ledger.servers().len() };
        guesser.settle(admitted, is_right, servers);
        Ok(Ok(outcome))
    }
}

impl Server for Election {
    fn vote(
        self: Rc<Self>,
        params: VoteParams,
        mut results: VoteResults,
    ) -> impl Future<Output = capnp::Result<()>> + 'static {
        self.take(params, move |decided| write_outcome(decided, results.get().init_outcome()))
    }

    fn cast(
        self: Rc<Self>,
        params: CastParams,
        mut results: CastResults,
    ) -> impl Future<Output = capnp::Result<()>> + 'static {
        self.take(params, move |decided| write_outcome(decided, results.get().init_outcome()))
    }

    async fn result(
        self: Rc<Self>,
        params: ResultParams,
        mut results: ResultResults,
    ) -> capnp::Result<()> {
        let standing = self.standing()?;
        let candidate = params.get()?.get_candidate()?;
        let unknown = (0, ResultStatus::UnknownCandidate);
        let (votes, status) = candidate.to_str().map_or(unknown, |name| standing.result(name));
        let mut result = results.get();
        result.set_votes(votes);
        result.set_status(status.into());
        if status != ResultStatus::UnknownCandidate {
            result.set_candidate(candidate);
            let longest = standing.definition.slate.longest();
            result.set_padding(padding(candidate.len(), longest));
        }
        Ok(())
    }

    async fn results(
        self: Rc<Self>,
        params: ResultsParams,
        mut results: ResultsResults,
    ) -> capnp::Result<()> {
        let _turn = self.may_list(Caller::of(|| params.get().is_ok())).await?;
        write_results(&*self.standing()?, results.get().init_results());
        Ok(())
    }

    async fn watch(
        self: Rc<Self>,
        params: WatchParams,
        mut results: WatchResults,
    ) -> capnp::Result<()> {
        let observer = params.get()?.get_observer()?;
        let caller = Caller::of(|| params.get().is_ok());
        let handle = watch::start(&self.session, self.id.clone(), observer, caller)?;
        results.get().set_subscription(handle);
        Ok(())
    }

    async fn count(
        self: Rc<Self>,
        params: CountParams,
        mut results: CountResults,
    ) -> capnp::Result<()> {
        // The newest snapshot may lag behind the close.
        let is_counted = |standing: &Arc<Standing>| standing.count().is_some();
        let standing = |snapshot: &Snapshot| standing_in(snapshot, &self.id);
        let standing = self.session.look_up(standing, is_counted).await?;
        let Some(count) = standing.count() else {
            let why = format!("election {} is not closed, and there is no count yet", self.id);
            return Err(Error::failed(why));
        };
        let slate = &standing.definition.slate;
        let caller = Caller::of(|| params.get().is_ok());
        let bytes = count_bytes(slate, count);
        let _turn = self.session.may_answer(caller.as_ref(), bytes).await?;
        let mut builder = results.get().init_count();
        builder.set_election(self.id.as_str());
        write_count(slate, count, builder);
        Ok(())
    }

    async fn info(
        self: Rc<Self>,
        params: InfoParams,
        mut results: InfoResults,
    ) -> capnp::Result<()> {
        let _turn = self.may_list(Caller::of(|| params.get().is_ok())).await?;
        let mut info = results.get().init_info();
        write_info(&*self.standing()?, info.reborrow());
        write_servers(&self.session.ledger.servers(), info);
        Ok(())
    }
}

/// The exception for a vote that failed because of a fault. By its kind, clients of any version
/// send the vote again where that helps, over a new connection and with the same nonce.
fn fault(error: &LedgerError) -> Error {
    let not_recorded = format!("the vote was not recorded: {error}");
    let not_known = format!(
        "it is not known whether the vote was recorded: {error}; send the same vote again, with \
         the same nonce"
    );
    match error {
        LedgerError::Stopped | LedgerError::Away(_) => Error::overloaded(not_recorded),
        LedgerError::Unknown(_) => Error::disconnected(not_known),
        error if error.is_certain() => Error::failed(not_recorded),
        _ => Error::failed(not_known),
    }
}
