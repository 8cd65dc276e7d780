//! Scrubbing: removing every trace of deleted ballots from the file and its WAL after a close.
//!
//! `VACUUM` rewrites the file without its free pages, and a truncating checkpoint empties the WAL.
//! The checkpoint fails while the file is being read. Readers of this process therefore yield and
//! start over; while another program reads, the scrub is retried later.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::file::LedgerFile;
use super::wal;
use crate::private_file::parent;

/// How long a scrub waits for the readers of this process to yield. Votes wait meanwhile.
const YIELD_WAIT_MAX: Duration = Duration::from_millis(100);

/// Poll interval of a scrub that waits for readers, and of readers that wait for a scrub.
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
    /// What is left to scrub in an opened file.
    pub(super) fn new(connection: &Connection) -> rusqlite::Result<Self> {
        let unscrubbed = "SELECT count(*) FROM unscrubbed";
        let unscrubbed: i64 = connection.query_row(unscrubbed, [], |row| row.get(0))?;
        let left = if unscrubbed == 0 { Left::Nothing } else { Left::Rewrite };
        Ok(Self { left, readers: Arc::default() })
    }

    pub(super) fn readers(&self) -> Arc<Readers> {
        self.readers.clone()
    }

    /// Marks the file for a scrub, after ballots were deleted.
    pub(super) fn require(&mut self) {
        self.left = Left::Rewrite;
    }

    /// Scrubs as far as possible. Returns whether nothing is left.
    ///
    /// # Errors
    /// That of SQLite, which is logged.
    pub(super) fn run(&mut self, file: &mut LedgerFile) -> rusqlite::Result<bool> {
        if self.left == Left::Nothing {
            return Ok(true);
        }
        let scrubbed = self.try_scrub(file).inspect_err(|error| {
            tracing::error!(%error, "{LEFT}: it cannot be scrubbed");
        })?;
        if scrubbed {
            self.left = Left::Nothing;
            tracing::info!("the ledger's file was scrubbed: no deleted ballot is left in it");
        } else {
            tracing::warn!("{LEFT}: it is being read");
        }
        Ok(scrubbed)
    }

    /// Returns `false` while the file is being read.
    fn try_scrub(&mut self, file: &mut LedgerFile) -> rusqlite::Result<bool> {
        if self.left == Left::Rewrite {
            rewrite(&file.connection, parent(&file.path))?;
            // The page cache and the prepared statements of the old connection have ballots.
            file.reconnect()?;
            self.left = Left::EmptyWal;
        }
        match self.readers.exclude() {
            Some(_exclusive) => empty_wal(&file.connection),
            None => Ok(false),
        }
    }
}

impl Readers {
    /// Starts to read, once no scrub is waiting. The WAL is not emptied until the guard is dropped;
    /// a long read checks [`must_yield`](Self::must_yield).
    pub(super) fn enter(&self) -> RwLockReadGuard<'_, ()> {
        while self.must_yield() {
            thread::sleep(POLL_INTERVAL);
        }
        self.reading.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a reader must stop and start over.
    pub(super) fn must_yield(&self) -> bool {
        self.must_yield.load(Ordering::Relaxed)
    }

    /// Waits for the readers to yield, and keeps them out until the guard is dropped. `None` if
    /// they do not yield within [`YIELD_WAIT_MAX`].
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

/// Rewrites the file, through the WAL, without its free pages.
fn rewrite(connection: &Connection, directory: &Path) -> rusqlite::Result<()> {
    sort_in(connection, directory)?;
    connection.execute_batch("VACUUM")
}

/// Keeps SQLite's temporary files in this directory: those of a large `VACUUM`, and of a close,
/// have ballots of open elections. They have no names.
pub(super) fn sort_in(connection: &Connection, directory: &Path) -> rusqlite::Result<()> {
    match directory.to_str() {
        Some(directory) => connection.pragma_update(None, "temp_store_directory", directory),
        // SQLite accepts only UTF-8 here.
        None => connection.pragma_update(None, "temp_store", "MEMORY"),
    }
}

/// Checkpoints and empties the WAL, unless another program reads an older snapshot.
fn empty_wal(connection: &Connection) -> rusqlite::Result<bool> {
    // Votes wait meanwhile, so this does not wait for readers.
    if !wal::checkpoint_now(connection)? {
        return Ok(false);
    }
    connection.execute("DELETE FROM unscrubbed", [])?;
    Ok(true)
}
