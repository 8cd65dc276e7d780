//! No file but the key pairs a voter number with a choice, before the close or after it.

use std::fs;
use std::path::Path;

use capvote::election::{Nonce, Outcome, Vote};
use capvote::ledger::sqlite::{RestoreOptions, SqliteReader, Store, backup, restore};
use capvote::ledger::{Act, OpenError, Report};

use super::{ADA, NOW, id, numbers, running, vote};

const BALLOTS: u64 = 200;

/// Numbers and nonces that are easy to find among the bytes of a file.
fn number(n: u64) -> u64 {
    0x1122_3344_5500_0000 + n * 0x1_0203
}

fn nonce(n: u64) -> Nonce {
    Nonce::from(std::array::from_fn(|i| (n as u8).wrapping_mul(7) ^ (i as u8 + 90)))
}

/// An open election with [`BALLOTS`] ballots, each in its own commit.
fn voted(directory: &Path) -> Store {
    let mut ledger = Store::open(directory).unwrap();
    let mut acts = running("board");
    acts[1] = Act::Issue(id("board"), numbers((1..=BALLOTS).map(number)));
    ledger.act(&acts, None).unwrap();
    for n in 1..=BALLOTS {
        let vote = Vote { nonce: nonce(n), number: number(n).into(), ..vote("board", 0, ADA, 0) };
        ledger.vote(&[vote], NOW).unwrap();
    }
    ledger
}

/// How often a nonce is in the files of a directory, but for keys.
fn nonces(directory: &Path) -> usize {
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let contents = files.filter(|path| path.is_file()).map(|path| fs::read(path).unwrap());
    let of = |bytes: Vec<u8>| {
        (1..=BALLOTS)
            .map(|n| memchr::memmem::find_iter(&bytes, nonce(n).as_bytes()).count())
            .sum::<usize>()
    };
    contents.map(of).sum()
}

fn check(reader: &SqliteReader) -> Report {
    reader.check(&id("board")).unwrap()
}

/// The vote that was recorded under this number.
fn recorded(n: u64) -> Vote {
    Vote { nonce: nonce(n), number: number(n).into(), ..vote("board", 0, ADA, 0) }
}

#[test]
fn only_the_key_tells_a_choice_and_the_close_destroys_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = voted(directory.path());
    let key = directory.path().join("keys/1-board.key");
    assert_eq!(nonces(directory.path()), 0, "a ballot is nowhere unsealed");
    let copies = tempfile::tempdir().unwrap();
    backup(directory.path(), &copies.path().join("copy"), false, &mut |_, _, _| {}).unwrap();
    assert_eq!(nonces(copies.path()), 0);
    assert_eq!(fs::read_dir(copies.path()).unwrap().count(), 1, "no key is in a backup");
    let before = check(&ledger.reader());
    assert!(key.exists() && !before.unscrubbed);
    ledger.act(&[Act::Close(id("board"))], None).unwrap();
    let after = check(&ledger.reader());
    assert!(!key.exists() && !after.unscrubbed);
    assert!(nonces(directory.path()) >= BALLOTS as usize, "the sheet");
    assert_eq!((after.ballots, after.numbers_used), (BALLOTS, BALLOTS));
    assert_eq!(after.entries, before.entries + 1, "the entries before the close stay");
    drop(ledger);
    let mut ledger = Store::open(directory.path()).unwrap();
    assert_eq!(check(&ledger.reader()), after);
    assert_eq!(ledger.vote(&[recorded(7)], NOW).unwrap(), [Outcome::Recorded]);
}

#[test]
fn a_key_that_is_left_by_a_kill_is_destroyed_at_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = voted(directory.path());
    let key = directory.path().join("keys/1-board.key");
    let text = fs::read(&key).unwrap();
    ledger.act(&[Act::Close(id("board"))], None).unwrap();
    fs::write(&key, text).unwrap();
    assert!(check(&ledger.reader()).unscrubbed, "the report says that the key is there");
    drop(ledger);
    let ledger = Store::open(directory.path()).unwrap();
    assert!(!key.exists() && !check(&ledger.reader()).unscrubbed);
}

#[test]
fn without_its_key_no_election_with_ballots_opens() {
    let directory = tempfile::tempdir().unwrap();
    drop(voted(directory.path()));
    let key = directory.path().join("keys/1-board.key");
    let kept = fs::read(&key).unwrap();
    let refused = |what: &str| match Store::open(directory.path()) {
        Err(OpenError::Refused { path, why }) => {
            assert_eq!(path, key);
            assert!(why.contains(what), "{why}");
        }
        other => panic!("{other:?}"),
    };
    fs::remove_file(&key).unwrap();
    refused("the key of election board is missing");
    assert!(!key.exists(), "no other key takes its place");
    fs::write(&key, "capvote-key-1").unwrap();
    refused("it is not the key of this election");
    fs::write(&key, &kept).unwrap();
    let mut ledger = Store::open(directory.path()).unwrap();
    assert_eq!(ledger.vote(&[recorded(7)], NOW).unwrap(), [Outcome::Recorded], "a retry");
    ledger.act(&[Act::Close(id("board"))], None).unwrap();
}

#[test]
fn a_close_counts_although_the_file_of_the_key_was_lost_meanwhile() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = voted(directory.path());
    fs::remove_file(directory.path().join("keys/1-board.key")).unwrap();
    ledger.act(&[Act::Close(id("board"))], None).unwrap();
    let report = check(&ledger.reader());
    assert_eq!((report.ballots, report.unscrubbed), (BALLOTS, false));
    drop(ledger);
    let ledger = Store::open(directory.path()).unwrap();
    assert_eq!(check(&ledger.reader()), report);
}

#[test]
fn an_election_without_ballots_gets_a_new_key() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = Store::open(directory.path()).unwrap();
    ledger.act(&running("board"), None).unwrap();
    drop(ledger);
    fs::remove_dir_all(directory.path().join("keys")).unwrap();
    let mut ledger = Store::open(directory.path()).unwrap();
    assert_eq!(ledger.vote(&[vote("board", 1, ADA, 1)], NOW).unwrap(), [Outcome::Recorded]);
}

#[test]
fn a_backup_is_restored_with_its_keys_or_with_those_that_were_kept() {
    let directory = tempfile::tempdir().unwrap();
    drop(voted(directory.path()));
    let copies = tempfile::tempdir().unwrap();
    let path = |name: &str| copies.path().join(name);
    backup(directory.path(), &path("with"), true, &mut |_, _, _| {}).unwrap();
    backup(directory.path(), &path("without"), false, &mut |_, _, _| {}).unwrap();
    let restored = |copy: &str, to: &str| {
        restore(&path(copy), &path(to), RestoreOptions::default(), &mut |_, _, _| {})
            .map(|report| report.elections)
    };
    assert_eq!(restored("with", "a").unwrap()[0].2, BALLOTS);
    let missing = restored("without", "b").unwrap_err().to_string();
    assert!(missing.contains("the key of election board is missing"), "{missing}");
    fs::create_dir(path("b/keys")).unwrap();
    fs::copy(directory.path().join("keys/1-board.key"), path("b/keys/1-board.key")).unwrap();
    assert_eq!(restored("without", "b").unwrap()[0].2, BALLOTS);
    for to in ["a", "b"] {
        let mut ledger = Store::open(&path(to)).unwrap();
        ledger.act(&[Act::Confirm(id("board")), Act::Close(id("board"))], None).unwrap();
        assert_eq!(check(&ledger.reader()).ballots, BALLOTS);
    }
}
