//! A ledger in memory: the shortest implementation of [`Ledger`]. Its handles share one store.
#![allow(dead_code, reason = "each user needs a part of it")]
#![allow(clippy::unwrap_used)]

#[path = "memory_election.rs"]
mod election;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use capvote::election::{
    Ballot, ChangeRefusal, Definition, ElectionId, ElectionState, Grant, GrantId, Grants, Nonce,
    Outcome, Refusal, Role, Ruling, Timestamp, TokenHash, UnderNumber, Vote, VoterNumber, judge,
};
use capvote::ledger::{
    Act, ActRefusal, Answer, Authorization, Decision, Ledger, LedgerError, NUMBERS_MAX, Report,
    SheetCursor, SheetPart, Snapshot, may_add_numbers, may_create, may_issue_under,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::election::Election;

/// The store. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Memory(Arc<Mutex<Shared>>);

#[derive(Debug)]
struct Shared {
    state: State,
    handles: Vec<watch::Sender<Arc<Snapshot>>>,
    now: Timestamp,
    /// Whether the next commit reports an unknown outcome, and is stored nevertheless.
    broken: Option<bool>,
}

#[derive(Debug, Clone, Default)]
struct State {
    elections: Vec<Election>,
    grants: Grants,
    /// Every grant that there was.
    known: Vec<Grant>,
}

/// What one server has of the store.
#[derive(Debug)]
struct Handle {
    store: Memory,
    snapshots: watch::Sender<Arc<Snapshot>>,
    stopped: CancellationToken,
}

impl Default for Memory {
    fn default() -> Self {
        let (state, handles) = Default::default();
        let now = Timestamp(1_000_000);
        Self(Arc::new(Mutex::new(Shared { state, handles, now, broken: None })))
    }
}

impl Memory {
    /// A handle whose snapshots follow every commit.
    pub(crate) fn open(&self) -> Arc<dyn Ledger> {
        let handle = self.handle();
        self.lock().handles.push(handle.snapshots.clone());
        Arc::new(handle)
    }

    /// A handle whose snapshots follow its own answers only.
    pub(crate) fn open_lagging(&self) -> Arc<dyn Ledger> {
        Arc::new(self.handle())
    }

    pub(crate) fn set_time(&self, now: Timestamp) {
        self.lock().now = now;
    }

    pub(crate) fn break_next_commit(&self, stored: bool) {
        self.lock().broken = Some(stored);
    }

    fn handle(&self) -> Handle {
        let snapshots = watch::Sender::new(Arc::new(self.lock().state.snapshot()));
        Handle { store: self.clone(), snapshots, stopped: CancellationToken::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap()
    }

    /// Changes the state, or with an error leaves it as it is.
    fn commit<T>(
        &self,
        change: impl FnOnce(&mut State, Timestamp) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let mut shared = self.lock();
        let mut state = shared.state.clone();
        let changed = change(&mut state, shared.now)?;
        let broken = shared.broken.take();
        if broken != Some(false) {
            shared.state = state;
            let snapshot = Arc::new(shared.state.snapshot());
            for handle in &shared.handles {
                handle.send_replace(snapshot.clone());
            }
        }
        if broken.is_some() { Err(LedgerError::Unknown("broken".into())) } else { Ok(changed) }
    }
}

impl Handle {
    /// What `answer` makes of the store, once it is in this handle's snapshots.
    fn answer<T: Send + 'static>(
        &self,
        answer: impl FnOnce(&Memory) -> Result<T, LedgerError> + Send + 'static,
    ) -> Answer<T> {
        let (store, snapshots) = (self.store.clone(), self.snapshots.clone());
        let stopped = self.stopped.clone();
        async move {
            if stopped.is_cancelled() {
                return Err(LedgerError::Stopped);
            }
            let answered = answer(&store);
            snapshots.send_replace(Arc::new(store.lock().state.snapshot()));
            answered
        }
        .boxed()
    }
}

impl Ledger for Handle {
    fn vote(&self, votes: Vec<Vote>) -> Answer<Vec<Decision>> {
        self.answer(move |store| {
            store.commit(|state, now| {
                Ok(votes.iter().map(|vote| Ok(state.vote(vote, now))).collect())
            })
        })
    }

    fn act(&self, acts: Vec<Act>, under: Option<Authorization>) -> Answer<()> {
        self.answer(move |store| {
            store.commit(|state, _| {
                if under.as_ref().is_some_and(|under| !under.is_in_force(&state.grants)) {
                    return Err(LedgerError::Revoked);
                }
                let issuer = under.map(|under| under.grant);
                Ok(acts.iter().try_for_each(|act| state.act(act, issuer))?)
            })
        })
    }

    fn void(&self, id: ElectionId, token: TokenHash, under: Option<Authorization>) -> Answer<u64> {
        self.answer(move |store| {
            store.commit(|state, _| {
                if under.is_some_and(|under| !under.is_in_force(&state.grants)) {
                    return Err(LedgerError::Revoked);
                }
                Ok(state.void(&id, &token)?)
            })
        })
    }

    fn grant(&self, token: TokenHash) -> Answer<Option<Grant>> {
        self.answer(move |store| Ok(store.lock().state.grants.find(&token).cloned()))
    }

    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.subscribe()
    }

    fn fresh(&self) -> Answer<Arc<Snapshot>> {
        self.answer(|store| Ok(Arc::new(store.lock().state.snapshot())))
    }

    fn now(&self) -> Timestamp {
        self.store.lock().now
    }

    fn sheet(&self, id: ElectionId, cursor: SheetCursor, lines: usize) -> Answer<SheetPart> {
        self.answer(move |store| {
            let state = &mut store.lock().state;
            let sheet = state.election(&id)?.sheet();
            let part: Vec<_> = sheet.into_iter().skip(cursor.0 as usize).take(lines).collect();
            let next = SheetCursor(cursor.0 + part.len() as u64);
            Ok((part, next))
        })
    }

    fn check(&self, id: ElectionId) -> Answer<Report> {
        self.answer(move |store| {
            let state = &mut store.lock().state;
            let election = state.election(&id)?;
            let ballots = election.ballots().count() as u64;
            let (entries, head, unscrubbed) = (0, [0; 32], false);
            Ok(Report { entries, ballots, numbers_used: ballots, head, unscrubbed })
        })
    }

    fn stopped(&self) -> BoxFuture<'static, ()> {
        self.stopped.clone().cancelled_owned().boxed()
    }

    fn shut_down(&self) -> bool {
        self.stopped.cancel();
        true
    }
}

impl State {
    fn snapshot(&self) -> Snapshot {
        let elections = self.elections.iter().map(|it| Arc::new(it.standing())).collect();
        Snapshot { elections, grants: Arc::new(self.grants.clone()) }
    }

    fn vote(&mut self, vote: &Vote, now: Timestamp) -> Outcome {
        let Ok(election) = self.election(&vote.election) else {
            return Outcome::Refused(Refusal::NotOpen);
        };
        let ballot = (vote.ballot.clone(), vote.nonce);
        let under_number = match election.state {
            ElectionState::Closed if election.ballots().any(|it| it == ballot) => {
                UnderNumber::SameBallot
            }
            ElectionState::Closed => UnderNumber::OtherBallot,
            ElectionState::Draft | ElectionState::Open => match election.roll.get(&vote.number) {
                None => UnderNumber::NotOnRoll,
                Some(None) => UnderNumber::NoBallot,
                Some(Some(cast)) if *cast == ballot => UnderNumber::SameBallot,
                Some(Some(_)) => UnderNumber::OtherBallot,
            },
        };
        match judge(&election.definition, election.state, now, &vote.ballot, under_number) {
            Ruling::Answer(outcome) => outcome,
            Ruling::Count => {
                election.tally.add(vote.ballot.clone(), vote.nonce);
                election.roll.insert(vote.number, Some(ballot));
                Outcome::Recorded
            }
        }
    }

    fn act(&mut self, act: &Act, issuer: Option<GrantId>) -> Result<(), ActRefusal> {
        let officer = |grant: &Grant| grant.role == Role::ReturningOfficer;
        match act {
            Act::Create(definition) if self.election(&definition.id).is_ok() => {
                Err(ActRefusal::ElectionExists(definition.id.clone()))
            }
            Act::Create(definition) => {
                may_create(self.elections.iter().map(|it| &*it.definition), definition)?;
                let election = self.new_election(definition)?;
                self.elections.push(election);
                Ok(())
            }
            Act::GrantFirst(_) if self.grants.iter().any(officer) => Err(ActRefusal::OfficerExists),
            Act::Grant(grant) | Act::GrantFirst(grant) => {
                let may = grant.parent.is_none_or(|parent| self.grants.may_save_from(parent));
                let added = may && self.grants.add(grant.clone());
                self.known.push(grant.clone());
                if added { Ok(()) } else { Err(ActRefusal::GrantRefused) }
            }
            Act::SpendToken(id) if !self.grants.spend(*id) => Err(ActRefusal::TokenSpent),
            Act::SpendToken(_) => Ok(()),
            Act::RevokeGrant(id) => {
                self.grants.revoke(*id);
                Ok(())
            }
            Act::Issue(id, numbers) => {
                let open = self.elections.iter().filter(|it| it.state != ElectionState::Closed);
                may_add_numbers(open.map(|it| it.roll.len()).sum(), numbers.len(), NUMBERS_MAX)?;
                let grant = self.grants.iter().find(|grant| Some(grant.id) == issuer).cloned();
                let election = self.election(id)?;
                let role = grant.as_ref().map(|grant| &grant.role);
                may_issue_under(role, election.link_numbers, numbers.len() as u64)?;
                election.change(act)?;
                let open = election.state == ElectionState::Open;
                let issued = |number| Some((number, (grant.as_ref()?.id, open)));
                election.issued.extend(numbers.iter().copied().filter_map(issued));
                if role.is_some_and(|role| *role != Role::ReturningOfficer) {
                    election.link_numbers += numbers.len() as u64;
                }
                self.share(id, |roll| roll.extend(numbers.iter().map(|&number| (number, None))));
                Ok(())
            }
            Act::Revoke(id, numbers) => {
                let sharers =
                    self.elections.iter().filter(|it| it.definition.roll.as_ref() == Some(id));
                let may = sharers.into_iter().try_for_each(|it| it.state.may_revoke());
                let refused = |refusal| ActRefusal::NotAllowed { election: id.clone(), refusal };
                may.map_err(refused)?;
                self.election(id)?.change(act)?;
                self.share(id, |roll| roll.retain(|number, _| !numbers.contains(number)));
                Ok(())
            }
            Act::Open(id) | Act::Close(id) | Act::Confirm(id) => self.election(id)?.change(act),
        }
    }

    fn void(&mut self, id: &ElectionId, token: &TokenHash) -> Result<u64, ActRefusal> {
        let unknown = ActRefusal::UnknownLink(id.clone());
        self.election(id)?;
        let link = self.known.iter().find(|grant| grant.token == *token).cloned();
        let link = link.filter(|it| it.role.election().is_none_or(|it| it == id));
        let link = link.ok_or(unknown.clone())?;
        let in_force = self.grants.holds(link.id);
        if in_force && link.role == Role::ReturningOfficer {
            return Err(ActRefusal::OfficersLink);
        }
        let mut lineage = vec![link.id];
        let mut next = 0;
        while let Some(&parent) = lineage.get(next) {
            lineage
                .extend(self.known.iter().filter(|it| it.parent == Some(parent)).map(|it| it.id));
            next += 1;
        }
        let shares = |it: &Election| {
            it.definition.roll.as_ref() == Some(id) && it.state != ElectionState::Closed
        };
        let is_shared = self.elections.iter().any(shares);
        if in_force && is_shared && self.election(id)?.state == ElectionState::Closed {
            let refusal = ChangeRefusal::Closed;
            return Err(ActRefusal::NotAllowed { election: id.clone(), refusal });
        }
        self.grants.revoke(link.id);
        let election = self.election(id)?;
        let under = election.issued.iter().filter(|(_, (grant, _))| lineage.contains(grant));
        let under: Vec<_> = under.map(|(&number, &(_, added))| (number, added)).collect();
        if !in_force && (under.is_empty() || election.state == ElectionState::Closed) {
            return Err(unknown);
        }
        let mut voided = 0;
        for (number, added) in under {
            let has_voted = |it: &Election| {
                let same_roll = it.definition.id == *id || it.definition.roll.as_ref() == Some(id);
                let open = it.state != ElectionState::Closed;
                same_roll && open && it.roll.get(&number).is_some_and(Option::is_some)
            };
            let has_voted = self.elections.iter().any(has_voted);
            let election = self.election(id)?;
            if election.state != ElectionState::Closed
                && !has_voted
                && election.roll.remove(&number).is_some()
            {
                election.added_while_open -= u64::from(added);
                voided += 1;
                self.share(id, |roll| drop(roll.remove(&number)));
            }
        }
        Ok(voided)
    }

    /// Changes the rolls of the elections that share that of `owner`, and are not closed.
    fn share(
        &mut self,
        owner: &ElectionId,
        change: impl Fn(&mut BTreeMap<VoterNumber, Option<(Ballot, Nonce)>>),
    ) {
        for election in &mut self.elections {
            if election.definition.roll.as_ref() == Some(owner)
                && election.state != ElectionState::Closed
            {
                change(&mut election.roll);
            }
        }
    }

    fn new_election(&mut self, definition: &Arc<Definition>) -> Result<Election, ActRefusal> {
        let Some(asked) = &definition.roll else { return Ok(Election::new(definition.clone())) };
        let other = self.election(asked)?;
        let owner = other.definition.roll.clone().unwrap_or_else(|| asked.clone());
        let numbers: Vec<_> = self.election(&owner)?.roll.keys().copied().collect();
        let definition = Definition::clone(definition).with_roll(Some(owner));
        let mut election = Election::new(Arc::new(definition));
        election.roll.extend(numbers.into_iter().map(|number| (number, None)));
        Ok(election)
    }

    fn election(&mut self, id: &ElectionId) -> Result<&mut Election, ActRefusal> {
        let found = self.elections.iter_mut().find(|it| it.definition.id == *id);
        found.ok_or_else(|| ActRefusal::NoSuchElection(id.clone()))
    }
}
