//! A ledger in a database, as it leaves for a data directory, and as it comes from one.

mod source;
mod target;

use std::sync::Arc;

pub(in crate::ledger) use self::source::DatabaseSource;
pub(in crate::ledger) use self::target::DatabaseTarget;
use super::change::{LEFT, What};
use super::cluster::Clusters;
use super::connection::{Fault, Link};
use super::keys::Holder;
use super::settings::is_replicated;
use super::shared::Shared;
use super::start::{random, refused};
use super::state::State;
use super::{Options, lease, migrate};
use crate::election::LedgerId;
use crate::ledger::keys::ServerId;
use crate::ledger::{Metrics, OpenError};

/// Begins the transaction of a move. It may be idle while the other store is read or written. Of
/// two moves the second waits, also for what is left of one whose program was killed.
const BEGIN: &str = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0;
    SELECT pg_advisory_xact_lock(7163669718)";

/// The name of a database: that of its cluster, which its standbys have too, and its own.
const NAME: &str = "SELECT system_identifier || '.' ||
        (SELECT oid FROM pg_database WHERE datname = current_database())
    FROM pg_control_system()";

const IN_USE: &str =
    "SELECT count(*) FROM leases WHERE seen > clock_timestamp() - make_interval(secs => $1)";

/// A database, in the transaction of a move.
pub(in crate::ledger) struct Place {
    options: Options,
    clusters: Clusters,
    holder: Arc<Holder>,
    link: Link,
}

/// What a database has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ledger) enum Holds {
    Nothing,
    /// A ledger, and the server to whose data directory it was moved.
    Ledger(LedgerId, Option<ServerId>),
}

impl Place {
    /// Connects, and begins the transaction.
    pub(in crate::ledger) async fn reach(options: &Options) -> Result<Self, OpenError> {
        let (clusters, _) = Clusters::of(options)?;
        if !clusters.others.is_empty() {
            let why = "it would be divided among several clusters: only one can be named";
            return Err(OpenError::NotMoved(why.into()));
        }
        let Options { data, secret, is_alone, .. } = options;
        let holder = Arc::new(Holder::of(data, secret.clone(), *is_alone)?);
        let link = clusters.first.connect().await.map_err(refused)?;
        let begun = link.client.batch_execute(BEGIN).await;
        begun.map_err(|error| match Fault::from(error) {
            fault if fault.is_race() => {
                OpenError::NotMoved("another move is under way in the database".into())
            }
            fault => refused(fault),
        })?;
        Ok(Self { options: options.clone(), clusters, holder, link })
    }

    /// The server whose data directory it is.
    pub(in crate::ledger) fn server(&self) -> ServerId {
        self.holder.id()
    }

    /// The name of the database. No two have the same.
    pub(in crate::ledger) async fn name(&self) -> Result<String, OpenError> {
        let named = async {
            let row = self.link.client.query_one(NAME, &[]).await?;
            Ok::<_, Fault>(row.try_get(0)?)
        };
        named.await.map_err(refused)
    }

    /// What is in the database.
    pub(in crate::ledger) async fn holds(&self) -> Result<Holds, OpenError> {
        self.look().await.map_err(refused)
    }

    async fn look(&self) -> Result<Holds, Fault> {
        let client = &self.link.client;
        let there = "SELECT to_regclass('ledger') IS NOT NULL";
        if !client.query_one(there, &[]).await?.try_get(0)? {
            return Ok(Holds::Nothing);
        }
        migrate::format(&self.link).await?;
        let row = client.query_one("SELECT id, version FROM ledger", &[]).await?;
        if row.try_get::<_, i64>(1)? == 0 {
            return Ok(Holds::Nothing);
        }
        let id = LedgerId::try_from(row.try_get::<_, &[u8]>(0)?);
        let id = id.map_err(|_| Fault::damaged("it has no identity"))?;
        Ok(Holds::Ledger(id, left(&self.link).await?))
    }

    /// Refuses a database that a server uses.
    async fn check_unused(&self) -> Result<(), OpenError> {
        let used = async {
            let row = self.link.client.query_one(IN_USE, &[&lease::seconds()]).await?;
            Ok::<i64, Fault>(row.try_get(0)?)
        };
        match used.await.map_err(refused)? {
            0 => Ok(()),
            _ => {
                self.leave_locks().await;
                Err(OpenError::NotMoved(
                    "a server uses the database: stop all servers first. One that was killed \
                     counts as running for 30 s"
                        .into(),
                ))
            }
        }
    }

    /// Ends the transaction at once: servers would wait for it until the connection is closed.
    async fn leave_locks(&self) {
        // Without a connection there is no transaction.
        let _ = self.link.client.batch_execute("ROLLBACK").await;
    }

    /// Destroys what this server has of the keys of a ledger that left. Returns how many other
    /// servers have not said that they did.
    pub(in crate::ledger) async fn destroy_halves(&self, of: LedgerId) -> Result<u64, OpenError> {
        self.holder.destroy_all(&self.link.client, of).await
    }

    /// Commits, and makes sure that what the database has then is on a second disk: also what an
    /// earlier try has committed, of which that is not known.
    pub(in crate::ledger) async fn commit(&self) -> Result<(), OpenError> {
        let committed = async {
            let client = &self.link.client;
            // A commit waits for the standby if it has written something.
            client.execute("UPDATE ledger SET version = version", &[]).await?;
            self.link.commit().await?;
            // Without a standby it has waited for nothing.
            match is_replicated(client, self.link.cluster.hosts.replication()).await? {
                true => Ok(()),
                false => Err(Fault::Lost("the database has no synchronous standby".into())),
            }
        };
        committed.await.map_err(|fault: Fault| {
            let why = fault.why();
            OpenError::Database(format!("{why}; repeat the move, which goes on from there"))
        })
    }

    /// The ledger, of which nothing is known yet.
    fn shared(&self, ledger: LedgerId) -> Result<Shared, OpenError> {
        let mut state = State::new(ledger, self.options.numbers_max);
        state.is_moved = true;
        let (clusters, holder, server) = (self.clusters.clone(), self.holder.clone(), random()?);
        let wait = self.options.unknown_wait;
        Ok(Shared::new(clusters, holder, state, server, None, Metrics::new(), wait))
    }
}

/// The server to whose data directory the ledger of a database was moved, if it was.
pub(super) async fn left(link: &Link) -> Result<Option<ServerId>, Fault> {
    let select = "SELECT kind, what FROM acts ORDER BY version DESC LIMIT 1";
    let Some(row) = link.client.query_opt(select, &[]).await? else { return Ok(None) };
    if row.try_get::<_, i16>(0)? != LEFT {
        return Ok(None);
    }
    match What::read(LEFT, row.try_get(1)?) {
        Some(What::Left(server)) => Ok(Some(server)),
        _ => Err(Fault::damaged("the last act is none")),
    }
}

/// Refuses to start on a ledger that left. The server's halves of its keys are destroyed, unless it
/// is the one that moves it.
pub(super) async fn refuse_left(
    link: &Link,
    holder: &Holder,
    ledger: LedgerId,
) -> Result<(), OpenError> {
    let Some(server) = left(link).await.map_err(refused)? else { return Ok(()) };
    if server != holder.id() {
        holder.destroy_all(&link.client, ledger).await?;
    }
    Err(OpenError::Database(super::catch_up::MOVED.into()))
}
