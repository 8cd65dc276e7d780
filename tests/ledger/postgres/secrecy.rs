//! After the close, nothing that is left tells who voted for what: not with the folders of all
//! servers, the operator's secret, and everything that the database and its copies ever had.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use aes_siv::KeyInit;
use aes_siv::siv::Aes256Siv;
use capvote::election::{Nonce, Outcome, Vote};
use capvote::ledger::{Act, Ledger};
use data_encoding::HEXLOWER;
use hmac::{Hmac, Mac};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, PskBundle, single_shot_open};
use memchr::memmem;
use sha2::Sha256;

use super::super::{create, id, numbers, vote};
use super::cluster::own_cluster;
use super::keys::until;
use super::{Postgres, open};

const BALLOTS: u64 = 12;

/// How near to each other a number and a choice would be if one told the other.
const NEAR_BYTES: usize = 64;

/// Numbers and nonces that are easy to find among the bytes of a file.
fn number(n: u64) -> u64 {
    0x1122_3344_5500_0000 + n * 0x1_0203
}

fn nonce(n: u64) -> Nonce {
    Nonce::from(std::array::from_fn(|i| (n as u8).wrapping_mul(7) ^ (i as u8 + 90)))
}

/// A ballot as it is sealed.
fn ballot(n: u64) -> Vec<u8> {
    [&((n % 2) as u16).to_le_bytes()[..], nonce(n).as_bytes()].concat()
}

/// The content of every file in a folder.
fn contents(folder: &Path, of: &mut Vec<Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            contents(&path, of);
        } else if path.is_file() {
            // A database removes files of its own.
            of.extend(fs::read(path));
        }
    }
}

fn read(folder: &Path) -> Vec<Vec<u8>> {
    let mut of = Vec::new();
    contents(folder, &mut of);
    assert!(!of.is_empty());
    of
}

/// How often something is in these files.
fn count(files: &[Vec<u8>], what: &[u8]) -> usize {
    files.iter().map(|file| memmem::find_iter(file, what).count()).sum()
}

/// How often a secret is there, as it is and in hexadecimal digits.
fn count_secret(files: &[Vec<u8>], secret: &[u8]) -> usize {
    count(files, secret) + count(files, HEXLOWER.encode(secret).as_bytes())
}

fn count_opened(files: &[Vec<u8>]) -> usize {
    (1..=BALLOTS).map(|n| count(files, nonce(n).as_bytes())).sum()
}

/// How often the nonce of a ballot is near the number that it was cast under.
fn count_links(files: &[Vec<u8>]) -> usize {
    let near = |file: &Vec<u8>, n: u64| {
        let is_near = |at: usize| {
            let around = &file[at.saturating_sub(NEAR_BYTES)..file.len().min(at + NEAR_BYTES)];
            let (le, be) = (number(n).to_le_bytes(), number(n).to_be_bytes());
            [le, be].iter().any(|number| memmem::find(around, number).is_some())
        };
        memmem::find_iter(file, nonce(n).as_bytes()).filter(|&at| is_near(at)).count()
    };
    files.iter().flat_map(|file| (1..=BALLOTS).map(move |n| near(file, n))).sum()
}

/// What the database ever had: all versions of the rows of holders, and the sealed ballots.
struct Rows {
    ledger: Vec<u8>,
    held: Vec<(Vec<u8>, Vec<u8>)>,
    sealed: BTreeMap<u64, Vec<u8>>,
}

/// Keeps all versions of the rows, as the database's log does.
const VERSIONS: &str = "CREATE TABLE versions (server bytea, wrapped bytea);
    CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO versions VALUES (NEW.server, NEW.wrapped); RETURN NEW; END $$;
    CREATE TRIGGER keep AFTER INSERT OR UPDATE ON holders FOR EACH ROW EXECUTE FUNCTION keep()";

impl Rows {
    fn read(of: &Postgres) -> Self {
        let column = |sql: &str| of.cluster.query(&of.database, sql);
        let hex = |text: &str| HEXLOWER.decode(text.as_bytes()).unwrap();
        let pair = |row: &String| {
            let (first, second) = row.split_once(' ').unwrap();
            (first.to_owned(), hex(second))
        };
        let held = "SELECT encode(server, 'hex') || ' ' || encode(wrapped, 'hex') FROM versions
                    WHERE wrapped IS NOT NULL";
        let sealed = "SELECT number || ' ' || encode(sealed, 'hex') FROM ballots";
        Self {
            ledger: hex(&column("SELECT encode(id, 'hex') FROM ledger")[0]),
            held: column(held).iter().map(pair).map(|(it, wrapped)| (hex(&it), wrapped)).collect(),
            sealed: column(sealed)
                .iter()
                .map(pair)
                .map(|(it, sealed)| (it.parse().unwrap(), sealed))
                .collect(),
        }
    }

    /// The choices that this key tells.
    fn open(&self, key: &[u8]) -> usize {
        let key = <[u8; 64]>::try_from(key).unwrap();
        let mut cipher = Aes256Siv::new((&key).into());
        let mut opens = |(number, sealed): (&u64, &Vec<u8>)| {
            let mut sealed = sealed.clone();
            cipher.decrypt_in_place([number.to_le_bytes()], &mut sealed).is_ok()
        };
        self.sealed.iter().filter(|row| opens(*row)).count()
    }

    /// Unwraps a key by a private half.
    fn unwrap(&self, server: &[u8], wrapped: &[u8], half: &[u8]) -> Option<Vec<u8>> {
        type Private = <X25519HkdfSha256 as Kem>::PrivateKey;
        let private = Private::from_bytes(half).unwrap();
        let public = X25519HkdfSha256::sk_to_pk(&private);
        let row = 1_i64.to_le_bytes();
        let place = [&b"capvote holder 1\0"[..], &self.ledger, &row, server, b"board"].concat();
        let (encapped, sealed) = wrapped.split_at(32);
        let encapped = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(encapped).unwrap();
        let mut psk = Hmac::<Sha256>::new_from_slice(&[1; 32]).unwrap();
        psk.update(b"capvote holders: psk 1");
        let psk = psk.finalize().into_bytes();
        let with_psk = PskBundle::new(&psk, b"capvote holders 1").unwrap();
        let modes: [OpModeR<X25519HkdfSha256>; 3] =
            [OpModeR::Auth(public), OpModeR::Psk(with_psk), OpModeR::Base];
        modes.iter().find_map(|mode| {
            let opened = single_shot_open::<ChaCha20Poly1305, HkdfSha256, _>(
                mode,
                &private,
                &encapped,
                &place,
                sealed,
                &[],
            );
            opened.ok()
        })
    }

    /// Tries everything in these files as a key, and as a private half. Returns the key that opens
    /// the ballots.
    fn attack(&self, files: &[Vec<u8>]) -> Option<Vec<u8>> {
        assert!(self.sealed.len() as u64 == BALLOTS && self.held.len() >= 3);
        let found = candidates(files, 64).into_iter();
        let halves = candidates(files, 32);
        let unwrapped = halves.iter().flat_map(|half| {
            self.held.iter().filter_map(|(server, wrapped)| self.unwrap(server, wrapped, half))
        });
        found.chain(unwrapped).find(|key| self.open(key) == self.sealed.len())
    }
}

/// All runs of so many bytes in these files, as they are and in hexadecimal digits.
fn candidates(files: &[Vec<u8>], bytes: usize) -> Vec<Vec<u8>> {
    let runs = |length| files.iter().flat_map(move |file| file.windows(length));
    let digits = runs(2 * bytes).filter_map(|digits| HEXLOWER.decode(digits).ok());
    runs(bytes).map(<[u8]>::to_vec).chain(digits).collect()
}

/// The private halves in the folders of the servers.
fn halves(files: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let half = |file: &Vec<u8>| {
        let line = str::from_utf8(file).unwrap().strip_prefix("capvote-half-1 ")?.to_owned();
        HEXLOWER.decode(line.split(' ').nth(3)?.as_bytes()).ok()
    };
    files.iter().filter_map(half).collect()
}

#[tokio::test]
async fn after_the_close_nothing_that_is_left_tells_a_choice() {
    let Some(cluster) = own_cluster() else { return };
    let subject = Postgres::new(&cluster, true);
    let servers = [0, 1].map(|server| open(subject.one_of_several(server)));
    cluster.execute(&subject.database, VERSIONS);
    let issued = Act::Issue(id("board"), numbers((1..=BALLOTS).map(number)));
    servers[0].act(vec![create("board"), issued], None).await.unwrap();
    let opening = || servers[0].act(vec![Act::Open(id("board"))], None);
    until(async || opening().await.is_ok()).await;
    for n in 1..=BALLOTS {
        let cast = vote("board", number(n), (n % 2) as usize, 0);
        let decided = servers[n as usize / 2 % 2].vote(vec![Vote { nonce: nonce(n), ..cast }]);
        assert_eq!(decided.await.unwrap(), [Ok(Outcome::Recorded)]);
    }
    let folders = || [read(&subject.data(0)), read(&subject.data(1))].concat();
    let backup = cluster.base_backup();
    let rows = Rows::read(&subject);

    // While it is open, the folders tell all that there is to tell, with the database.
    let before = folders();
    let halves = halves(&before);
    assert_eq!(halves.len(), 2);
    let key = rows.attack(&before).expect("this attack finds nothing, ever");
    let opened = (1..=BALLOTS).map(ballot).collect::<Vec<_>>();
    let database = ["a", "b"].map(|server| cluster.folder().join(server));
    for folder in database.iter().chain([&backup]) {
        let files = read(folder);
        assert_eq!((count_secret(&files, &key), count_opened(&files)), (0, 0), "{folder:?}");
        assert!(rows.sealed.values().all(|sealed| count(&files, sealed) > 0), "{folder:?}");
    }
    assert_eq!((count_secret(&before, &key), count_opened(&before)), (0, 0));
    assert!(halves.iter().all(|half| count_secret(&before, half) == 1));

    servers[0].act(vec![Act::Close(id("board"))], None).await.unwrap();
    let left = "SELECT server FROM holders WHERE NOT destroyed";
    until(async || cluster.query(&subject.database, left).is_empty()).await;
    cluster.execute("postgres", "CHECKPOINT");
    let after = folders();
    assert_eq!(rows.attack(&after), None, "the choices can still be told");
    for server in &servers {
        assert!(!server.check(id("board")).await.unwrap().unscrubbed);
    }
    for folder in database.iter().chain([&backup, &PathBuf::from(subject.folder.path())]) {
        let files = read(folder);
        let secrets = halves.iter().chain([&key]).map(|secret| count_secret(&files, secret));
        assert_eq!((secrets.sum::<usize>(), count_links(&files)), (0, 0), "{folder:?}");
    }
    // The sheet has them in another order, and no number.
    let files = read(&database[0]);
    assert!(opened.iter().all(|opened| count(&files, opened) > 0));
}
