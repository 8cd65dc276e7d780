//! Long changes in steps, each a transaction of its own: issuing many numbers, and voiding numbers.

use super::chain::{Digest, Kind, Rows};
use super::elections::Advance;
use super::issues::IssuedRows;
use super::rows::{ROW_NUMBERS, insert_listed};
use super::staged;
use super::store::Store;
use super::values::numbers;
use super::write::begin;
use crate::election::{ElectionId, ElectionState, TokenHash, VoterNumber};
use crate::ledger::run::Run;
use crate::ledger::{Act, ActRefusal, Authorization, LedgerError};

/// Rows of voter numbers in one step. Votes wait for a step.
const STEP_ROWS: usize = 1;

/// Voter numbers in one step. More are issued in several.
pub(super) const STEP_NUMBERS: usize = STEP_ROWS * ROW_NUMBERS;

/// A step of an issue: some of its numbers, in ascending order, of so many in all.
pub(super) struct Stage {
    pub(super) election: ElectionId,
    pub(super) ascending: Vec<VoterNumber>,
    pub(super) all: usize,
    pub(super) is_first: bool,
    pub(super) under: Option<Authorization>,
}

/// The last step of an issue: all its numbers, whose rows are staged.
pub(super) struct Put {
    pub(super) election: ElectionId,
    pub(super) run: Run,
    pub(super) rows: Option<Rows>,
    pub(super) digest: Digest,
    pub(super) under: Option<Authorization>,
}

/// A step of a void: rows of the roll.
pub(super) struct VoidRows {
    /// The election's index.
    election: usize,
    added: bool,
    rows: Rows,
}

impl Store {
    /// Stores numbers of an issue, which are not on the roll before the last step. Returns their
    /// rows.
    pub(super) fn stage(&mut self, stage: &Stage) -> Result<Option<Rows>, LedgerError> {
        let Stage { election, ascending, all, is_first, under } = stage;
        self.check_authorized(under.as_ref())?;
        let issuer = self.elections.issuer(under.as_ref());
        self.elections.may_issue(election, ascending, *all, &issuer)?;
        let index = self.elections.by_id.get(election).copied().unwrap_or_default();
        let key = index as i64 + 1;
        let staged = staged::add(&mut self.file.connection, key, *is_first, ascending);
        if let Err(error) = staged::syncs(&self.file.connection) {
            return Err(self.stop_in_doubt(&format!("votes might not be synced: {error}")));
        }
        self.attest_step(staged)
    }

    /// Puts the staged numbers of an issue on the roll.
    pub(super) fn put(&mut self, put: Put) -> Result<(), LedgerError> {
        let Put { election, run, rows, digest, under } = put;
        self.check_authorized(under.as_ref())?;
        let issuer = self.elections.issuer(under.as_ref());
        // Each number was looked up when it was staged, and none was issued since.
        self.elections.may_issue(&election, &[], run.on_roll, &issuer)?;
        let numbers = run.on_roll as u64;
        let index = self.elections.issue(&election, run, &issuer)?;
        let connection = &mut self.file.connection;
        let put = staged::put(connection, &self.elections, index, &issuer, (rows, digest));
        match self.attest_step(put) {
            Ok(advance) => {
                self.elections.advance(vec![advance]);
                self.uncopied = true;
                Ok(())
            }
            Err(error) => {
                self.elections.unissue(index, issuer.kind(), numbers);
                Err(error)
            }
        }
    }

    /// Removes some of what is staged. Returns whether more is left.
    pub(super) fn abandon_some(&mut self) -> Result<bool, LedgerError> {
        self.check_certain()?;
        let removed = staged::remove_some(&mut self.file.connection);
        let more = self.attest_step(removed)?;
        self.uncopied = true;
        Ok(more)
    }

    /// Ends the grant with this token, and returns the rows of the numbers issued under it, in
    /// steps.
    pub(super) fn begin_void(
        &mut self,
        election: &ElectionId,
        token: &TokenHash,
        under: Option<&Authorization>,
    ) -> Result<Vec<VoidRows>, LedgerError> {
        self.check_authorized(under)?;
        let index = self.elections.by_id.get(election).copied();
        let index = index.ok_or_else(|| ActRefusal::NoSuchElection(election.clone()))?;
        let (grant, lineage) = self.elections.link(election, token)?;
        self.elections.may_void(index)?;
        let issued = self.elections.issued_under(index, &lineage);
        if self.elections.grants.holds(grant) {
            self.act_unsettled(&[Act::RevokeGrant(grant)], under)?;
        }
        let steps =
            issued.into_iter().flat_map(|IssuedRows { added, rows: (first, last), .. }| {
                (first..=last).step_by(STEP_ROWS).map(move |from| {
                    let rows = (from, last.min(from.saturating_add(STEP_ROWS as i64 - 1)));
                    VoidRows { election: index, added, rows }
                })
            });
        Ok(steps.collect())
    }

    /// Voids the numbers in these rows that are on the roll and have not voted. Returns how many.
    pub(super) fn void_rows(&mut self, step: &VoidRows) -> Result<u64, LedgerError> {
        self.check_certain()?;
        let Some(election) = self.elections.list.get(step.election) else { return Ok(0) };
        let unused = match election.ballot_box.state() {
            ElectionState::Closed => return Ok(0),
            ElectionState::Draft | ElectionState::Open => self.unused(step),
        };
        let unused = unused.map_err(|error| self.failed(error))?;
        if unused.is_empty() {
            return Ok(0);
        }
        let stored = self.store_void(step, &unused);
        let advance = self.attest_step(stored)?;
        if let Some(election) = self.elections.list.get_mut(step.election) {
            // They were looked up in this step.
            let _ = election.ballot_box.void(&unused, step.added);
        }
        self.elections.advance(vec![advance]);
        self.uncopied = true;
        Ok(unused.len() as u64)
    }

    /// Merges the runs of a roll a little. Returns whether there is more to merge.
    pub(super) fn settle_step(&mut self) -> bool {
        self.elections.settle_step()
    }

    /// Makes sure that a step is stored, and notes the length of the WAL.
    fn attest_step<T>(&mut self, written: rusqlite::Result<T>) -> Result<T, LedgerError> {
        let (written, bytes) = self.attest_act(written)?;
        self.wal_length.note(bytes);
        Ok(written)
    }

    fn unused(&self, step: &VoidRows) -> rusqlite::Result<Vec<VoterNumber>> {
        let mut select = self.file.connection.prepare_cached(
            "SELECT numbers FROM roll WHERE id BETWEEN ?1 AND ?2 AND election = ?3 ORDER BY id",
        )?;
        let (first, last) = step.rows;
        let mut rows = select.query([first, last, step.election as i64 + 1])?;
        let mut unused = Vec::new();
        while let Some(row) = rows.next()? {
            let issued = numbers(row.get_ref(0)?)?;
            let election = self.elections.list.get(step.election);
            unused.extend(election.map(|it| it.ballot_box.unused(&issued)).unwrap_or_default());
            // What has voted in an election that shares the roll stays on it.
            for sharer in self.elections.sharing(step.election) {
                unused.retain(|&number| !sharer.ballot_box.has_voted(number));
            }
        }
        Ok(unused)
    }

    fn store_void(&mut self, step: &VoidRows, unused: &[VoterNumber]) -> rusqlite::Result<Advance> {
        let transaction = begin(&mut self.file.connection)?;
        let election = super::write::election(&self.elections, step.election)?;
        let kind = if step.added { Kind::VoidedAdded } else { Kind::Voided };
        let unused = unused.iter().copied();
        let (head, _) =
            insert_listed(&transaction, election, &election.head, (kind, None), unused)?;
        transaction.commit()?;
        Ok(Advance { election: step.election, head, sheet: None, count: None, issued: None })
    }
}
