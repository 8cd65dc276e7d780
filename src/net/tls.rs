//! Encrypted links: whom a server shows that it is, and how a client sees it.
//!
//! A link that names a certificate by its fingerprint is enough to find the server and to know it: no authority has
//! to vouch for it, and neither its name nor its age matters. Without a fingerprint the certificate has to be one
//! that the client's machine trusts, for the host in the link.

use std::io;
use std::sync::Arc;

use rcgen::CertifiedKey;
use rustls_platform_verifier::BuilderVerifierExt;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, ServerConfig, SignatureScheme,
};

/// SHA-256 of a certificate in DER.
pub type Fingerprint = [u8; 32];

/// A server's certificate and its key.
#[derive(Debug, Clone)]
pub struct Identity {
    pub(super) config: Arc<ServerConfig>,
    /// The fingerprint of the server's own certificate, which comes first in its chain.
    pub fingerprint: Fingerprint,
    /// Whether links to the server name it. One that an authority vouches for is renewed now and then, and links
    /// are to go on working.
    pub in_links: bool,
}

/// Why a certificate and a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidIdentity {
    /// There is no certificate where one has to be.
    #[error("there is no certificate in PEM in it")]
    NoCertificate,
    /// There is no key where one has to be.
    #[error("there is no private key in PEM in it")]
    NoKey,
    /// They are not of a kind that can be used, or do not belong together.
    #[error("{0}")]
    Unusable(#[from] Error),
}

impl Identity {
    /// Reads a chain of certificates, the server's own first, and its private key, both in PEM. Links do not name
    /// it.
    ///
    /// # Errors
    /// [`InvalidIdentity`] where there is none, or they do not belong together.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, InvalidIdentity> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
        let chain = chain.map_err(|_| InvalidIdentity::NoCertificate)?;
        let own = chain.first().ok_or(InvalidIdentity::NoCertificate)?;
        let fingerprint = fingerprint(own);
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| InvalidIdentity::NoKey)?;
        let config = ServerConfig::builder_with_provider(provider());
        let config = config.with_protocol_versions(&[&TLS13])?.with_no_client_auth();
        let config = Arc::new(config.with_single_cert(chain, key)?);
        Ok(Self { config, fingerprint, in_links: false })
    }
}

/// A new certificate for a server with these names, signed by itself, and its key, both in one text in PEM.
///
/// # Errors
/// Where the operating system gives no random numbers, or a name cannot be in a certificate.
pub fn new_identity(names: Vec<String>) -> Result<String, rcgen::Error> {
    let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(names)?;
    Ok(cert.pem() + &signing_key.serialize_pem())
}

/// How a client sees whether a server is the one that it looks for.
pub(super) fn client(certificate: Option<Fingerprint>) -> io::Result<Arc<ClientConfig>> {
    let config = ClientConfig::builder_with_provider(provider());
    let config = config.with_protocol_versions(&[&TLS13]).map_err(io::Error::other)?;
    let config = match certificate {
        Some(fingerprint) => {
            let pinned = Pinned { fingerprint, provider: provider() };
            config.dangerous().with_custom_certificate_verifier(Arc::new(pinned))
        }
        None => config.with_platform_verifier().map_err(io::Error::other)?,
    };
    Ok(Arc::new(config.with_no_client_auth()))
}

/// The words for a handshake that failed, from the client's side.
pub(super) fn explain(error: io::Error, pinned: bool) -> io::Error {
    let cause = error.get_ref().and_then(|error| error.downcast_ref::<Error>());
    let words = match cause {
        Some(Error::InvalidCertificate(_)) if pinned => {
            "its certificate is not the one that the link names: it is another server, or somebody is in \
             between"
                .to_string()
        }
        Some(Error::InvalidCertificate(why)) => format!(
            "its certificate is not trusted here ({why}); a link with ?cert= names the certificate itself"
        ),
        Some(Error::InvalidMessage(_)) => {
            "it does not speak TLS; perhaps its link begins with capvote://".to_string()
        }
        _ => return error,
    };
    io::Error::new(io::ErrorKind::InvalidData, words)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn fingerprint(certificate: &CertificateDer<'_>) -> Fingerprint {
    Sha256::digest(certificate).into()
}

/// Trusts one certificate, and no other.
#[derive(Debug)]
struct Pinned {
    fingerprint: Fingerprint,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if bool::from(fingerprint(certificate).ct_eq(&self.fingerprint)) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2 is not spoken".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // Whoever has only seen the certificate does not have its key.
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_identity_is_said() {
        let pem = new_identity(vec!["localhost".into()]).unwrap();
        let identity = Identity::from_pem(pem.as_bytes(), pem.as_bytes()).unwrap();
        let again = Identity::from_pem(pem.as_bytes(), pem.as_bytes()).unwrap();
        assert_eq!(identity.fingerprint, again.fingerprint);
        let other = new_identity(vec!["localhost".into()]).unwrap();
        let error = |certificates: &str, key: &str| {
            Identity::from_pem(certificates.as_bytes(), key.as_bytes()).unwrap_err().to_string()
        };
        assert!(error("", &pem).contains("no certificate"));
        assert!(error(&pem, "").contains("no private key"));
        assert!(error(&pem, "-----BEGIN PRIVATE KEY-----\nAAAA").contains("no private key"));
        assert!(!error(&pem, &other).is_empty());
    }
}
