//! The keys of a ledger that is moved.

use tokio_postgres::Client;

use super::wrap::Place;
use super::{Holder, Owner};
use crate::election::LedgerId;
use crate::ledger::OpenError;
use crate::ledger::keys::{BallotKey, ServerId};
use crate::ledger::postgres::connection::Fault;

/// What this server holds, if it has its half: also where it has said that it destroyed that,
/// before a move was cut short.
const HELD: &str = "SELECT wrapped FROM holders
    WHERE election = $1 AND server = $2 AND wrapped IS NOT NULL";

/// The row of an election whose key was destroyed elsewhere.
const NEVER_HELD: &str =
    "INSERT INTO holders (election, server, public, mac, destroyed) VALUES ($1, $2, '', '', true)";

const DESTROYED: &str = "UPDATE holders SET destroyed = true WHERE server = $1 AND NOT destroyed";

const OTHERS: &str =
    "SELECT count(DISTINCT server) FROM holders WHERE server <> $1 AND NOT destroyed";

impl Holder {
    /// Which server this is.
    pub(in crate::ledger::postgres) fn id(&self) -> ServerId {
        self.id
    }

    /// The key of an election, if this server holds it.
    pub(in crate::ledger::postgres) async fn held(
        &self,
        client: &Client,
        key: i32,
        owner: &Owner<'_>,
    ) -> Result<Option<BallotKey>, Fault> {
        if !self.has_half(owner) {
            return Ok(None);
        }
        let pair = self.pair(owner).map_err(|why| Fault::Failed(None, why))?;
        let row = client.query_opt(HELD, &[&key, &&self.id.as_bytes()[..]]).await?;
        let Some(row) = row else { return Ok(None) };
        let place = Place::of(owner, self.id);
        let opened = pair.open(&place, self.secret.as_ref(), row.try_get(0)?);
        Ok(opened.map(|opened| opened.key().clone()))
    }

    /// Writes that this server has nothing of the key of a closed election.
    pub(in crate::ledger::postgres) async fn never_held(
        &self,
        client: &Client,
        key: i32,
    ) -> Result<(), Fault> {
        client.execute(NEVER_HELD, &[&key, &&self.id.as_bytes()[..]]).await?;
        Ok(())
    }

    /// Destroys the halves of this server of all keys of a ledger that left, and says so. Returns
    /// how many others have not said so.
    pub(in crate::ledger::postgres) async fn destroy_all(
        &self,
        client: &Client,
        ledger: LedgerId,
    ) -> Result<u64, OpenError> {
        let destroyed = self.halves.destroy_all(ledger);
        destroyed.map_err(|error| OpenError::Database(error.to_string()))?;
        let server = &self.id.as_bytes()[..];
        let said = async {
            client.execute(DESTROYED, &[&server]).await?;
            let others: i64 = client.query_one(OTHERS, &[&server]).await?.try_get(0)?;
            Ok::<_, Fault>(others.unsigned_abs())
        };
        said.await.map_err(|fault| OpenError::Database(fault.why()))
    }
}
