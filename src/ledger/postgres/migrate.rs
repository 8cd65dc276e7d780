//! The format of a ledger's tables, and its changes.

use super::Options;
use super::connection::{Fault, Hosts, Link};
use super::schema::{self, FORMAT};
use super::start::{create, refused};
use crate::ledger::OpenError;

/// What a migration did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// The format before; `None` if there was no ledger.
    pub from: Option<i32>,
    /// The format after it.
    pub to: i32,
}

/// Creates the tables of an empty ledger where there are none. Those of another version are left as
/// they are: format 1 is the first.
///
/// # Errors
/// [`OpenError::Database`]; [`OpenError::Thread`] if there are no random numbers.
pub async fn migrate(options: Options) -> Result<Migration, OpenError> {
    let link = Hosts::of(&options)?.connect().await.map_err(refused)?;
    if !schema::is_complete(&link.client).await.map_err(refused)? {
        create(&link).await.map_err(refused)?;
        return Ok(Migration { from: None, to: FORMAT });
    }
    let format = format(&link).await.map_err(refused)?;
    Ok(Migration { from: Some(format), to: format })
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
