//! The key of an election, which several servers hold and the database never does.
//!
//! A database forgets nothing: its log, its standbys, its backups and what a disk keeps of them
//! have every row that there ever was. So they have ballots and tallies sealed only, and the key
//! that opens them is in the memory of servers, and in nothing else that is not destroyed.
//!
//! **A server** is its data folder: `server` has its identity, 16 random bytes, and `keys` a file
//! for each election that is not closed, `<row>-<election>.half`, with the private half of a key
//! pair (X25519). Two running servers must not have copies of one folder.
//!
//! **The key** is drawn by the server that creates the election. `holders` has a row for each
//! server and election: the public half, an HMAC-SHA256 of it, and the key, wrapped (HPKE, see
//! [`wrap`]). Both say for which ledger, election and server they are. A server that lacks a key
//! writes its row; a server that has the key and sees a row without it wraps it. That is done while
//! looking, four times a second. A server that starts again opens what is in its row, and one whose
//! private half is lost makes a new pair, and gets the key again.
//!
//! **The secret**, which the operator gives to all servers, is what the HMAC and the wrapping for
//! another server rest on: else who can write to the database could ask for a key, or make one up
//! under which a server would seal. A public half with another HMAC gets nothing. A server without
//! the secret passes nothing on. Acts have an HMAC, too: see [`acts`].
//!
//! **An election is opened** once two servers hold its key, unless the server was told to be
//! [alone](super::Options::alone): if all halves are lost, so is every choice, but not the turnout.
//! A server holds a key while its row has it, whether it runs or not.
//!
//! **After the close** each server commits something of its own, so that no failover takes the
//! close back. Then it destroys its private half, and says so in its row. The key is forgotten when
//! the close is applied. A server that was down does it when it starts. Until every row says so
//! [`Report::unscrubbed`](crate::ledger::Report::unscrubbed) is true: for good, if a server never
//! comes back. Once its folder is destroyed, its row can be deleted.

pub(super) mod acts;
mod moved;
mod secret;
mod tend;
mod wrap;

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::sleep;
use tokio_postgres::Client;

pub use self::secret::{InvalidSecret, SECRET_BYTES_MAX, Secret};
pub(super) use self::tend::{hold_again, tend};
use self::wrap::{Pair, Place};
use super::connection::Fault;
use super::shared::Shared;
use crate::election::{ElectionId, LedgerId};
use crate::ledger::keys::{BallotKey, Halves, Owner, ServerId};
use crate::ledger::{ActRefusal, LedgerError, OpenError};

/// How long a vote waits for the key of its election, from when this server first lacked it.
pub(super) const KEY_WAIT_MAX: Duration = Duration::from_secs(2);

/// The pause between two looks while one waits for a key.
const KEY_PAUSE: Duration = Duration::from_millis(50);

/// The beginning of what the HMAC of a link is over.
const LINK: &[u8] = b"capvote link 1\0";

/// Why a server does not do what takes the key of an election.
pub(super) const MISSING: &str = "this server does not have the key of the election's ballots";

/// So many servers have to hold the key of an election that is opened.
const HOLDERS_MIN: usize = 2;

/// Faults that are logged once. Further ones are not logged.
const FAULTS_LOGGED_MAX: usize = 4_096;

/// What a server writes about itself.
const SAY: &str = "INSERT INTO holders (election, server, public, mac, wrapped)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (election, server) DO UPDATE SET public = excluded.public, mac = excluded.mac,
        wrapped = excluded.wrapped, destroyed = false";

const HOLDERS: &str = "SELECT server, public, mac FROM holders
    WHERE election = $1 AND wrapped IS NOT NULL AND NOT destroyed";

/// This server, as a holder of keys.
pub(super) struct Holder {
    /// Another one than [`Shared::server`], which is drawn at each start: of two handles of one
    /// data folder, and of a server and what it was before it started again, none may take over or
    /// leave the chains of the other.
    id: ServerId,
    halves: Halves,
    secret: Option<Secret>,
    is_alone: bool,
    /// What was logged.
    logged: Mutex<HashSet<(i32, &'static str, Vec<u8>)>>,
}

impl Holder {
    /// The server with this data folder.
    pub(super) fn of(
        data: &Path,
        secret: Option<Secret>,
        is_alone: bool,
    ) -> Result<Self, OpenError> {
        let halves = Halves::of(data);
        let swept = halves.sweep();
        swept.map_err(|why| OpenError::Inaccessible { path: data.to_owned(), why })?;
        Ok(Self { id: ServerId::of(data)?, halves, secret, is_alone, logged: Mutex::default() })
    }

    /// Writes this server's row for an election whose key it has.
    pub(super) async fn found(
        &self,
        client: &Client,
        key: i32,
        owner: &Owner<'_>,
        drawn: &BallotKey,
    ) -> Result<(), Fault> {
        let wrapped = self.pair(owner).and_then(|pair| {
            let wrapped = pair.keep(&Place::of(owner, self.id), drawn);
            Ok((wrapped.map_err(|error| error.to_string())?, pair))
        });
        let (wrapped, pair) = wrapped.map_err(|error| {
            let election = owner.election;
            tracing::error!(%election, %error, "the key cannot be stored");
            let why =
                "the key of the election's ballots cannot be stored; the server's log says why";
            LedgerError::NotStored(why.into())
        })?;
        self.say(client, key, owner, &pair, Some(&wrapped)).await
    }

    /// The key pair for an election, which is made if there is none.
    fn pair(&self, owner: &Owner<'_>) -> Result<Pair, String> {
        let half = self.halves.make(owner).map_err(|error| error.to_string())?;
        Pair::of(&half).map_err(|error| error.to_string())
    }

    fn mac(&self, owner: &Owner<'_>, public: &[u8]) -> Vec<u8> {
        let mac = |secret| Place::of(owner, self.id).mac(secret, public);
        self.secret.as_ref().map(mac).unwrap_or_default()
    }

    /// Writes the row of this server. Without a key, that asks for it.
    async fn say(
        &self,
        client: &Client,
        key: i32,
        owner: &Owner<'_>,
        pair: &Pair,
        wrapped: Option<&[u8]>,
    ) -> Result<(), Fault> {
        let (server, public) = (&self.id.as_bytes()[..], pair.public());
        let mac = self.mac(owner, &public);
        client.execute(SAY, &[&key, &server, &public, &mac, &wrapped]).await?;
        Ok(())
    }

    /// The secret of the ledger's servers, if this one was given it.
    pub(super) fn secret(&self) -> Option<&Secret> {
        self.secret.as_ref()
    }

    /// What shows the other servers that a server of this ledger is reached by this link: else who
    /// can write to the database could lead voters elsewhere. `None` without the secret.
    pub(super) fn link_mac(&self, ledger: LedgerId, link: &str) -> Option<Vec<u8>> {
        let secret = self.secret.as_ref()?;
        Some(secret.mac(&[LINK, ledger.as_bytes(), link.as_bytes()]))
    }

    /// Whether [`link_mac`](Self::link_mac) of a server of this ledger made this.
    pub(super) fn has_link_mac(&self, ledger: LedgerId, link: &str, mac: &[u8]) -> bool {
        let secret = self.secret.as_ref();
        secret.is_some_and(|it| it.made(&[LINK, ledger.as_bytes(), link.as_bytes()], mac))
    }

    /// Refuses to open an election whose key would be lost with one server.
    pub(super) async fn check_held(
        &self,
        client: &Client,
        key: i32,
        owner: &Owner<'_>,
    ) -> Result<(), Fault> {
        if self.is_alone {
            return Ok(());
        }
        let mut holders = 0;
        for row in client.query(HOLDERS, &[&key]).await? {
            let (server, public): (&[u8], &[u8]) = (row.try_get(0)?, row.try_get(1)?);
            let Ok(server) = ServerId::try_from(server) else { continue };
            let (place, mac) = (Place::of(owner, server), row.try_get(2)?);
            let is_one = |secret| place.has_mac(secret, public, mac);
            let is_holder = server == self.id || self.secret.as_ref().is_some_and(is_one);
            holders += usize::from(is_holder);
        }
        if holders < HOLDERS_MIN {
            return Err(ActRefusal::OneHolder(owner.election.clone()).into());
        }
        Ok(())
    }

    /// Whether the files of this server have its half for an election.
    pub(super) fn has_half(&self, owner: &Owner<'_>) -> bool {
        self.halves.has(owner)
    }

    /// Whether this fault was not logged yet.
    fn is_new(&self, election: i32, fault: &'static str, about: &[u8]) -> bool {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        logged.len() < FAULTS_LOGGED_MAX && logged.insert((election, fault, about.to_vec()))
    }
}

/// Waits for the keys of these elections, as far as this server lacks them.
pub(super) async fn wait(
    shared: &Shared,
    elections: impl Iterator<Item = &ElectionId> + Clone,
) -> Result<(), Fault> {
    let lacks = || shared.with(|state| elections.clone().any(|id| state.awaits_key(id)));
    while lacks() {
        // Another server has to look before this one can get it.
        shared.look_first().await?;
        if lacks() {
            sleep(KEY_PAUSE).await;
        }
    }
    Ok(())
}
