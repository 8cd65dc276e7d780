//! A new connection is looked at before it is used: whether what this server knows, and has
//! acknowledged, is there.
//!
//! A failover to a standby that lagged loses commits, and so does a database that is put back.
//! Acts that are gone were never made: this server starts anew from those that are there. Votes
//! that were acknowledged and are gone are offered again, as batches like any other. It is an
//! incident if one does not count then: its number was used for another ballot meanwhile, or left
//! the roll, or its election is closed without it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::timeout;
use tokio_postgres::types::ToSql;

use super::align::{self, align};
use super::batch::{self, Chain, Found, Offer, Section};
use super::chain::{self, ChainHead, Head};
use super::connection::{ANSWER_WAIT_MAX, Fault, Link};
use super::dispatch::GROUP_VOTES_MAX;
use super::look::look;
use super::public::Phase;
use super::remembered::Acknowledged;
use super::shared::Shared;
use super::state::State;
use super::writer::ROUNDS_MAX;
use super::{keys, lease, take_up};
use crate::election::VoterNumber;
use crate::ledger::LedgerError;

/// Entries that are looked for in one question.
const ENTRIES_MAX: usize = 4_096;

const KNOWN: &str = "SELECT id, (SELECT head FROM acts WHERE version = $1) FROM ledger";

/// Those of the entries that are stored, by their heads.
const STORED: &str = "SELECT entries.head
    FROM unnest($1::bigint[], $2::int[], $3::bytea[]) AS known (chain, seq, head)
        JOIN entries ON entries.chain = known.chain AND entries.seq = known.seq
            AND entries.head = known.head";

/// Looks for what this server knows, and offers again what is gone.
pub(super) async fn look_for_known(shared: &Shared, link: &Link) -> Result<(), Fault> {
    // One connection after the other: none is used while votes are offered again.
    let _looking = link.cluster.looking.lock().await;
    let looked = look_and_offer(shared, link).await;
    looked.map_err(|fault| match fault {
        // What the connection is made for was not tried yet.
        Fault::Lost(why) => Fault::Gone(why),
        fault => fault,
    })
}

async fn look_and_offer(shared: &Shared, link: &Link) -> Result<(), Fault> {
    let cluster = &*link.cluster;
    let is_known = timeout(ANSWER_WAIT_MAX, are_acts_known(shared, link)).await??;
    let looked_on = cluster.looked_on.load(Ordering::Relaxed);
    if !cluster.is_first() {
        if looked_on != 0 && looked_on != link.timeline {
            // A failover may have lost the fence of an election that is closed meanwhile.
            shared.look_first().await?;
        }
        align(shared, link).await?;
    } else if !is_known {
        tracing::error!("acts are gone from the database: this server starts anew without them");
        let anew = shared.anew();
        look(&anew, link).await?;
        shared.with(|state| *state = anew.into_state());
    }
    let gone = gone(shared, link).await?;
    if looked_on != link.timeline || !gone.is_empty() {
        // Chains may end before where they were seen.
        shared.with(|state| state.doubt_tallies(cluster));
        if cluster.is_first() {
            shared.with(State::doubt_scrubbed);
            timeout(ANSWER_WAIT_MAX, keys::hold_again(shared, link)).await??;
        }
        look(shared, link).await?;
        shared.with(|state| state.forget_unread(cluster));
        shared.publish();
    }
    if !gone.is_empty() {
        let count: usize = gone.iter().map(|batch| batch.len()).sum();
        tracing::error!(count, "acknowledged votes are gone from the database: they are offered");
        for part in parts(gone) {
            offer_part(shared, link, &part).await?;
        }
    }
    cluster.looked_on.store(link.timeline, Ordering::Relaxed);
    lease::renew(shared, link).await
}

/// Whether the newest act that this server knows is there.
async fn are_acts_known(shared: &Shared, link: &Link) -> Result<bool, Fault> {
    let (ledger, version, head) = shared.with(|state| (state.ledger, state.version, state.head));
    let row = link.client.query_one(KNOWN, &[&version]).await?;
    if row.try_get::<_, &[u8]>(0)? != ledger.as_bytes() {
        return Err(Fault::damaged("it is another ledger"));
    }
    let stored = row.try_get::<_, Option<&[u8]>>(1)?;
    Ok(version == 0 || stored.is_some_and(|stored| *stored == head))
}

/// The acknowledged batches whose entries are not there.
async fn gone(shared: &Shared, link: &Link) -> Result<Vec<Arc<Acknowledged>>, Fault> {
    let mut last = shared.remembered(|remembered| remembered.last_entries());
    last.retain(|entry| link.cluster.has_chain(entry.chain));
    let there = stored(link, last.iter()).await?;
    let cut = last.iter().filter(|entry| !there.contains(&entry.head));
    let cut: HashSet<i64> = cut.map(|entry| entry.chain).collect();
    let mut gone = shared.remembered(|remembered| remembered.of_chains(&cut));
    let there = stored(link, gone.iter().map(|batch| &batch.entry)).await?;
    gone.retain(|batch| !there.contains(&batch.entry.head));
    Ok(gone)
}

async fn stored(
    link: &Link,
    entries: impl Iterator<Item = &ChainHead>,
) -> Result<HashSet<Head>, Fault> {
    let entries: Vec<_> = entries.collect();
    let mut there = HashSet::new();
    for entries in entries.chunks(ENTRIES_MAX) {
        let chains: Vec<i64> = entries.iter().map(|entry| entry.chain).collect();
        let seqs: Vec<i32> = entries.iter().map(|entry| entry.seq).collect();
        let heads: Vec<&[u8]> = entries.iter().map(|entry| &entry.head[..]).collect();
        let asked: [&(dyn ToSql + Sync); 3] = [&chains, &seqs, &heads];
        let rows = timeout(ANSWER_WAIT_MAX, link.client.query(STORED, &asked)).await??;
        for row in &rows {
            there.insert(chain::head(row, 0)?);
        }
    }
    Ok(there)
}

/// Batches of one election, about as many votes as a group has.
fn parts(mut gone: Vec<Arc<Acknowledged>>) -> Vec<Vec<Arc<Acknowledged>>> {
    gone.sort_by_key(|batch| batch.election);
    let (mut parts, mut votes) = (Vec::<Vec<Arc<Acknowledged>>>::new(), 0);
    for batch in gone {
        votes += batch.len();
        match parts.last_mut().and_then(|part| part.first()) {
            Some(first) if first.election == batch.election && votes <= GROUP_VOTES_MAX => {
                parts.last_mut().into_iter().for_each(|part| part.push(batch.clone()));
            }
            _ => {
                votes = batch.len();
                parts.push(vec![batch]);
            }
        }
    }
    parts
}

/// Offers batches of one election again, and remembers them by their new entry.
async fn offer_part(shared: &Shared, link: &Link, part: &[Arc<Acknowledged>]) -> Result<(), Fault> {
    let Some(Acknowledged { election, definition, .. }) = part.first().map(|first| &**first) else {
        return Ok(());
    };
    let mut rounds = 0;
    let (section, found, entry) = loop {
        match offer(shared, link, *election, part).await {
            Ok(done) => break done,
            Err(fault) if fault.is_race() && rounds < ROUNDS_MAX => rounds += 1,
            Err(fault) => return Err(fault),
        }
        link.client.batch_execute("ROLLBACK").await?;
        // A transaction that stores nothing loses nothing.
        let _ = link.check_unwarned();
        look(shared, link).await?;
    };
    let votes = part.iter().flat_map(|batch| batch.votes());
    let (there, lost): (Vec<_>, Vec<_>) = votes.partition(|&(number, sealed)| {
        batch::stored_under(number, Some(&section), found.as_ref()) == Some(sealed)
    });
    let count = lost.len();
    if count > 0 {
        let election = &definition.id;
        tracing::error!(
            %election,
            count,
            "acknowledged votes are lost: a failover lost them, and their numbers were used again \
             or left the roll, or the election was closed before they were offered again"
        );
    }
    shared.metrics.database().brought_back(there.len(), count);
    let again = entry
        .map(|entry| Acknowledged::new(*election, definition.clone(), entry, there.into_iter()));
    shared.remembered(|remembered| {
        remembered.forget(&part.iter().map(|batch| batch.entry.head).collect());
        if let Some(batch) = again {
            // No others are forgotten for it: as many votes were forgotten before.
            remembered.add(batch);
        }
    });
    Ok(())
}

/// One try. Returns what was offered and looked for, what was found, and the entry.
async fn offer(
    shared: &Shared,
    link: &Link,
    election: i32,
    part: &[Arc<Acknowledged>],
) -> Result<(Section, Option<Found>, Option<ChainHead>), Fault> {
    let is_fenced = link.cluster.is_first() || align::is_fenced(link, election).await?;
    let section = shared.with(|state| section(state, election, part, is_fenced))?;
    let mut chains: HashMap<i32, Chain> = HashMap::new();
    if !section.offered.is_empty() {
        let begun = take_up::begin(shared, link, election, None);
        chains.insert(election, timeout(ANSWER_WAIT_MAX, begun).await??);
    }
    let sections = [(election, section)].into();
    let mut found = batch::commit(shared, link, &sections, &mut chains).await?;
    let section = sections.into_values().next().unwrap_or_default();
    let entry = chains.remove(&election).map(|chain| chain.last);
    Ok((section, found.remove(&election), entry))
}

/// What of these batches can be stored, and what is looked for only.
fn section(
    state: &mut State,
    election: i32,
    part: &[Arc<Acknowledged>],
    is_fenced: bool,
) -> Result<Section, Fault> {
    let mut section = Section::default();
    let public = state.public.get(election).cloned();
    for batch in part {
        let same = public.as_ref().filter(|it| it.definition == batch.definition);
        // The key is of another election since: there is nothing to look for.
        let Some(it) = same else { continue };
        for (number, sealed) in batch.votes() {
            let voter = VoterNumber::from(number.cast_unsigned());
            // A close waits for what is offered before it fences another cluster than the first.
            let may = it.phase == Phase::Open || it.phase == Phase::Closing && !is_fenced;
            if !may || !state.is_on_roll(it, voter) {
                section.looked.insert(number);
                continue;
            }
            let opened = state.opened(election, voter, sealed);
            let (ballot, nonce) = opened.ok_or_else(|| {
                let why = "this server does not have the key of votes that it acknowledged";
                LedgerError::NotStored(why.into())
            })?;
            section.offered.insert(number, Offer { sealed: sealed.to_vec(), ballot, nonce });
        }
    }
    Ok(section)
}
