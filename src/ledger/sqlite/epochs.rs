//! The epochs of a ledger: one from its creation on, and one more from each restore on.
//!
//! The rows are a hash chain of their own, and the chain of each restored election covers the row
//! of its restore.

use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};

use super::chain::{GENESIS, Head};
use super::values::invalid;
use crate::election::{LedgerId, Timestamp};

/// The tables that format 2 adds to those of format 1.
pub(super) const TABLES: &str = "
    -- Restores: an epoch begins at the ledger's creation, and at each restore.
    CREATE TABLE epochs (
        epoch  INTEGER PRIMARY KEY, -- from 1
        ledger BLOB NOT NULL, -- the ledger's identity: 16 random bytes, the same in each row
        begun  INTEGER NOT NULL, -- seconds since 1970
        taken  INTEGER, -- when the backup was taken that was restored; null for the first epoch and
                        -- for a copy that was not a backup
        head   BLOB NOT NULL -- SHA-256 over the head before and the row
    ) STRICT;
    -- In a backup: when it was taken. Empty in a ledger.
    CREATE TABLE backup (
        taken INTEGER PRIMARY KEY
    ) STRICT;
";

/// One epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Epoch {
    pub(super) epoch: u64,
    pub(super) ledger: LedgerId,
    pub(super) begun: Timestamp,
    pub(super) taken: Option<Timestamp>,
    pub(super) head: Head,
}

impl Epoch {
    /// The epoch after the head `previous`, with its own head.
    pub(super) fn new(
        previous: &Head,
        epoch: u64,
        ledger: LedgerId,
        begun: Timestamp,
        taken: Option<Timestamp>,
    ) -> Self {
        let mut hash = Sha256::new_with_prefix(b"capvote epoch 1\0");
        hash.update(previous);
        hash.update(ledger.as_bytes());
        hash.update(epoch.to_le_bytes());
        hash.update(begun.0.to_le_bytes());
        hash.update([u8::from(taken.is_some())]);
        hash.update(taken.map_or(0, |taken| taken.0).to_le_bytes());
        Self { epoch, ledger, begun, taken, head: hash.finalize().into() }
    }

    /// The first epoch of a ledger.
    pub(super) fn first(ledger: LedgerId, begun: Timestamp) -> Self {
        Self::new(&GENESIS, 1, ledger, begun, None)
    }

    pub(super) fn insert(&self, connection: &Connection) -> rusqlite::Result<()> {
        let Self { epoch, ledger, begun, taken, head } = self;
        connection.execute(
            "INSERT INTO epochs (epoch, ledger, begun, taken, head) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                epoch.cast_signed(),
                ledger.as_bytes(),
                begun.0.cast_signed(),
                taken.map(|taken| taken.0.cast_signed()),
                head
            ],
        )?;
        Ok(())
    }
}

/// Reads the epochs, and verifies their heads. There is at least one.
pub(super) fn read(connection: &Connection) -> rusqlite::Result<Vec<Epoch>> {
    let mut select = connection
        .prepare("SELECT epoch, ledger, begun, taken, head FROM epochs ORDER BY epoch")?;
    let mut rows = select.query([])?;
    let mut epochs: Vec<Epoch> = Vec::new();
    while let Some(row) = rows.next()? {
        let ledger: [u8; LedgerId::BYTES] = row.get(1)?;
        let seconds = |stored: i64| Timestamp(stored.cast_unsigned());
        let epoch = row.get::<_, i64>(0)?.cast_unsigned();
        let taken = row.get::<_, Option<i64>>(3)?.map(seconds);
        let previous = epochs.last().map_or(GENESIS, |before| before.head);
        let read = Epoch::new(&previous, epoch, ledger.into(), seconds(row.get(2)?), taken);
        let same = epochs.first().is_none_or(|first| first.ledger == read.ledger);
        if row.get::<_, Head>(4)? != read.head || !same {
            return Err(invalid(format!("epoch {epoch} is not the one that was stored")));
        }
        epochs.push(read);
    }
    if epochs.first().is_none_or(|first| first.epoch != 1) {
        return Err(invalid("the ledger's first epoch is missing".into()));
    }
    Ok(epochs)
}

/// When a backup was taken. `None` for a ledger.
pub(super) fn backup_taken(connection: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    let taken: Option<i64> =
        connection.query_row("SELECT max(taken) FROM backup", [], |row| row.get(0))?;
    Ok(taken.map(|seconds| Timestamp(seconds.cast_unsigned())))
}
