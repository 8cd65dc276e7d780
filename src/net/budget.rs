//! The memory that all connections of a shard may take together.
//!
//! Each connection has bounds of its own, which are wide enough for the busiest honest client. A thousand connections
//! that go up to all of them would take more memory than there is: what they take beyond a little is therefore counted for
//! their thread, and while that is too much, each has to do with the little. Whoever keeps the others from it, by calls that
//! wait or answers that are not read, is cut after [`MEMORY_WAIT_MAX`](super::connection::MEMORY_WAIT_MAX).

use std::cell::Cell;
use std::time::Duration;

/// What the connections of a shard may take together beyond what each may take anyhow, in bytes: for messages that arrive
/// and are in use, for what waits to be written, and for lines. While they take more, none that takes more than
/// [`CONNECTION_BYTES_MIN`] is read, and streams go on a piece at a time.
pub const SHARD_BYTES_MAX: usize = 256 << 20;

/// What a connection may take whatever the others take, in bytes: enough for 60 votes under way.
pub const CONNECTION_BYTES_MIN: usize = 128 << 10;

/// How long whoever has to wait for others to give something back waits before looking again. Nobody has to be told, and
/// nobody can miss it.
pub(crate) const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);

thread_local! {
    static TAKEN: Cell<usize> = const { Cell::new(0) };
}

/// Memory that one connection, or one thing that it does, has taken. It is given back when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    bytes: Cell<usize>,
    /// How much of it is not counted.
    free: usize,
}

impl Taken {
    /// Nothing yet. Of what will be taken, so many bytes are not counted.
    pub(crate) fn with(free: usize) -> Self {
        Self { bytes: Cell::new(0), free }
    }

    /// So many bytes are taken, in place of what was before.
    pub(crate) fn set(&self, bytes: usize) {
        let before = self.beyond();
        self.bytes.set(bytes);
        // Where a thread ends, nothing is left to count.
        let _ = TAKEN.try_with(|taken| taken.set(taken.get() - before + self.beyond()));
    }

    /// How many bytes are taken.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.get()
    }

    /// How many bytes are taken beyond what is not counted.
    pub(crate) fn beyond(&self) -> usize {
        self.bytes.get().saturating_sub(self.free)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// Whether all that the connections of this thread may take is taken.
pub(crate) fn is_spent() -> bool {
    TAKEN.get() >= SHARD_BYTES_MAX
}

/// Whether so much is taken that whoever keeps what they took is in the way of the others: half of it all.
pub(crate) fn is_scarce() -> bool {
    TAKEN.get() >= SHARD_BYTES_MAX / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_the_least_counts_until_it_is_given_back() {
        let (one, other) = (Taken::with(CONNECTION_BYTES_MIN), Taken::default());
        one.set(SHARD_BYTES_MAX);
        assert!(!is_spent());
        other.set(CONNECTION_BYTES_MIN);
        assert!(is_spent());
        one.set(CONNECTION_BYTES_MIN);
        assert!(!is_spent() && one.beyond() == 0);
        one.set(2 * SHARD_BYTES_MAX);
        assert!(is_spent());
        drop(one);
        assert!(!is_spent());
        assert_eq!(TAKEN.get(), other.beyond());
    }
}
