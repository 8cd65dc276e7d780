//! A whole server: the ledger, the shards and the listeners, put together.

mod founding;
mod identity;
mod metrics;
mod officer_link;
mod timekeeper;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use capnp::capability::Client;
pub use metrics::{FETCH_WAIT_MAX, FETCHES_MAX, LoopbackAddress};
pub use officer_link::new_officer_link;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::election::{Definition, ElectionId};
use crate::ledger::{Ledger, LedgerError, Location, Metrics, OpenError};
use crate::net::admission::{CONNECTIONS_MAX, Origin};
use crate::net::connection::CallTracker;
use crate::net::link::Link;
use crate::net::listener::Listener;
use crate::net::shards::Shards;
use crate::service::{Bootstrap, Guesses};

/// How a server is to be.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens.
    pub listen: Vec<Link>,
    /// The folder of its ledger, which is made where it is missing.
    pub data: PathBuf,
    /// How many shards its connections live on.
    pub threads: usize,
    /// An election to run, if the ledger has none. Where it has this one, from an earlier start, that goes on; where it
    /// has another, [`StartError::OtherElection`] says so.
    pub election: Option<NewElection>,
    /// The operator's certificate, in PEM, for encrypted links. Without one the server makes its own.
    pub certificate: Option<CertificateFiles>,
    /// Whether to listen in the clear where others than this machine can reach it.
    pub allow_unencrypted: bool,
    /// Where to tell Prometheus its figures, if anywhere.
    pub metrics: Option<LoopbackAddress>,
}

impl Config {
    /// A server of one shard that listens nowhere yet, with its ledger in the folder `data`.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            listen: Vec::new(),
            data: data.into(),
            threads: 1,
            election: None,
            certificate: None,
            allow_unencrypted: false,
            metrics: None,
        }
    }
}

/// Where a certificate and its key are.
#[derive(Debug, Clone)]
pub struct CertificateFiles {
    /// The chain of certificates, the server's own first.
    pub certificates: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// An election to create and open, with numbers for its voters.
///
/// The numbers are written to `NAME.numbers.csv` in the folder of the ledger, NAME being the election's id. Only its owner
/// may read that file: the heading `voter_number`, then one [`VoterNumber`](crate::election::VoterNumber) a line.
///
/// ```text
/// voter_number
/// 0613-4458-9170-2241-6633
/// 1307-2295-4406-8119-0052
/// ```
#[derive(Debug, Clone)]
pub struct NewElection {
    /// What is being elected.
    pub definition: Arc<Definition>,
    /// How many voter numbers to issue.
    pub voters: u32,
}

/// A server that listens and has not begun to accept.
///
/// Dropping it ends it as if it had not been started, but for the election that it created: its addresses and its folder
/// are free afterwards. Closing the ledger blocks for a moment.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<Listener>,
    shards: Shards,
    ledger: OwnedLedger,
    metrics: Metrics,
    endpoint: Option<metrics::Endpoint>,
}

/// Shuts the ledger down when it is dropped, also while others have clones of it.
#[derive(Debug)]
struct OwnedLedger(Arc<dyn Ledger>);

impl Drop for OwnedLedger {
    fn drop(&mut self) {
        self.0.shut_down();
    }
}

/// Why a server does not start. The text names the cause, which is therefore no
/// [`source`](std::error::Error::source).
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The ledger cannot be opened.
    #[error(transparent)]
    Ledger(#[from] OpenError),
    /// The ledger did not take the election, or the returning officer's grant. Where that leaves open what is on the disk
    /// ([`LedgerError::Unknown`]), the next start goes on from what it finds there.
    #[error(transparent)]
    Founding(#[from] LedgerError),
    /// An address cannot be listened at.
    #[error("cannot listen on {link:?}: {why}; nothing was started")]
    Listen {
        /// The address.
        link: Box<Link>,
        /// Why not.
        why: io::Error,
    },
    /// The figures cannot be told at the address for them.
    #[error("cannot tell figures at {address}: {why}; nothing was started")]
    Metrics {
        /// The address.
        address: LoopbackAddress,
        /// Why not.
        why: io::Error,
    },
    /// An address is neither encrypted nor for this machine alone.
    #[error(
        "{0:?} would carry votes and links in the clear to where others can read them; listen with capvotes://, or \
         on a loopback address"
    )]
    Unencrypted(Box<Link>),
    /// A certificate or its key cannot be read, made or used.
    #[error("cannot use the certificate or the key in {}: {why}", .path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is an election already, and another was asked for.
    #[error(
        "{} holds election {found} already, and that is not an election {asked} with the candidates and the \
         number of voters that were asked for",
        .data.display()
    )]
    OtherElection {
        /// The data directory.
        data: PathBuf,
        /// The first election in it.
        found: ElectionId,
        /// The election that was asked for.
        asked: ElectionId,
    },
    /// The file for the voter numbers cannot be written.
    #[error("cannot write the voter numbers to {}: {why}", .path.display())]
    Numbers {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: io::Error,
    },
    /// The returning officer's link cannot be read or written.
    #[error("cannot read or write the returning officer's link {}: {why}", .path.display())]
    OfficerLink {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: io::Error,
    },
    /// The returning officer's link that is there works.
    #[error("{} opens the returning officer's authority already", .0.display())]
    OfficerLinkKept(PathBuf),
    /// The machine has no random numbers or no threads left.
    #[error("cannot start: {0}")]
    Resources(io::Error),
}

/// What broke while a server ran; why, the log tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The ledger: votes that were handed in were not answered. Acknowledged votes are stored.
    #[error("the thread that writes the ledger broke")]
    Ledger,
    /// A shard: its connections ended.
    #[error("a thread that serves connections broke")]
    Shard,
}

impl Server {
    /// Opens the ledger, listens, and creates the election that is asked for, if there is none.
    ///
    /// # Errors
    /// [`StartError`], with nothing listened at and the folder free for another start. No election is created, unless
    /// [`StartError::Founding`] leaves that open; a file of voter numbers that stays is written anew by the next start.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        make_room();
        let metrics = Metrics::new();
        let location = Location::Directory(config.data.clone());
        let ledger = OwnedLedger(location.open_with(&metrics)?);
        let identity = identity::ensure(&config)?;
        let mut listeners = Vec::new();
        for link in &config.listen {
            let listener = Listener::bind(&link.address, identity.as_ref()).await;
            let failed = |why| StartError::Listen { link: Box::new(link.clone()), why };
            let listener = listener.map_err(failed)?;
            if !config.allow_unencrypted && listener.is_exposed() {
                return Err(StartError::Unencrypted(Box::new(listener.link().clone())));
            }
            listeners.push(listener);
        }
        let endpoint = match config.metrics {
            Some(address) => {
                let endpoint = metrics::Endpoint::bind(address).await;
                Some(endpoint.map_err(|why| StartError::Metrics { address, why })?)
            }
            None => None,
        };
        let guesses = Guesses::default();
        let shared = ledger.0.clone();
        let bootstrap = Arc::new(move || -> Box<dyn Fn(CallTracker, Origin) -> Client> {
            let bootstrap = Bootstrap::new(shared.clone(), guesses.clone());
            Box::new(move |calls, origin| bootstrap.capability(calls, origin))
        });
        let shards = Shards::start(config.threads, bootstrap).map_err(StartError::Resources)?;
        // The election comes last, since nothing can fail after it.
        if let Some(listener) = listeners.first() {
            officer_link::ensure(&*ledger.0, &config.data, listener.link()).await?;
        }
        if let Some(election) = &config.election {
            founding::found(&*ledger.0, &config.data, election).await?;
        }
        Ok(Self { listeners, shards, ledger, metrics, endpoint })
    }

    /// How to reach this server: one link for each listener, with the port it really has.
    pub fn links(&self) -> impl Iterator<Item = &Link> {
        self.listeners.iter().map(Listener::link)
    }

    /// Where Prometheus finds the figures, if anywhere.
    pub fn metrics_url(&self) -> Option<String> {
        self.endpoint.as_ref().and_then(|endpoint| endpoint.url().ok())
    }

    /// Serves until `stop` is ready, or until a part of the server breaks. Then it accepts no more, answers
    /// what was accepted, within [`DRAIN_WAIT_MAX`](crate::net::connection::DRAIN_WAIT_MAX), and closes the ledger.
    ///
    /// Dropping the future ends the server in a hurry: what was handed to the ledger is stored, what comes later on a
    /// connection is refused, and the folder is free afterwards, which blocks for a moment. Connections and listeners end
    /// in the background. Once `stop` is ready, all goes on as it would, but for nobody who waits for it.
    ///
    /// # Errors
    /// [`Broken`], where a part of the server did not work to the end. The rest of it is finished all the same.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), Broken> {
        let Self { listeners, mut shards, ledger, metrics, endpoint } = self;
        // A connection that is accepted waits here, alone, until its shard takes it.
        let (sender, mut sockets) = mpsc::channel(1);
        // What goes on until the server is to stop.
        let mut until_stop = JoinSet::new();
        for listener in listeners {
            let sender = sender.clone();
            until_stop
                .spawn(async move { while sender.send(listener.accept().await).await.is_ok() {} });
        }
        until_stop.spawn(timekeeper::keep(ledger.0.clone()));
        if let Some(endpoint) = endpoint {
            until_stop.spawn(endpoint.serve(metrics));
        }
        let assigning = async {
            while let Some(socket) = sockets.recv().await {
                if !shards.assign(socket).await {
                    return;
                }
            }
        };
        tokio::select! {
            () = stop => {}
            () = ledger.0.stopped() => tracing::error!("the ledger has stopped"),
            () = assigning => tracing::error!("a shard has stopped"),
        }
        until_stop.shutdown().await;
        let finished = tokio::task::spawn_blocking(move || {
            let shards = if shards.finish() { Ok(()) } else { Err(Broken::Shard) };
            let ledger = if ledger.0.shut_down() { Ok(()) } else { Err(Broken::Ledger) };
            ledger.and(shards)
        });
        // Where nobody can tell, the worse is to be feared.
        finished.await.unwrap_or(Err(Broken::Ledger))
    }
}

/// Makes room for as many connections as are admitted, as far as the machine allows.
fn make_room() {
    // Whatever else has a file: the ledger, the listeners, the log.
    const OTHERS: u64 = 256;
    let wanted = 2 * CONNECTIONS_MAX as u64 + OTHERS;
    match rlimit::increase_nofile_limit(wanted) {
        Ok(allowed) if allowed >= wanted => {}
        Ok(allowed) => {
            tracing::info!(allowed, "connections are bounded by the files that may be open")
        }
        Err(error) => tracing::warn!(%error, "cannot tell how many files may be open"),
    }
}
