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
    let issue = ["issue", "--roll", &file("ann.csv"), "--output", &file("letter.csv"), "--more"];
    officer(data.path(), &issue[..5]).failed(3, "the roll of election board has 1 voter number;");
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

#[test]
fn a_list_that_has_grown_is_issued_again_to_those_who_are_new() {
    let data = tempfile::tempdir().unwrap();
    let _server = Server::start(data.path(), &[]);
    let file = |name: &str| data.path().join(name).to_str().unwrap().to_string();
    officer(data.path(), &["create", "board", "--candidate", "Ada"]).done();
    let issue = |list: &str, output: &str, more: &[&str]| {
        let words = ["issue", "--roll", &file(list), "--output", &file(output)];
        officer(data.path(), &[&words[..], more].concat())
    };
    write_private(file("people.csv"), "name\nAnn\nBob\n");
    let said = issue("people.csv", "first.csv", &[]);
    let columns = "Its columns are \"name\", \"voter_number\".";
    assert_eq!(said.done(), format!("2 voter numbers are in {}. {columns}\n", file("first.csv")));
    let first = fs::read_to_string(file("first.csv")).unwrap();

    // The list has grown: nobody gets a second number without --more.
    write_private(file("people.csv"), "name\nAnn\nBob\nCleo\n");
    issue("people.csv", "no.csv", &[]).failed(3, "has 2 voter numbers; no numbers were issued");
    write_private(file("other.csv"), "name\nAnn\nCleo\n");
    issue("other.csv", "no.csv", &["--letters", &file("first.csv")])
        .failed(3, "not on the list as they are written there, in lines 3 (Bob)");
    let known = ["--letters", &file("first.csv")];
    let said = issue("people.csv", "second.csv", &known);
    assert!(said.done().contains("1 voter number is in"), "{}", said.stdout);
    assert!(said.done().contains("2 numbers that people had before are there too."));
    let second = fs::read_to_string(file("second.csv")).unwrap();
    assert!(second.starts_with(&first), "{second}");
    issue("people.csv", "no.csv", &["--letters", &file("second.csv")])
        .failed(2, "there is nobody to issue a number to");

    // So does a file of letters with more rows.
    write_private(file("third.csv"), &format!("{second}Dan,\n;\n,\n").replace(";\n", ""));
    let said = issue("third.csv", "fourth.csv", &["--json"]);
    let said: serde_json::Value = serde_json::from_str(said.done()).unwrap();
    let columns = serde_json::json!(["name", "voter_number"]);
    let file_name = file("fourth.csv");
    let expected = serde_json::json!({
        "issued": 1, "file": file_name, "columns": columns, "kept": 3, "empty": 1,
    });
    assert_eq!(said, expected);
    assert!(fs::read_to_string(file("fourth.csv")).unwrap().starts_with(&second));
    // A file that lacks numbers of the roll.
    issue("people.csv", "no.csv", &known).failed(3, "has 4 voter numbers, and the files have 2;");
    officer(data.path(), &["issue", "--count", "1", "--output", &file("no.csv")])
        .failed(3, "--more adds to the roll all the same");
    let turnout = officer(data.path(), &["turnout"]);
    assert_eq!(turnout.done(), "0 of 4 have voted.\n");
    assert!(!data.path().join("no.csv").exists());
}

#[test]
fn a_list_that_is_wrong_issues_nothing() {
    let data = tempfile::tempdir().unwrap();
    let _server = Server::start(data.path(), &[]);
    let (list, output) = (data.path().join("list.csv"), data.path().join("out.csv"));
    let (roll, out) = (list.to_str().unwrap(), output.to_str().unwrap());
    officer(data.path(), &["create", "board", "--candidate", "Ada"]).done();
    let utf16: Vec<u8> = "\u{FEFF}name\nAnn\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, why) in [
        (&b"Ann,ann@example.org\nBob,bob@example.org\n"[..], "looks like a person's"),
        (b"name;mail\nAnn;a@b.org\nBob;b@b.org\nAnn;a@b.org\n", "is in lines 2 and 4 (Ann, a@b"),
        (b"name;town\nAnn;Paris;x\n", "line 2 has 3 fields and the heading 2"),
        (b"name\nJos\xE9\n", "line 2 is not in UTF-8, and perhaps in Windows-1252; save it as"),
        (&utf16, "it is in UTF-16 and not in UTF-8; save it as \"CSV UTF-8\""),
        (b"PK\x03\x04", "it is a spreadsheet and not a CSV file"),
        (b";;\n", "it is empty"),
    ] {
        fs::write(&list, bytes).unwrap();
        let ran = officer(data.path(), &["issue", "--roll", roll, "--output", out]);
        ran.failed(2, why);
        assert!(ran.stderr.contains("no numbers were issued"), "{}", ran.stderr);
    }
    for count in ["0", "100000001", "4000000000", "4294967295"] {
        officer(data.path(), &["issue", "--count", count, "--output", out])
            .failed(2, "is not in 1..=100000000");
    }
    assert!(!output.exists());
    assert_eq!(officer(data.path(), &["turnout"]).done(), "0 of 0 have voted.\n");
    // What is questioned is done when it is confirmed.
    fs::write(&list, "1@\nAnn\nAnn\n").unwrap();
    let confirmed = ["--heading", "--allow-duplicates"];
    let words = ["issue", "--roll", roll, "--output", out];
    officer(data.path(), &[&words[..], &confirmed].concat()).done();
    officer(data.path(), &["revoke-numbers", out]).done();
}
