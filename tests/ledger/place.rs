//! Files that are removed, moved, exchanged or copied, while a ledger is open and between two
//! starts.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use capvote::election::{ElectionState, Outcome, Refusal};
use capvote::ledger::sqlite::{RestoreOptions, Store, backup, restore};
use capvote::ledger::{Act, LedgerError, OpenError};
use rusqlite::Connection;

use super::{ADA, GRACE, NOW, create, id, numbers, running, vote};

const RECORDED: Outcome = Outcome::Recorded;

/// What happens to a data directory.
type Harm<'a> = &'a dyn Fn(&Path);

/// A ledger with an open election and one vote.
fn ledger_in(directory: &Path) -> Store {
    let mut ledger = Store::open(directory).unwrap();
    ledger.act(&running("board"), None).unwrap();
    assert_eq!(ledger.vote(&[vote("board", 1, ADA, 1)], NOW).unwrap(), [RECORDED]);
    ledger
}

/// Ends a ledger as SIGKILL does: what is in its directory is copied to another.
fn killed(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, to) = (entry.as_ref().unwrap(), to.join(entry.as_ref().unwrap().file_name()));
        match entry.path().is_dir() {
            true => killed(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

/// Retries a vote until the ledger notices, which takes at most 16 checks.
fn noticed_soon(ledger: &mut Store) {
    let retries = (0..16).map(|_| ledger.vote(&[vote("board", 1, ADA, 1)], NOW));
    let refused = retries.filter(Result::is_err).count();
    assert!(refused > 0, "16 checks have not noticed");
}

fn refused(directory: &Path, why: &str) {
    match Store::open(directory) {
        Err(error @ OpenError::Refused { .. }) => {
            assert!(error.to_string().contains(why), "{error} does not contain {why:?}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_is_acknowledged_once_a_file_is_not_at_its_path() {
    let remove = |name: &'static str| move |data: &Path| fs::remove_file(data.join(name)).unwrap();
    let harms: [(&str, Harm<'_>); 8] = [
        ("ledger.sqlite", &remove("ledger.sqlite")),
        ("ledger.sqlite-wal", &remove("ledger.sqlite-wal")),
        ("ledger.sqlite-shm", &remove("ledger.sqlite-shm")),
        ("lock", &remove("lock")),
        ("the directory", &|data: &Path| fs::remove_dir_all(data).unwrap()),
        ("a move", &|data: &Path| fs::rename(data, data.with_extension("elsewhere")).unwrap()),
        ("another lock", &|data: &Path| {
            fs::remove_file(data.join("lock")).unwrap();
            fs::write(data.join("lock"), "").unwrap();
        }),
        ("another ledger", &|data: &Path| {
            fs::rename(data, data.with_extension("elsewhere")).unwrap();
            drop(ledger_in(data));
        }),
    ];
    for (what, harm) in harms {
        let parent = tempfile::tempdir().unwrap();
        let data = parent.path().join("data");
        let mut ledger = ledger_in(&data);
        harm(&data);
        let before = ledger.snapshot().elections;
        if what.contains("lock") || what.contains("shm") {
            noticed_soon(&mut ledger);
        }
        let answers = [
            ledger.vote(&[vote("board", 2, ADA, 1)], NOW).map(drop),
            // A retry depends on the file as well.
            ledger.vote(&[vote("board", 1, ADA, 1)], NOW).map(drop),
            ledger.act(&running("cake"), None),
        ];
        for answer in answers {
            let refused = matches!(answer, Err(LedgerError::Unknown(_) | LedgerError::Stopped));
            assert!(refused, "{what}: {answer:?}");
        }
        assert_eq!(ledger.snapshot().elections, before, "{what}");
        drop(ledger);
        if what == "another ledger" {
            // Closing the first one has not touched the files of the second.
            let ballots = Store::open(&data).unwrap().snapshot().elections[0].ballots;
            assert_eq!(ballots, 1);
        }
    }
}

#[test]
fn a_retry_is_not_acknowledged_from_a_file_that_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = ledger_in(directory.path());
    fs::remove_file(directory.path().join("ledger.sqlite")).unwrap();
    let answer = ledger.vote(&[vote("board", 1, ADA, 1)], NOW);
    assert!(matches!(answer, Err(LedgerError::Unknown(_))), "{answer:?}");
}

#[test]
fn a_ledger_whose_lock_was_removed_is_still_locked() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = ledger_in(directory.path());
    fs::remove_file(directory.path().join("lock")).unwrap();
    assert!(matches!(Store::open(directory.path()), Err(OpenError::InUse(_))));
    noticed_soon(&mut ledger);
    drop(ledger);
    assert!(Store::open(directory.path()).unwrap().snapshot().elections[0].ballots >= 1);
}

#[test]
fn a_killed_server_without_its_wal_is_not_taken_for_a_whole_ledger() {
    let parent = tempfile::tempdir().unwrap();
    let (data, left) = (parent.path().join("data"), parent.path().join("left"));
    let ledger = ledger_in(&data);
    killed(&data, &left);
    drop(ledger);
    let wal = left.join("ledger.sqlite-wal");
    assert!(fs::metadata(&wal).unwrap().len() > 0);
    fs::remove_file(&wal).unwrap();
    for _ in 0..2 {
        refused(&left, "lacks at least 1 entries that were committed, and 1 of 1 recorded votes");
    }
    fs::remove_file(left.join("ledger.sqlite")).unwrap();
    refused(&left, "1 of 1 recorded votes");
    assert!(!left.join("ledger.sqlite").exists(), "it would be in the way of a restore");
}

#[test]
fn what_an_act_did_does_not_depend_on_the_wal() {
    let parent = tempfile::tempdir().unwrap();
    let (data, left) = (parent.path().join("data"), parent.path().join("left"));
    let mut ledger = Store::open(&data).unwrap();
    ledger.act(&running("board"), None).unwrap();
    killed(&data, &left);
    fs::remove_file(left.join("ledger.sqlite-wal")).unwrap();
    let elections = Store::open(&left).unwrap().snapshot().elections;
    assert_eq!(elections[0].state, ElectionState::Open);
}

#[test]
fn an_older_copy_in_the_place_of_the_ledger_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let (data, older, other) =
        (parent.path().join("data"), parent.path().join("older"), parent.path().join("other"));
    drop(ledger_in(&data));
    fs::copy(data.join("ledger.sqlite"), &older).unwrap();
    let mut ledger = Store::open(&data).unwrap();
    for (number, election) in [(2, "board"), (3, "board")] {
        ledger.vote(&[vote(election, number, GRACE, 2)], NOW).unwrap();
    }
    // After the close there are fewer entries than before, and more happened.
    ledger.act(&[Act::Close(id("board"))], None).unwrap();
    drop(ledger);
    let whole = fs::read(data.join("ledger.sqlite")).unwrap();
    fs::copy(&older, data.join("ledger.sqlite")).unwrap();
    refused(&data, "2 of 3 recorded votes");
    fs::write(data.join("ledger.sqlite"), whole).unwrap();
    drop(Store::open(&data).unwrap());

    drop(ledger_in(&other));
    fs::copy(other.join("ledger.sqlite"), data.join("ledger.sqlite")).unwrap();
    refused(&data, "it is not the ledger that was here");
    // A bare copy has no mark.
    let bare = parent.path().join("bare");
    fs::create_dir(&bare).unwrap();
    fs::copy(&older, bare.join("ledger.sqlite")).unwrap();
    refused(&bare, "there is no ledger.mark beside it");
}

#[test]
fn a_restored_election_takes_no_votes_before_it_is_confirmed() {
    let parent = tempfile::tempdir().unwrap();
    let (data, copy, other) =
        (parent.path().join("data"), parent.path().join("copy"), parent.path().join("other"));
    let mut ledger = ledger_in(&data);
    ledger.act(&[create("draft"), Act::Issue(id("draft"), numbers([1]))], None).unwrap();
    ledger.act(&running("closed"), None).unwrap();
    ledger.act(&[Act::Close(id("closed"))], None).unwrap();
    backup(&data, &copy, true, &mut |_, _, _| {}).unwrap();
    let recorded = ledger.vote(&[vote("board", 2, ADA, 1)], NOW).unwrap();
    assert_eq!(recorded, [RECORDED]);
    let closed_head = ledger.reader().check(&id("closed")).unwrap().head;
    drop(ledger);
    // A backup in the place of the ledger is not taken for it.
    fs::create_dir(&other).unwrap();
    fs::copy(&copy, other.join("ledger.sqlite")).unwrap();
    refused(&other, "it is a backup");
    fs::remove_dir_all(&other).unwrap();

    let report = restore(&copy, &other, RestoreOptions::default(), &mut |_, _, _| {}).unwrap();
    assert_eq!((report.epoch, report.elections[0].2, report.lost), (2, 1, None));
    assert!(report.taken.is_some());
    let mut ledger = Store::open(&other).unwrap();
    let votes = [vote("board", 2, ADA, 1), vote("board", 1, ADA, 1), vote("board", 1, ADA, 9)];
    let outcomes = ledger.vote(&votes, NOW).unwrap();
    let refusals = [Refusal::Unconfirmed, Refusal::AlreadyVoted].map(Outcome::Refused);
    assert_eq!(outcomes, [refusals[0], RECORDED, refusals[1]]);
    let early = [Act::Close(id("board")), Act::Open(id("draft")), Act::Confirm(id("closed"))];
    for act in early {
        assert!(matches!(ledger.act(&[act], None), Err(LedgerError::Refused(_))));
    }
    let origins: Vec<_> = ledger.snapshot().elections.iter().map(|it| it.origin).collect();
    let expected = [(2, Some(2), true), (2, Some(2), true), (2, None, false)];
    let shown = origins.iter().map(|it| (it.epoch, it.restored, it.unconfirmed));
    assert!(shown.eq(expected), "{origins:?}");
    // What the chain says is there after a restart, and so is the confirmation.
    for acts in [vec![], vec![Act::Confirm(id("board")), Act::Confirm(id("draft"))], vec![]] {
        ledger.act(&acts, None).unwrap();
        let waits = ledger.snapshot().elections[0].origin.unconfirmed;
        drop(ledger);
        ledger = Store::open(&other).unwrap();
        assert_eq!(ledger.snapshot().elections[0].origin.unconfirmed, waits);
        for election in ["board", "draft"] {
            ledger.reader().check(&id(election)).unwrap();
        }
    }
    assert_eq!(ledger.vote(&votes[..1], NOW).unwrap(), [RECORDED]);
    ledger.act(&[Act::Open(id("draft")), Act::Close(id("board"))], None).unwrap();
    assert_eq!(ledger.reader().check(&id("closed")).unwrap().head, closed_head);
    drop(ledger);
    let ledger = Store::open(&other).unwrap();
    assert_eq!(ledger.snapshot().elections[0].origin.restored, Some(2));
    drop(ledger);
    every_alteration_is_noticed(&other, &parent.path().join("altered"));
}

/// Checks alterations of what is stored about a restore.
fn every_alteration_is_noticed(data: &Path, altered: &Path) {
    for alteration in [
        "UPDATE epochs SET ledger = zeroblob(16) WHERE epoch = 1",
        "UPDATE epochs SET taken = 5 WHERE epoch = 2",
        "DELETE FROM epochs WHERE epoch = 2",
        "DELETE FROM entries WHERE kind = 12",
        "DELETE FROM entries WHERE kind = 13",
        "UPDATE entries SET first = 1 WHERE kind = 12",
    ] {
        killed(data, altered);
        let file = Connection::open(altered.join("ledger.sqlite")).unwrap();
        assert!(file.execute(alteration, []).unwrap() > 0, "{alteration}");
        drop(file);
        assert!(Store::open(altered).is_err(), "{alteration}");
        fs::remove_dir_all(altered).unwrap();
    }
}

#[test]
fn a_restore_in_the_place_of_a_ledger_says_what_is_lost_and_begins_a_later_epoch() {
    let parent = tempfile::tempdir().unwrap();
    let (data, copy) = (parent.path().join("data"), parent.path().join("copy"));
    let mut ledger = ledger_in(&data);
    backup(&data, &copy, true, &mut |_, _, _| {}).unwrap();
    for (epoch, lost) in [(2, 2), (3, 0)] {
        for number in 2..=3 {
            let outcome = ledger.vote(&[vote("board", number, ADA, 1)], NOW).unwrap();
            assert_eq!(outcome == [RECORDED], epoch == 2);
        }
        drop(ledger);
        fs::remove_file(data.join("ledger.sqlite")).unwrap();
        let report = restore(&copy, &data, RestoreOptions::default(), &mut |_, _, _| {}).unwrap();
        assert_eq!((report.epoch, report.lost), (epoch, Some(lost)));
        ledger = Store::open(&data).unwrap();
    }
    drop(ledger);
    fs::remove_file(data.join("ledger.sqlite")).unwrap();
    let (other, foreign) = (parent.path().join("other"), parent.path().join("foreign"));
    drop(ledger_in(&other));
    backup(&other, &foreign, true, &mut |_, _, _| {}).unwrap();
    let error = restore(&foreign, &data, RestoreOptions::default(), &mut |_, _, _| {}).unwrap_err();
    assert!(error.to_string().contains("move that away first"), "{error}");
}

#[test]
fn a_bare_copy_is_restored_only_if_that_is_asked_for() {
    let parent = tempfile::tempdir().unwrap();
    let (data, copy, other) =
        (parent.path().join("data"), parent.path().join("copy"), parent.path().join("other"));
    drop(ledger_in(&data));
    fs::copy(data.join("ledger.sqlite"), &copy).unwrap();
    let error = restore(&copy, &other, RestoreOptions::default(), &mut |_, _, _| {}).unwrap_err();
    assert!(error.to_string().contains("it is not a backup"), "{error}");
    killed(&data.join("keys"), &other.join("keys"));
    let accept_copy = RestoreOptions { accept_copy: true, ..RestoreOptions::default() };
    let report = restore(&copy, &other, accept_copy, &mut |_, _, _| {}).unwrap();
    assert_eq!((report.epoch, report.taken), (2, None));
    assert!(Store::open(&other).unwrap().snapshot().elections[0].origin.unconfirmed);
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_log_that_grows_because_of_a_reader_is_warned_of_once() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let warnings = || {
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        text.matches("the ledger's log grows").count()
    };
    let mut ledger = ledger_in(directory.path());
    let reader = Connection::open(directory.path().join("ledger.sqlite")).unwrap();
    let issue = |ledger: &mut Store, part: u64| {
        let numbers = numbers(part * 1_000_000..part * 1_000_000 + 700_000);
        let first = numbers[0].get();
        ledger.act(&[Act::Issue(id("board"), numbers)], None).unwrap();
        assert_eq!(ledger.vote(&[vote("board", first, ADA, 1)], NOW).unwrap(), [RECORDED]);
    };
    issue(&mut ledger, 1);
    assert_eq!(warnings(), 0);
    reader.execute_batch("BEGIN; SELECT count(*) FROM roll").unwrap();
    let parts = 2..=9;
    parts.clone().for_each(|part| issue(&mut ledger, part));
    assert!(ledger.wal_bytes() > 32 << 20, "{}", ledger.wal_bytes());
    assert_eq!(warnings(), 1);
    reader.execute_batch("COMMIT").unwrap();
    issue(&mut ledger, 10);
    assert!(ledger.wal_bytes() <= 8 << 20, "{}", ledger.wal_bytes());
}
