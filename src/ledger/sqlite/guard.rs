//! The guard: whether the files at their paths are the ones that are open.
//!
//! A file that was removed or moved while it is open can still be written, and what is written is
//! lost. So the paths are compared with the open files before a commit is acknowledged.

use std::cell::Cell;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// The lock and SQLite's index are looked at once in so many checks. Without them nothing is lost
/// yet, and a second server is kept out by the lock on the ledger's file.
const OTHERS_ONCE_IN: u32 = 16;

/// The files of an open ledger.
#[derive(Debug)]
pub(super) struct Guard {
    file: Watched,
    wal: Watched,
    others: Vec<Watched>,
    checks: Cell<u32>,
}

/// A path, and the file that was there when it was opened.
#[derive(Debug)]
struct Watched {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Guard {
    /// Watches the ledger's file, its WAL and other files, which are open.
    pub(super) fn new(
        file: PathBuf,
        wal: PathBuf,
        others: impl IntoIterator<Item = PathBuf>,
    ) -> io::Result<Self> {
        let others = others.into_iter().map(Watched::new).collect::<io::Result<_>>()?;
        let (file, wal) = (Watched::new(file)?, Watched::new(wal)?);
        Ok(Self { file, wal, others, checks: Cell::new(0) })
    }

    /// Checks that the ledger's file and its WAL are at their paths, and from time to time the
    /// others. Returns the length of the WAL.
    ///
    /// # Errors
    /// Which file is not.
    pub(super) fn check(&self) -> Result<u64, String> {
        let checks = self.checks.get().wrapping_add(1);
        self.checks.set(checks);
        self.file.check()?;
        if checks.is_multiple_of(OTHERS_ONCE_IN) {
            self.others.iter().try_for_each(|file| file.check().map(drop))?;
        }
        self.wal.check().map(|metadata| metadata.len())
    }
}

impl Watched {
    fn new(path: PathBuf) -> io::Result<Self> {
        let metadata = path.metadata()?;
        Ok(Self { device: metadata.dev(), inode: metadata.ino(), path })
    }

    fn check(&self) -> Result<Metadata, String> {
        match self.path.metadata() {
            Ok(found) if (found.dev(), found.ino()) == (self.device, self.inode) => Ok(found),
            Ok(_) => Err(format!(
                "another file is in the place of {}, which was moved or removed while the server \
                 used it",
                self.path.display()
            )),
            Err(error) => {
                Err(format!("{} is not where the server opened it: {error}", self.path.display()))
            }
        }
    }
}
