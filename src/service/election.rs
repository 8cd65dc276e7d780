//! `Election`: voting and results.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use capnp::Error;
use tokio::sync::oneshot;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::convert::{milliseconds, write_outcome};
use super::session::{self, Sent, Session};
use super::{message, watch};
use crate::election::{
    CANDIDATE_BYTES_MAX, ElectionId, Nonce, Outcome, Refusal, ResultStatus, Standing, Vote,
    VoterNumber,
};
use crate::ledger::ClerkError;
use crate::schema::election::{write_info, write_results};
use crate::schema::election_capnp::election::{
    InfoParams, InfoResults, ResultParams, ResultResults, ResultsParams, ResultsResults, Server,
    VoteParams, VoteResults, WatchParams, WatchResults,
};
use crate::schema::election_capnp::message_sink;

pub(super) struct Election {
    session: Rc<Session>,
    id: ElectionId,
}

/// A vote as it came in, copied out of its message.
struct Cast {
    /// The name as it came, which need not be text.
    candidate: Vec<u8>,
    number: VoterNumber,
    nonce: Nonce,
    sink: Option<message_sink::Client>,
}

/// A vote that is being decided. The server does not stop before its outcome is on its way.
struct Taken {
    decided: oneshot::Receiver<Result<Decided, Error>>,
    _token: TaskTrackerToken,
}

/// A vote that is decided, with what there is to say about it.
struct Decided {
    standing: Arc<Standing>,
    candidate: String,
    nonce: Nonce,
    outcome: Result<Outcome, Throttled>,
}

/// A vote that was not looked up, because too many wrong numbers came from where it comes from.
#[derive(Debug, Clone, Copy)]
struct Throttled {
    /// How long to wait before it is.
    wait: Duration,
}

impl Election {
    pub(super) fn new(session: Rc<Session>, id: ElectionId) -> Self {
        Self { session, id }
    }

    fn standing(&self) -> Result<Arc<Standing>, Error> {
        let standing = self.session.clerk.standing(&self.id);
        standing
            .ok_or_else(|| Error::failed(format!("there is no election {:?} any more", self.id)))
    }

    /// Takes a vote in, so that it is decided whether or not the voter stays connected.
    fn take(self: Rc<Self>, params: VoteParams) -> Result<Taken, Error> {
        let token = self.session.begin()?;
        let cast = read(&params)?;
        let (answer, decided) = oneshot::channel();
        let taken = Taken { decided, _token: token.clone() };
        tokio::task::spawn_local(async move {
            let decided = self.decide(&cast).await;
            let message = match &decided {
                Ok(decided) => self.tell(cast.sink, decided).await,
                Err(_) => None,
            };
            // The voter may be gone, and then there is nobody to answer.
            let _ = answer.send(decided);
            drop(token);
            // Kept so long, also where the voter takes the call back, for the bound on calls under way.
            drop(params);
            if let Some(message) = message {
                message.answered().await;
            }
        });
        Ok(taken)
    }

    /// Has a vote decided and stored.
    async fn decide(&self, cast: &Cast) -> Result<Decided, Error> {
        let standing = self.standing()?;
        let outcome = match standing.admit(&cast.candidate) {
            Err(refusal) => Ok(Outcome::Refused(refusal)),
            Ok(choice) => {
                let (number, nonce) = (cast.number, cast.nonce);
                let vote = Vote { election: self.id.clone(), choice, number, nonce };
                self.look_up(vote).await?
            }
        };
        let candidate = String::from_utf8_lossy(&cast.candidate).into_owned();
        Ok(Decided { standing, candidate, nonce: cast.nonce, outcome })
    }

    /// Has the clerk decide a vote, unless too many wrong numbers came from where it comes from.
    async fn look_up(&self, vote: Vote) -> Result<Result<Outcome, Throttled>, Error> {
        let _permit = self.session.may_look_up().await;
        if let Err(wait) = self.session.guesser.may_guess() {
            return Ok(Err(Throttled { wait }));
        }
        let outcome = self.session.teller.vote(vote).await;
        let outcome = outcome.map_err(|error| Error::failed(fault(&error)))?;
        if outcome == Outcome::Refused(Refusal::UnknownVoterNumber) {
            self.session.guesser.was_wrong();
        }
        Ok(Ok(outcome))
    }

    /// Sends the message about a vote, if there is a sink for it.
    async fn tell(&self, sink: Option<message_sink::Client>, decided: &Decided) -> Option<Sent> {
        let sink = sink?;
        let Decided { standing, candidate, outcome, .. } = decided;
        let text = match outcome {
            Ok(outcome) => message::text(&standing.definition, candidate, outcome),
            Err(throttled) => message::throttled(&standing.definition, candidate, throttled.wait),
        };
        Some(session::send(&sink, &text, self.session.may_send().await))
    }
}

impl Server for Election {
    // Not an `async fn`: the vote is taken in when the call arrives, before the peer's next message, which
    // may be its last, is looked at.
    fn vote(
        self: Rc<Self>,
        params: VoteParams,
        mut results: VoteResults,
    ) -> impl Future<Output = capnp::Result<()>> + 'static {
        let taken = self.take(params);
        async move {
            let mut taken = taken?;
            let decided = (&mut taken.decided).await;
            let gone = |_| Error::failed("the vote was not decided".into());
            let Decided { standing, candidate, nonce, outcome } = decided.map_err(gone)??;
            let mut builder = results.get().init_outcome();
            match outcome {
                Ok(outcome) => write_outcome(&standing, &candidate, &nonce, &outcome, builder),
                Err(throttled) => builder.set_throttled(milliseconds(throttled.wait)),
            }
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
        }
        Ok(())
    }

    async fn results(
        self: Rc<Self>,
        _: ResultsParams,
        mut results: ResultsResults,
    ) -> capnp::Result<()> {
        write_results(&*self.standing()?, results.get().init_results());
        Ok(())
    }

    async fn watch(
        self: Rc<Self>,
        params: WatchParams,
        mut results: WatchResults,
    ) -> capnp::Result<()> {
        let observer = params.get()?.get_observer()?;
        results.get().set_subscription(watch::start(&self.session, self.id.clone(), observer)?);
        Ok(())
    }

    async fn info(self: Rc<Self>, _: InfoParams, mut results: InfoResults) -> capnp::Result<()> {
        write_info(&*self.standing()?, results.get().init_info());
        Ok(())
    }
}

/// What to tell a voter whose vote met a fault.
fn fault(error: &ClerkError) -> String {
    if error.is_certain() {
        format!("the vote was not recorded: {error}")
    } else {
        format!(
            "it is not known whether the vote was recorded: {error}; send the same vote again, with the \
             same nonce, when the server runs again"
        )
    }
}

/// Copies a vote out of its message.
fn read(params: &VoteParams) -> Result<Cast, Error> {
    let params = params.get()?;
    let candidate = params.get_candidate()?.as_bytes();
    // No more of a name is kept than it takes to see that it is on no slate.
    let candidate = candidate.get(..=CANDIDATE_BYTES_MAX).unwrap_or(candidate).to_vec();
    let nonce = match params.get_nonce()? {
        [] => fresh_nonce()?,
        nonce => Nonce::try_from(nonce).map_err(|error| Error::failed(error.to_string()))?,
    };
    let sink = if params.has_messages() { Some(params.get_messages()?) } else { None };
    Ok(Cast { candidate, number: params.get_voter_number().into(), nonce, sink })
}

fn fresh_nonce() -> Result<Nonce, Error> {
    let mut bytes = [0; Nonce::BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::failed(format!("no random numbers: {error}")))?;
    Ok(bytes.into())
}
