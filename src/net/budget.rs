//! The memory that all connections of a shard may take together.
//!
//! Each connection has bounds of its own, which are wide enough for the busiest honest client. A thousand connections
//! that go up to all of them would take more memory than there is: what they take is therefore counted for their
//! thread, and while it is too much, each may take only a little.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};
use std::thread::LocalKey;

/// What the connections of a shard may take together, in bytes: for messages that arrive, calls under way, what waits to
/// be written, and lines. While they take more, none that takes more than [`CONNECTION_BYTES_MIN`] is read, and streams
/// go on a piece at a time.
pub const SHARD_BYTES_MAX: usize = 256 << 20;

/// What a connection may take whatever the others take, in bytes: enough for 60 votes under way.
pub const CONNECTION_BYTES_MIN: usize = 128 << 10;

thread_local! {
    static TAKEN: Cell<usize> = const { Cell::new(0) };
    static BEGUN: Cell<usize> = const { Cell::new(0) };
    static FINISHING: Cell<bool> = const { Cell::new(false) };
    static WAITING: RefCell<Vec<Waker>> = const { RefCell::new(Vec::new()) };
}

/// Memory that one connection, or one thing that it does, has taken. It is given back when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    whole: Cell<usize>,
    begun: Cell<usize>,
}

impl Taken {
    /// So many bytes are taken, and so many for a message of which more is to come, in place of what was before.
    pub(crate) fn set(&self, whole: usize, begun: usize) {
        let was_spent = is_spent();
        replace(&TAKEN, self.whole.replace(whole), whole);
        replace(&BEGUN, self.begun.replace(begun), begun);
        if was_spent && !is_spent() {
            wake_all();
        }
    }

    /// How many bytes are taken.
    pub(crate) fn bytes(&self) -> usize {
        self.whole.get() + self.begun.get()
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.set(0, 0);
    }
}

/// Changes one's part of what is taken by all.
fn replace(all: &'static LocalKey<Cell<usize>>, before: usize, after: usize) {
    let _ = all.try_with(|all| all.set(all.get().saturating_sub(before).saturating_add(after)));
}

/// The turn of one connection of a thread to finish a message that it has begun, where all is spent on such messages: they
/// would wait for each other. It is given back when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Turn(Cell<bool>);

impl Turn {
    /// Takes the turn, if nobody else has it. Returns whether it is taken by this.
    pub(crate) fn take(&self) -> bool {
        if !self.0.get() && TAKEN.get() < SHARD_BYTES_MAX && !FINISHING.replace(true) {
            self.0.set(true);
        }
        self.0.get()
    }

    /// Gives the turn back, if this has it.
    pub(crate) fn give_back(&self) {
        if self.0.replace(false) {
            let _ = FINISHING.try_with(|finishing| finishing.set(false));
            wake_all();
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.give_back();
    }
}

fn wake_all() {
    let _ = WAITING.try_with(|waiting| waiting.take().into_iter().for_each(Waker::wake));
}

/// Whether all that the connections of this thread may take is taken.
pub(crate) fn is_spent() -> bool {
    // Where a thread ends, nothing is left to count.
    let bytes = |of: &'static LocalKey<Cell<usize>>| of.try_with(Cell::get).unwrap_or(0);
    bytes(&TAKEN) + bytes(&BEGUN) >= SHARD_BYTES_MAX
}

/// Wakes whoever asks when it is not spent any more.
pub(crate) fn wait(context: &Context<'_>) {
    WAITING.with_borrow_mut(|waiting| {
        if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            waiting.push(context.waker().clone());
        }
    });
}

/// Returns when it is not spent.
pub(crate) async fn room() {
    poll_fn(|context| {
        if !is_spent() {
            return Poll::Ready(());
        }
        wait(context);
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    #[tokio::test]
    async fn who_waits_goes_on_when_enough_is_given_back() {
        let (one, other) = (Taken::default(), Taken::default());
        one.set(SHARD_BYTES_MAX - 1, 0);
        room().await;
        other.set(0, 1);
        assert!(is_spent());
        let mut waiting = pin!(room());
        assert!(futures::poll!(&mut waiting).is_pending());
        one.set(SHARD_BYTES_MAX / 2, 0);
        waiting.await;
        one.set(SHARD_BYTES_MAX, 0);
        drop(one);
        assert!(!is_spent());
        assert_eq!(other.bytes(), 1);
    }

    #[test]
    fn one_at_a_time_finishes_what_it_has_begun_unless_all_is_in_use() {
        let (one, other) = (Turn::default(), Turn::default());
        let taken = Taken::default();
        taken.set(0, SHARD_BYTES_MAX);
        assert!(one.take() && one.take() && !other.take());
        drop(one);
        assert!(other.take());
        other.give_back();
        taken.set(SHARD_BYTES_MAX, 0);
        assert!(!other.take());
    }
}
