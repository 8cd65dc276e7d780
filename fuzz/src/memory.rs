//! How much memory an input takes, and whether it is given back.
//!
//! Counts what Rust code has allocated, in all threads. What SQLite allocates is not in it: libFuzzer's
//! `-rss_limit_mb` bounds that.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

/// An input that leaves something behind is tried so often again: what leaves as much behind each time is a leak, and
/// what does not only made a table grow.
const TRIES: usize = 4;

/// How long to wait for threads that have done what there was to do, and are about to end, in milliseconds.
const WAITS: usize = 2_000;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// Runs an input, which may take `most` bytes and 64 for each of its own, and has to give them back: at the latest when
/// `forget` lets go of what the input may have left in a server for good.
pub(crate) fn bounded(most: usize, input: &[u8], run: impl Fn(&[u8]), forget: impl Fn()) {
    let most = most + 64 * input.len();
    let mut left = [0; 2 * TRIES];
    for attempt in 0..left.len() {
        let anew = attempt >= TRIES;
        if anew {
            forget();
        }
        let before = LIVE.load(Relaxed);
        PEAK.store(before, Relaxed);
        run(input);
        let took = PEAK.load(Relaxed).saturating_sub(before);
        if anew {
            forget();
        } else {
            assert!(took <= most, "{} bytes took {took} bytes of memory", input.len());
        }
        // Waiting costs more than running the input again, and is for the last time.
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
    panic!("{} bytes leave {left:?} bytes of memory behind", input.len());
}

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

fn took(bytes: usize) {
    let live = LIVE.fetch_add(bytes, Relaxed) + bytes;
    PEAK.fetch_max(live, Relaxed);
}

// SAFETY: everything is left to the system's allocator; only sizes are counted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        took(size);
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
