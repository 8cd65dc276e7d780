//! The elections and grants of the file, in memory.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use super::ballot_box::{BallotBox, Place};
use super::chain::{GENESIS, Head, Kind, Rows};
use super::issues::{IssuedRows, Issuer};
use super::known::Known;
use crate::election::{
    ChangeRefusal, Count, Definition, ElectionId, ElectionState, Grant, Grants, LedgerId, Origin,
    Role, Standing, Vote, VoterNumber,
};
use crate::ledger::keys::{BallotKey, Owner};
use crate::ledger::roll::BallotRow;
use crate::ledger::run::Run;
use crate::ledger::{
    Act, ActRefusal, NUMBERS_MAX, Snapshot, may_add_numbers, may_create, may_issue_under,
};

/// What most sealed ballots take: a choice, its nonce, and the tag.
const SEALED_BYTES: usize = 34;

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
    /// For each election whose roll others share, the indexes of those.
    pub(super) sharers: HashMap<usize, Vec<usize>>,
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
    /// The index of the election whose roll it shares.
    pub(super) roll: Option<usize>,
    /// The key of its ballots, until the close.
    pub(super) sealing: Option<BallotKey>,
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
#[derive(Debug, Clone)]
pub(super) struct NewBallot {
    /// The election's index in [`Elections`].
    pub(super) election: usize,
    pub(super) number: VoterNumber,
    pub(super) sealed: Vec<u8>,
    pub(super) at: Place,
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
    /// How its result came about, if it was closed.
    pub(super) count: Option<Count>,
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
            sharers: HashMap::new(),
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

    /// The keys of the elections that are not closed, as far as they are there.
    pub(super) fn keys(&self) -> impl Iterator<Item = (Owner<'_>, &BallotKey)> {
        let ledger = self.origin.ledger;
        self.list.iter().filter_map(move |it| Some((it.owner(ledger), it.sealing.as_ref()?)))
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
            Act::Revoke(id, numbers) => {
                self.may_revoke(id)?;
                let index = self.change(id, |it| it.revoke(numbers))?;
                self.note_roll(index);
                Ok(index)
            }
            Act::Open(id) => self.change(id, BallotBox::open),
            Act::Close(id) => {
                let closed = self.change(id, BallotBox::close)?;
                self.forget_ended(id);
                Ok(closed)
            }
            Act::Confirm(id) => {
                self.may_confirm(id)?;
                self.change(id, BallotBox::confirm)
            }
            Act::Grant(grant) => return self.grant(grant).map(|()| None),
            Act::GrantFirst(grant) => {
                let officer = |grant: &Grant| grant.role == Role::ReturningOfficer;
                if self.grants.iter().any(officer) {
                    return Err(ActRefusal::OfficerExists);
                }
                return self.grant(grant).map(|()| None);
            }
            Act::SpendToken(id) if !Arc::make_mut(&mut self.grants).spend(*id) => {
                return Err(ActRefusal::TokenSpent);
            }
            Act::SpendToken(_) => return Ok(None),
            Act::RevokeGrant(id) => {
                self.revoke_grant(*id);
                return Ok(None);
            }
        }
        .map(Some)
    }

    /// An election whose ballots nobody can open waits for ever.
    fn may_confirm(&self, id: &ElectionId) -> Result<(), ActRefusal> {
        let election = self.by_id.get(id).and_then(|&index| self.list.get(index));
        match election {
            Some(it) if it.is_unreadable() => {
                let refusal = ChangeRefusal::KeyMissing;
                Err(ActRefusal::NotAllowed { election: id.clone(), refusal })
            }
            _ => Ok(()),
        }
    }

    /// Adds an election, and returns its index.
    pub(super) fn create(&mut self, definition: &Arc<Definition>) -> Result<usize, ActRefusal> {
        let index = self.list.len();
        if self.by_id.contains_key(&definition.id) {
            return Err(ActRefusal::ElectionExists(definition.id.clone()));
        }
        let (definition, roll) = self.with_roll(definition)?;
        self.by_id.insert(definition.id.clone(), index);
        let mut stored = StoredElection::new(index as i64 + 1, definition, self.origin);
        if let Some(owner) = roll {
            self.sharers.entry(owner).or_default().push(index);
            let numbers = self.list.get(owner).map_or(0, |it| it.ballot_box.roll_numbers());
            stored.ballot_box.note_shared(numbers as u64);
        }
        stored.roll = roll;
        self.list.push(stored);
        Ok(index)
    }

    /// Notes what a commit made of an election: everything in it is stored. Frees what a closed one
    /// needs no more.
    pub(super) fn after_commit(&mut self, index: usize) {
        let is_shared = self.is_shared(index);
        let Some(election) = self.list.get_mut(index) else { return };
        election.after_commit(is_shared);
        self.known.set(election);
        let (owner, closed) = (election.roll, election.ballot_box.state() == ElectionState::Closed);
        if let Some(owner) = owner.filter(|_| closed)
            && !self.is_shared(owner)
            && let Some(owner) = self.list.get_mut(owner)
        {
            owner.ballot_box.close_roll(false);
        }
        self.note_roll(index);
        self.publish_roll(index);
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
        self.note_roll(index);
        Ok(index)
    }

    /// Undoes [`issue`](Self::issue).
    pub(super) fn unissue(&mut self, index: usize, kind: Kind, numbers: u64) {
        let Some(election) = self.list.get_mut(index) else { return };
        election.ballot_box.unissue();
        if kind == Kind::IssuedByLink {
            election.link_numbers -= numbers;
        }
        self.note_roll(index);
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
                let roll = self.list.pop().and_then(|created| created.roll);
                if let Some(sharers) = roll.and_then(|owner| self.sharers.get_mut(&owner)) {
                    sharers.retain(|&sharer| sharer != index);
                }
            }
            Act::Revoke(_, numbers) => {
                election.ballot_box.unrevoke(numbers);
                self.note_roll(index);
            }
            Act::Open(_) | Act::Close(_) => election.ballot_box.step_back(),
            Act::Confirm(_) => election.ballot_box.unconfirm(),
            Act::Issue(..)
            | Act::Grant(_)
            | Act::GrantFirst(_)
            | Act::SpendToken(_)
            | Act::RevokeGrant(_) => {}
        }
    }

    /// Records what a commit stored.
    pub(super) fn advance(&mut self, advances: Vec<Advance>) {
        for Advance { election: index, head, sheet, count, issued } in advances {
            if let Some(election) = self.list.get_mut(index) {
                election.head = head;
                election.sheet = sheet.or(election.sheet);
                election.issues.extend(issued);
                if let Some(count) = count {
                    election.ballot_box.set_count(count);
                }
                self.after_commit(index);
                self.unsettled.retain(|&unsettled| unsettled != index);
                self.unsettled.push(index);
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
        let (roll, sealing, sheet) = (None, None, None);
        Self { key, ballot_box, roll, sealing, head, issues, link_numbers, sheet, standing }
    }

    /// Whose key seals its ballots.
    pub(super) fn owner(&self, ledger: LedgerId) -> Owner<'_> {
        Owner { ledger, key: self.key, election: &self.definition().id }
    }

    /// The ballot of a vote, sealed.
    pub(super) fn sealed(&mut self, vote: &Vote) -> io::Result<Vec<u8>> {
        let mut sealed = Vec::with_capacity(SEALED_BYTES);
        vote.ballot.store(&self.ballot_box.definition().rules, &mut sealed);
        sealed.extend(vote.nonce.as_bytes());
        let missing = || io::Error::other("the key of the ballots is missing");
        self.sealing.as_mut().ok_or_else(missing)?.seal(vote.number, &mut sealed)?;
        Ok(sealed)
    }

    /// Whether it has ballots that nobody can open.
    pub(super) fn is_unreadable(&self) -> bool {
        let is_closed = self.ballot_box.state() == ElectionState::Closed;
        !is_closed && self.sealing.is_none() && self.ballot_box.numbers_used() > 0
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

    fn after_commit(&mut self, is_shared: bool) {
        if self.ballot_box.state() == ElectionState::Closed {
            self.ballot_box.close_roll(is_shared);
            self.issues = Vec::new();
            self.sealing = None;
        }
        self.ballot_box.publish();
        self.standing = Arc::new(self.ballot_box.standing());
    }
}
