//! How long a count of lines waits for its client, while memory is scarce.

use std::mem;
use std::pin::pin;

use capnp::Error;
use tokio::time::{Instant, sleep_until};

use super::session::COUNTS_MAX;
use crate::net::budget::{self, CONNECTION_BYTES_MIN, Taken};
use crate::net::connection::MEMORY_WAIT_MAX;

/// What a count may take whatever others take, in bytes: those of a connection as much as the connection itself.
const COUNT_BYTES_MIN: usize = CONNECTION_BYTES_MIN / COUNTS_MAX;

/// Sees to it that a count does not keep memory that is scarce, and go on with nothing: the client may let it wait for ever.
pub(super) struct Patience {
    pub(super) taken: Taken,
    looked: Instant,
    /// Whether lines were handed over since then.
    pub(super) went_on: bool,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self { taken: Taken::with(COUNT_BYTES_MIN), looked: Instant::now(), went_on: false }
    }

    /// Waits for the client. `give_back` returns the bytes that are needed meanwhile.
    pub(super) async fn wait<T>(
        &mut self,
        goes_on: impl Future<Output = Result<T, Error>>,
        give_back: impl Fn() -> usize,
    ) -> Result<T, Error> {
        let mut goes_on = pin!(goes_on);
        loop {
            tokio::select! {
                biased;
                () = sleep_until(self.looked + MEMORY_WAIT_MAX) => self.look(&give_back)?,
                came = &mut goes_on => return came,
            }
        }
    }

    fn look(&mut self, give_back: impl Fn() -> usize) -> Result<(), Error> {
        self.looked = Instant::now();
        let went_on = mem::take(&mut self.went_on);
        if !budget::is_scarce() {
            return Ok(());
        }
        self.taken.set(give_back());
        if went_on || self.taken.beyond() == 0 {
            return Ok(());
        }
        Err(Error::overloaded(format!(
            "the count did not go on for {} s, while so much else is counted; try again later",
            MEMORY_WAIT_MAX.as_secs()
        )))
    }
}
