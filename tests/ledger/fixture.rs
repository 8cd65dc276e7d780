//! A ledger file of each format opens.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use capvote::election::{
    Ballot, Definition, ElectionState, Grant, GrantId, Method, Outcome, Refusal, Role, Rules,
    Token, Uses, Vote,
};
use capvote::ledger::sqlite::{
    RestoreOptions, RestoreReport, SqliteLedger, Store, backup, restore,
};
use capvote::ledger::{Act, Authorization, Ledger, system_clock};

use super::{ADA, GRACE, NOW, create, id, numbers, running, vote};

pub(crate) fn fixture(format: u32) -> PathBuf {
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
    let (role, uses) = (Role::ReturningOfficer, Uses::Any);
    let grant = Grant { id: GrantId(1), parent: None, role, token, uses };
    let registrar = Role::Registrar(id("open"));
    let parent = Some(GrantId(1));
    let child = Grant { id: GrantId(2), parent, role: registrar.clone(), token, uses };
    let stolen = Token::from([8; Token::BYTES]).hash();
    let other = Grant { id: GrantId(3), parent, role: registrar, token: stolen, uses };
    let once = Grant { uses: Uses::Once, id: GrantId(4), ..child.clone() };
    ledger.act(&[grant, child, other, once].map(Act::Grant), None).unwrap();
    ledger.act(&[Act::SpendToken(GrantId(4))], None).unwrap();
    let under = Some(Authorization { grant: GrantId(3), revoked: Vec::new() });
    let issued = Act::Issue(id("open"), numbers(6_000..6_010));
    ledger.act(&[issued], under.as_ref()).unwrap();
    let ledger = SqliteLedger::start(ledger, system_clock()).unwrap();
    assert_eq!(ledger.void(id("open"), stolen, None).await.unwrap(), 10);
    drop(ledger);
    let mut ledger = Store::open(directory.path()).unwrap();
    let names = ["Ada", "Grace", "Nobody"].map(String::from).to_vec();
    let ranks = Definition::new(id("ranks"), "The ranks".into(), names).unwrap();
    let rules = Rules { method: Method::Transferable, marks: 3, none: true, ..Rules::default() };
    let ranks = Act::Create(Arc::new(ranks.with_rules(rules).unwrap().with_roll(Some(id("open")))));
    ledger.act(&[ranks, Act::Open(id("ranks"))], None).unwrap();
    let definition = ledger.snapshot().elections[3].definition.clone();
    for number in 1..=5 {
        let ballot = Ballot::new(&definition.slate, &definition.rules, &[2, 1, 3]).unwrap();
        let vote = Vote { ballot, ..vote("ranks", number, ADA, number as u8) };
        ledger.vote(&[vote], NOW).unwrap();
    }
    drop(ledger);
    let (copy, restored) = (directory.path().join("copy"), directory.path().join("restored"));
    backup(directory.path(), &copy, true, &mut |_, _, _| {}).unwrap();
    restore(&copy, &restored, RestoreOptions::default(), &mut |_, _, _| {}).unwrap();
    let mut ledger = Store::open(&restored).unwrap();
    let restored_ones = ["open", "draft", "ranks"];
    ledger.act(&restored_ones.map(|election| Act::Confirm(id(election))), None).unwrap();
    drop(ledger);
    backup(&restored, &fixture(4), true, &mut |_, _, _| {}).unwrap();
}

/// Restores a fixture to a directory, with its keys, which only their owner may read.
pub(crate) fn restored(format: u32, directory: &Path) -> RestoreReport {
    let folder = tempfile::tempdir().unwrap();
    let (copy, keys) = (folder.path().join("copy"), folder.path().join("copy.keys"));
    fs::copy(fixture(format), &copy).unwrap();
    if format >= 3 {
        fs::copy(fixture(format).with_extension("sqlite.keys"), &keys).unwrap();
        fs::set_permissions(&keys, fs::Permissions::from_mode(0o600)).unwrap();
    }
    restore(&copy, directory, RestoreOptions::default(), &mut |_, _, _| {}).unwrap()
}

#[test]
fn backups_of_earlier_formats_are_restored_with_their_ballots_sealed() {
    for (format, closed) in [(2, 5), (3, 34), (4, 34)] {
        let directory = tempfile::tempdir().unwrap();
        let report = restored(format, directory.path());
        assert_eq!(report.epoch, 3);
        let mut ledger = Store::open(directory.path()).unwrap();
        ledger.act(&["open", "draft"].map(|election| Act::Confirm(id(election))), None).unwrap();
        if format >= 3 {
            ledger.act(&[Act::Confirm(id("ranks"))], None).unwrap();
            let standing = ledger.snapshot().elections[3].clone();
            assert_eq!((standing.ballots, standing.voters), (5, 1_001));
            assert_eq!(standing.definition.roll, Some(id("open")));
            assert_eq!(standing.definition.rules.method, Method::Transferable);
        }
        let grants = ledger.snapshot().grants.clone();
        let spent = grants.iter().filter(|grant| grant.uses == Uses::Spent);
        assert_eq!(spent.count(), usize::from(format == 4));
        drop(ledger);
        it_is_the_ledger_of_the_fixtures(directory.path());
        let ledger = Store::open(directory.path()).unwrap();
        for (election, entries) in [("open", 41), ("closed", closed), ("draft", 7)] {
            let report = ledger.reader().check(&id(election)).unwrap();
            assert_eq!(report.entries, entries, "{election} of format {format}");
        }
    }
}

#[test]
fn the_heads_of_closed_elections_hold_for_ever() {
    for (format, head) in [(1, HEAD_1), (2, HEAD_2), (3, HEAD_3), (4, HEAD_4)] {
        let directory = tempfile::tempdir().unwrap();
        match format {
            1 => drop(fs::copy(fixture(1), directory.path().join("ledger.sqlite")).unwrap()),
            _ => drop(restored(format, directory.path())),
        }
        let ledger = Store::open(directory.path()).unwrap();
        let report = ledger.reader().check(&id("closed")).unwrap();
        let found: String = report.head.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, head, "format {format}");
        assert_eq!((report.ballots, report.numbers_used), (30, 30));
    }
}

/// The heads that each version reported of its fixture.
const HEAD_1: &str = "1cb991868b6efbcde1cc4432dc5cdc1ab84e276f0c5352f250fe5f34def6abb3";
const HEAD_2: &str = "6687183e5c18e14d62a3b0b598ff97b97e09872a4a55b8f63168b6de40318843";
const HEAD_3: &str = "37d02547046a9b30e705500aac87fe952baf0b375196e7ab71b2c8a50dc335bf";
const HEAD_4: &str = "d8d87f3fdebbd50983332acbbd9f2336697c0b1dc7665e019599aae64b94deee";

/// The ballots of the fixtures have nonces of 16 equal bytes.
#[test]
fn an_upgrade_leaves_no_unsealed_ballot_in_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.sqlite");
    fs::copy(fixture(1), &path).unwrap();
    // Of the closed election, each nonce is on the sheet.
    let nonces = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        let of = |n: u8| memchr::memmem::find_iter(&bytes, &[n; 16]).count();
        (2..=30).map(of).sum::<usize>()
    };
    assert!(nonces(&path) >= 2 * 29, "the search does not find the unsealed ballots");
    drop(Store::open(directory.path()).unwrap());
    assert_eq!(nonces(&path), 29);
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
        let votes: Vec<_> =
            standings.iter().take(3).map(|standing| standing.votes().unwrap()).collect();
        assert_eq!(votes, [[14, 6], [20, 10], [0, 0]]);
        let voters: Vec<_> = standings.iter().take(3).map(|standing| standing.voters).collect();
        assert_eq!(voters, [1_001, 1_000, 7]);
        let grants = ledger.snapshot().grants.clone();
        assert_eq!(grants.iter().filter(|grant| grant.uses == Uses::Any).count(), 2);
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
