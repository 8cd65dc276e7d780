//! The configuration of a server.

use std::path::PathBuf;
use std::sync::Arc;

use crate::election::Definition;
use crate::ledger::{Location, NUMBERS_MAX};
use crate::net::link::{HostPort, Link};
use crate::net::loopback::LoopbackAddress;
use crate::net::proxy::TrustedProxy;

/// The configuration of a [`Server`](super::Server).
#[derive(Debug, Clone)]
pub struct Config {
    /// The addresses to listen on.
    pub listen: Vec<Link>,
    /// Where voters and officers reach the server, if that is not where it listens: what the
    /// officer's link and [`Server::public_link`](super::Server::public_link) say.
    pub public: Option<Public>,
    /// The peers that have to say by the PROXY protocol where each connection comes from. From
    /// others it is not accepted.
    pub proxies: Vec<TrustedProxy>,
    /// The proxies that ask for pages, and of which the header field `X-Forwarded-For` is believed.
    pub forwarded_for: Vec<TrustedProxy>,
    /// The data directory, which is created if it is missing.
    pub data: PathBuf,
    /// The database with the ledger. Without one, it is in the data directory.
    #[cfg(feature = "postgres")]
    pub database: Option<Box<crate::ledger::postgres::Options>>,
    /// How many shards serve its connections.
    pub threads: usize,
    /// An election to create and open, unless the ledger has it from an earlier start. If the
    /// ledger has only others, starting fails with
    /// [`StartError::OtherElection`](super::StartError::OtherElection).
    pub election: Option<NewElection>,
    /// The operator's certificate for encrypted links. Without one the server makes its own.
    pub certificate: Option<CertificateFiles>,
    /// Whether to listen without encryption on addresses that other machines can reach.
    pub allow_unencrypted: bool,
    /// Whether the data directory may be on a network file system, where the ledger's promises do
    /// not hold.
    pub allow_network_disk: bool,
    /// How many voter numbers the rolls of all elections that are not closed may have together.
    /// Each takes 16 to 26 bytes of memory.
    pub voter_numbers_max: usize,
    /// The address to serve metrics on, if any.
    pub metrics: Option<LoopbackAddress>,
}

impl Config {
    /// One shard and no address to listen on, with the data directory `data`.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            listen: Vec::new(),
            public: None,
            proxies: Vec::new(),
            forwarded_for: Vec::new(),
            data: data.into(),
            #[cfg(feature = "postgres")]
            database: None,
            threads: 1,
            election: None,
            certificate: None,
            allow_unencrypted: false,
            allow_network_disk: false,
            voter_numbers_max: NUMBERS_MAX,
            metrics: None,
        }
    }

    /// Where the ledger is.
    pub fn location(&self) -> Location {
        #[cfg(feature = "postgres")]
        if let Some(database) = &self.database {
            return Location::Database(database.clone());
        }
        Location::Directory(self.data.clone())
    }
}

/// Where a server is reached, if that is not where it listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Public {
    /// At this host and port, over what the first encrypted listener has, or else the first.
    At(HostPort),
    /// By browsers at `https://HOST:PORT`, whether the server or a proxy encrypts that.
    Pages(HostPort),
}

impl Public {
    /// The host and the port.
    pub fn at(&self) -> &HostPort {
        match self {
            Self::At(at) | Self::Pages(at) => at,
        }
    }

    /// What it takes to be there.
    pub(super) fn listeners(&self) -> &'static str {
        match self {
            Self::At(_) => "capvotes:// or capvote://",
            Self::Pages(_) => "https:// or http://",
        }
    }
}

/// The PEM files of a certificate and its key.
#[derive(Debug, Clone)]
pub struct CertificateFiles {
    /// The certificate chain, the server's own certificate first.
    pub certificates: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// An election to create and open, with numbers for its voters.
///
/// The numbers are written to `ID.numbers.csv` in the data directory, which only its owner can
/// read: a heading, then one [`VoterNumber`](crate::election::VoterNumber) a line.
///
/// ```text
/// voter_number
/// 0613-4458-9170-2241-6633
/// 1307-2295-4406-8119-0052
/// ```
#[derive(Debug, Clone)]
pub struct NewElection {
    /// Its definition.
    pub definition: Arc<Definition>,
    /// How many voter numbers to issue.
    pub voters: u32,
}
