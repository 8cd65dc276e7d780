//! Links that open a part of the authority, and the officer's own.

use std::fs;
use std::path::Path;

use crate::process::{Server, board, client, officer, revoke, run};

#[test]
fn a_shared_link_works_until_it_is_revoked() {
    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), 3);
    let output = |name: &str| data.path().join(name).to_str().unwrap().to_string();
    let shared = officer(data.path(), &["share", "registrar"]).done().trim().to_string();
    let audit = officer(data.path(), &["share", "auditor"]).done().trim().to_string();
    assert!(shared.starts_with(&format!("{}/board#", server.link)), "{shared}");
    client(&shared, &["issue", "--count", "2", "--more", "--output", &output("one.csv")]).done();
    client(&shared, &["close"]).failed(3, "does not give the authority");
    client(&shared, &["turnout"]).failed(3, "does not give the authority");
    assert_eq!(client(&audit, &["turnout"]).done(), "0 of 5 have voted.\n");
    client(&audit, &["issue", "--count", "2", "--more", "--output", &output("two.csv")])
        .failed(1, "no numbers were issued");
    client(&server.link, &["close"]).failed(2, "it takes the officer's link");

    revoke(data.path(), &shared).done();
    client(&shared, &["issue", "--count", "2", "--more", "--output", &output("two.csv")])
        .failed(1, "was revoked");
    assert!(!Path::new(&output("two.csv")).exists());
    // The other links hold after a restart, at the server's new address. The command that created
    // the election may be repeated, though the roll has grown.
    drop(server);
    let server = board(data.path(), 3);
    let audit = format!("{}#{}", server.link, audit.split_once('#').unwrap().1);
    client(&audit, &["check"]).done();
    officer(data.path(), &["turnout"]).done();
    let moved = format!("{}#{}", server.link, shared.split_once('#').unwrap().1);
    client(&moved, &["issue", "--count", "2", "--more", "--output", &output("two.csv")])
        .failed(1, "was revoked");
}

#[test]
fn a_link_that_works_once_is_opened_by_the_first_command() {
    let data = tempfile::tempdir().unwrap();
    let _server = board(data.path(), 3);
    let audit = data.path().join("audit.link").to_str().unwrap().to_string();
    officer(data.path(), &["share", "auditor", "--once", "--output", &audit]).done();
    client(&audit, &["check"]).done();
    client(&audit, &["check"]).failed(1, "works once, and was opened before");
    // One that nobody opened is revoked as any other.
    let unused = officer(data.path(), &["share", "auditor", "--once"]).done().trim().to_string();
    revoke(data.path(), &unused).done();
    client(&unused, &["check"]).failed(1, "was revoked");
    officer(data.path(), &["revoke", &audit, "--void-numbers"]).done();
    client(&audit, &["check"]).failed(1, "was revoked");
}

#[test]
fn numbers_issued_under_a_stolen_link_are_voided() {
    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), 3);
    let output = data.path().join("stolen.csv").to_str().unwrap().to_string();
    let stolen = data.path().join("stolen.link").to_str().unwrap().to_string();
    officer(data.path(), &["share", "registrar", "--output", &stolen]).done();
    client(&stolen, &["issue", "--count", "2", "--more", "--output", &output]).done();
    let numbers = fs::read_to_string(&output).unwrap();
    let numbers: Vec<_> = numbers.lines().skip(1).collect();
    // Without an officer's link the command changes nothing.
    client(&server.link, &["revoke", &stolen, "--void-numbers"]).failed(2, "the officer's link");
    let vote = |number: &str| client(&server.link, &["vote", "Ada", "--voter-number", number]);
    vote(numbers[0]).done();
    officer(data.path(), &["revoke", &stolen]).done();
    let void = ["revoke", &stolen[..], "--void-numbers"];
    let said = officer(data.path(), &void).done().to_string();
    assert!(said.contains("1 voter number is off the roll"), "{said}");
    assert_eq!(vote(numbers[1]).code, Some(3));
    let again = officer(data.path(), &["--json", "revoke", &stolen, "--void-numbers"]);
    let again: serde_json::Value = serde_json::from_str(again.done()).unwrap();
    assert_eq!(again, serde_json::json!({ "revoked": true, "voided": 0 }));
}

#[test]
fn an_administration_link_is_for_one_election() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let output = |name: &str| data.path().join(name).to_str().unwrap().to_string();
    for id in ["board", "cake"] {
        officer(data.path(), &["create", id, "--candidate", "Ada"]).done();
    }
    let share = ["share", "administration", "--election", "board"];
    let board = officer(data.path(), &share).done().trim().to_string();
    assert!(board.starts_with(&format!("{}/board#", server.link)), "{board}");
    client(&board, &["issue", "--count", "2", "--output", &output("roll.csv")]).done();
    // It can share parts of itself, and cannot act for another election.
    let registrar = client(&board, &["share", "registrar"]).done().trim().to_string();
    client(&registrar, &["issue", "--count", "1", "--more", "--output", &output("more.csv")])
        .done();
    client(&board, &["open", "--election", "cake"]).failed(2, "the link is for election board");
    let bare = board.replace("/board#", "#");
    client(&bare, &["close", "--election", "cake"]).failed(2, "the link is for election board");
    client(&board, &["create", "tea", "--candidate", "Ada"])
        .failed(3, "does not give the authority");
    assert_eq!(
        client(&board, &["open"]).done(),
        "Election board is open, with 3 voters on the roll.\n"
    );
    assert_eq!(client(&board, &["turnout"]).done(), "0 of 3 have voted.\n");
    assert_eq!(client(&board, &["close"]).done(), "Election board is closed.\n");
    client(&board, &["check"]).done();
    // An election without ballots has a sheet.
    for sheet in ["sheet.csv", "sheet.json"] {
        client(&board, &["sheet", "--output", &output(sheet)]).done();
        client(&board, &["recount", &output(sheet)]).done();
    }
    revoke(data.path(), &board).done();
    client(&registrar, &["turnout"]).failed(1, "was revoked");
}

#[test]
fn a_lost_officers_link_is_replaced() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    officer(data.path(), &["create", "board", "--candidate", "Ada"]).done();
    let auditor = officer(data.path(), &["share", "auditor"]).done().trim().to_string();
    let token = |link: &str| link.trim().split_once('#').unwrap().1.to_string();
    let lost = fs::read_to_string(data.path().join("officer.link")).unwrap();
    let directory = data.path().to_str().unwrap();
    let renew = |more: &[&str]| {
        let arguments = [&["officer-link", directory], more].concat();
        run(env!("CARGO_BIN_EXE_capvote-server"), &arguments, b"")
    };
    renew(&[]).failed(3, "is in use by another capvote-server");
    drop(server);
    renew(&[]).failed(3, "opens the returning officer's authority already; --end-others");
    fs::remove_file(data.path().join("officer.link")).unwrap();
    renew(&[]).done();

    // The new link works, and so do the old ones.
    let server = Server::start(data.path(), &[]);
    officer(data.path(), &["turnout"]).done();
    let here = |link: &str| format!("{}#{}", server.link, token(link));
    for link in [&lost, &auditor] {
        client(&here(link), &["turnout"]).done();
    }
    drop(server);
    renew(&["--end-others"]).done();
    let server = Server::start(data.path(), &[]);
    officer(data.path(), &["turnout"]).done();
    for link in [&lost, &auditor] {
        let link = format!("{}#{}", server.link, token(link));
        client(&link, &["turnout"]).failed(1, "it was revoked");
    }
    let nowhere = data.path().join("nowhere");
    let arguments = ["officer-link", nowhere.to_str().unwrap()];
    run(env!("CARGO_BIN_EXE_capvote-server"), &arguments, b"").failed(1, "No such file");
    assert!(!nowhere.exists());
}
