//! The secret that all servers of a ledger have from their operator.

use std::fmt;
use std::path::Path;

use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::ledger::OpenError;
use crate::private_file::{self, OTHERS, exposed};

/// The shortest secret: 32 characters in base64 have 192 bits.
const SECRET_BYTES_MIN: usize = 32;

/// The longest secret.
pub const SECRET_BYTES_MAX: usize = 4_096;

/// What tells a server of the ledger from others who can write to its database.
#[derive(Clone)]
pub struct Secret {
    /// What authenticates public halves.
    mac: Zeroizing<[u8; 32]>,
    /// What authenticates wrapped keys.
    psk: Zeroizing<[u8; 32]>,
}

/// Why something cannot be the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a secret has {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes, and no white space around them: \
     openssl rand -base64 32 prints one"
)]
pub struct InvalidSecret;

impl Secret {
    /// The secret of these bytes, which have to be random.
    ///
    /// # Errors
    /// [`InvalidSecret`].
    pub fn new(bytes: &[u8]) -> Result<Self, InvalidSecret> {
        let is_bare = bytes.trim_ascii().len() == bytes.len();
        if !is_bare || !(SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&bytes.len()) {
            return Err(InvalidSecret);
        }
        let derived = |use_of_it: &[u8]| {
            let mut hmac = hmac(bytes);
            hmac.update(use_of_it);
            Zeroizing::new(hmac.finalize().into_bytes().into())
        };
        Ok(Self {
            mac: derived(b"capvote holders: mac 1"),
            psk: derived(b"capvote holders: psk 1"),
        })
    }

    /// The secret in a file, which only its owner may read. A line feed at its end is not part
    /// of it.
    ///
    /// # Errors
    /// [`OpenError::Inaccessible`] and [`OpenError::Refused`].
    pub fn read(path: &Path) -> Result<Self, OpenError> {
        let failed = |why| OpenError::Inaccessible { path: path.to_owned(), why };
        let refused = |why: String| OpenError::Refused { path: path.to_owned(), why };
        let bytes = Zeroizing::new(private_file::read(path).map_err(failed)?);
        if exposed(path, OTHERS).map_err(failed)?.is_some() {
            let why = "others than its owner can read it: chmod 600 it first";
            return Err(refused(why.into()));
        }
        let secret = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        Self::new(secret).map_err(|error| refused(error.to_string()))
    }

    /// What shows that a server of the ledger made this.
    pub(super) fn mac(&self, parts: &[&[u8]]) -> Vec<u8> {
        self.hmac(parts).finalize().into_bytes().to_vec()
    }

    /// Whether a server of the ledger made this.
    pub(super) fn made(&self, parts: &[&[u8]], mac: &[u8]) -> bool {
        self.hmac(parts).verify_slice(mac).is_ok()
    }

    fn hmac(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut hmac = hmac(&*self.mac);
        parts.iter().for_each(|part| hmac.update(part));
        hmac
    }

    pub(super) fn psk(&self) -> &[u8] {
        &*self.psk
    }
}

fn hmac(key: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "an HMAC has no other error than a key's length")]
    Hmac::new_from_slice(key).expect("an HMAC takes keys of every length")
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions, write};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_is_long_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let read = |text: &str, mode: u32| {
            write(&path, text).unwrap();
            set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            Secret::read(&path)
        };
        let good = "k".repeat(SECRET_BYTES_MIN);
        let secret = read(&format!("{good}\n"), 0o600).unwrap();
        let mac = secret.mac(&[b"some", b"thing"]);
        assert!(Secret::new(good.as_bytes()).unwrap().made(&[b"something"], &mac));
        assert!(!Secret::new(&[7; 40]).unwrap().made(&[b"something"], &mac));
        assert!(!secret.made(&[b"something else"], &mac));
        assert!(read(&good, 0o640).is_err());
        for text in [
            "",
            &"k".repeat(SECRET_BYTES_MIN - 1),
            &format!("{good} \n"),
            &"k".repeat(SECRET_BYTES_MAX + 1),
        ] {
            assert!(read(text, 0o600).is_err(), "{text:?}");
        }
    }
}
