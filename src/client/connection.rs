//! A connection to a server, and what everyone may do there.

use std::rc::Rc;
use std::time::Duration;

use capnp::capability::{FromClientHook, Promise, RemotePromise, Response};
use capnp::traits::{Owned, Pipelined};
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::{RpcSystem, VatNetwork};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Election, Error, Info, LineCounter, Restored};
use crate::net::link::Link;
use crate::net::socket::{self, Stream};
use crate::net::tick::tick;
use crate::net::transport;
use crate::schema::election_capnp::directory;

/// How long to wait for an answer. A count of lines takes as long as it takes and is not bounded so.
pub const ANSWER_WAIT_MAX: Duration = Duration::from_secs(30);

/// The votes of a connection that are unanswered at a time. The next waits before it is sent: the answers of this
/// side's message sinks come behind its votes, and a server does not wait for them for ever.
pub const UNANSWERED_VOTES_MAX: usize = 1_000;

/// A connection to a server.
///
/// The connection is closed when this, its clones, and every [`Election`] and [`LineCounter`] from it are
/// dropped. Calls on a bare [`directory`](Self::directory) end with an error then. All of these work where the connection
/// was made: on one thread, in a [`LocalSet`](tokio::task::LocalSet) or a [`LocalRuntime`](tokio::runtime::LocalRuntime).
///
/// The server cuts a connection that says nothing for 15 to 30 minutes while no call is under way: connect when there is
/// something to say, and again after [`Error::Disconnected`].
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
    wire: Wire,
}

/// The task that moves a connection's messages, and whether it still does.
#[derive(Clone)]
pub(super) struct Wire {
    broken: CancellationToken,
    /// The votes that may still be sent.
    votes: Rc<Semaphore>,
    /// Closes the connection when the last clone is dropped.
    _close: Rc<DropGuard>,
}

impl Client {
    /// Connects to the server that `link` names. The election and the token in it are not looked at.
    ///
    /// # Errors
    /// [`Error::Unreachable`] where nobody answers there within 10 seconds, or does not agree on how to encrypt the connection within
    /// 10 more, or its certificate is not the one that the link names.
    ///
    /// # Panics
    /// As [`over`](Self::over).
    pub async fn connect(link: &Link) -> Result<Self, Error> {
        let unreachable = |source| Error::Unreachable { link: Box::new(link.clone()), source };
        let socket = socket::connect(link).await.map_err(unreachable)?;
        Ok(Self::over(socket.into_stream().await.map_err(unreachable)?))
    }

    /// Speaks to a server at the other end of a stream of bytes: anything that [`tokio`] can read and
    /// write.
    ///
    /// # Panics
    /// Outside a [`LocalSet`](tokio::task::LocalSet) and a
    /// [`LocalRuntime`](tokio::runtime::LocalRuntime).
    pub fn over(stream: impl Stream) -> Self {
        Self::over_network(transport::network(stream, Side::Client))
    }

    /// Speaks to a server over any network of two vats, of which this is the client.
    ///
    /// # Panics
    /// As [`over`](Self::over).
    pub fn over_network(network: Box<dyn VatNetwork<Side>>) -> Self {
        let mut system = RpcSystem::new(network, None);
        let directory = system.bootstrap(Side::Server);
        let disconnector = system.get_disconnector();
        let broken = CancellationToken::new();
        let close = CancellationToken::new();
        let closing = close.clone();
        // The guard is dropped with the task, even when that panics.
        let guard = broken.clone().drop_guard();
        tokio::task::spawn_local(async move {
            let _guard = guard;
            let ended = tokio::select! {
                biased;
                ended = &mut system => ended,
                // What was sent goes out, and calls without an answer get an error as theirs.
                () = closing.cancelled() => tokio::select! {
                    ended = &mut system => ended,
                    ended = disconnector => ended,
                },
                never = tick() => match never {},
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "the connection broke");
            }
        });
        let votes = Rc::new(Semaphore::new(UNANSWERED_VOTES_MAX));
        let wire = Wire { broken, votes, _close: Rc::new(close.drop_guard()) };
        Self { directory, wire }
    }

    /// Every election on the server, oldest first. From `Directory.elections`.
    ///
    /// # Errors
    /// [`Error::Disconnected`] or [`Error::NoAnswer`] where the server is gone or hangs.
    pub async fn elections(&self) -> Result<Vec<Info>, Error> {
        let answer = self.wire.answer(self.directory.elections_request().send().promise).await?;
        answer.get()?.get_elections()?.iter().map(Info::read).collect()
    }

    /// The election with this id; an empty one means the only election there is. From
    /// `Directory.election`.
    ///
    /// This takes no time: whether there is such an election is told by the first call on it, with
    /// [`Error::Remote`].
    ///
    /// # Panics
    /// As [`over`](Self::over).
    pub fn election(&self, id: &str) -> Election {
        let mut request = self.directory.election_request();
        request.get().set_id(id);
        let election = self.wire.ahead(request.send(), |it| it.get_election());
        Election::new(election, self.wire.clone())
    }

    /// The server's line counter. From `Directory.lineCounter`.
    ///
    /// # Panics
    /// As [`over`](Self::over).
    pub fn line_counter(&self) -> LineCounter {
        let counter =
            self.wire.ahead(self.directory.line_counter_request().send(), |it| it.get_counter());
        LineCounter::new(counter, self.wire.clone())
    }

    /// What a token opens: the 32 bytes in a [`Link`]. Whether it opens anything is told by the first call on it. From
    /// `Directory.restore`.
    ///
    /// ```no_run
    /// # async fn example(client: capvote::client::Client, link: capvote::net::link::Link) -> anyhow::Result<()> {
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
        let capability = self.wire.ahead(request.send(), |it| it.get_capability().as_cap());
        Restored::new(FromClientHook::new(capability), self.wire.clone())
    }

    /// The bootstrap capability itself, for calls that this library does not have.
    pub fn directory(&self) -> &directory::Client {
        &self.directory
    }

    /// Returns when the connection is lost.
    pub async fn closed(&self) {
        self.wire.broken.cancelled().await;
    }
}

/// What a capability has come to be by now. One that is passed in a call has to be passed to that: where a promise came
/// to be an error, capnp-rpc copies the call for it, and panics over the capabilities in it.
pub(super) fn resolved<C: FromClientHook>(capability: &C) -> C {
    let mut hook = capability.as_client_hook().add_ref();
    while let Some(inner) = hook.get_resolved() {
        hook = inner;
    }
    C::new(hook)
}

impl Wire {
    /// Takes a capability from an answer ahead of that, and keeps the call until it is answered, so that what was taken
    /// comes to be the one in the answer. Without that each call on it would say which answer it means, for ever, and the
    /// server keep that answer for ever.
    pub(super) fn ahead<R, C>(
        &self,
        call: RemotePromise<R>,
        take: impl FnOnce(&R::Pipeline) -> C,
    ) -> C
    where
        R: Pipelined + Owned + 'static,
    {
        let capability = take(&call.pipeline);
        let broken = self.broken.clone();
        tokio::task::spawn_local(async move {
            let RemotePromise { promise, pipeline } = call;
            // What it comes to is told by the calls on the capability.
            let _ = broken.run_until_cancelled(promise).await;
            drop(pipeline);
        });
        capability
    }

    /// Waits until one more vote may be sent. It is answered when what is returned is dropped.
    pub(super) async fn may_vote(&self) -> Result<SemaphorePermit<'_>, Error> {
        self.votes.acquire().await.map_err(|_| Error::Disconnected)
    }

    /// What the server answers, within [`ANSWER_WAIT_MAX`].
    pub(super) async fn answer<R>(
        &self,
        answer: Promise<Response<R>, capnp::Error>,
    ) -> Result<Response<R>, Error>
    where
        R: Pipelined + Owned + 'static,
    {
        match timeout(ANSWER_WAIT_MAX, self.unless_broken(answer)).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::NoAnswer(ANSWER_WAIT_MAX)),
        }
    }

    /// What the server answers, however long that takes.
    pub(super) async fn unless_broken<T>(
        &self,
        answer: impl Future<Output = Result<T, capnp::Error>>,
    ) -> Result<T, Error> {
        tokio::select! {
            biased;
            answer = answer => Ok(answer?),
            // With the task that moves the messages gone, no answer can come.
            () = self.broken.cancelled() => Err(Error::Disconnected),
        }
    }
}
