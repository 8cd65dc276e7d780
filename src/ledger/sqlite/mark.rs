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

/// The file, to be overwritten after each commit.
#[derive(Debug)]
pub(super) struct Mark {
    file: File,
    path: PathBuf,
}

impl Mark {
    /// Reads the mark in a data directory. `None` if there is none.
    pub(super) fn read(directory: &Path) -> Result<Option<Position>, OpenError> {
        let path = directory.join(FILE_NAME);
        let text = match private_file::read_text(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(|why| OpenError::Inaccessible { path: path.clone(), why })?,
        };
        let position = parse(&text).ok_or_else(|| OpenError::Refused {
            path,
            why: "it is damaged, and tells how far the ledger was committed. Restore a backup; or \
                  move this file away, and restore the ledger's file as a copy"
                .into(),
        })?;
        Ok(Some(position))
    }

    /// Replaces the mark in a data directory, durably.
    pub(super) fn create(directory: &Path, position: &Position) -> Result<(), OpenError> {
        let path = directory.join(FILE_NAME);
        let written = private_file::write(&path, |file| {
            io::Write::write_all(file, text(position).as_bytes())
        });
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
        let written = self.file.write_all_at(text(position).as_bytes(), 0);
        written.map_err(|error| format!("cannot write {}: {error}", self.path.display()))
    }
}

fn text(position: &Position) -> String {
    let Position { ledger, epoch, entry, votes } = position;
    let mut text = format!("{WORD} {ledger} {epoch:020} {entry:020} {votes:020} ");
    let sum = sum(&text);
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{sum}");
    text
}

fn parse(text: &str) -> Option<Position> {
    let words: Vec<_> = text.split_ascii_whitespace().collect();
    let [WORD, ledger, epoch, entry, votes, _] = words[..] else { return None };
    let position = Position {
        ledger: ledger.parse().ok()?,
        epoch: epoch.parse().ok()?,
        entry: entry.parse().ok()?,
        votes: votes.parse().ok()?,
    };
    (self::text(&position) == text).then_some(position)
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
        let bytes = std::fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            std::fs::write(&path, altered).unwrap();
            assert!(Mark::read(directory.path()).is_err(), "byte {at}");
        }
    }
}
