//! What a simulation puts in the place of the network and of the ledger's thread.

use std::io;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::io::DuplexStream;
use tokio_util::sync::CancellationToken;

use super::start::{Missing, start};
use super::{Options, PostgresLedger, Started, Worker};
use crate::ledger::{Metrics, OpenError};
use crate::threads::background;

/// Reaches the host of this index.
pub type Dial = Arc<dyn Fn(usize) -> BoxFuture<'static, io::Result<DuplexStream>> + Send + Sync>;

impl Options {
    /// The same, with connections that are made by `dial`.
    #[doc(hidden)]
    #[must_use]
    pub fn with_dial(self, dial: Dial) -> Self {
        Self { dial: Some(dial), ..self }
    }
}

impl PostgresLedger {
    /// Opens a ledger without a thread. Returns the future that does its work, too, until the token
    /// is cancelled. For simulations, which control when it runs: within a set of local tasks. What
    /// takes long is done by the calling thread from here on.
    ///
    /// # Errors
    /// [`OpenError::Database`] and [`OpenError::Thread`].
    #[doc(hidden)]
    pub async fn without_thread(
        options: Options,
        metrics: Metrics,
        stop: CancellationToken,
    ) -> Result<(Self, impl Future<Output = bool>), OpenError> {
        background::stay_on_this_thread();
        let (started, work) = start(options, Missing::Created, metrics).await?;
        let Started { shared, votes, acts, reads } = started;
        let ledger = Self { shared, votes, acts, reads, worker: Worker::none() };
        Ok((ledger, work.run(stop)))
    }
}
