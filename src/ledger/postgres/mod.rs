//! The ledger for several servers: a PostgreSQL database with synchronous replication.
//!
//! Every server has the elections, the rolls and the tallies in memory, and follows the others by
//! looking at the database four times a second. Acts move the ledger's version, in transactions one
//! after the other. Votes are stored by a few writers, each with a hash chain of its own, and the
//! database decides on each number by its primary key. Only READ COMMITTED, unique keys and locks
//! of rows are relied on.
//!
//! **What the database decided is answered only after a commit of one's own**: a batch of votes is
//! an entry of a chain, also where it stores no vote, and its commit waits for a second copy at a
//! place of the database's log behind everything that the batch read. So is an act that the rules
//! do not allow. A vote that is refused without asking the database (its number is not on the roll,
//! say) is answered after a look.
//!
//! **An outcome that is unknown is asked again** until it is known, over a new connection: after a
//! lost connection, and after a commit that came with a warning. Sealed ballots are deterministic,
//! so a ballot that is sent again is the same bytes.
//!
//! **What was acknowledged is remembered for some minutes, and offered again** where it is gone: a
//! failover to a standby that lagged loses commits. Every new connection is looked at before it is
//! used, and one to an older timeline than was used before is refused. A close waits until every
//! server that is alive has looked. This brings back no vote of a server that died in the same
//! minutes, and none whose number was used again meanwhile: those are counted in `votes_lost`.
//!
//! **Ballots and tallies are sealed**, and the key is in the memory of servers only (`keys`). A
//! server without the key shows the turnout, and takes no votes.

mod acts;
mod again;
mod align;
mod batch;
mod catch_up;
mod chain;
mod change;
mod check;
mod close;
mod cluster;
mod code;
mod connection;
mod dispatch;
mod fence;
mod keys;
mod lease;
mod look;
mod migrate;
pub(super) mod moving;
mod options;
mod public;
mod reach;
mod remembered;
mod rules;
mod schema;
mod session;
mod settings;
mod shared;
mod sheet;
#[doc(hidden)]
pub mod simulated;
mod sorted;
mod start;
mod state;
mod take_up;
mod tls;
mod void;
mod work;
mod writer;

use std::sync::Arc;
use std::thread;

use futures::FutureExt;
use futures::future::{BoxFuture, OptionFuture, join_all};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

pub use self::cluster::CLUSTERS_MAX;
use self::dispatch::VoteJob;
pub use self::keys::{InvalidSecret, SECRET_BYTES_MAX, Secret};
pub use self::migrate::{Migration, migrate};
pub use self::options::{InvalidAddress, Options, UNKNOWN_WAIT_MAX};
use self::public::Phase;
pub use self::settings::Replication;
use self::shared::Shared;
use self::start::Missing;
pub use self::tls::Roots;
use self::work::{ActJob, ReadJob};
use super::worker::{Worker, ask};
use super::{
    Act, Answer, Authorization, Decision, Ledger, LedgerError, Metrics, OpenError, Report,
    SheetCursor, SheetPart, Snapshot,
};
use crate::election::{ElectionId, Grant, Timestamp, TokenHash, Vote, VoterNumber};

/// Jobs in a queue: batches of votes, acts, and reads each have one. Further calls wait for a slot.
pub const JOBS_MAX: usize = 256;

/// A handle of the database in use by a server. Dropping it shuts it down, which blocks.
pub struct PostgresLedger {
    shared: Arc<Shared>,
    /// One for each cluster.
    votes: Vec<mpsc::Sender<VoteJob>>,
    acts: mpsc::Sender<ActJob>,
    reads: mpsc::Sender<ReadJob>,
    worker: Worker<CancellationToken>,
}

/// What a handle needs of its thread.
struct Started {
    shared: Arc<Shared>,
    votes: Vec<mpsc::Sender<VoteJob>>,
    acts: mpsc::Sender<ActJob>,
    reads: mpsc::Sender<ReadJob>,
}

impl PostgresLedger {
    /// Opens the ledger in a database, or creates an empty one. Blocks.
    ///
    /// # Errors
    /// [`OpenError::Database`] and [`OpenError::Thread`].
    pub fn open(options: Options, metrics: Metrics) -> Result<Self, OpenError> {
        Self::open_or(Missing::Created, options, metrics)
    }

    /// Opens the ledger in a database, and creates none. Blocks.
    ///
    /// # Errors
    /// [`OpenError::Database`], also if there is no ledger, and [`OpenError::Thread`].
    pub fn open_existing(options: Options, metrics: Metrics) -> Result<Self, OpenError> {
        Self::open_or(Missing::Refused, options, metrics)
    }

    fn open_or(missing: Missing, options: Options, metrics: Metrics) -> Result<Self, OpenError> {
        let stop = CancellationToken::new();
        let stopping = stop.clone();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = thread::Builder::new().name("ledger".into());
        let thread = thread.spawn(move || {
            let runtime =
                Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
            let runtime = match runtime {
                Ok(runtime) => runtime,
                Err(error) => return tell.send(Err(OpenError::Thread(error))).is_err(),
            };
            runtime.block_on(async move {
                match start::start(options, missing, metrics).await {
                    Ok((started, work)) => {
                        // The receiver waits.
                        let _ = tell.send(Ok(started));
                        work.run(stopping).await
                    }
                    Err(error) => tell.send(Err(error)).is_err(),
                }
            })
        });
        let thread = thread.map_err(OpenError::Thread)?;
        let panicked = || OpenError::Database("the ledger's thread ended".into());
        let started = told.recv().map_err(|_| panicked())??;
        let Started { shared, votes, acts, reads } = started;
        Ok(Self { shared, votes, acts, reads, worker: Worker::of(thread, stop) })
    }
}

impl Ledger for PostgresLedger {
    fn vote(&self, votes: Vec<Vote>) -> Answer<Vec<Decision>> {
        match &self.votes[..] {
            [only] => decided(only, votes).boxed(),
            queues => {
                let parts = votes.iter().map(|vote| self.part_of(vote.number)).collect();
                divided(queues, votes, parts).boxed()
            }
        }
    }

    fn parts(&self) -> usize {
        self.votes.len()
    }

    fn part_of(&self, number: VoterNumber) -> usize {
        self.shared.clusters.of_number(number)
    }

    fn act(&self, acts: Vec<Act>, under: Option<Authorization>) -> Answer<()> {
        ask(self.acts.clone(), move |reply| ActJob::Acts(acts, under, reply)).boxed()
    }

    fn void(
        &self,
        election: ElectionId,
        token: TokenHash,
        under: Option<Authorization>,
    ) -> Answer<u64> {
        ask(self.acts.clone(), move |reply| ActJob::Void(election, token, under, reply)).boxed()
    }

    fn grant(&self, token: TokenHash) -> Answer<Option<Grant>> {
        let shared = self.shared.clone();
        async move {
            let find = |snapshot: &Snapshot| snapshot.grants.find(&token).cloned();
            let known = find(&shared.snapshots.borrow());
            // Another server may have put it in force a moment ago.
            Ok(if known.is_some() { known } else { find(&*shared.look().await?) })
        }
        .boxed()
    }

    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.shared.snapshots.subscribe()
    }

    fn fresh(&self) -> Answer<Arc<Snapshot>> {
        let shared = self.shared.clone();
        async move { shared.look_everywhere().await }.boxed()
    }

    fn announce(&self, link: &str) {
        self.shared.reach.announce(link);
    }

    fn servers(&self) -> Arc<[String]> {
        self.shared.reach.all()
    }

    fn now(&self) -> Timestamp {
        self.shared.now()
    }

    fn sheet(&self, election: ElectionId, cursor: SheetCursor, lines: usize) -> Answer<SheetPart> {
        let is_closed = self
            .shared
            .with(|state| state.public.find(&election).is_some_and(|it| it.phase == Phase::Closed));
        if !is_closed {
            return std::future::ready(Ok((Vec::new(), cursor))).boxed();
        }
        ask(self.reads.clone(), move |reply| ReadJob::Sheet(election, cursor, lines, reply)).boxed()
    }

    fn check(&self, election: ElectionId) -> Answer<Report> {
        ask(self.reads.clone(), move |reply| ReadJob::Check(election, reply)).boxed()
    }

    fn stopped(&self) -> BoxFuture<'static, ()> {
        let acts = self.acts.clone();
        async move { acts.closed().await }.boxed()
    }

    fn shut_down(&self) -> bool {
        self.worker.end(|stop| stop.cancel())
    }
}

/// Has votes of one cluster decided.
fn decided(
    queue: &mpsc::Sender<VoteJob>,
    votes: Vec<Vote>,
) -> impl Future<Output = Result<Vec<Decision>, LedgerError>> + use<> {
    ask(queue.clone(), move |reply| VoteJob { votes, reply })
}

/// Has votes decided, each in the cluster of its part.
fn divided(
    queues: &[mpsc::Sender<VoteJob>],
    votes: Vec<Vote>,
    parts: Vec<usize>,
) -> impl Future<Output = Result<Vec<Decision>, LedgerError>> + use<> {
    let mut divided: Vec<Vec<Vote>> = queues.iter().map(|_| Vec::new()).collect();
    for (vote, &part) in votes.into_iter().zip(&parts) {
        if let Some(here) = divided.get_mut(part) {
            here.push(vote);
        }
    }
    let asked = queues.iter().zip(divided).map(|(queue, votes)| {
        // A cluster without votes is not waited for.
        OptionFuture::from((!votes.is_empty()).then(|| decided(queue, votes)))
    });
    let asked = join_all(asked.collect::<Vec<_>>());
    async move {
        let decided = asked.await;
        let decisions = |part: Option<Result<Vec<_>, _>>| part.map(|it| it.map(Vec::into_iter));
        let mut decided: Vec<_> = decided.into_iter().map(decisions).collect();
        let next = |part: usize| match decided.get_mut(part).and_then(Option::as_mut) {
            Some(Ok(decisions)) => {
                decisions.next().unwrap_or_else(|| Err(LedgerError::unanswered()))
            }
            Some(Err(error)) => Err(error.clone()),
            None => Err(LedgerError::unanswered()),
        };
        Ok(parts.into_iter().map(next).collect())
    }
}

impl Drop for PostgresLedger {
    fn drop(&mut self) {
        self.shut_down();
    }
}

impl std::fmt::Debug for PostgresLedger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresLedger").finish_non_exhaustive()
    }
}
