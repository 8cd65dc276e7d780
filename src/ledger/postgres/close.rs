//! The close: the tally sheet of an election whose chains are ended.
//!
//! The act `closing` ends the chains: from then on no vote counts. Any server that has the key can
//! finish what follows, and again: each writes the same rows.

use std::cell::Cell;
use std::pin::pin;

use futures::TryStreamExt;

use super::acts::{is_stored, store};
use super::chain::ChainHead;
use super::change::{Change, Closed, What};
use super::connection::{Fault, Link};
use super::lease;
use super::public::{Election, Phase};
use super::rules::Planned;
use super::session::{Session, begin, settle};
use super::shared::Shared;
use super::sheet::{aside, line_bytes};
use super::sorted::{Opened, PLACE_BYTES, Sheet, receipt};
use crate::election::{Count, Tally};
use crate::ledger::LedgerError;
use crate::ledger::run::Run;

/// About what opened ballots may take in memory at a time. If there are more, the ballots are read
/// again for each part of the receipts' range.
const SORTED_BYTES_MAX: usize = 256 << 20;

/// Sealed ballots that are opened at a time.
const OPENED_ROWS_MAX: usize = 4_096;

/// Chains that were ended before they had an entry: they say nothing.
const EMPTY: &str = "WITH empty AS (DELETE FROM entries USING chains
        WHERE entries.chain = chains.chain AND election = $1 AND kind = 5 AND seq = 1
        RETURNING entries.chain)
    DELETE FROM chains USING empty WHERE chains.chain = empty.chain";

const BALLOTS: &str = "SELECT number, sealed FROM ballots WHERE election = $1";

const PUT: &str = "INSERT INTO sheet (election, part, first, lines) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING";

/// The rows of a sheet, and what comes of them.
struct Listed {
    ballots: u64,
    sheet: [u8; 32],
    counted: (Tally, Count),
}

/// Finishes every close that was begun, by whatever server.
pub(super) async fn finish_all(session: &mut Session) -> Result<(), LedgerError> {
    let shared = session.shared.clone();
    let closing = shared.with(|state| {
        let closing = state.public.elections.iter().filter(|it| it.phase == Phase::Closing);
        closing.cloned().collect::<Vec<_>>()
    });
    for election in closing {
        let attempt = Cell::new(None);
        session
            .until_known(async |link| {
                let listed = list(&shared, link, &election).await?;
                end(&shared, link, &election, listed, &attempt).await
            })
            .await?;
    }
    Ok(())
}

/// Stores the sheet, which means nothing before the act `closed`.
async fn list(shared: &Shared, link: &Link, election: &Election) -> Result<Listed, Fault> {
    let client = &link.client;
    let select = "SELECT count(*) FROM ballots WHERE election = $1";
    let ballots: i64 = client.query_one(select, &[&election.key]).await?.try_get(0)?;
    let bytes = line_bytes(&election.definition);
    let all = ballots.unsigned_abs() * (bytes + PLACE_BYTES) as u64;
    let parts = all.div_ceil(SORTED_BYTES_MAX as u64).max(1);
    let mut sheet = Sheet::new(election);
    let mut row = 0;
    for part in 0..parts {
        let bound = |part: u64| part * (1 << 32) / parts;
        let mut opened = open(shared, link, election, bound(part)..bound(part + 1)).await?;
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
    link: &Link,
    election: &Election,
    range: std::ops::Range<u64>,
) -> Result<Opened, Fault> {
    let key = shared.with(|state| state.keys.get(&election.key).cloned());
    let Some(mut key) = key else {
        let why = "this server does not have the key of the election's ballots";
        return Err(LedgerError::NotStored(why.into()).into());
    };
    let rows = link.client.query_raw(BALLOTS, [&election.key]).await?;
    let mut rows = pin!(rows.try_ready_chunks(OPENED_ROWS_MAX));
    let mut opened = Opened::default();
    while let Some(rows) = rows.try_next().await.map_err(|failed| failed.1)? {
        let (definition, range) = (election.definition.clone(), range.clone());
        (key, opened) = aside(move || {
            for row in &rows {
                opened.add(&definition, &mut key, row, &range)?;
            }
            Ok((key, opened))
        })
        .await?;
    }
    aside(move || {
        opened.places.sort_unstable();
        Ok(opened)
    })
    .await
}

/// Stores a row of the sheet, unless another server has.
async fn put(link: &Link, of: &Election, row: i32, lines: Vec<u8>) -> Result<(), Fault> {
    let first = lines.get(..line_bytes(&of.definition)).unwrap_or_default();
    let first = receipt(&of.definition, first)?;
    let values = (of.key, row, &first.as_bytes()[..]);
    link.client.execute(PUT, &[&values.0, &values.1, &values.2, &lines]).await?;
    Ok(())
}

/// Makes the act `closed`, unless another server has.
async fn end(
    shared: &Shared,
    link: &Link,
    election: &Election,
    listed: Listed,
    attempt: &Cell<Option<[u8; 32]>>,
) -> Result<(), Fault> {
    let version = begin(shared, link).await?;
    let phase = shared.with(|state| state.public.get(election.key).map(|it| it.phase));
    if phase != Some(Phase::Closing) {
        if let Some(head) = attempt.get() {
            is_stored(&link.client, &head).await?;
        }
        settle(shared, link).await?;
        return link.commit().await;
    }
    lease::sweep(link).await?;
    link.client.execute(EMPTY, &[&election.key]).await?;
    let Listed { ballots, sheet, counted } = listed;
    let select = "SELECT coalesce(sum(stored), 0) FROM entries JOIN chains
                      ON chains.chain = entries.chain WHERE election = $1";
    let stored: i64 = link.client.query_one(select, &[&election.key]).await?.try_get(0)?;
    if stored.unsigned_abs() != ballots {
        return Err(Fault::damaged("there are not as many ballots as the chains have"));
    }
    let chains = heads(link, election.key).await?;
    let what = What::Closed(Closed { chains, ballots, sheet });
    let change = Change { election: election.key, what };
    let planned = Planned { change, run: Run::default(), counted: Some(counted) };
    store(shared, link, version, vec![planned], attempt).await
}

/// The last entry of every chain of an election.
async fn heads(link: &Link, election: i32) -> Result<Vec<ChainHead>, Fault> {
    let select = "SELECT entries.chain, seq, head FROM entries JOIN chains
                      ON chains.chain = entries.chain
                  WHERE election = $1 AND kind = 5 ORDER BY entries.chain";
    let rows = link.client.query(select, &[&election]).await?;
    let head = |row: &tokio_postgres::Row| {
        let head = row.try_get::<_, &[u8]>(2)?.try_into();
        let head = head.map_err(|_| Fault::damaged("a head is none"))?;
        Ok(ChainHead { chain: row.try_get(0)?, seq: row.try_get(1)?, head })
    };
    rows.iter().map(head).collect()
}
