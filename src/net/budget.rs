//! The memory budget that all connections of a shard share.
//!
//! Each connection has bounds of its own, wide enough for the busiest honest client. A thousand
//! connections at all of their bounds would take more memory than there is. What a connection uses
//! beyond a small allowance is therefore charged to the budget of its thread, and while that is
//! exhausted, each connection has to do with its allowance. A connection that holds memory while it
//! is scarce is closed after [`MEMORY_WAIT_MAX`](super::connection::MEMORY_WAIT_MAX).

use std::cell::Cell;
use std::time::Duration;

/// The budget of a shard, in bytes: for messages that were received and are in use, for unwritten
/// output, and for lines being counted. While it is exhausted, a connection above
/// [`CONNECTION_BYTES_MIN`] is not read from, and the window of a stream is one call.
pub const SHARD_BYTES_MAX: usize = 256 << 20;

/// The allowance of each connection, in bytes, which is not charged: enough for 50 calls of 0.5 KiB
/// in progress.
pub const CONNECTION_BYTES_MIN: usize = 128 << 10;

/// Poll interval while blocked on the memory budget. Polling needs no list of waiters, and loses no
/// wakeup.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(50);

thread_local! {
    /// The bytes charged on this thread.
    static CHARGED: Cell<usize> = const { Cell::new(0) };
}

/// The memory that one connection, or one count of lines, uses. Dropping it releases the charge.
#[derive(Debug, Default)]
pub(crate) struct MemoryUse {
    bytes: Cell<usize>,
    /// The bytes that are not charged.
    allowance: usize,
}

impl MemoryUse {
    pub(crate) fn with_allowance(allowance: usize) -> Self {
        Self { bytes: Cell::new(0), allowance }
    }

    /// Sets the bytes in use.
    pub(crate) fn set(&self, bytes: usize) {
        let before = self.charged();
        self.bytes.set(bytes);
        CHARGED.set(CHARGED.get() - before + self.charged());
    }

    /// The bytes in use.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.get()
    }

    /// The bytes in use beyond the allowance.
    pub(crate) fn charged(&self) -> usize {
        self.bytes.get().saturating_sub(self.allowance)
    }
}

impl Drop for MemoryUse {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// Whether this thread's budget is used up.
pub(crate) fn is_exhausted() -> bool {
    CHARGED.get() >= SHARD_BYTES_MAX
}

/// Whether half of this thread's budget is used up: holding memory without progress is then not
/// tolerated for long.
pub(crate) fn is_scarce() -> bool {
    CHARGED.get() >= SHARD_BYTES_MAX / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn use_beyond_the_allowance_is_charged_until_it_is_released() {
        let (one, other) = (MemoryUse::with_allowance(CONNECTION_BYTES_MIN), MemoryUse::default());
        one.set(SHARD_BYTES_MAX);
        assert!(!is_exhausted());
        other.set(CONNECTION_BYTES_MIN);
        assert!(is_exhausted());
        one.set(CONNECTION_BYTES_MIN);
        assert!(!is_exhausted() && one.charged() == 0);
        one.set(2 * SHARD_BYTES_MAX);
        assert!(is_exhausted());
        drop(one);
        assert!(!is_exhausted());
        assert_eq!(CHARGED.get(), other.charged());
    }
}
