//! How a client verifies a server's certificate.

use std::io;
use std::sync::Arc;

use rustls_platform_verifier::BuilderVerifierExt;
use subtle::ConstantTimeEq;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{CryptoProvider, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
};

use super::{Fingerprint, fingerprint, provider};

/// The configuration of a client: the pinned certificate, or those that this machine trusts.
pub(in crate::net) fn client_config(
    certificate: Option<Fingerprint>,
) -> io::Result<Arc<ClientConfig>> {
    let config = ClientConfig::builder_with_provider(provider());
    let config = config.with_protocol_versions(&[&TLS13]).map_err(io::Error::other)?;
    let config = match certificate {
        Some(fingerprint) => {
            let pinned = Pinned { fingerprint, provider: provider() };
            config.dangerous().with_custom_certificate_verifier(Arc::new(pinned))
        }
        None => config.with_platform_verifier().map_err(io::Error::other)?,
    };
    let mut config = config.with_no_client_auth();
    // A ticket would tell the server that two connections are of one voter.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// Explains a failed handshake to a client.
pub(in crate::net) fn explain(error: io::Error, pinned: bool) -> io::Error {
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
