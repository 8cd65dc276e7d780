//! Scrubbing: removing every trace of deleted ballots from the file and its WAL after a close.
//!
//! `VACUUM` rewrites the file without its free pages, and a truncating checkpoint empties the WAL. The
//! checkpoint fails while anybody reads the file, so readers of this process yield and start again;
//! readers of other programs are waited for, one try at a time.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::file::BUSY_WAIT_MAX;
use super::wal;

/// How long a scrub waits for the readers of this process to yield. Votes wait meanwhile.
const YIELD_WAIT_MAX: Duration = Duration::from_millis(100);

/// Poll interval while waiting for readers, and for a scrub to end.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

const LEFT: &str = "ballots of a closed election may be left in unused parts of the ledger's file";

/// What is left to scrub.
#[derive(Debug)]
pub(super) struct Scrub {
    left: Left,
    readers: Arc<Readers>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    EmptyWal,
    /// Rewrite the file, then empty the WAL.
    Rewrite,
}

/// The readers of this process, which yield to a scrub.
#[derive(Debug, Default)]
pub(super) struct Readers {
    must_yield: AtomicBool,
    reading: RwLock<()>,
}

impl Scrub {
    /// What an opened file still needs.
    pub(super) fn new(connection: &Connection) -> rusqlite::Result<Self> {
        let unscrubbed = "SELECT count(*) FROM unscrubbed";
        let unscrubbed: i64 = connection.query_row(unscrubbed, [], |row| row.get(0))?;
        let left = if unscrubbed == 0 { Left::Nothing } else { Left::Rewrite };
        Ok(Self { left, readers: Arc::default() })
    }

    pub(super) fn readers(&self) -> Arc<Readers> {
        self.readers.clone()
    }

    /// Notes that ballots were deleted.
    pub(super) fn is_due(&mut self) {
        self.left = Left::Rewrite;
    }

    /// Does what is left, as far as possible. Returns whether nothing is left.
    pub(super) fn run(&mut self, connection: &Connection, folder: &Path) -> bool {
        if self.left == Left::Nothing {
            return true;
        }
        match self.try_scrub(connection, folder) {
            Ok(true) => {
                self.left = Left::Nothing;
                tracing::info!("nothing is left of deleted ballots in the ledger's file");
            }
            Ok(false) => tracing::warn!("{LEFT}: it is being read"),
            Err(error) => tracing::error!(%error, "{LEFT}: it cannot be scrubbed"),
        }
        self.left == Left::Nothing
    }

    /// Returns `false` while the file is being read.
    fn try_scrub(&mut self, connection: &Connection, folder: &Path) -> rusqlite::Result<bool> {
        if self.left == Left::Rewrite {
            rewrite(connection, folder)?;
            self.left = Left::EmptyWal;
        }
        match self.readers.exclude() {
            Some(_exclusive) => empty_wal(connection),
            None => Ok(false),
        }
    }
}

impl Readers {
    /// Begins to read. The WAL is not emptied until the guard is dropped; a long read checks
    /// [`must_yield`](Self::must_yield).
    pub(super) fn enter(&self) -> RwLockReadGuard<'_, ()> {
        while self.must_yield() {
            thread::sleep(POLL_INTERVAL);
        }
        self.reading.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a reader should stop and start again.
    pub(super) fn must_yield(&self) -> bool {
        self.must_yield.load(Ordering::Relaxed)
    }

    /// Waits until nobody reads, and keeps readers out until the guard is dropped. None if they do
    /// not yield in time.
    fn exclude(&self) -> Option<RwLockWriteGuard<'_, ()>> {
        let until = Instant::now() + YIELD_WAIT_MAX;
        self.must_yield.store(true, Ordering::Relaxed);
        let exclusive = loop {
            match self.reading.try_write() {
                Ok(exclusive) => break Some(exclusive),
                Err(TryLockError::Poisoned(exclusive)) => break Some(exclusive.into_inner()),
                Err(TryLockError::WouldBlock) if Instant::now() > until => break None,
                Err(TryLockError::WouldBlock) => thread::sleep(POLL_INTERVAL),
            }
        };
        self.must_yield.store(false, Ordering::Relaxed);
        exclusive
    }
}

/// Rewrites the file, by way of the WAL, without its free pages.
fn rewrite(connection: &Connection, folder: &Path) -> rusqlite::Result<()> {
    // A large VACUUM spills to an unlinked temporary file, which holds the ballots of open elections
    // and belongs on the disk that they are on.
    match folder.to_str() {
        Some(folder) => connection.pragma_update(None, "temp_store_directory", folder)?,
        // SQLite takes the path as UTF-8 only.
        None => connection.pragma_update(None, "temp_store", "MEMORY")?,
    }
    connection.execute_batch("VACUUM")
}

/// Checkpoints and empties the WAL, unless another program reads an older snapshot.
fn empty_wal(connection: &Connection) -> rusqlite::Result<bool> {
    // Votes wait meanwhile, so readers are not waited for.
    connection.busy_timeout(Duration::ZERO)?;
    let emptied = wal::checkpoint(connection);
    connection.busy_timeout(BUSY_WAIT_MAX)?;
    if !emptied? {
        return Ok(false);
    }
    connection.execute("DELETE FROM unscrubbed", [])?;
    Ok(true)
}
