//! Scrubbing: after a close, nothing of the deleted ballots may be left in unused parts of the file or in the
//! log beside it.
//!
//! The file is written anew without its unused parts, and then the log is copied into it and emptied. The
//! log cannot be emptied while anybody reads the file. Readers of this process make way and begin again;
//! other programs are waited for, a try at a time.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::file::BUSY_WAIT_MAX;
use super::log;

/// How long to leave a file alone that could not be scrubbed. Writing it anew holds up votes, and so does
/// sending readers away: each try waits twice as long as the one before, between these.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(500);
const TRY_AGAIN_AFTER_MAX: Duration = Duration::from_secs(60);

/// How long a scrub waits for the readers of this process to make way. Votes wait meanwhile.
const WAY_WAIT_MAX: Duration = Duration::from_millis(100);

/// How often to look whether they have.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(1);

const LEFT: &str = "ballots of a closed election may be left in unused parts of the ledger's file";

/// What is left of scrubbing a file.
#[derive(Debug)]
pub(super) struct Scrub {
    left: Left,
    /// No try is made before this.
    next_try: Instant,
    pause: Duration,
    readers: Arc<Readers>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    /// To empty the log.
    EmptyLog,
    /// To write the file anew, and to empty the log.
    Rewrite,
}

/// The readers of this process, who make way for a scrub.
#[derive(Debug, Default)]
pub(super) struct Readers {
    make_way: AtomicBool,
    reading: RwLock<()>,
}

impl Scrub {
    /// For a file that has just been opened.
    pub(super) fn new(connection: &Connection) -> rusqlite::Result<Self> {
        let unscrubbed = "SELECT count(*) FROM unscrubbed";
        let unscrubbed: i64 = connection.query_row(unscrubbed, [], |row| row.get(0))?;
        let left = if unscrubbed == 0 { Left::Nothing } else { Left::Rewrite };
        let (next_try, pause) = (Instant::now(), TRY_AGAIN_AFTER);
        Ok(Self { left, next_try, pause, readers: Arc::default() })
    }

    /// Those who read the file.
    pub(super) fn readers(&self) -> Arc<Readers> {
        self.readers.clone()
    }

    /// Takes note that ballots were deleted.
    pub(super) fn is_due(&mut self) {
        (self.left, self.next_try, self.pause) = (Left::Rewrite, Instant::now(), TRY_AGAIN_AFTER);
    }

    /// Does what is left, as far as it can be done at this moment.
    pub(super) fn go_on(&mut self, connection: &Connection, folder: &Path) {
        if self.left == Left::Nothing || Instant::now() < self.next_try {
            return;
        }
        match self.scrub(connection, folder) {
            Ok(true) => {
                self.left = Left::Nothing;
                tracing::info!("nothing is left of deleted ballots in the ledger's file");
            }
            Ok(false) => tracing::warn!("{LEFT}: it is being read"),
            Err(error) => tracing::error!(%error, "{LEFT}: it cannot be scrubbed"),
        }
        self.next_try = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(TRY_AGAIN_AFTER_MAX);
    }

    /// Returns whether nothing is left, which it is not for as long as the file is read.
    fn scrub(&mut self, connection: &Connection, folder: &Path) -> rusqlite::Result<bool> {
        if self.left == Left::Rewrite {
            rewrite(connection, folder)?;
            self.left = Left::EmptyLog;
        }
        match self.readers.send_away() {
            Some(_alone) => empty_log(connection),
            None => Ok(false),
        }
    }
}

impl Readers {
    /// Begins to read. The file is not scrubbed until what this returns is dropped; a long read has to
    /// [make way](Self::must_make_way).
    pub(super) fn enter(&self) -> RwLockReadGuard<'_, ()> {
        while self.must_make_way() {
            thread::sleep(LOOK_AGAIN_AFTER);
        }
        self.reading.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a reader should stop, and begin again.
    pub(super) fn must_make_way(&self) -> bool {
        self.make_way.load(Ordering::Relaxed)
    }

    /// Waits until nobody reads, and keeps it so until what this returns is dropped; nothing where they do not
    /// make way in time.
    fn send_away(&self) -> Option<RwLockWriteGuard<'_, ()>> {
        let until = Instant::now() + WAY_WAIT_MAX;
        self.make_way.store(true, Ordering::Relaxed);
        let alone = loop {
            match self.reading.try_write() {
                Ok(alone) => break Some(alone),
                Err(TryLockError::Poisoned(alone)) => break Some(alone.into_inner()),
                Err(TryLockError::WouldBlock) if Instant::now() > until => break None,
                Err(TryLockError::WouldBlock) => thread::sleep(LOOK_AGAIN_AFTER),
            }
        };
        self.make_way.store(false, Ordering::Relaxed);
        alone
    }
}

/// Writes the file anew, by way of the log, without its unused parts.
fn rewrite(connection: &Connection, folder: &Path) -> rusqlite::Result<()> {
    // What does not fit in memory goes through a file that has no name. It holds the ballots of open
    // elections, and belongs on the disk that they are on.
    match folder.to_str() {
        Some(folder) => connection.pragma_update(None, "temp_store_directory", folder)?,
        // SQLite cannot be told a name that is no text.
        None => connection.pragma_update(None, "temp_store", "MEMORY")?,
    }
    connection.execute_batch("VACUUM")
}

/// Copies the log into the file and empties it, unless another program reads an older state.
fn empty_log(connection: &Connection) -> rusqlite::Result<bool> {
    // Votes wait meanwhile: whoever reads is not waited for.
    connection.busy_timeout(Duration::ZERO)?;
    let emptied = log::empty(connection);
    connection.busy_timeout(BUSY_WAIT_MAX)?;
    if !emptied? {
        return Ok(false);
    }
    connection.execute("DELETE FROM unscrubbed", [])?;
    Ok(true)
}
