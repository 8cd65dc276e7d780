//! The new epoch of a restored ledger.

use rusqlite::Connection;

use super::chain::{Kind, Seal};
use super::elections::Elections;
use super::epochs::{self, Epoch};
use super::file::now;
use super::format::FORMAT;
use super::mark::Position;
use super::rows::insert_entry;
use super::values::invalid;
use super::whole;
use crate::election::{ElectionId, ElectionState, LedgerId, Timestamp};

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreReport {
    /// The ledger.
    pub ledger: LedgerId,
    /// The epoch that the restore began.
    pub epoch: u64,
    /// When the backup was taken. `None` if that is not known.
    pub taken: Option<Timestamp>,
    /// The elections, oldest first: their state, and how many votes the backup has.
    pub elections: Vec<(ElectionId, ElectionState, u64)>,
    /// Those of them whose keys are missing.
    pub unreadable: Vec<ElectionId>,
    /// How many votes more were recorded, by the mark that was left in the data directory. `None`
    /// if there was no mark.
    pub lost: Option<u64>,
}

/// Begins a new epoch in a restored file, and notes the restore in the chain of each election that
/// is not closed. Returns how far the ledger is committed after that.
pub(super) fn begin_epoch(
    target: &mut Connection,
    elections: &Elections,
    taken: Option<Timestamp>,
    marked: Option<&Position>,
) -> rusqlite::Result<(RestoreReport, Position)> {
    let taken = taken.filter(|taken| taken.0 > 0);
    let before = whole::position(target, FORMAT)?;
    let transaction = target.transaction()?;
    let epochs = epochs::read(&transaction)?;
    let last = epochs.last().ok_or_else(|| invalid("the ledger has no epoch".into()))?;
    let marked = marked.filter(|marked| marked.ledger == last.ledger);
    // The mark knows restores that the backup does not.
    let epoch = last.epoch.max(marked.map_or(0, |marked| marked.epoch)).saturating_add(1);
    let epoch = Epoch::new(&last.head, epoch, last.ledger, now(), taken);
    epoch.insert(&transaction)?;
    transaction.execute("DELETE FROM backup", [])?;
    let (mut restored, mut unreadable) = (Vec::new(), Vec::new());
    for election in &elections.list {
        let definition = election.definition();
        let state = election.ballot_box.state();
        restored.push((definition.id.clone(), state, election.standing.ballots));
        if election.is_unreadable() {
            unreadable.push(definition.id.clone());
        }
        if state != ElectionState::Closed {
            let mut seal = Seal::new(&election.head, Kind::Restored, definition);
            seal.epoch(&epoch.head);
            let row = epoch.epoch.cast_signed();
            insert_entry(&transaction, election.key, Kind::Restored, Some((row, row)), seal)?;
        }
    }
    let entry = whole::last_entry(&transaction)?;
    transaction.commit()?;
    let position = Position { epoch: epoch.epoch, entry, ..before };
    let lost = marked.map(|marked| marked.votes.saturating_sub(before.votes));
    let (ledger, epoch) = (epoch.ledger, epoch.epoch);
    let report = RestoreReport { ledger, epoch, taken, elections: restored, unreadable, lost };
    Ok((report, position))
}
