//! Serving one RPC connection: its timeouts, and how it is drained and closed.

use std::time::Duration;

use capnp::capability::Client;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::{Disconnector, RpcSystem, VatNetwork};
use futures::FutureExt;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::admission::Seat;
pub use super::admission::{NoHold, PublicHold};
use super::budget;
pub use super::place::Hold;
use super::place::Observed;
use super::stream::Stream;
use super::transport::{self, PeerMonitor};
use super::woken::when_woken;

/// The time to answer the calls in progress when the server stops. Then the connection is closed.
pub const DRAIN_WAIT_MAX: Duration = Duration::from_secs(10);

/// The time for a client to send its first message. Then the connection is closed.
pub const FIRST_CALL_WAIT_MAX: Duration = Duration::from_secs(30);

/// Idle timeout: the time without a message while no call is in progress. The connection is closed
/// between one and two times this after the last message. One that holds nothing is allowed less
/// time as more places are taken: see [`admission`](super::admission).
pub const IDLE_WAIT_MAX: Duration = Duration::from_secs(15 * 60);

/// The time without a further byte of an incomplete message. The connection is closed between one
/// and two times this after the last byte.
pub const MESSAGE_REST_WAIT_MAX: Duration = Duration::from_secs(30);

/// The time that a client may hold more than
/// [`CONNECTION_BYTES_MIN`](super::budget::CONNECTION_BYTES_MIN), by calls in progress or by
/// answers that it does not read or release, while memory is scarce: half of
/// [`PROCESS_BYTES_MAX`](super::budget::PROCESS_BYTES_MAX) is used. Those that hold most are
/// closed, after between one and two times this, until memory is not scarce.
pub const MEMORY_WAIT_MAX: Duration = Duration::from_secs(30);

/// The time for a connection that makes room to write what it was writing. Then it is closed.
pub const MAKING_ROOM_WAIT_MAX: Duration = Duration::from_millis(100);

/// Tracks what is in progress on one connection: the calls that are answered before the server
/// stops, and what holds the connection's place.
///
/// A capability holds a token of it during each such call, and accepts none once it is closed.
#[derive(Debug, Clone)]
pub struct CallTracker {
    calls: TaskTracker,
    hung_up: CancellationToken,
    seat: Seat,
}

impl CallTracker {
    /// For a connection with this place.
    fn new(seat: Seat) -> Self {
        Self { calls: TaskTracker::new(), hung_up: CancellationToken::new(), seat }
    }

    /// Tracks a call until the token is dropped; `None` if the server is stopping.
    pub fn token(&self) -> Option<TaskTrackerToken> {
        (!self.calls.is_closed()).then(|| self.calls.token())
    }

    /// Accepts no more calls.
    pub fn close(&self) {
        self.calls.close();
    }

    /// Ends the connection as if the server stopped.
    pub fn hang_up(&self) {
        self.hung_up.cancel();
    }

    /// Returns when a capability ends the connection.
    pub async fn hung_up(&self) {
        self.hung_up.cancelled().await;
    }

    /// Whether a capability ends the connection.
    pub fn is_hung_up(&self) -> bool {
        self.hung_up.is_cancelled()
    }

    /// Whether the connection's place was given to another one.
    pub fn is_given_up(&self) -> bool {
        self.seat.place.is_given_up()
    }

    /// Holds the connection's place by what not everybody may do; `None` if it was given up.
    pub fn hold(&self) -> Option<Hold> {
        self.seat.place.hold()
    }

    /// Holds the connection's place by what anybody may do.
    ///
    /// # Errors
    /// [`NoHold`].
    pub fn hold_public(&self) -> Result<PublicHold, NoHold> {
        self.seat.hold_public()
    }
}

/// Serves one connection until the peer disconnects or `stop` is cancelled.
///
/// `bootstrap` creates the bootstrap capability. When `stop` is cancelled, the calls in progress
/// are answered, within [`DRAIN_WAIT_MAX`], before the connection is closed.
///
/// A server and a client in one program, without a socket:
///
/// ```
/// use capvote::client::{Ballot, Client, VoteOutcome};
/// use capvote::election::{Definition, VoterNumber};
/// use capvote::ledger::{Act, Location};
/// use capvote::net::{admission::Origin, connection};
/// use capvote::service::{Bootstrap, Guesses};
/// use tokio_util::sync::CancellationToken;
///
/// #[tokio::main(flavor = "local")]
/// async fn main() -> anyhow::Result<()> {
///     let data = tempfile::tempdir()?;
///     let ledger = Location::Directory(data.path().into()).open()?;
///     let board = Definition::new("board".parse()?, "The board".into(), vec!["Ada".into(), "Grace".into()])?;
///     let numbers = (1..=20).map(VoterNumber::from).collect();
///     let (issue, open) = (Act::Issue(board.id.clone(), numbers), Act::Open(board.id.clone()));
///     ledger.act(vec![Act::Create(board.into()), issue, open], None).await?;
///
///     let bootstrap = Bootstrap::new(ledger, Guesses::default());
///     let (near, far) = tokio::io::duplex(64 * 1024);
///     let stop = CancellationToken::new();
///     let bootstrap = move |calls| bootstrap.capability(calls, Origin::Here);
///     let serving = tokio::task::spawn_local(connection::serve(far, bootstrap, stop.clone()));
///
///     let client = Client::over(near);
///     let vote = client.election("board").vote(&Ballot::new("Ada", 7.into())?, |text| println!("{text}")).await?;
///     assert!(matches!(vote, VoteOutcome::Recorded(_)));
///
///     stop.cancel();
///     serving.await?;
///     Ok(())
/// }
/// ```
///
/// # Panics
/// Outside a [`LocalSet`](tokio::task::LocalSet) and a
/// [`LocalRuntime`](tokio::runtime::LocalRuntime).
pub async fn serve(
    stream: impl Stream,
    bootstrap: impl FnOnce(CallTracker) -> Client,
    stop: CancellationToken,
) {
    serve_at(stream, Seat::of_its_own(), bootstrap, stop).await;
}

/// As [`serve`], for a connection that may have to make room for others.
pub(super) fn serve_at(
    stream: impl Stream,
    seat: Seat,
    bootstrap: impl FnOnce(CallTracker) -> Client,
    stop: CancellationToken,
) -> impl Future<Output = ()> {
    let observed = Observed::new(stream, seat.place.clone());
    let (network, monitor) = transport::monitored(observed);
    let timed_out = timed_out(monitor, seat.clone());
    serve_until(network, CallTracker::new(seat), bootstrap, stop, timed_out)
}

/// As [`serve`], over any network and without its timeouts.
pub async fn serve_over(
    network: Box<dyn VatNetwork<Side>>,
    bootstrap: impl FnOnce(CallTracker) -> Client,
    stop: CancellationToken,
) {
    let calls = CallTracker::new(Seat::of_its_own());
    serve_until(network, calls, bootstrap, stop, std::future::pending()).await;
}

/// Not an `async fn`: that would keep what it is given for as long as the connection is open.
fn serve_until(
    network: Box<dyn VatNetwork<Side>>,
    calls: CallTracker,
    bootstrap: impl FnOnce(CallTracker) -> Client,
    stop: CancellationToken,
    timed_out: impl Future<Output = ()>,
) -> impl Future<Output = ()> {
    let system = RpcSystem::new(network, Some(bootstrap(calls.clone())));
    let CallTracker { calls, hung_up, seat } = calls;
    let place = seat.place.clone();
    let has_to_end = when_woken(async move {
        tokio::select! {
            () = stop.cancelled() => Some(DRAIN_WAIT_MAX),
            () = hung_up.cancelled() => Some(DRAIN_WAIT_MAX),
            () = place.given_up() => Some(MAKING_ROOM_WAIT_MAX),
            () = timed_out => None,
        }
    });
    run(system, has_to_end, calls, seat)
}

/// Runs the RPC system until it ends, or has to: then within the time that `has_to_end` gives.
async fn run(
    mut system: RpcSystem<Side>,
    has_to_end: impl Future<Output = Option<Duration>>,
    calls: TaskTracker,
    seat: Seat,
) {
    let mut disconnector = system.get_disconnector();
    let wait = tokio::select! {
        biased;
        ended = &mut system => return report(ended),
        wait = has_to_end => wait,
    };
    let Some(wait) = wait else {
        tracing::debug!("connection closed: timeout");
        return abort(disconnector);
    };
    let drained = async {
        calls.close();
        calls.wait().await;
        (&mut disconnector).await
    };
    tokio::select! {
        ended = &mut system => report(ended),
        drained = timeout(wait, drained) => match drained {
            Ok(ended) => report(ended),
            Err(_) if seat.place.is_given_up() => {
                tracing::debug!("connection closed: it made room for another");
                abort(disconnector);
            }
            Err(_) => {
                tracing::warn!("connection closed: its calls were not answered in time");
                abort(disconnector);
            }
        }
    }
}

/// Returns when a client is idle, stalls within a message, or holds scarce memory, for too long.
async fn timed_out(client: PeerMonitor, seat: Seat) {
    tokio::select! {
        () = client.is_cut() => {}
        () = waits_too_long(&client, &seat) => {}
    }
}

async fn waits_too_long(client: &PeerMonitor, seat: &Seat) {
    sleep(FIRST_CALL_WAIT_MAX).await;
    // It compares with the previous check, and this is the first.
    client.is_stalled();
    while client.is_active() {
        let until = Instant::now() + IDLE_WAIT_MAX;
        while Instant::now() < until {
            sleep(MESSAGE_REST_WAIT_MAX.min(MEMORY_WAIT_MAX)).await;
            budget::relieve(MEMORY_WAIT_MAX);
            if client.is_stalled() {
                return;
            }
            // If it gives up its place, it ends by that.
            seat.gives_up_after(IDLE_WAIT_MAX);
        }
    }
}

/// Closes a connection without waiting for the peer. Calls on its capabilities fail.
fn abort(disconnector: Disconnector<Side>) {
    // The first poll tears the connection down. Later ones would wait for output to be written.
    let _ = disconnector.now_or_never();
}

/// Logs at debug level only: a peer may disconnect in any way, at any time. What it says of that may
/// be any text.
fn report(ended: capnp::Result<()>) {
    match ended {
        Ok(()) => tracing::debug!("connection closed"),
        Err(error) => tracing::debug!(kind = ?error.kind, "connection failed"),
    }
}
