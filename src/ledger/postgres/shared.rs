//! What the tasks of one handle share.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use futures::future::try_join_all;
use tokio::sync::{oneshot, watch};

use super::cluster::{Cluster, Clusters};
use super::connection::Fault;
use super::keys::Holder;
use super::reach::Reach;
use super::remembered::Remembered;
use super::state::State;
use crate::election::Timestamp;
use crate::ledger::{Clock, LedgerError, Metrics, Snapshot};

/// Who waits for a look: it includes everything committed before it was asked for.
pub(super) type LookReply = oneshot::Sender<Result<Arc<Snapshot>, LedgerError>>;

/// What the tasks of one handle share.
pub(super) struct Shared {
    pub(super) clusters: Clusters,
    pub(super) holder: Arc<Holder>,
    state: Mutex<State>,
    remembered: Mutex<Remembered>,
    pub(super) snapshots: watch::Sender<Arc<Snapshot>>,
    /// The name of this handle in the database, drawn when it is opened.
    pub(super) server: [u8; 16],
    /// `None`: the database's time.
    pub(super) clock: Option<Clock>,
    /// How many milliseconds the database's clock is ahead of this machine's.
    pub(super) ahead_ms: AtomicI64,
    pub(super) metrics: Metrics,
    pub(super) reach: Reach,
    /// How long what is unknown is asked again.
    pub(super) unknown_wait: Duration,
}

impl Shared {
    pub(super) fn new(
        clusters: Clusters,
        holder: Arc<Holder>,
        state: State,
        server: [u8; 16],
        clock: Option<Clock>,
        metrics: Metrics,
        unknown_wait: Duration,
    ) -> Self {
        let (snapshots, _) = watch::channel(Arc::new(state.snapshot()));
        let (ahead_ms, state) = (AtomicI64::new(0), Mutex::new(state));
        Self {
            clusters,
            holder,
            state,
            remembered: Mutex::default(),
            snapshots,
            server,
            clock,
            ahead_ms,
            metrics,
            reach: Reach::default(),
            unknown_wait,
        }
    }

    /// The same ledger, of which nothing is known yet.
    pub(super) fn anew(&self) -> Self {
        let state = self.with(|state| State::new(state.ledger, state.numbers_max));
        Self::new(
            self.clusters.clone(),
            self.holder.clone(),
            state,
            self.server,
            self.clock.clone(),
            self.metrics.clone(),
            self.unknown_wait,
        )
    }

    /// What is known of the ledger.
    pub(super) fn into_state(self) -> State {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// What this server has acknowledged.
    pub(super) fn remembered<T>(&self, change: impl FnOnce(&mut Remembered) -> T) -> T {
        change(&mut self.remembered.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads or changes the state, without waiting for anything.
    pub(super) fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Publishes the state, if it differs from what is published.
    pub(super) fn publish(&self) {
        let snapshot = self.with(|state| state.snapshot());
        self.snapshots.send_if_modified(|published| {
            let differs = **published != snapshot;
            if differs {
                *published = Arc::new(snapshot);
            }
            differs
        });
    }

    /// The time by which votes are decided.
    pub(super) fn now(&self) -> Timestamp {
        if let Some(clock) = &self.clock {
            return clock();
        }
        let now = here_ms().saturating_add(self.ahead_ms.load(Ordering::Relaxed));
        Timestamp(u64::try_from(now / 1_000).unwrap_or(0))
    }

    /// Notes the database's time.
    pub(super) fn note_time(&self, database_ms: i64) {
        self.ahead_ms.store(database_ms.saturating_sub(here_ms()), Ordering::Relaxed);
    }

    /// Looks what others have committed in a cluster, together with all who wait for that.
    pub(super) async fn look_at(&self, cluster: &Cluster) -> Result<Arc<Snapshot>, LedgerError> {
        let (reply, answer) = oneshot::channel();
        cluster.looks.send(reply).await.map_err(|_| LedgerError::Stopped)?;
        answer.await.map_err(|_| LedgerError::Stopped)?
    }

    /// Looks which acts others have made.
    pub(super) async fn look(&self) -> Result<Arc<Snapshot>, LedgerError> {
        self.look_at(&self.clusters.first).await
    }

    /// The same, on the way to store something.
    pub(super) async fn look_first(&self) -> Result<(), Fault> {
        self.look().await.map(|_| ()).map_err(Fault::Not)
    }

    /// Looks at every cluster.
    pub(super) async fn look_everywhere(&self) -> Result<Arc<Snapshot>, LedgerError> {
        try_join_all(self.clusters.all().map(|cluster| self.look_at(cluster))).await?;
        Ok(self.snapshots.borrow().clone())
    }
}

fn here_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
