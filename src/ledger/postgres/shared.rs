//! What the tasks of one handle share.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot, watch};

use super::connection::{Fault, Hosts, Link};
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
    pub(super) hosts: Arc<Hosts>,
    pub(super) holder: Arc<Holder>,
    state: Mutex<State>,
    remembered: Mutex<Remembered>,
    /// Held while a new connection is looked at, and what is gone there is offered again.
    pub(super) looking: tokio::sync::Mutex<()>,
    /// The timeline on which everything that this server knows was looked for.
    pub(super) looked_on: AtomicU32,
    pub(super) snapshots: watch::Sender<Arc<Snapshot>>,
    /// The name of this handle in the database, drawn when it is opened.
    pub(super) server: [u8; 16],
    /// `None`: the database's time.
    pub(super) clock: Option<Clock>,
    /// How many milliseconds the database's clock is ahead of this machine's.
    pub(super) ahead_ms: AtomicI64,
    pub(super) looks: mpsc::Sender<LookReply>,
    /// Whether commits wait for a second copy, as far as the last look saw.
    pub(super) is_replicated: AtomicBool,
    pub(super) metrics: Metrics,
    pub(super) reach: Reach,
    /// How long what is unknown is asked again.
    pub(super) unknown_wait: Duration,
}

impl Shared {
    #[expect(clippy::too_many_arguments, reason = "each is a field")]
    pub(super) fn new(
        hosts: Arc<Hosts>,
        holder: Arc<Holder>,
        state: State,
        server: [u8; 16],
        clock: Option<Clock>,
        looks: mpsc::Sender<LookReply>,
        metrics: Metrics,
        unknown_wait: Duration,
    ) -> Self {
        let (snapshots, _) = watch::channel(Arc::new(state.snapshot()));
        let (ahead_ms, is_replicated) = (AtomicI64::new(0), AtomicBool::new(true));
        let state = Mutex::new(state);
        Self {
            hosts,
            holder,
            state,
            remembered: Mutex::default(),
            looking: tokio::sync::Mutex::default(),
            looked_on: AtomicU32::new(0),
            snapshots,
            server,
            clock,
            ahead_ms,
            looks,
            is_replicated,
            metrics,
            reach: Reach::default(),
            unknown_wait,
        }
    }

    /// The same ledger, of which nothing is known yet.
    pub(super) fn anew(&self) -> Self {
        let state = self.with(|state| State::new(state.ledger, state.numbers_max));
        Self::new(
            self.hosts.clone(),
            self.holder.clone(),
            state,
            self.server,
            self.clock.clone(),
            self.looks.clone(),
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

    /// Looks whether a commit can be acknowledged: not if a later timeline is in use, which may not
    /// have it.
    pub(super) fn check_newest(&self, link: &Link) -> Result<(), Fault> {
        if link.timeline < self.hosts.timeline() {
            return Err(Fault::Lost("the database was failed over during a commit".into()));
        }
        Ok(())
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

    /// Looks what others have committed, together with all who wait for that.
    pub(super) async fn look(&self) -> Result<Arc<Snapshot>, LedgerError> {
        let (reply, answer) = oneshot::channel();
        self.looks.send(reply).await.map_err(|_| LedgerError::Stopped)?;
        answer.await.map_err(|_| LedgerError::Stopped)?
    }

    /// The same, on the way to store something.
    pub(super) async fn look_first(&self) -> Result<(), Fault> {
        self.look().await.map(|_| ()).map_err(Fault::Not)
    }
}

fn here_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
