//! Metrics of a ledger.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::Decision;
use super::database_metrics::DatabaseMetrics;
use crate::election::Outcome;

/// Counters and histograms of one ledger since it was opened. Clones share them.
#[derive(Clone)]
pub struct Metrics {
    recorded: Counter,
    refused: Counter,
    failed: Counter,
    database: DatabaseMetrics,
    commit_votes: Histogram,
    commit_seconds: Histogram,
    act_seconds: Histogram,
    log_bytes: Gauge,
    on_commit: Option<Arc<dyn Fn(Duration) + Send + Sync>>,
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        Self {
            recorded: Counter::default(),
            refused: Counter::default(),
            failed: Counter::default(),
            database: DatabaseMetrics::default(),
            // 1 to 4,096 votes.
            commit_votes: Histogram::new(exponential_buckets(1.0, 2.0, 13)),
            // 62.5 µs to 4 s.
            commit_seconds: Histogram::new(exponential_buckets(62.5e-6, 2.0, 17)),
            act_seconds: Histogram::new(exponential_buckets(62.5e-6, 2.0, 17)),
            log_bytes: Gauge::default(),
            on_commit: None,
        }
    }

    /// All at zero. `on_commit` is called on the ledger's thread, with the time of each commit of
    /// votes.
    pub fn observed_by(on_commit: impl Fn(Duration) + Send + Sync + 'static) -> Self {
        Self { on_commit: Some(Arc::new(on_commit)), ..Self::new() }
    }

    /// Registers `votes_recorded`, `votes_refused` and `votes_failed`, which count votes;
    /// `commit_votes`, the votes of a commit; `commit_seconds` and `act_seconds`, the times of a
    /// commit of votes and of an officer's act, with the fsync; `log_bytes`, the length of the
    /// write-ahead log; and what [`DatabaseMetrics`] has.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("votes_recorded", "Votes that were recorded", self.recorded.clone());
        registry.register("votes_refused", "Votes that were refused", self.refused.clone());
        registry.register(
            "votes_failed",
            "Votes that could not be stored, or may not have been",
            self.failed.clone(),
        );
        registry.register(
            "commit_votes",
            "Votes in one commit, which is one sync of the log",
            self.commit_votes.clone(),
        );
        registry.register_with_unit(
            "log",
            "Length of the write-ahead log, which grows while something reads the ledger",
            Unit::Bytes,
            self.log_bytes.clone(),
        );
        let mut seconds = |name, help, histogram: &Histogram| {
            registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
        };
        seconds("commit", "Time of a commit of votes, its sync included", &self.commit_seconds);
        seconds("act", "Time of an officer's act, its sync included", &self.act_seconds);
        self.database.register(registry);
    }

    /// A commit of these votes ended, with `failed` of them not decided.
    pub(super) fn decided(&self, decisions: &[Decision], failed: usize, took: Duration) {
        let recorded = decisions.iter().filter(|it| matches!(it, Ok(Outcome::Recorded))).count();
        self.recorded.inc_by(recorded as u64);
        self.refused.inc_by((decisions.len() - failed - recorded) as u64);
        self.failed(failed);
        if failed > 0 {
            return;
        }
        self.commit_votes.observe(decisions.len() as f64);
        self.commit_seconds.observe(took.as_secs_f64());
        if let Some(on_commit) = &self.on_commit {
            on_commit(took);
        }
    }

    pub(super) fn log_is(&self, bytes: u64) {
        self.log_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    pub(super) fn failed(&self, votes: usize) {
        self.failed.inc_by(votes as u64);
    }

    /// Those of a ledger in a database.
    #[cfg(feature = "postgres")]
    pub fn database(&self) -> &DatabaseMetrics {
        &self.database
    }

    pub(super) fn acted(&self, took: Duration) {
        self.act_seconds.observe(took.as_secs_f64());
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
