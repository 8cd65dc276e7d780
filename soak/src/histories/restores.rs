//! Backups of the simulated server, and restores: what was recorded since the backup is gone, and
//! the elections take no votes before an officer confirms that.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use capvote::election::{
    Ballot, ElectionId, ElectionState, Nonce, Outcome, Standing, Timestamp, Vote, VoterNumber,
};
use capvote::ledger::sqlite::{RestoreOptions, Store, backup, restore};
use capvote::ledger::{Act, OpenError, Snapshot};
use fastrand::Rng;

use super::VOTERS;
use crate::disk::{Disk, copy_keys, open_store};
use crate::methods::mark;

/// The newest backup.
#[derive(Debug, Default)]
pub(super) struct Backups {
    newest: RefCell<Option<Backup>>,
    taken: Cell<usize>,
}

/// A backup.
#[derive(Debug)]
struct Backup {
    file: PathBuf,
    /// How long the story was when it was taken.
    story: usize,
    /// Whether the keys are beside it. They are otherwise those of the data folder.
    has_keys: bool,
    /// The elections that had ballots and were not closed.
    open: Vec<ElectionId>,
}

/// What became of a restore.
pub(super) enum Restored {
    /// The disk, and how long the story was at the backup.
    Done(Arc<Disk>, usize),
    /// It was refused, because the keys of elections were destroyed at their close, and nothing was
    /// changed.
    Refused,
}

impl Backups {
    /// Backs up the ledger in `data` to a file in `folder`. Returns whether it could.
    pub(super) fn take(
        &self,
        (data, snapshot): (&Path, &Snapshot),
        folder: &Path,
        story: usize,
        has_keys: bool,
    ) -> bool {
        self.taken.set(self.taken.get() + 1);
        let file = folder.join(format!("backup-{}", self.taken.get()));
        // The disk may fail meanwhile: then there is no new backup.
        let taken = backup(data, &file, has_keys, &mut |_, _, _| {}).is_ok();
        if taken {
            let voting = |it: &&Arc<Standing>| it.state == ElectionState::Open && it.ballots > 0;
            let voting = snapshot.elections.iter().filter(voting);
            let open = voting.map(|it| it.definition.id.clone()).collect();
            self.newest.replace(Some(Backup { file, story, has_keys, open }));
        }
        taken
    }

    /// Replaces the ledger in `data` by the newest backup, and confirms its elections. `None` if
    /// there is no backup.
    ///
    /// # Errors
    /// Where the backup cannot be restored though its keys are there, or can be though they are
    /// not, or a vote is taken before the confirmation.
    pub(super) fn restore(&self, data: &Path, rng: &mut Rng) -> anyhow::Result<Option<Restored>> {
        let newest = self.newest.borrow();
        let Some(Backup { file, story, has_keys, open }) = &*newest else { return Ok(None) };
        let fresh = data.with_extension("restored");
        fs::create_dir(&fresh)?;
        if !has_keys {
            copy_keys(data, &fresh)?;
        }
        let mut has_all = true;
        for id in open {
            has_all &= *has_keys || has_key(&fresh, id)?;
        }
        match restore(file, &fresh, RestoreOptions::default(), &mut |_, _, _| {}) {
            Ok(_) => ensure!(has_all, "a backup without its keys is restored"),
            Err(OpenError::Refused { why, .. }) if why.contains("the key of election") => {
                ensure!(!has_all, "a backup with its keys is refused: {why}");
                fs::remove_dir_all(&fresh)?;
                return Ok(Some(Restored::Refused));
            }
            Err(error) => bail!("a backup is not restored: {error}"),
        }
        fs::remove_dir_all(data)?;
        fs::rename(&fresh, data)?;
        let disk = Disk::new(data, rng.u64(..))?;
        let mut store = open_store(data)?;
        confirm(&mut store, rng).context("after a restore")?;
        Ok(Some(Restored::Done(disk, *story)))
    }
}

/// Whether a data folder has the key of an election.
fn has_key(data: &Path, election: &ElectionId) -> anyhow::Result<bool> {
    let ends = format!("-{election}.key");
    for key in fs::read_dir(data.join("keys"))? {
        if key?.file_name().to_string_lossy().ends_with(&ends) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Confirms every election that is not closed. Until then, each refuses a vote.
fn confirm(store: &mut Store, rng: &mut Rng) -> anyhow::Result<()> {
    for standing in store.snapshot().elections {
        let (id, state) = (standing.definition.id.clone(), standing.state);
        if state == ElectionState::Closed {
            continue;
        }
        let marks = mark(&standing.definition, rng);
        let ballot = Ballot::new(&standing.definition.slate, &standing.definition.rules, &marks)?;
        let (number, nonce) = (VoterNumber::from(VOTERS), Nonce::from([9; Nonce::BYTES]));
        let vote = Vote { election: id.clone(), ballot, number, nonce };
        let outcome = store.vote(&[vote], Timestamp(0))?;
        let refused = matches!(outcome[..], [Outcome::Refused(_)]);
        ensure!(refused, "before the confirmation, a vote is {outcome:?}");
        store.act(&[Act::Confirm(id)], None)?;
    }
    Ok(())
}
