//! The ledger on PostgreSQL: the suite, and what it has beyond it.

mod cluster;
mod failover;
mod faults;
mod fences;
mod proxy;
mod servers;
mod tls;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use capvote::election::Timestamp;
use capvote::ledger::postgres::{Options, PostgresLedger};
use capvote::ledger::{Clock, Ledger, Metrics};
use tempfile::TempDir;

use self::cluster::{Cluster, cluster};
use self::proxy::{Mode, Proxy};
use super::NOW;
use super::conformance::{Subject, conforms};

/// A database of its own, and a data folder with the keys.
struct Postgres {
    cluster: Arc<Cluster>,
    database: String,
    folder: TempDir,
    time: Arc<AtomicU64>,
    is_shared: bool,
    /// Before the primary.
    proxy: Proxy,
}

/// How long the suite's handles ask for what is unknown.
const UNKNOWN_WAIT: Duration = Duration::from_secs(2);

impl Postgres {
    fn new(cluster: &Arc<Cluster>, is_shared: bool) -> Self {
        let time = Arc::new(AtomicU64::new(NOW.0));
        let folder = tempfile::tempdir().unwrap();
        let (database, proxy) = (cluster.database(), Proxy::before(cluster.primary));
        Self { cluster: cluster.clone(), database, folder, time, is_shared, proxy }
    }

    /// A handle's options, without the proxy.
    fn options(&self) -> Options {
        self.options_at(&self.cluster.address(&self.database))
    }

    fn options_at(&self, address: &str) -> Options {
        let time = self.time.clone();
        let clock: Clock = Arc::new(move || Timestamp(time.load(Ordering::Relaxed)));
        Options::new(address, self.folder.path()).unwrap().with_clock(clock)
    }
}

impl Subject for Postgres {
    fn open(&self) -> Arc<dyn Ledger> {
        let (port, database) = (self.proxy.port, &self.database);
        let options = self.options_at(&format!("postgres://postgres@127.0.0.1:{port}/{database}"));
        let options = options.with_unknown_wait(UNKNOWN_WAIT);
        Arc::new(PostgresLedger::open(options, Metrics::new()).unwrap())
    }

    fn is_shared(&self) -> bool {
        self.is_shared
    }

    fn set_time(&self, now: Timestamp) {
        self.time.store(now.0, Ordering::Relaxed);
    }

    /// The connection ends before the commit, or after it; and so it does when the handle asks what
    /// has become of it.
    fn break_next_commit(&self, stored: bool) -> Option<bool> {
        if stored {
            self.proxy.set(Mode::LoseCommits);
        } else {
            self.cluster.execute(
                &self.database,
                "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS
                     $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
                 CREATE CONSTRAINT TRIGGER no AFTER INSERT ON entries DEFERRABLE INITIALLY DEFERRED
                     FOR EACH ROW EXECUTE FUNCTION no()",
            );
        }
        Some(stored)
    }

    fn mend(&self) {
        self.proxy.set(Mode::Pass);
        self.cluster.execute(&self.database, "DROP FUNCTION IF EXISTS no CASCADE");
    }
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
