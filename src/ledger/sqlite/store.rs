//! The store: a SQLite file, with its rolls and counts in memory. Used by one thread at a time.
//!
//! Ballots are rows in order of arrival; only a second vote under a number looks one up. The roll,
//! which numbers have voted, and the counts are in memory, and rebuilt from the rows when the file
//! is opened. Every commit adds an entry to the [hash chain](super::chain) of each election it
//! changes.

use std::io;
use std::path::Path;

use super::ballot_box::RollEntry;
use super::copier::Copier;
use super::doubt::nothing_was_stored;
use super::elections::{Elections, NewBallot, StoredElection};
use super::file::{self, LedgerFile};
use super::mark::Position;
use super::reader::SqliteReader;
use super::replay;
use super::staged;
use super::{sheet, wal, whole, write};
use crate::election::{
    ElectionId, ElectionState, Origin, Outcome, Receipt, Refusal, Ruling, Timestamp, UnderNumber,
    Vote, judge,
};
use crate::ledger::roll::BallotRow;
use crate::ledger::{Decision, LedgerError, OpenError, Snapshot};

/// Elections in a SQLite file.
#[derive(Debug)]
pub struct Store {
    pub(super) file: LedgerFile,
    pub(super) elections: Elections,
    /// Whether nothing more is written: see [`stop_in_doubt`](Self::stop_in_doubt).
    in_doubt: bool,
    /// How many votes are recorded in all elections.
    recorded: u64,
    pub(super) wal_length: wal::Length,
    /// Whether an act, or a step of one, depends on the WAL: see [`copy`](Self::copy).
    pub(super) uncopied: bool,
}

impl Drop for Store {
    fn drop(&mut self) {
        self.keep_all_keys();
    }
}

impl Store {
    /// Opens the ledger in a data directory, or creates an empty one.
    ///
    /// The directory is locked while the store is open. Opening verifies every hash chain, and
    /// counts every ballot again.
    ///
    /// # Errors
    /// [`OpenError`]: in use, not readable or writable, of another format, or damaged.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        Self::open_on(directory, wal::rewrite)
    }

    /// As [`open`](Self::open), with another function to rewrite and sync the WAL, which is the
    /// only write that bypasses SQLite. For simulated disks.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_on(
        directory: &Path,
        rewrite: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<Self, OpenError> {
        let mut file = LedgerFile::open(directory, rewrite)?;
        let elections = replay::replay(&file.connection, &file.path, &file.keys)?;
        // The process may have ended while numbers were issued.
        while staged::remove_some(&mut file.connection)
            .map_err(|error| file::open_error(&file.path, error))?
        {}
        let recorded = elections.list.iter().map(|it| it.standing.ballots).sum();
        let wal_length = wal::Length::default();
        let (in_doubt, uncopied) = (false, false);
        let store = Self { file, elections, recorded, wal_length, in_doubt, uncopied };
        store.tidy_keys();
        Ok(store)
    }

    /// Sets how many voter numbers the rolls of all elections that are not closed may have.
    pub fn set_voter_numbers_max(&mut self, most: usize) {
        self.elections.numbers_max = most;
    }

    /// Opens the ledger in a data directory, and creates none.
    ///
    /// # Errors
    /// As [`open`](Self::open), also if there is no ledger.
    pub fn open_existing(directory: &Path) -> Result<Self, OpenError> {
        file::check_exists(directory)?;
        Self::open(directory)
    }

    /// Every election and grant, as of the last commit.
    pub fn snapshot(&self) -> Snapshot {
        self.elections.snapshot()
    }

    /// As [`vote_each`](Self::vote_each), with the first error of a vote as the error of all.
    ///
    /// # Errors
    /// As [`vote_each`](Self::vote_each), and those of its decisions.
    pub fn vote(&mut self, votes: &[Vote], now: Timestamp) -> Result<Vec<Outcome>, LedgerError> {
        self.vote_each(votes, now)?.into_iter().collect()
    }

    /// Decides these votes in order, as of `now`, and stores those that count in one transaction.
    ///
    /// A vote has the error [`LedgerError::NotStored`] or [`LedgerError::Unknown`] if its decision
    /// depends on a transaction that failed, and is then not counted in the
    /// [`snapshot`](Self::snapshot); [`LedgerError::Unreadable`] if the ballot under its number
    /// cannot be read. The others are decided nevertheless: what they rest on was stored before.
    ///
    /// # Errors
    /// [`LedgerError::Stopped`] if the store is [in doubt](Self::is_in_doubt).
    pub fn vote_each(
        &mut self,
        votes: &[Vote],
        now: Timestamp,
    ) -> Result<Vec<Decision>, LedgerError> {
        self.check_certain()?;
        let mut counted = Vec::with_capacity(votes.len());
        let mut provisional = Vec::with_capacity(votes.len());
        let mut decisions = self.decide(votes, now, &mut counted, &mut provisional);
        if counted.is_empty() {
            // Whether a vote is recorded was read from memory, and holds only as long as the file.
            self.file.check_place().map_err(|why| self.stop_in_doubt(&why))?;
        }
        let stored = self.store(&counted);
        if let Err(error) = stored {
            for NewBallot { election, at, .. } in counted {
                if let Some(election) = self.elections.list.get_mut(election) {
                    election.ballot_box.uncount(at);
                }
            }
            for index in provisional {
                if let Some(decision) = decisions.get_mut(index) {
                    *decision = Err(error.clone());
                }
            }
        }
        Ok(decisions)
    }

    /// Copies what acts have left in the WAL into the main file, so that they do not depend on the
    /// WAL.
    pub(super) fn copy(&mut self) {
        if self.take_uncopied()
            && let Err(error) = wal::checkpoint_now(&self.file.connection)
        {
            tracing::warn!(%error, "the ledger's log was not copied into its file");
            self.failed(error);
        }
    }

    /// Whether something in the WAL has to be copied, by the caller then. A store in doubt leaves
    /// the WAL as it is.
    pub(super) fn take_uncopied(&mut self) -> bool {
        std::mem::take(&mut self.uncopied) && !self.in_doubt
    }

    /// Copies the WAL on a thread of its own. The store has to outlive it.
    pub(super) fn copier(&self) -> io::Result<Copier> {
        Copier::start(self.file.path.clone())
    }

    /// A way to read the file from other threads while this one commits.
    pub fn reader(&self) -> SqliteReader {
        let known = self.elections.known.clone();
        let ledger = self.elections.origin.ledger;
        SqliteReader::new(self.file.path.clone(), self.file.keys.clone(), ledger, known)
    }

    /// Whether the store accepts nothing more until it is opened again.
    pub fn is_in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// The length of the WAL after the last commit of votes, or step of a long change.
    pub fn wal_bytes(&self) -> u64 {
        self.wal_length.bytes()
    }

    /// Where and in which epoch the elections are stored.
    pub fn origin(&self) -> Origin {
        self.elections.origin
    }

    /// Makes sure that a commit is in the files at their paths, and notes it in the mark. It
    /// recorded this many votes. Returns the length of the WAL.
    pub(super) fn attest(&mut self, votes: u64) -> Result<u64, LedgerError> {
        let recorded = self.recorded + votes;
        let attested = self.file.check_place().and_then(|bytes| {
            let Origin { ledger, epoch, .. } = self.elections.origin;
            let connection = &self.file.connection;
            let entry = if votes > 0 {
                // A commit of votes ends with an entry.
                connection.last_insert_rowid().cast_unsigned()
            } else {
                whole::last_entry(connection).map_err(|error| error.to_string())?
            };
            self.file.note(&Position { ledger, epoch, entry, votes: recorded })?;
            Ok(bytes)
        });
        match attested {
            Ok(bytes) => {
                self.recorded = recorded;
                Ok(bytes)
            }
            Err(why) => Err(self.stop_in_doubt(&why)),
        }
    }

    /// Stops the store, because it is not certain that its last write is on the disk, or that a
    /// next one would be. It accepts nothing more, and leaves the WAL to the next
    /// [`open`](Self::open), which makes sure that what it finds is on the disk. Returns the error
    /// for the calls whose outcome is unknown.
    pub(super) fn stop_in_doubt(&mut self, why: &str) -> LedgerError {
        self.in_doubt = true;
        if let Err(error) = wal::keep(&self.file.connection) {
            tracing::warn!(%error, "the log of the ledger will be copied into its file");
        }
        LedgerError::Unknown(format!("the server has to be started again: {why}"))
    }

    pub(super) fn check_certain(&self) -> Result<(), LedgerError> {
        if self.in_doubt { Err(LedgerError::Stopped) } else { Ok(()) }
    }

    /// The error for a failed statement. Unless it is certain that nothing was written, the store
    /// [stops](Self::stop_in_doubt): after a failed fsync, page cache and disk may differ.
    pub(super) fn failed(&mut self, error: rusqlite::Error) -> LedgerError {
        let rolled_back = self.file.connection.is_autocommit();
        if rolled_back && nothing_was_stored(&error) {
            return LedgerError::NotStored(error.to_string());
        }
        self.stop_in_doubt(&error.to_string())
    }

    /// The error for a vote whose earlier ballot cannot be read.
    fn unreadable(&mut self, error: rusqlite::Error) -> LedgerError {
        match self.failed(error) {
            LedgerError::NotStored(why) => LedgerError::Unreadable(why),
            error => error,
        }
    }

    /// Decides every vote in memory. `counted` gets those to store, in the order of their rows, and
    /// `provisional` the indexes of the votes whose decisions hold only once these are stored.
    #[expect(
        clippy::indexing_slicing,
        reason = "indexes of `votes`, which has as many outcomes, and of the list of elections, \
                  which does not shrink here"
    )]
    fn decide(
        &mut self,
        votes: &[Vote],
        now: Timestamp,
        counted: &mut Vec<NewBallot>,
        provisional: &mut Vec<usize>,
    ) -> Vec<Decision> {
        // The decision on votes in elections that do not exist.
        let mut decisions = vec![Ok(Outcome::Refused(Refusal::NotOpen)); votes.len()];
        for (election, index) in self.in_order(votes) {
            let vote = &votes[index];
            let entry = self.elections.roll_entry(election, vote.number);
            if let RollEntry::Used(row) = entry
                && row.get() > self.elections.last_ballot
                && self.elections.list[election].ballot_box.state() == ElectionState::Open
            {
                provisional.push(index);
            }
            let under_number = match self.under_number(election, vote, entry, counted) {
                Ok(under_number) => under_number,
                Err(error) => {
                    decisions[index] = Err(error);
                    continue;
                }
            };
            let stored = &mut self.elections.list[election];
            let ballot_box = &mut stored.ballot_box;
            let ruling =
                judge(ballot_box.definition(), ballot_box.state(), now, &vote.ballot, under_number);
            let ruling = ruling.unless(ballot_box.is_unconfirmed());
            decisions[index] = match (ruling, entry) {
                (Ruling::Count, RollEntry::Unused(at)) => {
                    let row = self.elections.last_ballot + counted.len() as u64 + 1;
                    let Some(row) = BallotRow::new(row) else {
                        decisions[index] = Err(full());
                        continue;
                    };
                    let Vote { number, nonce, ref ballot, .. } = *vote;
                    match stored.sealed(vote) {
                        Ok(sealed) => {
                            stored.ballot_box.count(at, ballot.clone(), nonce, row);
                            counted.push(NewBallot { election, number, sealed, at, row });
                        }
                        Err(error) => {
                            decisions[index] = Err(LedgerError::NotStored(error.to_string()));
                            continue;
                        }
                    }
                    provisional.push(index);
                    Ok(Outcome::Recorded)
                }
                // `judge` counts only votes under numbers without a ballot.
                (Ruling::Count, _) => Ok(Outcome::Refused(Refusal::UnknownVoterNumber)),
                (Ruling::Answer(outcome), _) => Ok(outcome),
            };
        }
        decisions
    }

    /// The indexes of the votes in elections that exist, each behind that of its election. The
    /// ballots of one election are one entry of its chain, so their rows must be adjacent.
    fn in_order(&self, votes: &[Vote]) -> Vec<(usize, usize)> {
        let mut order = Vec::with_capacity(votes.len());
        let mut last: Option<(&ElectionId, usize)> = None;
        for (index, vote) in votes.iter().enumerate() {
            // Most votes of a group are in one election.
            let same = last.filter(|(id, _)| **id == vote.election);
            let found = || Some((&vote.election, *self.elections.by_id.get(&vote.election)?));
            if let Some((id, election)) = same.or_else(found) {
                last = Some((id, election));
                order.push((election, index));
            }
        }
        order.sort_unstable();
        order
    }

    /// The ballot under the number of a vote, which is either stored or one of those `counted` in
    /// this group.
    fn under_number(
        &mut self,
        election: usize,
        vote: &Vote,
        entry: RollEntry,
        counted: &[NewBallot],
    ) -> Result<UnderNumber, LedgerError> {
        let Some(stored) = self.elections.list.get(election) else {
            return Ok(UnderNumber::NotOnRoll);
        };
        if stored.ballot_box.state() == ElectionState::Closed {
            let listed = sheet::has(&self.file.connection, stored, receipt(stored, vote));
            let listed = listed.map_err(|error| self.unreadable(error))?;
            return Ok(if listed { UnderNumber::SameBallot } else { UnderNumber::OtherBallot });
        }
        let row = match entry {
            RollEntry::NotOnRoll => return Ok(UnderNumber::NotOnRoll),
            RollEntry::Unused(_) => return Ok(UnderNumber::NoBallot),
            RollEntry::Used(row) => row,
        };
        let recent = row.get().checked_sub(self.elections.last_ballot + 1);
        let sealed = match recent.and_then(|index| counted.get(index as usize)) {
            Some(counted) => counted.sealed.clone(),
            None => self.file.sealed(row).map_err(|error| self.unreadable(error))?,
        };
        // The same ballot with the same nonce is sealed as the same bytes.
        let Some(stored) = self.elections.list.get_mut(election) else {
            return Ok(UnderNumber::NotOnRoll);
        };
        let same = stored.sealed(vote).is_ok_and(|it| it == sealed);
        Ok(if same { UnderNumber::SameBallot } else { UnderNumber::OtherBallot })
    }

    /// Stores the counted votes, and advances the chains.
    fn store(&mut self, counted: &[NewBallot]) -> Result<(), LedgerError> {
        let Some(last) = counted.last() else {
            return Ok(());
        };
        // A read may have failed while these were decided.
        self.check_certain()?;
        self.keep_keys(counted)?;
        let advances = write::ballots(&mut self.file.connection, &self.elections, counted)
            .map_err(|error| self.failed(error))?;
        let bytes = self.attest(counted.len() as u64)?;
        self.wal_length.note(bytes);
        self.elections.last_ballot = last.row.get();
        self.elections.advance(advances);
        Ok(())
    }
}

fn full() -> LedgerError {
    LedgerError::NotStored("it is full: its ballots are numbered with 32 bits".into())
}

/// The receipt of a vote. A ballot that does not fit has the receipt of a blank one.
fn receipt(election: &StoredElection, vote: &Vote) -> Receipt {
    Receipt::of(election.definition(), &vote.ballot, &vote.nonce)
}
