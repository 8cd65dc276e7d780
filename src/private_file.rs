//! Files with secrets (links, voter numbers, receipts): created readable by their owner only,
//! synced, and put in place atomically.

use std::fs::{DirBuilder, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// How the names of temporary files begin. A process that is killed may leave one.
const UNFINISHED: &str = ".capvote-";

/// A temporary file, readable by its owner only, in the directory of its destination. It is removed
/// on drop unless [`replace`](Self::replace) or [`put`](Self::put) succeeded.
#[derive(Debug)]
pub struct PrivateFile {
    file: NamedTempFile,
    path: PathBuf,
}

impl PrivateFile {
    /// Creates a temporary file with the destination `path`.
    ///
    /// # Errors
    /// Where no file can be created in the parent directory of `path`.
    pub fn begin(path: &Path) -> io::Result<Self> {
        let folder = parent(path);
        let file =
            tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder).map_err(|error| {
                let kind = error.kind();
                let folder = folder.display();
                io::Error::new(
                    kind,
                    match kind {
                        io::ErrorKind::NotFound => format!("there is no folder {folder}"),
                        _ => format!("no file can be created in the folder {folder}: {kind}"),
                    },
                )
            })?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Syncs the file and moves it to its destination, replacing a file that is there.
    ///
    /// # Errors
    /// Where the file cannot be stored. The old one remains, unless only the directory sync failed.
    pub fn replace(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        self.file.persist(&self.path)?;
        sync_parent(&self.path)
    }

    /// Syncs the file and moves it to its destination, which must not exist.
    ///
    /// # Errors
    /// Where the destination exists, or the file cannot be stored.
    pub fn put(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        self.file.persist_noclobber(&self.path)?;
        sync_parent(&self.path)
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

/// Whether a file with this path may be one that a killed process has not put in place.
pub(crate) fn is_unfinished(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(UNFINISHED))
}

/// Writes a file at `path` by calling `content`, replacing a file that is there.
///
/// # Errors
/// Those of [`PrivateFile::begin`] and [`PrivateFile::replace`]; and that of `content`, after which
/// the old file remains.
pub fn write(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<PrivateFile>) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = BufWriter::new(PrivateFile::begin(path)?);
    content(&mut file)?;
    file.into_inner()?.replace()
}

/// The error for a folder that is something else, or a symbolic link to nothing.
pub(crate) fn not_directory() -> io::Error {
    io::Error::new(io::ErrorKind::NotADirectory, "it is not a directory")
}

/// Creates a directory that only its owner can enter, and its parents, and syncs their names.
///
/// # Errors
/// Where there is something else, or it cannot be created.
pub(crate) fn create_directory(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    if directory.symlink_metadata().is_ok() {
        return Err(not_directory());
    }
    let parent = parent(directory);
    create_directory(parent)?;
    match DirBuilder::new().mode(0o700).create(directory) {
        // Somebody else was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => {}
        made => made?,
    }
    File::open(parent)?.sync_all()
}

/// Refuses what is neither a file nor a folder: to open a pipe, or to read it, may never end.
///
/// # Errors
/// Where there is nothing at `path`, or something else.
pub fn check_kind(path: &Path) -> io::Result<()> {
    let found = path.metadata()?;
    if found.is_file() || found.is_dir() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
}

/// Reads a file that [`check_kind`] does not refuse.
///
/// # Errors
/// Where it cannot be read.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    check_kind(path)?;
    std::fs::read(path)
}

/// As [`read`], in UTF-8.
///
/// # Errors
/// Where it cannot be read, or is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    check_kind(path)?;
    std::fs::read_to_string(path)
}

/// The permissions of a file, if some of `bits` are set: [`OTHERS`] for what others than its owner
/// may do. `None` where there is no file.
///
/// # Errors
/// Where they cannot be read.
pub fn exposed(path: &Path, bits: u32) -> io::Result<Option<u32>> {
    match path.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        metadata => {
            let mode = metadata?.permissions().mode() & 0o7777;
            Ok((mode & bits != 0).then_some(mode))
        }
    }
}

/// The permissions of all others than the owner and the group. A file that a server's user has to
/// read may be readable by its group: `LoadCredential=` of systemd and the group ssl-cert of Debian
/// need that.
pub const ALL_OTHERS: u32 = 0o007;

/// The permissions of a file that others than its owner have.
pub const OTHERS: u32 = 0o077;

/// The directory that contains `path`: `.` for a bare file name.
pub fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// `path` with `suffix` after its name.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Makes the name `path` durable.
///
/// # Errors
/// Where its directory cannot be synced.
pub fn sync_parent(path: &Path) -> io::Result<()> {
    File::open(parent(path))?.sync_all()
}
