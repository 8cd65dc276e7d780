//! The embedded ledger: one SQLite file in the data directory.
//!
//! Ballots are rows in order of arrival, appended and never searched. Who may vote and who has lies in
//! memory, rebuilt from the rows at start; so does the count. Every commit adds an entry to the
//! [hash chain](super::chain) of each election it touches.

mod backup;
mod close;
mod file;
mod grants;
mod log;
mod reader;
mod replay;
mod rows;
mod scrub;
mod sheet;
mod write;

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

pub use self::backup::{Copying, backup, restore};
use self::file::LedgerFile;
use self::reader::SqliteReader;
use self::rows::Rows;
use self::scrub::Scrub;
use self::write::Advance;
use super::chain::{GENESIS, Head};
use super::{Act, ELECTIONS_MAX, Ledger, LedgerError, LedgerReader};
use crate::election::{
    BallotBox, BallotNumber, ChangeRefusal, Choice, Definition, ElectionId, Grants, Nonce, Outcome,
    Place, Receipt, Refusal, Standing, Timestamp, Verdict, Vote, VoterNumber,
};

/// Elections in a SQLite file.
#[derive(Debug)]
pub struct SqliteLedger {
    file: LedgerFile,
    elections: Elections,
    scrub: Scrub,
    /// Why nothing more may be written, once a write failed in a way that leaves the disk in doubt.
    stopped: Option<String>,
}

/// Every election of the ledger, in memory.
#[derive(Debug, Default)]
struct Elections {
    kept: Vec<Kept>,
    by_id: HashMap<ElectionId, usize>,
    /// The last ballot's number, over all elections; 0 before the first.
    ballots: u64,
    grants: Arc<Grants>,
}

/// One election in memory, and where its chain stands.
#[derive(Debug)]
struct Kept {
    /// Its row in the table of elections.
    key: i64,
    ballot_box: BallotBox,
    head: Head,
    /// The rows of its sheet, once it is closed; none where nobody voted.
    sheet: Option<Rows>,
    standing: Arc<Standing>,
}

/// A vote that was counted, and is being stored.
#[derive(Debug, Clone, Copy)]
struct Counted {
    /// Which election, as an index into [`Elections::kept`].
    election: usize,
    number: VoterNumber,
    choice: Choice,
    nonce: Nonce,
    place: Place,
    ballot: BallotNumber,
}

impl SqliteLedger {
    /// Opens the ledger in the folder `directory`, or makes one there.
    ///
    /// The folder stays locked for as long as the ledger is open. The whole hash chain is verified, and
    /// every ballot counted again.
    ///
    /// # Errors
    /// [`LedgerError`]: it is in use, cannot be read or written, is of another version, or is damaged.
    pub fn open(directory: &Path) -> Result<Self, LedgerError> {
        Self::open_on(directory, log::rewrite)
    }

    /// The same, where `rewrite` writes a file over itself, byte for byte, and syncs it. For disks that are simulated:
    /// that is the one thing which is done to a ledger's files and not by SQLite.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_on(
        directory: &Path,
        rewrite: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<Self, LedgerError> {
        let file = LedgerFile::open(directory, rewrite)?;
        let elections = replay::replay(&file.connection, &file.path)?;
        let scrub = Scrub::new(&file.connection);
        let scrub = scrub.map_err(|error| file::not_opened(&file.path, error))?;
        let mut ledger = Self { file, elections, scrub, stopped: None };
        // A server that was killed in the middle of a close may have left some of it to do.
        ledger.tidy();
        Ok(ledger)
    }

    /// Opens the ledger that is in the folder `directory`, and makes none.
    ///
    /// # Errors
    /// As [`open`](Self::open), and where there is none.
    pub fn open_existing(directory: &Path) -> Result<Self, LedgerError> {
        file::check_there(directory)?;
        Self::open(directory)
    }

    fn check_running(&self) -> Result<(), LedgerError> {
        match &self.stopped {
            Some(why) => Err(LedgerError::Stopped(why.clone())),
            None => Ok(()),
        }
    }

    /// What a failed write means, and whether the ledger can go on after it.
    fn failed(&mut self, error: rusqlite::Error) -> LedgerError {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull};
        let harmless =
            matches!(error.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked | DiskFull));
        let rolled_back = self.file.connection.is_autocommit();
        if harmless && rolled_back {
            return LedgerError::NotStored(error.to_string());
        }
        self.stopped = Some(error.to_string());
        LedgerError::Stopped(error.to_string())
    }

    /// Decides every vote, and counts those that are to be stored, in the order of their ballot numbers.
    #[expect(
        clippy::indexing_slicing,
        reason = "indexes of `votes`, which has as many outcomes, and of `kept`, from which nothing is taken"
    )]
    fn decide(
        &mut self,
        votes: &[Vote],
        now: Timestamp,
        counted: &mut Vec<Counted>,
    ) -> Result<Vec<Outcome>, LedgerError> {
        let mut outcomes = vec![Outcome::Refused(Refusal::NotOpen); votes.len()];
        // An election's ballots of one commit make one entry of its chain and have to be neighbours.
        // Votes on an election that is not there, which the board never showed, stay refused.
        let mut order: Vec<(usize, usize)> = votes
            .iter()
            .enumerate()
            .filter_map(|(index, vote)| Some((*self.elections.by_id.get(&vote.election)?, index)))
            .collect();
        order.sort_unstable();

        for (election, index) in order {
            let vote = &votes[index];
            let kept = &mut self.elections.kept[election];
            outcomes[index] = match kept.ballot_box.judge(vote.number, vote.choice, now) {
                Verdict::Voted(ballot) => {
                    // It is a stored ballot, or one of those that this commit has counted so far.
                    let recent = ballot.get().checked_sub(self.elections.ballots + 1);
                    let cast = match recent.and_then(|index| counted.get(index as usize)) {
                        Some(counted) => (counted.choice, counted.nonce),
                        None => self.file.ballot(ballot).map_err(|error| self.failed(error))?,
                    };
                    if cast == (vote.choice, vote.nonce) {
                        Outcome::Recorded(receipt(self.elections.kept[election].definition(), vote))
                    } else {
                        Outcome::Refused(Refusal::AlreadyVoted)
                    }
                }
                // Nobody can tell any more whose ballots they were: whoever has a ballot that is on the sheet
                // gets its receipt, and learns nothing of who voted.
                Verdict::Refuse(Refusal::Closed) => {
                    let receipt = receipt(kept.definition(), vote);
                    let counted = sheet::holds(&self.file.connection, kept, receipt);
                    if counted.map_err(|error| self.failed(error))? {
                        Outcome::Recorded(receipt)
                    } else {
                        Outcome::Refused(Refusal::Closed)
                    }
                }
                Verdict::Refuse(refusal) => Outcome::Refused(refusal),
                Verdict::Count(place) => {
                    let number = self.elections.ballots + counted.len() as u64 + 1;
                    let ballot = BallotNumber::new(number).ok_or_else(|| {
                        LedgerError::NotStored("it holds as many ballots as it can".into())
                    })?;
                    let Vote { number, choice, nonce, .. } = *vote;
                    kept.ballot_box.count(place, choice, ballot);
                    counted.push(Counted { election, number, choice, nonce, place, ballot });
                    Outcome::Recorded(receipt(kept.definition(), vote))
                }
            };
        }
        Ok(outcomes)
    }

    /// Stores what was counted and moves the chains on.
    fn store(&mut self, counted: &[Counted]) -> Result<(), LedgerError> {
        let Some(last) = counted.last() else {
            return Ok(());
        };
        let advances = write::ballots(&mut self.file.connection, &self.elections, counted)
            .map_err(|error| self.failed(error))?;
        self.elections.ballots = last.ballot.get();
        self.elections.advance(&advances);
        Ok(())
    }
}

impl Ledger for SqliteLedger {
    fn commit(&mut self, votes: &[Vote], now: Timestamp) -> Result<Vec<Outcome>, LedgerError> {
        self.check_running()?;
        let mut counted = Vec::new();
        let decided = self.decide(votes, now, &mut counted);
        let stored = decided.and_then(|outcomes| self.store(&counted).map(|()| outcomes));
        if stored.is_err() {
            for Counted { election, choice, place, .. } in counted {
                if let Some(kept) = self.elections.kept.get_mut(election) {
                    kept.ballot_box.uncount(place, choice);
                }
            }
        }
        stored
    }

    fn administer(&mut self, acts: &[Act]) -> Result<(), LedgerError> {
        self.check_running()?;
        let grants = self.elections.grants.clone();
        // Of each act that is applied, the election that it is about.
        let mut about = Vec::new();
        let done = acts
            .iter()
            .try_for_each(|act| {
                about.push(self.elections.apply(act)?);
                Ok(())
            })
            .and_then(|()| {
                write::acts(&mut self.file.connection, &self.elections, acts, &about)
                    .map_err(|error| self.failed(error))
            });
        match done {
            Ok(advances) => {
                self.elections.advance(&advances);
                if acts.iter().any(|act| matches!(act, Act::Close(_))) {
                    self.scrub.is_due();
                    self.tidy();
                }
                Ok(())
            }
            Err(error) => {
                for (act, about) in acts.iter().zip(about).rev() {
                    self.elections.take_back(act, about);
                }
                self.elections.grants = grants;
                Err(error)
            }
        }
    }

    fn tidy(&mut self) {
        if self.stopped.is_none() {
            let folder = self.file.path.parent().unwrap_or(Path::new("."));
            self.scrub.go_on(&self.file.connection, folder);
        }
    }

    fn standings(&self) -> Vec<Arc<Standing>> {
        self.elections.kept.iter().map(|kept| kept.standing.clone()).collect()
    }

    fn grants(&self) -> Arc<Grants> {
        self.elections.grants.clone()
    }

    fn reader(&self) -> Arc<dyn LedgerReader> {
        Arc::new(SqliteReader::new(self.file.path.clone(), self.scrub.readers()))
    }
}

impl Elections {
    /// Makes a change in memory, and returns the index of the election that it is about, if it is about
    /// one.
    fn apply(&mut self, act: &Act) -> Result<Option<usize>, LedgerError> {
        match act {
            Act::Create(definition) => return self.create(definition).map(Some),
            Act::Issue(id, numbers) => self.change(id, |it| it.issue(numbers.clone())),
            Act::Revoke(id, numbers) => self.change(id, |it| it.revoke(numbers)),
            Act::Open(id) => self.change(id, BallotBox::open),
            Act::Close(id) => self.change(id, BallotBox::close),
            Act::Grant(grant) => {
                let in_bounds = grant.parent.is_none_or(|parent| self.grants.may_save_from(parent));
                let added = in_bounds && Arc::make_mut(&mut self.grants).add(grant.clone());
                return if added { Ok(None) } else { Err(LedgerError::GrantRefused) };
            }
            Act::RevokeGrant(id) => {
                Arc::make_mut(&mut self.grants).revoke(*id);
                return Ok(None);
            }
        }
        .map(Some)
    }

    fn create(&mut self, definition: &Arc<Definition>) -> Result<usize, LedgerError> {
        let index = self.kept.len();
        if self.by_id.contains_key(&definition.id) {
            return Err(LedgerError::ElectionExists(definition.id.clone()));
        }
        if index >= ELECTIONS_MAX {
            return Err(LedgerError::TooManyElections);
        }
        self.by_id.insert(definition.id.clone(), index);
        self.kept.push(Kept::new(index as i64 + 1, definition.clone()));
        Ok(index)
    }

    /// Takes back what an act changed about the election that it is about, if it is about one.
    fn take_back(&mut self, act: &Act, about: Option<usize>) {
        let Some(kept) = about.and_then(|index| self.kept.get_mut(index)) else { return };
        match act {
            Act::Create(definition) => {
                self.by_id.remove(&definition.id);
                self.kept.pop();
            }
            Act::Issue(_, numbers) => kept.ballot_box.unissue(numbers),
            Act::Revoke(_, numbers) => kept.ballot_box.unrevoke(numbers.clone()),
            Act::Open(_) | Act::Close(_) => kept.ballot_box.step_back(),
            Act::Grant(_) | Act::RevokeGrant(_) => {}
        }
    }

    /// Takes note of what is on disk.
    fn advance(&mut self, advances: &[Advance]) {
        for Advance { election, head, sheet } in advances {
            if let Some(kept) = self.kept.get_mut(*election) {
                kept.head = *head;
                kept.sheet = sheet.or(kept.sheet);
                kept.show();
            }
        }
    }

    /// Changes an election, and returns its index.
    fn change(
        &mut self,
        id: &ElectionId,
        change: impl FnOnce(&mut BallotBox) -> Result<(), ChangeRefusal>,
    ) -> Result<usize, LedgerError> {
        let found = self.by_id.get(id).and_then(|&index| Some((index, self.kept.get_mut(index)?)));
        let (index, kept) = found.ok_or_else(|| LedgerError::NoSuchElection(id.clone()))?;
        change(&mut kept.ballot_box)
            .map_err(|refusal| LedgerError::NotAllowed { election: id.clone(), refusal })?;
        Ok(index)
    }
}

impl Kept {
    fn new(key: i64, definition: Arc<Definition>) -> Self {
        let ballot_box = BallotBox::new(definition);
        let standing = Arc::new(ballot_box.standing());
        Self { key, ballot_box, head: GENESIS, sheet: None, standing }
    }

    fn definition(&self) -> &Definition {
        self.ballot_box.definition()
    }

    /// Shows everyone the ballot box as it is.
    fn show(&mut self) {
        self.standing = Arc::new(self.ballot_box.standing());
    }
}

/// The receipt of a vote whose choice is on the slate.
fn receipt(definition: &Definition, vote: &Vote) -> Receipt {
    let candidate = definition.slate.name(vote.choice).unwrap_or_default();
    Receipt::new(&definition.id, candidate, &vote.nonce)
}

/// What decides whether a vote is the same one, sent again.
type Cast = (Choice, Nonce);
