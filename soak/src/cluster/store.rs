//! The rows of a database: what is committed, what transactions in progress have written, and who
//! holds which row.
//!
//! A row has one writer at a time, so it has one committed value and at most one that is not
//! committed. Others read the committed one.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::values::{Row, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    Ledger,
    Elections,
    Acts,
    Roll,
    Servers,
    Chains,
    Entries,
    Tallies,
    Ballots,
    Sheet,
    Leases,
    Holders,
}

/// A row by its table and its primary key.
pub(super) type Key = (Table, Vec<Value>);

/// A transaction.
pub(super) type Tx = u64;

/// What a commit adds to the log.
#[derive(Debug)]
pub(super) struct Record {
    rows: Vec<(Key, Option<Row>)>,
    next_chain: i64,
}

impl Record {
    /// Whether it makes an act.
    pub(super) fn has_act(&self) -> bool {
        self.rows.iter().any(|((table, _), _)| *table == Table::Acts)
    }
}

/// The committed rows at one moment.
pub(super) type Snapshot = BTreeMap<Key, Row>;

#[derive(Debug, Default)]
struct Slot {
    row: Option<Row>,
    /// Who may write it, and what they have written.
    holder: Option<Tx>,
    written: Option<Option<Row>>,
    /// Who keeps others from writing it.
    sharers: BTreeSet<Tx>,
}

/// The rows of a primary.
#[derive(Debug, Default)]
pub(super) struct Store {
    slots: BTreeMap<Key, Slot>,
    next_chain: i64,
    /// The rows that each transaction has taken.
    taken: BTreeMap<Tx, BTreeSet<Key>>,
    /// For each transaction that waits, those that it waits for.
    waits: BTreeMap<Tx, Vec<Tx>>,
}

impl Store {
    /// What a log gives.
    pub(super) fn of(log: &[Rc<Record>]) -> Self {
        let mut store = Self::default();
        for record in log {
            for (key, row) in &record.rows {
                store.slots.entry(key.clone()).or_default().row = row.clone();
            }
            store.next_chain = store.next_chain.max(record.next_chain);
        }
        store
    }

    /// The next number of a chain. A transaction that is undone does not give it back.
    pub(super) fn next_chain(&mut self) -> i64 {
        self.next_chain += 1;
        self.next_chain
    }

    /// A row as a transaction sees it.
    pub(super) fn get(&self, tx: Tx, key: &Key) -> Option<&Row> {
        seen(self.slots.get(key)?, tx)
    }

    /// Whether a row is committed.
    pub(super) fn has(&self, key: &Key) -> bool {
        self.slots.get(key).is_some_and(|slot| slot.row.is_some())
    }

    /// All rows of a table, by their keys, as a transaction sees them.
    pub(super) fn scan(&self, tx: Tx, table: Table) -> impl Iterator<Item = &Row> {
        let slots = self.slots.range((table, Vec::new())..);
        let slots = slots.take_while(move |((of, _), _)| *of == table);
        slots.filter_map(move |(_, slot)| seen(slot, tx))
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let rows = self.slots.iter();
        rows.filter_map(|(key, slot)| Some((key.clone(), slot.row.clone()?))).collect()
    }

    /// Takes a row for a transaction, if it is free. Otherwise notes that it waits.
    pub(super) fn lock(&mut self, tx: Tx, key: &Key, is_alone: bool) -> bool {
        let slot = self.slots.entry(key.clone()).or_default();
        let mut others: Vec<Tx> = slot.holder.into_iter().filter(|it| *it != tx).collect();
        if is_alone {
            others.extend(slot.sharers.iter().filter(|it| **it != tx));
        }
        if !others.is_empty() {
            self.waits.insert(tx, others);
            return false;
        }
        if is_alone {
            slot.holder = Some(tx);
        } else {
            slot.sharers.insert(tx);
        }
        self.waits.remove(&tx);
        self.taken.entry(tx).or_default().insert(key.clone());
        true
    }

    /// Whether this transaction waits for itself.
    pub(super) fn is_deadlocked(&self, tx: Tx) -> bool {
        let (mut seen, mut next) = (BTreeSet::new(), vec![tx]);
        while let Some(waiting) = next.pop() {
            for other in self.waits.get(&waiting).into_iter().flatten() {
                if *other == tx {
                    return true;
                }
                if seen.insert(*other) {
                    next.push(*other);
                }
            }
        }
        false
    }

    pub(super) fn stop_waiting(&mut self, tx: Tx) {
        self.waits.remove(&tx);
    }

    /// Writes or removes a row that this transaction has taken.
    pub(super) fn put(&mut self, tx: Tx, key: &Key, row: Option<Row>) {
        let slot = self.slots.get_mut(key).filter(|slot| slot.holder == Some(tx));
        slot.expect("the row was taken").written = Some(row);
    }

    /// What a transaction has written; `None` if that is nothing.
    pub(super) fn record(&self, tx: Tx) -> Option<Record> {
        let taken = self.taken.get(&tx).into_iter().flatten();
        let mine = taken.map(|key| (key, &self.slots[key]));
        let mine = mine.filter(|(_, slot)| slot.holder == Some(tx));
        let rows: Vec<_> =
            mine.filter_map(|(key, slot)| Some((key.clone(), slot.written.clone()?))).collect();
        (!rows.is_empty()).then_some(Record { rows, next_chain: self.next_chain })
    }

    /// Ends a transaction.
    pub(super) fn end(&mut self, tx: Tx, is_committed: bool) {
        self.waits.remove(&tx);
        for key in self.taken.remove(&tx).unwrap_or_default() {
            let Some(slot) = self.slots.get_mut(&key) else { continue };
            slot.sharers.remove(&tx);
            if slot.holder == Some(tx) {
                slot.holder = None;
                if let Some(written) = slot.written.take()
                    && is_committed
                {
                    slot.row = written;
                }
            }
        }
    }
}

fn seen(slot: &Slot, tx: Tx) -> Option<&Row> {
    match &slot.written {
        Some(written) if slot.holder == Some(tx) => written.as_ref(),
        _ => slot.row.as_ref(),
    }
}
