//! What the entries of capnp-rpc's tables cost.
//!
//! An entry has a price while it is in its table, and a slot has one for as long as the connection
//! lasts, since the tables never shrink. The prices are upper bounds of what was measured:
//! `tests/programs/floods.rs` fills each table of a real server, and compares what the server's
//! resident memory grew by with what was counted.

use std::cell::Cell;

/// The price of an entry and that of its slot, in bytes.
#[derive(Clone, Copy)]
pub(super) struct Price {
    pub(super) entry: usize,
    pub(super) slot: usize,
}

/// A question of the client: the answer's entry, its pipeline and the promises around it. A call in
/// progress costs [`CALL_BYTES`](super::CALL_BYTES) besides.
pub(super) const QUESTION: Price = Price { entry: 2_560, slot: 512 };

/// A reference to a capability of the client: its entry, the hooks that wrap it.
pub(super) const IMPORT: Price = Price { entry: 704, slot: 256 };

/// A reference of the client to a capability of ours: its entry, and the capability.
pub(super) const EXPORT: Price = Price { entry: 1_024, slot: 192 };

/// A call of ours that the client has not answered: what waits for the answer, until the call is
/// cancelled; and its slot.
pub(super) const OWN_QUESTION: Price = Price { entry: 1_920, slot: 512 };

/// What a promise of the client costs besides its import.
pub(super) const PROMISE: Price = Price { entry: 1_024, slot: 64 };

/// A received message, besides its words.
pub(super) const MESSAGE_BYTES: usize = 192;

/// The entries of a table.
#[derive(Default)]
pub(super) struct Table {
    entries: Cell<usize>,
    most: Cell<usize>,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.entries.get()
    }

    pub(super) fn add(&self, count: usize) {
        self.entries.set(self.entries.get().saturating_add(count));
        self.most.set(self.most.get().max(self.entries.get()));
    }

    pub(super) fn remove(&self, count: usize) {
        self.entries.set(self.entries.get().saturating_sub(count));
    }

    pub(super) fn bytes(&self, price: Price) -> usize {
        self.entries.get() * price.entry + self.most.get() * price.slot
    }
}
