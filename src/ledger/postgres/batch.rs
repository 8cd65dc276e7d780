//! A batch of votes: one transaction, in two round trips.
//!
//! The database decides on each number, by its primary key. Numbers are stored in ascending order,
//! so that two batches never wait for one another in a circle.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::future::{join, join_all};
use tokio::time::timeout;
use tokio_postgres::{Client, Error, Statement};

use super::chain::{BALLOTS, ChainHead};
use super::code;
use super::connection::{ANSWER_WAIT_MAX, Fault, Link};
use super::session::settle;
use super::shared::Shared;
use super::state::{ChainTally, State};
use crate::election::{Ballot, Definition, Nonce, Tally};

/// What a batch prepares, once for each connection.
pub(super) struct Statements {
    ballots: Statement,
    look: Statement,
    entry: Statement,
    tally: Statement,
}

/// The chain of a writer for one election.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    pub(super) last: ChainHead,
    pub(super) tally: Tally,
}

/// The votes of a batch in one election.
#[derive(Default)]
pub(super) struct Section {
    /// Ballots to be stored, by their numbers as the database orders them.
    pub(super) offered: BTreeMap<i64, Offer>,
    /// Numbers whose ballots are looked at, and to which none is offered.
    pub(super) looked: BTreeSet<i64>,
}

/// A ballot to be stored.
pub(super) struct Offer {
    pub(super) sealed: Vec<u8>,
    pub(super) ballot: Ballot,
    pub(super) nonce: Nonce,
}

/// What is stored under a number.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) sealed: Vec<u8>,
    pub(super) chain: i64,
    pub(super) seq: i32,
}

/// What is stored under the numbers of a section.
pub(super) type Found = HashMap<i64, Stored>;

impl Statements {
    pub(super) async fn prepare(client: &Client) -> Result<Self, Error> {
        let ballots = client.prepare(
            "INSERT INTO ballots (election, number, sealed, chain, seq)
             SELECT $1, n, s, $4, $5 FROM unnest($2::bigint[], $3::bytea[]) AS v (n, s)
             ON CONFLICT DO NOTHING",
        );
        let look = client.prepare(
            "SELECT number, sealed, chain, seq FROM ballots
             WHERE election = $1 AND number = ANY ($2)",
        );
        let entry = client.prepare(
            "INSERT INTO entries (chain, seq, kind, stored, hashed, head)
             VALUES ($1, $2, $3, $4, $4, $5)",
        );
        let tally = client.prepare(
            "INSERT INTO tallies (chain, seq, ballots, sealed) VALUES ($1, $2, $3, $4)
             ON CONFLICT (chain) DO UPDATE SET seq = excluded.seq, ballots = excluded.ballots,
                 sealed = excluded.sealed",
        );
        let (ballots, look, entry, tally) =
            futures::future::try_join4(ballots, look, entry, tally).await?;
        Ok(Self { ballots, look, entry, tally })
    }
}

/// Stores what is offered, and looks at the rest. Every section with an offer has a chain, which
/// goes on by an entry, also if nothing is stored: the commit waits for a second copy of what was
/// read.
pub(super) async fn commit(
    shared: &Shared,
    link: &Link,
    sections: &BTreeMap<i32, Section>,
    chains: &mut HashMap<i32, Chain>,
) -> Result<BTreeMap<i32, Found>, Fault> {
    let prepare = link.statements.get_or_try_init(|| Statements::prepare(&link.client));
    let statements = timeout(ANSWER_WAIT_MAX, prepare).await??;
    let found = timeout(ANSWER_WAIT_MAX, offer(link, statements, sections, chains)).await??;
    let mut next = Vec::new();
    for (&election, section) in sections {
        if let Some(chain) = chains.get(&election).filter(|_| !section.offered.is_empty()) {
            let stored = found.get(&election);
            next.push((
                election,
                shared.with(|state| go_on(state, election, chain, section, stored))?,
            ));
        }
    }
    next.sort_unstable_by_key(|(_, next)| next.chain.last.chain);
    if next.is_empty() {
        timeout(ANSWER_WAIT_MAX, settle(shared, link)).await??;
    }
    let ended = timeout(ANSWER_WAIT_MAX, end(link, statements, &next)).await;
    ended.map_err(|_| Fault::Lost("a commit is not answered".into()))??;
    for (election, Next { chain, .. }) in next {
        let tally = ChainTally { seq: chain.last.seq, tally: chain.tally.clone() };
        shared.with(|state| state.take_tally(election, chain.last.chain, tally));
        chains.insert(election, chain);
    }
    Ok(found)
}

/// The sealed ballot that is stored under a number after a batch. Where nothing was looked for,
/// that is what was offered.
pub(super) fn stored_under<'a>(
    number: i64,
    section: Option<&'a Section>,
    found: Option<&'a Found>,
) -> Option<&'a [u8]> {
    match found {
        Some(found) => found.get(&number).map(|stored| &stored.sealed[..]),
        None => section?.offered.get(&number).map(|offer| &offer.sealed[..]),
    }
}

/// The first round trip, and a second where somebody else has voted under a number.
async fn offer(
    link: &Link,
    statements: &Statements,
    sections: &BTreeMap<i32, Section>,
    chains: &HashMap<i32, Chain>,
) -> Result<BTreeMap<i32, Found>, Fault> {
    let client = &link.client;
    let inserts = sections.iter().map(async |(election, section)| {
        let Some(chain) = chains.get(election).filter(|_| !section.offered.is_empty()) else {
            return Ok(0);
        };
        let numbers: Vec<i64> = section.offered.keys().copied().collect();
        let sealed: Vec<&[u8]> = section.offered.values().map(|it| &it.sealed[..]).collect();
        let (chain, seq) = (chain.last.chain, chain.last.seq + 1);
        client.execute(&statements.ballots, &[election, &numbers, &sealed, &chain, &seq]).await
    });
    let (begun, stored) = join(client.batch_execute("BEGIN"), join_all(inserts)).await;
    begun?;
    let mut found = BTreeMap::new();
    for ((&election, section), stored) in sections.iter().zip(stored) {
        let all_stored = stored? == section.offered.len() as u64;
        if all_stored && section.looked.is_empty() {
            continue;
        }
        // A statement of its own, which sees what others have committed meanwhile.
        let numbers: Vec<i64> = section.offered.keys().chain(&section.looked).copied().collect();
        let mut here = Found::new();
        for row in client.query(&statements.look, &[&election, &numbers]).await? {
            let (sealed, chain, seq) = (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
            here.insert(row.try_get(0)?, Stored { sealed, chain, seq });
        }
        found.insert(election, here);
    }
    Ok(found)
}

/// The next entry of a chain, and the tally after it.
struct Next {
    chain: Chain,
    ballots: i32,
    sealed: Vec<u8>,
}

fn go_on(
    state: &mut State,
    election: i32,
    chain: &Chain,
    section: &Section,
    found: Option<&Found>,
) -> Result<Next, Fault> {
    let definition = state.definition(election);
    let definition = definition.ok_or_else(|| Fault::damaged("a vote is in no election"))?;
    let mut tally = chain.tally.clone();
    let mut entry = chain.last.next(BALLOTS);
    let mine = |number: &i64| {
        let Some(found) = found else { return true };
        found.get(number).is_some_and(|it| (it.chain, it.seq) == (entry.chain, entry.seq))
    };
    let stored: Vec<_> = section.offered.iter().filter(|(number, _)| mine(number)).collect();
    for (number, Offer { sealed, ballot, nonce }) in stored {
        entry.ballot(number.cast_unsigned().into(), sealed);
        if State::is_counted(&definition) {
            tally.add(ballot.clone(), *nonce);
        } else {
            tally.add_unread(1);
        }
    }
    tally.publish(definition.publication, crate::election::ElectionState::Open);
    let ballots = entry.ballots;
    let last = entry.finish();
    let sealed = sealed_tally(state, election, &last, &tally, &definition)?;
    Ok(Next { chain: Chain { last, tally }, ballots, sealed })
}

/// The tally of a live election, sealed; nothing of another.
pub(super) fn sealed_tally(
    state: &mut State,
    election: i32,
    last: &ChainHead,
    tally: &Tally,
    definition: &Definition,
) -> Result<Vec<u8>, Fault> {
    let mut sealed = Vec::new();
    if State::is_counted(definition) {
        let key = state.keys.get_mut(&election);
        let key = key.ok_or_else(|| Fault::Failed(None, "the key is missing".into()))?;
        code::put_tally(tally, definition, &mut sealed);
        let about = [&b"tally"[..], &last.chain.to_le_bytes(), &last.seq.to_le_bytes()];
        let done = key.seal_other(about, &mut sealed);
        done.map_err(|error| Fault::Failed(None, error.to_string()))?;
    }
    Ok(sealed)
}

/// The last round trip. The outcome of each statement is looked at: the answer to the commit of a
/// failed transaction is no error.
async fn end(link: &Link, statements: &Statements, next: &[(i32, Next)]) -> Result<(), Fault> {
    let client = &link.client;
    let writes = next.iter().map(async |(_, Next { chain, ballots, sealed })| {
        let ChainHead { chain: id, seq, head } = &chain.last;
        let (head, counted) = (&head[..], chain.tally.ballots() as i64);
        let (entry, tally) = join(
            client.execute(&statements.entry, &[id, seq, &BALLOTS, ballots, &head]),
            client.execute(&statements.tally, &[id, seq, &counted, sealed]),
        )
        .await;
        match entry {
            Ok(rows) => tally.map(|also| rows.min(also)),
            Err(error) => Err(error),
        }
    });
    let (written, committed) = join(join_all(writes), client.batch_execute("COMMIT")).await;
    for written in written {
        match written.map_err(Fault::from) {
            Ok(1) => {}
            Ok(_) => return Err(Fault::Lost("an entry was not stored".into())),
            Err(Fault::Failed(state, why)) => return Err(Fault::Failed(state, why)),
            Err(_) => return Err(Fault::Lost("the connection ended during a commit".into())),
        }
    }
    committed.map_err(|error| Fault::Lost(super::connection::text(&error)))?;
    link.check_unwarned()
}
