//! Which server this is, for as long as it has its data folder.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use data_encoding::HEXLOWER;

use crate::ledger::OpenError;
use crate::private_file::{self, PrivateFile, create_directory};

/// The file, in the data directory.
const FILE_NAME: &str = "server";

/// The identity of a server, drawn at its first start. It is nothing but a number: whoever knows it
/// may do nothing by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::ledger) struct ServerId([u8; Self::BYTES]);

impl ServerId {
    const BYTES: usize = 16;

    /// The identity that a data directory has. One is drawn and stored durably if it has none.
    pub(in crate::ledger) fn of(directory: &Path) -> Result<Self, OpenError> {
        let path = directory.join(FILE_NAME);
        let failed = |why| OpenError::Inaccessible { path: path.clone(), why };
        let text = match private_file::read_text(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return match Self::put(directory, &path) {
                    // Another handle of this folder was faster.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        Self::of(directory)
                    }
                    put => put.map_err(failed),
                };
            }
            text => text.map_err(failed)?,
        };
        let decoded = HEXLOWER.decode(text.trim_end_matches('\n').as_bytes());
        let id = decoded.ok().and_then(|bytes| bytes.try_into().ok()).map(Self);
        id.ok_or_else(|| OpenError::Refused {
            path,
            why: "it is not the identity of a server, or it is damaged: move it away, and this \
                  server is another one"
                .into(),
        })
    }

    fn put(directory: &Path, path: &Path) -> io::Result<Self> {
        let mut id = Self([0; Self::BYTES]);
        getrandom::fill(&mut id.0).map_err(io::Error::other)?;
        create_directory(directory)?;
        let mut file = PrivateFile::begin(path)?;
        writeln!(file, "{id}")?;
        file.put()?;
        Ok(id)
    }

    pub(in crate::ledger) fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl TryFrom<&[u8]> for ServerId {
    type Error = std::array::TryFromSliceError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_data_folder_is_one_server_for_good() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        let id = ServerId::of(&one).unwrap();
        assert_eq!(ServerId::of(&one).unwrap(), id);
        assert_ne!(ServerId::of(&two).unwrap(), id);
        let path = one.join(FILE_NAME);
        let mode = path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode, std::fs::read_to_string(&path).unwrap()), (0o600, format!("{id}\n")));
        std::fs::write(&path, "a7").unwrap();
        assert!(ServerId::of(&one).is_err());
    }
}
