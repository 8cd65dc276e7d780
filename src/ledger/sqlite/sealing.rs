//! The keys of a store's elections: made at the creation, kept while ballots are sealed with them,
//! destroyed at the close.

use super::elections::{NewBallot, StoredElection};
use super::store::Store;
use crate::election::{Definition, ElectionState, Origin};
use crate::ledger::LedgerError;

impl Store {
    /// Makes the key of a new election, before the election is stored.
    pub(super) fn make_key(&mut self, definition: &Definition) -> Result<(), LedgerError> {
        let Origin { ledger, .. } = self.elections.origin;
        let index = self.elections.by_id.get(&definition.id);
        let election = index.and_then(|&index| self.elections.list.get_mut(index));
        if let Some(election) = election {
            let key = self.file.keys.make(&election.owner(ledger)).map_err(|error| {
                let election = &definition.id;
                tracing::error!(%election, %error, "the key cannot be stored");
                not_kept()
            })?;
            election.sealing = Some(key);
        }
        Ok(())
    }

    /// Makes sure, before these ballots are stored, that the files of their keys are there: without
    /// them nobody could count the ballots after the next start.
    pub(super) fn keep_keys(&mut self, counted: &[NewBallot]) -> Result<(), LedgerError> {
        let ballots = counted.chunk_by(|a, b| a.election == b.election);
        for index in ballots.filter_map(|it| it.first()).map(|it| it.election) {
            if !self.has_key(index) {
                // Another ledger may be in the place of this one.
                self.file.check_place().map_err(|why| self.stop_in_doubt(&why))?;
                self.keep_key(index)?;
            }
        }
        Ok(())
    }

    /// The same for all elections, before the keys in memory are gone.
    pub(super) fn keep_all_keys(&self) {
        let lost = (0..self.elections.list.len()).filter(|&index| !self.has_key(index));
        for index in lost {
            if self.file.check_place().is_err() {
                return;
            }
            // The log has the error.
            let _ = self.keep_key(index);
        }
    }

    /// Whether the key of an election has its file, if it needs one.
    fn has_key(&self, index: usize) -> bool {
        let Origin { ledger, .. } = self.elections.origin;
        let sealed = self.elections.list.get(index).filter(|it| it.sealing.is_some());
        sealed.is_none_or(|it| self.file.keys.has(&it.owner(ledger)))
    }

    fn keep_key(&self, index: usize) -> Result<(), LedgerError> {
        let Origin { ledger, .. } = self.elections.origin;
        let stored = self.elections.list.get(index);
        let Some((stored, key)) = stored.and_then(|it| Some((it, it.sealing.as_ref()?))) else {
            return Ok(());
        };
        let election = &stored.definition().id;
        match self.file.keys.keep(&stored.owner(ledger), key) {
            Ok(()) => {
                tracing::error!(%election, "the file of the key was gone, and is written again");
                Ok(())
            }
            Err(error) => {
                tracing::error!(
                    %election, %error, "the file of the key is gone, and cannot be written again"
                );
                Err(not_kept())
            }
        }
    }

    /// Destroys the keys of closed elections. What cannot be destroyed is tried again at the next
    /// close, and at the next start; a [report](crate::ledger::Report) says that the key is there.
    pub(super) fn destroy_keys(&self) {
        let Origin { ledger, .. } = self.elections.origin;
        let closed = |it: &&StoredElection| it.ballot_box.state() == ElectionState::Closed;
        for election in self.elections.list.iter().filter(closed) {
            let owner = election.owner(ledger);
            if let Err(error) = self.file.keys.destroy(&owner) {
                let path = self.file.keys.path(&owner);
                tracing::error!(
                    file = %path.display(), %error, "the key of a closed election is not destroyed"
                );
            }
        }
    }

    /// Brings the folder of the keys in order at a start: the process may have ended between a close
    /// and the end of its key, or while it wrote one.
    pub(super) fn tidy_keys(&self) {
        self.destroy_keys();
        let Origin { ledger, .. } = self.elections.origin;
        let not_closed = |it: &&StoredElection| it.ballot_box.state() != ElectionState::Closed;
        let not_closed = self.elections.list.iter().filter(not_closed);
        match self.file.keys.sweep(not_closed.map(|it| it.owner(ledger))) {
            Ok(others) => {
                for path in others {
                    tracing::warn!(
                        file = %path.display(),
                        "this is no key of an election that is open or a draft in this ledger; if \
                         no other ledger needs it, remove it"
                    );
                }
            }
            Err(error) => tracing::error!(%error, "the folder of the keys cannot be looked at"),
        }
    }
}

fn not_kept() -> LedgerError {
    let why = "the key of the election's ballots cannot be stored; the server's log says why";
    LedgerError::NotStored(why.into())
}
