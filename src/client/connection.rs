//! A connection to a server, and the public authority there.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use capnp::capability::{FromClientHook, Promise, RemotePromise, Response};
use capnp::traits::{Owned, Pipelined};
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::{RpcSystem, VatNetwork};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use tokio_util::io::InspectReader;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Election, Error, Info, LineCounter, Restored};
use crate::net::dial::connect;
use crate::net::link::Link;
use crate::net::stream::Stream;
use crate::net::tick::tick;
use crate::net::transport;
use crate::net::woken::when_woken;
use crate::schema::election_capnp::directory;

/// Time limit for an answer. Counting lines, closing an election, checking a ledger and fetching a
/// tally sheet have none.
pub const ANSWER_WAIT_MAX: Duration = Duration::from_secs(30);

/// Unanswered votes on one connection. The next waits before it is sent: the answers of this side's
/// message sinks queue behind its votes, and the server gives up on a sink after a while.
pub const UNANSWERED_VOTES_MAX: usize = 1_000;

/// A connection to a server.
///
/// The connection is closed when this, its clones, and every [`Election`] and [`LineCounter`] from
/// it are dropped. Calls on a bare [`directory`](Self::directory) then end with an error. None of
/// them can leave the thread of the connection, or its [`LocalSet`](tokio::task::LocalSet) or
/// [`LocalRuntime`](tokio::runtime::LocalRuntime).
///
/// The server cuts a connection that is silent for 15 to 30 minutes with no call in progress.
/// Connect when needed, and again after [`Error::Disconnected`].
///
/// ```no_run
/// use capvote::client::Client;
///
/// # async fn example() -> anyhow::Result<()> {
/// let client = Client::connect(&"capvote://127.0.0.1:12358".parse()?).await?;
/// for election in client.elections().await? {
///     println!("{}: {}", election.id, election.candidates.join(", "));
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client {
    directory: directory::Client,
    connection: Connection,
}

/// The state of a connection, shared by everything that makes calls over it.
#[derive(Clone)]
pub(super) struct Connection {
    /// Cancelled when the task that runs the RPC system has ended.
    lost: CancellationToken,
    /// One permit for each vote that may be sent now.
    vote_permits: Rc<Semaphore>,
    /// Counts what has arrived: each piece of the stream.
    heard: Rc<Cell<u64>>,
    /// Closes the connection when the last clone is dropped.
    _close: Rc<DropGuard>,
}

impl Client {
    /// Connects to the server that `link` names. Its election and token are not used.
    ///
    /// # Errors
    /// [`Error::Unreachable`] if connecting fails or takes longer than 10 seconds, if the TLS
    /// handshake fails or takes another 10, or if the server's certificate is not the one that the
    /// link names.
    ///
    /// # Panics
    /// As [`over`](Self::over).
    pub async fn connect(link: &Link) -> Result<Self, Error> {
        let unreachable = |source| Error::Unreachable { link: Box::new(link.clone()), source };
        Ok(Self::over(connect(link).await.map_err(unreachable)?))
    }

    /// Connects over a byte stream: anything that [`tokio`] can read and write.
    ///
    /// # Panics
    /// Outside a [`LocalSet`](tokio::task::LocalSet) or a
    /// [`LocalRuntime`](tokio::runtime::LocalRuntime).
    pub fn over(stream: impl Stream) -> Self {
        let heard = Rc::<Cell<u64>>::default();
        let hear = heard.clone();
        let stream = InspectReader::new(stream, move |_: &[u8]| hear.update(|count| count + 1));
        Self::hearing(transport::network(stream, Side::Client), heard)
    }

    /// Connects over any two-party network, as its client side.
    ///
    /// # Panics
    /// As [`over`](Self::over).
    pub fn over_network(network: Box<dyn VatNetwork<Side>>) -> Self {
        Self::hearing(network, Rc::default())
    }

    fn hearing(network: Box<dyn VatNetwork<Side>>, heard: Rc<Cell<u64>>) -> Self {
        let mut system = RpcSystem::new(network, None);
        let directory = system.bootstrap(Side::Server);
        let disconnector = system.get_disconnector();
        let lost = CancellationToken::new();
        let close = CancellationToken::new();
        let closing = close.clone();
        // Dropped with the task, even if that panics.
        let guard = lost.clone().drop_guard();
        tokio::task::spawn_local(async move {
            let _guard = guard;
            let closed = async {
                tokio::select! {
                    () = closing.cancelled() => {}
                    never = tick() => match never {},
                }
            };
            let ended = tokio::select! {
                biased;
                ended = &mut system => ended,
                // Queued messages are still written, and unanswered calls end with an error.
                () = when_woken(closed) => tokio::select! {
                    ended = &mut system => ended,
                    ended = disconnector => ended,
                },
            };
            if let Err(error) = ended {
                tracing::debug!(kind = ?error.kind, "the connection was lost");
            }
        });
        let vote_permits = Rc::new(Semaphore::new(UNANSWERED_VOTES_MAX));
        let _close = Rc::new(close.drop_guard());
        let connection = Connection { lost, vote_permits, heard, _close };
        Self { directory, connection }
    }

    /// Every election on the server, oldest first. From `Directory.elections`.
    ///
    /// # Errors
    /// [`Error::Disconnected`] and [`Error::NoAnswer`].
    pub async fn elections(&self) -> Result<Vec<Info>, Error> {
        let request = self.directory.elections_request();
        let answer = self.connection.answer(request.send().promise).await?;
        Ok(answer.get()?.get_elections()?.iter().map(Info::read).collect::<Result<_, _>>()?)
    }

    /// The election with this id; an empty id means the only election there is. From
    /// `Directory.election`.
    ///
    /// Makes no round trip: if there is no such election, the first call on it ends with
    /// [`Error::Remote`].
    ///
    /// # Panics
    /// As [`over`](Self::over).
    pub fn election(&self, id: &str) -> Election {
        let mut request = self.directory.election_request();
        request.get().set_id(id);
        let election = self.connection.pipelined(request.send(), |it| it.get_election());
        Election::new(election, self.connection.clone(), id)
    }

    /// The server's line counter. From `Directory.lineCounter`.
    ///
    /// # Panics
    /// As [`over`](Self::over).
    pub fn line_counter(&self) -> LineCounter {
        let request = self.directory.line_counter_request();
        let counter = self.connection.pipelined(request.send(), |it| it.get_counter());
        LineCounter::new(counter, self.connection.clone())
    }

    /// The capability that a token opens: the 32 bytes in a [`Link`]. Makes no round trip: if the
    /// token opens nothing, the first call fails. From `Directory.restore`.
    ///
    /// ```no_run
    /// # use capvote::{client::Client, net::link::Link};
    /// # async fn example(client: Client, link: Link) -> anyhow::Result<()> {
    /// let token = link.token.as_deref().unwrap_or_default();
    /// let officer = client.restore(token).returning_officer();
    /// println!("{:?}", officer.administer("board").open().await?);
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// As [`over`](Self::over).
    pub fn restore(&self, token: &[u8]) -> Restored {
        let mut request = self.directory.restore_request();
        request.get().set_token(token);
        let capability =
            self.connection.pipelined(request.send(), |it| it.get_capability().as_cap());
        Restored::new(FromClientHook::new(capability), self.connection.clone())
    }

    /// The bootstrap capability itself, for calls that this library does not wrap.
    pub fn directory(&self) -> &directory::Client {
        &self.directory
    }

    /// Returns when the connection is lost.
    pub async fn closed(&self) {
        self.connection.lost.cancelled().await;
    }
}

/// The capability this promise resolved to. Capabilities have to be passed in calls on that: for a
/// promise that resolved to an error, capnp-rpc copies the call, and panics on the capabilities in
/// it.
pub(super) fn resolved<C: FromClientHook>(capability: &C) -> C {
    let mut hook = capability.as_client_hook().add_ref();
    while let Some(inner) = hook.get_resolved() {
        hook = inner;
    }
    C::new(hook)
}

impl Connection {
    /// A capability taken from an answer that has not arrived. The call is kept until it is
    /// answered, which resolves the capability. If it were dropped, every later call would refer to
    /// the unresolved answer, and the server would have to keep that.
    pub(super) fn pipelined<R, C>(
        &self,
        call: RemotePromise<R>,
        take: impl FnOnce(&R::Pipeline) -> C,
    ) -> C
    where
        R: Pipelined + Owned + 'static,
    {
        let capability = take(&call.pipeline);
        let lost = self.lost.clone();
        tokio::task::spawn_local(async move {
            let RemotePromise { promise, pipeline } = call;
            // A failure is reported by the calls on the capability.
            let _ = lost.run_until_cancelled(promise).await;
            drop(pipeline);
        });
        capability
    }

    /// Changes whenever something arrives. Of a network that is not a stream, it is not known.
    pub(super) fn heard(&self) -> u64 {
        self.heard.get()
    }

    /// Waits until one more vote may be sent. The permit is held until that is answered.
    pub(super) async fn vote_permit(&self) -> Result<SemaphorePermit<'_>, Error> {
        self.vote_permits.acquire().await.map_err(|_| Error::Disconnected)
    }

    /// The server's answer, within [`ANSWER_WAIT_MAX`].
    pub(super) async fn answer<R>(
        &self,
        answer: Promise<Response<R>, capnp::Error>,
    ) -> Result<Response<R>, Error>
    where
        R: Pipelined + Owned + 'static,
    {
        match timeout(ANSWER_WAIT_MAX, self.unless_lost(answer)).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::NoAnswer(ANSWER_WAIT_MAX)),
        }
    }

    /// The server's answer, without a time limit.
    pub(super) async fn unless_lost<T>(
        &self,
        answer: impl Future<Output = Result<T, capnp::Error>>,
    ) -> Result<T, Error> {
        tokio::select! {
            biased;
            answer = answer => Ok(answer?),
            // Without the task that runs the RPC system no answer can arrive.
            () = self.lost.cancelled() => Err(Error::Disconnected),
        }
    }
}
