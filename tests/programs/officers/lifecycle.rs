//! An election from its draft to its close.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use super::state;
use crate::process::{Server, board, client, numbers, officer};

/// The timeout for what the server does by itself. Reached only if a test fails.
const WAIT_MAX: Duration = Duration::from_secs(30);

#[test]
fn an_election_for_three_people() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let people = data.path().join("people.csv");
    let roll = data.path().join("roll.csv");
    fs::write(&people, "name\nAnn\nBob\nEve\n").unwrap();
    let (people, output) = (people.to_str().unwrap(), roll.to_str().unwrap());
    let create = ["create", "board", "--candidate", "Ada", "--candidate", "Grace"];
    assert_eq!(officer(data.path(), &create).done(), "Election board is created.\n");
    officer(data.path(), &create).failed(3, "there is an election board already");
    officer(data.path(), &["issue", "--roll", people, "--output", output]).done();
    officer(data.path(), &["issue", "--count", "1", "--output", output])
        .failed(1, "not overwritten");
    officer(data.path(), &["open"]).done();
    let numbers: Vec<String> = fs::read_to_string(&roll)
        .unwrap()
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(1).unwrap().to_string())
        .collect();
    assert_eq!(numbers.len(), 3);
    for (number, candidate) in numbers.iter().zip(["Grace", "Ada", "Grace"]) {
        client(&server.link, &["vote", candidate, "--voter-number", number]).done();
    }
    assert!(
        client(&server.link, &["result"])
            .done()
            .ends_with("3 of 3 have voted. The count is sealed until the close.\n")
    );
    officer(data.path(), &["close"]).done();
    assert_eq!(client(&server.link, &["result", "Grace"]).done(), "Grace: 2 votes (final)\n");
    assert!(
        officer(data.path(), &["check"])
            .done()
            .contains("3 ballots are stored, and 3 numbers have voted")
    );
}

#[test]
fn watch_shows_every_change_until_the_close() {
    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), 3);
    let mut watching = Command::new(env!("CARGO_BIN_EXE_capvote-client"))
        .args(["--link", &server.link, "watch", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["turnout"]["ballots"], 0);
    for (voted, number) in (1..).zip(numbers(data.path())) {
        client(&server.link, &["vote", "Ada", "--voter-number", &number.to_string()]).done();
        assert_eq!(next()["turnout"]["ballots"], voted);
    }
    officer(data.path(), &["close"]).done();
    assert_eq!(next()["status"], "final");
    assert!(lines.next().is_none());
    assert_eq!(watching.wait().unwrap().code(), Some(0));
}

#[test]
fn the_server_opens_and_closes_at_the_scheduled_times() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64;
    let [opens, closes] =
        [2, 4].map(|later| jiff::Timestamp::from_second(now + later).unwrap().to_string());
    let times = ["--opens", &opens, "--closes", &closes];
    let create = ["create", "board", "--candidate", "Ada"];
    officer(data.path(), &[&create[..], &times].concat()).done();
    let started = Instant::now();
    let mut seen = vec![state(data.path())];
    while seen.last().unwrap() != "closed" {
        assert!(started.elapsed() < WAIT_MAX, "{seen:?}");
        let now = state(data.path());
        if seen.last() != Some(&now) {
            seen.push(now);
        }
    }
    assert!(seen.ends_with(&["open".to_string(), "closed".to_string()]), "{seen:?}");
    drop(server);
    let _server = Server::start(data.path(), &[]);
    assert_eq!(state(data.path()), "closed");
}

#[test]
fn after_a_kill_a_close_is_complete_or_did_not_happen() {
    const VOTES: usize = 200;
    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), VOTES as u32);
    let numbers = numbers(data.path());
    for (index, number) in numbers.iter().enumerate().take(20) {
        let candidate = ["Ada", "Grace"][index % 2];
        client(&server.link, &["vote", candidate, "--voter-number", &number.to_string()]).done();
    }
    drop(server);
    let pristine = data.path().join("pristine");
    fs::create_dir(&pristine).unwrap();
    fs::create_dir(pristine.join("keys")).unwrap();
    copy_ledger(data.path(), &pristine);
    let mut states = std::collections::BTreeMap::new();
    for round in 0..20_u32 {
        copy_ledger(&pristine, data.path());
        let server = Server::start(data.path(), &[]);
        let link = data.path().join("officer.link");
        let mut closing = Command::new(env!("CARGO_BIN_EXE_capvote-client"))
            .args(["--link", link.to_str().unwrap(), "close"])
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // The rounds range from before the request arrives to after the close is done.
        std::thread::sleep(Duration::from_micros(u64::from(round) * 400));
        server.kill();
        closing.wait().unwrap();
        let server = Server::start(data.path(), &[]);
        let results: Value =
            serde_json::from_str(client(&server.link, &["result", "--json"]).done()).unwrap();
        assert_eq!(results["turnout"]["ballots"], 20, "round {round}");
        // A live count leaves out the newest batch.
        let votes = if results["status"] == "final" { 10 } else { 5 };
        assert_eq!(results["candidates"][0]["votes"], votes, "round {round}");
        officer(data.path(), &["check"]).done();
        *states.entry(state(data.path())).or_insert(0) += 1;
    }
    println!("{states:?}");
    assert!(states.keys().all(|state| state == "open" || state == "closed"), "{states:?}");
}

/// Replaces the ledger in a directory. There is no WAL if the server was not killed with one.
fn copy_ledger(from: &Path, to: &Path) {
    for name in ["ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"] {
        let _ = fs::remove_file(to.join(name));
    }
    for name in ["ledger.sqlite", "ledger.sqlite-wal", "ledger.mark", "keys/1-board.key"] {
        let _ = fs::copy(from.join(name), to.join(name));
    }
}

#[test]
fn a_sealed_election_shows_no_count_until_the_close() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    officer(data.path(), &["create", "board", "--candidate", "Ada"]).done();
    officer(data.path(), &["close"]).failed(3, "it is a draft, and was not opened yet");
    let opened = officer(data.path(), &["open"]);
    assert_eq!(opened.stdout, "Election board is open, with 0 voters on the roll.\n");
    assert!(opened.stderr.contains("before voter numbers are issued"), "{}", opened.stderr);
    officer(data.path(), &["open"]).failed(3, "it is open already; nothing was changed");
    let output = data.path().join("numbers.csv");
    let issue = ["issue", "--count", "1", "--output", output.to_str().unwrap()];
    assert!(officer(data.path(), &issue).done().starts_with("1 voter number is in "));
    let number = fs::read_to_string(&output).unwrap().lines().nth(1).unwrap().to_string();
    client(&server.link, &["vote", "Ada", "--voter-number", &number]).done();
    let sealed = "The count is sealed until the close.\n";
    let results = client(&server.link, &["result"]);
    assert_eq!(results.done(), format!("1 of 1 has voted. {sealed}"));
    assert!(client(&server.link, &["result", "Ada"]).done().contains("sealed until the close"));
    assert_eq!(officer(data.path(), &["turnout"]).done(), "1 of 1 has voted.\n");
    officer(data.path(), &["close"]).done();
    officer(data.path(), &["close"]).failed(3, "it is closed already, and a close is for good");
    let info = client(&server.link, &["info"]);
    assert!(info.done().contains("The count was sealed until the close; see result."));
}
