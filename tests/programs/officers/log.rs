//! The server's log.

use std::fs;
use std::io::Read;
use std::net::TcpStream;
use std::path::Path;

use capnp::message::Builder;
use capnp_rpc::rpc_capnp::message;
use serde_json::Value;

use crate::process::{BOARD, Server, client, officer, revoke, write_private};

#[test]
fn a_server_runs_on_if_nothing_reads_its_log() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::without_log_reader(data.path());
    officer(data.path(), &["create", "board", "--candidate", "Ada"]).done();
    assert_eq!(officer(data.path(), &["open"]).code, Some(0));
    officer(data.path(), &["close"]).done();
    server.signal("TERM");
    assert_eq!(server.wait(), (Some(0), String::new()));
}

#[test]
fn the_server_says_that_the_results_of_its_own_election_are_live() {
    let data = tempfile::tempdir().unwrap();
    let log = data.path().join("log");
    let server = Server::logging(&log, data.path(), &[&BOARD[..], &["--voters", "3"]].concat());
    let info = client(&server.link, &["info"]);
    assert!(
        info.done().contains("shown while voting, in batches of 10 ballots"),
        "{}",
        info.stdout
    );
    server.signal("TERM");
    assert_eq!(server.wait(), (Some(0), String::new()));
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("its results are live, for trying things out"), "{log}");
}

#[test]
fn the_log_has_no_numbers_choices_receipts_or_tokens() {
    let data = tempfile::tempdir().unwrap();
    let log = data.path().join("log");
    let server = Server::logging(&log, data.path(), &[]);
    let secrets = run_an_election(&server, data.path());
    abort(&server.link);
    server.signal("TERM");
    assert_eq!(server.wait(), (Some(0), String::new()));

    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("an election was closed"), "{log}");
    assert!(log.contains("connection failed"), "{log}");
    assert!(!log.contains(FORGED), "a client has written into the log");
    assert!(secrets.len() > 60);
    for secret in secrets {
        assert!(!log.contains(&secret), "the log has {secret}");
    }
}

/// What no client may write into the log.
const FORGED: &str = "a vote for Grace";

/// Ends a connection with a text of its own.
fn abort(link: &str) {
    let mut message = Builder::new_default();
    let mut abort = message.init_root::<message::Builder<'_>>().init_abort();
    abort.set_reason(format!("x\nERROR {FORGED}\u{1b}[2J"));
    let mut connection = TcpStream::connect(link.strip_prefix("capvote://").unwrap()).unwrap();
    capnp::serialize::write_message(&mut connection, &message).unwrap();
    // The server closes it.
    let _ = connection.read_to_end(&mut Vec::new());
}

/// Runs an election with votes and refusals of every kind. Returns what must not be logged.
fn run_an_election(server: &Server, data: &Path) -> Vec<String> {
    let file = |name: &str| data.join(name).to_str().unwrap().to_string();
    let names = ["--candidate", "Anneliese", "--candidate", "Grace", "--results", "sealed"];
    officer(data, &[&["create", "board"], &names[..]].concat()).done();
    officer(data, &["issue", "--count", "9", "--output", &file("roll.csv")]).done();
    let roll = fs::read_to_string(file("roll.csv")).unwrap();
    let numbers: Vec<_> = roll.lines().skip(1).collect();
    write_private(file("lost.csv"), &format!("voter_number\n{}\n", numbers[8]));
    officer(data, &["revoke-numbers", &file("lost.csv")]).done();
    officer(data, &["open"]).done();
    let receipt = file("receipt.json");
    for &number in &numbers[..8] {
        let vote = ["vote", "Anneliese", "--voter-number", number];
        let kept = if number == numbers[0] { &["--receipt", &receipt][..] } else { &[] };
        client(&server.link, &[&vote[..], kept].concat()).done();
        client(&server.link, &vote).failed(3, "has already voted");
    }
    for number in ["424242424242", numbers[8]] {
        client(&server.link, &["vote", "Anneliese", "--voter-number", number]).failed(3, "roll");
    }
    client(&server.link, &["vote", "Nobody Known", "--voter-number", numbers[0]])
        .failed(3, "is not a candidate");
    let shared = officer(data, &["share", "auditor"]).done().trim().to_string();
    revoke(data, &shared).done();
    client(&shared, &["turnout"]).failed(1, "opens nothing");
    officer(data, &["check"]).done();
    officer(data, &["close"]).done();
    officer(data, &["sheet", "--output", &file("sheet.csv")]).done();

    let token = |link: &str| link.trim().split_once('#').unwrap().1.to_string();
    let mut secrets = vec!["Anneliese".to_string(), "424242424242".into(), "Nobody Known".into()];
    secrets.extend([token(&fs::read_to_string(file("officer.link")).unwrap()), token(&shared)]);
    secrets.extend(numbers.into_iter().flat_map(forms));
    // The sheet pairs receipts with choices, so a logged receipt reveals a vote.
    let receipt: Value = serde_json::from_str(&fs::read_to_string(receipt).unwrap()).unwrap();
    secrets.extend(["receipt", "nonce"].map(|field| receipt[field].as_str().unwrap().to_string()));
    for line in fs::read_to_string(file("sheet.csv")).unwrap().lines().skip(1) {
        secrets.extend(line.split(',').skip(2).map(String::from));
    }
    secrets
}

/// A voter number as it is shown, typed, stored, and printed for debugging.
fn forms(number: &str) -> Vec<String> {
    let value: u64 = number.replace('-', "").parse().unwrap();
    vec![
        number.to_string(),
        value.to_string(),
        value.cast_signed().to_string(),
        format!("{value:x}"),
        format!("{:?}", value.to_le_bytes()),
    ]
}
