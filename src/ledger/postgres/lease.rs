//! Leases: which servers are alive, and on which timeline each has found, or offered again, what it
//! acknowledged.
//!
//! The time is the database's. A lease is for waiting only: whoever goes on without a server that
//! comes back later is safe from it by the unique keys of chains and ballots.

use std::collections::{HashMap, HashSet};
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

/// Other servers that are alive, and on which timeline they have looked.
const OTHERS: &str = "SELECT server, timeline FROM leases WHERE server <> $1
    AND seen > clock_timestamp() - make_interval(secs => $2)";

const END: &str = "DELETE FROM leases WHERE server = $1";

/// Servers that are not alive leave nothing behind.
const SWEEP: &str = "WITH dead AS (DELETE FROM leases
        WHERE seen < clock_timestamp() - make_interval(secs => $1) RETURNING server)
    DELETE FROM servers USING dead WHERE id = dead.server";

/// The other servers that this one has seen in a cluster. A failover to a standby that lagged loses
/// leases, too.
#[derive(Debug, Default)]
pub(super) struct Seen {
    timeline: i64,
    /// When each was alive last.
    alive: HashMap<Vec<u8>, Instant>,
}

impl Seen {
    /// Notes those that are alive. Who has ended is forgotten, unless a failover may have lost its
    /// lease.
    fn note(&mut self, timeline: i64, alive: &[(Vec<u8>, i64)]) {
        if self.timeline == timeline {
            self.alive.clear();
        }
        self.timeline = timeline;
        self.alive.retain(|_, seen| seen.elapsed() < LEASE_WAIT_MAX);
        let now = Instant::now();
        self.alive.extend(alive.iter().take(SERVERS_MAX).map(|(server, _)| (server.clone(), now)));
    }

    /// How many have not looked on this timeline: of those that are alive, and of those that were
    /// before, so long as a lease lasts.
    fn behind(&self, timeline: i64, alive: &[(Vec<u8>, i64)]) -> usize {
        let looked = |server: &Vec<u8>| alive.iter().any(|it| it.0 == *server && it.1 >= timeline);
        let alive = alive.iter().map(|(server, _)| server);
        let before = self.alive.iter().filter(|(_, seen)| seen.elapsed() < LEASE_WAIT_MAX);
        let all: HashSet<_> = alive.chain(before.map(|(server, _)| server)).collect();
        all.into_iter().filter(|server| !looked(server)).count()
    }
}

/// The other servers that are alive, and the timelines on which they have looked.
async fn others(shared: &Shared, link: &Link) -> Result<Vec<(Vec<u8>, i64)>, Fault> {
    let asked: [&(dyn ToSql + Sync); 2] = [&&shared.server[..], &seconds()];
    let rows = timeout(ANSWER_WAIT_MAX, link.client.query(OTHERS, &asked)).await??;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Says in a cluster that this server is alive, and that it has found what it acknowledged on the
/// timeline of `link`. In the first cluster it also says where clients reach it, and reads where
/// the others are reached, as far as they show that they are servers of the ledger.
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
    let alive = others(shared, link).await?;
    link.cluster.seen(|seen| seen.note(timeline, &alive));
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
    let timeline = i64::from(link.timeline);
    let end = Instant::now() + LEASE_WAIT_MAX;
    loop {
        let alive = others(shared, link).await?;
        let count = link.cluster.seen(|seen| seen.behind(timeline, &alive));
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

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_server_whose_lease_a_failover_lost_is_waited_for() {
        let (mut seen, other) = (Seen::default(), vec![2; 16]);
        seen.note(1, &[(other.clone(), 1)]);
        assert_eq!(seen.behind(1, &[(other.clone(), 1)]), 0);
        assert_eq!(seen.behind(2, &[(other.clone(), 1)]), 1);
        assert_eq!(seen.behind(2, &[]), 1);
        // This server looks on the new timeline first.
        seen.note(2, &[]);
        assert_eq!(seen.behind(2, &[]), 1);
        assert_eq!(seen.behind(2, &[(other.clone(), 2)]), 0);
        advance(LEASE_WAIT_MAX).await;
        assert_eq!(seen.behind(2, &[]), 0);
        // Without a failover, who has no lease has ended.
        seen.note(2, &[(other, 2)]);
        seen.note(2, &[]);
        assert_eq!(seen.behind(3, &[]), 0);
    }
}
