//! Aborts counts of lines that hold scarce memory without progress.

use std::mem;
use std::pin::pin;

use capnp::Error;
use tokio::time::{Instant, sleep_until};

use super::session::COUNTS_MAX;
use crate::net::budget::{self, CONNECTION_BYTES_MIN, MemoryUse};
use crate::net::connection::MEMORY_WAIT_MAX;

/// The allowance of one count, in bytes: all counts of a connection together have as much as the
/// connection itself.
const COUNT_BYTES_MIN: usize = CONNECTION_BYTES_MIN / COUNTS_MAX;

/// Checks a count every [`MEMORY_WAIT_MAX`] while it waits for its client, which may never answer a
/// read or take lines.
pub(super) struct StallGuard {
    pub(super) memory: MemoryUse,
    checked: Instant,
    /// Whether lines were passed to the client since the last check.
    pub(super) progressed: bool,
}

impl StallGuard {
    pub(super) fn new() -> Self {
        let memory = MemoryUse::with_allowance(COUNT_BYTES_MIN);
        Self { memory, checked: Instant::now(), progressed: false }
    }

    /// Awaits the client's `answer`. `shrink` releases unneeded memory and returns the bytes left.
    ///
    /// # Errors
    /// That of `answer`; or one that ends the count, if memory is scarce and it made no progress.
    pub(super) async fn wait<T>(
        &mut self,
        answer: impl Future<Output = Result<T, Error>>,
        shrink: impl Fn() -> usize,
    ) -> Result<T, Error> {
        let mut answer = pin!(answer);
        loop {
            tokio::select! {
                biased;
                () = sleep_until(self.checked + MEMORY_WAIT_MAX) => self.check(&shrink)?,
                answer = &mut answer => return answer,
            }
        }
    }

    fn check(&mut self, shrink: impl Fn() -> usize) -> Result<(), Error> {
        self.checked = Instant::now();
        let progressed = mem::take(&mut self.progressed);
        if !budget::is_scarce() {
            return Ok(());
        }
        self.memory.set(shrink());
        if progressed || self.memory.beyond_allowance() == 0 {
            return Ok(());
        }
        Err(Error::overloaded(format!(
            "the count made no progress for {} s while memory is scarce; try again later",
            MEMORY_WAIT_MAX.as_secs()
        )))
    }
}
