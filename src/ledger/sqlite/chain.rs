//! The hash chain of an election.
//!
//! The head of an entry is a hash over the head before it, the entry's kind, and its rows.
//! Altering, removing or adding rows or entries changes every later head. docs/ledger-format.md
//! specifies the bytes.

use sha2::{Digest as _, Sha256};

use crate::election::{Choice, Definition, GrantId, Nonce, Publication, VoterNumber};

/// The hash of a chain after an entry.
pub(super) type Head = [u8; 32];

/// The first and the last row of an entry, by id.
pub(super) type Rows = (i64, i64);

/// The head before the first entry.
pub(super) const GENESIS: Head = [0; 32];

/// Computes the head of one entry, row by row.
#[derive(Clone)]
pub(super) struct Seal {
    hash: Sha256,
    /// The rows of voter numbers, of an entry whose head covers their digest.
    digest: Option<Digest>,
}

/// What an entry records. The number is stored and hashed, so its meaning never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Created = 1,
    /// In a ledger that was once of format 1: issued by nobody knows whom.
    Issued = 2,
    Opened = 3,
    Ballots = 4,
    Voted = 5,
    Closed = 6,
    Revoked = 7,
    /// Taken off the roll after the opening, of numbers issued before it.
    Voided = 8,
    /// The same, of numbers issued after the opening.
    VoidedAdded = 9,
    /// Issued under a returning officer's grant, or by the server itself.
    IssuedByOfficer = 10,
    /// Issued under a grant of the election.
    IssuedByLink = 11,
    /// Restored from a backup, in an epoch.
    Restored = 12,
    /// Confirmed after a restore.
    Confirmed = 13,
}

impl Kind {
    pub(super) fn from_stored(number: i64) -> Option<Self> {
        use Kind::{
            Ballots, Closed, Confirmed, Created, Issued, IssuedByLink, IssuedByOfficer, Opened,
            Restored, Revoked, Voided, VoidedAdded, Voted,
        };
        let all = [
            Created,
            Issued,
            Opened,
            Ballots,
            Voted,
            Closed,
            Revoked,
            Voided,
            VoidedAdded,
            IssuedByOfficer,
            IssuedByLink,
            Restored,
            Confirmed,
        ];
        all.into_iter().find(|&kind| kind as i64 == number)
    }

    /// Whether its head covers the digest of its rows.
    fn has_digest(self) -> bool {
        use Kind::{IssuedByLink, IssuedByOfficer, Voided, VoidedAdded};
        matches!(self, IssuedByLink | IssuedByOfficer | Voided | VoidedAdded)
    }

    /// The table of the rows of such an entry, if it has rows of its election.
    pub(super) fn table(self) -> Option<&'static str> {
        match self {
            Self::Created | Self::Opened | Self::Restored | Self::Confirmed => None,
            Self::Issued | Self::IssuedByOfficer | Self::IssuedByLink => Some("roll"),
            Self::Voided | Self::VoidedAdded => Some("voided"),
            Self::Revoked => Some("revoked"),
            Self::Ballots => Some("ballots"),
            Self::Voted => Some("voted"),
            Self::Closed => Some("sheet"),
        }
    }
}

/// Computes the hash of an entry's rows of voter numbers. It does not depend on the entries before,
/// so the close need not read the rows again.
#[derive(Clone)]
pub(super) struct Digest(Sha256);

impl Digest {
    pub(super) fn new() -> Self {
        Self(Sha256::new_with_prefix(b"capvote numbers 1\0"))
    }

    /// Adds a row.
    pub(super) fn row(&mut self, numbers: &[VoterNumber]) {
        row(&mut self.0, numbers);
    }

    pub(super) fn finish(self) -> Head {
        self.0.finalize().into()
    }
}

impl Seal {
    /// Starts the entry after the head `previous`, in the chain of the election with this
    /// definition.
    pub(super) fn new(previous: &Head, kind: Kind, definition: &Definition) -> Self {
        let mut hash = Sha256::new_with_prefix(b"capvote ledger 1\0");
        hash.update(previous);
        hash.update([kind as u8]);
        let mut seal = Self { hash, digest: kind.has_digest().then(Digest::new) };
        if kind == Kind::Created {
            seal.definition(definition);
        }
        seal
    }

    fn definition(&mut self, definition: &Definition) {
        self.text(definition.id.as_str());
        self.text(&definition.title);
        self.hash.update((definition.slate.names().len() as u64).to_le_bytes());
        definition.slate.names().iter().for_each(|name| self.text(name));
        let sealed = definition.publication == Publication::Sealed;
        self.hash.update([u8::from(definition.slate.blank().is_some()), u8::from(sealed)]);
        for moment in [definition.schedule.opens, definition.schedule.closes] {
            self.hash.update([u8::from(moment.is_some())]);
            self.hash.update(moment.map_or(0, |moment| moment.0).to_le_bytes());
        }
    }

    /// Adds a row of voter numbers. If the head covers the digest of the rows, they count once they
    /// are [listed](Self::list).
    pub(super) fn numbers(&mut self, numbers: &[VoterNumber]) {
        match &mut self.digest {
            Some(digest) => digest.row(numbers),
            None => row(&mut self.hash, numbers),
        }
    }

    /// Adds the digest of the rows of voter numbers, if the head covers one, and the grant that
    /// they were issued under. Returns the digest.
    pub(super) fn list(&mut self, issuer: Option<GrantId>) -> Option<Head> {
        let digest = self.digest.take()?.finish();
        self.digest(issuer, &digest);
        Some(digest)
    }

    /// Adds the rows of voter numbers by their digest, and the grant they were issued under.
    pub(super) fn digest(&mut self, issuer: Option<GrantId>, digest: &[u8]) {
        self.hash.update([u8::from(issuer.is_some())]);
        self.hash.update(issuer.map_or(0, |grant| grant.0).to_le_bytes());
        self.hash.update(digest);
    }

    /// Adds a ballot.
    pub(super) fn ballot(&mut self, number: VoterNumber, choice: Choice, nonce: &Nonce) {
        let mut bytes = [0; 8 + 2 + Nonce::BYTES];
        bytes[..8].copy_from_slice(&number.get().to_le_bytes());
        bytes[8..10].copy_from_slice(&(choice.index() as u16).to_le_bytes());
        bytes[10..].copy_from_slice(nonce.as_bytes());
        self.hash.update(bytes);
    }

    /// Adds a line of a tally sheet.
    pub(super) fn line(&mut self, choice: Choice, nonce: &Nonce) {
        self.hash.update((choice.index() as u16).to_le_bytes());
        self.hash.update(nonce.as_bytes());
    }

    /// Adds the epoch of a restore, by its head.
    pub(super) fn epoch(&mut self, head: &Head) {
        self.hash.update(head);
    }

    /// The head after this entry.
    pub(super) fn head(self) -> Head {
        self.hash.finalize().into()
    }

    fn text(&mut self, text: &str) {
        self.hash.update((text.len() as u64).to_le_bytes());
        self.hash.update(text.as_bytes());
    }
}

fn row(hash: &mut Sha256, numbers: &[VoterNumber]) {
    hash.update((numbers.len() as u64).to_le_bytes());
    numbers.iter().for_each(|number| hash.update(number.get().to_le_bytes()));
}
