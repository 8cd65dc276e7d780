//! The elections and grants as the acts made them, without rolls and ballots: cheap to copy.

use std::collections::HashSet;
use std::sync::Arc;

use super::chain::Head;
use super::change::{Change, What};
use crate::election::{Count, Definition, ElectionId, ElectionState, Grant, GrantId, Grants, Role};
use crate::ledger::links;

/// The elections and grants at one version.
#[derive(Debug, Clone, Default)]
pub(super) struct Public {
    pub(super) elections: Vec<Arc<Election>>,
    pub(super) grants: Arc<Grants>,
    /// Grants that were revoked, while numbers issued under them may vote.
    pub(super) ended: Arc<Vec<Grant>>,
}

/// Where an election is in its course.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Draft,
    Open,
    /// No vote counts any more, and there is no count yet.
    Closing,
    Closed,
}

/// One election.
#[derive(Debug, Clone)]
pub(super) struct Election {
    pub(super) key: i32,
    pub(super) definition: Arc<Definition>,
    /// The head of the acts at its creation: no other election has it.
    pub(super) created: Head,
    /// What tells the key of its ballots from others.
    pub(super) commitment: Head,
    pub(super) phase: Phase,
    /// The key of the election whose roll it shares.
    pub(super) owner: Option<i32>,
    pub(super) voters: u64,
    pub(super) at_opening: u64,
    pub(super) added_while_open: u64,
    pub(super) link_numbers: u64,
    /// The numbers issued under a grant, while they may vote.
    pub(super) issues: Vec<Issued>,
    /// How the result came about, after the close.
    pub(super) count: Option<Arc<Count>>,
}

/// Numbers that were issued in one act.
#[derive(Debug, Clone, Copy)]
pub(super) struct Issued {
    pub(super) issuer: GrantId,
    /// Whether the election was open.
    pub(super) added: bool,
    pub(super) version: i64,
}

impl Phase {
    /// The state by which acts and votes are judged.
    pub(super) fn judged(self) -> ElectionState {
        match self {
            Self::Draft => ElectionState::Draft,
            Self::Open => ElectionState::Open,
            Self::Closing | Self::Closed => ElectionState::Closed,
        }
    }

    /// The state that is shown.
    pub(super) fn shown(self) -> ElectionState {
        match self {
            Self::Draft => ElectionState::Draft,
            Self::Open | Self::Closing => ElectionState::Open,
            Self::Closed => ElectionState::Closed,
        }
    }
}

impl Election {
    /// How many numbers were put on the roll after the opening.
    pub(super) fn added(&self) -> u64 {
        match (self.owner, self.phase) {
            (None, _) => self.added_while_open,
            (Some(_), Phase::Draft) => 0,
            (Some(_), _) => self.voters.saturating_sub(self.at_opening),
        }
    }

    /// The key of the election whose roll it votes by.
    pub(super) fn roll(&self) -> i32 {
        self.owner.unwrap_or(self.key)
    }
}

impl Public {
    pub(super) fn get(&self, key: i32) -> Option<&Election> {
        let index = usize::try_from(key).ok()?.checked_sub(1)?;
        self.elections.get(index).map(|election| &**election)
    }

    fn get_mut(&mut self, key: i32) -> Option<&mut Election> {
        let index = usize::try_from(key).ok()?.checked_sub(1)?;
        self.elections.get_mut(index).map(Arc::make_mut)
    }

    pub(super) fn find(&self, id: &ElectionId) -> Option<&Election> {
        let mut elections = self.elections.iter().map(|election| &**election);
        elections.find(|election| election.definition.id == *id)
    }

    /// The election of the roll `owner`, and those that share it.
    pub(super) fn with_roll(&self, owner: i32) -> impl Iterator<Item = &Election> {
        let elections = self.elections.iter().map(|election| &**election);
        elections.filter(move |election| election.roll() == owner)
    }

    /// Makes a change, after which the acts have this head. `None` if it does not fit: what is
    /// stored is damaged.
    pub(super) fn change(&mut self, version: i64, head: &Head, change: &Change) -> Option<()> {
        let key = change.election;
        match &change.what {
            What::Created(definition, commitment) => {
                self.create(key, definition, (*head, *commitment))?;
            }
            What::Issued(listed, issuer) => {
                let role = issuer.and_then(|id| self.grants.iter().find(|it| it.id == id));
                let by_link = role.is_some_and(|grant| grant.role != Role::ReturningOfficer);
                let election = self.get_mut(key)?;
                let added = election.phase == Phase::Open;
                election.voters += listed.count;
                election.added_while_open += if added { listed.count } else { 0 };
                election.link_numbers += if by_link { listed.count } else { 0 };
                let issued = issuer.filter(|_| listed.count > 0);
                election.issues.extend(issued.map(|issuer| Issued { issuer, added, version }));
                self.note_roll(key);
            }
            What::Revoked(listed) => {
                let election = self.get_mut(key)?;
                election.voters = election.voters.checked_sub(listed.count)?;
                self.note_roll(key);
            }
            What::Voided(listed, added) => {
                let election = self.get_mut(key)?;
                election.voters = election.voters.checked_sub(listed.count)?;
                if *added {
                    election.added_while_open =
                        election.added_while_open.checked_sub(listed.count)?;
                }
                self.note_roll(key);
            }
            What::Opened => {
                let election = self.get_mut(key).filter(|it| it.phase == Phase::Draft)?;
                (election.phase, election.at_opening) = (Phase::Open, election.voters);
            }
            What::Closing => {
                let election = self.get_mut(key).filter(|it| it.phase == Phase::Open)?;
                election.phase = Phase::Closing;
            }
            What::Closed(_) => self.close(key)?,
            What::Granted(grant) => {
                Arc::make_mut(&mut self.grants).add(grant.clone()).then_some(())?;
            }
            What::Spent(id) => Arc::make_mut(&mut self.grants).spend(*id).then_some(())?,
            What::Ended(id) => self.end(*id),
        }
        Some(())
    }

    /// Notes how the result of a closed election came about.
    pub(super) fn set_count(&mut self, key: i32, count: Arc<Count>) {
        if let Some(election) = self.get_mut(key) {
            election.count = Some(count);
        }
    }

    fn create(
        &mut self,
        key: i32,
        definition: &Arc<Definition>,
        (created, commitment): (Head, Head),
    ) -> Option<()> {
        let next = i32::try_from(self.elections.len()).ok()?.checked_add(1)?;
        if key != next || self.find(&definition.id).is_some() {
            return None;
        }
        let owner = match &definition.roll {
            Some(roll) => Some(self.find(roll)?),
            None => None,
        };
        let voters = owner.map_or(0, |owner| owner.voters);
        self.elections.push(Arc::new(Election {
            key,
            definition: definition.clone(),
            created,
            commitment,
            phase: Phase::Draft,
            owner: owner.map(|owner| owner.key),
            voters,
            at_opening: voters,
            added_while_open: 0,
            link_numbers: 0,
            issues: Vec::new(),
            count: None,
        }));
        Some(())
    }

    fn close(&mut self, key: i32) -> Option<()> {
        let election = self.get_mut(key).filter(|it| it.phase == Phase::Closing)?;
        election.phase = Phase::Closed;
        election.issues = Vec::new();
        let id = election.definition.id.clone();
        let of_it = |grant: &Grant| grant.role.election() == Some(&id);
        if self.ended.iter().any(of_it) {
            Arc::make_mut(&mut self.ended).retain(|grant| !of_it(grant));
        }
        Some(())
    }

    fn end(&mut self, id: GrantId) {
        let before = self.grants.clone();
        Arc::make_mut(&mut self.grants).revoke(id);
        let issues = self.elections.iter().flat_map(|election| &election.issues);
        let issuers: HashSet<_> = issues.map(|issued| issued.issuer).collect();
        let kept = links::kept(&before, &self.grants, &issuers);
        if !kept.is_empty() {
            Arc::make_mut(&mut self.ended).extend(kept);
        }
    }

    /// Tells the elections that share a roll how many numbers are on it. After the close that is as
    /// it was.
    fn note_roll(&mut self, owner: i32) {
        let Some(numbers) = self.get(owner).map(|election| election.voters) else { return };
        for election in self.elections.iter_mut().filter(|it| it.owner == Some(owner)) {
            let election = Arc::make_mut(election);
            match election.phase {
                Phase::Draft => (election.voters, election.at_opening) = (numbers, numbers),
                Phase::Open => election.voters = numbers,
                Phase::Closing | Phase::Closed => {}
            }
        }
    }
}
