//! Overwriting what earlier calls of a thread left on its stack.

/// How much of the stack is overwritten. A call that decides or stores votes uses less.
const CLEARED_BYTES: usize = 512 * 1024;

/// Overwrites the unused part of this thread's stack, which may have votes in it.
#[inline(never)]
pub(crate) fn clear() {
    let mut unused = [0_u8; CLEARED_BYTES];
    // Without this, the compiler would remove the array.
    std::hint::black_box(&mut unused);
}
