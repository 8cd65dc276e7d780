//! Copies of a ledger: made while a server runs, checked, and put back.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempPath;

use super::file::{FILE_NAME, check_format, lock, make_directory, open_error};
use super::replay::replay_with;
use crate::ledger::OpenError;
use crate::private_file::parent;

/// Copies the ledger in the folder `directory` to the new file `copy`, which only its owner can read. A
/// server may use the ledger at the same time: the copy is of one moment. It is read back and checked
/// before it gets its name.
///
/// `progress` is told now and then how much is done, and of how much: of the copying, and then of the checking.
///
/// # Errors
/// Where there is no ledger, it is damaged, or the file is there already or cannot be written.
pub fn backup(
    directory: &Path,
    copy: &Path,
    progress: &mut dyn FnMut(Copying, u64, u64),
) -> Result<(), OpenError> {
    copy_ledger(&directory.join(FILE_NAME), copy, progress)
}

/// What a copy is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copying {
    /// Pages are copied.
    Pages,
    /// The entries of the copy are read back and checked.
    Entries,
}

/// The pages that are copied between two tellings of the progress.
const STEP_PAGES: i32 = 4_096;

/// Puts the ledger in the file `copy` into the folder `directory`, which must not have one. It is checked
/// first. `progress` is as with [`backup`].
///
/// # Errors
/// Where the copy is no ledger or is damaged, the folder has a ledger or is in use, or it cannot be written.
pub fn restore(
    copy: &Path,
    directory: &Path,
    progress: &mut dyn FnMut(Copying, u64, u64),
) -> Result<(), OpenError> {
    let inaccessible = |why| OpenError::Inaccessible { path: directory.to_owned(), why };
    make_directory(directory).map_err(inaccessible)?;
    let _lock = lock(directory)?;
    // SQLite would take the log of a ledger that was here before for the log of this one.
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
    progress: &mut dyn FnMut(Copying, u64, u64),
) -> Result<(), OpenError> {
    let inaccessible = |why| OpenError::Inaccessible { path: to.to_owned(), why };
    if to.symlink_metadata().is_ok() {
        let exists = "there is a file of that name; it is not overwritten";
        return Err(inaccessible(io::Error::new(io::ErrorKind::AlreadyExists, exists)));
    }
    let folder = parent(to);
    let part = Part::begin(to).map_err(inaccessible)?;

    let unreadable = |error| open_error(from, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(from, flags).map_err(unreadable)?;
    check_format(&source, from)?;
    let unwritable = |error| open_error(to, error);
    let mut target = Connection::open(&part.path).map_err(unwritable)?;
    // What is read in one transaction is of one moment.
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
    // One file: a copy has no log beside it.
    target.pragma_update(None, "journal_mode", "DELETE").map_err(unwritable)?;
    replay_with(&target, from, &mut |done, all| progress(Copying::Entries, done, all))?;
    drop(target);

    part.finish(to).map_err(inaccessible)?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(inaccessible)
}

fn copy_pages(
    source: &Connection,
    target: &mut Connection,
    progress: &mut dyn FnMut(Copying, u64, u64),
) -> rusqlite::Result<StepResult> {
    let backup = Backup::new(source, target)?;
    loop {
        let step = backup.step(STEP_PAGES)?;
        let pages = backup.progress();
        let (all, left) = (pages.pagecount.max(0) as u64, pages.remaining.max(0) as u64);
        progress(Copying::Pages, all.saturating_sub(left), all);
        if step != StepResult::More {
            return Ok(step);
        }
    }
}

const COPYING: &str = "another program is making this copy";

/// A copy that is being made, under a name that a later try finds again, so that tries that are killed do
/// not leave more and more of them.
struct Part {
    file: File,
    path: TempPath,
}

impl Part {
    fn begin(to: &Path) -> io::Result<Self> {
        let mut name = to.as_os_str().to_owned();
        name.push(".capvote-part");
        let path = PathBuf::from(name);
        if let Ok(earlier) = File::open(&path) {
            hold(&earlier)?;
            std::fs::remove_file(&path)?;
        }
        let file = new_private_file(&path)?;
        hold(&file)?;
        // Another program may have taken it for what an earlier one left, before it was held.
        if path.metadata()?.ino() != file.metadata()?.ino() {
            return Err(io::Error::other(COPYING));
        }
        Ok(Self { file, path: TempPath::try_from_path(path)? })
    }

    fn finish(self, to: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        self.path.persist_noclobber(to).map_err(|error| error.error)
    }
}

/// Keeps other copiers away. SQLite locks files in another way, and does not notice this.
fn hold(file: &File) -> io::Result<()> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => io::Error::other(COPYING),
        TryLockError::Error(error) => error,
    })
}

fn new_private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}
