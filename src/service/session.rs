//! What the capabilities of one connection share: the ledger, and the permits that bound the
//! connection.

use std::cell::RefCell;
use std::collections::HashMap;
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
use super::message::Message;
use super::vote_batch::VoteBatcher;
use crate::election::{ElectionId, LIVE_BATCH_BALLOTS, OwnBallot, Standing};
use crate::ledger::{Ledger, Snapshot};
use crate::net::connection::{CallTracker, Hold, NoHold, PublicHold};
use crate::net::transport::{Caller, Kept};
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

/// Votes of one connection in one election that are remembered until their batch is published.
/// Older ones, which are in a published batch, make room.
const OWN_BALLOTS_MAX: usize = 64;

// Fewer than two batches are not published.
const _: () = assert!(OWN_BALLOTS_MAX > 2 * LIVE_BATCH_BALLOTS);

/// Officers' capabilities held by one connection. A capability reached through others keeps those
/// alive, and they count too. One more is an error.
pub const AUTHORITIES_MAX: usize = 256;

/// `None` would mean that the semaphore is closed, which these never are.
pub(super) type Permit = Option<OwnedSemaphorePermit>;

/// A permit with which a connection holds its place.
#[derive(Debug)]
pub(super) struct HeldPermit<Hold> {
    _permit: OwnedSemaphorePermit,
    _hold: Hold,
}

/// An answer with the slate of an election, from so many bytes on, waits for memory.
pub(super) const LONG_ANSWER_BYTES_MIN: usize = 8 << 10;

/// The copies of an answer while it is written: the answer, what capnp-rpc keeps of it, and output.
const ANSWER_COPIES: usize = 3;

/// The turn of a long answer, and the memory for it.
pub(super) type AnswerTurn<'a> = (Option<SemaphorePermit<'a>>, Kept);

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
    /// Recorded votes of this connection, among them all that are not published.
    own: RefCell<HashMap<ElectionId, Vec<OwnBallot>>>,
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
            own: RefCell::default(),
        })
    }

    /// Remembers a recorded vote of this connection, which it sees in the count at once.
    pub(super) fn remember(&self, election: &ElectionId, ballot: OwnBallot) {
        let Ok(standing) = self.standing(election) else { return };
        if !standing.is_recent(&ballot) {
            return;
        }
        let mut all = self.own.borrow_mut();
        let own = all.entry(election.clone()).or_default();
        if own.contains(&ballot) {
            return;
        }
        if own.len() >= OWN_BALLOTS_MAX {
            own.retain(|ballot| standing.is_recent(ballot));
        }
        own.push(ballot);
    }

    /// The standing of an election as this connection sees it: as published, and with its own
    /// votes.
    pub(super) fn seen(&self, id: &ElectionId) -> Result<Arc<Standing>, Error> {
        let standing = self.standing(id)?;
        let own = self.own.borrow();
        Ok(match own.get(id) {
            Some(own) => Arc::new(standing.with_own(own)),
            None => standing,
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
    /// If the server is stopping, or the connection ends or has to make room for others.
    pub(super) fn track_call(&self) -> Result<TaskTrackerToken, Error> {
        if self.calls.is_given_up() {
            return Err(made_room());
        }
        if self.calls.is_hung_up() {
            let why = "too many throttled votes or wrong tokens came over this connection, which \
                       ends: nothing was done; use a new one";
            return Err(Error::overloaded(why.into()));
        }
        let stopping = || Error::overloaded("the server is stopping: nothing was done".into());
        self.calls.token().ok_or_else(stopping)
    }

    /// Holds the connection's place.
    ///
    /// # Errors
    /// If the connection has to make room for others.
    pub(super) fn hold(&self) -> Result<Hold, Error> {
        self.calls.hold().ok_or_else(made_room)
    }

    /// Holds the connection's place by what anybody may do.
    ///
    /// # Errors
    /// If the connection has to make room for others, or too many hold their places so.
    fn hold_public(&self) -> Result<PublicHold, Error> {
        self.calls.hold_public().map_err(|why| match why {
            NoHold::GivenUp => made_room(),
            NoHold::Full => Error::overloaded(
                "too many connections watch or count lines: nothing was done; try again later"
                    .into(),
            ),
        })
    }

    /// Ends the connection once the calls in progress are answered.
    pub(super) fn hang_up(&self) {
        self.calls.hang_up();
    }

    /// Makes a throttled vote cost something: it is answered late, and too many of them end the
    /// connection.
    pub(super) async fn throttle(&self) {
        let (wait, is_last) = self.guesser.was_throttled();
        if is_last {
            self.hang_up();
        } else {
            // The others are answered at once when the connection ends.
            let _ = timeout(wait, self.calls.hung_up()).await;
        }
    }

    /// Waits for a permit to look up a voter number.
    pub(super) async fn lookup_permit(&self) -> Option<SemaphorePermit<'_>> {
        self.lookups.acquire().await.ok()
    }

    /// Waits until the caller may be sent an answer of about so many bytes: one long answer at a
    /// time, once the client has read enough of the others, and there is memory for it. Hold what is
    /// returned while the answer is built.
    ///
    /// # Errors
    /// Where the client cancels the call.
    pub(super) async fn may_answer(
        &self,
        caller: Option<&Caller>,
        bytes: usize,
    ) -> Result<Option<AnswerTurn<'_>>, Error> {
        let Some(caller) = caller.filter(|_| bytes >= LONG_ANSWER_BYTES_MIN) else {
            return Ok(None);
        };
        let waits = async {
            let turn = self.long_answers.acquire().await.ok();
            Ok((turn, caller.may_be_sent(bytes * ANSWER_COPIES).await))
        };
        Caller::unless_cancelled(Some(caller), waits).await.map(Some)
    }

    /// Waits for a permit to send a message. The connection does not hold its place by that: its
    /// sinks may never answer.
    pub(super) async fn message_permit(&self, hold: &mut Option<Hold>) -> Permit {
        if let Ok(permit) = self.messages.clone().try_acquire_owned() {
            return Some(permit);
        }
        *hold = None;
        self.messages.clone().acquire_owned().await.ok()
    }

    /// Waits for the connection's permit for [long work](super::long_work).
    pub(super) async fn long_work_permit(&self) -> Permit {
        self.long_work.clone().acquire_owned().await.ok()
    }

    /// A permit for a line count, if one is left.
    pub(super) fn count_permit(&self) -> Result<HeldPermit<PublicHold>, Error> {
        let permit = try_permit(&self.counts, || {
            format!("a connection has at most {COUNTS_MAX} counts in progress")
        })?;
        Ok(HeldPermit { _permit: permit, _hold: self.hold_public()? })
    }

    /// A permit for an officer's capability, if one is left.
    pub(super) fn authority_permit(&self) -> Result<HeldPermit<Hold>, Error> {
        let permit = try_permit(&self.authorities, || {
            format!(
                "a connection has at most {AUTHORITIES_MAX} officers' capabilities; drop one first"
            )
        })?;
        Ok(HeldPermit { _permit: permit, _hold: self.hold()? })
    }

    /// A permit for a watch, if one is left.
    pub(super) fn watch_permit(&self) -> Result<HeldPermit<PublicHold>, Error> {
        let permit = try_permit(&self.watches, || {
            format!("a connection has at most {WATCHES_MAX} watches; drop one first")
        })?;
        Ok(HeldPermit { _permit: permit, _hold: self.hold_public()? })
    }
}

/// The client may do the same over a new connection.
fn made_room() -> Error {
    let why = "this idle connection made room for others: nothing was done; connect again";
    Error::overloaded(why.into())
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
pub(super) fn send_message(
    sink: &message_sink::Client,
    message: &Message,
    permit: Permit,
) -> SentMessage {
    let mut request = sink.message_request();
    let mut params = request.get();
    params.set_text(message.text.as_str());
    params.set_padding(message.padding);
    SentMessage { answer: request.send().promise, _permit: permit }
}

impl SentMessage {
    /// Waits for the answer, at most [`MESSAGE_WAIT_MAX`]. A sink that fails costs only the
    /// message.
    pub(super) async fn answered(self) {
        match timeout(MESSAGE_WAIT_MAX, self.answer).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::debug!(kind = ?error.kind, "a message sink failed"),
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
        let message = Message { text: "hello".into(), padding: &[] };
        let sent = send_message(&capnp_rpc::new_client(Hung), &message, Some(permit));
        tokio::task::spawn_local(sent.answered());
        let _permit = messages.acquire().await.unwrap();
        assert_eq!(started.elapsed(), MESSAGE_WAIT_MAX);
    }
}
