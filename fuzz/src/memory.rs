//! The memory that an input takes, and whether it is released.
//!
//! Counts the allocations of Rust code in all threads. SQLite's are not counted; libFuzzer's
//! `-rss_limit_mb` bounds those.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

/// How often an input that does not release all its memory is run again, without and with `forget`.
/// A leak shows in each of these runs; a table that grew once does not.
const TRIES: usize = 4;

/// How long to wait for threads that are about to end, in milliseconds.
const WAITS: usize = 2_000;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// Runs an input and checks that it takes at most `most` bytes, and 64 for each byte of its own,
/// and releases them. `forget` drops the state that an input may leave in a server.
pub(crate) fn bounded(most: usize, input: &[u8], run: impl Fn(&[u8]), forget: impl Fn()) {
    let most = most + 64 * input.len();
    let mut left = [0; 2 * TRIES];
    for attempt in 0..left.len() {
        let fresh = attempt >= TRIES;
        if fresh {
            forget();
        }
        let before = LIVE.load(Relaxed);
        PEAK.store(before, Relaxed);
        run(input);
        let took = PEAK.load(Relaxed).saturating_sub(before);
        if fresh {
            forget();
        } else {
            assert!(took <= most, "{} bytes took {took} bytes of memory", input.len());
        }
        // Running the input again is cheaper than waiting, so only the last run waits.
        let waits = if attempt + 1 < left.len() { 1 } else { WAITS };
        for _ in 0..waits {
            left[attempt] = LIVE.load(Relaxed).saturating_sub(before);
            if left[attempt] == 0 {
                return;
            }
            if waits > 1 {
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
    panic!("{} bytes leave {left:?} bytes of memory unreleased", input.len());
}

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

fn took(bytes: usize) {
    let live = LIVE.fetch_add(bytes, Relaxed) + bytes;
    PEAK.fetch_max(live, Relaxed);
}

// SAFETY: every call is passed to the system's allocator; only sizes are counted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: the caller upholds the same contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: the caller upholds the same contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller upholds the same contract.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        took(size);
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller upholds the same contract.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
