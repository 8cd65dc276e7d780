//! Batching without a timer: yield to the other tasks of the thread until a turn adds nothing.
//!
//! A write to a socket, or waking another thread, costs the same for one item as for many. A task
//! that is about to do either therefore lets every runnable task run first, and repeats that for as
//! long as the batch grows. On an otherwise idle thread this takes no time.

use std::cell::Cell;
use std::future::poll_fn;
use std::task::Poll;

/// The turns after which a batch is passed on, though it still grows.
const TURNS_MAX: u32 = 256;

/// The turns in a row without anything new after which a batch is passed on. One is not enough:
/// in the first turn a task may only wake the one that adds to the batch in the second.
const QUIET_TURNS_MAX: u32 = 2;

thread_local! {
    /// The backlogs of this thread that are not empty.
    static BACKLOGS: Cell<usize> = const { Cell::new(0) };
}

/// Input on this thread that will add to batches in the next turns, such as the messages that a
/// connection has received and not yet handled.
#[derive(Debug, Default)]
pub(crate) struct Backlog(Cell<bool>);

impl Backlog {
    /// Sets whether there is any. A dropped backlog is empty.
    pub(crate) fn set(&self, pending: bool) {
        if self.0.replace(pending) != pending {
            let backlogs = BACKLOGS.get();
            BACKLOGS.set(if pending { backlogs + 1 } else { backlogs - 1 });
        }
    }
}

impl Drop for Backlog {
    fn drop(&mut self) {
        self.set(false);
    }
}

/// Whether any backlog of this thread is not empty.
pub(crate) fn is_input_pending() -> bool {
    BACKLOGS.get() > 0
}

/// Decides when a growing batch is passed on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Batching {
    size: usize,
    turns: u32,
    quiet_turns: u32,
}

impl Batching {
    /// Whether to yield once more before passing on the batch. `size` is its current size;
    /// `input_pending` means that the next turn is expected to add to it.
    pub(crate) fn should_yield(&mut self, size: usize, input_pending: bool) -> bool {
        self.turns += 1;
        let quiet = size <= self.size && !input_pending;
        self.quiet_turns = if quiet { self.quiet_turns + 1 } else { 0 };
        self.size = size;
        self.turns < TURNS_MAX && self.quiet_turns < QUIET_TURNS_MAX
    }
}

/// Lets every other runnable task of the thread run once.
///
/// Unlike tokio's `yield_now`, this does not poll the I/O driver, which takes a system call.
pub(crate) async fn yield_turn() {
    let mut yielded = false;
    poll_fn(|context| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_passed_on_when_it_stops_growing_or_after_the_last_turn() {
        let mut batching = Batching::default();
        let turns: Vec<_> =
            [1, 2, 2, 3, 3, 3].iter().map(|&size| batching.should_yield(size, false)).collect();
        assert_eq!(turns, [true, true, true, true, true, false]);
        let mut endless = Batching::default();
        let turns = (1..).take_while(|&size| endless.should_yield(size, true)).count();
        assert_eq!(turns, TURNS_MAX as usize - 1);
    }

    #[test]
    fn input_is_pending_while_any_backlog_is_not_empty() {
        let (one, other) = (Backlog::default(), Backlog::default());
        one.set(true);
        one.set(true);
        other.set(true);
        one.set(false);
        assert!(is_input_pending());
        drop(other);
        assert!(!is_input_pending());
    }
}
