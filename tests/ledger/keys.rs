//! The files of the keys of ballots: lost, mistaken, and left behind.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use capvote::election::{ChangeRefusal, ElectionState, Outcome, Refusal};
use capvote::ledger::sqlite::{RestoreOptions, RestoreReport, Store, backup, restore};
use capvote::ledger::{Act, ActRefusal, LedgerError, OpenError};
use tempfile::TempDir;

use super::{ADA, GRACE, NOW, id, running, vote};

const WITHOUT_KEYS: RestoreOptions = RestoreOptions { without_keys: true, accept_copy: false };

fn key(directory: &Path, name: &str) -> PathBuf {
    directory.join("keys").join(name)
}

/// A ledger with two open elections, and a ballot in each.
fn voted(directory: &Path) -> Store {
    let mut ledger = Store::open(directory).unwrap();
    for election in ["lost", "kept"] {
        ledger.act(&running(election), None).unwrap();
        assert_eq!(ledger.vote(&[vote(election, 1, ADA, 1)], NOW).unwrap(), [Outcome::Recorded]);
    }
    ledger
}

fn back_up(directory: &Path, copy: &Path, with_keys: bool) -> Result<(), OpenError> {
    backup(directory, copy, with_keys, &mut |_, _, _| {})
}

fn bring_back(
    copy: &Path,
    directory: &Path,
    options: RestoreOptions,
) -> Result<RestoreReport, OpenError> {
    restore(copy, directory, options, &mut |_, _, _| {})
}

/// Checks that a file was refused, for a reason with these words.
#[track_caller]
fn check_refused<T: std::fmt::Debug>(result: Result<T, OpenError>, file: &Path, words: &str) {
    match result {
        Err(OpenError::Refused { path, why }) => {
            assert_eq!(path, file);
            assert!(why.contains(words), "{why}");
        }
        other => panic!("{other:?}"),
    }
}

/// A folder for copies, and the path of one in it.
fn copies() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    (folder, copy)
}

#[test]
fn a_lost_key_costs_its_election_and_no_other() {
    let (data, (folder, copy)) = (tempfile::tempdir().unwrap(), copies());
    let mut ledger = voted(data.path());
    back_up(data.path(), &copy, false).unwrap();
    ledger.act(&[Act::Close(id("lost"))], None).unwrap();
    drop(ledger);
    let restored = folder.path().join("restored");
    fs::create_dir_all(restored.join("keys")).unwrap();
    fs::copy(key(data.path(), "2-kept.key"), key(&restored, "2-kept.key")).unwrap();
    let options = RestoreOptions::default();
    let missing = key(&restored, "1-lost.key");
    check_refused(bring_back(&copy, &restored, options), &missing, "is missing");
    assert!(!restored.join("ledger.sqlite").exists() && !missing.exists());
    let report = bring_back(&copy, &restored, WITHOUT_KEYS).unwrap();
    assert_eq!(report.unreadable, [id("lost")]);
    assert!(
        report
            .elections
            .iter()
            .all(|(_, state, votes)| (*state, *votes) == (ElectionState::Open, 1))
    );
    for _ in 0..2 {
        let mut ledger = Store::open(&restored).unwrap();
        let refused = ledger.act(&[Act::Confirm(id("lost"))], None).unwrap_err();
        let refusal = ChangeRefusal::KeyMissing;
        let over = ActRefusal::NotAllowed { election: id("lost"), refusal };
        assert_eq!(refused, LedgerError::Refused(over));
        // Nor is it counted.
        let refusal = ChangeRefusal::Unconfirmed;
        let refused = ActRefusal::NotAllowed { election: id("lost"), refusal };
        let closed = ledger.act(&[Act::Close(id("lost"))], None).unwrap_err();
        assert_eq!(closed, LedgerError::Refused(refused));
        let votes = [vote("lost", 2, ADA, 1), vote("lost", 1, ADA, 1)];
        let refused = [Refusal::Unconfirmed, Refusal::AlreadyVoted].map(Outcome::Refused);
        assert_eq!(ledger.vote(&votes, NOW).unwrap(), refused);
        assert_eq!(ledger.snapshot().elections[0].ballots, 1);
        assert!(!missing.exists(), "no other key takes its place");
    }
    let mut ledger = Store::open(&restored).unwrap();
    ledger.act(&[Act::Confirm(id("kept"))], None).unwrap();
    assert_eq!(ledger.vote(&[vote("kept", 2, GRACE, 1)], NOW).unwrap(), [Outcome::Recorded]);
    ledger.act(&[Act::Close(id("kept"))], None).unwrap();
    assert_eq!(ledger.snapshot().elections[1].votes(), Some(&[1, 1][..]));
}

#[test]
fn a_running_store_puts_a_key_back_before_it_records_a_ballot() {
    let data = tempfile::tempdir().unwrap();
    let mut ledger = voted(data.path());
    let (lost, kept) = (key(data.path(), "1-lost.key"), key(data.path(), "2-kept.key"));
    let before = [&lost, &kept].map(|key| fs::read(key).unwrap());
    fs::remove_dir_all(data.path().join("keys")).unwrap();
    assert_eq!(ledger.vote(&[vote("lost", 2, ADA, 1)], NOW).unwrap(), [Outcome::Recorded]);
    assert!(lost.exists() && !kept.exists());
    // The end puts the others back.
    drop(ledger);
    assert_eq!([&lost, &kept].map(|key| fs::read(key).unwrap()), before);
    // Where it cannot, no vote is recorded.
    let mut ledger = Store::open(data.path()).unwrap();
    fs::remove_dir_all(data.path().join("keys")).unwrap();
    fs::write(data.path().join("keys"), "a file").unwrap();
    let decisions = ledger.vote_each(&[vote("lost", 3, ADA, 1)], NOW).unwrap();
    assert!(matches!(decisions[..], [Err(LedgerError::NotStored(_))]), "{decisions:?}");
    fs::remove_file(data.path().join("keys")).unwrap();
    assert_eq!(ledger.vote(&[vote("lost", 3, ADA, 1)], NOW).unwrap(), [Outcome::Recorded]);
}

#[test]
fn a_backup_with_keys_has_them_all_or_is_refused() {
    let (data, (folder, copy)) = (tempfile::tempdir().unwrap(), copies());
    drop(voted(data.path()));
    let lost = key(data.path(), "1-lost.key");
    let text = fs::read(&lost).unwrap();
    fs::remove_file(&lost).unwrap();
    check_refused(back_up(data.path(), &copy, true), &lost, "is missing");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
    // Without keys there is a backup also of a ledger that does not start.
    Store::open(data.path()).unwrap_err();
    let without = folder.path().join("without");
    back_up(data.path(), &without, false).unwrap();
    let restored = folder.path().join("on");
    bring_back(&without, &restored, WITHOUT_KEYS).unwrap();
    drop(Store::open(&restored).unwrap());
    fs::write(&lost, text).unwrap();
    back_up(data.path(), &copy, true).unwrap();
    // The keys of an earlier copy would be taken for those of a later one.
    fs::remove_file(&copy).unwrap();
    for with_keys in [true, false] {
        let error = back_up(data.path(), &copy, with_keys).unwrap_err().to_string();
        assert!(error.contains("copy.keys") && error.contains("not overwritten"), "{error}");
    }
    // What a killed backup has left is replaced.
    let keys = folder.path().join("copy.keys");
    fs::remove_file(&keys).unwrap();
    let part = folder.path().join("copy.keys.capvote-part");
    fs::write(&part, "half").unwrap();
    back_up(data.path(), &copy, true).unwrap();
    assert!(!part.exists());
    fs::set_permissions(&keys, Permissions::from_mode(0o644)).unwrap();
    let restored = folder.path().join("restored");
    check_refused(bring_back(&copy, &restored, RestoreOptions::default()), &keys, "chmod 600");
}

#[test]
fn a_wrong_key_is_named_and_the_ledger_is_not_called_damaged() {
    let (data, (folder, copy)) = (tempfile::tempdir().unwrap(), copies());
    let other = tempfile::tempdir().unwrap();
    let mut ledger = Store::open(data.path()).unwrap();
    ledger.act(&running("board"), None).unwrap();
    back_up(data.path(), &copy, false).unwrap();
    drop(ledger);
    // Two branches of one ledger, each with a key of its own for the same election.
    fs::remove_dir_all(data.path().join("keys")).unwrap();
    bring_back(&copy, other.path(), RestoreOptions::default()).unwrap();
    for directory in [data.path(), other.path()] {
        let mut ledger = Store::open(directory).unwrap();
        if directory == other.path() {
            ledger.act(&[Act::Confirm(id("board"))], None).unwrap();
        }
        assert_eq!(ledger.vote(&[vote("board", 1, ADA, 1)], NOW).unwrap(), [Outcome::Recorded]);
    }
    let [mine, others] = [data.path(), other.path()].map(|it| key(it, "1-board.key"));
    let right = fs::read(&mine).unwrap();
    fs::copy(&others, &mine).unwrap();
    check_refused(Store::open(data.path()), &mine, "not the key that ballot 1 of election board");
    // A restore does not choose between two keys.
    fs::write(&mine, right).unwrap();
    let with_keys = folder.path().join("with-keys");
    back_up(data.path(), &with_keys, true).unwrap();
    fs::remove_file(other.path().join("ledger.sqlite")).unwrap();
    let restored = bring_back(&with_keys, other.path(), RestoreOptions::default());
    check_refused(restored, &others, "move it away first");
    fs::remove_file(&others).unwrap();
    bring_back(&with_keys, other.path(), RestoreOptions::default()).unwrap();
    drop(Store::open(other.path()).unwrap());
}

#[test]
fn a_refused_restore_leaves_no_key_behind() {
    let (data, (folder, copy)) = (tempfile::tempdir().unwrap(), copies());
    drop(voted(data.path()));
    back_up(data.path(), &copy, false).unwrap();
    // Those of another ledger.
    let other = tempfile::tempdir().unwrap();
    drop(voted(other.path()));
    let wrong = folder.path().join("wrong");
    back_up(other.path(), &wrong, true).unwrap();
    fs::copy(folder.path().join("wrong.keys"), folder.path().join("copy.keys")).unwrap();
    let restored = folder.path().join("restored");
    let missing = key(&restored, "1-lost.key");
    check_refused(bring_back(&copy, &restored, RestoreOptions::default()), &missing, "is missing");
    assert!(!restored.join("keys").exists());
    bring_back(&copy, &restored, WITHOUT_KEYS).unwrap();
    assert!(!restored.join("keys").exists(), "keys of another ledger are not taken");
}

#[test]
fn a_start_removes_what_killed_programs_have_left() {
    let data = tempfile::tempdir().unwrap();
    drop(voted(data.path()));
    let left = [
        key(data.path(), ".capvote-Ab12Cd"),
        data.path().join("ledger.sqlite.capvote-part"),
        data.path().join("ledger.sqlite.capvote-part-journal"),
    ];
    left.iter().for_each(|file| fs::write(file, "half").unwrap());
    let unknown = key(data.path(), "7-other.key");
    fs::write(&unknown, "of some other ledger").unwrap();
    drop(Store::open(data.path()).unwrap());
    assert!(left.iter().all(|file| !file.exists()));
    assert!(unknown.exists());
}

#[test]
fn a_close_destroys_a_key_that_may_not_be_written_and_none_of_another_ledger() {
    let (data, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut ledger = voted(data.path());
    drop(voted(other.path()));
    let (lost, kept) = (key(data.path(), "1-lost.key"), key(data.path(), "2-kept.key"));
    fs::set_permissions(&lost, Permissions::from_mode(0o400)).unwrap();
    let foreign = fs::read(key(other.path(), "2-kept.key")).unwrap();
    fs::write(&kept, &foreign).unwrap();
    ledger.act(&[Act::Close(id("lost")), Act::Close(id("kept"))], None).unwrap();
    assert!(!lost.exists());
    assert_eq!(fs::read(&kept).unwrap(), foreign);
    drop(ledger);
    drop(Store::open(data.path()).unwrap());
    assert_eq!(fs::read(&kept).unwrap(), foreign);
}
