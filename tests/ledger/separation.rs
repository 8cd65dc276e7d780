//! After the close, no file pairs a voter number with a choice.

use std::fs;
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use capvote::election::{Nonce, Vote};
use capvote::ledger::sqlite::{SqliteReader, Store};
use capvote::ledger::{Act, Report};
use rusqlite::Connection;

use super::{ADA, NOW, id, numbers, running, vote};

/// The timeout for a scrub. Reached only if a test fails.
const PATIENCE: Duration = Duration::from_secs(30);

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

/// How often a number is near its nonce in the files. In a ballot's row, the number, as SQLite
/// stores integers, is close before the nonce.
fn pairs(directory: &Path) -> usize {
    let mut pairs = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        for n in 1..=BALLOTS {
            let found = |part: &[u8]| memchr::memmem::find_iter(&bytes, part).collect::<Vec<_>>();
            let numbers =
                [found(&number(n).to_be_bytes()), found(&number(n).to_le_bytes())].concat();
            let nonces = found(nonce(n).as_bytes());
            let near = |a: usize| nonces.iter().any(|&b| a.abs_diff(b) <= 64);
            pairs += numbers.into_iter().filter(|&a| near(a)).count();
        }
    }
    pairs
}

fn check(reader: &SqliteReader) -> Report {
    reader.check(&id("board")).unwrap()
}

#[test]
fn after_the_close_no_file_pairs_a_number_with_a_choice() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = voted(directory.path());
    assert!(
        pairs(directory.path()) >= 200,
        "the search does not find the pairs of an open election"
    );
    ledger.act(&[Act::Close(id("board"))], None).unwrap();
    assert_eq!(pairs(directory.path()), 0, "with the ledger open");
    assert!(!check(&ledger.reader()).unscrubbed);
    drop(ledger);
    assert_eq!(pairs(directory.path()), 0, "with the ledger closed");
    // The old chain is gone too: with its heads, someone could try pairs.
    let connection = Connection::open(directory.path().join("ledger.sqlite")).unwrap();
    let of_ballots =
        connection.query_row("SELECT count(*) FROM entries WHERE kind = 4", [], |row| row.get(0));
    assert_eq!(of_ballots, Ok(0_i64));
}

#[test]
fn a_scrub_blocked_by_a_reader_is_completed_after_the_read() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = voted(directory.path());
    let other = Connection::open(directory.path().join("ledger.sqlite")).unwrap();
    other.execute_batch("BEGIN; SELECT count(*) FROM ballots").unwrap();
    ledger.act(&[Act::Close(id("board"))], None).unwrap();
    ledger.scrub();
    assert!(check(&ledger.reader()).unscrubbed, "the report says that copies remain");
    assert!(pairs(directory.path()) > 0, "the reader does not block the scrub");
    other.execute_batch("COMMIT").unwrap();
    let began = Instant::now();
    while check(&ledger.reader()).unscrubbed {
        assert!(began.elapsed() < PATIENCE);
        ledger.scrub();
    }
    assert_eq!(pairs(directory.path()), 0);
    ledger.act(&running("next"), None).unwrap();
    assert!(!check(&ledger.reader()).unscrubbed);
}

#[test]
fn an_interrupted_scrub_is_completed_at_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = voted(directory.path());
    let other = Connection::open(directory.path().join("ledger.sqlite")).unwrap();
    other.execute_batch("BEGIN; SELECT count(*) FROM ballots").unwrap();
    ledger.act(&[Act::Close(id("board"))], None).unwrap();
    drop(ledger);
    drop(other);
    let ledger = Store::open(directory.path()).unwrap();
    assert!(!check(&ledger.reader()).unscrubbed);
    assert_eq!(pairs(directory.path()), 0);
}

#[test]
fn auditors_that_check_continuously_do_not_block_the_scrub() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = voted(directory.path());
    let reader = ledger.reader();
    let (closed, all_check) = (AtomicBool::new(false), Barrier::new(4));
    std::thread::scope(|scope| {
        let checking = [(); 3].map(|()| {
            scope.spawn(|| {
                for checks in 1.. {
                    let report = check(&reader);
                    assert_eq!((report.ballots, report.numbers_used), (BALLOTS, BALLOTS));
                    if checks == 1 {
                        all_check.wait();
                    }
                    if closed.load(Ordering::Relaxed) {
                        return;
                    }
                }
            })
        });
        all_check.wait();
        ledger.act(&[Act::Close(id("board"))], None).unwrap();
        let left = pairs(directory.path());
        closed.store(true, Ordering::Relaxed);
        assert_eq!(left, 0);
        checking.into_iter().for_each(|thread| thread.join().unwrap());
    });
}
