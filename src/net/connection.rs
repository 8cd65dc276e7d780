//! Serving one RPC connection: its timeouts, and how it is drained and closed.

use std::time::Duration;

use capnp::capability::Client;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::{Disconnector, RpcSystem, VatNetwork};
use futures::FutureExt;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::budget;
use super::socket::Stream;
use super::transport::{self, PeerMonitor};

/// The time to answer the calls in progress when the server stops. Then the connection is closed.
pub const DRAIN_WAIT_MAX: Duration = Duration::from_secs(10);

/// The time for a client to send its first message. Then the connection is closed.
pub const FIRST_CALL_WAIT_MAX: Duration = Duration::from_secs(30);

/// Idle timeout: the time without a message while no call is in progress. The connection is closed
/// between one and two times this after the last message.
pub const IDLE_WAIT_MAX: Duration = Duration::from_secs(15 * 60);

/// The time without a further byte of an incomplete message. The connection is closed between one
/// and two times this after the last byte.
pub const MESSAGE_REST_WAIT_MAX: Duration = Duration::from_secs(30);

/// The time that a client may hold more than
/// [`CONNECTION_BYTES_MIN`](super::budget::CONNECTION_BYTES_MIN), by calls in progress or by
/// answers that it does not read or release, while memory is scarce: half of
/// [`PROCESS_BYTES_MAX`](super::budget::PROCESS_BYTES_MAX) is used. Those that hold most are closed,
/// after between one and two times this, until memory is not scarce.
pub const MEMORY_WAIT_MAX: Duration = Duration::from_secs(30);

/// Tracks the calls of one connection that are answered before the server stops.
///
/// A capability holds a token of it during each such call, and accepts none once it is closed.
pub type CallTracker = TaskTracker;

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
    let (network, monitor) = transport::monitored(stream);
    serve_until(network, bootstrap, stop, timed_out(&monitor)).await;
}

/// As [`serve`], over any network and without its timeouts.
pub async fn serve_over(
    network: Box<dyn VatNetwork<Side>>,
    bootstrap: impl FnOnce(CallTracker) -> Client,
    stop: CancellationToken,
) {
    serve_until(network, bootstrap, stop, std::future::pending()).await;
}

async fn serve_until(
    network: Box<dyn VatNetwork<Side>>,
    bootstrap: impl FnOnce(CallTracker) -> Client,
    stop: CancellationToken,
    timed_out: impl Future<Output = ()>,
) {
    let calls = CallTracker::new();
    let mut system = RpcSystem::new(network, Some(bootstrap(calls.clone())));
    let mut disconnector = system.get_disconnector();
    tokio::select! {
        biased;
        ended = &mut system => return report(ended),
        () = stop.cancelled() => {}
        () = timed_out => {
            tracing::debug!("connection closed: timeout");
            return abort(disconnector);
        }
    }
    let drained = async {
        calls.close();
        calls.wait().await;
        (&mut disconnector).await
    };
    tokio::select! {
        ended = &mut system => report(ended),
        drained = timeout(DRAIN_WAIT_MAX, drained) => match drained {
            Ok(ended) => report(ended),
            Err(_) => {
                tracing::warn!("connection closed: its calls were not answered in time");
                abort(disconnector);
            }
        }
    }
}

/// Returns when a client is idle, stalls within a message, or holds scarce memory, for too long.
async fn timed_out(client: &PeerMonitor) {
    tokio::select! {
        () = client.is_cut() => {}
        () = waits_too_long(client) => {}
    }
}

async fn waits_too_long(client: &PeerMonitor) {
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
        }
    }
}

/// Closes a connection without waiting for the peer. Calls on its capabilities fail.
fn abort(disconnector: Disconnector<Side>) {
    // The first poll tears the connection down. Later ones would wait for output to be written.
    let _ = disconnector.now_or_never();
}

/// Logs at debug level only: a peer may disconnect in any way, at any time.
fn report(ended: capnp::Result<()>) {
    match ended {
        Ok(()) => tracing::debug!("connection closed"),
        Err(error) => tracing::debug!(%error, "connection failed"),
    }
}
