//! The write-ahead log (WAL) beside the file.
//!
//! After a failed fsync, page cache and disk may differ: the kernel marks pages as clean that it
//! could not write. A WAL found at start may therefore be readable and not on the disk. After a
//! power cut only the part before the first lost page would be left, and SQLite takes that for the
//! whole. So the WAL is rewritten and synced before it is used.

use std::ffi::c_int;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::ffi::{SQLITE_BUSY, SQLITE_IOERR};
use rusqlite::hooks::Wal;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, TransactionBehavior};

use super::doubt::nothing_was_stored;
use super::file::BUSY_WAIT_MAX;
use crate::private_file::beside;

/// What the file of the WAL keeps when the WAL begins anew. Commits are faster in a file that is
/// there.
const KEPT_BYTES: i64 = 8 << 20;

/// If the WAL has this many pages after a commit, the commit copies what the copier has not. Without
/// a pause between commits, the copier seldom has all of it.
const COPY_PAGES: c_int = 2_000;

/// A longer WAL is warned of: without a reader that stays, it begins anew before.
const LONG_BYTES: u64 = 32 << 20;

/// The pause between two such warnings.
const WARNING_PAUSE: Duration = Duration::from_secs(60);

/// How many bytes are rewritten at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// The length of the WAL, and when it was last warned of.
#[derive(Debug, Default)]
pub(super) struct Length {
    bytes: u64,
    warned: Option<Instant>,
}

impl Length {
    /// Notes the length after a commit.
    pub(super) fn note(&mut self, bytes: u64) {
        self.bytes = bytes;
        let due = self.warned.is_none_or(|warned| warned.elapsed() >= WARNING_PAUSE);
        if bytes > LONG_BYTES && due {
            self.warned = Some(Instant::now());
            tracing::warn!(bytes, "the ledger's log grows: something keeps reading the ledger");
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Keeps SQLite from checkpointing the WAL when the connection closes: [`secure`] may not have run.
pub(super) fn keep(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map(drop)
}

/// Rewrites and syncs the WAL of a ledger's `file`, then checkpoints it, so that it is empty.
pub(super) fn secure(
    connection: &mut Connection,
    file: &Path,
    rewrite: impl FnOnce(&Path) -> io::Result<()>,
) -> rusqlite::Result<()> {
    let wal = wal_of(file).map_err(|error| failed(SQLITE_IOERR, file, &error))?;
    let length = match wal.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        metadata => metadata.map_err(|error| failed(SQLITE_IOERR, &wal, &error))?.len(),
    };
    if length > 0 {
        // The transaction keeps other writers out. Opening and closing the WAL releases none of
        // SQLite's locks, which are on other files.
        let exclusive = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        rewrite(&wal).map_err(|error| failed(SQLITE_IOERR, &wal, &error))?;
        exclusive.rollback()?;
    }
    if !checkpoint(connection)? {
        return Err(busy(file));
    }
    checkpoint_on_close(connection)
}

/// Undoes [`keep`].
pub(super) fn checkpoint_on_close(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map(drop)
}

/// Writes a file over itself, byte for byte, and syncs it.
pub(super) fn rewrite(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut offset = 0;
    loop {
        let length = file.read_at(&mut chunk, offset)?;
        let (read, _) = chunk.split_at(length);
        if read.is_empty() {
            return file.sync_all();
        }
        file.write_all_at(read, offset)?;
        offset += length as u64;
    }
}

/// Copies the WAL into the file and truncates it. Returns `false` if another program reads an older
/// snapshot for longer than the connection's busy timeout.
pub(super) fn checkpoint(connection: &Connection) -> rusqlite::Result<bool> {
    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    connection.query_row(checkpoint, [], |row| row.get::<_, bool>(0)).map(|busy| !busy)
}

/// Sets when commits copy the WAL, and how long its file stays.
///
/// If the sync of the copy fails, so does the commit, although it is stored. SQLite's own automatic
/// checkpoint ignores such a failure, and would later take the pages for synced.
pub(super) fn limit(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_size_limit", KEPT_BYTES)?;
    connection.wal_hook(Some(|wal: &mut Wal, pages| {
        if pages < COPY_PAGES {
            return Ok(());
        }
        let copied = wal.checkpoint_v2(CheckpointMode::PASSIVE);
        copied.map(drop).or_else(|error| match nothing_was_stored(&error) {
            // It is tried again after the next commit.
            true => Ok(()),
            false => Err(error),
        })
    }))
}

/// Copies as much of the WAL into the file as its readers allow, without waiting for them. Returns
/// whether all of it was copied. The next commit then begins it anew, if nothing reads it.
pub(super) fn copy(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        let (busy, pages, copied): (bool, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(!busy && pages == copied)
    })
}

/// As [`checkpoint`], without waiting for readers.
pub(super) fn checkpoint_now(connection: &Connection) -> rusqlite::Result<bool> {
    connection.busy_timeout(Duration::ZERO)?;
    let emptied = checkpoint(connection);
    connection.busy_timeout(BUSY_WAIT_MAX)?;
    emptied
}

/// The path of the WAL. SQLite resolves symbolic links first.
fn wal_of(file: &Path) -> io::Result<PathBuf> {
    Ok(beside(&file.canonicalize()?, "-wal"))
}

/// The error for a WAL that cannot be emptied.
pub(super) fn busy(file: &Path) -> rusqlite::Error {
    failed(SQLITE_BUSY, file, &"another program reads it")
}

fn failed(code: i32, path: &Path, why: &dyn std::fmt::Display) -> rusqlite::Error {
    let why = format!("{}: {why}", path.display());
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), Some(why))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_wal_is_found_behind_a_symbolic_link_and_under_a_name_that_is_not_utf_8() {
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join(OsStr::from_bytes(b"l\xffdger"));
        let link = folder.path().join("link");
        symlink(&odd, &link).unwrap();
        for name in [&odd, &link] {
            let connection = Connection::open(name).unwrap();
            keep(&connection).unwrap();
            connection.execute_batch("PRAGMA journal_mode = wal").unwrap();
            let write = "CREATE TABLE IF NOT EXISTS t (n); INSERT INTO t VALUES (1)";
            connection.execute_batch(write).unwrap();
            drop(connection);
            let mut found = None;
            let mut connection = Connection::open(name).unwrap();
            let note = |wal: &Path| {
                found = Some((wal.to_owned(), fs::read(wal)?.len()));
                rewrite(wal)
            };
            secure(&mut connection, name, note).unwrap();
            let (wal, length) = found.unwrap();
            assert_eq!(wal.as_os_str().as_bytes(), [odd.as_os_str().as_bytes(), b"-wal"].concat());
            assert!(length > 0);
            assert_eq!(wal.metadata().unwrap().len(), 0);
        }
    }
}
