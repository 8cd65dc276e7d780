//! Acts: what officers and the server do, but for votes.

use std::sync::Arc;

use super::shared_rolls;
use super::store::Store;
use super::write;
use crate::election::Definition;
use crate::ledger::{Act, Authorization, LedgerError};

impl Store {
    /// Makes these changes in order, all or none, in one transaction, if the authorization is in
    /// force.
    ///
    /// # Errors
    /// [`LedgerError::NotStored`], [`LedgerError::Unknown`], and after that always
    /// [`LedgerError::Stopped`]; [`LedgerError::Refused`] and [`LedgerError::Revoked`].
    pub fn act(&mut self, acts: &[Act], under: Option<&Authorization>) -> Result<(), LedgerError> {
        let done = self.act_unsettled(acts, under);
        while self.settle_step() {}
        self.copy();
        done
    }

    /// As [`act`](Self::act), but leaves runs of the rolls to be merged by
    /// [`settle_step`](Self::settle_step), and the WAL to be copied.
    pub(super) fn act_unsettled(
        &mut self,
        acts: &[Act],
        under: Option<&Authorization>,
    ) -> Result<(), LedgerError> {
        self.check_authorized(under)?;
        let (grants, ended) = (self.elections.grants.clone(), self.elections.ended.clone());
        let issuer = self.elections.issuer(under);
        let closes = acts.iter().any(|act| matches!(act, Act::Close(_)));
        let created = acts.iter().filter_map(|act| match act {
            Act::Create(definition) => Some(definition),
            _ => None,
        });
        created.clone().try_for_each(|definition| self.remember_roll(definition))?;
        // For each applied act, the index of the election that it changes.
        let mut changed = Vec::new();
        let applied = acts.iter().try_for_each(|act| {
            changed.push(self.elections.apply(act, &issuer)?);
            Ok(())
        });
        let stored = applied.and_then(|()| {
            created.clone().try_for_each(|definition| self.make_key(definition))?;
            let connection = &mut self.file.connection;
            let written = write::acts(connection, &self.elections, acts, &changed, &issuer);
            // An act may be long, and is copied at once: its length is not noted.
            self.attest_act(written).map(|(advances, _)| advances)
        });
        match stored {
            Ok(advances) => {
                self.elections.advance(advances);
                self.uncopied = true;
                if closes {
                    self.destroy_keys();
                    // The old connection has numbers in its page cache and its statements.
                    self.file.reconnect().map_err(|error| self.failed(error))?;
                }
                Ok(())
            }
            Err(error) => {
                for (act, election) in acts.iter().zip(changed).rev() {
                    self.elections.undo(act, election, &issuer);
                }
                self.elections.grants = grants;
                self.elections.ended = ended;
                Err(error)
            }
        }
    }

    /// Reads the roll that a new election is to share, if it was forgotten at a close.
    fn remember_roll(&mut self, definition: &Arc<Definition>) -> Result<(), LedgerError> {
        let (elections, connection) = (&mut self.elections, &self.file.connection);
        let remembered = shared_rolls::remember_roll(elections, connection, definition, i64::MAX);
        remembered.map_err(|error| self.failed(error))
    }

    /// Refuses what is not authorized, or after a write in doubt.
    pub(super) fn check_authorized(
        &self,
        under: Option<&Authorization>,
    ) -> Result<(), LedgerError> {
        self.check_certain()?;
        match under {
            Some(under) if !under.is_in_force(&self.elections.grants) => Err(LedgerError::Revoked),
            _ => Ok(()),
        }
    }

    /// Makes sure that an act, or a step of one, is stored. Returns the length of the WAL too.
    pub(super) fn attest_act<T>(
        &mut self,
        written: rusqlite::Result<T>,
    ) -> Result<(T, u64), LedgerError> {
        let written = written.map_err(|error| self.failed(error))?;
        Ok((written, self.attest(0)?))
    }
}
