//! Creations of elections with long slates: each has the ledger's thread for some 10 ms, so they
//! are made one at a time, with pauses in which votes are committed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{Instant, sleep_until};

use crate::ledger::Act;

/// A definition of more bytes, as a message has them, is long.
const LONG_BYTES: usize = 16 << 10;

/// The pause after a long creation: few votes wait for one.
const PAUSE: Duration = Duration::from_millis(500);

/// When the next long creation may begin. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Creations(Arc<Mutex<Instant>>);

/// The turn of one long creation, until it is dropped.
pub(super) struct Turn(OwnedMutexGuard<Instant>);

impl Creations {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    /// Waits until these acts may be made, if one of them is a long creation.
    pub(super) async fn turn(&self, acts: &[Act]) -> Option<Turn> {
        if !acts.iter().any(is_long) {
            return None;
        }
        let turn = self.0.clone().lock_owned().await;
        sleep_until(*turn).await;
        Some(Turn(turn))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *self.0 = Instant::now() + PAUSE;
    }
}

fn is_long(act: &Act) -> bool {
    matches!(act, Act::Create(definition) if definition.message_bytes() > LONG_BYTES)
}
