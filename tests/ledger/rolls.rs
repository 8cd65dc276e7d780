//! Large rolls: checks beside votes, and what issues, checks and closes take of time and memory.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use capvote::election::{Grant, GrantId, Nonce, Outcome, Role, TokenHash, Uses, Vote, VoterNumber};
use capvote::ledger::sqlite::{SqliteLedger, Store};
use capvote::ledger::{Act, Authorization, Ledger, LedgerError, OpenError};
use rusqlite::Connection;

use super::{ADA, GRACE, NOW, create, id, numbers, running, vote};

/// Numbers spread over all 64 bits, as real ones are. The multiplier is odd, so all differ.
fn spread(index: u64) -> VoterNumber {
    (index + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).into()
}

/// An open election "large" with this many numbers.
fn large(directory: &Path, numbers: u64) -> Store {
    let mut store = Store::open(directory).unwrap();
    let issue = Act::Issue(id("large"), (0..numbers).map(spread).collect());
    store.act(&[create("large"), issue, Act::Open(id("large"))], None).unwrap();
    store
}

#[test]
fn checks_all_the_time_do_not_make_the_log_grow() {
    const LOG_BYTES_MAX: u64 = 24 << 20;
    let directory = tempfile::tempdir().unwrap();
    let mut store = large(directory.path(), 1_000_000);
    store.act(&running("board"), None).unwrap();
    let (reader, done) = (store.reader(), AtomicBool::new(false));
    let log = directory.path().join("ledger.sqlite-wal");
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    assert!(reader.check(&id("large")).unwrap().entries >= 3);
                }
            });
        }
        let mut longest = 0;
        for index in 0..4_000 {
            let vote = Vote { number: spread(index), ..vote("large", 0, ADA, 1) };
            assert_eq!(store.vote(&[vote], NOW).unwrap(), [Outcome::Recorded]);
            longest = longest.max(fs::metadata(&log).unwrap().len());
        }
        done.store(true, Ordering::Relaxed);
        println!("the log had at most {longest} bytes");
        assert!(longest < LOG_BYTES_MAX, "{longest}");
    });
}

#[test]
fn a_check_finds_what_was_altered_under_the_server() {
    let alterations = [
        "UPDATE ballots SET sealed = zeroblob(34) WHERE id = 1",
        "DELETE FROM ballots WHERE id = 2",
        "UPDATE roll SET numbers = zeroblob(length(numbers))",
        "UPDATE entries SET issuer = 7 WHERE digest IS NOT NULL",
        "UPDATE entries SET digest = zeroblob(32) WHERE digest IS NOT NULL",
        "UPDATE elections SET title = 'The bored' WHERE key = 1",
        "DELETE FROM entries WHERE kind = 15",
    ];
    for alteration in alterations {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::open(directory.path()).unwrap();
        store.act(&running("board"), None).unwrap();
        for number in 1..=3 {
            store.vote(&[vote("board", number, ADA, 1)], NOW).unwrap();
        }
        let reader = store.reader();
        assert_eq!(reader.check(&id("board")).unwrap().ballots, 3);
        let other = Connection::open(directory.path().join("ledger.sqlite")).unwrap();
        assert!(other.execute(alteration, []).unwrap() > 0);
        let found = reader.check(&id("board"));
        assert!(matches!(found, Err(LedgerError::Unreadable(_))), "{alteration}: {found:?}");
    }
}

#[test]
fn a_start_removes_what_was_staged_and_no_other_row() {
    let directory = tempfile::tempdir().unwrap();
    drop(large(directory.path(), 10));
    let connection = Connection::open(directory.path().join("ledger.sqlite")).unwrap();
    let stage = "INSERT INTO roll (id, election, numbers) VALUES (50, 1, zeroblob(8));
                 INSERT INTO roll (id, election, numbers) VALUES (51, 1, zeroblob(8));
                 INSERT INTO staged (first) VALUES (50)";
    connection.execute_batch(stage).unwrap();
    drop(connection);
    let copy = directory.path().join("copy.sqlite");
    capvote::ledger::sqlite::backup(directory.path(), &copy, true, &mut |_, _, _| {}).unwrap();
    for _ in 0..2 {
        let mut store = Store::open(directory.path()).unwrap();
        let snapshot = store.snapshot();
        assert_eq!(snapshot.election(&id("large")).unwrap().voters, 10);
        let zero = store.vote(&[vote("large", 0, ADA, 1)], NOW).unwrap();
        assert!(matches!(zero[..], [Outcome::Refused(_)]));
        drop(store);
        let connection = Connection::open(directory.path().join("ledger.sqlite")).unwrap();
        let rows = "SELECT (SELECT count(*) FROM roll), (SELECT count(*) FROM staged)";
        let rows: (i64, i64) =
            connection.query_row(rows, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(rows, (1, 0));
    }
}

/// A ledger with a registrar of the open election "board", who has issued a number.
fn with_registrar(directory: &Path) -> SqliteLedger {
    let mut store = Store::open(directory).unwrap();
    store.act(&running("board"), None).unwrap();
    let (token, role) = (TokenHash::from([7; 32]), Role::Registrar(id("board")));
    let grant = Grant { id: GrantId(1), parent: None, role, token, uses: Uses::Any };
    store.act(&[Act::Grant(grant)], None).unwrap();
    let under = Authorization { grant: GrantId(1), revoked: Vec::new() };
    store.act(&[Act::Issue(id("board"), numbers([5_000]))], Some(&under)).unwrap();
    SqliteLedger::start(store, capvote::ledger::system_clock()).unwrap()
}

#[tokio::test]
async fn what_is_done_in_steps_is_acknowledged_only_from_files_at_their_paths() {
    for voids in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let ledger = with_registrar(directory.path());
        fs::remove_file(directory.path().join("ledger.sqlite")).unwrap();
        let answer = if voids {
            ledger.void(id("board"), TokenHash::from([7; 32]), None).await.map(drop)
        } else {
            ledger.act(vec![Act::Issue(id("board"), (0..40_000).map(spread).collect())], None).await
        };
        assert!(matches!(answer, Err(LedgerError::Unknown(_))), "{answer:?}");
        ledger.stopped().await;
    }
}

#[tokio::test]
async fn a_start_misses_what_was_done_in_steps() {
    for voids in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger.sqlite");
        let ledger = with_registrar(directory.path());
        let act = |act| ledger.act(vec![act], None);
        if voids {
            act(Act::RevokeGrant(GrantId(1))).await.unwrap();
        }
        let before = fs::read(&path).unwrap();
        if voids {
            let voided = ledger.void(id("board"), TokenHash::from([7; 32]), None).await;
            assert_eq!(voided.unwrap(), 1);
        } else {
            act(Act::Issue(id("board"), (0..40_000).map(spread).collect())).await.unwrap();
        }
        let after = fs::read(&path).unwrap();
        assert!(ledger.shut_down());
        assert!(fs::read(&path).unwrap() == after, "it was in the main file, without the log");
        fs::write(&path, before).unwrap();
        let less = Store::open(directory.path());
        assert!(matches!(less, Err(OpenError::Refused { .. })), "{less:?}");
        fs::write(&path, after).unwrap();
        Store::open(directory.path()).unwrap();
    }
}

#[tokio::test]
async fn voiding_ends_an_issue_that_is_being_made() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = with_registrar(directory.path());
    let under = Authorization { grant: GrantId(1), revoked: Vec::new() };
    let stolen = Act::Issue(id("board"), (0..400_000).map(spread).collect());
    let issue = ledger.act(vec![stolen], Some(under));
    let void = ledger.void(id("board"), TokenHash::from([7; 32]), None);
    let (issued, voided) = futures::future::join(issue, void).await;
    assert_eq!(issued, Err(LedgerError::Revoked));
    assert_eq!(voided.unwrap(), 1);
    let snapshot = ledger.snapshots().borrow().clone();
    assert_eq!(snapshot.election(&id("board")).unwrap().voters, 1_000);
}

#[tokio::test]
async fn numbers_are_voided_under_the_link_that_is_ended_by_that() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = with_registrar(directory.path());
    let own = TokenHash::from([8; 32]);
    let administration = Role::Administration(id("board"));
    let (role, token, uses) = (administration, own, Uses::Any);
    let grant = Grant { id: GrantId(2), parent: None, role, token, uses };
    ledger.act(vec![Act::Grant(grant)], None).await.unwrap();
    let under = || Some(Authorization { grant: GrantId(2), revoked: Vec::new() });
    ledger.act(vec![Act::Issue(id("board"), numbers([6_000]))], under()).await.unwrap();
    assert_eq!(ledger.void(id("board"), own, under()).await.unwrap(), 1);
    assert_eq!(ledger.void(id("board"), own, under()).await, Err(LedgerError::Revoked));
}

/// The most memory that this process has had since the last call, and what it has.
fn memory() -> (u64, u64) {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let of = |name: &str| -> u64 {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    };
    let peak_and_now = (of("VmHWM:"), of("VmRSS:"));
    fs::write("/proc/self/clear_refs", "5").unwrap();
    peak_and_now
}

fn cast_all(store: &mut Store, ballots: u64) {
    for first in (0..ballots).step_by(4_096) {
        let votes = (first..ballots.min(first + 4_096)).map(|index| {
            let mut nonce = [0; Nonce::BYTES];
            nonce[..8].copy_from_slice(&spread(index).get().to_le_bytes());
            let choice = if index % 3 == 0 { GRACE } else { ADA };
            Vote { number: spread(index), nonce: nonce.into(), ..vote("large", 0, choice, 0) }
        });
        store.vote(&votes.collect::<Vec<_>>(), NOW).unwrap();
    }
}

/// `cargo test --release --test ledger -- --ignored --nocapture twenty_million`
#[test]
#[ignore = "measures: takes minutes, 3 GB of disk, and 2 GB of memory"]
fn a_start_and_a_close_of_twenty_million_ballots() {
    const BALLOTS: u64 = 20_000_000;
    let directory = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let mut store = large(directory.path(), BALLOTS);
    cast_all(&mut store, BALLOTS);
    println!("{BALLOTS} votes: {:?}", began.elapsed());
    drop(store);
    let began = Instant::now();
    let mut store = Store::open(directory.path()).unwrap();
    println!("a start: {:?}", began.elapsed());
    let (_, before) = memory();
    let began = Instant::now();
    store.act(&[Act::Close(id("large"))], None).unwrap();
    println!(
        "a close: {:?}, {} MiB more",
        began.elapsed(),
        memory().0.saturating_sub(before) >> 20
    );
    drop(store);
    let began = Instant::now();
    drop(Store::open(directory.path()).unwrap());
    println!("a start after it: {:?}", began.elapsed());
}

/// `cargo test --test ledger -- --ignored --nocapture memory_of_a_close`
#[test]
#[ignore = "measures"]
fn memory_of_a_close() {
    const BALLOTS: u64 = 1_000_000;
    let directory = tempfile::tempdir().unwrap();
    let mut store = large(directory.path(), BALLOTS);
    cast_all(&mut store, BALLOTS);
    drop(store);
    let began = Instant::now();
    let mut store = Store::open(directory.path()).unwrap();
    println!("a start with {BALLOTS} sealed ballots: {:?}", began.elapsed());
    memory();
    let (_, before) = memory();
    let began = Instant::now();
    store.act(&[Act::Close(id("large"))], None).unwrap();
    let took = began.elapsed();
    let (peak, after) = memory();
    let bytes = peak.saturating_sub(before) as f64 / BALLOTS as f64;
    println!("a close of {BALLOTS}: {took:?}, {bytes:.1} bytes a ballot; {before} {peak} {after}");
    // A ballot of 18 bytes, its place of 8, and what is allocated in advance.
    assert!(bytes < 32.0, "{bytes}");
    let reader = store.reader();
    let began = Instant::now();
    assert_eq!(reader.check(&id("large")).unwrap().ballots, BALLOTS);
    let (peak, _) = memory();
    println!("a check: {:?}, {} bytes", began.elapsed(), peak.saturating_sub(after));
    assert!(peak.saturating_sub(after) < 16 << 20);
    drop(store);
    let (_, before) = memory();
    let began = Instant::now();
    drop(Store::open(directory.path()).unwrap());
    let (peak, _) = memory();
    println!("a start: {:?}, {} bytes", began.elapsed(), peak.saturating_sub(before));
}

/// `cargo test --test ledger -- --ignored --nocapture waits_of_votes`
#[tokio::test]
#[ignore = "measures"]
async fn waits_of_votes_beside_an_issue_of_ten_million() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(directory.path()).unwrap();
    store.act(&running("board"), None).unwrap();
    store.act(&[create("large")], None).unwrap();
    let ledger = Arc::new(SqliteLedger::start(store, capvote::ledger::system_clock()).unwrap());
    let done = AtomicBool::new(false);
    // The first round is without an issue: what the machine does anyway.
    for round in 0..3 {
        let many = if round == 0 { 0 } else { 10_000_000 };
        let numbers = (0..many).map(|index| spread(round * 10_000_000 + index)).collect();
        done.store(false, Ordering::Relaxed);
        let issue = async {
            let began = Instant::now();
            ledger.act(vec![Act::Issue(id("large"), numbers)], None).await.unwrap();
            println!("the issue took {:?}", began.elapsed());
            // The rolls are merged after the answer.
            tokio::time::sleep(Duration::from_secs(4)).await;
            done.store(true, Ordering::Relaxed);
        };
        let votes = async {
            let mut waits = Vec::new();
            while !done.load(Ordering::Relaxed) {
                let number = waits.len() as u64 % 1_000 + 1;
                let began = Instant::now();
                // Each is decided; those after the first thousand are retries.
                ledger.vote(vec![vote("board", number, ADA, 1)]).await.unwrap();
                waits.push(began.elapsed());
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            waits.sort_unstable();
            let of = |part: usize| waits[(waits.len() - 1) * part / 1_000];
            let [half, most, all] = [500, 990, 1_000].map(of);
            println!("{} votes waited {half:?}, p99 {most:?}, max {all:?}", waits.len());
        };
        futures::future::join(issue, votes).await;
    }
    let began = Instant::now();
    ledger.check(id("large")).await.unwrap();
    println!("a check of 20 million numbers took {:?}", began.elapsed());
}
