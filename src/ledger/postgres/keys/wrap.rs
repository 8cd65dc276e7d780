//! Wrapped keys: HPKE (RFC 9180) with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and ChaCha20Poly1305.
//!
//! A server wraps a key for another one in the mode PSK, with the operator's secret: nobody else
//! can make up a key by which ballots would be sealed. It wraps a key for itself in the mode Auth,
//! as sender and as receiver. That needs nothing but its private half: a server whose secret is
//! replaced still opens what it holds.

use std::io;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{
    Deserializable, HpkeError, Kem, OpModeR, OpModeS, PskBundle, Serializable, single_shot_open,
    single_shot_seal_with_rng,
};
use zeroize::Zeroizing;

use super::Secret;
use crate::election::LedgerId;
use crate::ledger::keys::{BallotKey, Half, Owner, ServerId};

type Private = <X25519HkdfSha256 as Kem>::PrivateKey;
type Public = <X25519HkdfSha256 as Kem>::PublicKey;
type Encapped = <X25519HkdfSha256 as Kem>::EncappedKey;

/// The identity of the secret, which is the only one.
const PSK_ID: &[u8] = b"capvote holders 1";

/// Where a key is held: what its wrapping is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place(Vec<u8>);

impl Place {
    pub(super) fn of(owner: &Owner<'_>, server: ServerId) -> Self {
        let mut place = b"capvote holder 1\0".to_vec();
        let Owner { ledger, key, election } = owner;
        let ledger: &[u8; LedgerId::BYTES] = ledger.as_bytes();
        place.extend(ledger);
        place.extend(key.to_le_bytes());
        place.extend(server.as_bytes());
        place.extend(election.as_str().as_bytes());
        Self(place)
    }

    /// What shows that a server of the ledger is at this place, with this public half.
    pub(super) fn mac(&self, secret: &Secret, public: &[u8]) -> Vec<u8> {
        secret.mac(&[public, &self.0])
    }

    /// Whether [`mac`](Self::mac) made this.
    pub(super) fn has_mac(&self, secret: &Secret, public: &[u8], mac: &[u8]) -> bool {
        secret.made(&[public, &self.0], mac)
    }
}

/// The key pair of a server for one election.
pub(super) struct Pair {
    private: Private,
    public: Public,
}

/// An opened key, and by whom it was wrapped.
pub(super) enum Opened {
    ByMyself(BallotKey),
    ByAnother(BallotKey),
}

impl Opened {
    pub(super) fn key(&self) -> &BallotKey {
        match self {
            Self::ByMyself(key) | Self::ByAnother(key) => key,
        }
    }
}

impl Pair {
    pub(super) fn of(half: &Half) -> io::Result<Self> {
        let private = Private::from_bytes(&**half).map_err(failed)?;
        let public = X25519HkdfSha256::sk_to_pk(&private);
        Ok(Self { private, public })
    }

    pub(super) fn public(&self) -> Vec<u8> {
        self.public.to_bytes().to_vec()
    }

    /// Wraps a key for the server of this pair, which is this one.
    pub(super) fn keep(&self, place: &Place, key: &BallotKey) -> io::Result<Vec<u8>> {
        let mode = OpModeS::Auth((self.private.clone(), self.public.clone()));
        seal(&mode, &self.public, place, key)
    }

    /// Opens what was wrapped for this pair.
    pub(super) fn open(
        &self,
        place: &Place,
        secret: Option<&Secret>,
        wrapped: &[u8],
    ) -> Option<Opened> {
        let mine = OpModeR::Auth(self.public.clone());
        if let Some(key) = self.open_by(&mine, place, wrapped) {
            return Some(Opened::ByMyself(key));
        }
        let others = OpModeR::Psk(PskBundle::new(secret?.psk(), PSK_ID).ok()?);
        self.open_by(&others, place, wrapped).map(Opened::ByAnother)
    }

    fn open_by(
        &self,
        mode: &OpModeR<'_, X25519HkdfSha256>,
        place: &Place,
        wrapped: &[u8],
    ) -> Option<BallotKey> {
        let (encapped, sealed) = wrapped.split_at_checked(Encapped::size())?;
        let encapped = Encapped::from_bytes(encapped).ok()?;
        let (private, info) = (&self.private, &place.0);
        let opened = single_shot_open::<ChaCha20Poly1305, HkdfSha256, _>(
            mode,
            private,
            &encapped,
            info,
            sealed,
            &[],
        );
        let opened = Zeroizing::new(opened.ok()?);
        let mut bytes = Zeroizing::new([0; BallotKey::BYTES]);
        if opened.len() != bytes.len() {
            return None;
        }
        bytes.copy_from_slice(&opened);
        Some(BallotKey::new(bytes))
    }
}

/// Wraps a key for the server with this public half.
pub(super) fn pass_on(
    public: &[u8],
    place: &Place,
    secret: &Secret,
    key: &BallotKey,
) -> io::Result<Vec<u8>> {
    let public = Public::from_bytes(public).map_err(failed)?;
    let mode = OpModeS::Psk(PskBundle::new(secret.psk(), PSK_ID).map_err(failed)?);
    seal(&mode, &public, place, key)
}

fn seal(
    mode: &OpModeS<'_, X25519HkdfSha256>,
    public: &Public,
    place: &Place,
    key: &BallotKey,
) -> io::Result<Vec<u8>> {
    let mut seed = Zeroizing::new(chacha20::Seed::default());
    getrandom::fill(&mut *seed).map_err(io::Error::other)?;
    let mut random = ChaCha20Rng::from_seed(*seed);
    let (encapped, sealed) = single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, _>(
        mode,
        public,
        &place.0,
        key.bytes(),
        &[],
        &mut random,
    )
    .map_err(failed)?;
    Ok([&encapped.to_bytes()[..], &sealed].concat())
}

fn failed(error: HpkeError) -> io::Error {
    io::Error::other(format!("a key cannot be wrapped: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(server: u8) -> Place {
        let election = "board".parse().unwrap();
        let owner = Owner { ledger: LedgerId::from([7; 16]), key: 3, election: &election };
        Place::of(&owner, ServerId::try_from(&[server; 16][..]).unwrap())
    }

    fn pair(half: u8) -> Pair {
        Pair::of(&Half::new([half; 32])).unwrap()
    }

    #[test]
    fn a_wrapped_key_opens_at_its_place_with_its_half_and_its_secret_only() {
        let (secret, other) = (Secret::new(&[1; 32]).unwrap(), Secret::new(&[2; 32]).unwrap());
        let (mine, key) = (pair(1), BallotKey::draw().unwrap());
        let kept = mine.keep(&place(1), &key).unwrap();
        let passed = pass_on(&mine.public(), &place(1), &secret, &key).unwrap();
        for secret in [None, Some(&secret), Some(&other)] {
            let Some(Opened::ByMyself(opened)) = mine.open(&place(1), secret, &kept) else {
                panic!("it is not opened");
            };
            assert_eq!(opened.bytes(), key.bytes());
        }
        let Some(Opened::ByAnother(opened)) = mine.open(&place(1), Some(&secret), &passed) else {
            panic!("it is not opened");
        };
        assert_eq!(opened.bytes(), key.bytes());
        assert!(mine.open(&place(1), None, &passed).is_none());
        assert!(mine.open(&place(1), Some(&other), &passed).is_none());
        for wrapped in [kept, passed] {
            assert_eq!(wrapped.len(), 32 + BallotKey::BYTES + 16);
            assert!(mine.open(&place(2), Some(&secret), &wrapped).is_none());
            assert!(pair(2).open(&place(1), Some(&secret), &wrapped).is_none());
            for at in 0..wrapped.len() {
                let mut altered = wrapped.clone();
                altered[at] ^= 1;
                assert!(mine.open(&place(1), Some(&secret), &altered).is_none(), "byte {at}");
                assert!(mine.open(&place(1), Some(&secret), &wrapped[..at]).is_none());
            }
        }
    }

    #[test]
    fn what_others_made_up_is_not_believed() {
        let (secret, other) = (Secret::new(&[1; 32]).unwrap(), Secret::new(&[2; 32]).unwrap());
        let public = pair(1).public();
        let mac = place(1).mac(&secret, &public);
        assert!(place(1).has_mac(&secret, &public, &mac));
        assert!(!place(1).has_mac(&other, &public, &mac));
        assert!(!place(2).has_mac(&secret, &public, &mac));
        assert!(!place(1).has_mac(&secret, &pair(2).public(), &mac));
        // Nobody has the private half of a point of small order.
        let key = BallotKey::draw().unwrap();
        assert!(pass_on(&[0; 32], &place(1), &secret, &key).is_err());
    }

    /// Base mode of the same algorithms, with the vectors of RFC 9180, A.2.1.
    #[test]
    fn the_algorithms_are_those_of_the_standard() {
        let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
        let half = hex("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb");
        let encapped = hex("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a");
        let sealed = hex(
            "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b5\
             1a28",
        );
        let opened = single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &Private::from_bytes(&half).unwrap(),
            &Encapped::from_bytes(&encapped).unwrap(),
            &hex("4f6465206f6e2061204772656369616e2055726e"),
            &sealed,
            &hex("436f756e742d30"),
        );
        assert_eq!(opened.unwrap(), b"Beauty is truth, truth beauty");
    }
}
