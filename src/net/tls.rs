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

#[cfg(test)]
#[cfg(all(feature = "client", feature = "server"))]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio_rustls::rustls::client::Resumption;
    use tokio_rustls::rustls::pki_types::ServerName;
    use tokio_rustls::rustls::{ClientConfig, HandshakeKind};
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    use super::*;

    /// Connects, and returns what the handshake was.
    async fn connect(identity: &Identity, config: &Arc<ClientConfig>) -> HandshakeKind {
        let (near, far) = duplex(64 * 1024);
        let accepted = TlsAcceptor::from(identity.config.clone()).accept(far);
        let name = ServerName::try_from("localhost").unwrap();
        let connected = TlsConnector::from(config.clone()).connect(name, near);
        let (mut server, mut client) = tokio::try_join!(accepted, connected).unwrap();
        // The tickets come before it.
        server.write_all(b"x").await.unwrap();
        assert_eq!(client.read_u8().await.unwrap(), b'x');
        client.get_ref().1.handshake_kind().unwrap()
    }

    #[tokio::test]
    async fn a_server_gives_tickets_and_a_client_takes_none() {
        let pem = new_identity(vec!["localhost".into()]).unwrap();
        let identity = Identity::from_pem(pem.as_bytes(), pem.as_bytes()).unwrap();
        let ours = verifier::client_config(Some(identity.fingerprint)).unwrap();
        let mut browsers = ClientConfig::clone(&ours);
        browsers.resumption = Resumption::in_memory_sessions(8);
        let browsers = Arc::new(browsers);
        let kinds = [
            connect(&identity, &ours).await,
            connect(&identity, &ours).await,
            connect(&identity, &browsers).await,
            connect(&identity, &browsers).await,
        ];
        let full = HandshakeKind::Full;
        assert_eq!(kinds, [full, full, full, HandshakeKind::Resumed]);
    }
}
