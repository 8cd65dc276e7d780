//! The mark: how far the ledger was committed, in a second file.
//!
//! SQLite takes a ledger without its WAL for a whole one. So each commit is noted in the file
//! `ledger.mark`, and a start that finds less in the ledger refuses it. The mark of a commit is
//! written after the commit is synced, so what it says is never more than what was durable. It is
//! synced only when it is created: it is about files that were removed, moved or exchanged, and
//! those have what was written.

use std::fmt::Write;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::election::LedgerId;
use crate::ledger::OpenError;
use crate::private_file;

/// The name of the file in the data directory.
const FILE_NAME: &str = "ledger.mark";

/// The first word of the file.
const WORD: &str = "capvote-mark-1";

/// The first word of the file of a ledger that was moved to a database.
const LEFT_WORD: &str = "capvote-moved-1";

/// Digits of the checksum.
const SUM_DIGITS: usize = 16;

/// How far a ledger was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Position {
    pub(super) ledger: LedgerId,
    pub(super) epoch: u64,
    /// The last entry of the hash chains.
    pub(super) entry: u64,
    /// The votes recorded, in all elections.
    pub(super) votes: u64,
}

/// What the mark of a ledger says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Marked {
    /// It is in the directory, and this far.
    Here(Position),
    /// It was this far when it was moved to the database of this name. Versions that know no such
    /// mark take it for a damaged one, and refuse it too.
    Left(Position, String),
}

/// The file, to be overwritten after each commit.
#[derive(Debug)]
pub(super) struct Mark {
    file: File,
    path: PathBuf,
}

impl Mark {
    /// Reads the mark in a data directory. `None` if there is none.
    ///
    /// # Errors
    /// Where it cannot be read, and [`OpenError::Refused`] if it is of a ledger that was moved.
    pub(super) fn read(directory: &Path) -> Result<Option<Position>, OpenError> {
        match Self::found(directory)? {
            Some(Marked::Here(position)) => Ok(Some(position)),
            None => Ok(None),
            Some(Marked::Left(..)) => Err(left(directory)),
        }
    }

    /// Refuses a ledger that was moved. A mark that cannot be read is for others to refuse.
    pub(super) fn check_here(directory: &Path) -> Result<(), OpenError> {
        match Self::found(directory) {
            Ok(Some(Marked::Left(..))) => Err(left(directory)),
            _ => Ok(()),
        }
    }

    /// What the mark in a data directory says. `None` if there is none.
    pub(super) fn found(directory: &Path) -> Result<Option<Marked>, OpenError> {
        let path = directory.join(FILE_NAME);
        let text = match private_file::read_text(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(|why| OpenError::Inaccessible { path: path.clone(), why })?,
        };
        let marked = parse(&text).ok_or_else(|| OpenError::Refused {
            path,
            why: "it is damaged, and tells how far the ledger was committed. Restore a backup; or \
                  move this file away, and restore the ledger's file as a copy"
                .into(),
        })?;
        Ok(Some(marked))
    }

    /// Replaces the mark in a data directory, durably.
    pub(super) fn create(directory: &Path, position: &Position) -> Result<(), OpenError> {
        Self::put(directory, &Marked::Here(*position))
    }

    /// Marks a ledger as moved to the database of this name, durably.
    #[cfg(feature = "postgres")]
    pub(super) fn leave(
        directory: &Path,
        position: &Position,
        database: &str,
    ) -> Result<(), OpenError> {
        Self::put(directory, &Marked::Left(*position, database.into()))
    }

    fn put(directory: &Path, marked: &Marked) -> Result<(), OpenError> {
        let path = directory.join(FILE_NAME);
        let written =
            private_file::write(&path, |file| io::Write::write_all(file, text(marked).as_bytes()));
        written.map_err(|why| OpenError::Inaccessible { path, why })
    }

    /// Opens the mark in a data directory.
    pub(super) fn open(directory: &Path) -> Result<Self, OpenError> {
        let path = directory.join(FILE_NAME);
        let file = OpenOptions::new().write(true).mode(0o600).open(&path);
        let file = file.map_err(|why| OpenError::Inaccessible { path: path.clone(), why })?;
        Ok(Self { file, path })
    }

    /// Writes the mark of a commit that is synced.
    pub(super) fn write(&self, position: &Position) -> Result<(), String> {
        // Its length never changes, and it is within one sector: the old one or the new is there.
        let text = text(&Marked::Here(*position));
        let written = self.file.write_all_at(text.as_bytes(), 0);
        written.map_err(|error| format!("cannot write {}: {error}", self.path.display()))
    }
}

fn left(directory: &Path) -> OpenError {
    OpenError::Refused {
        path: directory.to_owned(),
        why: "its ledger was moved to a database: use it there, with --ledger. If the move was \
              not finished, repeat it; capvote-server move --to directory takes the ledger back"
            .into(),
    }
}

fn text(marked: &Marked) -> String {
    let (word, position, database) = match marked {
        Marked::Here(position) => (WORD, position, String::new()),
        Marked::Left(position, database) => (LEFT_WORD, position, format!("{database} ")),
    };
    let Position { ledger, epoch, entry, votes } = position;
    let mut text = format!("{word} {ledger} {epoch:020} {entry:020} {votes:020} {database}");
    let sum = sum(&text);
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{sum}");
    text
}

fn parse(text: &str) -> Option<Marked> {
    let words: Vec<_> = text.split_ascii_whitespace().collect();
    let (ledger, epoch, entry, votes, database) = match words[..] {
        [WORD, ledger, epoch, entry, votes, _] => (ledger, epoch, entry, votes, None),
        [LEFT_WORD, ledger, epoch, entry, votes, database, _] => {
            (ledger, epoch, entry, votes, Some(database))
        }
        _ => return None,
    };
    let position = Position {
        ledger: ledger.parse().ok()?,
        epoch: epoch.parse().ok()?,
        entry: entry.parse().ok()?,
        votes: votes.parse().ok()?,
    };
    let marked = match database {
        None => Marked::Here(position),
        Some(database) => Marked::Left(position, database.into()),
    };
    (self::text(&marked) == text).then_some(marked)
}

fn sum(text: &str) -> String {
    let mut sum = HEXLOWER.encode(&Sha256::digest(text));
    sum.truncate(SUM_DIGITS);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_back_and_every_altered_byte_is_found() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(Mark::read(directory.path()).unwrap(), None);
        let position =
            Position { ledger: LedgerId::from([7; 16]), epoch: 2, entry: u64::MAX, votes: 9 };
        Mark::create(directory.path(), &Position::default()).unwrap();
        Mark::open(directory.path()).unwrap().write(&position).unwrap();
        assert_eq!(Mark::read(directory.path()).unwrap(), Some(position));
        let path = directory.path().join(FILE_NAME);
        every_altered_byte_is_found(directory.path(), &path);
        #[cfg(feature = "postgres")]
        {
            Mark::leave(directory.path(), &position, "77.5").unwrap();
            let left = Marked::Left(position, "77.5".into());
            assert_eq!(Mark::found(directory.path()).unwrap(), Some(left));
            assert!(Mark::read(directory.path()).is_err());
            every_altered_byte_is_found(directory.path(), &path);
        }
    }

    fn every_altered_byte_is_found(directory: &Path, path: &Path) {
        let bytes = std::fs::read(path).unwrap();
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            std::fs::write(path, altered).unwrap();
            assert!(Mark::found(directory).is_err(), "byte {at}");
        }
    }
}
