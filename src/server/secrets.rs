//! The permissions of the data directory and of the files with secrets, before a start.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::officer_link::WRITTEN;
use super::{CertificateFiles, Config, StartError};
use crate::private_file::{ALL_OTHERS, OTHERS, exposed, not_directory};

/// The permissions that let others create files in a directory.
const OTHERS_WRITE: u32 = 0o022;
/// Refuses files with secrets that others than their owner can read or write, and takes from others
/// the permission to enter the data directory, unless it has other files too.
pub(super) fn check(config: &Config) -> Result<(), StartError> {
    check_data(&config.data)?;
    config.certificate.as_ref().map_or(Ok(()), check_key)
}

/// Refuses a key that everybody can read.
pub(super) fn check_key(files: &CertificateFiles) -> Result<(), StartError> {
    refuse(&files.key, ALL_OTHERS, "600")
}

/// Refuses a data directory that is something else, or a symbolic link to nothing.
pub(super) fn check_is_directory(path: &Path) -> Result<(), StartError> {
    if path.is_dir() || path.symlink_metadata().is_err() {
        return Ok(());
    }
    Err(StartError::Permissions { path: path.to_owned(), why: not_directory() })
}

/// As [`check`], for the data directory alone.
pub(super) fn check_data(path: &Path) -> Result<(), StartError> {
    let inaccessible = |why| StartError::Permissions { path: path.to_owned(), why };
    check_is_directory(path)?;
    refuse(path, OTHERS_WRITE, "700")?;
    let mode = exposed(path, OTHERS).map_err(inaccessible)?;
    if mode.is_none() && !path.exists() {
        return Ok(());
    }
    let (mut secrets, mut files) = (0, 0);
    for entry in fs::read_dir(path).map_err(inaccessible)? {
        let entry = entry.map_err(inaccessible)?;
        files += usize::from(![MARK, WRITTEN].iter().any(|name| entry.file_name() == **name));
        if entry.file_name().to_str().is_some_and(is_secret) && entry.path().is_file() {
            secrets += 1;
            refuse(&entry.path(), OTHERS, "600")?;
        }
        if entry.file_name() == KEYS && entry.path().is_dir() {
            secrets += 1;
            check_keys(&entry.path())?;
        }
    }
    if mode.is_none() {
        return Ok(());
    }
    if files > secrets {
        // Others may need what else is in it.
        tracing::warn!(file = %path.display(), "others can enter it, and it has other files");
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(inaccessible)?;
    tracing::warn!(file = %path.display(), "others could enter it; it has mode 700 from here on");
    Ok(())
}

/// Refuses the keys of ballots if others can read them.
fn check_keys(folder: &Path) -> Result<(), StartError> {
    refuse(folder, OTHERS, "700")?;
    let inaccessible = |why| StartError::Permissions { path: folder.to_owned(), why };
    for entry in fs::read_dir(folder).map_err(inaccessible)? {
        refuse(&entry.map_err(inaccessible)?.path(), OTHERS, "600")?;
    }
    Ok(())
}

/// The folder of the keys of ballots.
const KEYS: &str = "keys";

/// How far the ledger was committed, which is no secret.
const MARK: &str = "ledger.mark";

/// Whether a file of this name in the data directory has secrets.
fn is_secret(name: &str) -> bool {
    matches!(name, "lock" | "officer.link" | "tls.pem")
        || name.starts_with("ledger.sqlite")
        || name.ends_with(".numbers.csv")
}

fn refuse(path: &Path, bits: u32, should_be: &'static str) -> Result<(), StartError> {
    match exposed(path, bits) {
        Ok(None) => Ok(()),
        Ok(Some(mode)) => Err(StartError::OpenToOthers { path: path.to_owned(), mode, should_be }),
        // Whoever needs the file reports that it cannot be read.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(()),
        Err(why) => Err(StartError::Permissions { path: path.to_owned(), why }),
    }
}
