//! Files with secrets.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use tempfile::NamedTempFile;

/// Writes a file that only its owner can read, so that it is there whole and on stable storage, or not at
/// all. What was there before is replaced.
pub(super) fn write(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<NamedTempFile>) -> io::Result<()>,
) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = BufWriter::new(NamedTempFile::new_in(directory)?);
    content(&mut file)?;
    file.flush()?;
    let file = file.into_inner()?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    std::fs::File::open(directory)?.sync_all()
}
