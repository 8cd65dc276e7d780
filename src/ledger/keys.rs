//! The keys of sealed ballots: one for each election, in a file of its own beside the ledger.
//!
//! A ballot is stored encrypted under the key of its election, and the close destroys the key. So
//! the ledger's file, its log, its backups and what a disk keeps of them tell nobody's choice once
//! the key is gone, and without it before.

mod copied;
mod folder;
#[cfg(feature = "postgres")]
mod half;
#[cfg(feature = "postgres")]
mod server_id;

use std::io;

use aes_siv::KeyInit;
use aes_siv::siv::Aes256Siv;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

pub(super) use self::folder::Keys;
#[cfg(feature = "postgres")]
pub(super) use self::half::{Half, Halves};
#[cfg(feature = "postgres")]
pub(super) use self::server_id::ServerId;
use crate::election::{ElectionId, LedgerId, VoterNumber};

/// The first word of a key's line.
const WORD: &str = "capvote-key-1";

/// Digits of the checksum.
const SUM_DIGITS: usize = 16;

/// What a sealed ballot is longer than the ballot.
const TAG_BYTES: usize = 16;

/// The key that seals the ballots of one election: AES-256-SIV (RFC 5297), with the voter number as
/// its only associated data. A ballot that is sealed twice is the same bytes.
pub(super) struct BallotKey {
    bytes: Zeroizing<[u8; Self::BYTES]>,
    cipher: Box<Aes256Siv>,
}

/// Whose key it is: the ledger, the election's row in the table of elections, and its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner<'a> {
    pub(super) ledger: LedgerId,
    pub(super) key: i64,
    pub(super) election: &'a ElectionId,
}

impl BallotKey {
    pub(super) const BYTES: usize = 64;

    pub(super) fn new(bytes: Zeroizing<[u8; Self::BYTES]>) -> Self {
        let cipher = Box::new(Aes256Siv::new((&*bytes).into()));
        Self { bytes, cipher }
    }

    /// A new key.
    pub(super) fn draw() -> io::Result<Self> {
        let mut bytes = Zeroizing::new([0; Self::BYTES]);
        getrandom::fill(&mut *bytes).map_err(io::Error::other)?;
        Ok(Self::new(bytes))
    }

    /// Seals a ballot in place.
    pub(super) fn seal(&mut self, number: VoterNumber, ballot: &mut Vec<u8>) -> io::Result<()> {
        let sealed = self.cipher.encrypt_in_place([number.get().to_le_bytes()], ballot);
        sealed.map_err(|_| io::Error::other("a ballot cannot be sealed"))
    }

    /// Opens a sealed ballot in place. Returns `false` if it was not sealed by this key for this
    /// number.
    #[must_use]
    pub(super) fn open(&mut self, number: VoterNumber, sealed: &mut Vec<u8>) -> bool {
        sealed.len() >= TAG_BYTES
            && self.cipher.decrypt_in_place([number.get().to_le_bytes()], sealed).is_ok()
    }

    /// Seals something that is not a ballot, in place, with what it is. That has more than one
    /// part, which tells it from the number of a ballot.
    #[cfg(feature = "postgres")]
    pub(super) fn seal_other(&mut self, about: [&[u8]; 3], bytes: &mut Vec<u8>) -> io::Result<()> {
        let sealed = self.cipher.encrypt_in_place(about, bytes);
        sealed.map_err(|_| io::Error::other("it cannot be sealed"))
    }

    /// Opens what was [sealed](Self::seal_other) as the same, in place.
    #[cfg(feature = "postgres")]
    #[must_use]
    pub(super) fn open_other(&mut self, about: [&[u8]; 3], sealed: &mut Vec<u8>) -> bool {
        sealed.len() >= TAG_BYTES && self.cipher.decrypt_in_place(about, sealed).is_ok()
    }

    /// What tells this key from others, and nothing about what it has sealed.
    #[cfg(feature = "postgres")]
    pub(super) fn commitment(&self) -> [u8; 32] {
        Sha256::new_with_prefix(b"capvote key 1\0").chain_update(*self.bytes).finalize().into()
    }

    /// The bytes of the key.
    #[cfg(feature = "postgres")]
    pub(super) fn bytes(&self) -> &[u8; Self::BYTES] {
        &self.bytes
    }

    /// The line of a file that has this key.
    fn line(&self, owner: &Owner<'_>) -> Zeroizing<String> {
        line(WORD, owner, &*self.bytes)
    }

    /// Reads such a line, if it is whole and of this election.
    fn read(line: &str, owner: &Owner<'_>) -> Option<Self> {
        secret_in(line, WORD, owner).map(Self::new)
    }

    fn is_same(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

/// A line with a secret of an election, a checksum behind it.
fn line(word: &str, owner: &Owner<'_>, secret: &[u8]) -> Zeroizing<String> {
    let Owner { ledger, key, election } = owner;
    let hex = Zeroizing::new(HEXLOWER.encode(secret));
    let line = Zeroizing::new(format!("{word} {ledger} {key} {election} {} ", *hex));
    let mut sum = HEXLOWER.encode(&Sha256::digest(line.as_bytes()));
    sum.truncate(SUM_DIGITS);
    Zeroizing::new(format!("{}{sum}\n", *line))
}

/// The secret in such a line, if it is whole and of this election.
fn secret_in<const N: usize>(
    text: &str,
    word: &str,
    owner: &Owner<'_>,
) -> Option<Zeroizing<[u8; N]>> {
    let hex = text.split_ascii_whitespace().nth(4)?;
    let decoded = Zeroizing::new(HEXLOWER.decode(hex.as_bytes()).ok()?);
    let mut secret = Zeroizing::new([0; N]);
    if decoded.len() != N {
        return None;
    }
    secret.copy_from_slice(&decoded);
    (*line(word, owner, &*secret) == text).then_some(secret)
}

/// The ledger, the row and the id of the election that a line with a secret is of, if it says so.
fn owner_of(line: &str) -> Option<(LedgerId, i64, ElectionId)> {
    let words: Vec<_> = line.split_ascii_whitespace().take(4).collect();
    let [_, ledger, key, election] = words[..] else { return None };
    Some((ledger.parse().ok()?, key.parse().ok()?, election.parse().ok()?))
}

/// For another thread.
impl Clone for BallotKey {
    fn clone(&self) -> Self {
        Self::new(self.bytes.clone())
    }
}

impl std::fmt::Debug for BallotKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BallotKey(..)")
    }
}
