//! The log beside the file, which has what was committed until that is copied into the file.
//!
//! A server that did not end well may have left a log of which a part can be read and is not on the disk: after a sync that
//! failed, the operating system takes what it could not write for written. A power cut would leave the part before that
//! hole, and SQLite would take it for the whole log. So the log is on the disk as it is read before anything is made of it.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, TransactionBehavior};

/// How much of a log is written again at a time.
const PIECE_BYTES: usize = 1 << 20;

/// Sees to it that the log of a ledger's file is on the disk as it is read, and then that it is empty. `rewrite` is
/// [`rewrite`].
pub(super) fn secure(
    connection: &mut Connection,
    file: &Path,
    rewrite: impl FnOnce(&Path) -> io::Result<()>,
) -> rusqlite::Result<()> {
    let log = log_of(file);
    if log.metadata().is_ok_and(|log| log.len() > 0) {
        // Nobody writes to the log meanwhile. (SQLite locks other files than the log: to open and close it does no harm.)
        let alone = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        rewrite(&log).map_err(|error| failed(rusqlite::ffi::SQLITE_IOERR, &log, &error))?;
        alone.rollback()?;
    }
    if !empty(connection)? {
        return Err(failed(rusqlite::ffi::SQLITE_BUSY, file, &"another program reads it"));
    }
    Ok(())
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

fn log_of(file: &Path) -> PathBuf {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

fn failed(code: i32, path: &Path, why: &dyn std::fmt::Display) -> rusqlite::Error {
    let why = format!("{}: {why}", path.display());
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), Some(why))
}
