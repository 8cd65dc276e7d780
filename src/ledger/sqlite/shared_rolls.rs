//! Rolls that elections share: numbers are issued in one election, and vote in each.

use std::sync::Arc;

use rusqlite::Connection;

use super::ballot_box::RollEntry;
use super::chain::Kind;
use super::elections::{Elections, StoredElection};
use super::entry::{COLUMNS, Entry};
use super::values;
use crate::election::{ChangeRefusal, Definition, ElectionId, ElectionState, VoterNumber};
use crate::ledger::ActRefusal;
use crate::ledger::roll::Roll;
use crate::ledger::run::Run;

impl Elections {
    /// The definition of a new election with the roll's own election in place of one that shares it,
    /// and the index of that.
    pub(super) fn with_roll(
        &self,
        definition: &Arc<Definition>,
    ) -> Result<(Arc<Definition>, Option<usize>), ActRefusal> {
        let Some(asked) = &definition.roll else { return Ok((definition.clone(), None)) };
        let of = |index: usize| self.list.get(index);
        let index = self.by_id.get(asked).copied();
        let other = index.and_then(|index| Some((index, of(index)?)));
        let (index, other) = other.ok_or_else(|| ActRefusal::NoSuchElection(asked.clone()))?;
        let owner = other.roll.unwrap_or(index);
        let id = of(owner).map(|owner| owner.definition().id.clone());
        if id.as_ref() == Some(asked) {
            return Ok((definition.clone(), Some(owner)));
        }
        Ok((Arc::new(Definition::clone(definition).with_roll(id)), Some(owner)))
    }

    /// What the roll of an election has under a number.
    pub(super) fn roll_entry(&self, index: usize, number: VoterNumber) -> RollEntry {
        let Some(election) = self.list.get(index) else { return RollEntry::NotOnRoll };
        match election.roll.map(|owner| self.list.get(owner)) {
            None => election.ballot_box.roll_entry(number),
            Some(Some(owner)) => election.ballot_box.shared_entry(&owner.ballot_box, number),
            Some(None) => RollEntry::NotOnRoll,
        }
    }

    /// The elections that share the roll of this one.
    pub(super) fn sharing(&self, owner: usize) -> impl Iterator<Item = &StoredElection> {
        let sharers = self.sharers.get(&owner).into_iter().flatten();
        sharers.filter_map(|&index| self.list.get(index))
    }

    /// Whether an election that is not closed shares the roll of this one.
    pub(super) fn is_shared(&self, owner: usize) -> bool {
        self.sharing(owner).any(|it| it.ballot_box.state() != ElectionState::Closed)
    }

    /// Tells the elections that share the roll of this one how many numbers are on it.
    pub(super) fn note_roll(&mut self, owner: usize) {
        let Some(sharers) = self.sharers.get(&owner) else { return };
        let numbers = self.list.get(owner).map_or(0, |it| it.ballot_box.roll_numbers());
        for &index in sharers {
            if let Some(sharer) = self.list.get_mut(index) {
                sharer.ballot_box.note_shared(numbers as u64);
            }
        }
    }

    /// Notes that what the elections know of the roll of this one is stored.
    pub(super) fn publish_roll(&mut self, owner: usize) {
        let Some(sharers) = self.sharers.get(&owner) else { return };
        for &index in sharers {
            if let Some(sharer) = self.list.get_mut(index)
                && sharer.standing.voters != sharer.ballot_box.voters()
            {
                sharer.standing = Arc::new(sharer.ballot_box.standing());
            }
        }
    }

    /// Whether numbers of an election can be voided, if they can still vote somewhere. The roll of a
    /// closed election is final, also while others share it.
    pub(super) fn may_void(&self, index: usize) -> Result<(), ActRefusal> {
        match self.list.get(index).map(|it| (it, it.ballot_box.state())) {
            Some((it, ElectionState::Closed)) if self.is_shared(index) => {
                let election = it.definition().id.clone();
                Err(ActRefusal::NotAllowed { election, refusal: ChangeRefusal::Closed })
            }
            _ => Ok(()),
        }
    }

    /// Whether numbers may be revoked as far as the elections that share the roll allow it.
    pub(super) fn may_revoke(&self, id: &ElectionId) -> Result<(), ActRefusal> {
        let Some(&index) = self.by_id.get(id) else { return Ok(()) };
        self.sharing(index)
            .try_for_each(|sharer| sharer.ballot_box.state().may_revoke())
            .map_err(|refusal| ActRefusal::NotAllowed { election: id.clone(), refusal })
    }
}

/// Reads the roll that a new election shares back into memory, as it is before the entry `until`,
/// if it was forgotten at the close of its own election.
pub(super) fn remember_roll(
    elections: &mut Elections,
    connection: &Connection,
    definition: &Arc<Definition>,
    until: i64,
) -> rusqlite::Result<()> {
    // Creating the election refuses one that does not exist.
    let Ok((_, Some(owner))) = elections.with_roll(definition) else { return Ok(()) };
    let Some(stored) = elections.list.get_mut(owner) else { return Ok(()) };
    let is_closed = stored.ballot_box.state() == ElectionState::Closed;
    if !is_closed || stored.ballot_box.roll_numbers() > 0 {
        return Ok(());
    }
    let mut select = connection.prepare(&format!(
        "SELECT {COLUMNS} FROM entries WHERE election = ?1 AND id < ?2 ORDER BY id"
    ))?;
    let mut entries = select.query([stored.key, until])?;
    let mut roll = Roll::default();
    while let Some(row) = entries.next()? {
        let entry = Entry::read(row)?;
        let added = match entry.kind {
            Kind::Issued | Kind::IssuedByOfficer | Kind::IssuedByLink => true,
            Kind::Revoked | Kind::Voided | Kind::VoidedAdded => false,
            _ => continue,
        };
        let table = entry.kind.table().unwrap_or_default();
        let sql = format!("SELECT numbers FROM {table} WHERE id BETWEEN ?1 AND ?2 ORDER BY id");
        let mut rows = connection.prepare_cached(&sql)?;
        let mut rows = rows.query([entry.rows.start(), entry.rows.end()])?;
        let mut run = Run::default();
        while let Some(row) = rows.next()? {
            let numbers = values::numbers(row.get_ref(0)?)?;
            // The rules were checked when these rows were stored, or replayed.
            let _ = if added { run.extend(&numbers) } else { roll.remove(&numbers) };
        }
        roll.push(run);
        roll.settle();
    }
    stored.ballot_box.remember_roll(roll);
    Ok(())
}
