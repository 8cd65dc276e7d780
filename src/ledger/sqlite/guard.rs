//! The guard: whether the files at their paths are the ones that are open.
//!
//! A file that was removed or moved while it is open can still be written, and what is written is
//! lost. So the paths are compared with the open files before a commit is acknowledged.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The files of an open ledger.
#[derive(Debug)]
pub(super) struct Guard {
    wal: Watched,
    others: Vec<Watched>,
}

/// A path, and the file that was there when it was opened.
#[derive(Debug)]
struct Watched {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Guard {
    /// Watches the WAL and other files, which are open.
    pub(super) fn new(wal: PathBuf, others: impl IntoIterator<Item = PathBuf>) -> io::Result<Self> {
        let others = others.into_iter().map(Watched::new).collect::<io::Result<_>>()?;
        Ok(Self { wal: Watched::new(wal)?, others })
    }

    /// Checks that each file is at its path. Returns the length of the WAL.
    ///
    /// # Errors
    /// Which file is not.
    pub(super) fn check(&self) -> Result<u64, String> {
        for file in &self.others {
            file.check()?;
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

/// The name of a file that SQLite keeps beside a database.
pub(super) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
