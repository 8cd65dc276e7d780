//! The lot, which decides what the ballots leave open, and which everybody can draw again.
//!
//! It is an order of names: that of SHA-256 over `capvote lot 1`, a zero byte, the SHA-256 of all
//! receipts in their order, and the name in UTF-8. Who comes first is drawn first.

use sha2::{Digest, Sha256};

use super::super::{Choice, Receipt, Slate};

const DOMAIN: &[u8] = b"capvote lot 1\0";

/// What the lot is drawn from: the SHA-256 of all receipts in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LotSeed([u8; 32]);

/// Hashes receipts, one by one, in the order of the tally sheet.
#[derive(Debug, Clone, Default)]
pub struct LotSeedBuilder(Sha256);

/// A lot that was drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lot {
    /// The names, in the order in which they were drawn. The first is favoured most.
    pub order: Vec<Choice>,
    /// What it decided.
    pub decided: LotUse,
}

/// What a lot decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LotUse {
    /// Who gets the last seats: the first of the order.
    Seats {
        /// How many seats there were for them.
        seats: u16,
    },
    /// Whose surplus is transferred before the others': the first of the order.
    Surplus,
    /// Who is excluded: the last of the order.
    Exclusion,
}

impl LotSeedBuilder {
    /// Adds the next receipt.
    pub fn add(&mut self, receipt: &Receipt) {
        self.0.update(receipt.as_bytes());
    }

    /// The seed, after the last receipt.
    pub fn finish(self) -> LotSeed {
        LotSeed(self.0.finalize().into())
    }
}

impl From<[u8; 32]> for LotSeed {
    fn from(hash: [u8; 32]) -> Self {
        Self(hash)
    }
}

impl LotSeed {
    /// The SHA-256 of all receipts in their order.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Draws these names of the slate, each once.
    pub fn draw(&self, slate: &Slate, names: &[Choice]) -> Vec<Choice> {
        let mut names = names.to_vec();
        names.sort_by_cached_key(|&name| {
            let mut hash = Sha256::new_with_prefix(DOMAIN);
            hash.update(self.0);
            hash.update(slate.name(name).unwrap_or_default());
            let hash: [u8; 32] = hash.finalize().into();
            hash
        });
        names
    }
}
