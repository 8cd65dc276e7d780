//! Which changes the rules allow, and what they are: acts in, [`Change`]s out.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use super::change::{Change, Listed, What};
use super::public::{Election, Public};
use super::state::State;
use crate::election::{
    ChangeRefusal, Count, Definition, ElectionId, Grant, Role, Tally, VoterNumber,
};
use crate::ledger::keys::BallotKey;
use crate::ledger::links::Issuer;
use crate::ledger::roll::Roll;
use crate::ledger::run::Run;
use crate::ledger::{
    Act, ActRefusal, Authorization, LedgerError, may_add_numbers, may_create, may_issue_under,
};

/// An act with its numbers in order, and the key of an election that it creates.
pub(super) enum Prepared {
    Create(Arc<Definition>, BallotKey),
    /// `None` if a number is given twice.
    Issue(ElectionId, Option<Run>),
    Revoke(ElectionId, Option<Run>),
    Other(Act),
}

/// A change to be stored, with its numbers.
pub(super) struct Planned {
    pub(super) change: Change,
    pub(super) run: Run,
    /// The key of an election that it creates.
    pub(super) key: Option<BallotKey>,
    /// The count of an election that it closes.
    pub(super) counted: Option<(Tally, Count)>,
}

/// Sorts the numbers of acts, and draws the keys of new elections.
pub(super) fn prepare(acts: Vec<Act>) -> io::Result<Vec<Prepared>> {
    let prepared = acts.into_iter().map(|act| {
        Ok(match act {
            Act::Create(definition) => Prepared::Create(definition, BallotKey::draw()?),
            Act::Issue(id, numbers) => Prepared::Issue(id, Run::sorted(numbers)),
            Act::Revoke(id, numbers) => Prepared::Revoke(id, Run::sorted(numbers)),
            other => Prepared::Other(other),
        })
    });
    prepared.collect()
}

impl Planned {
    /// A change without numbers.
    pub(super) fn only(election: i32, what: What) -> Self {
        let change = Change { election, what };
        Self { change, run: Run::default(), key: None, counted: None }
    }
}

/// What these acts change in this state, if all of them are allowed.
pub(super) fn decide(
    state: &State,
    acts: &[Prepared],
    under: Option<&Authorization>,
) -> Result<Vec<Planned>, LedgerError> {
    if under.is_some_and(|under| !under.is_in_force(&state.public.grants)) {
        return Err(LedgerError::Revoked);
    }
    let issuer = Issuer::of(&state.public.grants, under);
    let mut draft = Draft {
        public: state.public.clone(),
        rolls: &state.rolls,
        numbers: state.numbers(),
        numbers_max: state.numbers_max,
        added: HashMap::new(),
        delta: HashMap::new(),
    };
    let (mut planned, mut head) = (Vec::new(), state.head);
    for act in acts {
        if let Some(change) = draft.change(act, &issuer)? {
            let version = state.version + planned.len() as i64 + 1;
            head = change.change.head(&head, version);
            // The rules were checked.
            let _ = draft.public.change(version, &head, &change.change);
            planned.push(change);
        }
    }
    Ok(planned)
}

/// The state as the acts before have made it.
struct Draft<'a> {
    public: Public,
    rolls: &'a HashMap<i32, Roll>,
    numbers: usize,
    numbers_max: usize,
    /// Numbers that joined a roll.
    added: HashMap<i32, Vec<Run>>,
    /// Numbers that left a roll, or joined it again.
    delta: HashMap<i32, HashMap<VoterNumber, bool>>,
}

impl Draft<'_> {
    fn change(&mut self, act: &Prepared, issuer: &Issuer) -> Result<Option<Planned>, ActRefusal> {
        let (election, what, run) = match act {
            Prepared::Create(definition, key) => {
                let (election, definition) = self.create(definition)?;
                let what = What::Created(definition, key.commitment());
                return Ok(Some(Planned {
                    key: Some(key.clone()),
                    ..Planned::only(election, what)
                }));
            }
            Prepared::Issue(id, run) => {
                let (key, run) = self.issue(id, run.as_ref(), issuer)?;
                (key, What::Issued(Listed::of(run.blocks()), issuer.grant), run)
            }
            Prepared::Revoke(id, run) => {
                let (key, run) = self.revoke(id, run.as_ref())?;
                (key, What::Revoked(Listed::of(run.blocks())), run)
            }
            Prepared::Other(act) => match self.other(act)? {
                Some((key, what)) => (key, what, Run::default()),
                None => return Ok(None),
            },
        };
        Ok(Some(Planned { run, ..Planned::only(election, what) }))
    }

    fn other(&mut self, act: &Act) -> Result<Option<(i32, What)>, ActRefusal> {
        let is_officer = |grant: &Grant| grant.role == Role::ReturningOfficer;
        Ok(Some(match act {
            Act::Open(id) => {
                let election = self.election(id)?;
                election.phase.judged().opened().map_err(|refusal| not_allowed(id, refusal))?;
                (election.key, What::Opened)
            }
            Act::Close(id) => {
                let election = self.election(id)?;
                election.phase.judged().closed().map_err(|refusal| not_allowed(id, refusal))?;
                (election.key, What::Closing)
            }
            Act::Confirm(id) => {
                self.election(id)?;
                return Err(not_allowed(id, ChangeRefusal::NothingToConfirm));
            }
            Act::GrantFirst(_) if self.public.grants.iter().any(is_officer) => {
                return Err(ActRefusal::OfficerExists);
            }
            Act::Grant(grant) | Act::GrantFirst(grant) => {
                let grants = &self.public.grants;
                let in_bounds = grant.parent.is_none_or(|parent| grants.may_save_from(parent));
                if !in_bounds || !grants.clone().as_ref().clone().add(grant.clone()) {
                    return Err(ActRefusal::GrantRefused);
                }
                (0, What::Granted(grant.clone()))
            }
            Act::SpendToken(id) => {
                if !self.public.grants.as_ref().clone().spend(*id) {
                    return Err(ActRefusal::TokenSpent);
                }
                (0, What::Spent(*id))
            }
            Act::RevokeGrant(id) if self.public.grants.holds(*id) => (0, What::Ended(*id)),
            // The grant is not in force; the others are prepared.
            Act::RevokeGrant(_) | Act::Create(_) | Act::Issue(..) | Act::Revoke(..) => {
                return Ok(None);
            }
        }))
    }

    fn create(&self, definition: &Arc<Definition>) -> Result<(i32, Arc<Definition>), ActRefusal> {
        if self.public.find(&definition.id).is_some() {
            return Err(ActRefusal::ElectionExists(definition.id.clone()));
        }
        may_create(self.public.elections.iter().map(|it| &*it.definition), definition)?;
        let key = self.public.elections.len() as i32 + 1;
        let Some(asked) = &definition.roll else {
            return Ok((key, definition.clone()));
        };
        // The roll of an election that shares one is that one.
        let owner = self.election(asked)?.roll();
        let owner = self.public.get(owner).map(|owner| owner.definition.id.clone());
        let definition = Definition::clone(definition).with_roll(owner);
        Ok((key, Arc::new(definition)))
    }

    fn issue(
        &mut self,
        id: &ElectionId,
        run: Option<&Run>,
        issuer: &Issuer,
    ) -> Result<(i32, Run), ActRefusal> {
        let taken = || not_allowed(id, ChangeRefusal::NumberTaken);
        let election = self.election(id)?;
        let (key, run) = (election.key, run.ok_or_else(taken)?);
        let added = run.on_roll;
        own_roll(election)?;
        let voters = usize::try_from(election.voters).unwrap_or(usize::MAX);
        let may = election.phase.judged().may_issue(voters, added);
        may.map_err(|refusal| not_allowed(id, refusal))?;
        if !self.is_disjoint(key, run) {
            return Err(taken());
        }
        may_issue_under(issuer.role.as_ref(), election.link_numbers, added as u64)?;
        may_add_numbers(self.numbers, added, self.numbers_max)?;
        self.numbers += added;
        if let Some(delta) = self.delta.get_mut(&key) {
            delta.extend(run.blocks().flatten().map(|number| (*number, true)));
        }
        self.added.entry(key).or_default().push(copy(run));
        Ok((key, copy(run)))
    }

    fn revoke(&mut self, id: &ElectionId, run: Option<&Run>) -> Result<(i32, Run), ActRefusal> {
        let unknown = || not_allowed(id, ChangeRefusal::NumberUnknown);
        let election = self.election(id)?;
        let key = election.key;
        own_roll(election)?;
        for sharer in self.public.with_roll(key) {
            let may = sharer.phase.judged().may_revoke();
            may.map_err(|refusal| not_allowed(id, refusal))?;
        }
        let run = run.ok_or_else(unknown)?;
        if !run.blocks().flatten().all(|number| self.is_on_roll(key, *number)) {
            return Err(unknown());
        }
        self.numbers -= run.on_roll.min(self.numbers);
        let left = run.blocks().flatten().map(|number| (*number, false));
        self.delta.entry(key).or_default().extend(left);
        Ok((key, copy(run)))
    }

    fn is_disjoint(&self, key: i32, run: &Run) -> bool {
        if self.delta.contains_key(&key) {
            return !run.blocks().flatten().any(|number| self.is_on_roll(key, *number));
        }
        let added = self.added.get(&key);
        run.blocks().all(|ascending| {
            self.rolls.get(&key).is_none_or(|roll| roll.is_disjoint(ascending))
                && added.into_iter().flatten().all(|run| run.is_disjoint(ascending))
        })
    }

    fn is_on_roll(&self, key: i32, number: VoterNumber) -> bool {
        let stored = || self.rolls.get(&key).is_some_and(|roll| roll.find(number).is_some());
        let mut added = self.added.get(&key).into_iter().flatten();
        let changed = self.delta.get(&key).and_then(|delta| delta.get(&number));
        let unchanged = || added.any(|run| run.find(number).is_some()) || stored();
        changed.copied().unwrap_or_else(unchanged)
    }

    fn election(&self, id: &ElectionId) -> Result<&Election, ActRefusal> {
        self.public.find(id).ok_or_else(|| ActRefusal::NoSuchElection(id.clone()))
    }
}

pub(super) fn not_allowed(election: &ElectionId, refusal: ChangeRefusal) -> ActRefusal {
    ActRefusal::NotAllowed { election: election.clone(), refusal }
}

fn own_roll(election: &Election) -> Result<(), ActRefusal> {
    match election.owner {
        Some(_) => Err(not_allowed(&election.definition.id, ChangeRefusal::SharedRoll)),
        None => Ok(()),
    }
}

/// The same numbers. An act may have to be decided again.
fn copy(run: &Run) -> Run {
    let mut copy = Run::default();
    for numbers in run.blocks() {
        // Its blocks are in order.
        let _ = copy.extend(numbers);
    }
    copy
}
