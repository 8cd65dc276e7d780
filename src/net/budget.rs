//! The memory budget that all connections of the process share.
//!
//! Each connection has bounds of its own, wide enough for the busiest honest client. A thousand
//! connections at all of their bounds would take more memory than there is. What a connection uses
//! beyond a small allowance is therefore charged to one budget, whatever the number of threads.
//! Half of it is for connections that use little. While a connection has to wait for memory, those
//! that hold most without progress are closed, see `relieve`.

use std::cell::{Cell, OnceCell};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// The budget of the process, in bytes: for messages that were received and are in use, for what
/// the RPC layer keeps for each connection, for unwritten output, and for lines being counted.
/// While it is exhausted, a connection above [`CONNECTION_BYTES_MIN`] is not read from. While half
/// of it is used, a connection above [`MODEST_BYTES_MAX`] is not, and the window of a stream is one
/// call.
pub const PROCESS_BYTES_MAX: usize = 256 << 20;

/// The allowance of each connection, in bytes, which is not charged: enough for seven votes in
/// progress.
pub const CONNECTION_BYTES_MIN: usize = 32 << 10;

/// The bytes of a connection that uses little: enough for 16 votes in progress. A thousand
/// connections that hold as much leave half of the budget.
pub const MODEST_BYTES_MAX: usize = 128 << 10;

/// The time that a client may hold memory without progress while another has to wait for memory.
pub const EXHAUSTED_WAIT_MAX: Duration = Duration::from_secs(5);

/// Poll interval while blocked on the memory budget. Polling needs no list of waiters, and loses no
/// wakeup.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Memory is charged in steps of this many bytes, so that few messages touch the shared counter.
const STEP_BYTES: usize = 16 << 10;

/// The bytes charged in this process.
static CHARGED: AtomicUsize = AtomicUsize::new(0);

static HOLDERS: Mutex<Holders> = Mutex::new(Holders { all: BTreeMap::new(), marked: None });

/// The bytes charged to the budget, in this process.
pub fn charged_bytes() -> usize {
    CHARGED.load(Relaxed)
}

/// The memory that one connection, or one count of lines, uses. Dropping it releases the charge.
#[derive(Debug, Default)]
pub(crate) struct MemoryUse {
    bytes: Cell<usize>,
    /// The bytes that are not charged.
    allowance: usize,
    /// The bytes that are charged, in whole steps.
    charged: Cell<usize>,
}

impl MemoryUse {
    pub(crate) fn with_allowance(allowance: usize) -> Self {
        Self { allowance, bytes: Cell::default(), charged: Cell::default() }
    }

    /// Sets the bytes in use.
    pub(crate) fn set(&self, bytes: usize) {
        self.bytes.set(bytes);
        let (needed, before) = (self.beyond_allowance(), self.charged.get());
        // A charge is lowered by two steps at least, or to nothing.
        if needed > before || needed + 2 * STEP_BYTES <= before || (needed == 0 && before > 0) {
            let charged = needed.next_multiple_of(STEP_BYTES);
            CHARGED.fetch_add(charged.wrapping_sub(before), Relaxed);
            self.charged.set(charged);
        }
    }

    /// The bytes in use.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.get()
    }

    /// The bytes in use beyond the allowance.
    pub(crate) fn beyond_allowance(&self) -> usize {
        self.bytes.get().saturating_sub(self.allowance)
    }
}

impl Drop for MemoryUse {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// The memory of a connection, which [`relieve`] may end.
#[derive(Debug)]
pub(crate) struct ConnectionMemory {
    usage: MemoryUse,
    taken: Cell<usize>,
    holder: Arc<Holder>,
    /// Set when it is first above the allowance.
    listed: OnceCell<()>,
}

/// What other threads see of a connection's memory.
#[derive(Debug, Default)]
struct Holder {
    bytes: AtomicUsize,
    /// The bytes taken since the beginning, whether or not they were released. It may wrap.
    taken: AtomicUsize,
    /// `taken` at the last mark.
    taken_at_mark: AtomicUsize,
    cut: Notify,
}

#[derive(Debug)]
struct Holders {
    /// The connections that were ever above their allowance, by the addresses of their holders.
    all: BTreeMap<usize, Arc<Holder>>,
    /// When the holders were last marked.
    marked: Option<Instant>,
}

impl ConnectionMemory {
    pub(crate) fn new() -> Self {
        let usage = MemoryUse::with_allowance(CONNECTION_BYTES_MIN);
        let (taken, holder, listed) = Default::default();
        Self { usage, taken, holder, listed }
    }

    /// Sets the bytes in use.
    pub(crate) fn set(&self, bytes: usize) {
        let before = self.usage.bytes();
        if bytes == before {
            return;
        }
        self.taken.set(self.taken.get().wrapping_add(bytes.saturating_sub(before)));
        self.usage.set(bytes);
        self.holder.bytes.store(bytes, Relaxed);
        self.holder.taken.store(self.taken.get(), Relaxed);
        if bytes > CONNECTION_BYTES_MIN {
            self.listed.get_or_init(|| {
                with_holders(|holders| holders.all.insert(self.key(), self.holder.clone()));
            });
        }
    }

    /// Whether the connection may not use more before others have released memory.
    pub(crate) fn must_wait(&self) -> bool {
        !self.has_room(0)
    }

    /// Whether the connection may use so many bytes more before others have released memory.
    ///
    /// Ask before taking them: what is taken and released looks like progress.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        let all = self.usage.bytes().saturating_add(bytes);
        if all <= CONNECTION_BYTES_MIN {
            true
        } else if all <= MODEST_BYTES_MAX {
            has_room_in(PROCESS_BYTES_MAX, bytes)
        } else {
            has_room_in(PROCESS_BYTES_MAX / 2, bytes)
        }
    }

    /// Returns when the connection has to end, because memory is scarce and it holds much of it
    /// without progress.
    pub(crate) async fn cut(&self) {
        self.holder.cut.notified().await;
    }

    fn key(&self) -> usize {
        Arc::as_ptr(&self.holder).addr()
    }
}

impl Drop for ConnectionMemory {
    fn drop(&mut self) {
        if self.listed.get().is_some() {
            with_holders(|holders| holders.all.remove(&self.key()));
        }
    }
}

/// Whether half of the budget is used, and what needs more than little memory has to wait, or to do
/// with less. If so, connections that hold much of it without progress may be closed.
pub(crate) fn must_be_frugal() -> bool {
    !has_room_in(PROCESS_BYTES_MAX / 2, 0)
}

/// Whether the budget is used up. If so, as above.
pub(crate) fn is_exhausted() -> bool {
    !has_room_in(PROCESS_BYTES_MAX, 0)
}

/// Whether less than `most` is used with so many bytes more. If not, connections may be closed.
fn has_room_in(most: usize, bytes: usize) -> bool {
    let has_room = charged_bytes().saturating_add(bytes) < most;
    if !has_room {
        make_room(bytes, EXHAUSTED_WAIT_MAX);
    }
    has_room
}

/// Whether half of the budget is used up: holding memory without progress is then not tolerated for
/// long.
pub(crate) fn is_scarce() -> bool {
    charged_bytes() >= PROCESS_BYTES_MAX / 2
}

/// Where memory is scarce, closes connections that have held memory for at least `wait`, those that
/// held most first, until it is not scarce.
///
/// Memory released and retaken since does not count: it is progress.
pub(crate) fn relieve(wait: Duration) {
    if is_scarce() {
        make_room(0, wait);
    }
}

/// As [`relieve`], until there is room for so many bytes more.
fn make_room(bytes: usize, wait: Duration) {
    with_holders(|holders| holders.make_room(bytes, Instant::now(), wait));
}

fn with_holders<T>(change: impl FnOnce(&mut Holders) -> T) -> T {
    change(&mut HOLDERS.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Holders {
    fn make_room(&mut self, bytes: usize, now: Instant, wait: Duration) {
        if let Some(marked) = self.marked {
            if now >= marked && now < marked + wait {
                return;
            }
            let needed = charged_bytes().saturating_add(bytes);
            // One more than what exceeds half of it: at exactly half, memory is scarce.
            self.cut(needed.saturating_sub(PROCESS_BYTES_MAX / 2).saturating_add(1));
        }
        self.marked = Some(now);
        for holder in self.all.values() {
            holder.taken_at_mark.store(holder.taken.load(Relaxed), Relaxed);
        }
    }

    /// Closes the connections that have held most since the last mark, and together `excess`.
    fn cut(&self, excess: usize) {
        let held = self.all.values().map(|holder| (holder.held(), holder));
        let mut held: Vec<_> = held.filter(|(bytes, _)| *bytes > CONNECTION_BYTES_MIN).collect();
        held.sort_unstable_by_key(|(bytes, _)| Reverse(*bytes));
        let mut left = excess;
        for (bytes, holder) in held {
            if left == 0 {
                return;
            }
            left = left.saturating_sub(bytes);
            holder.cut.notify_one();
        }
    }
}

impl Holder {
    /// The bytes that have been held since the last mark, at least.
    fn held(&self) -> usize {
        let taken = self.taken.load(Relaxed).wrapping_sub(self.taken_at_mark.load(Relaxed));
        self.bytes.load(Relaxed).saturating_sub(taken)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use futures::FutureExt;

    use super::*;

    /// Held by a test that charges the budget of the process, which all tests share.
    pub(crate) fn alone() -> impl Drop {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        with_holders(|holders| holders.marked = None);
        alone
    }

    #[test]
    fn use_beyond_the_allowance_is_charged_until_it_is_released() {
        let _alone = alone();
        let before = charged_bytes();
        let (one, other) = (MemoryUse::with_allowance(CONNECTION_BYTES_MIN), MemoryUse::default());
        one.set(CONNECTION_BYTES_MIN);
        assert_eq!((charged_bytes() - before, one.beyond_allowance()), (0, 0));
        one.set(CONNECTION_BYTES_MIN + 1);
        assert_eq!((charged_bytes() - before, one.beyond_allowance()), (STEP_BYTES, 1));
        one.set(PROCESS_BYTES_MAX / 2);
        assert!(!is_scarce());
        other.set(CONNECTION_BYTES_MIN);
        assert!(is_scarce());
        // Another thread has the same budget.
        assert!(std::thread::spawn(is_scarce).join().unwrap());
        one.set(CONNECTION_BYTES_MIN);
        assert!(!is_scarce());
        assert_eq!(charged_bytes() - before, CONNECTION_BYTES_MIN);
        drop((one, other));
        assert_eq!(charged_bytes(), before);
    }

    #[test]
    fn half_of_the_budget_is_for_connections_that_use_little() {
        let _alone = alone();
        let connections = || [0; 3].map(|_| ConnectionMemory::new());
        let ([idle, modest, busy], hoard) = (connections(), MemoryUse::default());
        idle.set(CONNECTION_BYTES_MIN);
        modest.set(MODEST_BYTES_MAX);
        busy.set(MODEST_BYTES_MAX + 1);
        let wait = || [&idle, &modest, &busy].map(ConnectionMemory::must_wait);
        assert_eq!(wait(), [false; 3]);
        hoard.set(PROCESS_BYTES_MAX / 2);
        assert_eq!(wait(), [false, false, true]);
        hoard.set(PROCESS_BYTES_MAX);
        assert_eq!(wait(), [false, true, true]);
    }

    #[test]
    fn a_thousand_connections_that_use_little_leave_half_of_the_budget() {
        let _alone = alone();
        let connections: Vec<_> = (0..1_000).map(|_| ConnectionMemory::new()).collect();
        connections.iter().for_each(|it| it.set(MODEST_BYTES_MAX));
        assert!(!is_scarce());
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn who_holds_most_without_progress_is_cut_first() {
        let _alone = alone();
        let holds = |bytes| {
            let connection = ConnectionMemory::new();
            connection.set(bytes);
            connection
        };
        let share = PROCESS_BYTES_MAX / 16;
        let (most, more, some) = (holds(6 * share), holds(4 * share), holds(2 * share));
        let (moves, honest) = (holds(5 * share), holds(CONNECTION_BYTES_MIN));
        let all = [&most, &more, &some, &moves, &honest];
        let cut = || all.map(|it| it.cut().now_or_never().is_some());
        assert!(must_be_frugal());
        assert_eq!(cut(), [false; 5]);
        tokio::time::advance(EXHAUSTED_WAIT_MAX).await;
        // It has released and retaken everything meanwhile.
        moves.set(0);
        moves.set(5 * share);
        assert!(must_be_frugal());
        // Without these two, less than half of the budget is used.
        assert_eq!(cut(), [true, true, false, false, false]);
        // One that stays is cut again.
        tokio::time::advance(EXHAUSTED_WAIT_MAX).await;
        assert!(must_be_frugal());
        assert!(cut()[0]);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn who_waits_for_more_than_is_left_has_others_cut() {
        let _alone = alone();
        let (most, waits) = (ConnectionMemory::new(), ConnectionMemory::new());
        most.set(PROCESS_BYTES_MAX / 2 - STEP_BYTES);
        waits.set(2 * CONNECTION_BYTES_MIN);
        let needed = PROCESS_BYTES_MAX / 2 - charged_bytes() + MODEST_BYTES_MAX;
        assert!(waits.has_room(MODEST_BYTES_MAX / 2));
        assert!(!waits.has_room(needed));
        tokio::time::advance(EXHAUSTED_WAIT_MAX).await;
        assert!(!waits.has_room(needed));
        assert!(most.cut().now_or_never().is_some());
        assert!(waits.cut().now_or_never().is_none());
    }
}
