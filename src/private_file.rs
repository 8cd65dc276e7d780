//! Files with secrets, such as links, voter numbers and receipts: whole and on stable storage, or not there at all.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file that only its owner can read, while it is written: beside the place where it is to be, and removed again unless it
/// is put there.
#[derive(Debug)]
pub struct PrivateFile {
    file: NamedTempFile,
    path: PathBuf,
}

impl PrivateFile {
    /// Begins a file that is to be at `path`.
    ///
    /// # Errors
    /// Where nothing can be written in the folder of `path`.
    pub fn begin(path: &Path) -> io::Result<Self> {
        Ok(Self { file: NamedTempFile::new_in(parent(path))?, path: path.to_owned() })
    }

    /// Puts it where it is to be, in place of what is there.
    ///
    /// # Errors
    /// Where it cannot be stored. What was there before is there, but where only the folder could not be synced.
    pub fn replace(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        self.file.persist(&self.path)?;
        sync(parent(&self.path))
    }

    /// Puts it where it is to be, if nothing is there.
    ///
    /// # Errors
    /// Where there is something, and where it cannot be stored.
    pub fn put(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        self.file.persist_noclobber(&self.path)?;
        sync(parent(&self.path))
    }
}

impl Write for PrivateFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes what `content` writes to a file at `path`, in place of what is there.
///
/// # Errors
/// As [`PrivateFile::begin`] and [`PrivateFile::replace`], and that of `content`, after which all is as it was.
pub fn write(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<PrivateFile>) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = BufWriter::new(PrivateFile::begin(path)?);
    content(&mut file)?;
    file.into_inner()?.replace()
}

/// The folder that a path is in.
pub fn parent(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
