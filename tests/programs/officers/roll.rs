//! Voter numbers on the roll.

use std::fs;

use crate::process::{Server, client, officer, write_private};

#[test]
fn a_lost_letter_is_revoked_and_issued_again() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let file = |name: &str| data.path().join(name).to_str().unwrap().to_string();
    officer(data.path(), &["create", "board", "--candidate", "Ada"]).done();
    write_private(file("people.csv"), "name\nAnn\nBob\n");
    let issue = ["issue", "--roll", &file("people.csv"), "--output", &file("roll.csv")];
    officer(data.path(), &issue).done();
    let roll = fs::read_to_string(file("roll.csv")).unwrap();
    let rows: Vec<_> = roll.lines().collect();
    write_private(file("lost.csv"), &format!("{}\n{}\n", rows[0], rows[1]));
    let revoke = |name: &str| officer(data.path(), &["revoke-numbers", &file(name)]);
    assert_eq!(revoke("lost.csv").done(), "1 voter number is off the roll.\n");
    revoke("lost.csv").failed(3, "not on the roll");
    revoke("people.csv").failed(2, "has no column voter_number");
    write_private(file("wrong.csv"), "voter_number\n12x\n");
    revoke("wrong.csv").failed(2, "line 2");
    fs::write(file("ann.csv"), "name\nAnn\n").unwrap();
    let issue = ["issue", "--roll", &file("ann.csv"), "--output", &file("letter.csv")];
    officer(data.path(), &issue).done();
    officer(data.path(), &["open"]).done();
    let again = fs::read_to_string(file("letter.csv")).unwrap();
    let number = |row: &str| row.split(',').nth(1).unwrap().to_string();
    let vote = |number: &str| client(&server.link, &["vote", "Ada", "--voter-number", number]);
    vote(&number(rows[1])).failed(3, "not on the roll");
    vote(&number(rows[2])).done();
    vote(&number(again.lines().nth(1).unwrap())).done();
    write_private(file("bob.csv"), &format!("{}\n{}\n", rows[0], rows[2]));
    revoke("bob.csv").failed(3, "the roll is frozen");
}
