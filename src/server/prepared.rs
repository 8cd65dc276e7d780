//! Acts of a start that wait to be stored.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::ledger::Act;
use crate::private_file::{beside, sync_parent};

/// Acts to store, and the file with their secrets. The file is written first, as
/// [`pending`]: a server killed in between leaves a pending file that the next start
/// replaces or finishes, but never an election without its numbers or a grant without its link. A
/// file under its final name is about something that was stored, and is never replaced.
pub(super) struct Prepared {
    pub(super) acts: Vec<Act>,
    /// The file's final name.
    pub(super) file: PathBuf,
    /// Logs that the acts are stored.
    pub(super) log: fn(&Path),
}

/// The name of a file until what it is about is stored.
pub(super) fn pending(file: &Path) -> PathBuf {
    beside(file, ".pending")
}

/// Gives a pending file its final name, if there is one. A file of that name is not replaced.
pub(super) fn finish(file: &Path) -> io::Result<()> {
    let pending = pending(file);
    if !pending.try_exists()? {
        return Ok(());
    }
    if let Err(error) = std::fs::hard_link(&pending, file) {
        // An earlier start may have been killed before it removed the pending name.
        let same = || Ok::<_, io::Error>(pending.metadata()?.ino() == file.metadata()?.ino());
        if error.kind() != io::ErrorKind::AlreadyExists || !same()? {
            return Err(error);
        }
    }
    std::fs::remove_file(&pending)?;
    sync_parent(file)
}
