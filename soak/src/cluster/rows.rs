//! How the statements of a session read and write rows, and wait for those of others.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::session::Session;
use super::store::{Key, Table};
use super::values::{Row, Value};
use super::wire::Failure;

/// How long a statement waits for a row: the ledger sets it for its sessions.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(10);

/// How long a wait lasts before somebody looks for a circle.
const DEADLOCK_PAUSE: Duration = Duration::from_secs(1);

impl Session {
    /// Waits for a row.
    pub(super) async fn lock(&self, key: &Key, is_alone: bool) -> Result<(), Failure> {
        let changed = self.shared.borrow().changed.clone();
        let (tx, begun) = (self.tx(), Instant::now());
        let mut end = begun + DEADLOCK_PAUSE;
        loop {
            let changed = changed.notified();
            if self.shared.borrow_mut().nodes[self.node].store.lock(tx, key, is_alone) {
                return Ok(());
            }
            if timeout_at(end, changed).await.is_ok() {
                continue;
            }
            let store = &mut self.shared.borrow_mut().nodes[self.node].store;
            let failure = if store.is_deadlocked(tx) {
                Failure::new("40P01", "deadlock detected")
            } else if begun.elapsed() >= LOCK_WAIT_MAX {
                Failure::new("55P03", "canceling statement due to lock timeout")
            } else {
                end = begun + LOCK_WAIT_MAX;
                continue;
            };
            store.stop_waiting(tx);
            return Err(failure);
        }
    }

    /// A row, as this transaction sees it.
    pub(super) fn get(&self, key: &Key) -> Option<Row> {
        match self.tx.as_ref().and_then(|tx| tx.snapshot.as_ref()) {
            Some(snapshot) => snapshot.get(key).cloned(),
            None => self.shared.borrow().nodes[self.node].store.get(self.tx(), key).cloned(),
        }
    }

    /// The rows of a table, as this transaction sees them, for which `wanted` holds.
    pub(super) fn rows(&self, table: Table, wanted: impl Fn(&Row) -> bool) -> Vec<Row> {
        match self.tx.as_ref().and_then(|tx| tx.snapshot.as_ref()) {
            Some(snapshot) => {
                let rows = snapshot.iter().filter(|((of, _), _)| *of == table);
                rows.map(|(_, row)| row).filter(|row| wanted(row)).cloned().collect()
            }
            None => {
                let shared = self.shared.borrow();
                let rows = shared.nodes[self.node].store.scan(self.tx(), table);
                rows.filter(|row| wanted(row)).cloned().collect()
            }
        }
    }

    pub(super) fn put(&self, key: &Key, row: Option<Row>) {
        self.shared.borrow_mut().nodes[self.node].store.put(self.tx(), key, row);
    }

    /// Stores a new row. Returns `false` if there is one with its key, also after a rival's commit.
    pub(super) async fn insert(&self, key: Key, row: Row) -> Result<bool, Failure> {
        let is_there = || self.shared.borrow().nodes[self.node].store.has(&key);
        if is_there() || self.get(&key).is_some() {
            return Ok(false);
        }
        self.lock(&key, true).await?;
        if is_there() {
            return Ok(false);
        }
        self.put(&key, Some(row));
        Ok(true)
    }

    /// The same, where another row with this key is an error.
    pub(super) async fn insert_new(&self, key: Key, row: Row) -> Result<(), Failure> {
        match self.insert(key, row).await? {
            true => Ok(()),
            false => Err(Failure::new("23505", "duplicate key value violates unique constraint")),
        }
    }

    /// Changes the rows of a table for which `wanted` holds, also after others have changed them.
    /// Returns those that were changed.
    pub(super) async fn update(
        &self,
        table: Table,
        key: impl Fn(&Row) -> Vec<Value>,
        wanted: impl Fn(&Row) -> bool,
        change: impl Fn(&mut Row),
    ) -> Result<Vec<Row>, Failure> {
        let mut changed = Vec::new();
        for row in self.rows(table, &wanted) {
            let key = (table, key(&row));
            self.lock(&key, true).await?;
            if let Some(mut row) = self.get(&key).filter(|row| wanted(row)) {
                change(&mut row);
                self.put(&key, Some(row.clone()));
                changed.push(row);
            }
        }
        Ok(changed)
    }
}
