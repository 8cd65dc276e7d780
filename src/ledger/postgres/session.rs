//! A connection that is made again where it is lost, for one transaction after the other.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, sleep, timeout};

use super::again;
use super::catch_up::catch_up;
use super::cluster::Cluster;
use super::connection::{ACT_ANSWER_WAIT_MAX, Fault, Link};
use super::settings::Unfit;
use super::shared::Shared;
use crate::ledger::LedgerError;

/// The pause before a lost connection is made again.
pub(super) const RECONNECT_PAUSE: Duration = Duration::from_millis(50);

/// The most time for one transaction, which may make the sheet of a whole country.
const STEP_WAIT_MAX: Duration = Duration::from_secs(600);

/// How often a transaction is tried that the database undoes for what others did meanwhile.
const RACES_MAX: u32 = 10;

/// A connection for the transactions of one task.
pub(super) struct Session {
    pub(super) shared: Arc<Shared>,
    cluster: Arc<Cluster>,
    link: Option<Link>,
    /// How many connections were made.
    pub(super) made: u64,
}

impl Session {
    /// A connection to the first cluster.
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let cluster = shared.clusters.first.clone();
        Self::to(shared, cluster)
    }

    /// A connection to this cluster.
    pub(super) fn to(shared: Arc<Shared>, cluster: Arc<Cluster>) -> Self {
        Self { shared, cluster, link: None, made: 0 }
    }

    /// The connection, which is made if there is none to the newest timeline that is known. A new
    /// one is used for nothing before what this server knows is there.
    pub(super) async fn connected(&mut self) -> Result<&Link, Fault> {
        let newest = self.cluster.hosts.timeline();
        let fits = |link: &Link| !link.client.is_closed() && link.timeline >= newest;
        let link = match self.link.take().filter(fits) {
            Some(link) => link,
            None => {
                let link = self.cluster.connect().await?;
                again::look_for_known(&self.shared, &link).await?;
                self.made += 1;
                link
            }
        };
        Ok(self.link.insert(link))
    }

    /// The connection, as it was when it was [looked at](Self::connected).
    pub(super) fn link(&self) -> Result<&Link, Fault> {
        self.link.as_ref().ok_or_else(|| Fault::Gone("there is no connection".into()))
    }

    /// Whether there is no connection.
    pub(super) fn is_disconnected(&self) -> bool {
        self.link.is_none()
    }

    /// Does a transaction until it is known whether it is stored. `step` is called again after a
    /// commit of unknown outcome, and has to find out then whether that was stored.
    pub(super) async fn until_known<T>(
        &mut self,
        mut step: impl AsyncFnMut(&Link) -> Result<T, Fault>,
    ) -> Result<T, LedgerError> {
        let deadline = Instant::now() + self.shared.unknown_wait;
        let (mut unknown, mut races) = (None, 0);
        loop {
            let done = match self.connected().await {
                Ok(link) => {
                    timeout(STEP_WAIT_MAX, step(link)).await.unwrap_or_else(|it| Err(it.into()))
                }
                Err(fault) => Err(fault),
            };
            let Err(fault) = done else { return done.map_err(Fault::into_error) };
            self.leave(&fault).await;
            let again = match &fault {
                Fault::Lost(why) => {
                    unknown = Some(why.clone());
                    Instant::now() < deadline
                }
                Fault::Gone(_) => Instant::now() < deadline,
                race if race.is_race() => {
                    races += 1;
                    races < RACES_MAX
                }
                _ => false,
            };
            if !again {
                return Err(fault.into_error().after(unknown.as_deref()));
            }
            if self.link.is_none() {
                sleep(RECONNECT_PAUSE).await;
            }
        }
    }

    /// Leaves the transaction that failed.
    pub(super) async fn leave(&mut self, fault: &Fault) {
        let Some(link) = &self.link else { return };
        let is_lost = matches!(fault, Fault::Lost(_) | Fault::Gone(_));
        if is_lost || link.client.batch_execute("ROLLBACK").await.is_err() {
            self.link = None;
            return;
        }
        // A transaction that stores nothing loses nothing.
        let _ = link.check_unwarned();
    }
}

/// Connections to every cluster.
pub(super) struct Sessions {
    pub(super) first: Session,
    pub(super) others: Others,
}

/// Connections to the clusters that are not the first.
pub(super) struct Others(Vec<Session>);

impl Sessions {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        let to = |cluster: &Arc<Cluster>| Session::to(shared.clone(), cluster.clone());
        let others = Others(shared.clusters.others.iter().map(to).collect());
        Self { first: Session::new(shared.clone()), others }
    }
}

impl Others {
    /// There are none.
    pub(super) fn none() -> Self {
        Self(Vec::new())
    }

    /// Does a step at each of them at the same time, as a part of a transaction at the first
    /// cluster, with which it is tried again: it may have been done before.
    pub(super) async fn each<T>(
        &mut self,
        step: impl AsyncFn(&Link) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let all = join_all(self.0.iter_mut().map(async |session| {
            let done = match session.connected().await {
                Ok(link) => step(link).await,
                Err(fault) => Err(fault),
            };
            if let Err(fault) = &done {
                session.leave(fault).await;
            }
            done.map_err(|fault| match fault {
                Fault::Lost(why) => Fault::Gone(why),
                fault => fault,
            })
        }));
        all.await.into_iter().collect()
    }

    /// The connections, as the last [step](Self::each) left them.
    pub(super) fn links(&self) -> Result<Vec<&Link>, Fault> {
        self.0.iter().map(Session::link).collect()
    }

    /// Leaves what failed.
    pub(super) async fn leave(&mut self, fault: &Fault) {
        join_all(self.0.iter_mut().map(|session| session.leave(fault))).await;
    }
}

/// Locks the ledger for acts. The version, and whether there are names of standbys.
const LOCK: &str = "SELECT version, current_setting('synchronous_standby_names') <> ''
    FROM ledger FOR UPDATE";

/// Begins a transaction at the first cluster that may make acts: no other server makes one until it
/// ends, and every earlier one is applied. Returns the version.
pub(super) async fn begin(shared: &Shared, link: &Link) -> Result<i64, Fault> {
    let locked = async {
        link.client.batch_execute("BEGIN").await?;
        link.client.query_one(LOCK, &[]).await
    };
    let row = timeout(ACT_ANSWER_WAIT_MAX, locked).await??;
    if !link.cluster.hosts.replication().keeps_two(row.try_get(1)?) {
        return Err(Unfit::NoStandbyNames.into());
    }
    let version: i64 = row.try_get(0)?;
    if shared.with(|state| state.version) < version {
        catch_up(shared, &link.client).await?;
    }
    let applied = shared.with(|state| state.version);
    if applied != version {
        return Err(Fault::damaged(format!("act {version} is missing")));
    }
    Ok(version)
}

/// Writes something, so that the commit waits for a second copy of all that was read.
pub(super) async fn settle(shared: &Shared, link: &Link) -> Result<(), Fault> {
    let insert = "INSERT INTO servers (id, settled) VALUES ($1, 1)
                  ON CONFLICT (id) DO UPDATE SET settled = servers.settled + 1";
    link.client.execute(insert, &[&&shared.server[..]]).await?;
    Ok(())
}
