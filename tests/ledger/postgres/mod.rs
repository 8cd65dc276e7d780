//! The ledger on PostgreSQL: the suite, and what it has beyond it.

mod cluster;
mod faults;
mod servers;
mod tls;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use capvote::election::Timestamp;
use capvote::ledger::postgres::{Options, PostgresLedger};
use capvote::ledger::{Clock, Ledger, Metrics};
use tempfile::TempDir;

use self::cluster::{Cluster, cluster};
use super::NOW;
use super::conformance::{Subject, conforms};

/// A database of its own, and a data folder with the keys.
struct Postgres {
    cluster: Arc<Cluster>,
    database: String,
    folder: TempDir,
    time: Arc<AtomicU64>,
    is_shared: bool,
}

impl Postgres {
    fn new(cluster: &Arc<Cluster>, is_shared: bool) -> Self {
        let time = Arc::new(AtomicU64::new(NOW.0));
        let folder = tempfile::tempdir().unwrap();
        Self { cluster: cluster.clone(), database: cluster.database(), folder, time, is_shared }
    }

    fn options(&self) -> Options {
        let time = self.time.clone();
        let clock: Clock = Arc::new(move || Timestamp(time.load(Ordering::Relaxed)));
        let address = self.cluster.address(&self.database);
        Options::new(&address, self.folder.path()).unwrap().with_clock(clock)
    }
}

impl Subject for Postgres {
    fn open(&self) -> Arc<dyn Ledger> {
        Arc::new(PostgresLedger::open(self.options(), Metrics::new()).unwrap())
    }

    fn is_shared(&self) -> bool {
        self.is_shared
    }

    fn set_time(&self, now: Timestamp) {
        self.time.store(now.0, Ordering::Relaxed);
    }

    // It asks until it knows.
    fn break_next_commit(&self, _stored: bool) -> Option<bool> {
        None
    }

    fn mend(&self) {}
}

#[tokio::test]
async fn one_handle_conforms() {
    let Some(cluster) = cluster() else { return };
    conforms!(Postgres::new(cluster, false));
}

#[tokio::test]
async fn two_handles_of_one_database_conform() {
    let Some(cluster) = cluster() else { return };
    conforms!(Postgres::new(cluster, true));
}
