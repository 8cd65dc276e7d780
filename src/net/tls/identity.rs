//! A server's certificate and private key.

use std::sync::{Arc, PoisonError, RwLock};

use rcgen::CertifiedKey as SelfSigned;
use tokio_rustls::rustls::crypto::ring::Ticketer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{Error, ServerConfig};
use x509_parser::parse_x509_certificate;
use x509_parser::prelude::{X509Certificate, X509Version};

use super::{Fingerprint, fingerprint, provider};

/// A server's certificate and private key. Clones share them: see [`renew`](Self::renew).
#[derive(Debug, Clone)]
pub struct Identity {
    pub(in crate::net) config: Arc<ServerConfig>,
    current: Arc<Current>,
    /// The fingerprint of the server's own certificate when it started, the first of its chain.
    pub fingerprint: Fingerprint,
    /// Whether links to the server have the fingerprint. It would make them invalid when a
    /// certificate from an authority is renewed.
    pub in_links: bool,
}

/// When a certificate is valid, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub from: i64,
    /// The last second.
    pub until: i64,
}

/// What new connections get.
#[derive(Debug)]
struct Current(RwLock<(Arc<CertifiedKey>, Option<Validity>)>);

impl Current {
    fn get(&self) -> (Arc<CertifiedKey>, Option<Validity>) {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.get().0)
    }
}

/// Why a certificate and a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidIdentity {
    /// The text has no PEM certificate.
    #[error("there is no PEM certificate in it")]
    NoCertificate,
    /// The text has no PEM private key.
    #[error("there is no PEM private key in it")]
    NoKey,
    /// The certificate cannot be read, or is of a kind that is not supported.
    #[error("{0}")]
    Certificate(Error),
    /// The certificate has this version of X.509.
    #[error(
        "it is an X.509 certificate of version {0}, and version 3 is needed (openssl x509 -req \
         makes one with -extfile)"
    )]
    Version(u32),
    /// The key is that of another certificate.
    #[error("the key is not that of the certificate")]
    OtherKey,
    /// The kind of the key is not supported.
    #[error("{0}")]
    Unusable(Error),
}

impl From<Error> for InvalidIdentity {
    fn from(error: Error) -> Self {
        match error {
            Error::InconsistentKeys(_) => Self::OtherKey,
            Error::InvalidCertificate(_) => Self::Certificate(error),
            error => Self::Unusable(error),
        }
    }
}

impl Identity {
    /// Reads a certificate chain, the server's own first, and its private key, both in PEM. Links
    /// do not have its fingerprint.
    ///
    /// # Errors
    /// [`InvalidIdentity`] where one is missing or not supported, or they do not match.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, InvalidIdentity> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
        let chain = chain.map_err(|_| InvalidIdentity::NoCertificate)?;
        let own = chain.first().ok_or(InvalidIdentity::NoCertificate)?;
        let parsed = parse_x509_certificate(own).ok().map(|(_, parsed)| parsed);
        let version = parsed.as_ref().map_or(X509Version::V3, |it| it.version());
        if version != X509Version::V3 {
            // In the certificate, version 1 is 0.
            return Err(InvalidIdentity::Version(version.0.saturating_add(1)));
        }
        let (fingerprint, validity) = (fingerprint(own), parsed.as_ref().map(validity));
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| InvalidIdentity::NoKey)?;
        let certified = CertifiedKey::from_der(chain, key, &provider())?;
        let current = Arc::new(Current(RwLock::new((Arc::new(certified), validity))));
        let config = ServerConfig::builder_with_provider(provider());
        let config = config.with_protocol_versions(&[&TLS13])?.with_no_client_auth();
        let mut config = config.with_cert_resolver(current.clone());
        // Who comes again proves with a ticket that it was here, which takes no signature. The
        // server keeps nothing for it but the key of the tickets, which changes every six hours.
        config.ticketer = Ticketer::new()?;
        // Each connection brings the ticket for the next.
        config.send_tls13_tickets = 1;
        Ok(Self { config: Arc::new(config), current, fingerprint, in_links: false })
    }

    /// Presents the certificate of `newer` to new connections, in all clones of this.
    pub fn renew(&self, newer: &Self) {
        let newer = newer.current.get();
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = newer;
    }

    /// When the server's own certificate is valid, if it says so in a way that can be read. The
    /// rest of its chain may have certificates that expired long ago and that no client needs.
    pub fn validity(&self) -> Option<Validity> {
        self.current.get().1
    }
}

fn validity(certificate: &X509Certificate<'_>) -> Validity {
    let validity = certificate.validity();
    Validity { from: validity.not_before.timestamp(), until: validity.not_after.timestamp() }
}

/// A new self-signed certificate for these server names, and its private key, as one PEM text.
///
/// # Errors
/// Where the operating system's random generator fails, or a name is not valid in a certificate.
pub fn new_identity(names: Vec<String>) -> Result<String, rcgen::Error> {
    let SelfSigned { cert, signing_key } = rcgen::generate_simple_self_signed(names)?;
    Ok(cert.pem() + &signing_key.serialize_pem())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unusable_identity_is_an_error_that_says_why() {
        let pem = new_identity(vec!["localhost".into()]).unwrap();
        let identity = Identity::from_pem(pem.as_bytes(), pem.as_bytes()).unwrap();
        let again = Identity::from_pem(pem.as_bytes(), pem.as_bytes()).unwrap();
        assert_eq!(identity.fingerprint, again.fingerprint);
        assert!(identity.validity().is_some_and(|dates| dates.from < dates.until));
        let other = new_identity(vec!["localhost".into()]).unwrap();
        let error = |certificates: &str, key: &str| {
            Identity::from_pem(certificates.as_bytes(), key.as_bytes()).unwrap_err().to_string()
        };
        assert!(error("", &pem).contains("no PEM certificate"));
        assert!(error(&pem, "").contains("no PEM private key"));
        assert!(error(&pem, "-----BEGIN PRIVATE KEY-----\nAAAA").contains("no PEM private key"));
        assert_eq!(error(&pem, &other), "the key is not that of the certificate");
    }
}
