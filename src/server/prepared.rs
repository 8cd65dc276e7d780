//! Acts of a start that wait to be stored.

use std::path::{Path, PathBuf};

use crate::ledger::Act;

/// Acts to store, and the file with their secrets. The file is written first: a server killed in
/// between leaves a file that the next start replaces, but never an election without its numbers or
/// a grant without its link.
pub(super) struct Prepared {
    pub(super) acts: Vec<Act>,
    pub(super) file: PathBuf,
    /// Logs that the acts are stored.
    pub(super) log: fn(&Path),
}
