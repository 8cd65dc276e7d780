//! Backup and restore of a ledger's file.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempPath;

use super::file::{FILE_NAME, check_format, create_directory, lock, open_error};
use super::replay::replay_with;
use crate::ledger::OpenError;
use crate::private_file::parent;

/// Copies the ledger in a data directory to the new file `copy`, which only its owner can read.
///
/// A server may use the ledger at the same time: the copy is of one moment. It is verified before
/// it gets its name. `progress` gets the phase, the units done, and the units in all: pages, then
/// entries of the hash chain.
///
/// # Errors
/// [`OpenError`] if there is no ledger, it is damaged, or `copy` exists or cannot be written.
pub fn backup(
    directory: &Path,
    copy: &Path,
    progress: &mut dyn FnMut(CopyPhase, u64, u64),
) -> Result<(), OpenError> {
    copy_ledger(&directory.join(FILE_NAME), copy, progress)
}

/// A phase of copying a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyPhase {
    /// Copying pages.
    Pages,
    /// Verifying the entries of the copy.
    Entries,
}

/// Pages copied between two reports of progress.
const STEP_PAGES: i32 = 4_096;

/// Copies the ledger in the file `copy` to a data directory, and creates that if it is missing.
/// `progress` is as with [`backup`].
///
/// # Errors
/// [`OpenError`] if `copy` is not a ledger or is damaged, or if the directory has a ledger, is in
/// use, or cannot be written.
pub fn restore(
    copy: &Path,
    directory: &Path,
    progress: &mut dyn FnMut(CopyPhase, u64, u64),
) -> Result<(), OpenError> {
    let inaccessible = |why| OpenError::Inaccessible { path: directory.to_owned(), why };
    create_directory(directory).map_err(inaccessible)?;
    let _lock = lock(directory)?;
    // SQLite would apply the WAL of an earlier ledger to this one.
    for rest in ["-wal", "-shm", "-journal"] {
        let path = directory.join(format!("{FILE_NAME}{rest}"));
        if path.symlink_metadata().is_ok() {
            let why = "it is left from another ledger; move it away first";
            let why = io::Error::new(io::ErrorKind::AlreadyExists, why);
            return Err(OpenError::Inaccessible { path, why });
        }
    }
    copy_ledger(copy, &directory.join(FILE_NAME), progress)
}

fn copy_ledger(
    from: &Path,
    to: &Path,
    progress: &mut dyn FnMut(CopyPhase, u64, u64),
) -> Result<(), OpenError> {
    let inaccessible = |why| OpenError::Inaccessible { path: to.to_owned(), why };
    if to.symlink_metadata().is_ok() {
        let exists = "there is a file of that name; it is not overwritten";
        return Err(inaccessible(io::Error::new(io::ErrorKind::AlreadyExists, exists)));
    }
    let partial = PartialCopy::create(to).map_err(inaccessible)?;

    let unreadable = |error| open_error(from, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(from, flags).map_err(unreadable)?;
    check_format(&source, from)?;
    let unwritable = |error| open_error(to, error);
    let mut target = Connection::open(&partial.path).map_err(unwritable)?;
    // A read transaction sees the ledger at one moment.
    let begun = source.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema");
    begun.map_err(unreadable)?;
    let copied = copy_pages(&source, &mut target, progress);
    match copied.map_err(unwritable)? {
        StepResult::Done => {}
        step => {
            let why = format!("it cannot be copied at this moment ({step:?}); try again");
            return Err(OpenError::Inaccessible {
                path: from.to_owned(),
                why: io::Error::other(why),
            });
        }
    }
    source.execute_batch("COMMIT").map_err(unreadable)?;
    // A copy is one file, without a WAL.
    target.pragma_update(None, "journal_mode", "DELETE").map_err(unwritable)?;
    replay_with(&target, from, &mut |done, all| progress(CopyPhase::Entries, done, all))?;
    drop(target);

    partial.finish(to).map_err(inaccessible)?;
    File::open(parent(to)).and_then(|it| it.sync_all()).map_err(inaccessible)
}

fn copy_pages(
    source: &Connection,
    target: &mut Connection,
    progress: &mut dyn FnMut(CopyPhase, u64, u64),
) -> rusqlite::Result<StepResult> {
    let backup = Backup::new(source, target)?;
    loop {
        let step = backup.step(STEP_PAGES)?;
        let pages = backup.progress();
        let (all, left) = (pages.pagecount.max(0) as u64, pages.remaining.max(0) as u64);
        progress(CopyPhase::Pages, all.saturating_sub(left), all);
        if step != StepResult::More {
            return Ok(step);
        }
    }
}

const IN_PROGRESS: &str = "another program is making this copy";

/// An unfinished copy. Its name depends only on that of the copy, so a later try removes what a
/// killed one left.
struct PartialCopy {
    file: File,
    path: TempPath,
}

impl PartialCopy {
    fn create(to: &Path) -> io::Result<Self> {
        let mut name = to.as_os_str().to_owned();
        name.push(".capvote-part");
        let path = PathBuf::from(name);
        if let Ok(earlier) = File::open(&path) {
            lock_copy(&earlier)?;
            std::fs::remove_file(&path)?;
        }
        let file = new_private_file(&path)?;
        lock_copy(&file)?;
        // Another program may have removed it before it was locked.
        if path.metadata()?.ino() != file.metadata()?.ino() {
            return Err(io::Error::other(IN_PROGRESS));
        }
        Ok(Self { file, path: TempPath::try_from_path(path)? })
    }

    fn finish(self, to: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        self.path.persist_noclobber(to).map_err(|error| error.error)
    }
}

/// Keeps other copies away. SQLite's own locks are independent of this one.
fn lock_copy(file: &File) -> io::Result<()> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => io::Error::other(IN_PROGRESS),
        TryLockError::Error(error) => error,
    })
}

fn new_private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}
