//! TLS: the server's certificate, and how a client verifies it.
//!
//! A link with a certificate fingerprint pins that certificate: its issuer, names and dates are not
//! checked. Without a fingerprint, the client's machine must trust the certificate for the host in
//! the link.

#[cfg(feature = "server")]
mod identity;
#[cfg(feature = "client")]
pub(super) mod verifier;
mod wiped;

use std::sync::{Arc, LazyLock};

#[cfg(feature = "server")]
pub use identity::{Identity, InvalidIdentity, Validity, new_identity};
use sha2::{Digest, Sha256};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::CertificateDer;

pub(super) use self::wiped::Wiped;

/// SHA-256 of a DER-encoded certificate.
pub type Fingerprint = [u8; 32];

fn fingerprint(certificate: &CertificateDer<'_>) -> Fingerprint {
    Sha256::digest(certificate).into()
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> =
        LazyLock::new(|| Arc::new(ring::default_provider()));
    PROVIDER.clone()
}
