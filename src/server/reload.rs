//! What a running server reads again.

use super::{Config, StartError, expiry, identity, secrets};
use crate::net::proxy::TrustedProxies;
use crate::net::tls::Identity;

/// Changes a running server. From [`Server::reload`](super::Server::reload).
#[derive(Debug)]
pub struct Reload {
    pub(super) config: Config,
    pub(super) identity: Option<Identity>,
    pub(super) proxies: TrustedProxies,
    pub(super) forwarded_for: TrustedProxies,
}

impl Reload {
    /// Reads the files of the operator's certificate and key again, for new connections, and trusts
    /// the proxies of `config` for them. Connections that are open go on. Returns the names of the
    /// settings that have changed and need a restart.
    ///
    /// # Errors
    /// [`StartError`] if a file cannot be used. Then nothing has changed.
    pub fn apply(&mut self, config: &Config) -> Result<Vec<&'static str>, StartError> {
        if let (Some(identity), Some(_), Some(files)) =
            (&self.identity, &self.config.certificate, &config.certificate)
        {
            secrets::check_key(files)?;
            identity.renew(&identity::read(files)?);
            expiry::log(identity);
        }
        self.proxies.set(config.proxies.clone());
        self.forwarded_for.set(config.forwarded_for.clone());
        Ok(self.fixed(config))
    }

    /// The settings of a start that `config` has otherwise.
    fn fixed(&self, config: &Config) -> Vec<&'static str> {
        let old = &self.config;
        #[cfg(feature = "postgres")]
        let database = old.database != config.database;
        #[cfg(not(feature = "postgres"))]
        let database = false;
        let changes = [
            ("ledger", database),
            ("listen", old.listen != config.listen),
            ("public", old.public != config.public),
            ("data", old.data != config.data),
            ("certificate", old.certificate.is_some() != config.certificate.is_some()),
            ("allow-unencrypted", old.allow_unencrypted != config.allow_unencrypted),
            ("allow-network-disk", old.allow_network_disk != config.allow_network_disk),
            ("numbers-max", old.voter_numbers_max != config.voter_numbers_max),
            ("threads", old.threads != config.threads),
            ("metrics", old.metrics != config.metrics),
            ("election", old.election.is_some() != config.election.is_some()),
        ];
        changes.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect()
    }
}
