//! Catching up: applying the acts that this server has not seen, in their order.

use std::pin::pin;

use futures::TryStreamExt;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};

use super::chain::Head;
use super::change::{Change, Listed, What};
use super::connection::Fault;
use super::keys::acts as mac;
use super::shared::Shared;
use super::sheet;
use super::state::Brought;
use crate::election::VoterNumber;
use crate::ledger::LedgerError;
use crate::ledger::roll::Roll;
use crate::ledger::run::Run;

/// Why nothing is done with a ledger that left.
pub(super) const MOVED: &str = "the ledger was moved to a data directory";

/// The acts after this one, in their order.
pub(super) const ACTS: &str =
    "SELECT version, election, kind, what, head, mac FROM acts WHERE version > $1
    ORDER BY version";

/// Applies every act that is stored and not applied, and publishes them.
pub(super) async fn catch_up(shared: &Shared, client: &Client) -> Result<(), Fault> {
    let (seen, mut head) = shared.with(|state| (state.version, state.head));
    for row in client.query(ACTS, &[&seen]).await? {
        let (version, change, stored) = act(shared, &row)?;
        head = change.head(&head, version);
        if head != stored {
            return Err(Fault::damaged(format!("act {version} does not match its head")));
        }
        if matches!(change.what, What::Left(_)) && !shared.with(|state| state.is_moved) {
            return Err(LedgerError::NotStored(MOVED.into()).into());
        }
        // Another task of this server may apply them at the same time.
        if shared.with(|state| state.version + 1 != version) {
            continue;
        }
        let brought = bring(shared, client, version, &change).await?;
        let applied = shared.with(|state| match state.version + 1 == version {
            true => state.apply(head, &change, brought),
            false => Some(()),
        });
        applied.ok_or_else(|| Fault::damaged(format!("act {version} breaks a rule")))?;
        applied_one(shared, &change);
    }
    shared.publish();
    Ok(())
}

/// Reads an act, and the head after it, that a server of this ledger has made.
pub(super) fn act(shared: &Shared, row: &Row) -> Result<(i64, Change, Head), Fault> {
    let version: i64 = row.try_get(0)?;
    let what = What::read(row.try_get(2)?, row.try_get(3)?);
    let head = row.try_get::<_, &[u8]>(4)?.try_into().ok();
    let act = what.zip(head);
    let (what, head) = act.ok_or_else(|| Fault::damaged(format!("act {version} is none")))?;
    let ledger = shared.with(|state| state.ledger);
    let checked = mac::check(shared.holder.secret(), ledger, &head, row.try_get(5)?);
    checked.map_err(|why| Fault::Damaged(format!("act {version} {why}")))?;
    Ok((version, Change { election: row.try_get(1)?, what }, head))
}

/// What follows once an act is applied.
pub(super) fn applied_one(shared: &Shared, change: &Change) {
    if matches!(change.what, What::Closed(_)) {
        shared.remembered(|remembered| remembered.forget_election(change.election));
    }
}

/// Reads what belongs to an act.
async fn bring(
    shared: &Shared,
    client: &Client,
    version: i64,
    change: &Change,
) -> Result<Brought, Fault> {
    let mut brought = Brought::default();
    if let Some(listed) = change.what.listed() {
        brought.run = numbers(client, change.election, version, &listed).await?;
    }
    match &change.what {
        What::Created(..) => {
            let forgotten = shared.with(|state| state.forgotten(change));
            if let Some(owner) = forgotten {
                brought.roll = Some(whole_roll(client, owner).await?);
            }
        }
        What::Closed(closed) => {
            let election = shared.with(|state| state.public.get(change.election).cloned());
            let election = election.ok_or_else(|| Fault::damaged("a close is about nothing"))?;
            brought.counted = Some(sheet::count(client, &election, closed).await?);
        }
        _ => {}
    }
    Ok(brought)
}

/// The numbers of an act, which are those that it lists.
pub(super) async fn numbers(
    client: &Client,
    election: i32,
    version: i64,
    listed: &Listed,
) -> Result<Run, Fault> {
    let select = "SELECT numbers FROM roll WHERE election = $1 AND version = $2 ORDER BY row";
    let parameters: [&(dyn ToSql + Sync); 2] = [&election, &version];
    let mut rows = pin!(client.query_raw(select, parameters).await?);
    let mut run = Run::default();
    while let Some(row) = rows.try_next().await? {
        // Those out of order have another digest.
        let _ = run.extend(&row_numbers(row.try_get(0)?)?);
    }
    if Listed::of(run.blocks()) == *listed {
        return Ok(run);
    }
    Err(Fault::damaged(format!("the numbers of act {version} are not those that it lists")))
}

/// The roll of an election whose acts were applied before.
pub(super) async fn whole_roll(client: &Client, owner: i32) -> Result<Roll, Fault> {
    let select = "SELECT added, numbers FROM roll WHERE election = $1 ORDER BY version, row";
    let mut rows = pin!(client.query_raw(select, [&owner]).await?);
    let mut roll = Roll::default();
    while let Some(row) = rows.try_next().await? {
        let numbers = row_numbers(row.try_get(1)?)?;
        let fits = if row.try_get(0)? { roll.add(numbers) } else { roll.remove(&numbers) };
        if !fits {
            return Err(Fault::damaged(format!("the roll of election {owner}")));
        }
    }
    Ok(roll)
}

/// Reads a row of voter numbers.
pub(super) fn row_numbers(bytes: &[u8]) -> Result<Vec<VoterNumber>, Fault> {
    let (chunks, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(Fault::damaged("a row of voter numbers is cut short"));
    }
    Ok(chunks.iter().map(|&number| VoterNumber::from(u64::from_le_bytes(number))).collect())
}
