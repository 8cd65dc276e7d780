//! Backup and restore of a ledger's file.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempPath;

use super::elections::Elections;
use super::epochs::{self, Epoch};
use super::file::{FILE_NAME, PART, lock, now, open_error, remove_part};
use super::format::{FORMAT, MARKED_FORMAT, check_format, upgrade, user_version};
use super::mark::{Mark, Position};
use super::replay::{Opening, replay_with};
use super::restore::{RestoreReport, begin_epoch};
use super::whole::{self, draw_identity};
use crate::election::Timestamp;
use crate::ledger::OpenError;
use crate::ledger::keys::Keys;
use crate::private_file::{beside, check_kind, create_directory, sync_parent};

/// Copies the ledger in a data directory to the new file `copy`, which only its owner can read.
///
/// A server may use the ledger at the same time: the copy is of one moment. It is verified before
/// it gets its name. With `with_keys`, the keys of the elections that are not closed go into a file
/// beside it, with `.keys` after its name: whoever has both can read who chose what, also after the
/// close. Without, the keys have to be kept elsewhere, or the ballots of those elections cannot be
/// counted. `progress` gets the phase, the units done, and the units in all: pages, then
/// entries of the hash chain.
///
/// # Errors
/// [`OpenError`] if there is no ledger, it is damaged, or one of the two files exists or cannot be
/// written; [`OpenError::Refused`] if a key is missing that has to be copied.
pub fn backup(
    directory: &Path,
    copy: &Path,
    with_keys: bool,
    progress: &mut dyn FnMut(CopyPhase, u64, u64),
) -> Result<(), OpenError> {
    let from = directory.join(FILE_NAME);
    let keys = Keys::of(directory);
    Mark::check_here(directory)?;
    let keys_copy = keys_beside(copy);
    // A restore would take the keys of an earlier copy for those of this one.
    check_absent(&keys_copy)?;
    let mark_backup = |target: &mut Connection, progress: &mut Progress<'_>| {
        let unwritable = |error| open_error(copy, error);
        let insert = "INSERT OR REPLACE INTO backup (taken) VALUES (?1)";
        target.execute(insert, [now().0.cast_signed()]).map_err(unwritable)?;
        let progress = &mut |done, all| progress(CopyPhase::Entries, done, all);
        // The server may close an election meanwhile.
        let opening = Opening { keys: &keys, makes_keys: false, accepts_missing: true };
        let elections = replay_with(target, &from, opening, progress)?;
        if with_keys {
            check_keys(&elections, &keys)?;
            let failed = |why| OpenError::Inaccessible { path: keys_copy.clone(), why };
            let mut partial = PartialCopy::create(&keys_copy).map_err(failed)?;
            Keys::copy(elections.keys(), &mut partial.file).map_err(failed)?;
            partial.finish(&keys_copy).map_err(failed)?;
        }
        Ok(())
    };
    copy_ledger(&from, copy, None, progress, mark_backup)
}

/// Refuses to copy the keys if one is missing: it is lost, or was destroyed at a close since the
/// ledger was copied.
fn check_keys(elections: &Elections, keys: &Keys) -> Result<(), OpenError> {
    let Some(lost) = elections.list.iter().find(|it| it.is_unreadable()) else { return Ok(()) };
    let owner = lost.owner(elections.origin.ledger);
    Err(OpenError::Refused {
        path: keys.path(&owner),
        why: format!(
            "the key of election {} is missing: if it was closed a moment ago, try again; else put \
             the file back there, or make a backup without keys",
            owner.election
        ),
    })
}

/// The file of the keys that belong to a backup.
fn keys_beside(copy: &Path) -> PathBuf {
    beside(copy, ".keys")
}

/// Gets the progress of a copy.
type Progress<'a> = dyn FnMut(CopyPhase, u64, u64) + 'a;

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

/// What a restore accepts.
#[derive(Debug, Clone, Copy, Default)]
pub struct RestoreOptions {
    /// Any copy of a ledger, and not only a backup.
    pub accept_copy: bool,
    /// Elections with ballots and without their keys. Nobody can count them: they are never
    /// confirmed.
    pub without_keys: bool,
}

/// Copies the backup in the file `copy` to a data directory, and creates that if it is missing. The
/// ledger begins a new epoch, in which elections that are not closed wait for an officer's
/// confirmation. Their keys are those that were copied with the backup, or are in the directory.
/// `progress` is as with [`backup`].
///
/// # Errors
/// [`OpenError`] if `copy` is not a backup or is damaged, or if the directory has a ledger or the
/// mark of another one, is in use, or cannot be written; or if a key is missing.
pub fn restore(
    copy: &Path,
    directory: &Path,
    options: RestoreOptions,
    progress: &mut dyn FnMut(CopyPhase, u64, u64),
) -> Result<RestoreReport, OpenError> {
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
    let marked = Mark::read(directory)?;
    let keys = Keys::with_copied(directory, &keys_beside(copy))?;
    copy_ledger(copy, &directory.join(FILE_NAME), Some(&keys), progress, |target, progress| {
        let taken = check_backup(target, copy, options.accept_copy)?;
        check_mark(target, copy, marked.as_ref())?;
        let progress = &mut |done, all| progress(CopyPhase::Entries, done, all);
        let accepts_missing = options.without_keys;
        let opening = Opening { keys: &keys, makes_keys: true, accepts_missing };
        let elections = replay_with(target, copy, opening, progress)?;
        let begun = begin_epoch(target, &elections, taken, marked.as_ref());
        let (report, position) = begun.map_err(|error| open_error(copy, error))?;
        // Before the ledger has its name: without its mark and its keys, it would not be used.
        Mark::create(directory, &position)?;
        keys.put(elections.keys())?;
        Ok(report)
    })
}

/// Refuses a file that is not a backup, unless `accept_copy` is set. Returns when it was taken.
fn check_backup(
    target: &Connection,
    copy: &Path,
    accept_copy: bool,
) -> Result<Option<Timestamp>, OpenError> {
    let taken = epochs::backup_taken(target).map_err(|error| open_error(copy, error))?;
    if taken.is_none() && !accept_copy {
        let why = "it is not a backup, which `capvote-server backup` makes, but a copy of a \
                   ledger's file: what was committed last may be missing. --accept-copy restores \
                   it nevertheless";
        return Err(OpenError::Refused { path: copy.to_owned(), why: why.into() });
    }
    Ok(taken)
}

/// Refuses to restore in the place of another ledger.
fn check_mark(
    target: &Connection,
    copy: &Path,
    marked: Option<&Position>,
) -> Result<(), OpenError> {
    let found = whole::position(target, FORMAT).map_err(|error| open_error(copy, error))?;
    match marked {
        // A mark without entries is of a ledger in which nothing happened.
        Some(marked) if marked.ledger != found.ledger && marked.entry > 0 => {
            Err(OpenError::Refused {
                path: copy.to_owned(),
                why: format!(
                    "it is of ledger {}, and ledger.mark in the data directory is of ledger {}; \
                     move that away first",
                    found.ledger, marked.ledger
                ),
            })
        }
        _ => Ok(()),
    }
}

/// Copies a ledger. `upgrading` has the keys of the copy, if it is brought to this format.
fn copy_ledger<T>(
    from: &Path,
    to: &Path,
    upgrading: Option<&Keys>,
    progress: &mut dyn FnMut(CopyPhase, u64, u64),
    finish: impl FnOnce(&mut Connection, &mut Progress<'_>) -> Result<T, OpenError>,
) -> Result<T, OpenError> {
    let inaccessible = |why| OpenError::Inaccessible { path: to.to_owned(), why };
    check_absent(to)?;
    check_kind(from).map_err(|why| OpenError::Inaccessible { path: from.to_owned(), why })?;
    let partial = PartialCopy::create(to).map_err(inaccessible)?;

    let unreadable = |error| open_error(from, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(from, flags).map_err(unreadable)?;
    if check_format(&source, from)? < FORMAT && upgrading.is_none() {
        let why = "its format is of an earlier version: start the server once, which brings it to \
                   this one with its ballots sealed, and try again";
        return Err(OpenError::Refused { path: from.to_owned(), why: why.into() });
    }
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
    let journal = target.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0));
    let was_copy = journal.map_err(unwritable)? == "delete";
    // A copy is one file, without a WAL.
    target.pragma_update(None, "journal_mode", "DELETE").map_err(unwritable)?;
    if let Some(keys) = upgrading {
        upgrade_copy(&mut target, to, keys, was_copy)?;
    }
    let finished = finish(&mut target, progress)?;
    drop(target);

    partial.finish(to).map_err(inaccessible)?;
    sync_parent(to).map_err(inaccessible)?;
    Ok(finished)
}

/// Refuses to write a file that is there.
fn check_absent(path: &Path) -> Result<(), OpenError> {
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    let exists = "there is a file of that name; it is not overwritten";
    let why = io::Error::new(io::ErrorKind::AlreadyExists, exists);
    Err(OpenError::Inaccessible { path: path.to_owned(), why })
}

/// Brings a copy to the current format. A backup of format 1 has no mark that it is one, but unlike
/// a ledger it was not in WAL mode: `was_copy`.
fn upgrade_copy(
    target: &mut Connection,
    to: &Path,
    keys: &Keys,
    was_copy: bool,
) -> Result<(), OpenError> {
    let unwritable = |error| open_error(to, error);
    let format = user_version(target).map_err(unwritable)?;
    let ledger = match format {
        FORMAT.. => return Ok(()),
        MARKED_FORMAT.. => whole::position(target, format).map_err(unwritable)?.ledger,
        _ => draw_identity(to)?,
    };
    upgrade(target, to, keys, &Epoch::first(ledger, now()))?;
    if was_copy && format < MARKED_FORMAT {
        // When it was taken is not known.
        target.execute("INSERT INTO backup (taken) VALUES (0)", []).map_err(unwritable)?;
    }
    Ok(())
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
pub(super) struct PartialCopy {
    file: File,
    path: TempPath,
}

impl PartialCopy {
    pub(super) fn create(to: &Path) -> io::Result<Self> {
        let path = beside(to, PART);
        if check_kind(&path).is_ok() {
            let earlier = File::open(&path)?;
            lock_copy(&earlier)?;
            remove_part(to)?;
        }
        let file = new_private_file(&path)?;
        lock_copy(&file)?;
        // Another program may have removed it before it was locked.
        if path.metadata()?.ino() != file.metadata()?.ino() {
            return Err(io::Error::other(IN_PROGRESS));
        }
        Ok(Self { file, path: TempPath::try_from_path(path)? })
    }

    #[cfg(feature = "postgres")]
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    #[cfg(feature = "postgres")]
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// Puts what is synced in the place of a file that is there.
    #[cfg(feature = "postgres")]
    pub(super) fn replace(self, to: &Path) -> io::Result<()> {
        self.path.persist(to).map_err(|error| error.error)
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
