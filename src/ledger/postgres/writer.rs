//! Writers: each has a connection, and a chain of its own in each election.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant as Begun;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

use super::batch::{self, Chain, Found, Offer, Section};
use super::chain::ChainHead;
use super::connection::{ANSWER_WAIT_MAX, Fault, Link};
use super::public::Phase;
use super::session::{RECONNECT_PAUSE, Session};
use super::shared::Shared;
use super::state::State;
use super::{fence, keys, look, sheet};
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
const ROUNDS_MAX: u32 = 20;

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
    shared: Arc<Shared>,
    chains: HashMap<i32, Chain>,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { session: Session::new(shared.clone()), shared, chains: HashMap::new() }
    }

    /// Decides groups until there are no more. Sends `index` to `freed` before each is answered.
    pub(super) async fn run(
        mut self,
        index: usize,
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
            let _ = freed.try_send(index);
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
                Ok(decisions) => return decisions,
                Err(fault) => fault,
            };
            rounds += 1;
            // Its chains may have ended, or go on without this writer.
            self.chains.clear();
            self.session.leave(&fault).await;
            let again = match &fault {
                Fault::Lost(why) => {
                    unknown = Some(why.clone());
                    Instant::now() < deadline
                }
                Fault::Gone(_) => Instant::now() < deadline,
                race => race.is_race() && rounds < ROUNDS_MAX,
            };
            if !again {
                let error = match (unknown, fault.into_error()) {
                    (Some(why), LedgerError::NotStored(_)) => LedgerError::Unknown(why),
                    (_, error) => error,
                };
                return vec![Err(error); votes.len()];
            }
            if self.session.is_disconnected() {
                sleep(RECONNECT_PAUSE).await;
            } else if let Err(error) = self.shared.look().await {
                return vec![Err(error); votes.len()];
            }
        }
    }

    async fn decide_once(&mut self, votes: &[Vote]) -> Result<Vec<Decision>, Fault> {
        let shared = self.shared.clone();
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
        if !shared.is_replicated.load(Ordering::Relaxed) {
            let why = "synchronous_standby_names is empty: votes would be on one disk only";
            return Err(Fault::Failed(None, why.into()));
        }
        let link = self.session.connected().await?;
        for (&election, section) in &sections {
            if !section.offered.is_empty() && !self.chains.contains_key(&election) {
                let chain = timeout(ANSWER_WAIT_MAX, begin_chain(&shared, link, election));
                self.chains.insert(election, chain.await??);
            }
        }
        let listed = timeout(ANSWER_WAIT_MAX, listed(&shared, link, votes, &assessed)).await??;
        let found = batch::commit(&shared, link, &sections, &mut self.chains).await?;
        if !are_included(&shared, &found) {
            // What this server answers, it shows.
            shared.look_first().await?;
        }
        let answers =
            votes.iter().zip(assessed).enumerate().map(
                |(index, (vote, assessed))| match assessed {
                    Assessed::Decided(decision) => decision,
                    Assessed::OnSheet(_) => Ok(match listed.get(index) {
                        Some(true) => Outcome::Recorded,
                        _ => Outcome::Refused(Refusal::Closed),
                    }),
                    Assessed::Sealed { election, sealed, offered } => {
                        let found = found.get(&election);
                        let section = sections.get(&election);
                        let under = under_number(vote, &sealed, section, found);
                        answer(&shared, election, vote, now, under, offered)
                    }
                },
            );
        Ok(answers.collect())
    }
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
    let number = vote.number.get().cast_signed();
    let offered = || section?.offered.get(&number).map(|offer| &offer.sealed[..]);
    let stored = match found {
        Some(found) => found.get(&number).map(|stored| &stored.sealed[..]),
        None => offered(),
    };
    match stored {
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

/// For each vote whether its ballot is on the sheet of its closed election.
async fn listed(
    shared: &Shared,
    link: &Link,
    votes: &[Vote],
    assessed: &[Assessed],
) -> Result<Vec<bool>, Fault> {
    let mut all = Vec::with_capacity(votes.len());
    for (vote, assessed) in votes.iter().zip(assessed) {
        let Assessed::OnSheet(election) = assessed else {
            all.push(false);
            continue;
        };
        let definition =
            shared.with(|state| state.public.get(*election).map(|it| it.definition.clone()));
        let Some(definition) = definition else { continue };
        let Definition { slate, rules, .. } = &*definition;
        let receipt = Receipt::of(&definition, &vote.ballot, &vote.nonce);
        let fits = vote.ballot.fits(slate, rules);
        all.push(fits && sheet::has(&link.client, *election, &definition, &receipt).await?);
    }
    Ok(all)
}

/// Takes up a chain that another server has left, or makes one, if no act ended the chains of the
/// election that this server has not heard of.
async fn begin_chain(shared: &Shared, link: &Link, election: i32) -> Result<Chain, Fault> {
    let client = &link.client;
    let (version, genesis) = shared.with(|state| (state.version, state.head));
    client.batch_execute("BEGIN").await?;
    let open = "SELECT key FROM elections WHERE key = $1 AND state = 1 AND version <= $2 FOR SHARE";
    if client.query_opt(open, &[&election, &version]).await?.is_none() {
        return Err(Fault::race("the election was changed meanwhile"));
    }
    let take_up = "UPDATE chains SET server = $2 WHERE server IS NULL AND chain =
        (SELECT min(chain) FROM chains WHERE election = $1 AND server IS NULL AND NOT EXISTS
            (SELECT 1 FROM entries WHERE entries.chain = chains.chain AND kind = 5))
        RETURNING chain, genesis";
    let server = &shared.server[..];
    if let Some(row) = client.query_opt(take_up, &[&election, &server]).await? {
        let begin = ChainHead::begin(row.try_get(1)?, row.try_get(0)?, election);
        let last = fence::last(client, begin).await?;
        let chain = taken_up(shared, link, election, last).await?;
        link.commit().await?;
        return Ok(chain);
    }
    let insert = "INSERT INTO chains (election, server, genesis) VALUES ($1, $2, $3)
                  RETURNING chain";
    let row = client.query_one(insert, &[&election, &server, &&genesis[..]]).await?;
    let last = ChainHead::begin(&genesis, row.try_get(0)?, election);
    link.commit().await?;
    Ok(Chain { last, tally: empty(shared, election)? })
}

/// A chain that was taken up, with its tally.
async fn taken_up(
    shared: &Shared,
    link: &Link,
    election: i32,
    last: ChainHead,
) -> Result<Chain, Fault> {
    let select = "SELECT ballots, sealed FROM tallies WHERE chain = $1 AND seq = $2";
    let Some(row) = link.client.query_opt(select, &[&last.chain, &last.seq]).await? else {
        return match last.seq {
            0 => Ok(Chain { last, tally: empty(shared, election)? }),
            _ => Err(Fault::damaged(format!("chain {} has no tally", last.chain))),
        };
    };
    let (ballots, sealed) = (row.try_get::<_, i64>(0)?.unsigned_abs(), row.try_get(1)?);
    let at = (last.chain, last.seq);
    let tally = shared.with(|state| look::tally(state, election, at, ballots, sealed))?;
    Ok(Chain { last, tally })
}

fn empty(shared: &Shared, election: i32) -> Result<crate::election::Tally, Fault> {
    shared.with(|state| {
        let election = state.public.get(election);
        let election = election.ok_or_else(|| Fault::damaged("a chain is of no election"))?;
        Ok(crate::election::Tally::new(&election.definition.slate))
    })
}
