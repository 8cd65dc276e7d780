//! Waiting for more of what comes in the same turns of an event loop, without a timer.
//!
//! What tasks say to a socket or to another thread costs the same for one thing as for many. Whoever passes
//! it on therefore lets every task that has something to do have its turn, over and over, for as long as
//! there is more each time. Where nobody has anything to do this takes no time.

use std::cell::Cell;
use std::future::poll_fn;
use std::task::Poll;

/// How often everyone else may have their turn before what there is is passed on.
const TURNS_MAX: u32 = 256;

/// The turns without anything new after which nothing more is expected: what one task brings about, another
/// says, that it has woken.
const QUIET_TURNS_MAX: u32 = 2;

thread_local! {
    /// How many sources of this thread have more to come.
    static SOURCES: Cell<usize> = const { Cell::new(0) };
}

/// Something on this thread that brings what others wait for, such as a connection from which messages have arrived that
/// nobody has looked at yet.
#[derive(Debug, Default)]
pub(crate) struct Source(Cell<bool>);

impl Source {
    /// Whether it has more to come in the next turns. When it is dropped, it has not.
    pub(crate) fn has_more(&self, more: bool) {
        if self.0.replace(more) != more {
            // Where a thread ends, nobody waits any more.
            let _ = SOURCES.try_with(|sources| {
                let others = sources.get().saturating_sub(usize::from(!more));
                sources.set(others + usize::from(more));
            });
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.has_more(false);
    }
}

/// Whether any source of this thread has more to come.
pub(crate) fn more_to_come() -> bool {
    SOURCES.get() > 0
}

/// How long one has been waiting.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Gathering {
    amount: usize,
    turns: u32,
    quiet_turns: u32,
}

impl Gathering {
    /// Whether to wait for another turn, now that there is so much, and that it is known or not that there is
    /// more to come.
    pub(crate) fn goes_on(&mut self, amount: usize, more_to_come: bool) -> bool {
        self.turns += 1;
        let quiet = amount <= self.amount && !more_to_come;
        self.quiet_turns = if quiet { self.quiet_turns + 1 } else { 0 };
        self.amount = amount;
        self.turns < TURNS_MAX && self.quiet_turns < QUIET_TURNS_MAX
    }
}

/// Lets every task that has something to do have its turn.
pub(crate) async fn turn() {
    let mut over = false;
    poll_fn(|context| {
        if over {
            return Poll::Ready(());
        }
        over = true;
        // Unlike tokio's `yield_now`, this does not look at sockets and timers, which takes a system call.
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_when_nothing_more_comes() {
        let mut gathering = Gathering::default();
        let turns: Vec<_> =
            [1, 2, 2, 3, 3, 3].iter().map(|&amount| gathering.goes_on(amount, false)).collect();
        assert_eq!(turns, [true, true, true, true, true, false]);
        let mut endless = Gathering::default();
        let turns = (1..).take_while(|&amount| endless.goes_on(amount, true)).count();
        assert_eq!(turns, TURNS_MAX as usize - 1);
    }

    #[test]
    fn there_is_more_to_come_while_any_source_has_more() {
        let (one, other) = (Source::default(), Source::default());
        one.has_more(true);
        one.has_more(true);
        other.has_more(true);
        one.has_more(false);
        assert!(more_to_come());
        drop(other);
        assert!(!more_to_come());
    }
}
