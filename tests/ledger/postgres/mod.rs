//! The ledger on PostgreSQL: the suite, and what it has beyond it.

mod cluster;
mod divided;
mod failover;
mod faults;
mod fences;
mod figures;
mod installed;
mod keys;
mod proxy;
mod secrecy;
mod servers;
mod tls;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use capvote::election::Timestamp;
use capvote::ledger::postgres::{Options, PostgresLedger, Secret};
use capvote::ledger::{Clock, Ledger, Metrics};
use futures::FutureExt;
use tempfile::TempDir;

use self::cluster::{Cluster, cluster};
use self::proxy::{Mode, Proxy};
use super::NOW;
use super::conformance::{Subject, conforms};

/// A database of its own, and a folder for each server.
struct Postgres {
    cluster: Arc<Cluster>,
    database: String,
    /// The databases that stand for further clusters.
    others: Vec<String>,
    folder: TempDir,
    time: Arc<AtomicU64>,
    is_shared: bool,
    /// Before the primary.
    proxy: Proxy,
    /// The newest handle of each server.
    handles: Mutex<Vec<Weak<PostgresLedger>>>,
}

/// A secret that all bytes of are the same.
fn secret(byte: u8) -> Secret {
    Secret::new(&[byte; 32]).unwrap()
}

/// How long the suite's handles ask for what is unknown.
const UNKNOWN_WAIT: Duration = Duration::from_secs(2);

impl Postgres {
    /// A server alone, or several with one secret. All open elections also alone: the suite opens
    /// them in the act that creates them.
    fn new(cluster: &Arc<Cluster>, is_shared: bool) -> Self {
        let (time, folder) = (Arc::new(AtomicU64::new(NOW.0)), tempfile::tempdir().unwrap());
        let (cluster, database) = (cluster.clone(), cluster.database());
        let (handles, proxy) = (Mutex::default(), Proxy::before(cluster.primary));
        let others = Vec::new();
        Self { cluster, database, others, folder, time, is_shared, proxy, handles }
    }

    /// The same, with the numbers divided among three clusters.
    fn divided(cluster: &Arc<Cluster>, is_shared: bool) -> Self {
        let others = vec![cluster.database(), cluster.database()];
        Self { others, ..Self::new(cluster, is_shared) }
    }

    /// All databases.
    fn databases(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.database).chain(&self.others)
    }

    /// The data folder of a server.
    fn data(&self, server: usize) -> PathBuf {
        self.folder.path().join(server.to_string())
    }

    /// The options of a server, without a secret, and not alone.
    fn bare_options(&self, server: usize) -> Options {
        self.options_at(&self.cluster.address(&self.database), server)
    }

    fn options_at(&self, address: &str, server: usize) -> Options {
        let time = self.time.clone();
        let clock: Clock = Arc::new(move || Timestamp(time.load(Ordering::Relaxed)));
        Options::new(address, self.data(server)).unwrap().with_clock(clock)
    }

    /// The options of one of several servers.
    fn one_of_several(&self, server: usize) -> Options {
        self.bare_options(server).with_secret(secret(1))
    }

    /// The options of the first server, alone, without the proxy.
    fn options(&self) -> Options {
        self.bare_options(0).alone()
    }
}

fn open(options: Options) -> Arc<PostgresLedger> {
    Arc::new(PostgresLedger::open(options, Metrics::new()).unwrap())
}

impl Subject for Postgres {
    /// Starts the first server that does not run.
    fn open(&self) -> Arc<dyn Ledger> {
        let mut handles = self.handles.lock().unwrap();
        let runs = |handle: &Weak<PostgresLedger>| {
            handle.upgrade().is_some_and(|handle| handle.stopped().now_or_never().is_none())
        };
        let server = handles.iter().position(|handle| !runs(handle)).unwrap_or(handles.len());
        let port = self.proxy.port;
        let address = |database| format!("postgres://postgres@127.0.0.1:{port}/{database}");
        let mut options = self.options_at(&address(&self.database), server).alone();
        for other in &self.others {
            options = options.and_cluster(&address(other)).unwrap();
        }
        let options = options.with_unknown_wait(UNKNOWN_WAIT);
        let handle = open(if self.is_shared { options.with_secret(secret(1)) } else { options });
        match handles.get_mut(server) {
            Some(ended) => *ended = Arc::downgrade(&handle),
            None => handles.push(Arc::downgrade(&handle)),
        }
        handle
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
            let no = "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS
                     $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
                 CREATE CONSTRAINT TRIGGER no AFTER INSERT ON entries DEFERRABLE INITIALLY DEFERRED
                     FOR EACH ROW EXECUTE FUNCTION no()";
            self.databases().for_each(|database| self.cluster.execute(database, no));
        }
        Some(stored)
    }

    fn mend(&self) {
        self.proxy.set(Mode::Pass);
        let mend = "DROP FUNCTION IF EXISTS no CASCADE";
        self.databases().for_each(|database| self.cluster.execute(database, mend));
    }
}

#[tokio::test]
async fn a_server_alone_conforms() {
    let Some(cluster) = cluster() else { return };
    conforms!(Postgres::new(cluster, false));
}

#[tokio::test]
async fn two_servers_of_one_database_conform() {
    let Some(cluster) = cluster() else { return };
    conforms!(Postgres::new(cluster, true));
}

#[tokio::test]
async fn a_server_alone_of_three_clusters_conforms() {
    let Some(cluster) = cluster() else { return };
    conforms!(Postgres::divided(cluster, false));
}

#[tokio::test]
async fn two_servers_of_three_clusters_conform() {
    let Some(cluster) = cluster() else { return };
    conforms!(Postgres::divided(cluster, true));
}
