//! Replaying ballots: opening and counting them, or the sheet that a close made of them.

use rusqlite::{Row, Rows};

use super::Replay;
use super::opener::Unopened;
use crate::election::{Ballots, Definition, ElectionState, VoterNumber, count_with};
use crate::ledger::OpenError;
use crate::ledger::keys::{Keys, Owner};
use crate::ledger::roll::BallotRow;
use crate::ledger::sqlite::ballot_box::RollEntry;
use crate::ledger::sqlite::chain::Seal;
use crate::ledger::sqlite::entry::Entry;
use crate::ledger::sqlite::{sheet, values};

/// How the ballots of elections that are not closed are opened.
#[derive(Clone, Copy)]
pub(in crate::ledger::sqlite) struct Opening<'a> {
    pub(in crate::ledger::sqlite) keys: &'a Keys,
    /// Whether an election without ballots gets a new key if it has none.
    pub(in crate::ledger::sqlite) makes_keys: bool,
    /// Whether ballots without their key are accepted. Those of a restored election always are: if
    /// nobody has confirmed it, it takes no more votes.
    pub(in crate::ledger::sqlite) accepts_missing: bool,
}

impl Replay<'_> {
    /// Reads the key of a new election, unless it is closed at the end.
    pub(super) fn read_key(&mut self, entry: &Entry) -> Result<(), OpenError> {
        if self.closed.contains(&(entry.election as i64 + 1)) {
            return Ok(());
        }
        let ledger = self.elections.origin.ledger;
        let keys = self.opening.keys;
        let election = self.election(entry)?;
        election.sealing = keys.read(&election.owner(ledger))?;
        if let Some(key) = election.sealing.clone() {
            let definition = election.ballot_box.definition().clone();
            self.opener.election(entry.election, definition, key);
        }
        Ok(())
    }

    /// Counts the lines in the rows of an entry.
    pub(super) fn sheet(
        &mut self,
        entry: &Entry,
        rows: &mut Rows<'_>,
        seal: &mut Seal,
    ) -> Result<(), OpenError> {
        let definition = self.election(entry)?.ballot_box.definition().clone();
        let Definition { slate, rules, .. } = &*definition;
        let mut ballots = Ballots::new(slate, rules);
        for id in entry.rows.clone() {
            let row = self.row(entry, rows, id)?;
            let line =
                row.get_ref(2).and_then(|it| Ok((it.as_blob()?, row.get_ref(3)?.as_blob()?)));
            let (stored, nonce) = line.map_err(|error| self.unreadable(error))?;
            seal.line(stored, nonce);
            let Ok((ballot, _)) = values::ballot(&definition, stored, nonce) else {
                return Err(self.entry_damaged(entry, "has a ballot that is off the slate"));
            };
            ballots.add(&ballot);
            self.election(entry)?.ballot_box.count_final(&ballot);
        }
        let voters = self.election(entry)?.ballot_box.voters();
        let rows = entry.rows.clone().into_inner();
        let seed = || sheet::lot_seed(self.connection, &definition, rows);
        let count = count_with(slate, rules, &ballots, voters, seed);
        let count = count.map_err(|error| self.unreadable(error))?;
        self.election(entry)?.ballot_box.set_count(count);
        Ok(())
    }

    /// Counts the sealed ballots in the rows of an entry.
    pub(super) fn count(
        &mut self,
        entry: &Entry,
        ballots: &mut Rows<'_>,
        seal: &mut Seal,
    ) -> Result<(), OpenError> {
        let election = self.election(entry)?;
        let is_open = election.ballot_box.state() == ElectionState::Open;
        let may_count = is_open && !election.ballot_box.is_unconfirmed();
        let has_key = election.sealing.is_some();
        let mut bytes = Vec::new();
        for id in entry.rows.clone() {
            let row = self.row(entry, ballots, id)?;
            bytes.clear();
            let number = sealed(row, &mut bytes).map_err(|error| self.unreadable(error))?;
            seal.ballot(number, &bytes);
            let at = match self.elections.roll_entry(entry.election, number) {
                RollEntry::Unused(at) if may_count => at,
                _ => return Err(self.ballot_damaged(id)),
            };
            let row = u64::try_from(id).ok().and_then(BallotRow::new);
            let row = row.ok_or_else(|| self.ballot_damaged(id))?;
            self.elections.last_ballot = row.get();
            self.election(entry)?.ballot_box.mark_used(at, row);
            if has_key {
                self.opener.ballot(entry.election, id, number, &bytes);
            }
        }
        Ok(())
    }

    /// Counts the ballots that were opened.
    pub(super) fn count_opened(&mut self) -> Result<(), OpenError> {
        let tallies = self.opener.finish().map_err(|unopened| self.unopened(&unopened))?;
        for (index, tally) in tallies {
            if let Some(election) = self.elections.list.get_mut(index) {
                election.ballot_box.set_tally(tally);
            }
        }
        Ok(())
    }

    /// The error for a ballot that cannot be opened. What is stored matches the hash chain, so that
    /// it is the key that does not.
    fn unopened(&self, unopened: &Unopened) -> OpenError {
        let keys = self.opening.keys;
        let election = self.elections.list.get(unopened.election);
        match (unopened.by_key, election) {
            (true, Some(election)) => {
                let owner = election.owner(self.elections.origin.ledger);
                OpenError::Refused {
                    path: keys.path(&owner),
                    why: format!(
                        "it is not the key that ballot {} of election {} was sealed with: put the \
                         right one there",
                        unopened.ballot, owner.election
                    ),
                }
            }
            _ => self.ballot_damaged(unopened.ballot),
        }
    }

    fn ballot_damaged(&self, id: i64) -> OpenError {
        self.damaged(format!("ballot {id} breaks the rules of its election"))
    }

    /// Settles what becomes of elections that are not closed and have no keys.
    pub(super) fn settle_keys(&mut self) -> Result<(), OpenError> {
        let ledger = self.elections.origin.ledger;
        let Opening { keys, makes_keys, accepts_missing } = self.opening;
        for election in &mut self.elections.list {
            if election.sealing.is_some() || self.closed.contains(&election.key) {
                continue;
            }
            if election.is_unreadable() {
                if !accepts_missing && !election.ballot_box.is_unconfirmed() {
                    return Err(key_missing(keys, &election.owner(ledger)));
                }
                election.ballot_box.set_unread();
                let election = &election.definition().id;
                tracing::error!(%election, "its key is missing: nobody can count its ballots");
            } else if makes_keys {
                let owner = election.owner(ledger);
                let key = keys.make(&owner)?;
                let id = owner.election;
                tracing::warn!(election = %id, "its key is missing: it gets another");
                election.sealing = Some(key);
            }
        }
        Ok(())
    }
}

/// The error for an election with ballots and without its key.
fn key_missing(keys: &Keys, owner: &Owner<'_>) -> OpenError {
    let id = owner.election;
    OpenError::Refused {
        path: keys.path(owner),
        why: format!(
            "the key of election {id} is missing: put the file back there; without it nobody can \
             count the ballots of this election"
        ),
    }
}

/// Reads the number and the sealed ballot of a row.
fn sealed(row: &Row<'_>, into: &mut Vec<u8>) -> rusqlite::Result<VoterNumber> {
    into.extend(row.get_ref(3)?.as_blob()?);
    Ok(VoterNumber::from(row.get::<_, i64>(2)?.cast_unsigned()))
}
