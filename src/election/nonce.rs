//! The nonce of a ballot.

/// Sixteen random bytes, drawn by the voter's client for each ballot.
///
/// They tell a retry from a second vote, and keep a [`Receipt`](super::Receipt) from revealing the
/// choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Nonce([u8; Nonce::BYTES]);

/// Why bytes are not a nonce.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a nonce is {} bytes; {found} were given", Nonce::BYTES)]
pub struct InvalidNonce {
    /// How many bytes there were.
    pub found: usize,
}

impl Nonce {
    /// The length of a nonce, in bytes.
    pub const BYTES: usize = 16;

    /// The nonce as bytes.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl From<[u8; Nonce::BYTES]> for Nonce {
    fn from(bytes: [u8; Nonce::BYTES]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<&[u8]> for Nonce {
    type Error = InvalidNonce;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self).map_err(|_| InvalidNonce { found: bytes.len() })
    }
}
