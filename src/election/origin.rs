//! Which ledger an election is stored in, and whether that was restored from a backup.

use std::fmt;
use std::str::FromStr;

/// The identity of a ledger: random bytes, drawn when it is created, and kept by its backups.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct LedgerId([u8; LedgerId::BYTES]);

/// The servers of one ledger that an election names.
pub const SERVERS_MAX: usize = 16;

/// Where an election is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Origin {
    /// The ledger.
    pub ledger: LedgerId,
    /// The ledger's epoch: 1, and more after each restore from a backup. 0 for a store that counts
    /// none.
    pub epoch: u64,
    /// The epoch in which this election was last restored. `None` if it is as it was created.
    pub restored: Option<u64>,
    /// Whether it was restored, and no officer has confirmed that since. It then takes no votes.
    pub unconfirmed: bool,
}

/// Why a text is not the identity of a ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the identity of a ledger is {} hexadecimal digits", 2 * LedgerId::BYTES)]
pub struct InvalidLedgerId;

impl LedgerId {
    /// The length of an identity.
    pub const BYTES: usize = 16;

    /// The bytes of the identity.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl From<[u8; LedgerId::BYTES]> for LedgerId {
    fn from(bytes: [u8; LedgerId::BYTES]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<&[u8]> for LedgerId {
    type Error = InvalidLedgerId;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidLedgerId> {
        bytes.try_into().map(Self).map_err(|_| InvalidLedgerId)
    }
}

impl FromStr for LedgerId {
    type Err = InvalidLedgerId;

    fn from_str(text: &str) -> Result<Self, InvalidLedgerId> {
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes());
        bytes.map_err(|_| InvalidLedgerId)?[..].try_into()
    }
}

impl fmt::Display for LedgerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for LedgerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
