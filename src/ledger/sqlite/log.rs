//! The log beside the file, which has what was committed until that is copied into the file.
//!
//! A server that did not end well may have left a log of which a part can be read and is not on the disk: after a sync that
//! failed, the operating system takes what it could not write for written. A power cut would leave the part before that
//! hole, and SQLite would take it for the whole log. So the log is on the disk as it is read before anything is made of it.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::ffi::{SQLITE_BUSY, SQLITE_IOERR};
use rusqlite::{Connection, TransactionBehavior};

/// How much of a log is written again at a time.
const PIECE_BYTES: usize = 1 << 20;

/// Leaves the log of a connection that ends before it was [secured](secure) as it is. SQLite would else copy it into the
/// file at the end.
pub(super) fn leave(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map(drop)
}

/// Sees to it that the log of a ledger's `file` is on the disk as it is read, and then that it is empty. `rewrite` is
/// [`rewrite`].
pub(super) fn secure(
    connection: &mut Connection,
    file: &Path,
    rewrite: impl FnOnce(&Path) -> io::Result<()>,
) -> rusqlite::Result<()> {
    let log = log_of(file).map_err(|error| failed(SQLITE_IOERR, file, &error))?;
    let length = match log.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        log_file => log_file.map_err(|error| failed(SQLITE_IOERR, &log, &error))?.len(),
    };
    if length > 0 {
        // Nobody writes to the log meanwhile. (SQLite locks other files than the log: to open and close it does no harm.)
        let alone = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        rewrite(&log).map_err(|error| failed(SQLITE_IOERR, &log, &error))?;
        alone.rollback()?;
    }
    if !empty(connection)? {
        return Err(failed(SQLITE_BUSY, file, &"another program reads it"));
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map(drop)
}

/// Writes a file over itself, byte for byte, and syncs it.
pub(super) fn rewrite(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut piece = vec![0; PIECE_BYTES];
    let mut offset = 0;
    loop {
        let length = file.read_at(&mut piece, offset)?;
        let (read, _) = piece.split_at(length);
        if read.is_empty() {
            return file.sync_all();
        }
        file.write_all_at(read, offset)?;
        offset += length as u64;
    }
}

/// Copies the log into the file and empties it. Returns whether that is done, which it is not while another program reads
/// an older state for longer than the connection waits.
pub(super) fn empty(connection: &Connection) -> rusqlite::Result<bool> {
    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    connection.query_row(checkpoint, [], |row| row.get::<_, bool>(0)).map(|busy| !busy)
}

/// Where SQLite has the log: beside the file, also where `file` is a link to it.
fn log_of(file: &Path) -> io::Result<PathBuf> {
    let mut log = file.canonicalize()?.into_os_string();
    log.push("-wal");
    Ok(log.into())
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
    fn the_log_is_found_behind_a_link_and_under_a_name_that_is_no_text() {
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join(OsStr::from_bytes(b"l\xffdger"));
        let link = folder.path().join("link");
        symlink(&odd, &link).unwrap();
        for name in [&odd, &link] {
            let connection = Connection::open(name).unwrap();
            leave(&connection).unwrap();
            let begin = "PRAGMA journal_mode = wal; CREATE TABLE IF NOT EXISTS t (n); INSERT INTO t VALUES (1);";
            connection.execute_batch(begin).unwrap();
            drop(connection);
            let mut found = None;
            let mut connection = Connection::open(name).unwrap();
            let note = |log: &Path| {
                found = Some((log.to_owned(), fs::read(log)?.len()));
                rewrite(log)
            };
            secure(&mut connection, name, note).unwrap();
            let (log, length) = found.unwrap();
            assert_eq!(log.as_os_str().as_bytes(), [odd.as_os_str().as_bytes(), b"-wal"].concat());
            assert!(length > 0);
            assert_eq!(log.metadata().unwrap().len(), 0);
        }
    }
}
