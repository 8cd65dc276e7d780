//! The folder of the keys in a data directory.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use super::copied::{self, Held};
use super::{BallotKey, Owner, owner_of};
use crate::election::{ElectionId, LedgerId};
use crate::ledger::OpenError;
use crate::private_file::{self, create_directory, is_unfinished, sync_parent};

/// The folder of the keys, in the data directory.
pub(super) const FOLDER_NAME: &str = "keys";

/// The keys of a data directory.
#[derive(Debug, Clone)]
pub(in crate::ledger) struct Keys {
    folder: PathBuf,
    /// During a restore: keys that get their files once everything is verified.
    held: Option<Arc<Mutex<Held>>>,
}

impl Keys {
    pub(in crate::ledger) fn of(directory: &Path) -> Self {
        Self { folder: directory.join(FOLDER_NAME), held: None }
    }

    /// The keys of a data directory and those in the file of a backup's keys, if there is one. None
    /// is stored before [`put`](Self::put).
    pub(in crate::ledger) fn with_copied(
        directory: &Path,
        copied: &Path,
    ) -> Result<Self, OpenError> {
        let held = Some(Arc::new(Mutex::new(copied::read(copied)?)));
        Ok(Self { held, ..Self::of(directory) })
    }

    /// Keys that are made, and not stored before [`put`](Self::put).
    #[cfg(feature = "postgres")]
    pub(in crate::ledger) fn held_back(directory: &Path) -> Self {
        Self { held: Some(Arc::default()), ..Self::of(directory) }
    }

    /// Writes these keys into the file of a backup's keys.
    pub(in crate::ledger) fn copy<'a>(
        keys: impl Iterator<Item = (Owner<'a>, &'a BallotKey)>,
        file: &mut impl Write,
    ) -> io::Result<()> {
        copied::write(keys, file)
    }

    /// The path of a key's file.
    pub(in crate::ledger) fn path(&self, owner: &Owner<'_>) -> PathBuf {
        self.folder.join(format!("{}-{}.key", owner.key, owner.election))
    }

    /// The key of an election, which is made and stored durably if there is none.
    pub(in crate::ledger) fn make(&self, owner: &Owner<'_>) -> Result<BallotKey, OpenError> {
        if let Some(key) = self.read(owner)? {
            return Ok(key);
        }
        let made = BallotKey::draw().and_then(|key| match &self.held {
            Some(held) => {
                with(held, |held| held.insert(name(owner), key.clone()));
                Ok(key)
            }
            None => self.write(owner, &key).map(|()| key),
        });
        made.map_err(|why| OpenError::Inaccessible { path: self.path(owner), why })
    }

    fn write(&self, owner: &Owner<'_>, key: &BallotKey) -> io::Result<()> {
        create_directory(&self.folder)?;
        private_file::write(&self.path(owner), |file| file.write_all(key.line(owner).as_bytes()))
    }

    /// Whether there is a file of an election's key, as far as that can be seen.
    pub(in crate::ledger) fn has(&self, owner: &Owner<'_>) -> bool {
        is_there(&self.path(owner))
    }

    /// Stores a key that has no file.
    pub(in crate::ledger) fn keep(&self, owner: &Owner<'_>, key: &BallotKey) -> io::Result<()> {
        if self.has(owner) { Ok(()) } else { self.write(owner, key) }
    }

    /// The key of an election, if there is one.
    pub(in crate::ledger) fn read(
        &self,
        owner: &Owner<'_>,
    ) -> Result<Option<BallotKey>, OpenError> {
        let stored = self.stored(owner)?;
        let Some(held) = &self.held else { return Ok(stored) };
        let held = with(held, |held| held.get(&name(owner)).cloned());
        match (stored, held) {
            (Some(stored), Some(held)) if !stored.is_same(&held) => Err(OpenError::Refused {
                path: self.path(owner),
                why: format!(
                    "it is another key of election {} than the one that was copied with the \
                     backup: move it away first",
                    owner.election
                ),
            }),
            (stored, held) => Ok(held.or(stored)),
        }
    }

    fn stored(&self, owner: &Owner<'_>) -> Result<Option<BallotKey>, OpenError> {
        let path = self.path(owner);
        let text = match private_file::read_text(&path).map(Zeroizing::new) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(OpenError::Inaccessible { path, why }),
            Ok(text) => text,
        };
        let key = BallotKey::read(&text, owner).ok_or_else(|| OpenError::Refused {
            path,
            why: "it is not the key of this election in this ledger, or it is damaged: put the \
                  right one there, or move this one away if it is another ledger's"
                .into(),
        })?;
        Ok(Some(key))
    }

    /// Stores these keys. The others that are held are forgotten.
    pub(in crate::ledger) fn put<'a>(
        &self,
        keys: impl Iterator<Item = (Owner<'a>, &'a BallotKey)>,
    ) -> Result<(), OpenError> {
        for (owner, key) in keys {
            let kept = self.keep(&owner, key);
            kept.map_err(|why| OpenError::Inaccessible { path: self.path(&owner), why })?;
        }
        Ok(())
    }

    /// Overwrites and removes the key of an election. A disk may keep what was overwritten.
    ///
    /// # Errors
    /// Where the file is still there. One that cannot be overwritten is removed as it is.
    pub(in crate::ledger) fn destroy(&self, owner: &Owner<'_>) -> io::Result<()> {
        destroy_own(&self.path(owner), owner.ledger)
    }

    /// [Destroys](Self::destroy) the keys of all elections of a ledger.
    #[cfg(feature = "postgres")]
    pub(in crate::ledger) fn destroy_all(&self, ledger: LedgerId) -> io::Result<()> {
        destroy_all(&self.folder, "key", ledger)
    }

    /// Removes what killed writes have left. Returns the files that are not keys of these owners.
    pub(in crate::ledger) fn sweep<'a>(
        &self,
        owners: impl Iterator<Item = Owner<'a>>,
    ) -> io::Result<Vec<PathBuf>> {
        let in_use: HashSet<_> = owners.map(|owner| self.path(&owner)).collect();
        let mut others = Vec::new();
        for path in files(&self.folder)? {
            if is_unfinished(&path) {
                destroy(&path)?;
            } else if !in_use.contains(&path) {
                others.push(path);
            }
        }
        others.sort_unstable();
        Ok(others)
    }
}

fn with<T>(held: &Mutex<Held>, change: impl FnOnce(&mut Held) -> T) -> T {
    change(&mut held.lock().unwrap_or_else(PoisonError::into_inner))
}

fn name(owner: &Owner<'_>) -> (LedgerId, i64, ElectionId) {
    (owner.ledger, owner.key, owner.election.clone())
}

/// What is in a folder; nothing if it is not there.
pub(super) fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        files => files?.map(|file| Ok(file?.path())).collect(),
    }
}

/// Whether there is a file, as far as that can be seen.
pub(super) fn is_there(path: &Path) -> bool {
    match path.symlink_metadata().map_err(|error| error.kind()) {
        Ok(_) => true,
        Err(kind) => !matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
    }
}

/// Overwrites and removes a file with a secret, if it is there and not another ledger's.
pub(super) fn destroy_own(path: &Path, ledger: LedgerId) -> io::Result<()> {
    if !is_there(path) {
        return Ok(());
    }
    if let Ok(line) = private_file::read_text(path).map(Zeroizing::new)
        && owner_of(&line).is_some_and(|(of, ..)| of != ledger)
    {
        return Err(io::Error::other(format!(
            "{} is a key of another ledger, and is left there",
            path.display()
        )));
    }
    destroy(path)
}

/// Destroys the secrets of a ledger in the files of a folder whose names end so, and what killed
/// writes have left.
#[cfg(feature = "postgres")]
pub(super) fn destroy_all(folder: &Path, extension: &str, ledger: LedgerId) -> io::Result<()> {
    for path in files(folder)? {
        if is_unfinished(&path) {
            destroy(&path)?;
        } else if path.extension().is_some_and(|it| it == extension) {
            let line = private_file::read_text(&path).map(Zeroizing::new)?;
            if owner_of(&line).is_some_and(|(of, ..)| of == ledger) {
                destroy(&path)?;
            }
        }
    }
    Ok(())
}

/// Overwrites and removes a file.
pub(super) fn destroy(path: &Path) -> io::Result<()> {
    if let Err(error) = overwrite(path) {
        tracing::warn!(
            file = %path.display(), %error, "a key is removed that cannot be overwritten before"
        );
    }
    fs::remove_file(path)?;
    sync_parent(path)
}

fn overwrite(path: &Path) -> io::Result<()> {
    private_file::check_kind(path)?;
    let open = || OpenOptions::new().write(true).open(path);
    let mut file: File = open().or_else(|_| {
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        open()
    })?;
    let length = file.metadata()?.len();
    io::copy(&mut io::Read::take(io::repeat(0), length), &mut file)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::ledger::keys::TAG_BYTES;

    fn board() -> ElectionId {
        "board".parse().unwrap()
    }

    fn owner(election: &ElectionId) -> Owner<'_> {
        Owner { ledger: LedgerId::from([7; 16]), key: 3, election }
    }

    #[test]
    fn a_key_is_found_again_until_it_is_destroyed() {
        let directory = tempfile::tempdir().unwrap();
        let (keys, id) = (Keys::of(directory.path()), board());
        let owner = owner(&id);
        assert!(keys.read(&owner).unwrap().is_none());
        let mut key = keys.make(&owner).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&keys.folder), mode(&keys.path(&owner))), (0o700, 0o600));
        let mut sealed = b"\0\0nonce".to_vec();
        key.seal(5.into(), &mut sealed).unwrap();
        assert_eq!(sealed.len(), 7 + TAG_BYTES);
        let mut again = keys.make(&owner).unwrap();
        let mut twice = b"\0\0nonce".to_vec();
        again.seal(5.into(), &mut twice).unwrap();
        assert_eq!(twice, sealed, "the same ballot is the same bytes");
        let mut other = sealed.clone();
        assert!(!again.open(6.into(), &mut other), "it is another number's");
        assert!(again.open(5.into(), &mut sealed));
        assert_eq!(sealed, b"\0\0nonce");
        keys.destroy(&owner).unwrap();
        keys.destroy(&owner).unwrap();
        assert!(keys.read(&owner).unwrap().is_none());
    }

    #[test]
    fn every_altered_byte_of_a_key_and_of_a_ballot_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let (keys, id) = (Keys::of(directory.path()), board());
        let owner = owner(&id);
        let mut key = keys.make(&owner).unwrap();
        let bytes = std::fs::read(keys.path(&owner)).unwrap();
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            std::fs::write(keys.path(&owner), altered).unwrap();
            assert!(keys.read(&owner).is_err(), "byte {at}");
        }
        let mut sealed = b"a ballot".to_vec();
        key.seal(5.into(), &mut sealed).unwrap();
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert!(!key.open(5.into(), &mut altered), "byte {at}");
        }
        assert!(!key.open(5.into(), &mut vec![0; 15]));
    }
}
