//! Scrubbing: after a close, nothing of the deleted ballots may be left in unused parts of the file or in the
//! log beside it.
//!
//! The file is written anew without its unused parts, and then the log is copied into it and emptied. The
//! log cannot be emptied while anybody reads the file. Readers of this process make way and begin again;
//! other programs are waited for, a try at a time.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::file::BUSY_WAIT_MAX;

/// How long to leave a file alone that could not be written anew, for example on a full disk.
const REWRITE_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// What is left of scrubbing a file.
#[derive(Debug)]
pub(super) struct Scrub {
    left: Left,
    readers: Arc<Readers>,
}

#[derive(Debug, Clone, Copy)]
enum Left {
    Nothing,
    /// To write the file anew, no earlier than this.
    Rewrite(Option<Instant>),
    /// To empty the log.
    EmptyLog,
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
        let left = if unscrubbed == 0 { Left::Nothing } else { Left::Rewrite(None) };
        Ok(Self { left, readers: Arc::default() })
    }

    /// Those who read the file.
    pub(super) fn readers(&self) -> Arc<Readers> {
        self.readers.clone()
    }

    /// Takes note that ballots were deleted.
    pub(super) fn is_due(&mut self) {
        self.left = Left::Rewrite(None);
    }

    /// Does what is left, as far as it can be done at this moment.
    pub(super) fn go_on(&mut self, connection: &Connection, folder: &Path) {
        if let Left::Rewrite(not_before) = self.left
            && not_before.is_none_or(|moment| moment <= Instant::now())
        {
            self.left = match rewrite(connection, folder) {
                Ok(()) => Left::EmptyLog,
                Err(error) => {
                    tracing::error!(%error, "{LEFT}; the file cannot be written anew, which is tried again");
                    Left::Rewrite(Some(Instant::now() + REWRITE_AGAIN_AFTER))
                }
            };
            if let Left::EmptyLog = self.left
                && !self.empty_log(connection)
            {
                tracing::warn!("{LEFT}, for as long as another program is reading it");
            }
        } else if let Left::EmptyLog = self.left
            && self.empty_log(connection)
        {
            tracing::info!(
                "nothing is left of the ballots of closed elections in the ledger's file"
            );
        }
    }

    /// Empties the log, and returns whether that could be done.
    fn empty_log(&mut self, connection: &Connection) -> bool {
        let emptied = {
            let _room = self.readers.send_away();
            empty_log(connection)
        };
        match emptied {
            Ok(true) => self.left = Left::Nothing,
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "{LEFT}; its log cannot be emptied"),
        }
        matches!(self.left, Left::Nothing)
    }
}

const LEFT: &str = "ballots of a closed election may be left in unused parts of the ledger's file";

impl Readers {
    /// Begins to read. The file is not scrubbed until what this returns is dropped; a long read has to
    /// [make way](Self::must_make_way).
    pub(super) fn enter(&self) -> RwLockReadGuard<'_, ()> {
        self.reading.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a reader should stop, and begin again.
    pub(super) fn must_make_way(&self) -> bool {
        self.make_way.load(Ordering::Relaxed)
    }

    /// Waits until nobody reads, and keeps it so until what this returns is dropped.
    fn send_away(&self) -> RwLockWriteGuard<'_, ()> {
        self.make_way.store(true, Ordering::Relaxed);
        let alone = self.reading.write().unwrap_or_else(PoisonError::into_inner);
        self.make_way.store(false, Ordering::Relaxed);
        alone
    }
}

/// Writes the file anew, by way of the log, without its unused parts.
fn rewrite(connection: &Connection, folder: &Path) -> rusqlite::Result<()> {
    // What does not fit in memory goes through a file that has no name. It holds the ballots of open
    // elections, and belongs on the disk that they are on.
    connection.pragma_update(None, "temp_store_directory", folder.to_string_lossy())?;
    connection.execute_batch("VACUUM")
}

/// Copies the log into the file and empties it, unless another program reads an older state.
fn empty_log(connection: &Connection) -> rusqlite::Result<bool> {
    // Votes wait meanwhile: whoever reads is not waited for.
    connection.busy_timeout(Duration::ZERO)?;
    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    let busy = connection.query_row(checkpoint, [], |row| row.get::<_, bool>(0));
    connection.busy_timeout(BUSY_WAIT_MAX)?;
    if busy? {
        return Ok(false);
    }
    connection.execute("DELETE FROM unscrubbed", [])?;
    Ok(true)
}
