//! What a look does for the keys: it asks for those that this server lacks, takes up and passes on
//! others, and destroys those of closed elections.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::wrap::{Opened, Place, pass_on};
use crate::election::Definition;
use crate::ledger::keys::{Owner, ServerId};
use crate::ledger::postgres::connection::{ANSWER_WAIT_MAX, Fault, Link};
use crate::ledger::postgres::session::settle;
use crate::ledger::postgres::settings::is_replicated;
use crate::ledger::postgres::shared::Shared;

/// The rows of a server.
const MINE: &str = "SELECT election, public, mac, wrapped FROM holders
    WHERE server = $1 AND election = ANY ($2) AND NOT destroyed";

/// The rows of elections whose keys are asked for.
const ASKED: &str = "SELECT election, server, public, mac FROM holders
    WHERE wrapped IS NULL AND NOT destroyed AND election = ANY ($1)";

const PASS_ON: &str = "UPDATE holders SET wrapped = $4
    WHERE election = $1 AND server = $2 AND public = $3 AND wrapped IS NULL";

const DESTROYED: &str = "UPDATE holders SET destroyed = true WHERE election = $1 AND server = $2";

/// After so long the rest is left to the next look, for which others wait.
const TENDING_WAIT_MAX: Duration = Duration::from_secs(1);

/// An election, by its key and its definition.
type Of = (i32, Arc<Definition>);

/// A row of this server.
struct Mine {
    public: Vec<u8>,
    mac: Vec<u8>,
    wrapped: Option<Vec<u8>>,
}

/// Does what there is to do; `is_asked` is whether there are rows without a key.
pub(in crate::ledger::postgres) async fn tend(
    shared: &Shared,
    link: &Link,
    is_asked: bool,
) -> Result<(), Fault> {
    let (lacking, closed) = shared.with(|state| (state.lacking(), state.scrubbing()));
    let end = Instant::now() + TENDING_WAIT_MAX;
    let tended = timeout(ANSWER_WAIT_MAX, async {
        for (of, row) in mine(shared, link, lacking).await? {
            take_up(shared, link, &of, row).await?;
            if Instant::now() > end {
                return Ok(());
            }
        }
        if is_asked {
            answer(shared, link, end).await?;
        }
        scrub(shared, link, closed, end).await
    });
    tended.await??;
    link.check_unwarned()
}

/// Writes the rows of this server again for keys that it has, where a failover lost them: it would
/// hold them in memory only, and nobody would know.
pub(in crate::ledger::postgres) async fn hold_again(
    shared: &Shared,
    link: &Link,
) -> Result<(), Fault> {
    let holder = &shared.holder;
    let holding = shared.with(|state| state.holding());
    for ((key, definition), row) in mine(shared, link, holding).await? {
        if row.is_some_and(|row| row.wrapped.is_some()) {
            continue;
        }
        let owner = shared.with(|state| state.owner(key, &definition));
        let held = shared.with(|state| state.keys.get(&key).cloned());
        if let Some(held) = held {
            holder.found(&link.client, key, &owner, &held).await?;
        }
    }
    link.check_unwarned()
}

/// The rows of this server for these elections.
async fn mine(shared: &Shared, link: &Link, of: Vec<Of>) -> Result<Vec<(Of, Option<Mine>)>, Fault> {
    if of.is_empty() {
        return Ok(Vec::new());
    }
    let elections: Vec<i32> = of.iter().map(|(key, _)| *key).collect();
    let server = &shared.holder.id.as_bytes()[..];
    let mut rows = std::collections::HashMap::new();
    for row in link.client.query(MINE, &[&server, &elections]).await? {
        let (public, mac, wrapped) = (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
        rows.insert(row.try_get::<_, i32>(0)?, Mine { public, mac, wrapped });
    }
    Ok(of.into_iter().map(|of| (of.clone(), rows.remove(&of.0))).collect())
}

/// Takes up a key that this server lacks, or asks for it.
async fn take_up(
    shared: &Shared,
    link: &Link,
    (key, definition): &Of,
    row: Option<Mine>,
) -> Result<(), Fault> {
    let (holder, client) = (&shared.holder, &link.client);
    let election = &definition.id;
    let owner = shared.with(|state| state.owner(*key, definition));
    let pair = match holder.pair(&owner) {
        Ok(pair) => pair,
        Err(error) => {
            if holder.is_new(*key, "no half", &[]) {
                tracing::error!(%election, %error, "this server cannot get the election's key");
            }
            return Ok(());
        }
    };
    let public = pair.public();
    let Some(row) = row.filter(|row| row.public == public) else {
        return holder.say(client, *key, &owner, &pair, None).await;
    };
    let is_as_said = row.mac == holder.mac(&owner, &public);
    let place = Place::of(&owner, holder.id);
    let opened = row.wrapped.as_deref().map(|it| pair.open(&place, holder.secret.as_ref(), it));
    let opened = match opened {
        None if is_as_said => return Ok(()),
        None => return holder.say(client, *key, &owner, &pair, None).await,
        Some(opened) => opened,
    };
    let commitment = shared.with(|state| state.public.get(*key).map(|it| it.commitment));
    let is_its = |it: &Opened| commitment == Some(it.key().commitment());
    let taken = match opened.filter(is_its) {
        Some(Opened::ByMyself(taken)) if is_as_said => taken,
        Some(Opened::ByMyself(taken) | Opened::ByAnother(taken)) => {
            let wrapped = pair.keep(&place, &taken);
            let wrapped = wrapped.map_err(|error| Fault::Failed(None, error.to_string()))?;
            holder.say(client, *key, &owner, &pair, Some(&wrapped)).await?;
            taken
        }
        None => {
            if holder.is_new(*key, "not opened", &[]) {
                let error = "it was wrapped with another secret, or altered, or is another key";
                tracing::error!(%election, %error, "a key is asked for again");
            }
            return holder.say(client, *key, &owner, &pair, None).await;
        }
    };
    shared.with(|state| state.hold(*key, taken));
    tracing::info!(%election, "this server has the election's key");
    Ok(())
}

/// Wraps the keys that this server has for those who ask for them.
async fn answer(shared: &Shared, link: &Link, end: Instant) -> Result<(), Fault> {
    let holder = &shared.holder;
    let held: Vec<i32> = shared.with(|state| state.keys.keys().copied().collect());
    for row in link.client.query(ASKED, &[&held]).await? {
        let key: i32 = row.try_get(0)?;
        let (server, public): (&[u8], &[u8]) = (row.try_get(1)?, row.try_get(2)?);
        let mac: &[u8] = row.try_get(3)?;
        let known = shared.with(|state| {
            Some((state.ledger, state.definition(key)?, state.keys.get(&key)?.clone()))
        });
        let Some((ledger, definition, held)) = known else { continue };
        let election = &definition.id;
        let owner = Owner { ledger, key: i64::from(key), election };
        let place = ServerId::try_from(server).ok().map(|server| Place::of(&owner, server));
        let wrapped = place.zip(holder.secret.as_ref()).and_then(|(place, secret)| {
            let is_one = place.has_mac(secret, public, mac);
            is_one.then(|| pass_on(public, &place, secret, &held).ok()).flatten()
        });
        if let Some(wrapped) = wrapped {
            link.client.execute(PASS_ON, &[&key, &server, &public, &wrapped]).await?;
        } else if holder.is_new(key, "refused", &[server, public].concat()) {
            let server = data_encoding::HEXLOWER.encode(server);
            let error = "it does not have the secret of this server";
            tracing::error!(%election, %server, %error, "a server asks for a key, and gets none");
        }
        if Instant::now() > end {
            break;
        }
    }
    Ok(())
}

/// Destroys this server's halves of the keys of closed elections, and says so.
async fn scrub(shared: &Shared, link: &Link, closed: Vec<Of>, end: Instant) -> Result<(), Fault> {
    let mut is_settled = false;
    for ((key, definition), row) in mine(shared, link, closed).await? {
        let owner = shared.with(|state| state.owner(key, &definition));
        if row.is_some() || shared.holder.has_half(&owner) {
            if !std::mem::replace(&mut is_settled, true) {
                // That the close is seen does not mean that it is on a second disk.
                let replication = link.cluster.hosts.replication();
                if !is_replicated(&link.client, replication).await? {
                    return Ok(());
                }
                settle(shared, link).await?;
                link.check_unwarned()?;
                // Without one, the commit waited for nothing.
                if !is_replicated(&link.client, replication).await? {
                    return Ok(());
                }
            }
            if !destroy(shared, key, &owner) {
                continue;
            }
            let server = &shared.holder.id.as_bytes()[..];
            link.client.execute(DESTROYED, &[&key, &server]).await?;
            link.check_unwarned()?;
        }
        shared.with(|state| state.scrubbed(key));
        if Instant::now() > end {
            break;
        }
    }
    Ok(())
}

/// Destroys this server's half of a key. Returns whether it is gone.
fn destroy(shared: &Shared, key: i32, owner: &Owner<'_>) -> bool {
    let (holder, election) = (&shared.holder, owner.election);
    let destroyed = holder.halves.destroy(owner);
    if let Err(error) = &destroyed
        && holder.is_new(key, "not destroyed", &[])
    {
        tracing::error!(%election, %error, "the key of a closed election is not destroyed");
    }
    destroyed.is_ok()
}
