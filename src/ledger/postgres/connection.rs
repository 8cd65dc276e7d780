//! Connections to the primary.
//!
//! All hosts are dialled at once. Of those that may be used, the one with the highest timeline is,
//! and never one with an older timeline than was used before.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_postgres::error::{Severity, SqlState};
use tokio_postgres::{AsyncMessage, Client, Config, NoTls};

use super::batch::Statements;
use super::settings::{Replication, Settings, set_up};
use crate::ledger::LedgerError;

/// Reaching a host, with the first questions.
const CONNECT_WAIT_MAX: Duration = Duration::from_secs(5);

/// Unanswered for so long, a connection is given up.
pub(super) const ANSWER_WAIT_MAX: Duration = Duration::from_secs(5);

/// The same for the beginning and for the commit of an act, which may store a whole roll.
pub(super) const ACT_ANSWER_WAIT_MAX: Duration = Duration::from_secs(60);

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
    /// What a writer of votes has prepared.
    pub(super) statements: OnceCell<Statements>,
    /// The timeline of its server.
    pub(super) timeline: u32,
    /// Whether the database has warned since the last commit.
    warned: Arc<AtomicBool>,
}

/// Where the database is.
#[derive(Debug)]
pub(super) struct Hosts {
    config: Config,
    replication: Replication,
    /// The highest timeline that was used.
    timeline: AtomicU32,
}

impl Hosts {
    pub(super) fn new(config: Config, replication: Replication) -> Self {
        Self { config, replication, timeline: AtomicU32::new(0) }
    }

    /// The highest timeline that was used.
    pub(super) fn timeline(&self) -> u32 {
        self.timeline.load(Ordering::Relaxed)
    }

    /// Who keeps the second copy.
    pub(super) fn replication(&self) -> Replication {
        self.replication
    }

    /// Connects to the primary.
    pub(super) async fn connect(&self) -> Result<Link, Fault> {
        let all = (0..self.config.get_hosts().len()).map(|index| self.dial(index));
        let seen = self.timeline();
        let (mut best, mut refused) = (None::<(u32, Link)>, Vec::new());
        for dialled in join_all(all).await {
            match dialled {
                Ok((settings, link)) => match settings.unfit(self.replication, seen) {
                    Some(unfit) => refused.push(unfit.to_string()),
                    None if best
                        .as_ref()
                        .is_some_and(|(other, _)| *other >= settings.timeline()) => {}
                    None => best = Some((settings.timeline(), link)),
                },
                Err(why) => refused.push(why),
            }
        }
        let Some((timeline, link)) = best else {
            return Err(Fault::Gone(format!("no primary is found: {}", refused.join("; "))));
        };
        self.timeline.fetch_max(timeline, Ordering::Relaxed);
        Ok(Link { timeline, ..link })
    }

    async fn dial(&self, index: usize) -> Result<(Settings, Link), String> {
        let mut config = Config::new();
        let (hosts, ports) = (self.config.get_hosts(), self.config.get_ports());
        match hosts.get(index) {
            Some(tokio_postgres::config::Host::Tcp(host)) => config.host(host),
            Some(tokio_postgres::config::Host::Unix(path)) => config.host_path(path),
            None => return Err("there is no host".into()),
        };
        if let Some(&port) = ports.get(index).or(ports.first()) {
            config.port(port);
        }
        self.config.get_user().map(|user| config.user(user));
        self.config.get_password().map(|password| config.password(password));
        self.config.get_dbname().map(|name| config.dbname(name));
        config.application_name("capvote").tcp_user_timeout(ANSWER_WAIT_MAX);
        let reached = timeout(CONNECT_WAIT_MAX, async {
            let (client, connection) = config.connect(NoTls).await?;
            let link = Link::drive(client, connection);
            Ok((set_up(&link.client).await?, link))
        });
        let reached = reached.await.map_err(|_| "a host does not answer".to_string())?;
        reached.map_err(|error: tokio_postgres::Error| text(&error))
    }
}

impl Link {
    fn drive(
        client: Client,
        mut connection: tokio_postgres::Connection<
            tokio_postgres::Socket,
            tokio_postgres::tls::NoTlsStream,
        >,
    ) -> Self {
        let warned = Arc::new(AtomicBool::new(false));
        let warning = warned.clone();
        tokio::spawn(async move {
            // A notice is seen here before the answer that it came with is passed on.
            while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
                match message {
                    Ok(AsyncMessage::Notice(notice)) => {
                        let is_notice = notice.parsed_severity() == Some(Severity::Notice);
                        warning.fetch_or(!is_notice, Ordering::Relaxed);
                    }
                    Ok(_) => {}
                    Err(_) => break,
                }
            }
        });
        Self { client, statements: OnceCell::new(), timeline: 0, warned }
    }

    /// Commits. The caller has seen that every statement before succeeded: the answer to the commit
    /// of a failed transaction is no error.
    pub(super) async fn commit(&self) -> Result<(), Fault> {
        let committed = timeout(ACT_ANSWER_WAIT_MAX, self.client.batch_execute("COMMIT")).await;
        let committed = committed.map_err(|_| Fault::Lost("a commit is not answered".into()))?;
        committed.map_err(|error| Fault::Lost(text(&error)))?;
        self.check_unwarned()
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
        None => error.to_string(),
    }
}
