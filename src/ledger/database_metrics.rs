//! Metrics of a ledger in a database: what replication did, and what it did to votes.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// Counters since the ledger was opened, and gauges of what was seen last. Clones share them. A
/// ledger that is not in a database leaves them at zero.
#[derive(Clone, Default)]
pub struct DatabaseMetrics {
    unknown: Counter,
    offered_again: Counter,
    lost: Counter,
    standbys: Family<Cluster, Gauge>,
    lag_bytes: Family<Cluster, Gauge>,
    timeline: Family<Cluster, Gauge>,
}

/// The place of a PostgreSQL cluster among those of the ledger, from 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Cluster {
    cluster: u64,
}

/// What a cluster's primary says of its replication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replicated {
    /// The standbys that are connected and that commits may wait for.
    pub standbys: i64,
    /// What the primary has written and the last of them has not, in bytes of its write-ahead log.
    pub lag_bytes: i64,
    /// The timeline of the primary.
    pub timeline: i64,
}

impl DatabaseMetrics {
    /// Registers `votes_unknown`, `votes_offered_again` and `votes_lost`, which count votes; and
    /// for each cluster `database_standbys`, `database_lag_bytes` and `database_timeline`.
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "votes_unknown",
            "Votes whose commit the database did not answer, and that were asked for again",
            self.unknown.clone(),
        );
        registry.register(
            "votes_offered_again",
            "Votes that a database lost after they were acknowledged, and that are stored again",
            self.offered_again.clone(),
        );
        registry.register(
            "votes_lost",
            "Votes that a database lost after they were acknowledged, and that do not count",
            self.lost.clone(),
        );
        registry.register(
            "database_standbys",
            "Standbys that are connected and that commits may wait for, as last seen",
            self.standbys.clone(),
        );
        registry.register_with_unit(
            "database_lag",
            "Length of the primary's write-ahead log that the last of these standbys lacks",
            Unit::Bytes,
            self.lag_bytes.clone(),
        );
        registry.register(
            "database_timeline",
            "Timeline of the primary: each promotion begins a new one",
            self.timeline.clone(),
        );
    }

    /// The votes whose commit had an unknown outcome.
    pub fn unknown_votes(&self) -> u64 {
        self.unknown.get()
    }

    /// How the cluster in this place, from 1, was seen last; `None` if it was not.
    pub fn replicated(&self, cluster: u64) -> Option<Replicated> {
        let get = |family: &Family<Cluster, Gauge>| Some(family.get(&Cluster { cluster })?.get());
        Some(Replicated {
            standbys: get(&self.standbys)?,
            lag_bytes: get(&self.lag_bytes)?,
            timeline: get(&self.timeline)?,
        })
    }

    /// The votes that were acknowledged, gone, and stored again, and those that do not count.
    pub fn gone_votes(&self) -> (u64, u64) {
        (self.offered_again.get(), self.lost.get())
    }
}

#[cfg(feature = "postgres")]
impl DatabaseMetrics {
    /// The outcome of a commit of so many votes is not known, and is asked for again.
    pub(super) fn asked_again(&self, votes: usize) {
        self.unknown.inc_by(votes as u64);
    }

    /// Of acknowledged votes that were gone, so many are stored again, and so many do not count.
    pub(super) fn brought_back(&self, stored: usize, lost: usize) {
        self.offered_again.inc_by(stored as u64);
        self.lost.inc_by(lost as u64);
    }

    /// The replication of the cluster with this index is so.
    pub(super) fn saw(&self, index: usize, now: Replicated) {
        let cluster = Cluster { cluster: index as u64 + 1 };
        self.standbys.get_or_create(&cluster).set(now.standbys);
        self.lag_bytes.get_or_create(&cluster).set(now.lag_bytes);
        self.timeline.get_or_create(&cluster).set(now.timeline);
    }
}
