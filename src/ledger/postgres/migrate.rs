//! The format of a ledger's tables, and its changes.

use super::Options;
use super::chain;
use super::cluster::Clusters;
use super::connection::{Fault, Link};
use super::keys::{Secret, acts};
use super::schema::{self, FORMAT};
use super::start::{create, place, refused};
use crate::election::LedgerId;
use crate::ledger::OpenError;

/// What a migration did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// The format before; `None` if there was no ledger.
    pub from: Option<i32>,
    /// The format after it.
    pub to: i32,
    /// How many acts were signed with the secret of the options.
    pub signed: u64,
}

/// Creates the tables of an empty ledger where there are none. Those of another version are left as
/// they are: format 1 is the first.
///
/// Where the options have a secret, acts that servers with it would not believe are signed with it,
/// as they are: its servers were alone before, without one, or had another one. They must not run.
///
/// # Errors
/// [`OpenError::Database`]; [`OpenError::Thread`] if there are no random numbers.
pub async fn migrate(options: Options) -> Result<Migration, OpenError> {
    let (clusters, _) = Clusters::of(&options)?;
    let (mut ledger, mut from) = (None, Some(FORMAT));
    for cluster in clusters.all() {
        let link = cluster.connect().await.map_err(refused)?;
        let migrated = migrate_cluster(&link, ledger).await.map_err(refused)?;
        from = from.and(migrated.0);
        ledger = Some(migrated.1);
    }
    let mut signed = 0;
    if let Some((secret, ledger)) = options.secret.as_ref().zip(ledger) {
        let link = clusters.first.connect().await.map_err(refused)?;
        signed = sign(&link, secret, ledger).await.map_err(refused)?;
    }
    Ok(Migration { from, to: FORMAT, signed })
}

/// Signs acts. Returns how many.
async fn sign(link: &Link, secret: &Secret, ledger: LedgerId) -> Result<u64, Fault> {
    let client = &link.client;
    client.batch_execute("BEGIN; SELECT FROM ledger FOR UPDATE").await?;
    let mut signed = 0;
    for row in client.query("SELECT version, head, mac FROM acts", &[]).await? {
        let head = chain::head(&row, 1)?;
        if acts::check(Some(secret), ledger, &head, row.try_get(2)?).is_err() {
            let mac = acts::mac(secret, ledger, &head);
            let update = "UPDATE acts SET mac = $2 WHERE version = $1";
            signed += client.execute(update, &[&row.try_get::<_, i64>(0)?, &mac]).await?;
        }
    }
    link.commit().await?;
    Ok(signed)
}

/// The format before, and the ledger.
async fn migrate_cluster(
    link: &Link,
    known: Option<LedgerId>,
) -> Result<(Option<i32>, LedgerId), Fault> {
    let from = match schema::is_complete(&link.client).await? {
        true => Some(format(link).await?),
        false => None,
    };
    if from.is_none() {
        create(link, known).await?;
    }
    Ok((from, place(link, known).await?))
}

/// The format of the tables, if this version uses it.
pub(super) async fn format(link: &Link) -> Result<i32, Fault> {
    let format = link.client.query_one("SELECT format FROM ledger", &[]).await?.try_get(0)?;
    if format != FORMAT {
        let whose = if format > FORMAT { "newer" } else { "older" };
        let why = format!(
            "its ledger has format {format}, of a {whose} version of capvote, and this version \
             uses format {FORMAT}"
        );
        return Err(Fault::Failed(None, why));
    }
    Ok(format)
}
