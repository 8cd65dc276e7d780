//! Leases: which servers are alive, and on which timeline each has found, or offered again, what it
//! acknowledged.
//!
//! The time is the database's. A lease is for waiting only: whoever goes on without a server that
//! comes back later is safe from it by the unique keys of chains and ballots.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::types::ToSql;

use super::connection::{ANSWER_WAIT_MAX, Fault, Link};
use super::shared::Shared;
use crate::election::SERVERS_MAX;

/// How long a server that says nothing counts as alive, and so how long a close waits for it.
pub(super) const LEASE_WAIT_MAX: Duration = Duration::from_secs(30);

/// How often a server says that it is alive.
pub(super) const RENEWAL_PAUSE: Duration = Duration::from_secs(5);

/// The pause between two questions for others.
const BEHIND_PAUSE: Duration = Duration::from_millis(100);

const RENEW: &str = "INSERT INTO leases (server, timeline, seen, link, mac)
    VALUES ($1, $2, clock_timestamp(), $3, $4)
    ON CONFLICT (server) DO UPDATE SET timeline = excluded.timeline, seen = excluded.seen,
        link = excluded.link, mac = excluded.mac";

/// Where clients reach the servers that are alive.
const LINKS: &str = "SELECT link, mac FROM leases WHERE mac IS NOT NULL
    AND seen > clock_timestamp() - make_interval(secs => $1) ORDER BY server LIMIT $2";

/// Other servers that are alive, and have not looked on this timeline.
const BEHIND: &str = "SELECT count(*) FROM leases WHERE server <> $1 AND timeline < $2
    AND seen > clock_timestamp() - make_interval(secs => $3)";

const END: &str = "DELETE FROM leases WHERE server = $1";

/// Servers that are not alive leave nothing behind.
const SWEEP: &str = "WITH dead AS (DELETE FROM leases
        WHERE seen < clock_timestamp() - make_interval(secs => $1) RETURNING server)
    DELETE FROM servers USING dead WHERE id = dead.server";

/// Says in a cluster that this server is alive, and that it has found what it acknowledged on the
/// timeline of `link`. In the first cluster it also says where clients reach it, and reads where the
/// others are reached, as far as they show that they are servers of the ledger.
///
/// The commit does not wait for a second copy: without it, the lease is over a little sooner.
pub(super) async fn renew(shared: &Shared, link: &Link) -> Result<(), Fault> {
    let client = &link.client;
    let (server, timeline) = (&shared.server[..], i64::from(link.timeline));
    let ledger = shared.with(|state| state.ledger);
    let own = if link.cluster.is_first() { shared.reach.tell() } else { None };
    let mac = own.as_deref().and_then(|own| shared.holder.link_mac(ledger, own));
    let renewed = async {
        client.batch_execute("BEGIN; SET LOCAL synchronous_commit = off").await?;
        client.execute(RENEW, &[&server, &timeline, &own.as_deref(), &mac]).await?;
        client.batch_execute("COMMIT").await?;
        client.query(LINKS, &[&seconds(), &(SERVERS_MAX as i64)]).await
    };
    let rows = timeout(ANSWER_WAIT_MAX, renewed).await??;
    if !link.cluster.is_first() {
        return Ok(());
    }
    let mut links = Vec::new();
    for row in rows {
        let link: String = row.try_get(0)?;
        if shared.holder.has_link_mac(ledger, &link, row.try_get(1)?) {
            links.push(link);
        }
    }
    shared.reach.note(links);
    Ok(())
}

/// Ends the lease of this server.
pub(super) async fn end(shared: &Shared, link: &Link) -> Result<(), Fault> {
    link.client.execute(END, &[&&shared.server[..]]).await?;
    Ok(())
}

/// Removes what servers have left that are not alive, in a transaction.
pub(super) async fn sweep(link: &Link) -> Result<(), Fault> {
    link.client.execute(SWEEP, &[&seconds()]).await?;
    Ok(())
}

/// After a failover, waits until every other server that is alive has offered again what it had
/// acknowledged.
pub(super) async fn wait_for_others(shared: &Shared, link: &Link) -> Result<(), Fault> {
    let (server, timeline) = (&shared.server[..], i64::from(link.timeline));
    let (end, seconds) = (Instant::now() + LEASE_WAIT_MAX, seconds());
    loop {
        let asked: [&(dyn ToSql + Sync); 3] = [&server, &timeline, &seconds];
        let row = timeout(ANSWER_WAIT_MAX, link.client.query_one(BEHIND, &asked)).await??;
        let count: i64 = row.try_get(0)?;
        if count == 0 {
            return Ok(());
        }
        if Instant::now() >= end {
            tracing::error!(
                count,
                "servers that were alive have not looked for their votes since the failover: a \
                 close or a void goes on without them"
            );
            return Ok(());
        }
        sleep(BEHIND_PAUSE).await;
    }
}

/// What a lease lasts, as the statements take it.
pub(super) fn seconds() -> f64 {
    LEASE_WAIT_MAX.as_secs_f64()
}
