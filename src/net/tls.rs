//! TLS: the server's certificate, and how a client verifies it.
//!
//! A link with a certificate fingerprint pins that certificate: its issuer, names and dates are not
//! checked. Without a fingerprint, the client's machine must trust the certificate for the host in
//! the link.

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

/// SHA-256 of a DER-encoded certificate.
pub type Fingerprint = [u8; 32];

/// A server's certificate and private key.
#[derive(Debug, Clone)]
pub struct Identity {
    pub(super) config: Arc<ServerConfig>,
    /// The fingerprint of the server's own certificate, the first of its chain.
    pub fingerprint: Fingerprint,
    /// Whether links to the server have the fingerprint. It would make them invalid when a
    /// certificate from an authority is renewed.
    pub in_links: bool,
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
    /// Their kind is not supported, or they do not match.
    #[error("{0}")]
    Unusable(#[from] Error),
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
        let fingerprint = fingerprint(own);
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| InvalidIdentity::NoKey)?;
        let config = ServerConfig::builder_with_provider(provider());
        let config = config.with_protocol_versions(&[&TLS13])?.with_no_client_auth();
        let config = Arc::new(config.with_single_cert(chain, key)?);
        Ok(Self { config, fingerprint, in_links: false })
    }
}

/// A new self-signed certificate for these server names, and its private key, as one PEM text.
///
/// # Errors
/// Where the operating system's random generator fails, or a name is not valid in a certificate.
pub fn new_identity(names: Vec<String>) -> Result<String, rcgen::Error> {
    let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(names)?;
    Ok(cert.pem() + &signing_key.serialize_pem())
}

/// The configuration of a client: the pinned certificate, or those that this machine trusts.
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

/// Explains a failed handshake to a client.
pub(super) fn explain(error: io::Error, pinned: bool) -> io::Error {
    let cause = error.get_ref().and_then(|error| error.downcast_ref::<Error>());
    let why = match cause {
        Some(Error::InvalidCertificate(_)) if pinned => {
            "its certificate is not the one that the link names: it is another server, or the \
             connection is intercepted"
                .to_string()
        }
        Some(Error::InvalidCertificate(cause)) => format!(
            "its certificate is not trusted here ({cause}); \
             a link with ?cert= names the certificate itself"
        ),
        Some(Error::InvalidMessage(_)) => {
            "it does not speak TLS; perhaps its link begins with capvote://".to_string()
        }
        _ => return error,
    };
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn fingerprint(certificate: &CertificateDer<'_>) -> Fingerprint {
    Sha256::digest(certificate).into()
}

/// Accepts exactly one certificate.
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
        Err(Error::General("TLS 1.2 is not supported".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // Proves that the peer has the private key; the certificate itself is public.
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
    fn an_unusable_identity_is_an_error_that_says_why() {
        let pem = new_identity(vec!["localhost".into()]).unwrap();
        let identity = Identity::from_pem(pem.as_bytes(), pem.as_bytes()).unwrap();
        let again = Identity::from_pem(pem.as_bytes(), pem.as_bytes()).unwrap();
        assert_eq!(identity.fingerprint, again.fingerprint);
        let other = new_identity(vec!["localhost".into()]).unwrap();
        let error = |certificates: &str, key: &str| {
            Identity::from_pem(certificates.as_bytes(), key.as_bytes()).unwrap_err().to_string()
        };
        assert!(error("", &pem).contains("no PEM certificate"));
        assert!(error(&pem, "").contains("no PEM private key"));
        assert!(error(&pem, "-----BEGIN PRIVATE KEY-----\nAAAA").contains("no PEM private key"));
        assert!(!error(&pem, &other).is_empty());
    }
}
