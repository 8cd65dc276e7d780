//! Creating elections with long slates. Each takes some 10 ms of the ledger's thread, so they are
//! created one at a time, with pauses in which votes are committed.

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::election::Definition;

    fn create(name_bytes: usize) -> [Act; 1] {
        let names = (0..100).map(|name| format!("{name:0>name_bytes$}")).collect();
        let definition = Definition::new("board".parse().unwrap(), String::new(), names).unwrap();
        [Act::Create(definition.into())]
    }

    #[tokio::test(start_paused = true)]
    async fn long_creations_are_made_one_at_a_time_with_pauses() {
        let creations = Creations::new();
        let begun = Instant::now();
        let first = creations.turn(&create(256)).await;
        assert!(first.is_some() && begun.elapsed() < PAUSE);
        let other = creations.clone();
        let second = tokio::spawn(async move {
            let turn = other.turn(&create(256)).await;
            (turn.is_some(), Instant::now())
        });
        // A short one does not wait for it.
        assert!(creations.turn(&create(3)).await.is_none());
        tokio::time::sleep(PAUSE * 2).await;
        assert!(!second.is_finished());
        let dropped = Instant::now();
        drop(first);
        let (turn, at) = second.await.unwrap();
        assert!(turn && at >= dropped + PAUSE, "{:?}", at - dropped);
    }
}
