//! Backups of the simulated server, and restores: what was recorded since the backup is gone, and
//! the election takes no votes before an officer confirms that.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use capvote::election::{ElectionState, Outcome, Timestamp, Vote};
use capvote::ledger::Act;
use capvote::ledger::sqlite::{backup, restore};

use crate::disk::{Disk, open_store};

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
}

impl Backups {
    /// Backs up the ledger in `data` to a file in `folder`. Returns whether it could.
    pub(super) fn take(&self, data: &Path, folder: &Path, story: usize) -> bool {
        self.taken.set(self.taken.get() + 1);
        let file = folder.join(format!("backup-{}", self.taken.get()));
        // The disk may fail meanwhile: then there is no new backup.
        let taken = backup(data, &file, &mut |_, _, _| {}).is_ok();
        if taken {
            self.newest.replace(Some(Backup { file, story }));
        }
        taken
    }

    /// Replaces the ledger in `data` by the newest backup, and confirms its election. Returns the
    /// disk, and how long the story was at the backup. `None` if there is none.
    ///
    /// # Errors
    /// Where the backup cannot be restored, or a vote is taken before the confirmation.
    pub(super) fn restore(
        &self,
        data: &Path,
        seed: u64,
        vote: &Vote,
    ) -> anyhow::Result<Option<(Arc<Disk>, usize)>> {
        let newest = self.newest.borrow();
        let Some(Backup { file, story }) = &*newest else { return Ok(None) };
        fs::remove_dir_all(data)?;
        restore(file, data, false, &mut |_, _, _| {}).context("a backup is not restored")?;
        let disk = Disk::new(data, seed)?;
        let mut store = open_store(data)?;
        let standing = store.snapshot().elections.pop().context("an election")?;
        if standing.state == ElectionState::Open {
            let outcome = store.vote(std::slice::from_ref(vote), Timestamp(0))?;
            let refused = matches!(outcome[..], [Outcome::Refused(_)]);
            ensure!(refused, "before the confirmation, a vote is {outcome:?}");
            store.act(&[Act::Confirm(vote.election.clone())], None)?;
        }
        Ok(Some((disk, *story)))
    }
}
