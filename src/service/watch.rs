//! Watches: pushing the newest results of an election to an observer.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use capnp::Error;
use capnp::capability::Request;
use capnp::traits::HasTypeId;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::session::{HeldPermit, LONG_ANSWER_BYTES_MIN, Session};
use crate::election::{ElectionId, ElectionState, Standing};
use crate::net::connection::PublicHold;
use crate::net::transport::{Caller, Kept};
use crate::schema::election::write_results;
use crate::schema::election_capnp::{handle, result_observer};

/// The minimum time between two changes sent to one observer.
pub const CHANGE_PAUSE: Duration = Duration::from_millis(250);

/// The maximum time between two: without a change, the same results are sent again, to see whether
/// the observer still answers.
pub const QUIET_WAIT_MAX: Duration = Duration::from_secs(5 * 60);

/// The copies of a change while it is sent: the message, and output.
const CHANGE_COPIES: usize = 2;

/// Ends the watch when the client drops it.
struct Subscription {
    _stop: DropGuard,
    /// Shared with the watch's task: released when that has ended and the client has dropped this.
    _permit: Rc<HeldPermit<PublicHold>>,
    _memory: Option<Kept>,
}

/// The bytes of a watch: its task, and the stream to its observer.
const WATCH_BYTES: usize = 12 << 10;

impl handle::Server for Subscription {}

/// Starts to send an election's results to `observer`. Dropping the returned handle ends the watch.
pub(super) fn start(
    session: &Rc<Session>,
    election: ElectionId,
    observer: result_observer::Client,
    caller: Option<Caller>,
) -> Result<handle::Client, Error> {
    let permit = Rc::new(session.watch_permit()?);
    let memory = caller.as_ref().map(|caller| caller.keep(WATCH_BYTES));
    let task_permit = permit.clone();
    let stop = CancellationToken::new();
    let stopped = stop.clone().cancelled_owned();
    let session = session.clone();
    tokio::task::spawn_local(async move {
        tokio::select! {
            biased;
            () = stopped => {}
            ended = notify(&session, &election, &observer, caller.as_ref()) => {
                if let Err(error) = ended {
                    tracing::debug!(kind = ?error.kind, "an observer failed");
                }
            }
        }
        drop(task_permit);
    });
    Ok(capnp_rpc::new_client(Subscription {
        _stop: stop.drop_guard(),
        _permit: permit,
        _memory: memory,
    }))
}

/// Sends an observer every change until the election is closed. While the observer has not answered
/// one, newer changes replace each other.
async fn notify(
    session: &Session,
    election: &ElectionId,
    observer: &result_observer::Client,
    caller: Option<&Caller>,
) -> Result<(), Error> {
    let mut changes = session.snapshots.clone();
    let mut sent: Option<Arc<Standing>> = None;
    let mut sent_at = Instant::now();
    loop {
        let standing = changes.borrow_and_update().election(election).cloned();
        let Some(standing) = standing else { return Ok(()) };
        if sent.as_ref() != Some(&standing) {
            let _memory = memory_for(&standing, caller).await;
            send_change(observer, &standing).await?;
            if standing.state == ElectionState::Closed {
                observer.done_request().send().promise.await?;
                return Ok(());
            }
            sent = Some(standing);
            sent_at = Instant::now();
            sleep(CHANGE_PAUSE).await;
        }
        // Snapshots also change with other elections.
        match timeout_at(sent_at + QUIET_WAIT_MAX, changes.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Ok(()),
            Err(_) => sent = None,
        }
    }
}

/// Waits for memory for a change with a long slate, which is kept until the observer has answered.
async fn memory_for(standing: &Standing, caller: Option<&Caller>) -> Option<Kept> {
    let bytes = standing.definition.message_bytes();
    let caller = caller.filter(|_| bytes >= LONG_ANSWER_BYTES_MIN)?;
    Some(caller.may_be_sent(bytes * CHANGE_COPIES).await)
}

/// Sends one change, and waits for the observer's answer.
///
/// The generated request for `changed`, a streaming method, resolves as soon as the stream's window
/// has room. This is the same call without streaming, which resolves with the answer.
async fn send_change(observer: &result_observer::Client, standing: &Standing) -> Result<(), Error> {
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
