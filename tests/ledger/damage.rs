//! Ledger files that are damaged, foreign, in use or not writable.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use capvote::election::{Definition, Grant, GrantId, Outcome, Refusal, Role, Rules, Token, Uses};
use capvote::ledger::sqlite::{Store, backup};
use capvote::ledger::{Act, ActRefusal, LedgerError, OpenError};
use rusqlite::Connection;

use super::{ADA, GRACE, NOW, create, id, numbers, running, vote};

fn sqlite(directory: &Path) -> Connection {
    Connection::open(directory.join("ledger.sqlite")).unwrap()
}

/// Makes a ledger of two elections, three commits, and a motion with the first one's roll, and closes
/// the file.
fn ledger_in(directory: &Path) {
    let mut ledger = Store::open(directory).unwrap();
    ledger.act(&running("board"), None).unwrap();
    ledger.act(&running("cake"), None).unwrap();
    for number in 1..=3 {
        let votes = [
            vote("board", number, ADA, 1),
            vote("cake", number, GRACE, 2),
            vote("board", 10 + number, GRACE, 3),
        ];
        ledger.vote(&votes, NOW).unwrap();
    }
    let names = ["Yes", "No"].map(String::from).to_vec();
    let majority = Some(">1/2 of marked".parse().unwrap());
    let motion = Definition::new(id("motion"), String::new(), names).unwrap();
    let motion = motion.with_rules(Rules { majority, ..Rules::default() }).unwrap();
    let motion = Act::Create(Arc::new(motion.with_roll(Some(id("board")))));
    ledger.act(&[motion, Act::Open(id("motion"))], None).unwrap();
}

/// Closes every election, and returns the votes for each choice.
fn final_votes(mut ledger: Store) -> Vec<Vec<u64>> {
    for election in ledger.snapshot().elections {
        ledger.act(&[Act::Close(election.definition.id.clone())], None).unwrap();
    }
    let standings = ledger.snapshot().elections;
    standings.iter().map(|standing| standing.votes().unwrap().to_vec()).collect()
}

#[test]
fn every_altered_row_is_noticed() {
    let alterations = [
        "UPDATE ballots SET voter = 999 WHERE id = 1",
        "UPDATE ballots SET sealed = (SELECT sealed FROM ballots WHERE id = 4) WHERE id = 5",
        "UPDATE ballots SET sealed = zeroblob(34) WHERE id = 9",
        "UPDATE ballots SET sealed = zeroblob(15) WHERE id = 9",
        "UPDATE ballots SET sealed = zeroblob(0) WHERE id = 9",
        "UPDATE ballots SET election = 3 - election WHERE id = 2",
        "DELETE FROM ballots WHERE id = 1",
        "DELETE FROM ballots WHERE id = 9",
        "INSERT INTO ballots (election, voter, sealed) VALUES (1, 500, zeroblob(34))",
        "UPDATE roll SET numbers = zeroblob(length(numbers)) WHERE id = 1",
        "UPDATE roll SET numbers = substr(numbers, 9) WHERE id = 2",
        "UPDATE roll SET numbers = substr(numbers, 2) WHERE id = 2",
        "INSERT INTO roll (election, numbers) VALUES (1, zeroblob(8))",
        "UPDATE candidates SET name = 'Eve' WHERE election = 1 AND position = 0",
        "DELETE FROM candidates WHERE election = 2 AND position = 1",
        "UPDATE elections SET title = 'The bored' WHERE key = 1",
        "UPDATE elections SET id = 'bored' WHERE key = 1",
        "UPDATE elections SET blank = 1 WHERE key = 1",
        "UPDATE elections SET sealed = 1 WHERE key = 1",
        "UPDATE elections SET closes = 5 WHERE key = 1",
        "UPDATE elections SET method = 2 WHERE key = 1",
        "UPDATE elections SET method = 9 WHERE key = 1",
        "UPDATE elections SET seats = 2 WHERE key = 1",
        "UPDATE elections SET marks = 2 WHERE key = 1",
        "UPDATE elections SET marks = 2 WHERE key = 3",
        "UPDATE elections SET majority = '>1/3 of marked' WHERE key = 3",
        "UPDATE elections SET quorum = 'some' WHERE key = 3",
        "UPDATE elections SET roll = 2 WHERE key = 3",
        "UPDATE elections SET roll = NULL WHERE key = 3",
        "INSERT INTO revoked (election, numbers) VALUES (1, zeroblob(8))",
        "UPDATE entries SET head = zeroblob(32) WHERE id = 4",
        "UPDATE entries SET kind = 9 WHERE id = 4",
        "UPDATE entries SET last = last + 1 WHERE kind = 15",
        "UPDATE entries SET last = 9223372036854775807 WHERE id = 12",
        "DELETE FROM entries WHERE id = 7",
        "DELETE FROM entries WHERE kind = 3",
        "DELETE FROM entries",
        "UPDATE entries SET election = -9223372036854775808 WHERE id = 4",
        "INSERT INTO elections (key, id, title, blank, sealed) VALUES (4, 'x', '', 0, 0)",
    ];
    for alteration in alterations {
        let directory = tempfile::tempdir().unwrap();
        ledger_in(directory.path());
        altered(directory.path(), alteration);
    }
}

/// Alters a ledger file and checks that opening it reports the damage.
fn altered(directory: &Path, alteration: &str) {
    let connection = sqlite(directory);
    connection.pragma_update(None, "foreign_keys", false).unwrap();
    assert!(connection.execute(alteration, []).unwrap() > 0, "{alteration} alters nothing");
    drop(connection);
    // A start may find by the mark that entries are missing. A backup knows only the chains.
    let refused = matches!(
        Store::open(directory),
        Err(OpenError::Damaged { .. } | OpenError::Refused { .. })
    );
    assert!(refused, "{alteration}");
    match backup(directory, &directory.join("copy"), true, &mut |_, _, _| {}) {
        Err(OpenError::Damaged { what, .. }) => println!("{alteration}: {what}"),
        other => panic!("{alteration}: {other:?}"),
    }
}

#[test]
fn every_altered_row_of_a_closed_election_is_noticed() {
    let alterations = [
        "UPDATE sheet SET ballot = x'0100' WHERE ballot = x'0000'",
        "UPDATE sheet SET ballot = zeroblob(3) WHERE id = 2",
        "UPDATE sheet SET nonce = zeroblob(16) WHERE id = 2",
        "UPDATE sheet SET election = 2 WHERE id = 2",
        "DELETE FROM sheet WHERE id = 6",
        "INSERT INTO sheet (election, ballot, nonce) VALUES (1, zeroblob(2), zeroblob(16))",
        "UPDATE ballots SET voter = 999 WHERE id = 1",
        "UPDATE ballots SET sealed = zeroblob(34) WHERE id = 1",
        "DELETE FROM ballots WHERE id = 1",
        "DELETE FROM entries WHERE kind = 16",
    ];
    for alteration in alterations {
        let directory = tempfile::tempdir().unwrap();
        ledger_in(directory.path());
        let mut ledger = Store::open(directory.path()).unwrap();
        ledger.act(&[Act::Close(id("board"))], None).unwrap();
        drop(ledger);
        altered(directory.path(), alteration);
    }
}

#[test]
fn an_untouched_ledger_opens_again() {
    let directory = tempfile::tempdir().unwrap();
    ledger_in(directory.path());
    let ledger = Store::open(directory.path()).unwrap();
    assert_eq!(final_votes(ledger), [[3, 3], [0, 3], [0, 0]]);
}

#[test]
fn broken_pages_are_named() {
    let directory = tempfile::tempdir().unwrap();
    ledger_in(directory.path());
    let path = directory.path().join("ledger.sqlite");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0xAA);
    fs::write(&path, bytes).unwrap();
    let error = Store::open(directory.path()).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
}

#[test]
fn a_file_that_is_not_a_ledger_is_not_altered() {
    let other_program = |directory: &Path| {
        sqlite(directory).execute_batch("CREATE TABLE recipes (name TEXT)").unwrap();
    };
    let newer_format = |directory: &Path| {
        ledger_in(directory);
        sqlite(directory).pragma_update(None, "user_version", 99).unwrap();
    };
    let no_database = |directory: &Path| {
        fs::write(directory.join("ledger.sqlite"), "this is no database, however long it may be")
            .unwrap();
    };
    type Prepare = fn(&Path);
    let cases: [(Prepare, &str); 3] = [
        (other_program, "some other program"),
        (newer_format, "format is 99"),
        (no_database, "not a SQLite file"),
    ];
    for (prepare, reason) in cases {
        let directory = tempfile::tempdir().unwrap();
        prepare(directory.path());
        let before = fs::read(directory.path().join("ledger.sqlite")).unwrap();
        let error = Store::open(directory.path()).unwrap_err();
        assert!(matches!(error, OpenError::Foreign { .. }), "{error:?}");
        assert!(error.to_string().contains(reason), "{error}");
        let after = fs::read(directory.path().join("ledger.sqlite")).unwrap();
        assert!(after == before, "{reason}: the file was altered");
    }
}

#[test]
fn a_failed_commit_counts_nothing_and_a_later_one_may_succeed() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = Store::open(directory.path()).unwrap();
    ledger.act(&running("board"), None).unwrap();
    ledger.vote(&[vote("board", 1, ADA, 1)], NOW).unwrap();
    let before = ledger.snapshot().elections;
    let other = sqlite(directory.path());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let votes = [vote("board", 2, ADA, 1), vote("board", 1, ADA, 1)];
    assert!(matches!(ledger.vote(&votes, NOW), Err(LedgerError::NotStored(_))));
    assert!(matches!(ledger.act(&running("cake"), None), Err(LedgerError::NotStored(_))));
    assert_eq!(ledger.snapshot().elections, before);
    other.execute_batch("ROLLBACK").unwrap();
    let outcomes = ledger.vote(&votes, NOW).unwrap();
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Recorded)));
    ledger.act(&running("cake"), None).unwrap();
    drop(ledger);
    assert_eq!(final_votes(Store::open(directory.path()).unwrap())[0], [2, 0]);
}

#[test]
fn after_an_unknown_outcome_the_ledger_refuses_everything_until_reopened() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = Store::open(directory.path()).unwrap();
    ledger.act(&running("board"), None).unwrap();
    ledger.vote(&[vote("board", 1, ADA, 1)], NOW).unwrap();
    let refuse = "CREATE TRIGGER no BEFORE INSERT ON entries BEGIN SELECT RAISE(ABORT, 'no'); END";
    sqlite(directory.path()).execute_batch(refuse).unwrap();
    let before = ledger.snapshot().elections;
    assert!(matches!(ledger.vote(&[vote("board", 2, ADA, 1)], NOW), Err(LedgerError::Unknown(_))));
    sqlite(directory.path()).execute_batch("DROP TRIGGER no").unwrap();
    let vote_3 = ledger.vote(&[vote("board", 3, ADA, 1)], NOW);
    assert_eq!(vote_3, Err(LedgerError::Stopped));
    assert_eq!(ledger.act(&running("cake"), None), Err(LedgerError::Stopped));
    assert_eq!(ledger.snapshot().elections, before);
    drop(ledger);
    let mut ledger = Store::open(directory.path()).unwrap();
    assert_eq!(ledger.snapshot().elections, before);
    ledger.vote(&[vote("board", 2, ADA, 1)], NOW).unwrap();
    assert_eq!(final_votes(ledger), [[2, 0]]);
}

/// Reading back a large ledger takes long and would block all votes.
#[test]
fn refused_acts_are_rolled_back_without_reading_the_ledger() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = Store::open(directory.path()).unwrap();
    let token = Token::from([7; Token::BYTES]).hash();
    let grant = |id| {
        let (role, uses) = (Role::ReturningOfficer, Uses::Any);
        Grant { id: GrantId(id), parent: None, role, token, uses }
    };
    ledger.act(&running("board"), None).unwrap();
    let draft = [create("draft"), Act::Issue(id("draft"), numbers(1..=9)), Act::Grant(grant(1))];
    ledger.act(&draft, None).unwrap();
    ledger.vote(&[vote("board", 1, ADA, 1)], NOW).unwrap();
    // Reading the file back would report this damage.
    let damage = "UPDATE entries SET head = zeroblob(32) WHERE id = 1";
    sqlite(directory.path()).execute_batch(damage).unwrap();

    let more = |election| Act::Issue(id(election), numbers(2_001..=2_005));
    let table = [
        running("cake"),
        vec![more("board")],
        vec![more("draft"), Act::Open(id("draft")), Act::Issue(id("draft"), numbers([3_000]))],
        vec![Act::Revoke(id("draft"), numbers([3, 4])), Act::Open(id("draft"))],
        vec![Act::Open(id("draft")), Act::Close(id("draft")), Act::Close(id("board"))],
        vec![Act::RevokeGrant(GrantId(1)), Act::Grant(grant(2))],
    ];
    let before = ledger.snapshot().elections;
    for mut acts in table {
        acts.push(Act::Open(id("nowhere")));
        let refused = ledger.act(&acts, None).unwrap_err();
        assert!(
            matches!(refused, LedgerError::Refused(ActRefusal::NoSuchElection(_))),
            "{acts:?}: {refused}"
        );
        // An act that changes nothing rebuilds the snapshot.
        let shown = ["board", "draft"].map(|election| Act::Issue(id(election), Vec::new()));
        ledger.act(&shown, None).unwrap();
        assert_eq!(ledger.snapshot().elections, before, "{acts:?}");
        assert!(ledger.snapshot().grants.iter().eq([&grant(1)]), "{acts:?}");
    }
    ledger.act(&[more("board"), Act::Revoke(id("draft"), numbers([3]))], None).unwrap();
    ledger.act(&running("cake"), None).unwrap();
    let votes = [vote("board", 1, GRACE, 1), vote("board", 2_005, ADA, 1), vote("cake", 1, ADA, 1)];
    let outcomes = ledger.vote(&votes, NOW).unwrap();
    assert_eq!(outcomes[0], Outcome::Refused(Refusal::AlreadyVoted));
    assert!(outcomes[1..].iter().all(|outcome| matches!(outcome, Outcome::Recorded)));
}

#[test]
fn a_ledger_is_open_in_one_process_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let first = Store::open(directory.path()).unwrap();
    assert!(matches!(Store::open(directory.path()), Err(OpenError::InUse(_))));
    drop(first);
    Store::open(directory.path()).unwrap();
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Store::open(&file).unwrap_err();
    assert!(matches!(error, OpenError::Inaccessible { .. }), "{error:?}");
    assert!(error.to_string().contains("file"), "{error}");
}

#[test]
fn only_the_owner_may_read_the_files() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("data");
    let mut ledger = Store::open(&directory).unwrap();
    ledger.act(&running("board"), None).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    let entries: Vec<_> =
        fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(entries.len() >= 3, "{entries:?}");
    let keys: Vec<_> = fs::read_dir(directory.join("keys")).unwrap().collect();
    assert_eq!(keys.len(), 1);
    let keys = keys.into_iter().map(|entry| entry.unwrap().path());
    for path in entries.into_iter().chain(keys) {
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&path), expected, "{path:?}");
    }
}
