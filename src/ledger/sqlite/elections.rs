//! The elections and grants of the file, in memory.

use std::collections::HashMap;
use std::sync::Arc;

use super::ballot_box::BallotBox;
use super::chain::{GENESIS, Head, Kind, Rows};
use super::issues::{IssuedRows, Issuer};
use super::known::Known;
use super::roll::{BallotRow, RollIndex};
use super::run::Run;
use crate::election::{
    ChangeRefusal, Choice, Definition, ElectionId, ElectionState, Grant, Grants, Nonce, Origin,
    Role, Standing, VoterNumber,
};
use crate::ledger::{
    Act, ActRefusal, NUMBERS_MAX, Snapshot, may_add_numbers, may_create, may_issue_under,
};

/// The elections and grants of the file.
#[derive(Debug)]
pub(super) struct Elections {
    pub(super) list: Vec<StoredElection>,
    pub(super) by_id: HashMap<ElectionId, usize>,
    /// The last row of the table of ballots; 0 if it is empty.
    pub(super) last_ballot: u64,
    pub(super) grants: Arc<Grants>,
    /// Grants that were revoked, while numbers issued under them may vote. Each after its parent.
    pub(super) ended: Arc<Vec<Grant>>,
    /// The indexes of elections whose rolls may have runs to merge.
    pub(super) unsettled: Vec<usize>,
    /// What the last commits made of each election, for checks.
    pub(super) known: Arc<Known>,
    /// That of a new election.
    pub(super) origin: Origin,
    /// How many voter numbers the rolls may have.
    pub(super) numbers_max: usize,
}

/// One election, and the head of its chain.
#[derive(Debug)]
pub(super) struct StoredElection {
    /// Its row in the table of elections.
    pub(super) key: i64,
    pub(super) ballot_box: BallotBox,
    pub(super) head: Head,
    /// The numbers issued under a grant, while they may vote.
    pub(super) issues: Vec<IssuedRows>,
    /// How many numbers were issued under grants of the election.
    pub(super) link_numbers: u64,
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
    /// The numbers that were issued.
    pub(super) issued: Option<IssuedRows>,
}

impl Elections {
    /// None, with the origin that new ones have.
    pub(super) fn none(origin: Origin) -> Self {
        Self {
            origin,
            numbers_max: NUMBERS_MAX,
            list: Vec::new(),
            by_id: HashMap::new(),
            last_ballot: 0,
            grants: Arc::default(),
            ended: Arc::default(),
            unsettled: Vec::new(),
            known: Arc::default(),
        }
    }

    /// The public state, as of the last commit.
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            elections: self.list.iter().map(|election| election.standing.clone()).collect(),
            grants: self.grants.clone(),
        }
    }

    /// Makes a change in memory. Returns the index of the election that it changes, if any.
    pub(super) fn apply(
        &mut self,
        act: &Act,
        issuer: &Issuer,
    ) -> Result<Option<usize>, ActRefusal> {
        match act {
            Act::Create(definition) => {
                let definitions = self.list.iter().map(StoredElection::definition);
                may_create(definitions, definition)?;
                self.create(definition)
            }
            Act::Issue(id, numbers) => {
                let taken = || ActRefusal::NotAllowed {
                    election: id.clone(),
                    refusal: ChangeRefusal::NumberTaken,
                };
                let run = Run::sorted(numbers.clone()).ok_or_else(taken)?;
                for ascending in run.blocks() {
                    self.may_issue(id, ascending, numbers.len(), issuer)?;
                }
                self.issue(id, run, issuer)
            }
            Act::Revoke(id, numbers) => self.change(id, |it| it.revoke(numbers)),
            Act::Open(id) => self.change(id, BallotBox::open),
            Act::Close(id) => {
                let closed = self.change(id, BallotBox::close)?;
                self.forget_ended(id);
                Ok(closed)
            }
            Act::Confirm(id) => self.change(id, BallotBox::confirm),
            Act::Grant(grant) => return self.grant(grant).map(|()| None),
            Act::GrantFirst(grant) => {
                let officer = |grant: &Grant| grant.role == Role::ReturningOfficer;
                if self.grants.iter().any(officer) {
                    return Err(ActRefusal::OfficerExists);
                }
                return self.grant(grant).map(|()| None);
            }
            Act::RevokeGrant(id) => {
                self.revoke_grant(*id);
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
        self.by_id.insert(definition.id.clone(), index);
        let stored = StoredElection::new(index as i64 + 1, definition.clone(), self.origin);
        self.list.push(stored);
        Ok(index)
    }

    /// Whether these numbers, which are in ascending order, may join the roll of an election, with
    /// others to make `added`.
    pub(super) fn may_issue(
        &self,
        id: &ElectionId,
        ascending: &[VoterNumber],
        added: usize,
        issuer: &Issuer,
    ) -> Result<(), ActRefusal> {
        let index = self.by_id.get(id);
        let election = index.and_then(|&index| self.list.get(index));
        let election = election.ok_or_else(|| ActRefusal::NoSuchElection(id.clone()))?;
        let may = election.ballot_box.may_issue(ascending, added);
        may.map_err(|refusal| ActRefusal::NotAllowed { election: id.clone(), refusal })?;
        may_issue_under(issuer.role.as_ref(), election.link_numbers, added as u64)?;
        may_add_numbers(self.numbers(), added, self.numbers_max)
    }

    /// Adds numbers to the roll of an election that [may](Self::may_issue) be issued.
    pub(super) fn issue(
        &mut self,
        id: &ElectionId,
        run: Run,
        issuer: &Issuer,
    ) -> Result<usize, ActRefusal> {
        let numbers = run.on_roll as u64;
        let index = self.change(id, |it| it.issue(run))?;
        if let Some(election) = self.list.get_mut(index) {
            election.note_link_numbers(issuer.kind(), numbers);
        }
        Ok(index)
    }

    /// Undoes [`issue`](Self::issue).
    pub(super) fn unissue(&mut self, index: usize, kind: Kind, numbers: u64) {
        let Some(election) = self.list.get_mut(index) else { return };
        election.ballot_box.unissue();
        if kind == Kind::IssuedByLink {
            election.link_numbers -= numbers;
        }
    }

    /// Undoes the change of an act to an election. The caller restores the grants as a whole.
    pub(super) fn undo(&mut self, act: &Act, election: Option<usize>, issuer: &Issuer) {
        let Some(index) = election else { return };
        if let Act::Issue(_, numbers) = act {
            return self.unissue(index, issuer.kind(), numbers.len() as u64);
        }
        let Some(election) = self.list.get_mut(index) else { return };
        match act {
            Act::Create(definition) => {
                self.by_id.remove(&definition.id);
                self.list.pop();
            }
            Act::Revoke(_, numbers) => election.ballot_box.unrevoke(numbers),
            Act::Open(_) | Act::Close(_) => election.ballot_box.step_back(),
            Act::Confirm(_) => election.ballot_box.unconfirm(),
            Act::Issue(..) | Act::Grant(_) | Act::GrantFirst(_) | Act::RevokeGrant(_) => {}
        }
    }

    /// Records what a commit stored.
    pub(super) fn advance(&mut self, advances: &[Advance]) {
        for Advance { election: index, head, sheet, issued } in advances {
            if let Some(election) = self.list.get_mut(*index) {
                election.head = *head;
                election.sheet = sheet.or(election.sheet);
                election.issues.extend(*issued);
                election.after_commit();
                self.known.set(election);
                self.unsettled.retain(|unsettled| unsettled != index);
                self.unsettled.push(*index);
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
    fn new(key: i64, definition: Arc<Definition>, origin: Origin) -> Self {
        let ballot_box = BallotBox::new(definition, origin);
        let standing = Arc::new(ballot_box.standing());
        let (head, issues, link_numbers) = (GENESIS, Vec::new(), 0);
        Self { key, ballot_box, head, issues, link_numbers, sheet: None, standing }
    }

    pub(super) fn definition(&self) -> &Definition {
        self.ballot_box.definition()
    }

    /// Notes numbers that were issued in an entry of this kind.
    pub(super) fn note_link_numbers(&mut self, kind: Kind, numbers: u64) {
        if kind == Kind::IssuedByLink {
            self.link_numbers += numbers;
        }
    }

    /// Shows the ballot box as it is: everything in it is stored. Frees what a closed election
    /// needs no more.
    pub(super) fn after_commit(&mut self) {
        if self.ballot_box.state() == ElectionState::Closed {
            self.ballot_box.forget_roll();
            self.issues = Vec::new();
        }
        self.ballot_box.publish();
        self.standing = Arc::new(self.ballot_box.standing());
    }
}
