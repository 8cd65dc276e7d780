//! Writers: each has a connection, and a chain of its own in each election.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant as Begun;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

use super::align::align;
use super::batch::{self, Chain, Found, Offer, Section};
use super::chain::ChainHead;
use super::cluster::Cluster;
use super::connection::{ANSWER_WAIT_MAX, Fault, Link};
use super::public::Phase;
use super::remembered::{Acknowledged, REMEMBERED_VOTES_MAX};
use super::session::{RECONNECT_PAUSE, Session, settle};
use super::settings::Unfit;
use super::shared::Shared;
use super::state::State;
use super::{keys, sheet, take_up};
use crate::election::{
    Definition, Outcome, Receipt, Refusal, Ruling, Timestamp, UnderNumber, Vote, judge,
};
use crate::ledger::{Decision, LedgerError};

/// Where an answer goes. Its receiver may be gone: the votes are decided nevertheless.
pub(super) type Reply = oneshot::Sender<Result<Vec<Decision>, LedgerError>>;

/// Votes for one transaction, and who gets how many decisions.
pub(super) struct Group {
    pub(super) votes: Vec<Vote>,
    pub(super) replies: Vec<(usize, Reply)>,
}

/// How often a batch is decided anew because of what others did meanwhile.
pub(super) const ROUNDS_MAX: u32 = 20;

/// What a vote needs.
enum Assessed {
    Decided(Decision),
    /// Its ballot is looked for on the sheet of a closed election.
    OnSheet(i32),
    /// The database decides.
    Sealed {
        election: i32,
        sealed: Vec<u8>,
        offered: bool,
    },
}

/// One writer.
pub(super) struct Writer {
    session: Session,
    /// A connection to the first cluster, which has the sheets, if `session` is to another.
    sheets: Option<Session>,
    shared: Arc<Shared>,
    cluster: Arc<Cluster>,
    index: usize,
    chains: HashMap<i32, Chain>,
    /// The connection by which the chains were read.
    chains_of: u64,
}

impl Writer {
    /// A writer of a cluster.
    pub(super) fn new(shared: Arc<Shared>, cluster: Arc<Cluster>, index: usize) -> Self {
        let session = Session::to(shared.clone(), cluster.clone());
        let sheets = (!cluster.is_first()).then(|| Session::new(shared.clone()));
        Self { session, sheets, shared, cluster, index, chains: HashMap::new(), chains_of: 0 }
    }

    /// Decides groups until there are no more. Sends its index to `freed` before each is answered.
    pub(super) async fn run(
        mut self,
        mut groups: mpsc::Receiver<Group>,
        freed: mpsc::Sender<usize>,
    ) {
        while let Some(Group { votes, replies }) = groups.recv().await {
            let begun = Begun::now();
            let decisions = self.decide(&votes).await;
            let count = decisions.iter().filter(|decision| decision.is_err()).count();
            self.shared.metrics.decided(&decisions, count, begun.elapsed());
            if let Some(error) = decisions.iter().find_map(|it| it.as_ref().err()) {
                tracing::error!(count, %error, "a commit failed");
            }
            self.shared.publish();
            // There is room for every writer.
            let _ = freed.try_send(self.index);
            let mut decisions = decisions.into_iter();
            for (count, reply) in replies {
                let _ = reply.send(Ok(decisions.by_ref().take(count).collect()));
            }
        }
    }

    /// Decides these votes, and asks again what is unknown until it is known.
    async fn decide(&mut self, votes: &[Vote]) -> Vec<Decision> {
        let deadline = Instant::now() + self.shared.unknown_wait;
        let (mut unknown, mut rounds) = (None, 0);
        loop {
            let fault = match self.decide_once(votes).await {
                Ok(decisions) => return after(unknown.as_deref(), decisions),
                Err(fault) => fault,
            };
            rounds += 1;
            // Its chains may have ended, or go on without this writer.
            self.chains.clear();
            self.session.leave(&fault).await;
            let again = match &fault {
                Fault::Lost(why) => {
                    let again = Instant::now() < deadline;
                    if again && unknown.is_none() {
                        self.shared.metrics.database().asked_again(votes.len());
                    }
                    unknown = Some(why.clone());
                    again
                }
                Fault::Gone(_) => Instant::now() < deadline,
                race => race.is_race() && rounds < ROUNDS_MAX,
            };
            if !again {
                return vec![Err(fault.into_error().after(unknown.as_deref())); votes.len()];
            }
            if self.session.is_disconnected() {
                sleep(RECONNECT_PAUSE).await;
            } else if let Err(error) = self.shared.look().await {
                return vec![Err(error.after(unknown.as_deref())); votes.len()];
            } else if !self.cluster.is_first()
                && let Ok(link) = self.session.link()
                && let Err(fault) = align(&self.shared, link).await
            {
                self.session.leave(&fault).await;
            }
        }
    }

    async fn decide_once(&mut self, votes: &[Vote]) -> Result<Vec<Decision>, Fault> {
        let shared = self.shared.clone();
        self.session.connected().await?;
        if self.chains_of != self.session.made {
            // Another database may not have all of their entries.
            self.chains.clear();
            self.chains_of = self.session.made;
        }
        keys::wait(&shared, votes.iter().map(|vote| &vote.election)).await?;
        let now = shared.now();
        let assess = |state: &mut State| -> Vec<_> {
            votes.iter().map(|vote| assess(state, vote, now)).collect()
        };
        let mut assessed = shared.with(assess);
        let refused = |it: &Assessed| matches!(it, Assessed::Decided(Ok(Outcome::Refused(_))));
        if assessed.iter().any(refused) {
            // A "no" may come from what this server has not heard of.
            shared.look_first().await?;
            keys::wait(&shared, votes.iter().map(|vote| &vote.election)).await?;
            assessed = shared.with(assess);
        }
        let sections = sections(votes, &assessed);
        let on_sheet = assessed.iter().any(|it| matches!(it, Assessed::OnSheet(_)));
        if sections.is_empty() && !on_sheet {
            return Ok(decided(assessed));
        }
        if !self.cluster.is_replicated.load(Ordering::Relaxed) {
            return Err(Unfit::NoStandbyNames.into());
        }
        let listed = if on_sheet { self.listed(votes, &assessed).await? } else { Vec::new() };
        let mut found = BTreeMap::new();
        if !sections.is_empty() {
            self.begin_chains(&sections).await?;
            let link = self.session.link()?;
            found = batch::commit(&shared, link, &sections, &mut self.chains).await?;
            if !are_included(&shared, &found) {
                // What this server answers, it shows.
                shared.look_at(&self.cluster).await.map_err(Fault::Not)?;
            }
            link.check_newest()?;
        }
        let decide = |(index, (vote, assessed)): (usize, (&Vote, &Assessed))| match assessed {
            Assessed::Decided(decision) => decision.clone(),
            Assessed::OnSheet(_) => Ok(match listed.get(index) {
                Some(true) => Outcome::Recorded,
                _ => Outcome::Refused(Refusal::Closed),
            }),
            Assessed::Sealed { election, sealed, offered } => {
                let (section, found) = (sections.get(election), found.get(election));
                let under = under_number(vote, sealed, section, found);
                answer(&shared, *election, vote, now, under, *offered)
            }
        };
        let decisions: Vec<_> = votes.iter().zip(&assessed).enumerate().map(decide).collect();
        for (&election, section) in &sections {
            if let Some(chain) = self.chains.get(&election).filter(|_| !section.offered.is_empty())
            {
                remember(&shared, (election, chain.last), votes, &assessed, &decisions);
            }
        }
        Ok(decisions)
    }

    /// For each vote whether its ballot is on the sheet of its closed election.
    async fn listed(&mut self, votes: &[Vote], assessed: &[Assessed]) -> Result<Vec<bool>, Fault> {
        let link = match &mut self.sheets {
            Some(sheets) => sheets.connected().await?,
            // The chains are as they were read by this connection.
            None => self.session.link()?,
        };
        let listed = listed(&self.shared, link, votes, assessed);
        let listed = timeout(ANSWER_WAIT_MAX, listed).await.unwrap_or_else(|it| Err(it.into()));
        if let Err(fault) = &listed
            && let Some(sheets) = &mut self.sheets
        {
            sheets.leave(fault).await;
        }
        listed
    }

    /// Begins the chains that are missing.
    async fn begin_chains(&mut self, sections: &BTreeMap<i32, Section>) -> Result<(), Fault> {
        let (link, writer) = (self.session.link()?, i16::try_from(self.index).ok());
        for (&election, section) in sections {
            if !section.offered.is_empty() && !self.chains.contains_key(&election) {
                let begun = take_up::begin(&self.shared, link, election, writer);
                let chain = timeout(ANSWER_WAIT_MAX, begun).await??;
                self.chains.insert(election, chain);
            }
        }
        Ok(())
    }
}

/// Remembers what an entry acknowledges.
fn remember(
    shared: &Shared,
    (election, entry): (i32, ChainHead),
    votes: &[Vote],
    assessed: &[Assessed],
    decisions: &[Decision],
) {
    let each = votes.iter().zip(assessed).zip(decisions);
    let recorded = each.filter_map(|((vote, assessed), decision)| match (assessed, decision) {
        (Assessed::Sealed { election: of, sealed, .. }, Ok(Outcome::Recorded))
            if *of == election =>
        {
            Some((vote.number.get().cast_signed(), &sealed[..]))
        }
        _ => None,
    });
    let Some(definition) = shared.with(|state| state.definition(election)) else { return };
    let batch = Acknowledged::new(election, definition, entry, recorded);
    if batch.len() > 0 && shared.remembered(|remembered| remembered.add(batch)) {
        let count = REMEMBERED_VOTES_MAX;
        tracing::warn!(
            count,
            "not all votes of the last minutes are remembered: those before would be missing \
             after a failover to a standby that lagged"
        );
    }
}

/// The decisions of the last try, where an earlier one has an `unknown` outcome.
fn after(unknown: Option<&str>, decisions: Vec<Decision>) -> Vec<Decision> {
    decisions.into_iter().map(|it| it.map_err(|error| error.after(unknown))).collect()
}

fn decided(assessed: Vec<Assessed>) -> Vec<Decision> {
    let decisions = assessed.into_iter().map(|it| match it {
        Assessed::Decided(decision) => decision,
        _ => Err(LedgerError::NotStored("the vote was not tried".into())),
    });
    decisions.collect()
}

/// What a vote needs, by what this server knows.
fn assess(state: &mut State, vote: &Vote, now: Timestamp) -> Assessed {
    let Some(election) = state.public.find(&vote.election) else {
        return Assessed::Decided(Ok(Outcome::Refused(Refusal::NotOpen)));
    };
    let key = election.key;
    if election.phase == Phase::Closed {
        return Assessed::OnSheet(key);
    }
    let on_roll = state.is_on_roll(election, vote.number);
    let under = if on_roll { UnderNumber::NoBallot } else { UnderNumber::NotOnRoll };
    let (definition, judged) = (election.definition.clone(), election.phase.judged());
    let fits = vote.ballot.fits(&definition.slate, &definition.rules);
    let ruling = judge(&definition, judged, now, &vote.ballot, under);
    let may_be_stored = election.phase != Phase::Draft && on_roll && fits;
    match ruling {
        Ruling::Answer(outcome) if !may_be_stored => Assessed::Decided(Ok(outcome)),
        ruling => match state.sealed(key, vote) {
            Ok(sealed) => {
                Assessed::Sealed { election: key, sealed, offered: ruling == Ruling::Count }
            }
            Err(error) => Assessed::Decided(Err(error)),
        },
    }
}

/// The votes that the database decides, by their elections.
fn sections(votes: &[Vote], assessed: &[Assessed]) -> BTreeMap<i32, Section> {
    let mut sections: BTreeMap<i32, Section> = BTreeMap::new();
    for (vote, assessed) in votes.iter().zip(assessed) {
        let Assessed::Sealed { election, sealed, offered } = assessed else { continue };
        let section = sections.entry(*election).or_default();
        let number = vote.number.get().cast_signed();
        if !offered {
            section.looked.insert(number);
            continue;
        }
        // Of several votes under a number, the first is offered.
        section.offered.entry(number).or_insert_with(|| Offer {
            sealed: sealed.clone(),
            ballot: vote.ballot.clone(),
            nonce: vote.nonce,
        });
    }
    sections
}

/// What is stored under the number of a vote, after the batch.
fn under_number(
    vote: &Vote,
    sealed: &[u8],
    section: Option<&Section>,
    found: Option<&Found>,
) -> UnderNumber {
    match batch::stored_under(vote.number.get().cast_signed(), section, found) {
        None => UnderNumber::NoBallot,
        Some(stored) if stored == sealed => UnderNumber::SameBallot,
        Some(_) => UnderNumber::OtherBallot,
    }
}

fn answer(
    shared: &Shared,
    election: i32,
    vote: &Vote,
    now: Timestamp,
    under: UnderNumber,
    offered: bool,
) -> Decision {
    if offered && under == UnderNumber::SameBallot {
        return Ok(Outcome::Recorded);
    }
    let election = shared.with(|state| {
        state.public.get(election).map(|it| (it.definition.clone(), it.phase.judged()))
    });
    let ruling =
        election.map(|(definition, judged)| judge(&definition, judged, now, &vote.ballot, under));
    match ruling {
        // Its number had voted when the batch was stored.
        _ if offered && under == UnderNumber::OtherBallot => {
            Ok(Outcome::Refused(Refusal::AlreadyVoted))
        }
        Some(Ruling::Answer(outcome)) => Ok(outcome),
        _ => Err(LedgerError::NotStored("the database stored no ballot".into())),
    }
}

/// Whether the tallies that this server shows include these ballots.
fn are_included(shared: &Shared, found: &BTreeMap<i32, Found>) -> bool {
    shared.with(|state| {
        found.iter().all(|(&election, found)| {
            found.values().all(|it| state.includes(election, it.chain, it.seq))
        })
    })
}

/// The same. That the election is closed is on a second copy when this returns.
async fn listed(
    shared: &Shared,
    link: &Link,
    votes: &[Vote],
    assessed: &[Assessed],
) -> Result<Vec<bool>, Fault> {
    settle(shared, link).await?;
    link.check_unwarned()?;
    link.check_newest()?;
    let mut all = Vec::with_capacity(votes.len());
    for (vote, assessed) in votes.iter().zip(assessed) {
        let Assessed::OnSheet(election) = assessed else {
            all.push(false);
            continue;
        };
        let definition = shared.with(|state| state.definition(*election));
        let fits = |it: &Arc<Definition>| vote.ballot.fits(&it.slate, &it.rules);
        all.push(match definition.filter(fits) {
            Some(definition) => {
                let receipt = Receipt::of(&definition, &vote.ballot, &vote.nonce);
                sheet::has(&link.client, *election, &definition, &receipt).await?
            }
            None => false,
        });
    }
    Ok(all)
}
