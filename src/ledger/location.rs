//! Where a ledger is, and how it is opened.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

#[cfg(feature = "postgres")]
use super::postgres::{self, PostgresLedger};
use super::sqlite::{self, SqliteLedger, Store};
use super::{Ledger, Metrics, NUMBERS_MAX, OpenError, system_clock};
use crate::election::Origin;
#[cfg(feature = "postgres")]
use crate::private_file::create_directory;

/// Which store a server uses.
#[derive(Debug, Clone)]
pub enum Location {
    /// A SQLite file in this data directory.
    Directory(PathBuf),
    /// A PostgreSQL database, which several servers may share.
    #[cfg(feature = "postgres")]
    Database(Box<postgres::Options>),
}

impl Location {
    /// Logs where the store is, and whether it has a ledger yet: who starts a server in the wrong
    /// directory gets another, empty ledger.
    pub(crate) fn log(&self) {
        match self {
            Self::Directory(directory) => {
                let path = std::path::absolute(directory).unwrap_or_else(|_| directory.clone());
                if sqlite::has_ledger(&path) {
                    tracing::info!(file = %path.display(), "the ledger in this directory is used");
                } else {
                    tracing::info!(file = %path.display(), "this directory has no ledger yet");
                }
            }
            #[cfg(feature = "postgres")]
            Self::Database(options) => {
                tracing::info!(database = %options, "the ledger in this database is used");
            }
        }
    }

    /// Opens the ledger, or creates an empty one.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(&self) -> Result<Arc<dyn Ledger>, OpenError> {
        self.open_with(&Metrics::new(), NUMBERS_MAX)
    }

    /// As [`open`](Self::open), with metrics that the caller can read, and a bound for the voter
    /// numbers on all rolls.
    pub(crate) fn open_with(
        &self,
        metrics: &Metrics,
        voter_numbers_max: usize,
    ) -> Result<Arc<dyn Ledger>, OpenError> {
        Ok(match self {
            Self::Directory(directory) => {
                let mut store = Store::open(directory)?;
                store.set_voter_numbers_max(voter_numbers_max);
                log_origin(&store);
                let ledger = SqliteLedger::start_with(store, system_clock(), metrics.clone())?;
                Arc::new(ledger)
            }
            #[cfg(feature = "postgres")]
            Self::Database(options) => {
                let path = options.data();
                let inaccessible = |why| OpenError::Inaccessible { path: path.to_owned(), why };
                create_directory(path).map_err(inaccessible)?;
                let options = (**options).clone().with_voter_numbers_max(voter_numbers_max);
                Arc::new(PostgresLedger::open(options, metrics.clone())?)
            }
        })
    }

    /// The network file system that the store is on, where its promises do not hold. `None` for a
    /// local one.
    ///
    /// # Errors
    /// If the file system cannot be told.
    pub fn network_file_system(&self) -> io::Result<Option<&'static str>> {
        match self {
            Self::Directory(directory) => sqlite::network_file_system(directory),
            // Its machine is another one, and no promise depends on this server's disk.
            #[cfg(feature = "postgres")]
            Self::Database(_) => Ok(None),
        }
    }

    /// Opens the ledger, and creates none.
    ///
    /// # Errors
    /// [`OpenError`], also if there is no ledger.
    pub fn open_existing(&self) -> Result<Arc<dyn Ledger>, OpenError> {
        match self {
            Self::Directory(directory) => {
                let store = Store::open_existing(directory)?;
                Ok(Arc::new(SqliteLedger::start(store, system_clock())?))
            }
            #[cfg(feature = "postgres")]
            Self::Database(options) => {
                Ok(Arc::new(PostgresLedger::open_existing((**options).clone(), Metrics::new())?))
            }
        }
    }
}

/// Logs which ledger was opened, and what it waits for.
fn log_origin(store: &Store) {
    let Origin { ledger, epoch, .. } = store.origin();
    tracing::info!(%ledger, epoch, "the ledger is open");
    for standing in store.snapshot().elections {
        let election = &standing.definition.id;
        if standing.origin.unconfirmed {
            tracing::warn!(%election, "was restored from a backup, and takes no votes until confirmed");
        }
    }
}
