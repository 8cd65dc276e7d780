//! Whose certificates the database may have.

use std::sync::Arc;

use rustls_platform_verifier::BuilderVerifierExt;
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, Error, RootCertStore};

/// Who has to have signed the certificate of a database. By default whom this machine trusts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Roots(Option<Vec<CertificateDer<'static>>>);

impl Roots {
    /// Reads certificates in PEM.
    ///
    /// # Errors
    /// What is wrong with them, or that there are none.
    pub fn from_pem(pem: &[u8]) -> Result<Self, String> {
        let read = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
        let certificates = read.map_err(|error| format!("it has a broken certificate: {error}"))?;
        if certificates.is_empty() {
            return Err("it has no certificate in PEM".into());
        }
        let roots = Self(Some(certificates));
        roots.connector().map_err(|error| format!("it has an unusable certificate: {error}"))?;
        Ok(roots)
    }

    /// Makes connections to databases that have such a certificate, for the host that is dialled.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, Error> {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        // PostgreSQL 15 may be built with a library that has TLS 1.2 only.
        let config = config.with_safe_default_protocol_versions()?;
        let config = match &self.0 {
            None => config.with_platform_verifier()?,
            Some(certificates) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates {
                    roots.add(certificate.clone())?;
                }
                config.with_root_certificates(roots)
            }
        };
        Ok(MakeRustlsConnect::new(config.with_no_client_auth()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_certificates_in_pem() {
        let made = rcgen::generate_simple_self_signed(vec!["db1".into()]).unwrap();
        let pem = made.cert.pem();
        assert!(Roots::from_pem(pem.repeat(2).as_bytes()).is_ok());
        for (text, why) in [
            (String::new(), "no certificate"),
            ("nonsense".into(), "no certificate"),
            (pem.chars().take(pem.len() / 2).collect(), "certificate"),
            (pem.replacen("MII", "AAA", 1), "unusable"),
        ] {
            let told = Roots::from_pem(text.as_bytes()).unwrap_err();
            assert!(told.contains(why), "{text}: {told}");
        }
    }
}
