//! The ledger's file: its path, permissions, lock and settings.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::epochs::Epoch;
use super::format::{check_format, is_empty, upgrade};
use super::guard::Guard;
use super::mark::{Mark, Position};
use super::wal;
use super::whole::check_whole;
use crate::election::Timestamp;
use crate::ledger::OpenError;
use crate::ledger::keys::Keys;
use crate::ledger::roll::BallotRow;
use crate::private_file::{beside, check_kind, create_directory};

/// The name of the file in the data directory.
pub(super) const FILE_NAME: &str = "ledger.sqlite";
/// What the name of an unfinished copy ends with.
pub(super) const PART: &str = ".capvote-part";
/// The name of the file that is locked while a server uses the data directory.
const LOCK_NAME: &str = "lock";

/// Whether there is a ledger in `directory`.
pub(in crate::ledger) fn has_ledger(directory: &Path) -> bool {
    directory.join(FILE_NAME).exists()
}

/// How long a commit waits for the lock of another program, such as `sqlite3`, on the file.
pub(super) const BUSY_WAIT_MAX: Duration = Duration::from_secs(5);

/// An open ledger file. The data directory stays locked until it is dropped.
#[derive(Debug)]
pub(super) struct LedgerFile {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    pub(super) keys: Keys,
    guard: Guard,
    mark: Mark,
    /// The file itself, locked: the file `lock` can be removed. Declared behind the connection:
    /// closing a file ends the locks that SQLite has on it.
    _file: File,
    /// Declared last, so that the lock outlives the connection.
    _lock: File,
}

impl Drop for LedgerFile {
    fn drop(&mut self) {
        // SQLite deletes the WAL by its path when it closes. That may be another ledger's by now.
        if self.guard.check().is_err() {
            let _ = wal::keep(&self.connection);
        }
    }
}

impl LedgerFile {
    /// Opens the ledger in `directory`, or creates both. `rewrite` rewrites and syncs a WAL that
    /// was left behind.
    pub(super) fn open(
        directory: &Path,
        rewrite: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<Self, OpenError> {
        let inaccessible = |path: &Path| {
            let path = path.to_owned();
            move |why| OpenError::Inaccessible { path, why }
        };
        create_directory(directory).map_err(inaccessible(directory))?;
        let lock = lock(directory)?;

        let path = directory.join(FILE_NAME);
        remove_part(&path).map_err(inaccessible(&path))?;
        // SQLite gives the WAL and its index the same permissions.
        let is_missing = path.symlink_metadata().is_err();
        let file = private_file(&path).map_err(inaccessible(&path))?;
        hold(&file, directory, &path)?;
        let mut connection = connect(&path).map_err(|error| open_error(&path, error))?;
        let unreadable = |error| open_error(&path, error);
        let is_new = is_empty(&connection).map_err(unreadable)?;
        let format = if is_new { 0 } else { check_format(&connection, &path)? };
        let position = check_whole(&connection, directory, &path, format).inspect_err(|_| {
            // An empty file would be in the way of a restore.
            if is_missing {
                let _ = std::fs::remove_file(&path);
            }
        })?;
        prepare(&mut connection, &path, rewrite).map_err(unreadable)?;
        // Once the WAL is on the disk, and before the file has a format with a mark.
        Mark::create(directory, &position)?;
        let keys = Keys::of(directory);
        upgrade(&mut connection, &path, &keys, &Epoch::first(position.ledger, now()))?;
        // Makes the names of new files durable.
        File::open(directory).and_then(|it| it.sync_all()).map_err(inaccessible(directory))?;
        let mark = Mark::open(directory)?;
        let guard = guard(directory, &path).map_err(inaccessible(&path))?;
        Ok(Self { connection, path, keys, guard, mark, _file: file, _lock: lock })
    }

    /// Checks that the files at their paths are the open ones, so that what was committed is in
    /// them. Returns the length of the WAL.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn check_place(&self) -> Result<u64, String> {
        let checked = self.guard.check();
        if checked.is_err() {
            // As in `drop`.
            let _ = wal::keep(&self.connection);
        }
        checked
    }

    /// Notes how far the ledger was committed, after the commit.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn note(&self, position: &Position) -> Result<(), String> {
        self.mark.write(position)
    }

    /// Replaces the connection by a new one. SQLite overwrites the memory of the old one, if it is
    /// built as .cargo/config.toml says.
    pub(super) fn reconnect(&mut self) -> rusqlite::Result<()> {
        let mut connection = connect(&self.path)?;
        configure(&mut connection)?;
        // `wal::secure` has run.
        wal::checkpoint_on_close(&connection)?;
        self.connection = connection;
        Ok(())
    }

    /// Reads the sealed ballot in this row.
    pub(super) fn sealed(&self, row: BallotRow) -> rusqlite::Result<Vec<u8>> {
        self.connection
            .prepare_cached("SELECT sealed FROM ballots WHERE id = ?1")?
            .query_row([row.get() as i64], |row| row.get(0))
    }
}

/// Removes what is left of an unfinished copy to `path`: of an earlier format, its ballots are not
/// sealed.
pub(super) fn remove_part(path: &Path) -> io::Result<()> {
    let part = beside(path, PART);
    for file in [beside(&part, "-journal"), part] {
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Sets how the file is written, and secures its WAL.
fn prepare(
    connection: &mut Connection,
    path: &Path,
    rewrite: impl FnOnce(&Path) -> io::Result<()>,
) -> rusqlite::Result<()> {
    configure(connection)?;
    wal::secure(connection, path, rewrite)
}

/// The guard of an open ledger.
fn guard(directory: &Path, path: &Path) -> io::Result<Guard> {
    // SQLite resolves symbolic links first.
    let file = path.canonicalize()?;
    let others = [directory.join(LOCK_NAME), beside(&file, "-shm")];
    Guard::new(path.to_owned(), beside(&file, "-wal"), others)
}

/// The machine's time.
pub(super) fn now() -> Timestamp {
    crate::ledger::system_clock()()
}

/// Refuses a directory without a ledger.
pub(super) fn check_exists(directory: &Path) -> Result<(), OpenError> {
    let path = directory.join(FILE_NAME);
    check_kind(&path).map_err(|why| OpenError::Inaccessible { path, why })
}

/// Locks a data directory until the file is dropped.
pub(super) fn lock(directory: &Path) -> Result<File, OpenError> {
    let path = directory.join(LOCK_NAME);
    let inaccessible = |why| OpenError::Inaccessible { path: path.clone(), why };
    let file = private_file(&path).map_err(inaccessible)?;
    hold(&file, directory, &path)?;
    Ok(file)
}

/// Locks a file of a data directory. SQLite's own locks are independent of this one.
fn hold(file: &File, directory: &Path, path: &Path) -> Result<(), OpenError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => OpenError::InUse(directory.to_owned()),
        TryLockError::Error(why) => OpenError::Inaccessible { path: path.to_owned(), why },
    })
}

/// Opens a file that only its owner may read, or creates it.
fn private_file(path: &Path) -> io::Result<File> {
    if path.exists() {
        check_kind(path)?;
    }
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

pub(super) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_WAIT_MAX)?;
    wal::keep(&connection)?;
    // On macOS a plain fsync leaves data in the drive's cache; elsewhere these do nothing.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    Ok(connection)
}

/// Sets how the file is written.
fn configure(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    wal::limit(connection)?;
    // Overwrites deleted rows: the ballots of an earlier format are deleted when they are sealed.
    connection.pragma_update(None, "secure_delete", true)
}

/// An error of SQLite as an error about the file that was opened or read.
pub(super) fn open_error(path: &Path, error: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => {
            OpenError::Foreign { path, why: "it is not a SQLite file".into() }
        }
        Some(ErrorCode::DatabaseCorrupt) | None => {
            OpenError::Damaged { path, what: error.to_string() }
        }
        Some(_) => OpenError::Inaccessible { path, why: io::Error::other(error) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::sqlite::format::pragma;

    #[test]
    fn every_commit_is_synced() {
        let directory = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let file = LedgerFile::open(directory.path(), wal::rewrite).unwrap();
            let text = |name| {
                file.connection.pragma_query_value(None, name, |row| row.get::<_, String>(0))
            };
            assert_eq!(text("journal_mode").unwrap(), "wal");
            // 2 is FULL: in WAL mode, a sync of the WAL after every commit.
            assert_eq!(pragma(&file.connection, "synchronous").unwrap(), 2);
        }
    }
}
