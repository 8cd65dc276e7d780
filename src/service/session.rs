//! What the capabilities of one connection share: the ledger, and the permits that bound the
//! connection.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use capnp::Error;
use capnp::capability::{Promise, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, watch};
use tokio::time::timeout;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::convert::exception;
use super::guesses::{Guesser, UNDECIDED_VOTES_MAX};
use super::vote_batch::VoteBatcher;
use crate::election::{ElectionId, Standing};
use crate::ledger::{Ledger, Snapshot};
use crate::net::connection::CallTracker;
use crate::schema::election_capnp::message_sink;
use crate::schema::election_capnp::message_sink::message_results;

/// Messages of one connection that are sent and not answered. Further votes are decided, but their
/// messages and outcomes wait.
pub const UNANSWERED_MESSAGES_MAX: usize = 256;

/// The time for a sink to answer a message. A message without an answer counts as answered after
/// it; the vote stands.
pub const MESSAGE_WAIT_MAX: Duration = Duration::from_secs(10);

/// Line counts of one connection in progress. One more is an error.
pub const COUNTS_MAX: usize = 8;

/// Watches of one connection. One more is an error.
pub const WATCHES_MAX: usize = 64;

/// Officers' capabilities held by one connection. A capability reached through others keeps those
/// alive, and they count too. One more is an error.
pub const AUTHORITIES_MAX: usize = 256;

/// `None` would mean that the semaphore is closed, which these never are.
pub(super) type Permit = Option<OwnedSemaphorePermit>;

/// The state that the capabilities of one connection share.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) snapshots: watch::Receiver<Arc<Snapshot>>,
    pub(super) votes: VoteBatcher,
    pub(super) guesser: Guesser,
    calls: CallTracker,
    lookups: Semaphore,
    long_answers: Semaphore,
    messages: Arc<Semaphore>,
    watches: Arc<Semaphore>,
    counts: Arc<Semaphore>,
    authorities: Arc<Semaphore>,
    long_work: Arc<Semaphore>,
}

impl Session {
    pub(super) fn new(
        ledger: Arc<dyn Ledger>,
        votes: VoteBatcher,
        guesser: Guesser,
        calls: CallTracker,
    ) -> Rc<Self> {
        let lookups = Semaphore::new(UNDECIDED_VOTES_MAX);
        let messages = Arc::new(Semaphore::new(UNANSWERED_MESSAGES_MAX));
        let watches = Arc::new(Semaphore::new(WATCHES_MAX));
        let counts = Arc::new(Semaphore::new(COUNTS_MAX));
        let authorities = Arc::new(Semaphore::new(AUTHORITIES_MAX));
        let long_work = Arc::new(Semaphore::new(1));
        Rc::new(Self {
            snapshots: ledger.snapshots(),
            ledger,
            votes,
            guesser,
            calls,
            lookups,
            long_answers: Semaphore::new(1),
            messages,
            watches,
            counts,
            authorities,
            long_work,
        })
    }

    /// The standing of an election in the newest snapshot.
    pub(super) fn standing(&self, id: &ElectionId) -> Result<Arc<Standing>, Error> {
        standing_in(&self.snapshots.borrow(), id)
    }

    /// Looks something up in the newest snapshot. The snapshot may lag behind a ledger that other
    /// servers share: an error, or an answer that `is_yes` does not accept, is looked up again in a
    /// fresh one.
    pub(super) async fn look_up<T>(
        &self,
        look_up: impl Fn(&Snapshot) -> Result<T, Error>,
        is_yes: impl Fn(&T) -> bool,
    ) -> Result<T, Error> {
        let found = look_up(&self.snapshots.borrow());
        if found.as_ref().is_ok_and(is_yes) {
            return found;
        }
        look_up(&*self.ledger.fresh().await.map_err(exception)?)
    }

    /// Tracks a call: the server answers it before it stops, while its token is held.
    ///
    /// # Errors
    /// If the server is stopping.
    pub(super) fn track_call(&self) -> Result<TaskTrackerToken, Error> {
        if self.calls.is_closed() {
            return Err(Error::overloaded("the server is stopping: nothing was done".into()));
        }
        Ok(self.calls.token())
    }

    /// Waits for a permit to look up a voter number.
    pub(super) async fn lookup_permit(&self) -> Option<SemaphorePermit<'_>> {
        self.lookups.acquire().await.ok()
    }

    /// Waits for the turn of a long answer to a vote.
    pub(super) async fn long_answer_permit(&self) -> Option<SemaphorePermit<'_>> {
        self.long_answers.acquire().await.ok()
    }

    /// Waits for a permit to send a message.
    pub(super) async fn message_permit(&self) -> Permit {
        self.messages.clone().acquire_owned().await.ok()
    }

    /// Waits for the connection's permit for [long work](super::long_work).
    pub(super) async fn long_work_permit(&self) -> Permit {
        self.long_work.clone().acquire_owned().await.ok()
    }

    /// A permit for a line count, if one is left.
    pub(super) fn count_permit(&self) -> Result<OwnedSemaphorePermit, Error> {
        try_permit(&self.counts, || {
            format!("a connection has at most {COUNTS_MAX} counts in progress")
        })
    }

    /// A permit for an officer's capability, if one is left.
    pub(super) fn authority_permit(&self) -> Result<OwnedSemaphorePermit, Error> {
        try_permit(&self.authorities, || {
            format!(
                "a connection has at most {AUTHORITIES_MAX} officers' capabilities; drop one first"
            )
        })
    }

    /// A permit for a watch, if one is left.
    pub(super) fn watch_permit(&self) -> Result<OwnedSemaphorePermit, Error> {
        try_permit(&self.watches, || {
            format!("a connection has at most {WATCHES_MAX} watches; drop one first")
        })
    }
}

/// The standing of an election in a snapshot.
pub(super) fn standing_in(snapshot: &Snapshot, id: &ElectionId) -> Result<Arc<Standing>, Error> {
    let standing = snapshot.election(id).cloned();
    standing.ok_or_else(|| Error::failed(format!("there is no election {id:?}")))
}

fn try_permit(
    semaphore: &Arc<Semaphore>,
    why: impl FnOnce() -> String,
) -> Result<OwnedSemaphorePermit, Error> {
    semaphore.clone().try_acquire_owned().map_err(|_| Error::overloaded(why()))
}

/// A message that was sent.
pub(super) struct SentMessage {
    answer: Promise<Response<message_results::Owned>, Error>,
    _permit: Permit,
}

/// Sends a message. It is ahead of everything that is sent on the connection after this returns.
pub(super) fn send_message(sink: &message_sink::Client, text: &str, permit: Permit) -> SentMessage {
    let mut request = sink.message_request();
    request.get().set_text(text);
    SentMessage { answer: request.send().promise, _permit: permit }
}

impl SentMessage {
    /// Waits for the answer, at most [`MESSAGE_WAIT_MAX`]. A sink that fails costs only the
    /// message.
    pub(super) async fn answered(self) {
        match timeout(MESSAGE_WAIT_MAX, self.answer).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a message sink failed"),
            Err(_) => tracing::debug!("a message sink did not answer in time"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::election_capnp::message_sink::{MessageParams, MessageResults, Server};

    struct Hung;

    impl Server for Hung {
        async fn message(self: Rc<Self>, _: MessageParams, _: MessageResults) -> capnp::Result<()> {
            std::future::pending().await
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_message_without_an_answer_keeps_its_permit_for_a_bounded_time() {
        let messages = Arc::new(Semaphore::new(1));
        let permit = messages.clone().acquire_owned().await.unwrap();
        let started = tokio::time::Instant::now();
        let sent = send_message(&capnp_rpc::new_client(Hung), "hello", Some(permit));
        tokio::task::spawn_local(sent.answered());
        let _permit = messages.acquire().await.unwrap();
        assert_eq!(started.elapsed(), MESSAGE_WAIT_MAX);
    }
}
