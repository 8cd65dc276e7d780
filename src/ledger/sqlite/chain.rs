//! The hash chain of an election.
//!
//! The head of an entry is a hash over the head before it, the entry's kind, and its rows.
//! Altering, removing or adding rows or entries changes every later head. docs/ledger-format.md
//! specifies the bytes.

use sha2::{Digest as _, Sha256};

use crate::election::{Definition, ElectionId, GrantId, Method, Publication, Rules, VoterNumber};

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
    /// Ballots that were not sealed: in a ledger of format 1 or 2 only.
    PlainBallots = 4,
    /// The first entry of the close of an election whose ballots were not sealed.
    Voted = 5,
    /// The second.
    PlainClosed = 6,
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
    /// Created with rules or a roll that are not the default.
    CreatedWithRules = 14,
    /// Sealed ballots.
    Ballots = 15,
    /// Closed: the tally sheet of sealed ballots.
    Closed = 16,
    /// Moved from another store, where the head of its chain was the digest.
    Moved = 17,
}

impl Kind {
    pub(super) fn from_stored(number: i64) -> Option<Self> {
        use Kind::{
            Ballots, Closed, Confirmed, Created, CreatedWithRules, Issued, IssuedByLink,
            IssuedByOfficer, Moved, Opened, PlainBallots, PlainClosed, Restored, Revoked, Voided,
            VoidedAdded, Voted,
        };
        let all = [
            Created,
            Issued,
            Opened,
            PlainBallots,
            Voted,
            PlainClosed,
            Revoked,
            Voided,
            VoidedAdded,
            IssuedByOfficer,
            IssuedByLink,
            Restored,
            Confirmed,
            CreatedWithRules,
            Ballots,
            Closed,
            Moved,
        ];
        all.into_iter().find(|&kind| kind as i64 == number)
    }

    /// The kind of the entry that creates this election.
    pub(super) fn creating(definition: &Definition) -> Self {
        let by_default = definition.rules == Rules::default() && definition.roll.is_none();
        if by_default { Self::Created } else { Self::CreatedWithRules }
    }

    /// Whether its head covers the digest of its rows.
    fn has_digest(self) -> bool {
        use Kind::{IssuedByLink, IssuedByOfficer, Voided, VoidedAdded};
        matches!(self, IssuedByLink | IssuedByOfficer | Voided | VoidedAdded)
    }

    /// Whether such an entry changes a roll.
    pub(super) fn changes_roll(self) -> bool {
        matches!(self.table(), Some("roll" | "voided" | "revoked"))
    }

    /// The table of the rows of such an entry, if it has rows of its election.
    pub(super) fn table(self) -> Option<&'static str> {
        match self {
            Self::Created
            | Self::CreatedWithRules
            | Self::Opened
            | Self::Restored
            | Self::Confirmed
            | Self::Moved => None,
            Self::Issued | Self::IssuedByOfficer | Self::IssuedByLink => Some("roll"),
            Self::Voided | Self::VoidedAdded => Some("voided"),
            Self::Revoked => Some("revoked"),
            Self::PlainBallots | Self::Ballots => Some("ballots"),
            Self::Voted => Some("voted"),
            Self::PlainClosed | Self::Closed => Some("sheet"),
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
        if matches!(kind, Kind::Created | Kind::CreatedWithRules) {
            seal.definition(definition);
        }
        if kind == Kind::CreatedWithRules {
            seal.rules(definition);
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

    fn rules(&mut self, definition: &Definition) {
        let Definition { roll, rules, .. } = definition;
        self.text(roll.as_ref().map(ElectionId::as_str).unwrap_or_default());
        self.hash.update([stored_method(rules.method)]);
        self.hash.update(rules.seats.to_le_bytes());
        self.hash.update(rules.marks.to_le_bytes());
        for share in [rules.majority, rules.quorum] {
            self.text(&share.map(|share| share.to_string()).unwrap_or_default());
        }
        self.hash.update([u8::from(rules.none)]);
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

    /// Adds a ballot as it is in its row: sealed, or of an earlier format the stored ballot and its
    /// nonce.
    pub(super) fn ballot(&mut self, number: VoterNumber, stored: &[u8]) {
        self.hash.update(number.get().to_le_bytes());
        self.hash.update(stored);
    }

    /// Adds a line of a tally sheet: a stored ballot, and its nonce.
    pub(super) fn line(&mut self, ballot: &[u8], nonce: &[u8]) {
        self.hash.update(ballot);
        self.hash.update(nonce);
    }

    /// Adds the epoch of a restore, by its head.
    pub(super) fn epoch(&mut self, head: &Head) {
        self.hash.update(head);
    }

    /// Adds the head that the chain had in another store.
    pub(super) fn moved(&mut self, before: &[u8]) {
        self.hash.update(before);
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

/// The number of a method, which is stored and hashed.
pub(super) fn stored_method(method: Method) -> u8 {
    match method {
        Method::Plurality => 1,
        Method::Transferable => 2,
        Method::Schulze => 3,
    }
}

fn row(hash: &mut Sha256, numbers: &[VoterNumber]) {
    hash.update((numbers.len() as u64).to_le_bytes());
    numbers.iter().for_each(|number| hash.update(number.get().to_le_bytes()));
}
