//! The beginning of a writer's chain: one that nobody goes on with is taken up, or one is made.
//!
//! Every chain keeps its newest ballots out of a live count, so there should be few. Who takes up a
//! chain goes on from its last entry. Its former writer, should it wake, finds the place of its
//! next entry taken: its batch is undone, and it begins again.

use tokio_postgres::types::ToSql;

use super::batch::Chain;
use super::chain::{self, ChainHead};
use super::connection::{Fault, Link};
use super::lease;
use super::look;
use super::shared::Shared;
use crate::election::Tally;

/// The election, unless it is not open, or an act ended its chains that this server has not heard
/// of.
const OPEN: &str =
    "SELECT key FROM elections WHERE key = $1 AND state = 1 AND version <= $2 FOR SHARE";

/// Takes up the oldest chain that has no end, and that its writer has left: at the end of its
/// server, with its connection, or by its death. The condition stands twice: two who find the same
/// chain take it one after the other, and the second looks at what the first has made of it.
const TAKE_UP: &str = "UPDATE chains AS it SET server = $2, writer = $3
    WHERE chain = (SELECT min(chain) FROM chains AS free WHERE election = $1
        AND (server IS NULL OR server = $2 AND writer = $3 OR server <> $2 AND NOT EXISTS
            (SELECT 1 FROM leases WHERE leases.server = free.server
                AND seen > clock_timestamp() - make_interval(secs => $4)))
        AND NOT EXISTS (SELECT 1 FROM entries WHERE entries.chain = free.chain AND kind = 5))
    AND (server IS NULL OR server = $2 AND writer = $3 OR server <> $2 AND NOT EXISTS
        (SELECT 1 FROM leases WHERE leases.server = it.server
            AND seen > clock_timestamp() - make_interval(secs => $4)))
    RETURNING chain, genesis";

const NEW: &str = "INSERT INTO chains (election, server, writer, genesis) VALUES ($1, $2, $3, $4)
    RETURNING chain";

/// The last entry of a chain, and its tally.
const LAST: &str = "SELECT last.seq, last.head, tallies.seq, ballots, sealed
    FROM (SELECT seq, head FROM entries WHERE chain = $1 ORDER BY seq DESC LIMIT 1) AS last
        LEFT JOIN tallies ON tallies.chain = $1";

/// Takes up a chain, or makes one. Without a writer it makes one that anybody may take up.
pub(super) async fn begin(
    shared: &Shared,
    link: &Link,
    election: i32,
    writer: Option<i16>,
) -> Result<Chain, Fault> {
    let client = &link.client;
    let (version, genesis) = shared.with(|state| (state.version, state.head));
    client.batch_execute("BEGIN").await?;
    if client.query_opt(OPEN, &[&election, &version]).await?.is_none() {
        return Err(Fault::race("the election was changed meanwhile"));
    }
    let server = writer.map(|_| &shared.server[..]);
    if writer.is_some() {
        let given: [&(dyn ToSql + Sync); 4] = [&election, &server, &writer, &lease::seconds()];
        if let Some(row) = client.query_opt(TAKE_UP, &given).await? {
            let begin = ChainHead::begin(row.try_get(1)?, row.try_get(0)?, election);
            let chain = taken_up(shared, link, election, begin).await?;
            link.commit().await?;
            return Ok(chain);
        }
    }
    let row = client.query_one(NEW, &[&election, &server, &writer, &&genesis[..]]).await?;
    let last = ChainHead::begin(&genesis, row.try_get(0)?, election);
    link.commit().await?;
    Ok(Chain { last, tally: empty(shared, election)? })
}

/// A chain that was taken up, with its tally.
async fn taken_up(
    shared: &Shared,
    link: &Link,
    election: i32,
    begin: ChainHead,
) -> Result<Chain, Fault> {
    let id = begin.chain;
    let Some(row) = link.client.query_opt(LAST, &[&id]).await? else {
        return Ok(Chain { last: begin, tally: empty(shared, election)? });
    };
    let (seq, of) = (row.try_get(0)?, row.try_get::<_, Option<i32>>(2)?);
    if of != Some(seq) {
        return Err(Fault::damaged(format!("chain {id} has no tally")));
    }
    let head = chain::head(&row, 1)?;
    let (ballots, sealed) = (row.try_get::<_, i64>(3)?.unsigned_abs(), row.try_get(4)?);
    let at = (id, seq);
    let tally = shared.with(|state| look::tally(state, election, at, ballots, sealed))?;
    Ok(Chain { last: ChainHead { chain: id, seq, head }, tally })
}

fn empty(shared: &Shared, election: i32) -> Result<Tally, Fault> {
    let definition = shared.with(|state| state.definition(election));
    let definition = definition.ok_or_else(|| Fault::damaged("a chain is of no election"))?;
    Ok(Tally::new(&definition.slate))
}
