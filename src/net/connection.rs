//! One connection to a server, from its first byte to its last.

use std::time::Duration;

use capnp::capability::Client;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::{Disconnector, RpcSystem, VatNetwork};
use futures::FutureExt;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::socket::Stream;
use super::transport::{self, Ear};

/// How long a connection may take to finish what it accepted once the server is to stop.
pub const DRAIN_WAIT_MAX: Duration = Duration::from_secs(10);

/// How long a client may take from its connection to its first message.
pub const FIRST_CALL_WAIT_MAX: Duration = Duration::from_secs(30);

/// How long a client may say nothing at all, while no call of its is under way. It is cut after between once and
/// twice this time.
pub const IDLE_WAIT_MAX: Duration = Duration::from_secs(15 * 60);

/// How long the rest of a message may be still to come without a further byte of it. A client is cut after between once
/// and twice this time.
pub const MESSAGE_REST_WAIT_MAX: Duration = Duration::from_secs(30);

/// How long a client may keep more than [`CONNECTION_BYTES_MIN`](super::budget::CONNECTION_BYTES_MIN) of memory, by calls
/// that wait or by answers that it does not read, while memory is scarce: half of
/// [`SHARD_BYTES_MAX`](super::budget::SHARD_BYTES_MAX) is taken. A client is cut after between once and twice this time.
pub const MEMORY_WAIT_MAX: Duration = Duration::from_secs(30);

/// The calls of one connection that are to be answered before the server stops.
///
/// A capability takes a token for as long as it works on such a call, and begins none once this is
/// closed.
pub type Work = TaskTracker;

/// Serves one connection until the peer leaves or `stop` is cancelled.
///
/// `bootstrap` makes the capability that the peer gets. When `stop` is cancelled, what the peer asked
/// for is answered before the connection is closed, within [`DRAIN_WAIT_MAX`].
///
/// A whole server and a client in one program, without a socket between them:
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
///     let ledger = Location::Folder(data.path().into()).open()?;
///     let board = Definition::new("board".parse()?, "The board".into(), vec!["Ada".into(), "Grace".into()])?;
///     let numbers = (1..=20).map(VoterNumber::from).collect();
///     let (issue, open) = (Act::Issue(board.id.clone(), numbers), Act::Open(board.id.clone()));
///     ledger.act(vec![Act::Create(board.into()), issue, open], None).await?;
///
///     let bootstrap = Bootstrap::new(ledger, Guesses::default());
///     let (near, far) = tokio::io::duplex(64 * 1024);
///     let stop = CancellationToken::new();
///     let bootstrap = move |work| bootstrap.capability(work, Origin::Here);
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
/// Outside a [`LocalSet`](tokio::task::LocalSet) and a [`LocalRuntime`](tokio::runtime::LocalRuntime).
pub async fn serve(
    stream: impl Stream,
    bootstrap: impl FnOnce(Work) -> Client,
    stop: CancellationToken,
) {
    let (network, ear) = transport::attentive(stream);
    serve_until(network, bootstrap, stop, silence(&ear)).await;
}

/// The same, over any network.
pub async fn serve_over(
    network: Box<dyn VatNetwork<Side>>,
    bootstrap: impl FnOnce(Work) -> Client,
    stop: CancellationToken,
) {
    serve_until(network, bootstrap, stop, std::future::pending()).await;
}

async fn serve_until(
    network: Box<dyn VatNetwork<Side>>,
    bootstrap: impl FnOnce(Work) -> Client,
    stop: CancellationToken,
    silence: impl Future<Output = ()>,
) {
    let work = Work::new();
    let mut system = RpcSystem::new(network, Some(bootstrap(work.clone())));
    let mut disconnector = system.get_disconnector();
    tokio::select! {
        biased;
        ended = &mut system => return report(ended),
        () = stop.cancelled() => {}
        () = silence => {
            tracing::debug!("a connection was cut: its client does not go on");
            return take_apart(disconnector);
        }
    }
    let drained = async {
        work.close();
        work.wait().await;
        (&mut disconnector).await
    };
    tokio::select! {
        ended = &mut system => report(ended),
        drained = timeout(DRAIN_WAIT_MAX, drained) => match drained {
            Ok(ended) => report(ended),
            Err(_) => {
                tracing::warn!("a connection was cut: it did not finish in time");
                take_apart(disconnector);
            }
        }
    }
}

/// Returns when a client has said nothing for too long, or is in the way of others.
async fn silence(ear: &Ear) {
    sleep(FIRST_CALL_WAIT_MAX).await;
    // What happened until here is what the next look is compared with.
    let _ = (ear.is_stuck(), ear.hoards());
    while ear.heard() {
        let until = Instant::now() + IDLE_WAIT_MAX;
        while Instant::now() < until {
            sleep(MESSAGE_REST_WAIT_MAX.min(MEMORY_WAIT_MAX)).await;
            // Both are asked each time.
            if ear.is_stuck() | ear.hoards() {
                return;
            }
        }
    }
}

/// Ends a connection whose peer does not listen, with everything that waits for an answer of it.
fn take_apart(disconnector: Disconnector<Side>) {
    // Polled once, this takes the connection's capabilities apart. What it has to say is not waited for.
    let _ = disconnector.now_or_never();
}

/// How a peer leaves is its own business, and of use only to whoever looks for it.
fn report(ended: capnp::Result<()>) {
    match ended {
        Ok(()) => tracing::debug!("a connection ended"),
        Err(error) => tracing::debug!(%error, "a connection broke"),
    }
}
