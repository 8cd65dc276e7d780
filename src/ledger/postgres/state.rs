//! What a server has in memory of the ledger: the elections, their rolls, and a tally for each
//! chain of ballots.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tokio::time::Instant;

use super::chain::Head;
use super::change::{Change, What};
use super::cluster::Cluster;
use super::code::{self, Reader};
use super::keys::{self, KEY_WAIT_MAX};
use super::public::{Election, Phase, Public};
use crate::election::{
    Count, Definition, ElectionId, LedgerId, Nonce, Origin, OwnBallot, Publication, Standing,
    Tally, Vote, VoterNumber,
};
use crate::ledger::keys::{BallotKey, Owner};
use crate::ledger::roll::Roll;
use crate::ledger::run::Run;
use crate::ledger::{LedgerError, Snapshot};

/// The place of a tally that is to be read again: before every entry.
const UNREAD: i32 = -1;

/// The ledger as this server knows it.
#[derive(Debug)]
pub(super) struct State {
    pub(super) ledger: LedgerId,
    /// The acts that are applied, and the head of their chain.
    pub(super) version: i64,
    pub(super) head: Head,
    pub(super) public: Public,
    /// The rolls by which votes may still be cast, by the key of their election.
    pub(super) rolls: HashMap<i32, Roll>,
    /// For each election its chains, with the last entry that each tally includes.
    pub(super) tallies: HashMap<i32, BTreeMap<i64, ChainTally>>,
    /// The keys of the elections that are not closed, as far as this server has them.
    pub(super) keys: HashMap<i32, BallotKey>,
    /// When this server first lacked a key.
    lacked: HashMap<i32, Instant>,
    /// Closed elections of whose keys this server may still have its half.
    unscrubbed: BTreeSet<i32>,
    /// What is published, in the order of the elections.
    standings: Vec<Arc<Standing>>,
    pub(super) numbers_max: usize,
    /// Whether it is read to be moved: also after it left.
    pub(super) is_moved: bool,
}

/// The tally of a chain, up to an entry.
#[derive(Debug, Clone)]
pub(super) struct ChainTally {
    pub(super) seq: i32,
    pub(super) tally: Tally,
}

/// What an act brings, besides itself.
#[derive(Default)]
pub(super) struct Brought {
    /// Its numbers.
    pub(super) run: Run,
    /// The key of a new election.
    pub(super) key: Option<BallotKey>,
    /// The roll that a new election shares, if it was forgotten.
    pub(super) roll: Option<Roll>,
    /// The count of an election that it closes.
    pub(super) counted: Option<(Tally, Count)>,
}

impl State {
    pub(super) fn new(ledger: LedgerId, numbers_max: usize) -> Self {
        Self {
            ledger,
            version: 0,
            head: [0; 32],
            public: Public::default(),
            rolls: HashMap::new(),
            tallies: HashMap::new(),
            keys: HashMap::new(),
            lacked: HashMap::new(),
            unscrubbed: BTreeSet::new(),
            standings: Vec::new(),
            numbers_max,
            is_moved: false,
        }
    }

    /// How many numbers the rolls have by which votes may be cast.
    pub(super) fn numbers(&self) -> usize {
        self.rolls.values().map(Roll::len).sum()
    }

    /// Applies the next act. `None` if it does not fit: what is stored is damaged.
    pub(super) fn apply(&mut self, head: Head, change: &Change, brought: Brought) -> Option<()> {
        let version = self.version + 1;
        let key = change.election;
        self.public.change(version, &head, change)?;
        match &change.what {
            What::Created(..) => {
                match brought.key {
                    Some(key_of_it) => drop(self.keys.insert(key, key_of_it)),
                    None => drop(self.lacked.insert(key, Instant::now())),
                }
                let owner = self.public.get(key)?.roll();
                let roll = self.rolls.entry(owner).or_default();
                if let Some(remembered) = brought.roll {
                    *roll = remembered;
                }
            }
            What::Issued(..) => self.rolls.entry(key).or_default().push(brought.run),
            What::Revoked(_) | What::Voided(..) => {
                let roll = self.rolls.get_mut(&key)?;
                let numbers: Vec<_> = brought.run.blocks().flatten().copied().collect();
                roll.remove(&numbers).then_some(())?;
            }
            What::Closed(_) => {
                let (tally, count) = brought.counted?;
                self.public.set_count(key, Arc::new(count));
                self.tallies.insert(key, BTreeMap::from([(0, ChainTally { seq: 0, tally })]));
                self.keys.remove(&key);
                self.lacked.remove(&key);
                self.unscrubbed.insert(key);
                let owner = self.public.get(key)?.roll();
                let is_over = |it: &Election| it.phase == Phase::Closed;
                if self.public.with_roll(owner).all(is_over) {
                    self.rolls.remove(&owner);
                }
            }
            What::Opened | What::Closing => {}
            What::Granted(_) | What::Spent(_) | What::Ended(_) => {}
            What::Moved(_) | What::Left(_) => {}
        }
        (self.version, self.head) = (version, head);
        let roll = self.public.get(key).map(Election::roll);
        let changed: Vec<_> = roll
            .map(|roll| self.public.with_roll(roll))
            .into_iter()
            .flatten()
            .map(|election| election.key)
            .collect();
        changed.into_iter().for_each(|key| self.show(key));
        Some(())
    }

    /// The roll that has to be read before this change is applied: a new election shares it, and it
    /// was forgotten.
    pub(super) fn forgotten(&self, change: &Change) -> Option<i32> {
        let What::Created(definition, _) = &change.what else { return None };
        let owner = self.public.find(definition.roll.as_ref()?)?.roll();
        (!self.rolls.contains_key(&owner)).then_some(owner)
    }

    /// The definition of the election with this key.
    pub(super) fn definition(&self, key: i32) -> Option<Arc<Definition>> {
        self.public.get(key).map(|election| election.definition.clone())
    }

    /// Whose key seals the ballots of an election.
    pub(super) fn owner<'a>(&self, key: i32, definition: &'a Definition) -> Owner<'a> {
        Owner { ledger: self.ledger, key: i64::from(key), election: &definition.id }
    }

    /// The elections whose keys this server lacks.
    pub(super) fn lacking(&self) -> Vec<(i32, Arc<Definition>)> {
        self.with_definitions(self.lacked.keys())
    }

    /// The elections whose keys this server has.
    pub(super) fn holding(&self) -> Vec<(i32, Arc<Definition>)> {
        self.with_definitions(self.keys.keys())
    }

    /// The closed elections of whose keys this server may still have its half.
    pub(super) fn scrubbing(&self) -> Vec<(i32, Arc<Definition>)> {
        self.with_definitions(self.unscrubbed.iter())
    }

    fn with_definitions<'a>(
        &self,
        keys: impl Iterator<Item = &'a i32>,
    ) -> Vec<(i32, Arc<Definition>)> {
        let of = |key: &i32| Some((*key, self.definition(*key)?));
        keys.filter_map(of).collect()
    }

    /// Whether a vote waits for the key of its election.
    pub(super) fn awaits_key(&self, election: &ElectionId) -> bool {
        let since = self.public.find(election).and_then(|it| self.lacked.get(&it.key));
        since.is_some_and(|since| since.elapsed() < KEY_WAIT_MAX)
    }

    /// Takes the key of an election. Its tallies are read again, with their votes.
    pub(super) fn hold(&mut self, election: i32, key: BallotKey) {
        if self.lacked.remove(&election).is_some() {
            self.keys.insert(election, key);
            let chains = self.tallies.get_mut(&election).into_iter().flatten();
            chains.for_each(|(_, tally)| tally.seq = UNREAD);
        }
    }

    /// Lets the next look destroy the keys of closed elections again: a failover may have lost that
    /// this server said so.
    pub(super) fn doubt_scrubbed(&mut self) {
        let elections = self.public.elections.iter();
        let closed = elections.filter(|it| it.phase == Phase::Closed).map(|it| it.key);
        self.unscrubbed.extend(closed);
    }

    /// Notes that this server has nothing of the key of a closed election.
    pub(super) fn scrubbed(&mut self, election: i32) {
        self.unscrubbed.remove(&election);
    }

    /// Takes the newer tally of a chain.
    pub(super) fn take_tally(&mut self, election: i32, chain: i64, tally: ChainTally) {
        if self.public.get(election).is_none_or(|it| it.phase == Phase::Closed) {
            return;
        }
        let chains = self.tallies.entry(election).or_default();
        if chains.get(&chain).is_none_or(|known| known.seq < tally.seq) {
            chains.insert(chain, tally);
            self.show(election);
        }
    }

    /// Lets the next look at a cluster read the tallies of all its chains. Until then they are
    /// shown as they are.
    pub(super) fn doubt_tallies(&mut self, of: &Cluster) {
        let public = &self.public;
        let is_closed = |key| public.get(key).is_some_and(|it| it.phase == Phase::Closed);
        let open = self.tallies.iter_mut().filter(|(key, _)| !is_closed(**key));
        let chains = open.flat_map(|(_, chains)| chains).filter(|(chain, _)| of.has_chain(**chain));
        chains.for_each(|(_, tally)| tally.seq = UNREAD);
    }

    /// Forgets the tallies of a cluster that were not read since they were in doubt.
    pub(super) fn forget_unread(&mut self, of: &Cluster) {
        let mut changed = Vec::new();
        for (key, chains) in &mut self.tallies {
            let known = chains.len();
            chains.retain(|chain, tally| tally.seq != UNREAD || !of.has_chain(*chain));
            changed.extend((chains.len() != known).then_some(*key));
        }
        changed.into_iter().for_each(|key| self.show(key));
    }

    /// Whether the tally of a chain includes this entry.
    pub(super) fn includes(&self, election: i32, chain: i64, seq: i32) -> bool {
        let known = self.tallies.get(&election).and_then(|chains| chains.get(&chain));
        known.is_some_and(|known| known.seq >= seq)
    }

    /// Merges the runs of the rolls a little. Returns whether there is more to merge.
    pub(super) fn settle_step(&mut self) -> bool {
        self.rolls.values_mut().any(Roll::settle_step)
    }

    /// Whether this number is on the roll that an election votes by.
    pub(super) fn is_on_roll(&self, election: &Election, number: VoterNumber) -> bool {
        self.rolls.get(&election.roll()).is_some_and(|roll| roll.find(number).is_some())
    }

    /// The ballot of a vote, sealed.
    pub(super) fn sealed(&mut self, election: i32, vote: &Vote) -> Result<Vec<u8>, LedgerError> {
        let missing = || LedgerError::Away(keys::MISSING.into());
        let definition = self.definition(election);
        let (key, definition) = self.keys.get_mut(&election).zip(definition).ok_or_else(missing)?;
        let mut sealed = Vec::with_capacity(2 * Nonce::BYTES);
        vote.ballot.store(&definition.rules, &mut sealed);
        sealed.extend(vote.nonce.as_bytes());
        let done = key.seal(vote.number, &mut sealed);
        done.map_err(|error| LedgerError::NotStored(error.to_string()))?;
        Ok(sealed)
    }

    /// Opens the sealed ballot of a number.
    pub(super) fn opened(
        &mut self,
        election: i32,
        number: VoterNumber,
        sealed: &[u8],
    ) -> Option<OwnBallot> {
        let definition = self.definition(election)?;
        let mut bytes = sealed.to_vec();
        self.keys.get_mut(&election)?.open(number, &mut bytes).then_some(())?;
        let mut bytes = Reader(&bytes);
        let ballot = code::ballot(&mut bytes, &definition)?;
        bytes.end(ballot)
    }

    /// Whether the tallies of an election have its votes: those of a sealed one have only how many
    /// ballots there are.
    pub(super) fn is_counted(definition: &Definition) -> bool {
        definition.publication == Publication::Live
    }

    fn show(&mut self, key: i32) {
        let Some(election) = self.public.get(key) else { return };
        let tallies = self.tallies.get(&key).into_iter().flat_map(BTreeMap::values);
        let tallies = tallies.map(|chain| chain.tally.clone());
        let (voters, added) = (election.voters, election.added());
        let (definition, state) = (election.definition.clone(), election.phase.shown());
        let restored = self.public.origins.find(&definition.id).and_then(|it| it.restored);
        let origin = Origin { ledger: self.ledger, restored, ..Origin::default() };
        let standing = Standing::of_tallies(definition, state, voters, added, tallies)
            .with_origin(origin)
            .with_count(election.count.clone());
        let index = key as usize - 1;
        match self.standings.get_mut(index) {
            Some(shown) => *shown = Arc::new(standing),
            None => self.standings.push(Arc::new(standing)),
        }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot { elections: self.standings.clone(), grants: self.public.grants.clone() }
    }
}
