//! A complete server: ledger, shards and listeners, its certificate, link and metrics.

mod clock_watch;
mod config;
mod error;
mod expiry;
mod forget;
mod identity;
mod initial_election;
mod metrics;
mod officer_link;
mod prepared;
mod reload;
mod secrets;
mod setup;
mod timekeeper;

use std::sync::Arc;

use capnp::capability::Client;
use tokio::task::{JoinSet, spawn_local};

pub use self::clock_watch::{CLOCK_STEP_MAX, CLOCK_STEP_WAIT_MAX};
pub use self::config::{CertificateFiles, Config, NewElection, Public};
pub use self::error::{RunError, StartError};
use self::forget::Closes;
pub use self::metrics::{FETCH_WAIT_MAX, FETCHES_MAX};
pub use self::officer_link::new_officer_link;
pub use self::reload::Reload;
pub use self::timekeeper::keep_schedules;
use crate::ledger::{Ledger, Location, Metrics, OpenError};
use crate::net::admission::{Admission, CONNECTIONS_MAX, OTHER_FILES, Origin};
use crate::net::connection::CallTracker;
use crate::net::link::{Address, Link};
use crate::net::listener::Listener;
pub use crate::net::loopback::LoopbackAddress;
use crate::net::proxy::TrustedProxies;
use crate::net::shards::Shards;
use crate::net::tls::Identity;
use crate::service::{Bootstrap, Guesses};
pub use crate::threads::batch::schedule_as_batch;

/// A server that listens, and does not accept connections yet.
///
/// Dropping it frees its addresses and its data directory, and leaves the election that it created.
/// This blocks while the ledger is closed.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<Listener>,
    public: Option<Link>,
    shards: Shards,
    ledger: OwnedLedger,
    closes: Closes,
    metrics: Metrics,
    endpoint: Option<metrics::Endpoint>,
    identity: Option<Identity>,
    proxies: TrustedProxies,
    forwarded_for: TrustedProxies,
    config: Config,
}

/// Shuts the ledger down when it is dropped, even if there are clones of the inner handle.
#[derive(Debug)]
struct OwnedLedger(Arc<dyn Ledger>);

impl Drop for OwnedLedger {
    fn drop(&mut self) {
        self.0.shut_down();
    }
}

impl Server {
    /// Opens the ledger, listens, and creates the configured election if there is none.
    ///
    /// # Errors
    /// [`StartError`]. The addresses and the data directory are then free. No election was created,
    /// except perhaps with [`StartError::Setup`]. The next start overwrites a file of voter numbers
    /// that is left.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let location = config.location();
        secrets::check_is_directory(&config.data)?;
        location.log();
        let admission = Admission::with_files(raise_file_limit());
        secrets::check(&config)?;
        let metrics = Metrics::new();
        check_storage(&location, &config)?;
        let ledger = OwnedLedger(location.open_with(&metrics, config.voter_numbers_max)?);
        let identity = identity::ensure(&config)?;
        identity.iter().for_each(expiry::log);
        let [proxies, forwarded_for] = [&config.proxies, &config.forwarded_for].map(|trusted| {
            let proxies = TrustedProxies::default();
            proxies.set(trusted.clone());
            proxies
        });
        let listeners = listen(&config, identity.as_ref(), &proxies, &forwarded_for).await?;
        let public = public_link(&listeners, &config)?;
        let endpoint = match config.metrics {
            Some(address) => {
                let endpoint = metrics::Endpoint::bind(address).await;
                Some(endpoint.map_err(|why| StartError::Metrics { address, why })?)
            }
            None => None,
        };
        let guesses = Guesses::default();
        let (shared, closes) = (ledger.0.clone(), Closes::new());
        let clear_stack = closes.clone();
        let bootstrap = Arc::new(move || -> Box<dyn Fn(CallTracker, Origin) -> Client> {
            spawn_local(clear_stack.clear_stack());
            let bootstrap = Bootstrap::new(shared.clone(), guesses.clone());
            Box::new(move |calls, origin| bootstrap.capability(calls, origin))
        });
        let shards = Shards::start(config.threads, bootstrap, admission);
        let shards = shards.map_err(StartError::Resources)?;
        // Last, so that a start that fails has stored nothing.
        let reached_at = public.as_ref().or(listeners.first().map(Listener::link));
        setup::ensure(&*ledger.0, &config, reached_at).await?;
        // Nobody can connect to "every address of this machine".
        if let Some(link) = reached_at.filter(|link| !link.address.is_unspecified()) {
            ledger.0.announce(&link.to_string());
        }
        Ok(Self {
            listeners,
            public,
            shards,
            ledger,
            closes,
            metrics,
            endpoint,
            identity,
            proxies,
            forwarded_for,
            config,
        })
    }

    /// The links to this server, one for each listener, with the actual ports.
    pub fn links(&self) -> impl Iterator<Item = &Link> {
        self.listeners.iter().map(Listener::link)
    }

    /// The link with the public address, if the server has one.
    pub fn public_link(&self) -> Option<&Link> {
        self.public.as_ref()
    }

    /// Changes the server while it runs.
    pub fn reload(&self) -> Reload {
        let (identity, proxies) = (self.identity.clone(), self.proxies.clone());
        let forwarded_for = self.forwarded_for.clone();
        Reload { config: self.config.clone(), identity, proxies, forwarded_for }
    }

    /// The page of the configured election, if there is one, and a browser can open it.
    pub fn election_page(&self) -> Option<Link> {
        let election = self.config.election.as_ref()?.definition.id.clone();
        let has_page = |link: &&Link| link.address.has_pages() && link.address.at().is_some();
        let link = self.public.iter().chain(self.links()).find(has_page)?;
        Some(Link { election: Some(election), ..link.clone() })
    }

    /// The URL of the metrics, if they are served.
    pub fn metrics_url(&self) -> Option<String> {
        self.endpoint.as_ref().and_then(|endpoint| endpoint.url().ok())
    }

    /// Serves until `stop` is ready, or a part of the server fails. Then it accepts no more
    /// connections, answers the calls in progress within
    /// [`DRAIN_WAIT_MAX`](crate::net::connection::DRAIN_WAIT_MAX), and closes the ledger.
    ///
    /// Dropping the future before `stop` is ready closes the ledger at once, which blocks: votes
    /// and acts in its queue are stored, and later ones are refused. The data directory is then
    /// free; connections and listeners end in the background. Dropping it after that only stops
    /// waiting.
    ///
    /// # Errors
    /// [`RunError`] if a thread failed, or if the ledger cannot tell what its last write has
    /// stored. The others are stopped as above: what is known is answered, and what was not tried
    /// is refused.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), RunError> {
        let Self { listeners, shards, ledger, closes, metrics, endpoint, identity, .. } = self;
        shards.accept(&listeners).await;
        let mut until_stop = JoinSet::new();
        until_stop.spawn(closes.clear_stack());
        until_stop.spawn(closes.follow(ledger.0.clone()));
        until_stop.spawn(keep_schedules(ledger.0.clone(), timekeeper::steady_time));
        if let Some(endpoint) = endpoint {
            until_stop.spawn(endpoint.serve(metrics, identity.clone()));
        }
        if let Some(identity) = identity {
            until_stop.spawn(expiry::keep_logging(identity));
        }
        tokio::select! {
            () = stop => {}
            () = ledger.0.stopped() => tracing::error!("the ledger has stopped"),
            () = shards.ended() => tracing::error!("a shard has stopped"),
        }
        until_stop.shutdown().await;
        drop(listeners);
        let finished = tokio::task::spawn_blocking(move || {
            let shards = if shards.finish() { Ok(()) } else { Err(RunError::Shard) };
            let ledger = if ledger.0.shut_down() { Ok(()) } else { Err(RunError::Ledger) };
            ledger.and(shards)
        });
        // If this thread panicked, votes may be unanswered.
        finished.await.unwrap_or(Err(RunError::Ledger))
    }
}

/// Listens at the configured addresses.
async fn listen(
    config: &Config,
    identity: Option<&Identity>,
    proxies: &TrustedProxies,
    forwarded_for: &TrustedProxies,
) -> Result<Vec<Listener>, StartError> {
    let host = config.public.as_ref().map(|public| &*public.at().host);
    let mut listeners = Vec::new();
    for link in &config.listen {
        let listener = Listener::bind(&link.address, identity).await;
        let failed = |why| StartError::Listen { link: Box::new(link.clone()), why };
        let listener = listener.map_err(failed)?.trusting(proxies.clone());
        if !config.allow_unencrypted && listener.is_exposed() {
            return Err(StartError::Unencrypted(Box::new(listener.link().clone())));
        }
        listeners.push(listener.with_pages(host, forwarded_for.clone()));
    }
    Ok(listeners)
}

/// The link with the public address: that of the first encrypted listener, or else of the first
/// TCP listener, with another host and port.
fn public_link(listeners: &[Listener], config: &Config) -> Result<Option<Link>, StartError> {
    let links = || listeners.iter().map(Listener::link);
    let Some(public) = &config.public else {
        for link in links().filter(|link| link.address.is_unspecified()) {
            tracing::warn!(
                ?link,
                "links to it work on this machine only; --public says what they name"
            );
        }
        return Ok(None);
    };
    let nothing = || StartError::NothingPublic(public.clone());
    let at = public.at().clone();
    if let Public::Pages(_) = public {
        links().find(|link| link.address.has_pages()).ok_or_else(nothing)?;
        let encrypted = links().find(|link| matches!(link.address, Address::Https(_)));
        let certificate = encrypted.and_then(|link| link.certificate);
        return Ok(Some(Link { certificate, ..Link::to(Address::Https(at)) }));
    }
    let link = links().find(|link| link.address.is_encrypted());
    let link = link.or(links().find(|link| link.address.at().is_some())).ok_or_else(nothing)?;
    let address = link.address.moved(at).ok_or_else(nothing)?;
    Ok(Some(Link { address, ..link.clone() }))
}

/// Refuses a network file system, unless the configuration allows it.
fn check_storage(location: &Location, config: &Config) -> Result<(), StartError> {
    let data = || config.data.clone();
    let kind = location.network_file_system();
    let kind = kind.map_err(|why| OpenError::Inaccessible { path: data(), why })?;
    let Some(file_system) = kind else { return Ok(()) };
    if !config.allow_network_disk {
        return Err(StartError::NetworkFileSystem { data: data(), kind: file_system });
    }
    tracing::warn!(file_system, "a network file system can lose votes");
    Ok(())
}

/// Raises the limit of open files to what the admitted connections need, as far as the system
/// allows. Returns the limit.
fn raise_file_limit() -> u64 {
    let wanted = 2 * CONNECTIONS_MAX as u64 + OTHER_FILES;
    match rlimit::increase_nofile_limit(wanted) {
        Ok(allowed) => {
            if allowed < wanted {
                tracing::info!(allowed, "the limit of open files bounds the connections");
            }
            allowed
        }
        Err(error) => {
            tracing::warn!(%error, "cannot raise the limit of open files");
            rlimit::Resource::NOFILE.get_soft().unwrap_or(wanted)
        }
    }
}
