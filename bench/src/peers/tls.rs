//! TLS 1.3 of the peers, with the cryptography of capvote. A server makes a certificate of its own
//! and leaves it in the folder that the environment variable `SCRATCH` names; a client accepts that
//! one alone, as capvote's does with a link that names a certificate.

use std::cell::Cell;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::{env, fs};

use anyhow::{Context, ensure};
use capvote::net::tls::new_identity;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, HandshakeKind, ServerConfig,
    SignatureScheme,
};

use super::{Over, crowd, unsupported};

/// The name in the certificate.
const NAME: &str = "localhost";

fn path() -> anyhow::Result<PathBuf> {
    let folder = env::var_os("SCRATCH").context("SCRATCH names no folder")?;
    Ok(PathBuf::from(folder).join("identity.pem"))
}

/// Makes a certificate and its key, as one PEM text, and leaves it to the clients.
pub(super) fn identity() -> anyhow::Result<String> {
    let pem = new_identity(vec![NAME.into()])?;
    fs::write(path()?, &pem)?;
    Ok(pem)
}

/// The configuration of a server. As capvote's, it sends a ticket by which the session is resumed,
/// and keeps nothing of it.
pub(super) fn server() -> anyhow::Result<Arc<ServerConfig>> {
    let pem = identity()?;
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes())?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_protocol_versions(&[&TLS13])?.with_no_client_auth();
    let mut config = config.with_single_cert(vec![certificate], key)?;
    config.ticketer = ring::Ticketer::new()?;
    config.send_tls13_tickets = 1;
    Ok(Arc::new(config))
}

/// A client, which counts its handshakes.
pub(super) struct Connector {
    config: Arc<ClientConfig>,
    /// Whether it keeps tickets.
    resumes: bool,
    /// Voters at a time. One after another has each place, and the ticket of the one before.
    places: u64,
    full: Cell<u64>,
    resumed: Cell<u64>,
}

impl Connector {
    /// The one for voters who come over this, if they need one.
    pub(super) fn over(over: Over, places: u64) -> anyhow::Result<Option<Rc<Self>>> {
        let resumes = match over {
            Over::Tcp => return Ok(None),
            Over::Tls => false,
            Over::Resumed => true,
            Over::Web => return unsupported("this peer", "WebSocket"),
        };
        Ok(Some(Rc::new(Self::new(resumes, places)?)))
    }

    pub(super) fn new(resumes: bool, places: u64) -> anyhow::Result<Self> {
        let certificate = CertificateDer::from_pem_file(path()?)?;
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider.clone());
        let config = config.with_protocol_versions(&[&TLS13])?.dangerous();
        let only = Only { certificate, provider };
        let config = config.with_custom_certificate_verifier(Arc::new(only));
        let mut config = config.with_no_client_auth();
        config.resumption = match resumes {
            // Up to eight tickets for each name.
            true => Resumption::in_memory_sessions(8 * (places as usize + 1)),
            false => Resumption::disabled(),
        };
        let (full, resumed) = (Cell::new(0), Cell::new(0));
        Ok(Self { config: Arc::new(config), resumes, places, full, resumed })
    }

    /// Connects as the voter with this number.
    pub(super) async fn connect(
        &self,
        address: SocketAddr,
        number: u64,
    ) -> anyhow::Result<TlsStream<TcpStream>> {
        let stream = crowd::connect(address).await?;
        let connector = TlsConnector::from(self.config.clone());
        // rustls keeps tickets by the server's name, which nothing else depends on here.
        let name = format!("{}.{NAME}", number % self.places);
        let stream = connector.connect(ServerName::try_from(name)?, stream).await?;
        let is_resumed = stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
        let counter = if is_resumed { &self.resumed } else { &self.full };
        counter.update(|count| count + 1);
        Ok(stream)
    }

    /// Checks that sessions were resumed, or none was, as asked for. The first voters, as many as
    /// come at a time, have nothing to resume.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let (full, resumed) = (self.full.get(), self.resumed.get());
        let as_asked = if self.resumes { full <= self.places } else { resumed == 0 };
        ensure!(as_asked, "{full} handshakes were full, and {resumed} resumed a session");
        Ok(())
    }
}

/// Accepts one certificate.
#[derive(Debug)]
struct Only {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Only {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *certificate == self.certificate {
            return Ok(ServerCertVerified::assertion());
        }
        Err(CertificateError::ApplicationVerificationFailure.into())
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
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
