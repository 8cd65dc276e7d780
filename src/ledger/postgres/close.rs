//! The close: the tally sheet of an election whose chains are ended.
//!
//! The act `closing` ends the chains: from then on no vote counts. Any server that has the key can
//! finish what follows, and again: each writes the same rows.

use std::cell::Cell;
use std::iter;
use std::pin::pin;

use futures::TryStreamExt;

use super::acts::store;
use super::align::align;
use super::chain::{self, ChainHead, Head};
use super::change::{Closed, What};
use super::connection::{Fault, Link};
use super::fence;
use super::keys;
use super::lease;
use super::public::{Election, Phase};
use super::rules::Planned;
use super::session::{Others, Sessions, begin, settle};
use super::shared::Shared;
use super::sheet::{self, aside, line_bytes, receipt};
use super::sorted::{Opened, PLACE_BYTES, Sheet};
use crate::election::{Count, ElectionId, Tally};
use crate::ledger::LedgerError;

/// About what opened ballots may take in memory at a time. If there are more, the ballots are read
/// again for each part of the receipts' range.
const SORTED_BYTES_MAX: usize = 256 << 20;

/// Sealed ballots that are opened at a time.
const OPENED_ROWS_MAX: usize = 4_096;

/// Whether the database of a connection knows that the close was begun. After a failover, it may
/// not.
const IS_CLOSING: &str = "SELECT state = 2 FROM elections WHERE key = $1";

const BALLOTS: &str = "SELECT number, sealed FROM ballots WHERE election = $1";

const CLEAR: &str = "DELETE FROM sheet WHERE election = $1";

const PUT: &str = "INSERT INTO sheet (election, part, first, lines) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING";

/// The rows of a sheet, and what comes of them.
struct Listed {
    ballots: u64,
    sheet: Head,
    counted: (Tally, Count),
}

/// Finishes the closes of these elections that were begun, by whatever server. One that cannot be
/// finished is not in the way of others.
pub(super) async fn finish_all(
    sessions: &mut Sessions,
    is_meant: impl Fn(&ElectionId) -> bool,
) -> Result<(), LedgerError> {
    let Sessions { first, others } = sessions;
    let shared = first.shared.clone();
    let closing = shared.with(|state| {
        let elections = state.public.elections.iter();
        let closing = elections.filter(|it| it.phase == Phase::Closing);
        closing.filter(|it| is_meant(&it.definition.id)).cloned().collect::<Vec<_>>()
    });
    let mut finished = Ok(());
    for election in closing {
        let done = first
            .until_known(async |link| {
                let done = finish(&shared, link, others, &election).await;
                if let Err(fault) = &done {
                    others.leave(fault).await;
                }
                done
            })
            .await;
        finished = finished.and(done);
    }
    finished
}

async fn finish(
    shared: &Shared,
    link: &Link,
    others: &mut Others,
    election: &Election,
) -> Result<(), Fault> {
    let row = link.client.query_opt(IS_CLOSING, &[&election.key]).await?;
    let is_closing = row.map(|row| row.try_get(0)).transpose()?.unwrap_or(false);
    if !is_closing {
        return end(shared, link, &[], election, None).await;
    }
    let fence = async |link: &Link| {
        align(shared, link).await?;
        fence::close(shared, link, election).await
    };
    others.each(fence).await?;
    let links: Vec<&Link> = iter::once(link).chain(others.links()?).collect();
    let listed = list(shared, link, &links, election).await?;
    end(shared, link, &links, election, Some(listed)).await
}

/// Stores the sheet of what is at all these clusters. It means nothing before the act `closed`.
async fn list(
    shared: &Shared,
    link: &Link,
    links: &[&Link],
    election: &Election,
) -> Result<Listed, Fault> {
    let select = "SELECT count(*) FROM ballots WHERE election = $1";
    let ballots = sum(links, select, election.key).await?;
    let bytes = line_bytes(&election.definition);
    let all = ballots * (bytes + PLACE_BYTES) as u64;
    let parts = all.div_ceil(SORTED_BYTES_MAX as u64).max(1);
    let mut sheet = Sheet::new(election);
    let mut row = 0;
    for part in 0..parts {
        let bound = |part: u64| part * (1 << 32) / parts;
        let mut opened = open(shared, links, election, bound(part)..bound(part + 1)).await?;
        loop {
            let lines;
            (sheet, opened, lines) = aside(move || {
                let lines = sheet.take_row(&mut opened)?;
                Ok((sheet, opened, lines))
            })
            .await?;
            let Some(lines) = lines else { break };
            put(link, election, row, lines).await?;
            row += 1;
        }
    }
    let Sheet { counting, lines, .. } = sheet;
    if !lines.is_empty() {
        put(link, election, row, lines).await?;
    }
    let voters = election.voters;
    let (tally, count, sheet) = aside(move || Ok(counting.finish(voters))).await?;
    Ok(Listed { ballots: tally.ballots(), sheet, counted: (tally, count) })
}

/// Opens the ballots whose receipts begin in this range, and sorts them.
async fn open(
    shared: &Shared,
    links: &[&Link],
    election: &Election,
    range: std::ops::Range<u64>,
) -> Result<Opened, Fault> {
    let key = shared.with(|state| state.keys.get(&election.key).cloned());
    let Some(mut key) = key else {
        return Err(LedgerError::NotStored(keys::MISSING.into()).into());
    };
    let mut opened = Opened::default();
    for link in links {
        let rows = link.client.query_raw(BALLOTS, [&election.key]).await?;
        let mut rows = pin!(rows.try_ready_chunks(OPENED_ROWS_MAX));
        while let Some(rows) = rows.try_next().await.map_err(|failed| failed.1)? {
            let (definition, range) = (election.definition.clone(), range.clone());
            let cluster = link.cluster.clone();
            (key, opened) = aside(move || {
                for row in &rows {
                    let number = row.try_get::<_, i64>(0)?.cast_unsigned().into();
                    cluster.check_number(number)?;
                    opened.add(&definition, &mut key, (number, row.try_get(1)?), &range)?;
                }
                Ok((key, opened))
            })
            .await?;
        }
    }
    aside(move || {
        opened.places.sort_unstable();
        Ok(opened)
    })
    .await
}

/// Stores a row of the sheet, unless another server has.
pub(super) async fn put(link: &Link, of: &Election, row: i32, lines: Vec<u8>) -> Result<(), Fault> {
    let first = lines.get(..line_bytes(&of.definition)).unwrap_or_default();
    let first = receipt(&of.definition, first)?;
    let values = (of.key, row, &first.as_bytes()[..]);
    link.client.execute(PUT, &[&values.0, &values.1, &values.2, &lines]).await?;
    Ok(())
}

/// Makes the act `closed`, unless another server has, or the close was not begun.
async fn end(
    shared: &Shared,
    link: &Link,
    links: &[&Link],
    election: &Election,
    listed: Option<Listed>,
) -> Result<(), Fault> {
    let version = begin(shared, link).await?;
    let phase = shared.with(|state| state.public.get(election.key).map(|it| it.phase));
    if phase != Some(Phase::Closing) {
        settle(shared, link).await?;
        return link.commit().await;
    }
    let listed = listed.ok_or_else(|| Fault::race("the close was begun meanwhile"))?;
    lease::sweep(link).await?;
    let Listed { ballots, sheet, counted } = listed;
    if sheet::digest(&link.client, election.key).await? != sheet {
        // An earlier try listed what a failover has lost since, or somebody wrote there.
        link.client.execute(CLEAR, &[&election.key]).await?;
        link.commit().await?;
        return Err(Fault::race("there were other rows of the sheet"));
    }
    let select = "SELECT coalesce(sum(stored), 0) FROM entries JOIN chains
                      ON chains.chain = entries.chain WHERE election = $1";
    if sum(links, select, election.key).await? != ballots {
        return Err(Fault::damaged("there are not as many ballots as the chains have"));
    }
    let chains = heads(links, election.key).await?;
    let what = What::Closed(Closed { chains, ballots, sheet });
    let planned = Planned { counted: Some(counted), ..Planned::only(election.key, what) };
    // After a try of unknown outcome, the phase says whether it was stored.
    store(shared, link, version, vec![planned], &Cell::new(None)).await
}

/// The last entry of every chain of an election.
pub(super) async fn heads(links: &[&Link], election: i32) -> Result<Vec<ChainHead>, Fault> {
    let select = "SELECT entries.chain, seq, head FROM entries JOIN chains
                      ON chains.chain = entries.chain
                  WHERE election = $1 AND kind = 5";
    let mut heads = Vec::new();
    for link in links {
        for row in link.client.query(select, &[&election]).await? {
            let (chain, seq) = (row.try_get(0)?, row.try_get(1)?);
            heads.push(ChainHead { chain, seq, head: chain::head(&row, 2)? });
        }
    }
    heads.sort_unstable_by_key(|head| head.chain);
    Ok(heads)
}

/// The sum of a number over all clusters.
async fn sum(links: &[&Link], select: &str, election: i32) -> Result<u64, Fault> {
    let mut sum = 0;
    for link in links {
        let here: i64 = link.client.query_one(select, &[&election]).await?.try_get(0)?;
        sum += here.unsigned_abs();
    }
    Ok(sum)
}
