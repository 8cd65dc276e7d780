//! `Election`: votes, results and watches of one election.

use std::rc::Rc;
use std::sync::Arc;

use capnp::Error;
use tokio::task::spawn_local;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::convert::{exception, write_outcome};
use super::decided::{Answer, Decided};
use super::draw::{draw_nonce, no_random_numbers};
use super::guesses::Throttled;
use super::message::Message;
use super::session::{AnswerTurn, Session, send_message, standing_in};
use super::watch;
use crate::election::{
    CANDIDATE_BYTES_MAX, ElectionId, Nonce, Outcome, Receipt, Refusal, ResultStatus, Standing,
    Vote, VoterNumber,
};
use crate::ledger::{LedgerError, Snapshot};
use crate::net::connection::Hold;
use crate::net::transport::Caller;
use crate::schema::election::{write_info, write_results};
use crate::schema::election_capnp::election::{
    InfoParams, InfoResults, ResultParams, ResultResults, ResultsParams, ResultsResults, Server,
    VoteParams, VoteResults, WatchParams, WatchResults,
};
use crate::schema::election_capnp::message_sink;
use crate::schema::values::padding;
use crate::threads::stack;

pub(super) struct Election {
    session: Rc<Session>,
    id: ElectionId,
}

/// The parameters of a vote, copied out of its message.
struct VoteRequest {
    /// The name as received, which need not be UTF-8.
    candidate: Vec<u8>,
    number: VoterNumber,
    nonce: Nonce,
    /// Of a puzzle; 0 is none.
    solution: u64,
    sink: Option<message_sink::Client>,
}

/// An answer that lists the slate. Many votes may be decided at once, and be answered before any
/// answer is written: each waits for its turn, and keeps its message until then.
struct LongAnswer {
    caller: Caller,
    _params: VoteParams,
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

    /// Decides a vote and sends the message about it.
    async fn process(
        self: Rc<Self>,
        params: VoteParams,
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
                Message::new(&decided.standing.definition, &decided.candidate, &decided.answer);
            let sent = send_message(&sink, &message, permit);
            // The outcome does not wait for the sink's answer. Permits and a timeout bound these
            // tasks.
            spawn_local(sent.answered());
        }
        // Until here, the call's message counts against the bound on calls in flight, even if the
        // call is cancelled.
        drop((token, hold));
        let lists_slate = matches!(decided.answer, Answer::Refused(Refusal::UnknownCandidate));
        let caller = if lists_slate { Caller::of(|| params.get().is_ok()) } else { None };
        Ok((decided, caller.map(|caller| LongAnswer { caller, _params: params })))
    }

    /// Has a vote decided.
    async fn decide(&self, request: &VoteRequest) -> Result<Decided, Error> {
        let candidate = String::from_utf8_lossy(&request.candidate).into_owned();
        let (number, nonce) = (request.number, request.nonce);
        let decided = |standing, answer| Decided { standing, candidate, nonce, answer };
        let admit = |snapshot: &Snapshot| {
            let standing = standing_in(snapshot, &self.id)?;
            let admitted = standing.admit(&request.candidate);
            Ok((standing, admitted))
        };
        let looked_up = self.session.look_up(admit, |(_, admitted)| admitted.is_ok());
        let (standing, admitted) = looked_up.await?;
        let choice = match admitted {
            Ok(choice) => choice,
            Err(refusal) => return Ok(decided(standing, Answer::Refused(refusal))),
        };
        let vote = Box::new(Vote { election: self.id.clone(), choice, number, nonce });
        let answer = match self.decide_by_ledger(vote, request.solution).await? {
            Err(throttled) => Answer::Throttled(throttled),
            Ok(Outcome::Refused(refusal)) => Answer::Refused(refusal),
            Ok(Outcome::Recorded) => {
                self.session.remember(&self.id, (choice, nonce));
                let name = standing.definition.slate.name(choice).unwrap_or_default();
                Answer::Recorded(Receipt::new(&self.id, name, &nonce))
            }
        };
        Ok(decided(standing, answer))
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
        guesser.settle(admitted, is_right);
        Ok(Ok(outcome))
    }
}

impl Server for Election {
    // Not an `async fn`: the vote's task is spawned when the call arrives, so the vote is decided
    // even if the voter cancels the call or the connection ends.
    fn vote(
        self: Rc<Self>,
        params: VoteParams,
        mut results: VoteResults,
    ) -> impl Future<Output = capnp::Result<()>> + 'static {
        let session = self.session.clone();
        let taken = self.session.track_call().and_then(|token| {
            let (request, hold) = (stack::step(|| read_vote(&params))?, self.session.hold()?);
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
            write_outcome(&decided, results.get().init_outcome());
            Ok(())
        }
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

    async fn info(
        self: Rc<Self>,
        params: InfoParams,
        mut results: InfoResults,
    ) -> capnp::Result<()> {
        let _turn = self.may_list(Caller::of(|| params.get().is_ok())).await?;
        write_info(&*self.standing()?, results.get().init_info());
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
        LedgerError::Stopped => Error::overloaded(not_recorded),
        LedgerError::Unknown(_) => Error::disconnected(not_known),
        error if error.is_certain() => Error::failed(not_recorded),
        _ => Error::failed(not_known),
    }
}

/// Copies the parameters of a vote out of its message, into a box: what is moved later is its
/// address.
fn read_vote(params: &VoteParams) -> Result<Box<VoteRequest>, Error> {
    let params = params.get()?;
    let candidate = params.get_candidate()?.as_bytes();
    // One byte more than the longest name is enough to tell that the name is on no slate.
    let candidate = candidate.get(..=CANDIDATE_BYTES_MAX).unwrap_or(candidate).to_vec();
    let nonce = match params.get_nonce()? {
        [] => draw_nonce().map_err(no_random_numbers)?,
        nonce => Nonce::try_from(nonce).map_err(exception)?,
    };
    let sink = if params.has_messages() { Some(params.get_messages()?) } else { None };
    let (number, solution) = (params.get_voter_number().into(), params.get_solution());
    Ok(Box::new(VoteRequest { candidate, number, nonce, solution, sink }))
}
