//! Overwriting what earlier calls of a thread left on its stack.
//!
//! It may stay there for long, and it spreads: a value that is moved to the heap takes along the
//! stack's bytes in those of its fields that are not set yet. The future of a connection's task is
//! several KiB of such fields.

use std::hint::black_box;
use std::pin::Pin;
use std::task::Poll;

/// How much of the stack is overwritten. A call that decides or stores votes uses less.
const CLEARED_BYTES: usize = 512 * 1024;

/// How much of it is overwritten after a [`step`], which uses less.
const STEP_BYTES: usize = 8 * 1024;

/// Overwrites the unused part of this thread's stack, which may have votes in it.
pub(crate) fn clear() {
    overwrite::<CLEARED_BYTES>();
}

/// Does one step of handling a vote, and overwrites what it left on the stack.
pub(crate) fn step<T>(work: impl FnOnce() -> T) -> T {
    let done = apart(work);
    overwrite::<STEP_BYTES>();
    done
}

/// Handles a vote, and overwrites the stack after each step. The future is on the heap: what is
/// moved with its task is an address.
pub(crate) async fn in_steps<T>(mut work: Pin<Box<impl Future<Output = T>>>) -> T {
    std::future::poll_fn(|context| -> Poll<T> { step(|| work.as_mut().poll(context)) }).await
}

/// Not inlined, so that its frame is below that of its caller, as the overwritten bytes are.
#[inline(never)]
fn apart<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[inline(never)]
fn overwrite<const BYTES: usize>() {
    let mut unused = [0_u8; BYTES];
    // Without this, the compiler would remove the array.
    black_box(&mut unused);
}
