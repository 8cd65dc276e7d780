//! The ledger on PostgreSQL: the suite, and what it has beyond it.

mod cluster;
mod faults;
mod keys;
mod secrecy;
mod servers;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use capvote::election::Timestamp;
use capvote::ledger::postgres::{Options, PostgresLedger, Secret};
use capvote::ledger::{Clock, Ledger, Metrics};
use futures::FutureExt;
use tempfile::TempDir;

use self::cluster::{Cluster, cluster};
use super::NOW;
use super::conformance::{Subject, conforms};

/// A database of its own, and a folder for each server.
struct Postgres {
    cluster: Arc<Cluster>,
    database: String,
    folder: TempDir,
    time: Arc<AtomicU64>,
    is_shared: bool,
    /// The newest handle of each server.
    handles: Mutex<Vec<Weak<PostgresLedger>>>,
}

/// A secret that all bytes of are the same.
fn secret(byte: u8) -> Secret {
    Secret::new(&[byte; 32]).unwrap()
}

impl Postgres {
    /// A server alone, or several with one secret. All open elections also alone: the suite opens
    /// them in the act that creates them.
    fn new(cluster: &Arc<Cluster>, is_shared: bool) -> Self {
        let (time, folder) = (Arc::new(AtomicU64::new(NOW.0)), tempfile::tempdir().unwrap());
        let (cluster, database) = (cluster.clone(), cluster.database());
        Self { cluster, database, folder, time, is_shared, handles: Mutex::default() }
    }

    /// The data folder of a server.
    fn data(&self, server: usize) -> PathBuf {
        self.folder.path().join(server.to_string())
    }

    /// The options of a server, without a secret, and not alone.
    fn bare_options(&self, server: usize) -> Options {
        let time = self.time.clone();
        let clock: Clock = Arc::new(move || Timestamp(time.load(Ordering::Relaxed)));
        let address = self.cluster.address(&self.database);
        Options::new(&address, self.data(server)).unwrap().with_clock(clock)
    }

    /// The options of one of several servers.
    fn one_of_several(&self, server: usize) -> Options {
        self.bare_options(server).with_secret(secret(1))
    }

    /// The options of the first server, alone.
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
        let options = self.bare_options(server).alone();
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

    // It asks until it knows.
    fn break_next_commit(&self, _stored: bool) -> Option<bool> {
        None
    }

    fn mend(&self) {}
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
