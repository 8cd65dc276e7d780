//! `Election`: voting and results.

use std::rc::Rc;
use std::sync::Arc;

use capnp::Error;
use tokio::sync::oneshot;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::convert::{write_info, write_outcome, write_results};
use super::session::{self, Session};
use super::{message, watch};
use crate::election::{
    CANDIDATE_BYTES_MAX, ElectionId, Nonce, Outcome, Standing, Vote, VoterNumber,
};
use crate::schema::election_capnp::election::{
    InfoParams, InfoResults, ResultParams, ResultResults, ResultsParams, ResultsResults, Server,
    VoteParams, VoteResults, WatchParams, WatchResults,
};
use crate::schema::election_capnp::{ResultStatus, message_sink};

pub(super) struct Election {
    session: Rc<Session>,
    id: ElectionId,
}

/// A vote as it came in, copied out of its message.
struct Cast {
    candidate: String,
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
    outcome: Outcome,
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
    fn take(self: Rc<Self>, params: &VoteParams) -> Result<Taken, Error> {
        let token = self.session.begin()?;
        let cast = read(params)?;
        let (answer, decided) = oneshot::channel();
        let taken = Taken { decided, _token: token.clone() };
        tokio::task::spawn_local(async move {
            // The voter may be gone, and then there is nobody to answer.
            let _ = answer.send(self.decide(cast).await);
            drop(token);
        });
        Ok(taken)
    }

    /// Has a vote decided and stored, and sends the message about it.
    async fn decide(self: Rc<Self>, cast: Cast) -> Result<Decided, Error> {
        let Cast { candidate, number, nonce, sink } = cast;
        let sink = match sink {
            Some(sink) => Some((sink, self.session.may_send().await?)),
            None => None,
        };
        let standing = self.standing()?;
        let outcome = match standing.admit(&candidate) {
            Err(refusal) => Outcome::Refused(refusal),
            Ok(choice) => {
                let vote = Vote { election: self.id.clone(), choice, number, nonce };
                let outcome = self.session.clerk.vote(vote).await;
                outcome
                    .map_err(|error| Error::failed(format!("the vote was not recorded: {error}")))?
            }
        };
        if let Some((sink, permit)) = sink {
            session::send(
                &sink,
                &message::text(&standing.definition, &candidate, &outcome),
                permit,
            );
        }
        Ok(Decided { standing, candidate, nonce, outcome })
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
        let taken = self.take(&params);
        drop(params);
        async move {
            let mut taken = taken?;
            let decided = (&mut taken.decided).await;
            let gone = |_| Error::failed("the vote was not decided".into());
            let Decided { standing, candidate, nonce, outcome } = decided.map_err(gone)??;
            let outcome_builder = results.get().init_outcome();
            write_outcome(&standing, &candidate, &nonce, &outcome, outcome_builder);
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
        let (votes, status) = match candidate.to_str() {
            Ok(name) => standing.result(name),
            Err(_) => (0, crate::election::ResultStatus::UnknownCandidate),
        };
        let mut result = results.get();
        result.set_votes(votes);
        result.set_status(status.into());
        if result.reborrow_as_reader().get_status()? != ResultStatus::UnknownCandidate {
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

/// Copies a vote out of its message.
fn read(params: &VoteParams) -> Result<Cast, Error> {
    let params = params.get()?;
    let candidate = params.get_candidate()?;
    // No more of a name is kept than it takes to see that it is on no slate; neither is what is not UTF-8.
    let kept = candidate.as_bytes().len().min(CANDIDATE_BYTES_MAX + 1);
    let candidate = String::from_utf8_lossy(&candidate.as_bytes()[..kept]).into_owned();
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
