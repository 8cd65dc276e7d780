//! Clearing the stacks of a server's threads after each close: what they did before may have left
//! votes there.

use std::sync::Arc;

use tokio::sync::watch;

use crate::election::ElectionState;
use crate::ledger::{Ledger, Snapshot};
use crate::threads::stack;

/// Tells the threads of a server how many elections are closed. They do not wait for snapshots
/// themselves, since every commit would wake all of them.
#[derive(Debug, Clone)]
pub(super) struct Closes(watch::Sender<usize>);

impl Closes {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    /// Clears the stack of this thread after each close. Ends when every clone of this is dropped.
    pub(super) fn clear_stack(&self) -> impl Future<Output = ()> + use<> {
        let mut closed = self.0.subscribe();
        async move {
            while closed.changed().await.is_ok() {
                stack::clear();
            }
        }
    }

    /// Counts the closed elections of a ledger after every commit.
    pub(super) async fn follow(self, ledger: Arc<dyn Ledger>) {
        let mut snapshots = ledger.snapshots();
        loop {
            let count = closed(&snapshots.borrow_and_update());
            self.0.send_if_modified(|known| std::mem::replace(known, count) != count);
            if snapshots.changed().await.is_err() {
                return;
            }
        }
    }
}

fn closed(snapshot: &Snapshot) -> usize {
    snapshot.elections.iter().filter(|it| it.state == ElectionState::Closed).count()
}
