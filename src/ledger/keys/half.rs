//! Private halves of key pairs. A server has one for each election, under which it keeps the key of
//! the election's ballots, and gets it from others. They lie where keys do that are files, and are
//! destroyed like them.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::folder::{FOLDER_NAME, destroy, destroy_all, destroy_own, files, is_there};
use super::{Owner, line, secret_in};
use crate::election::LedgerId;
use crate::ledger::OpenError;
use crate::private_file::{self, PrivateFile, create_directory, is_unfinished};

/// The first word of a half's line.
const WORD: &str = "capvote-half-1";

/// The length of a half.
pub(in crate::ledger) const HALF_BYTES: usize = 32;

/// A private half.
pub(in crate::ledger) type Half = Zeroizing<[u8; HALF_BYTES]>;

/// The private halves of a data directory.
#[derive(Debug)]
pub(in crate::ledger) struct Halves {
    folder: PathBuf,
}

impl Halves {
    pub(in crate::ledger) fn of(directory: &Path) -> Self {
        Self { folder: directory.join(FOLDER_NAME) }
    }

    fn path(&self, owner: &Owner<'_>) -> PathBuf {
        self.folder.join(format!("{}-{}.half", owner.key, owner.election))
    }

    /// The half of an election. One is drawn and stored durably if there is none.
    pub(in crate::ledger) fn make(&self, owner: &Owner<'_>) -> Result<Half, OpenError> {
        if let Some(half) = self.read(owner)? {
            return Ok(half);
        }
        match self.draw(owner) {
            // Another handle of this folder was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let half = self.read(owner)?;
                half.ok_or_else(|| OpenError::Inaccessible { path: self.path(owner), why: error })
            }
            made => made.map_err(|why| OpenError::Inaccessible { path: self.path(owner), why }),
        }
    }

    fn draw(&self, owner: &Owner<'_>) -> io::Result<Half> {
        let mut half = Half::new([0; HALF_BYTES]);
        getrandom::fill(&mut *half).map_err(io::Error::other)?;
        create_directory(&self.folder)?;
        let mut file = PrivateFile::begin(&self.path(owner))?;
        file.write_all(line(WORD, owner, &*half).as_bytes())?;
        file.put()?;
        Ok(half)
    }

    fn read(&self, owner: &Owner<'_>) -> Result<Option<Half>, OpenError> {
        let path = self.path(owner);
        let text = match private_file::read_text(&path).map(Zeroizing::new) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(OpenError::Inaccessible { path, why }),
            Ok(text) => text,
        };
        let half = secret_in(&text, WORD, owner).ok_or_else(|| OpenError::Refused {
            path,
            why: "it is not this server's half of the key of this election, or it is damaged: \
                  move it away, and another server passes the key on again"
                .into(),
        })?;
        Ok(Some(half))
    }

    /// Whether there is a file of an election's half, as far as that can be seen.
    pub(in crate::ledger) fn has(&self, owner: &Owner<'_>) -> bool {
        is_there(&self.path(owner))
    }

    /// Overwrites and removes the half of an election. A disk may keep what was overwritten.
    ///
    /// # Errors
    /// Where the file is still there. One that cannot be overwritten is removed as it is.
    pub(in crate::ledger) fn destroy(&self, owner: &Owner<'_>) -> io::Result<()> {
        destroy_own(&self.path(owner), owner.ledger)
    }

    /// [Destroys](Self::destroy) the halves of all elections of a ledger.
    pub(in crate::ledger) fn destroy_all(&self, ledger: LedgerId) -> io::Result<()> {
        destroy_all(&self.folder, "half", ledger)
    }

    /// Removes what killed writes have left.
    pub(in crate::ledger) fn sweep(&self) -> io::Result<()> {
        let mut unfinished = files(&self.folder)?.into_iter().filter(|path| is_unfinished(path));
        unfinished.try_for_each(|path| destroy(&path))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::election::ElectionId;

    #[test]
    fn a_half_is_found_again_until_it_is_destroyed() {
        let directory = tempfile::tempdir().unwrap();
        let (halves, id) = (Halves::of(directory.path()), "board".parse::<ElectionId>().unwrap());
        let owner = Owner { ledger: LedgerId::from([7; 16]), key: 3, election: &id };
        let half = halves.make(&owner).unwrap();
        assert_eq!(halves.make(&owner).unwrap(), half);
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&halves.folder), mode(&halves.path(&owner))), (0o700, 0o600));
        let left = halves.folder.join(".capvote-left");
        fs::write(&left, "x").unwrap();
        halves.sweep().unwrap();
        assert!(!left.exists() && halves.has(&owner));
        let other = Owner { ledger: LedgerId::from([8; 16]), ..owner };
        assert!(halves.make(&other).is_err() && halves.destroy(&other).is_err());
        halves.destroy(&owner).unwrap();
        halves.destroy(&owner).unwrap();
        assert!(!halves.has(&owner));
        assert_ne!(halves.make(&owner).unwrap(), half, "another one is drawn");
    }

    #[test]
    fn every_altered_byte_of_a_half_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let (halves, id) = (Halves::of(directory.path()), "board".parse::<ElectionId>().unwrap());
        let owner = Owner { ledger: LedgerId::from([7; 16]), key: 3, election: &id };
        halves.make(&owner).unwrap();
        let bytes = fs::read(halves.path(&owner)).unwrap();
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            fs::write(halves.path(&owner), altered).unwrap();
            assert!(halves.read(&owner).is_err(), "byte {at}");
        }
    }
}
