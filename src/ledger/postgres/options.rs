//! Which database a server uses, and how.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::cluster::CLUSTERS_MAX;
use super::connection::{at, port};
use super::keys::Secret;
use super::settings::Replication;
use super::simulated::Dial;
use super::tls::Roots;
use crate::ledger::{Clock, NUMBERS_MAX};

/// How long an unknown outcome is asked again before the answer is that it is unknown.
pub const UNKNOWN_WAIT_MAX: Duration = Duration::from_secs(20);

/// Which database, and how it is used.
#[derive(Clone)]
pub struct Options {
    /// One for each cluster.
    pub(super) clusters: Vec<Config>,
    pub(super) roots: Roots,
    pub(super) data: PathBuf,
    pub(super) secret: Option<Secret>,
    pub(super) is_alone: bool,
    pub(super) replication: Replication,
    pub(super) unknown_wait: Duration,
    pub(super) clock: Option<Clock>,
    pub(super) numbers_max: usize,
    pub(super) dial: Option<Dial>,
}

/// Why an address is none of a database. The address is not repeated: it may have a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// It is not such an address.
    #[error("it is not an address such as postgres://capvote@db1,db2:5432/capvote: {0}")]
    Unreadable(String),
    /// It has a password, which process lists and settings would show.
    #[error("it has a password, which others could see; leave it out, and give it in a file")]
    Password,
    /// It names no host, no user or no database.
    #[error("it names no {0}; it is like postgres://capvote@db1,db2:5432/capvote")]
    Incomplete(&'static str),
    /// There are too many.
    #[error("a ledger has at most {CLUSTERS_MAX} clusters")]
    TooMany,
}

impl Options {
    /// The database at this address: `postgres://USER@HOST:PORT,HOST:PORT/DATABASE`, with one host
    /// or more. The folder `data` is of this server only, and has its private halves of the
    /// elections' keys.
    ///
    /// Elections can be opened only with a [secret](Self::with_secret) that another server has too,
    /// or [alone](Self::alone).
    ///
    /// Connections to other machines are encrypted, and the database's certificate is verified,
    /// unless the address says `?sslmode=disable`.
    ///
    /// # Errors
    /// [`InvalidAddress`].
    pub fn new(address: &str, data: impl Into<PathBuf>) -> Result<Self, InvalidAddress> {
        Ok(Self {
            clusters: vec![config(address)?],
            roots: Roots::default(),
            data: data.into(),
            secret: None,
            is_alone: false,
            replication: Replication::default(),
            unknown_wait: UNKNOWN_WAIT_MAX,
            clock: None,
            numbers_max: NUMBERS_MAX,
            dial: None,
        })
    }

    /// The same, where the voter numbers are divided among one cluster more, with a database at
    /// this address. All servers of a ledger name the same clusters in the same order.
    ///
    /// # Errors
    /// [`InvalidAddress`].
    pub fn and_cluster(mut self, address: &str) -> Result<Self, InvalidAddress> {
        if self.clusters.len() == CLUSTERS_MAX {
            return Err(InvalidAddress::TooMany);
        }
        self.clusters.push(config(address)?);
        Ok(self)
    }

    /// The same, with the password of the user, in every cluster.
    #[must_use]
    pub fn with_password(mut self, password: impl AsRef<[u8]>) -> Self {
        for config in &mut self.clusters {
            config.password(password.as_ref());
        }
        self
    }

    /// The same, where the certificate of the database is trusted if one of these has signed it.
    #[must_use]
    pub fn with_roots(self, roots: Roots) -> Self {
        Self { roots, ..self }
    }

    /// The same, with the secret that all servers of this ledger have: they give each other the
    /// keys of elections.
    #[must_use]
    pub fn with_secret(self, secret: Secret) -> Self {
        Self { secret: Some(secret), ..self }
    }

    /// The same, where an election may be opened whose key no other server holds. If this server's
    /// data folder is lost, so are the choices of every election that is not closed.
    #[must_use]
    pub fn alone(self) -> Self {
        Self { is_alone: true, ..self }
    }

    /// The same, where somebody else keeps the second copy.
    #[must_use]
    pub fn with_replication(self, replication: Replication) -> Self {
        Self { replication, ..self }
    }

    /// The same, with another wait than [`UNKNOWN_WAIT_MAX`].
    #[must_use]
    pub fn with_unknown_wait(self, unknown_wait: Duration) -> Self {
        Self { unknown_wait, ..self }
    }

    /// The same, by another clock than the database's.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock: Some(clock), ..self }
    }

    /// The same, with another bound for the voter numbers on all rolls.
    #[must_use]
    pub fn with_voter_numbers_max(self, numbers_max: usize) -> Self {
        Self { numbers_max, ..self }
    }

    /// The folder of what is this server's own.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Whether a host is on another machine, and the connection to it is not encrypted.
    pub(super) fn is_exposed(&self) -> bool {
        self.clusters.iter().any(|config| {
            let is_plain = config.get_ssl_mode() == SslMode::Disable;
            is_plain && !config.get_hosts().iter().all(is_this_machine)
        })
    }
}

/// What an address says.
fn config(address: &str) -> Result<Config, InvalidAddress> {
    let config = Config::from_str(address);
    let mut config = config.map_err(|error| InvalidAddress::Unreadable(error.to_string()))?;
    if config.get_password().is_some() {
        return Err(InvalidAddress::Password);
    }
    let parts = [
        ("host", config.get_hosts().is_empty()),
        ("user", config.get_user().is_none()),
        ("database", config.get_dbname().is_none()),
    ];
    if let Some((part, _)) = parts.into_iter().find(|(_, is_missing)| *is_missing) {
        return Err(InvalidAddress::Incomplete(part));
    }
    // "Prefer", the crate's default, would go on unencrypted where somebody in between asks.
    if config.get_ssl_mode() == SslMode::Prefer {
        let is_here = config.get_hosts().iter().all(is_this_machine);
        config.ssl_mode(if is_here { SslMode::Disable } else { SslMode::Require });
    }
    Ok(config)
}

/// Whether a host is this machine.
fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            let address = name.parse::<std::net::IpAddr>();
            name == "localhost" || address.is_ok_and(|address| address.is_loopback())
        }
    }
}

/// What another start may have otherwise: the database, the trust in it, and who keeps copies.
impl PartialEq for Options {
    fn eq(&self, other: &Self) -> bool {
        self.clusters == other.clusters
            && self.roots == other.roots
            && self.data == other.data
            && self.is_alone == other.is_alone
            && self.replication == other.replication
    }
}

/// `postgres://USER@HOST:PORT,HOST:PORT/DATABASE` for each cluster, without the password.
impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, config) in self.clusters.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}postgres://{}@", config.get_user().unwrap_or_default())?;
            for (index, host) in config.get_hosts().iter().enumerate() {
                let comma = if index == 0 { "" } else { "," };
                write!(f, "{comma}{}", at(host, port(config, index)))?;
            }
            write!(f, "/{}", config.get_dbname().unwrap_or_default())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Options").field(&format_args!("{self}")).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_whether_the_connection_is_encrypted() {
        for (address, mode, exposed) in [
            ("postgres://me@127.0.0.1,localhost,[::1]/db", SslMode::Disable, false),
            ("postgres://me@%2Frun%2Fpostgresql/db", SslMode::Disable, false),
            ("postgres://me@127.0.0.1,db2/db", SslMode::Require, false),
            ("postgres://me@db1:1,db2:2/db?sslmode=prefer", SslMode::Require, false),
            ("postgres://me@127.0.0.1/db?sslmode=require", SslMode::Require, false),
            ("postgres://me@192.0.2.1/db?sslmode=disable", SslMode::Disable, true),
        ] {
            let options = Options::new(address, "data").unwrap();
            assert_eq!(options.clusters[0].get_ssl_mode(), mode, "{address}");
            assert_eq!(options.is_exposed(), exposed, "{address}");
        }
    }

    #[test]
    fn an_address_that_cannot_be_used_is_refused_and_not_repeated() {
        for (address, why) in [
            ("postgres://me:secret@db1/db", "it has a password"),
            ("postgres://me@db1/db?password=secret", "it has a password"),
            ("postgres://me@db1", "it names no database"),
            ("postgres://db1/db", "it names no user"),
            ("postgres://me@/db", "it names no host"),
            ("secret", "it is not an address such as postgres://"),
            ("postgres://me@db1:secret/db", "it is not an address such as postgres://"),
            ("postgres://me@db1/db?secret=1", "it is not an address such as postgres://"),
        ] {
            let told = Options::new(address, "data").unwrap_err().to_string();
            assert!(told.starts_with(why), "{address}: {told}");
        }
    }

    #[test]
    fn the_password_is_not_shown() {
        let options = Options::new("postgres://me@db1:1,[::1]:2/db", "data").unwrap();
        let options = options.and_cluster("postgres://me@db3/db").unwrap();
        let options = options.with_password("secret");
        assert_eq!(options.to_string(), "postgres://me@db1:1,[::1]:2/db postgres://me@db3:5432/db");
        assert!(!format!("{options:?}").contains("secret"));
        assert_eq!(options.clusters[0].get_password(), Some(&b"secret"[..]));
    }
}
