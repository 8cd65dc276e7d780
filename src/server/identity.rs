//! The server's TLS certificate.

use std::io::{self, Write};
use std::path::Path;

use super::{CertificateFiles, Config, StartError};
use crate::net::tls::{self, Identity, InvalidIdentity};
use crate::private_file;

/// The file in the data directory with the self-signed certificate and its key.
const FILE_NAME: &str = "tls.pem";

/// The identity for encrypted listeners, if there are any: the operator's certificate, or a
/// self-signed one. That one is kept in the data directory, since links have its fingerprint.
pub(super) fn ensure(config: &Config) -> Result<Option<Identity>, StartError> {
    let encrypted = config.listen.iter().filter(|link| link.address.is_encrypted());
    let hosts: Vec<_> = encrypted
        .filter_map(|link| link.address.at().map(|at| at.without_zone().to_string()))
        .collect();
    if hosts.is_empty() {
        return Ok(None);
    }
    if let Some(files) = &config.certificate {
        return read(files).map(Some);
    }
    let path = config.data.join(FILE_NAME);
    let pem = match private_file::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(&path, hosts)?,
        pem => pem.map_err(|error| failed(&path, error))?,
    };
    let mut identity = Identity::from_pem(&pem, &pem).map_err(|error| failed(&path, error))?;
    identity.in_links = true;
    Ok(Some(identity))
}

/// The operator's certificate.
pub(super) fn read(files: &CertificateFiles) -> Result<Identity, StartError> {
    let CertificateFiles { certificates, key } = files;
    let chain = private_file::read(certificates).map_err(|error| failed(certificates, error))?;
    let secret = private_file::read(key).map_err(|error| failed(key, error))?;
    let unusable = |error| match error {
        InvalidIdentity::NoCertificate
        | InvalidIdentity::Certificate(_)
        | InvalidIdentity::Version(_) => failed(certificates, error),
        InvalidIdentity::OtherKey => {
            let certificate = certificates.display();
            failed(key, format!("it is not the key of the certificate in {certificate}"))
        }
        InvalidIdentity::NoKey | InvalidIdentity::Unusable(_) => failed(key, error),
    };
    Identity::from_pem(&chain, &secret).map_err(unusable)
}

fn create(path: &Path, hosts: Vec<String>) -> Result<Vec<u8>, StartError> {
    let pem = tls::new_identity(hosts).map_err(|error| failed(path, error))?;
    let written = private_file::write(path, |file| file.write_all(pem.as_bytes()));
    written.map_err(|error| failed(path, error))?;
    tracing::info!(file = %path.display(), "a self-signed certificate was created");
    Ok(pem.into_bytes())
}

fn failed(path: &Path, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StartError {
    StartError::Certificate { path: path.to_owned(), why: why.into() }
}
