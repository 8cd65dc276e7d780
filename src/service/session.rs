//! What the capabilities of one connection share: the ledger, and the connection's bounds.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use capnp::Error;
use capnp::capability::{Promise, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, watch};
use tokio::time::timeout;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::guesses::{Guesser, UNDECIDED_VOTES_MAX};
use super::vote_batch::VoteBatcher;
use crate::election::{ElectionId, Standing};
use crate::ledger::{Ledger, Snapshot};
use crate::net::connection::CallTracker;
use crate::schema::election_capnp::message_sink;
use crate::schema::election_capnp::message_sink::message_results;

/// Messages of one connection that its sinks may leave unanswered. The message about the connection's next
/// vote, which is recorded all the same, and its outcome wait until one of them is answered or given up;
/// other connections notice nothing.
pub const UNANSWERED_MESSAGES_MAX: usize = 256;

/// How long a sink may take to answer a message. After that the message is given up; the vote stands.
pub const MESSAGE_WAIT_MAX: Duration = Duration::from_secs(10);

/// The counts of lines that one connection may have under way. One more is an error.
pub const COUNTS_MAX: usize = 8;

/// The watches that one connection may have. One more is an error.
pub const WATCHES_MAX: usize = 64;

/// The officers' capabilities that one connection may hold: one that was reached through others keeps the places of
/// these, too. One more is an error.
pub const AUTHORITIES_MAX: usize = 256;

/// A place among a bounded number of things that a connection may have under way.
pub(super) type Permit = Option<OwnedSemaphorePermit>;

/// One connection, as its capabilities see it.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) snapshots: watch::Receiver<Arc<Snapshot>>,
    pub(super) votes: VoteBatcher,
    pub(super) guesser: Guesser,
    work: CallTracker,
    undecided: Semaphore,
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
        work: CallTracker,
    ) -> Rc<Self> {
        let undecided = Semaphore::new(UNDECIDED_VOTES_MAX);
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
            work,
            undecided,
            messages,
            watches,
            counts,
            authorities,
            long_work,
        })
    }

    /// An election, as last seen.
    pub(super) fn standing(&self, id: &ElectionId) -> Option<Arc<Standing>> {
        self.snapshots.borrow().election(id).cloned()
    }

    /// Waits until the snapshots include everything that was committed before.
    pub(super) async fn refresh(&self) -> Result<(), Error> {
        let fresh = self.ledger.fresh().await;
        fresh.map(drop).map_err(|error| Error::failed(error.to_string()))
    }

    /// Looks something up in the snapshot, and in a fresh one before it is given up.
    pub(super) async fn look_up<T>(
        &self,
        look_up: impl Fn(&Snapshot) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let found = look_up(&self.snapshots.borrow());
        if found.is_ok() {
            return found;
        }
        self.refresh().await?;
        look_up(&self.snapshots.borrow())
    }

    /// Begins a call that is to be answered before the server stops, or refuses it when it is stopping.
    pub(super) fn begin(&self) -> Result<TaskTrackerToken, Error> {
        if self.work.is_closed() {
            return Err(Error::overloaded("the server is stopping: nothing was done".into()));
        }
        Ok(self.work.token())
    }

    /// Waits until this connection may have one more vote looked up.
    pub(super) async fn may_look_up(&self) -> Option<SemaphorePermit<'_>> {
        self.undecided.acquire().await.ok()
    }

    /// Waits until this connection may send one more message.
    pub(super) async fn may_send(&self) -> Permit {
        // The semaphore is never closed, and if it were, there would be nothing to wait for.
        self.messages.clone().acquire_owned().await.ok()
    }

    /// Waits until this connection has no other [long work](super::long_work) under way.
    pub(super) async fn may_work_long(&self) -> Permit {
        self.long_work.clone().acquire_owned().await.ok()
    }

    /// Takes one of the connection's counts, if one is left.
    pub(super) fn may_count(&self) -> Option<OwnedSemaphorePermit> {
        self.counts.clone().try_acquire_owned().ok()
    }

    /// Takes the place of an officer's capability, if one is left.
    pub(super) fn may_hold(&self) -> Result<OwnedSemaphorePermit, Error> {
        self.authorities.clone().try_acquire_owned().map_err(|_| {
            Error::overloaded(format!(
                "a connection holds at most {AUTHORITIES_MAX} capabilities of officers; drop one first"
            ))
        })
    }

    /// Takes one of the connection's watches, if one is left.
    pub(super) fn may_watch(&self) -> Option<OwnedSemaphorePermit> {
        self.watches.clone().try_acquire_owned().ok()
    }
}

/// A message that was sent.
pub(super) struct Sent {
    answer: Promise<Response<message_results::Owned>, Error>,
    _permit: Permit,
}

/// Sends a message: it is on its way when this returns.
pub(super) fn send(sink: &message_sink::Client, text: &str, permit: Permit) -> Sent {
    let mut request = sink.message_request();
    request.get().set_text(text);
    Sent { answer: request.send().promise, _permit: permit }
}

impl Sent {
    /// Returns when the message is answered, or given up. Whether an answer comes and what it says is the
    /// sink's own affair.
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
    async fn a_message_that_is_not_answered_is_given_up_in_time() {
        let places = Arc::new(Semaphore::new(1));
        let permit = places.clone().acquire_owned().await.unwrap();
        let started = tokio::time::Instant::now();
        let sent = send(&capnp_rpc::new_client(Hung), "hello", Some(permit));
        tokio::task::spawn_local(sent.answered());
        let _place = places.acquire().await.unwrap();
        assert_eq!(started.elapsed(), MESSAGE_WAIT_MAX);
    }
}
