//! Moves that are refused, that fail and that are killed.

use super::*;

#[tokio::test]
async fn a_ledger_that_is_in_use_or_has_no_place_is_not_moved() {
    let Some(cluster) = cluster() else { return };
    let places = Places::new(cluster);
    let directory = &places.directory;
    not_moved(to_database(&places.options()).await, "there is no ledger in the directory");
    not_moved(to_directory(&places.options()).await, "there is no ledger in the database");
    restored(4, directory);
    not_moved(to_database(&places.options()).await, "confirm it first");
    let mut store = Store::open(directory).unwrap();
    store.act(&["open", "draft", "ranks"].map(|it| Act::Confirm(id(it))), None).unwrap();
    let in_use = to_database(&places.options()).await.unwrap_err();
    assert!(matches!(in_use, OpenError::InUse(_)), "{in_use}");
    drop(store);
    // A server of another ledger in the database, and one that has none yet.
    let other = Places::new(cluster);
    let ledger = other.database();
    ledger.fresh().await.unwrap();
    let there = Options::new(&cluster.address(&other.subject.database), directory).unwrap().alone();
    let mut seen = false;
    while !seen {
        let query = "SELECT count(*) FROM leases";
        seen = cluster.query(&other.subject.database, query) == ["1"];
        tokio::task::yield_now().await;
    }
    not_moved(to_database(&there).await, "a server uses the database");
    ledger.act(running("board"), None).await.unwrap();
    ledger.vote(vec![vote("board", 1, ADA, 1)]).await.unwrap();
    not_moved(to_database(&there).await, "has a ledger already");
    not_moved(to_directory(&there).await, "has a ledger already");
    not_moved(to_directory(&other.options()).await, "a server uses the database");
    other.end(ledger);
    // A directory of no server that holds the keys.
    let stranger = other.subject.one_of_several(7);
    not_moved(to_directory(&stranger).await, "does not have its key");
    to_directory(&other.options()).await.unwrap();
    let again = other.subject.one_of_several(7);
    not_moved(to_directory(&again).await, "data directory of another server");
    // Nothing of all that has changed the ledger.
    assert_eq!(Store::open(directory).unwrap().snapshot().elections[0].ballots, 30);
}

#[tokio::test]
async fn a_move_that_fails_at_its_commit_is_repeated_or_taken_back() {
    let Some(cluster) = cluster() else { return };
    let places = Places::new(cluster);
    let directory = &places.directory;
    filled(directory);
    let before = Store::open(directory).unwrap().snapshot();
    migrate(places.options()).await.unwrap();
    places.break_commits();
    for _ in 0..2 {
        let failed = to_database(&places.options()).await.unwrap_err();
        assert!(failed.to_string().contains("repeat the move"), "{failed}");
        assert!(Store::open(directory).is_err(), "it is marked");
        assert_eq!(secrets(directory, "key"), 3);
        let elsewhere = Options::new(&cluster.address(&cluster.database()), directory).unwrap();
        not_moved(to_database(&elsewhere).await, "another database");
        not_moved(to_directory(&elsewhere).await, "another database");
        assert!(to_directory(&places.options()).await.unwrap().is_taken_back);
        assert_eq!((secrets(directory, "key"), secrets(directory, "half")), (3, 0));
        assert_eq!(Store::open(directory).unwrap().snapshot(), before);
    }
    to_database(&places.options()).await.unwrap_err();
    places.subject.mend();
    let keys = copy_secrets(directory, "key");
    assert_eq!(move_released(&places.options()).await.elections.len(), 4);
    // Killed before the keys were destroyed.
    put_secrets(&keys);
    assert_eq!(secrets(directory, "key"), 3);
    assert!(move_released(&places.options()).await.elections.is_empty());
    assert_eq!(secrets(directory, "key"), 0);
    let ledger = places.database();
    goes_on(&*ledger, 130, ENDED[0]).await;
    places.end(ledger);
}

#[tokio::test]
async fn a_move_to_a_directory_that_is_cut_short_is_repeated() {
    let Some(cluster) = cluster() else { return };
    let places = Places::new(cluster);
    let directory = &places.directory;
    let other = places.subject.one_of_several(1);
    let (ledger, second) = (places.database(), open(other.clone()));
    ledger.act(running("board"), None).await.unwrap();
    let live = |ledger: &dyn Ledger| ledger.snapshots().borrow().elections[0].clone();
    for number in 1..=60 {
        let choice = if number % 3 == 0 { GRACE } else { ADA };
        let server: &dyn Ledger = if number % 2 == 0 { &*second } else { &*ledger };
        assert_eq!(cast(server, vec![vote("board", number, choice, 1)]).await, [RECORDED]);
    }
    ledger.fresh().await.unwrap();
    let before = live(&*ledger);
    while secrets(&places.subject.data(1), "half") == 0 {
        second.fresh().await.unwrap();
    }
    assert!(second.shut_down());
    places.end(ledger);
    places.break_commits();
    let failed = to_directory(&places.options()).await.unwrap_err();
    assert!(failed.to_string().contains("repeat the move"), "{failed}");
    assert!(!directory.join("ledger.sqlite").exists());
    places.subject.mend();
    let ledger = places.database();
    assert_eq!(live(&*ledger), before, "it is in the database as it was");
    places.end(ledger);

    let halves = copy_secrets(directory, "half");
    let moved = to_directory(&places.options()).await.unwrap();
    assert_eq!(moved.holders, 1);
    // Killed between the end in the database and the name of the file.
    fs::remove_file(directory.join("ledger.sqlite")).unwrap();
    fs::remove_file(directory.join("ledger.mark")).unwrap();
    put_secrets(&halves);
    for options in [places.options(), other.clone()] {
        let refused = PostgresLedger::open(options, Metrics::new()).unwrap_err();
        assert!(refused.to_string().contains("moved to a data directory"), "{refused}");
    }
    assert_eq!(secrets(&places.subject.data(1), "half"), 0, "the other server has none any more");
    let moved = to_directory(&places.options()).await.unwrap();
    assert_eq!((moved.holders, moved.elections.len()), (0, 1));
    let ledger = file(directory);
    let after = live(&*ledger);
    assert_eq!(after.ballots, 60);
    let votes = after.votes().unwrap().iter().zip(before.votes().unwrap());
    assert!(votes.clone().all(|(after, before)| after >= before), "{after:?}, {before:?}");
    ledger.act(vec![Act::Close(id("board"))], None).await.unwrap();
    assert_eq!(live(&*ledger).votes(), Some(&[40, 20][..]));
}

/// A server that hangs while the ledger is moved, for longer than it counts as running, wakes up to
/// a ledger that is elsewhere.
#[tokio::test]
async fn a_server_that_was_taken_for_dead_takes_no_vote_after_the_move() {
    let Some(cluster) = cluster() else { return };
    let places = Places::new(cluster);
    let ledger = places.subject.open();
    ledger.act(running("board"), None).await.unwrap();
    for number in 1..=5 {
        assert_eq!(cast(&*ledger, vec![vote("board", number, ADA, 1)]).await, [RECORDED]);
    }
    places.subject.proxy.set(Mode::Hold);
    cluster.execute(&places.subject.database, "DELETE FROM leases");
    let moved = to_directory(&places.options()).await.unwrap();
    assert_eq!(moved.elections[0].ballots, 5);
    places.subject.proxy.set(Mode::Pass);
    for number in 6..=10 {
        let decision = ledger.vote(vec![vote("board", number, ADA, 1)]).await;
        let recorded = decision.iter().flatten().any(|it| *it == Ok(RECORDED));
        assert!(!recorded, "{decision:?}");
        let issue = Act::Issue(id("board"), numbers([2_000 + number]));
        assert!(ledger.act(vec![issue], None).await.is_err());
    }
    let stored = cluster.query(&places.subject.database, "SELECT count(*)::text FROM ballots");
    assert_eq!(stored, ["5"]);
    assert_eq!(Store::open(&places.directory).unwrap().snapshot().elections[0].ballots, 5);
}

fn copy_secrets(directory: &Path, extension: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(directory.join("keys")).unwrap().map(|file| file.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|it| it == extension));
    files.map(|path| (path.clone(), fs::read(&path).unwrap())).collect()
}

fn put_secrets(files: &[(PathBuf, Vec<u8>)]) {
    for (path, bytes) in files {
        fs::write(path, bytes).unwrap();
    }
}
