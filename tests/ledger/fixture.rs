//! A ledger file of each format opens.

use std::fs;
use std::path::{Path, PathBuf};

use capvote::election::{ElectionState, Grant, GrantId, Outcome, Refusal, Role, Token};
use capvote::ledger::sqlite::{SqliteLedger, Store, backup, restore};
use capvote::ledger::{Act, Authorization, Ledger, system_clock};

use super::{ADA, GRACE, NOW, create, id, numbers, running, vote};

fn fixture(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/format-{format}.sqlite"))
}

/// Writes the fixture of the current format. Run this once for each new format:
/// `cargo test --test ledger -- --ignored write_the_fixture`
#[tokio::test]
#[ignore = "writes a file of the repository"]
async fn write_the_fixture_of_this_format() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = Store::open(directory.path()).unwrap();
    ledger.act(&running("open"), None).unwrap();
    ledger.act(&running("closed"), None).unwrap();
    let revoked = Act::Revoke(id("draft"), numbers([3, 4]));
    ledger.act(&[create("draft"), Act::Issue(id("draft"), numbers(1..=9)), revoked], None).unwrap();
    for number in 1..=30 {
        let choice = if number % 3 == 0 { GRACE } else { ADA };
        let votes = ["open", "closed"].map(|election| vote(election, number, choice, number as u8));
        ledger.vote(&votes, NOW).unwrap();
    }
    ledger
        .act(&[Act::Issue(id("open"), numbers([5_000])), Act::Close(id("closed"))], None)
        .unwrap();
    let token = Token::from([7; Token::BYTES]).hash();
    let grant = Grant { id: GrantId(1), parent: None, role: Role::ReturningOfficer, token };
    let registrar = Role::Registrar(id("open"));
    let child = Grant { id: GrantId(2), parent: Some(GrantId(1)), role: registrar.clone(), token };
    let stolen = Token::from([8; Token::BYTES]).hash();
    let other = Grant { id: GrantId(3), parent: Some(GrantId(1)), role: registrar, token: stolen };
    ledger.act(&[grant, child, other].map(Act::Grant), None).unwrap();
    let under = Some(Authorization { grant: GrantId(3), revoked: Vec::new() });
    let issued = Act::Issue(id("open"), numbers(6_000..6_010));
    ledger.act(&[issued], under.as_ref()).unwrap();
    let ledger = SqliteLedger::start(ledger, system_clock()).unwrap();
    assert_eq!(ledger.void(id("open"), stolen, None).await.unwrap(), 10);
    drop(ledger);
    let (copy, restored) = (directory.path().join("copy"), directory.path().join("restored"));
    backup(directory.path(), &copy, &mut |_, _, _| {}).unwrap();
    restore(&copy, &restored, false, &mut |_, _, _| {}).unwrap();
    let mut ledger = Store::open(&restored).unwrap();
    ledger.act(&["open", "draft"].map(|election| Act::Confirm(id(election))), None).unwrap();
    drop(ledger);
    backup(&restored, &fixture(2), &mut |_, _, _| {}).unwrap();
}

#[test]
fn a_backup_of_format_2_is_restored() {
    let directory = tempfile::tempdir().unwrap();
    let report = restore(&fixture(2), directory.path(), false, &mut |_, _, _| {}).unwrap();
    assert_eq!(report.epoch, 3);
    let mut ledger = Store::open(directory.path()).unwrap();
    ledger.act(&["open", "draft"].map(|election| Act::Confirm(id(election))), None).unwrap();
    drop(ledger);
    it_is_the_ledger_of_the_fixtures(directory.path());
    let ledger = Store::open(directory.path()).unwrap();
    for (election, entries) in [("open", 41), ("closed", 5), ("draft", 7)] {
        let report = ledger.reader().check(&id(election)).unwrap();
        assert_eq!(report.entries, entries, "{election}");
    }
}

#[test]
fn a_ledger_of_format_1_opens() {
    let directory = tempfile::tempdir().unwrap();
    fs::copy(fixture(1), directory.path().join("ledger.sqlite")).unwrap();
    it_is_the_ledger_of_the_fixtures(directory.path());
}

fn it_is_the_ledger_of_the_fixtures(directory: &Path) {
    for _ in 0..2 {
        let ledger = Store::open(directory).unwrap();
        let standings = ledger.snapshot().elections;
        let of = |index: usize| (&standings[index].definition.title[..], standings[index].state);
        assert_eq!(of(0), ("The open", ElectionState::Open));
        assert_eq!(of(1), ("The closed", ElectionState::Closed));
        assert_eq!(of(2), ("The draft", ElectionState::Draft));
        // Of the open one, the newest ballots are not published.
        let votes: Vec<_> = standings.iter().map(|standing| standing.votes().unwrap()).collect();
        assert_eq!(votes, [[14, 6], [20, 10], [0, 0]]);
        let voters: Vec<_> = standings.iter().map(|standing| standing.voters).collect();
        assert_eq!(voters, [1_001, 1_000, 7]);
        assert_eq!(ledger.snapshot().grants.iter().count(), 2);
        let token = Token::from([7; Token::BYTES]);
        assert!(ledger.snapshot().grants.find(&token.hash()).is_some());
    }
    let mut ledger = Store::open(directory).unwrap();
    let votes = [
        vote("open", 1, ADA, 1),
        vote("open", 1, ADA, 2),
        vote("closed", 31, ADA, 99),
        vote("open", 5_000, ADA, 1),
    ];
    let outcomes = ledger.vote(&votes, NOW).unwrap();
    assert!(matches!(outcomes[0], Outcome::Recorded), "a retry");
    assert_eq!(outcomes[1], Outcome::Refused(Refusal::AlreadyVoted));
    assert_eq!(outcomes[2], Outcome::Refused(Refusal::Closed));
    assert!(matches!(outcomes[3], Outcome::Recorded), "a first vote");
}
