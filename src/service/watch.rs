//! Watching an election: the newest results, pushed to an observer.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use capnp::Error;
use capnp::capability::Request;
use capnp::traits::HasTypeId;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::session::{Session, WATCHES_MAX};
use crate::election::{ElectionId, ElectionState, Standing};
use crate::schema::election::write_results;
use crate::schema::election_capnp::{handle, result_observer};

/// The least time between two changes told to one observer.
pub const CHANGE_PAUSE: Duration = Duration::from_millis(250);

/// The longest time between two: without a change, an observer is told the same again, and by its answer shows
/// that it is there.
pub const QUIET_WAIT_MAX: Duration = Duration::from_secs(5 * 60);

/// Lets the watch end when the client drops it.
struct Subscription {
    _stop: DropGuard,
    /// The watch has its place until it has ended and the client has dropped this.
    _place: Rc<OwnedSemaphorePermit>,
}

impl handle::Server for Subscription {}

/// Starts to tell `observer` of an election's results, and returns what ends it when it is dropped.
pub(super) fn start(
    session: &Rc<Session>,
    election: ElectionId,
    observer: result_observer::Client,
) -> Result<handle::Client, Error> {
    let place = session.may_watch().ok_or_else(|| {
        Error::overloaded(format!("a connection has at most {WATCHES_MAX} watches; drop one first"))
    })?;
    let place = Rc::new(place);
    let taken = place.clone();
    let stop = CancellationToken::new();
    let stopped = stop.clone().cancelled_owned();
    let session = session.clone();
    tokio::task::spawn_local(async move {
        tokio::select! {
            biased;
            () = stopped => {}
            ended = tell(&session, &election, &observer) => if let Err(error) = ended {
                tracing::debug!(%error, "an observer failed");
            }
        }
        drop(taken);
    });
    Ok(capnp_rpc::new_client(Subscription { _stop: stop.drop_guard(), _place: place }))
}

/// Tells an observer of every change until the election is closed. One change is told at a time: while
/// the observer is busy with it, newer ones replace each other.
async fn tell(
    session: &Session,
    election: &ElectionId,
    observer: &result_observer::Client,
) -> Result<(), Error> {
    let mut changes = session.snapshots.clone();
    let mut told: Option<Arc<Standing>> = None;
    let mut told_at = Instant::now();
    loop {
        changes.borrow_and_update();
        let Some(standing) = session.standing(election) else {
            return Ok(());
        };
        if told.as_ref() != Some(&standing) {
            changed(observer, &standing).await?;
            if standing.state == ElectionState::Closed {
                observer.done_request().send().promise.await?;
                return Ok(());
            }
            told = Some(standing);
            told_at = Instant::now();
            sleep(CHANGE_PAUSE).await;
        }
        // Snapshots also change with other elections.
        match timeout_at(told_at + QUIET_WAIT_MAX, changes.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Ok(()),
            Err(_) => told = None,
        }
    }
}

/// Tells of one change, and waits until the observer has answered.
///
/// `changed` is a streaming method, and the streaming call that is generated for it returns as soon as
/// the window has room. This is the same call without the stream, whose answer says that the observer
/// is done.
async fn changed(observer: &result_observer::Client, standing: &Standing) -> Result<(), Error> {
    use capnp::any_pointer;
    use result_observer::changed_params;

    const CHANGED: u16 = 0;
    let interface = result_observer::Client::TYPE_ID;
    let mut request: Request<changed_params::Owned, any_pointer::Owned> =
        observer.client.new_call(interface, CHANGED, None);
    write_results(standing, request.get().init_results());
    request.send().promise.await?;
    Ok(())
}
