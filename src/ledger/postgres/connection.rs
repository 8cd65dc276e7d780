//! Connections to the primary.
//!
//! All hosts are dialled at once. Of those that may be used, the one with the highest timeline is,
//! and never one with an older timeline than was used before.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OnceCell;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_postgres::config::Host;
use tokio_postgres::error::{Severity, SqlState};
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::Options;
use super::batch::Statements;
use super::cluster::Cluster;
use super::settings::{Replication, Settings, Unfit, set_up};
use super::simulated::Dial;
use crate::ledger::{LedgerError, OpenError};

/// PostgreSQL's port.
const PORT: u16 = 5432;

/// Reaching a host, with the first questions.
const CONNECT_WAIT_MAX: Duration = Duration::from_secs(5);

/// The same once a host was found that may be used: one of a newer timeline is to be preferred.
const OTHERS_WAIT_MAX: Duration = Duration::from_secs(1);

/// The pause before a host that may not be used is asked again.
const AGAIN_PAUSE: Duration = Duration::from_millis(200);

/// What is said of a host that was silent for too long.
const NO_ANSWER: &str = "it does not answer";

/// Unanswered for so long, a connection is given up.
pub(super) const ANSWER_WAIT_MAX: Duration = Duration::from_secs(5);

/// The same for the beginning and for the commit of an act, which may store a whole roll.
pub(super) const ACT_ANSWER_WAIT_MAX: Duration = Duration::from_secs(60);

/// The port of the host of this index: there is one for all, or one for each.
pub(super) fn port(config: &Config, index: usize) -> u16 {
    let ports = config.get_ports();
    *ports.get(index).or(ports.first()).unwrap_or(&PORT)
}

/// A host and a port, as an address has them.
pub(super) fn at(host: &Host, port: u16) -> String {
    match host {
        Host::Tcp(name) if name.contains(':') => format!("[{name}]:{port}"),
        Host::Tcp(name) => format!("{name}:{port}"),
        Host::Unix(path) => format!("{}:{port}", path.display()),
    }
}

/// Why something could not be done.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// The database said no: the transaction stored nothing.
    Failed(Option<SqlState>, String),
    /// The connection is gone, and with it the transaction: nothing of it was stored.
    Gone(String),
    /// It is not known what was stored.
    Lost(String),
    /// What is stored is not what a ledger stores.
    Damaged(String),
    /// It is not allowed, and nothing was stored.
    Not(LedgerError),
}

/// A connection.
pub(super) struct Link {
    pub(super) client: Client,
    /// The cluster that it is to.
    pub(super) cluster: Arc<Cluster>,
    /// What a writer of votes has prepared.
    pub(super) statements: OnceCell<Statements>,
    /// The timeline of its server.
    pub(super) timeline: u32,
    /// Whether that notices pages that its disk has changed.
    pub(super) has_checksums: bool,
    /// Whether the database has warned since the last commit.
    warned: Arc<AtomicBool>,
}

/// Where a cluster is.
pub(super) struct Hosts {
    config: Config,
    dialler: Dialler,
    replication: Replication,
    /// The highest timeline that was used.
    timeline: AtomicU32,
}

/// How hosts are reached.
#[derive(Clone)]
enum Dialler {
    Network(MakeRustlsConnect),
    Simulated(Dial),
}

impl Hosts {
    /// Those of every cluster.
    pub(super) fn all(options: &Options) -> Result<Vec<Self>, OpenError> {
        let dialler = match &options.dial {
            Some(dial) => Dialler::Simulated(dial.clone()),
            None => {
                let tls = options.roots.connector();
                Dialler::Network(tls.map_err(|error| OpenError::Database(error.to_string()))?)
            }
        };
        if options.is_exposed() {
            tracing::warn!("connections to the database are not encrypted: its address says so");
        }
        let replication = options.replication;
        let one = |config: &Config| {
            let (config, dialler) = (config.clone(), dialler.clone());
            Self { config, dialler, replication, timeline: AtomicU32::new(0) }
        };
        Ok(options.clusters.iter().map(one).collect())
    }

    /// The highest timeline that was used.
    pub(super) fn timeline(&self) -> u32 {
        self.timeline.load(Ordering::Relaxed)
    }

    /// Who keeps the second copy.
    pub(super) fn replication(&self) -> Replication {
        self.replication
    }

    /// Connects to the primary, for the cluster that has these hosts. A host that hangs keeps
    /// nobody from it: while one is silent, the others are asked again, since a standby may be
    /// promoted meanwhile.
    pub(super) async fn connect(&self, cluster: &Arc<Cluster>) -> Result<Link, Fault> {
        let dial = async |pause, index| {
            sleep(pause).await;
            (index, self.dial(index, cluster).await)
        };
        let mut silent: BTreeSet<usize> = (0..self.config.get_hosts().len()).collect();
        let first = silent.iter().map(|index| dial(Duration::ZERO, *index));
        let mut dials: FuturesUnordered<_> = first.collect();
        let (mut best, mut refused) = (None::<Link>, BTreeMap::new());
        let mut end = Instant::now() + CONNECT_WAIT_MAX;
        while !silent.is_empty() {
            let Ok(Some((index, dialled))) = timeout_at(end, dials.next()).await else { break };
            silent.remove(&index);
            let why = match dialled {
                Ok((settings, link)) => match settings.unfit(self.replication, self.timeline()) {
                    Some(unfit) => unfit.to_string(),
                    None => {
                        end = end.min(Instant::now() + OTHERS_WAIT_MAX);
                        if best.as_ref().is_none_or(|best| best.timeline < link.timeline) {
                            best = Some(link);
                        }
                        continue;
                    }
                },
                Err(why) => why,
            };
            refused.insert(index, why);
            dials.push(dial(AGAIN_PAUSE, index));
        }
        let Some(link) = best else {
            refused.extend(silent.into_iter().map(|index| (index, NO_ANSWER.to_string())));
            let why = |(index, why): (&usize, &String)| format!("{}: {why}", self.name(*index));
            let refused: Vec<_> = refused.iter().map(why).collect();
            return Err(Fault::Gone(format!("no primary is found: {}", refused.join("; "))));
        };
        self.timeline.fetch_max(link.timeline, Ordering::Relaxed);
        Ok(link)
    }

    /// The host and port of this index.
    fn name(&self, index: usize) -> String {
        let port = port(&self.config, index);
        self.config.get_hosts().get(index).map_or_else(String::new, |host| at(host, port))
    }

    async fn dial(&self, index: usize, cluster: &Arc<Cluster>) -> Result<(Settings, Link), String> {
        let mut config = Config::new();
        config.ssl_mode(self.config.get_ssl_mode());
        match self.config.get_hosts().get(index) {
            Some(Host::Tcp(host)) => config.host(host),
            Some(Host::Unix(path)) => config.host_path(path),
            None => return Err("there is no host".into()),
        };
        config.port(port(&self.config, index));
        self.config.get_user().map(|user| config.user(user));
        self.config.get_password().map(|password| config.password(password));
        self.config.get_dbname().map(|name| config.dbname(name));
        config.application_name("capvote").tcp_user_timeout(ANSWER_WAIT_MAX);
        let reached = timeout(CONNECT_WAIT_MAX, async {
            let link = match &self.dialler {
                Dialler::Simulated(dial) => {
                    let stream = dial(index).await.map_err(|error| error.to_string())?;
                    let connected = config.connect_raw(stream, NoTls).await;
                    connected.map(|(client, it)| {
                        let (link, driven) = Link::of(cluster.clone(), client, it);
                        // Among the tasks of its server, with which it is paused and ends.
                        spawn_local(driven);
                        link
                    })
                }
                Dialler::Network(tls) => {
                    let connected = config.connect(tls.clone()).await;
                    connected.map(|(client, it)| {
                        let (link, driven) = Link::of(cluster.clone(), client, it);
                        tokio::spawn(driven);
                        link
                    })
                }
            };
            let mut link = link.map_err(|error| text(&error))?;
            let settings = set_up(&link.client).await.map_err(|error| text(&error))?;
            link.timeline = settings.timeline();
            link.has_checksums = settings.data_checksums == "on";
            // A server warns at each connection, of an old collation, say. Nothing was committed.
            link.warned.store(false, Ordering::Relaxed);
            Ok((settings, link))
        });
        reached.await.map_err(|_| NO_ANSWER.to_string())?
    }
}

impl Link {
    /// A connection, and what carries its messages.
    fn of<S, T>(
        cluster: Arc<Cluster>,
        client: Client,
        mut connection: Connection<S, T>,
    ) -> (Self, impl Future<Output = ()> + Send)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let warned = Arc::new(AtomicBool::new(false));
        let warning = warned.clone();
        let driven = async move {
            // A notice is seen here before the answer that it came with is passed on.
            while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
                match message {
                    Ok(AsyncMessage::Notice(notice)) => {
                        let is_notice = notice.parsed_severity() == Some(Severity::Notice);
                        if !is_notice {
                            let error = notice.message();
                            tracing::warn!(%error, "the database warns");
                        }
                        warning.fetch_or(!is_notice, Ordering::Relaxed);
                    }
                    Ok(_) => {}
                    Err(_) => break,
                }
            }
        };
        let statements = OnceCell::new();
        let link = Self { client, cluster, statements, timeline: 0, has_checksums: false, warned };
        (link, driven)
    }

    /// Commits. The caller has seen that every statement before succeeded: the answer to the commit
    /// of a failed transaction is no error.
    pub(super) async fn commit(&self) -> Result<(), Fault> {
        let committed = timeout(ACT_ANSWER_WAIT_MAX, self.client.batch_execute("COMMIT")).await;
        let committed = committed.map_err(|_| Fault::Lost("a commit is not answered".into()))?;
        committed.map_err(|error| Fault::Lost(text(&error)))?;
        self.check_unwarned()
    }

    /// Looks whether a commit can be acknowledged: not if a later timeline is in use, which may not
    /// have it.
    pub(super) fn check_newest(&self) -> Result<(), Fault> {
        if self.timeline < self.cluster.hosts.timeline() {
            return Err(Fault::Lost("the database was failed over during a commit".into()));
        }
        Ok(())
    }

    /// A warning comes with a commit that did not wait for its standby.
    pub(super) fn check_unwarned(&self) -> Result<(), Fault> {
        if self.warned.swap(false, Ordering::Relaxed) {
            return Err(Fault::Lost("the database warned that a commit may be lost".into()));
        }
        Ok(())
    }
}

impl Fault {
    /// What others did meanwhile asks for another try.
    pub(super) fn race(why: &str) -> Self {
        Self::Failed(Some(SqlState::T_R_SERIALIZATION_FAILURE), why.into())
    }

    /// Whether the database undid the transaction for what others did meanwhile: it can be tried
    /// again.
    pub(super) fn is_race(&self) -> bool {
        let races = [
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::UNIQUE_VIOLATION,
            SqlState::LOCK_NOT_AVAILABLE,
        ];
        matches!(self, Self::Failed(Some(state), _) if races.contains(state))
    }

    /// What happened, as a part of a sentence.
    pub(super) fn why(self) -> String {
        match self {
            Self::Failed(_, why) | Self::Gone(why) | Self::Lost(why) | Self::Damaged(why) => why,
            Self::Not(error) => error.to_string(),
        }
    }

    /// The error of what was asked for.
    pub(super) fn into_error(self) -> LedgerError {
        match self {
            Self::Failed(_, why) | Self::Gone(why) => LedgerError::NotStored(why),
            Self::Lost(why) => LedgerError::Unknown(why),
            Self::Damaged(why) => LedgerError::Unreadable(why),
            Self::Not(error) => error,
        }
    }

    pub(super) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged(format!("the ledger is damaged: {}", what.into()))
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(db) if db.parsed_severity() == Some(Severity::Error) => {
                Self::Failed(Some(db.code().clone()), text(&error))
            }
            _ => Self::Gone(text(&error)),
        }
    }
}

impl From<tokio::time::error::Elapsed> for Fault {
    fn from(_: tokio::time::error::Elapsed) -> Self {
        Self::Gone("the database does not answer".into())
    }
}

impl From<Unfit> for Fault {
    fn from(unfit: Unfit) -> Self {
        Self::Failed(None, unfit.to_string())
    }
}

impl From<LedgerError> for Fault {
    fn from(error: LedgerError) -> Self {
        Self::Not(error)
    }
}

impl From<crate::ledger::ActRefusal> for Fault {
    fn from(refusal: crate::ledger::ActRefusal) -> Self {
        Self::Not(refusal.into())
    }
}

pub(super) fn text(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("the database says: {}", db.message()),
        // The error itself says no more than what was being done.
        None => std::error::Error::source(error).unwrap_or(error).to_string(),
    }
}
