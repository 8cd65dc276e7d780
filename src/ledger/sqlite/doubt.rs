//! Which failed writes leave nothing behind.

use rusqlite::ffi;

/// Whether it is certain that a transaction that failed with this error, and was rolled back, has
/// stored nothing, and that the disk is as before.
///
/// A transaction is a run of frames in the WAL, valid from the moment that the last one is written
/// whole. After that, SQLite only syncs the WAL and extends the index of it in shared memory. So an
/// error of any other write, or of a read, comes before: the disk or a quota is full, a file has
/// reached the size that the process may write, or a block cannot be read. The next transaction
/// overwrites what was written. A sync that fails may have lost any of the frames, or none.
pub(super) fn nothing_was_stored(error: &rusqlite::Error) -> bool {
    let Some(error) = error.sqlite_error() else { return false };
    // The lowest byte of an extended code is the code.
    let before_any_write = matches!(
        error.extended_code & 0xff,
        ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED | ffi::SQLITE_FULL
    );
    let before_the_last_frame = matches!(
        error.extended_code,
        ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_READ | ffi::SQLITE_IOERR_SHORT_READ
    );
    before_any_write || before_the_last_frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_write_that_comes_before_the_last_frame_is_certainly_undone() {
        let table = [
            (ffi::SQLITE_BUSY, true),
            (ffi::SQLITE_BUSY_SNAPSHOT, true),
            (ffi::SQLITE_LOCKED, true),
            (ffi::SQLITE_FULL, true),
            (ffi::SQLITE_IOERR_WRITE, true),
            (ffi::SQLITE_IOERR_READ, true),
            (ffi::SQLITE_IOERR_SHORT_READ, true),
            (ffi::SQLITE_IOERR, false),
            (ffi::SQLITE_IOERR_FSYNC, false),
            (ffi::SQLITE_IOERR_DIR_FSYNC, false),
            (ffi::SQLITE_IOERR_SHMSIZE, false),
            (ffi::SQLITE_IOERR_SHMMAP, false),
            (ffi::SQLITE_IOERR_TRUNCATE, false),
            (ffi::SQLITE_NOMEM, false),
            (ffi::SQLITE_CORRUPT, false),
            (ffi::SQLITE_CONSTRAINT_TRIGGER, false),
            (ffi::SQLITE_READONLY_DBMOVED, false),
        ];
        for (code, certain) in table {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            assert_eq!(nothing_was_stored(&error), certain, "{code}: {error}");
        }
        assert!(!nothing_was_stored(&rusqlite::Error::InvalidQuery));
    }
}
