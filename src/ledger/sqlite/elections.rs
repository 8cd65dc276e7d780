//! The elections and grants of the file, in memory.

use std::collections::HashMap;
use std::sync::Arc;

use super::ballot_box::BallotBox;
use super::chain::{GENESIS, Head, Rows};
use super::roll::{BallotRow, RollIndex};
use crate::election::{
    ChangeRefusal, Choice, Definition, ElectionId, Grant, Grants, Nonce, Role, Standing,
    VoterNumber,
};
use crate::ledger::{Act, ActRefusal, ELECTIONS_MAX, Snapshot};

/// The elections and grants of the file.
#[derive(Debug, Default)]
pub(super) struct Elections {
    pub(super) list: Vec<StoredElection>,
    pub(super) by_id: HashMap<ElectionId, usize>,
    /// The last row of the table of ballots; 0 if it is empty.
    pub(super) last_ballot: u64,
    pub(super) grants: Arc<Grants>,
}

/// One election, and the head of its chain.
#[derive(Debug)]
pub(super) struct StoredElection {
    /// Its row in the table of elections.
    pub(super) key: i64,
    pub(super) ballot_box: BallotBox,
    pub(super) head: Head,
    /// The rows of its sheet, after the close. `None` if there are no ballots.
    pub(super) sheet: Option<Rows>,
    /// The ballot box as of the last commit.
    pub(super) standing: Arc<Standing>,
}

/// A vote that is counted in memory, and not stored yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewBallot {
    /// The election's index in [`Elections`].
    pub(super) election: usize,
    pub(super) number: VoterNumber,
    pub(super) choice: Choice,
    pub(super) nonce: Nonce,
    pub(super) at: RollIndex,
    pub(super) row: BallotRow,
}

/// What a commit changed about an election, besides its ballot box.
pub(super) struct Advance {
    /// The election's index in [`Elections`].
    pub(super) election: usize,
    /// The head of its chain.
    pub(super) head: Head,
    /// The rows of its sheet, if it was closed.
    pub(super) sheet: Option<Rows>,
}

impl Elections {
    /// The public state, as of the last commit.
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            elections: self.list.iter().map(|election| election.standing.clone()).collect(),
            grants: self.grants.clone(),
        }
    }

    /// Makes a change in memory. Returns the index of the election that it changes, if any.
    pub(super) fn apply(&mut self, act: &Act) -> Result<Option<usize>, ActRefusal> {
        match act {
            Act::Create(definition) => self.create(definition),
            Act::Issue(id, numbers) => self.change(id, |it| it.issue(numbers.clone())),
            Act::Revoke(id, numbers) => self.change(id, |it| it.revoke(numbers)),
            Act::Open(id) => self.change(id, BallotBox::open),
            Act::Close(id) => self.change(id, BallotBox::close),
            Act::Grant(grant) => return self.grant(grant).map(|()| None),
            Act::GrantFirst(grant) => {
                let officer = |grant: &Grant| grant.role == Role::ReturningOfficer;
                if self.grants.iter().any(officer) {
                    return Err(ActRefusal::OfficerExists);
                }
                return self.grant(grant).map(|()| None);
            }
            Act::RevokeGrant(id) => {
                Arc::make_mut(&mut self.grants).revoke(*id);
                return Ok(None);
            }
        }
        .map(Some)
    }

    /// Adds an election, and returns its index.
    pub(super) fn create(&mut self, definition: &Arc<Definition>) -> Result<usize, ActRefusal> {
        let index = self.list.len();
        if self.by_id.contains_key(&definition.id) {
            return Err(ActRefusal::ElectionExists(definition.id.clone()));
        }
        if index >= ELECTIONS_MAX {
            return Err(ActRefusal::TooManyElections);
        }
        self.by_id.insert(definition.id.clone(), index);
        self.list.push(StoredElection::new(index as i64 + 1, definition.clone()));
        Ok(index)
    }

    /// Undoes the change of an act to an election. The caller restores the grants as a whole.
    pub(super) fn undo(&mut self, act: &Act, election: Option<usize>) {
        let Some(election) = election.and_then(|index| self.list.get_mut(index)) else { return };
        match act {
            Act::Create(definition) => {
                self.by_id.remove(&definition.id);
                self.list.pop();
            }
            Act::Issue(_, numbers) => election.ballot_box.unissue(numbers),
            Act::Revoke(_, numbers) => election.ballot_box.unrevoke(numbers.clone()),
            Act::Open(_) | Act::Close(_) => election.ballot_box.step_back(),
            Act::Grant(_) | Act::GrantFirst(_) | Act::RevokeGrant(_) => {}
        }
    }

    /// Records what a commit stored.
    pub(super) fn advance(&mut self, advances: &[Advance]) {
        for Advance { election, head, sheet } in advances {
            if let Some(election) = self.list.get_mut(*election) {
                election.head = *head;
                election.sheet = sheet.or(election.sheet);
                election.refresh_standing();
            }
        }
    }

    fn grant(&mut self, grant: &Grant) -> Result<(), ActRefusal> {
        let in_bounds = grant.parent.is_none_or(|parent| self.grants.may_save_from(parent));
        let added = in_bounds && Arc::make_mut(&mut self.grants).add(grant.clone());
        if added { Ok(()) } else { Err(ActRefusal::GrantRefused) }
    }

    /// Changes an election, and returns its index.
    fn change(
        &mut self,
        id: &ElectionId,
        change: impl FnOnce(&mut BallotBox) -> Result<(), ChangeRefusal>,
    ) -> Result<usize, ActRefusal> {
        let index = self.by_id.get(id).copied();
        let found = index.and_then(|index| Some((index, self.list.get_mut(index)?)));
        let (index, election) = found.ok_or_else(|| ActRefusal::NoSuchElection(id.clone()))?;
        change(&mut election.ballot_box)
            .map_err(|refusal| ActRefusal::NotAllowed { election: id.clone(), refusal })?;
        Ok(index)
    }
}

impl StoredElection {
    fn new(key: i64, definition: Arc<Definition>) -> Self {
        let ballot_box = BallotBox::new(definition);
        let standing = Arc::new(ballot_box.standing());
        Self { key, ballot_box, head: GENESIS, sheet: None, standing }
    }

    pub(super) fn definition(&self) -> &Definition {
        self.ballot_box.definition()
    }

    /// Shows the ballot box as it is: everything in it is stored.
    pub(super) fn refresh_standing(&mut self) {
        self.ballot_box.publish();
        self.standing = Arc::new(self.ballot_box.standing());
    }
}
