//! Acts: one transaction that moves the ledger's version.

use std::cell::Cell;

use tokio_postgres::Client;

use super::catch_up::{applied_one, whole_roll};
use super::chain::Head;
use super::change::{Change, ROW_NUMBERS, What};
use super::close;
use super::connection::{Fault, Link};
use super::fence;
use super::keys::{self, acts as mac};
use super::lease;
use super::rules::{Planned, Prepared, decide, prepare};
use super::schema::partition;
use super::session::{Sessions, begin, settle};
use super::shared::Shared;
use super::state::Brought;
use crate::election::Definition;
use crate::ledger::keys::BallotKey;
use crate::ledger::{Act, Authorization, LedgerError};
use crate::threads::background;

/// Makes these changes in order, all or none, if the authorization is in force. Returns once an
/// election that they close is counted.
pub(super) async fn act(
    sessions: &mut Sessions,
    acts: Vec<Act>,
    under: Option<Authorization>,
) -> Result<(), LedgerError> {
    let closes = acts.iter().filter_map(|act| match act {
        Act::Close(election) => Some(election.clone()),
        _ => None,
    });
    let closes: Vec<_> = closes.collect();
    if !closes.is_empty() {
        // An election that another server is closing is closed first, and then refused.
        close::finish_all(sessions, |id| closes.contains(id)).await?;
        let shared = &sessions.first.shared;
        keys::wait(shared, closes.iter()).await.map_err(Fault::into_error)?;
    }
    let acts = background::run(move || prepare(acts)).await;
    let acts = acts.map_err(|_| LedgerError::unanswered())?;
    let acts = acts.map_err(|error| LedgerError::NotStored(error.to_string()))?;
    let shared = sessions.first.shared.clone();
    let attempt = Cell::new(None);
    let made = sessions
        .first
        .until_known(async |link| make(&shared, link, &acts, under.as_ref(), &attempt).await)
        .await;
    made?;
    if !closes.is_empty() {
        // The other acts are made, and no vote counts any more.
        let finished = close::finish_all(sessions, |id| closes.contains(id)).await;
        finished.map_err(|error| {
            LedgerError::Unknown(format!("voting is over, and the count is not made yet: {error}"))
        })?;
        // A look destroys the keys. If it fails, a later one does, and the log says why.
        let _ = shared.look().await;
    }
    Ok(())
}

/// One try. `attempt` is the head that the last try would have made.
async fn make(
    shared: &Shared,
    link: &Link,
    acts: &[Prepared],
    under: Option<&Authorization>,
    attempt: &Cell<Option<Head>>,
) -> Result<(), Fault> {
    if acts.iter().any(|act| matches!(act, Prepared::Other(Act::Close(_)))) {
        lease::wait_for_others(shared, link).await?;
    }
    let version = begin(shared, link).await?;
    if let Some(head) = attempt.get()
        && is_stored(&link.client, &head).await?
    {
        settle(shared, link).await?;
        return link.commit().await;
    }
    let planned = shared.with(|state| {
        let planned = decide(state, acts, under)?;
        let closes = planned.iter().filter(|it| it.change.what == What::Closing);
        if closes.into_iter().any(|it| !state.keys.contains_key(&it.change.election)) {
            return Err(LedgerError::NotStored(keys::MISSING.into()));
        }
        Ok(planned)
    });
    let planned = match planned {
        Ok(planned) => check_held(shared, link, &planned).await.map(|()| planned),
        Err(error) => Err(error.into()),
    };
    store(shared, link, version, answered(shared, link, planned).await?, attempt).await
}

/// What was decided in a transaction that [began](begin). A refusal is an answer, too ("it is open
/// already"): it is given after a commit, since what it is about may be on no second disk.
pub(super) async fn answered<T>(
    shared: &Shared,
    link: &Link,
    decided: Result<T, Fault>,
) -> Result<T, Fault> {
    if let Err(Fault::Not(LedgerError::Refused(_) | LedgerError::Revoked)) = &decided {
        settle(shared, link).await?;
        link.commit().await?;
        link.check_newest()?;
    }
    decided
}

/// Refuses to open elections whose keys would be lost with one server.
async fn check_held(shared: &Shared, link: &Link, planned: &[Planned]) -> Result<(), Fault> {
    for Planned { change, .. } in planned {
        if change.what != What::Opened {
            continue;
        }
        let key = change.election;
        let created = planned.iter().find_map(|it| match &it.change.what {
            What::Created(definition, _) if it.change.election == key => Some(definition.clone()),
            _ => None,
        });
        let definition = shared.with(|state| state.definition(key)).or(created);
        let definition = definition.ok_or_else(|| Fault::damaged("an act is about nothing"))?;
        let owner = shared.with(|state| state.owner(key, &definition));
        shared.holder.check_held(&link.client, key, &owner).await?;
    }
    Ok(())
}

/// Whether an act with this head is stored.
pub(super) async fn is_stored(client: &Client, head: &Head) -> Result<bool, Fault> {
    let select = "SELECT count(*) > 0 FROM acts WHERE head = $1";
    Ok(client.query_one(select, &[&&head[..]]).await?.try_get(0)?)
}

/// Stores changes in a transaction that [began](begin), commits it, and applies them.
pub(super) async fn store(
    shared: &Shared,
    link: &Link,
    version: i64,
    planned: Vec<Planned>,
    attempt: &Cell<Option<Head>>,
) -> Result<(), Fault> {
    let mut head = shared.with(|state| state.head);
    let mut next = version;
    let mut made = Vec::with_capacity(planned.len());
    for planned in planned {
        next += 1;
        let put = put(shared, link, next, &head, planned).await?;
        head = put.0;
        made.push(put);
    }
    let update = "UPDATE ledger SET version = $2 WHERE version = $1";
    if link.client.execute(update, &[&version, &next]).await? != 1 {
        return Err(Fault::damaged("the ledger's version moved under a lock"));
    }
    settle(shared, link).await?;
    attempt.set((!made.is_empty()).then_some(head));
    link.commit().await?;
    link.check_newest()?;
    apply(shared, made)
}

/// Stores a change and its numbers, after the head `previous`. Returns its head, and what it
/// brings.
pub(super) async fn put(
    shared: &Shared,
    link: &Link,
    version: i64,
    previous: &Head,
    Planned { change, run, key, counted }: Planned,
) -> Result<(Head, Change, Brought), Fault> {
    let head = change.head(previous, version);
    write(shared, link, version, &change, &head, key.as_ref()).await?;
    let numbers: Vec<_> = run.blocks().flatten().copied().collect();
    for (row, numbers) in (0_i32..).zip(numbers.chunks(ROW_NUMBERS)) {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.get().to_le_bytes()).collect();
        let added = matches!(change.what, What::Issued(..));
        let insert = "INSERT INTO roll (election, version, row, added, numbers)
                      VALUES ($1, $2, $3, $4, $5)";
        let values = (change.election, version, row, added, bytes);
        link.client
            .execute(insert, &[&values.0, &values.1, &values.2, &values.3, &values.4])
            .await?;
    }
    let roll = match shared.with(|state| state.forgotten(&change)) {
        Some(owner) => Some(whole_roll(&link.client, owner).await?),
        None => None,
    };
    Ok((head, change, Brought { run, key, roll, counted }))
}

/// Applies what was committed.
fn apply(shared: &Shared, made: Vec<(Head, Change, Brought)>) -> Result<(), Fault> {
    for (head, change, brought) in made {
        let applied = shared.with(|state| {
            // A look may have been faster.
            if state.head == head || change.head(&state.head, state.version + 1) != head {
                return Some(());
            }
            state.apply(head, &change, brought)
        });
        applied.ok_or_else(|| Fault::damaged("an act breaks a rule"))?;
        applied_one(shared, &change);
    }
    shared.publish();
    Ok(())
}

/// Writes a change, but for its numbers.
async fn write(
    shared: &Shared,
    link: &Link,
    version: i64,
    change: &Change,
    head: &Head,
    drawn: Option<&BallotKey>,
) -> Result<(), Fault> {
    let client = &link.client;
    let key = change.election;
    match &change.what {
        What::Created(definition, _) => {
            let drawn = drawn.ok_or_else(|| Fault::damaged("an election has no key"))?;
            create(shared, client, (key, version), definition, drawn).await?;
        }
        What::Opened => {
            let update = "UPDATE elections SET state = 1, version = $2 WHERE key = $1";
            client.execute(update, &[&key, &version]).await?;
        }
        What::Closing => {
            let update = "UPDATE elections SET state = 2 WHERE key = $1";
            client.execute(update, &[&key]).await?;
            fence::end_chains(link, &[key], version).await?;
        }
        What::Closed(_) => {
            let update = "UPDATE elections SET state = 3 WHERE key = $1";
            client.execute(update, &[&key]).await?;
            let delete = "DELETE FROM tallies WHERE chain IN
                          (SELECT chain FROM chains WHERE election = $1)";
            client.execute(delete, &[&key]).await?;
        }
        _ => {}
    }
    put_act(shared, client, version, change, head).await
}

/// Writes the row of an act.
pub(super) async fn put_act(
    shared: &Shared,
    client: &Client,
    version: i64,
    change: &Change,
    head: &Head,
) -> Result<(), Fault> {
    let insert = "INSERT INTO acts (version, election, kind, what, head, mac)
                  VALUES ($1, $2, $3, $4, $5, $6)";
    let (key, kind, what) = (change.election, change.what.kind(), change.what.bytes());
    let ledger = shared.with(|state| state.ledger);
    let mac = shared.holder.secret().map(|secret| mac::mac(secret, ledger, head));
    client.execute(insert, &[&version, &key, &kind, &what, &&head[..], &mac]).await?;
    Ok(())
}

/// Stores the key of an election for this server, its row, and the table of its ballots.
async fn create(
    shared: &Shared,
    client: &Client,
    (key, version): (i32, i64),
    definition: &Definition,
    drawn: &BallotKey,
) -> Result<(), Fault> {
    let owner = shared.with(|state| state.owner(key, definition));
    shared.holder.found(client, key, &owner, drawn).await?;
    create_rows(client, key, version, definition).await
}

/// Makes the row of an election, and the table of its ballots.
pub(super) async fn create_rows(
    client: &Client,
    key: i32,
    version: i64,
    definition: &Definition,
) -> Result<(), Fault> {
    let insert = "INSERT INTO elections (key, id, state, version) VALUES ($1, $2, 0, $3)";
    client.execute(insert, &[&key, &definition.id.as_str(), &version]).await?;
    client.batch_execute(&partition(key)).await?;
    Ok(())
}
