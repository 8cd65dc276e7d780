//! Everything arrives.

use super::*;

#[tokio::test]
async fn a_ledger_goes_to_a_database_and_back_with_everything() {
    let Some(cluster) = cluster() else { return };
    let places = Places::new(cluster);
    let directory = &places.directory;
    filled(directory);
    let ledger = file(directory);
    let (before, before_heads) = (shown(&*ledger).await, heads(&*ledger).await);
    assert!(before.0.elections[0].origin.restored.is_some() && !before.1[1].is_empty());
    assert!(ledger.shut_down());
    drop(ledger);

    let key = || fs::read(directory.join("keys/1-open.key")).unwrap();
    let first_key = key();
    let moved = move_released(&places.options()).await;
    let ledger = places.database();
    assert_eq!(shown(&*ledger).await, before);
    check_heads(&moved, &before_heads, &heads(&*ledger).await);
    assert_eq!((secrets(directory, "key"), secrets(directory, "half")), (0, 3));
    let refused = Store::open(directory).unwrap_err();
    assert!(matches!(refused, OpenError::Refused { .. }), "{refused}");
    goes_on(&*ledger, 130, ENDED[0]).await;
    let (before, before_heads) = (shown(&*ledger).await, heads(&*ledger).await);
    places.end(ledger);

    let moved = to_directory(&places.options()).await.unwrap();
    assert_eq!((secrets(directory, "key"), secrets(directory, "half")), (3, 0));
    assert_ne!(key(), first_key);
    let ledger = file(directory);
    // One chain of the move, and one of the votes since: the count may have published more.
    let (mut after, mut expected) = (shown(&*ledger).await, before);
    assert_eq!(after.0.elections[0].ballots, expected.0.elections[0].ballots);
    drop((after.0.elections.remove(0), expected.0.elections.remove(0)));
    assert_eq!(after, expected);
    check_heads(&moved, &before_heads, &heads(&*ledger).await);
    goes_on(&*ledger, 131, ENDED[1]).await;
    drop(ledger);
    let again = to_directory(&places.options()).await.unwrap();
    assert!(again.elections.is_empty() && !again.is_taken_back);

    // To another database, and closed there.
    let next = Places { subject: Postgres::new(cluster, true), directory: directory.clone() };
    let options = Options::new(&cluster.address(&next.subject.database), directory).unwrap();
    move_released(&options.clone().with_secret(secret(1)).alone()).await;
    let ledger = open(options.with_secret(secret(1)).alone());
    ledger.act(vec![Act::Close(id("open")), Act::Close(id("ranks"))], None).await.unwrap();
    let standing = ledger.fresh().await.unwrap().elections[0].clone();
    assert_eq!(standing.ballots, 30 + 21 + 2 + 2);
    let votes: u64 = standing.votes().unwrap().iter().sum();
    assert_eq!(votes, standing.ballots);
    assert_eq!(secrets(directory, "half"), 1, "the draft's");
    for election in ELECTIONS {
        assert!(!ledger.check(id(election)).await.unwrap().unscrubbed, "{election}");
    }
}

#[tokio::test]
async fn ledgers_of_every_format_go_to_a_database_and_back() {
    let Some(cluster) = cluster() else { return };
    for format in 1..=4 {
        let places = Places::new(cluster);
        let directory = &places.directory;
        if format == 1 {
            fs::create_dir(directory).unwrap();
            fs::copy(fixture(1), directory.join("ledger.sqlite")).unwrap();
        } else {
            restored(format, directory);
        }
        let mut store = Store::open(directory).unwrap();
        for standing in store.snapshot().elections {
            if standing.origin.unconfirmed {
                store.act(&[Act::Confirm(standing.definition.id.clone())], None).unwrap();
            }
        }
        drop(store);
        let ledger = file(directory);
        let before = shown(&*ledger).await;
        let used = ledger.check(id("closed")).await.unwrap().numbers_used;
        assert!(ledger.shut_down() && used > 0);
        move_released(&places.options()).await;
        let ledger = places.database();
        assert_eq!(shown(&*ledger).await, before, "format {format}");
        assert_eq!(ledger.check(id("closed")).await.unwrap().numbers_used, used);
        places.end(ledger);
        to_directory(&places.options()).await.unwrap();
        let ledger = file(directory);
        assert_eq!(shown(&*ledger).await, before, "format {format}");
        assert_eq!(ledger.check(id("closed")).await.unwrap().numbers_used, used);
        // What an election's chain tells of the head that was.
        let altered = rusqlite::Connection::open(directory.join("ledger.sqlite")).unwrap();
        let alter = "UPDATE entries SET digest = zeroblob(32) WHERE kind = 17 AND election = 1";
        assert_eq!(altered.execute(alter, []).unwrap(), 1);
        let first = ledger.fresh().await.unwrap().elections[0].definition.id.clone();
        let checked = ledger.check(first).await;
        assert!(matches!(checked, Err(LedgerError::Unreadable(_))), "{checked:?}");
        drop(ledger);
        let opened = Store::open(directory);
        assert!(matches!(opened, Err(OpenError::Damaged { .. })), "{opened:?}");
    }
}

/// The most memory that this process has had since the last call, in MiB.
fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    fs::write("/proc/self/clear_refs", "5").unwrap();
    peak / 1024
}

/// For docs/cluster.md: `cargo test --test ledger -- --ignored --nocapture a_million_ballots_move`
#[tokio::test]
#[ignore = "prints figures"]
async fn a_million_ballots_move() {
    const ALL: u64 = 1_000_000;
    let Some(cluster) = cluster() else { return };
    let places = Places::new(cluster);
    let mut store = Store::open(&places.directory).unwrap();
    let issue = Act::Issue(id("board"), numbers(1..=ALL));
    store.act(&[create("board"), issue, Act::Open(id("board"))], None).unwrap();
    for first in (1..=ALL).step_by(70) {
        let votes: Vec<_> =
            (first..first + 70).map(|it| vote("board", it, ADA, it as u8)).collect();
        store.vote(&votes, NOW).unwrap();
    }
    drop(store);
    peak_mib();
    let begun = Instant::now();
    move_released(&places.options()).await;
    println!("into the database: {:?}, {} MiB", begun.elapsed(), peak_mib());
    let begun = Instant::now();
    let moved = to_directory(&places.options()).await.unwrap();
    println!("into the directory: {:?}, {} MiB", begun.elapsed(), peak_mib());
    assert_eq!(moved.elections[0].ballots, ALL);
}
