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
    write_private(file("twice.csv"), "voter_number\n12\n13\n1-2\n");
    revoke("twice.csv").failed(2, "lines 2 and 4 have the same voter number");
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
fn numbers_that_are_not_on_the_roll_are_not_kept() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let file = |name: &str| data.path().join(name).to_str().unwrap().to_string();
    let issue = |election: &str, output: &str, more: &[&str]| {
        let words = ["--election", election, "issue", "--roll", &file("people.csv"), "--output"];
        officer(data.path(), &[&words[..], &[&file(output)], more].concat())
    };
    for election in ["board", "chair"] {
        officer(data.path(), &["create", election, "--candidate", "Ada"]).done();
    }
    write_private(file("people.csv"), "name\nAnn\nBob\n");
    issue("board", "letters.csv", &[]).done();
    write_private(file("people.csv"), "name\nAnn\nBob\nCleo\n");
    let known = ["--letters", &file("letters.csv"), "--more"];

    // The letters of another election.
    for more in [&known[..2], &known] {
        let ran = issue("chair", "no.csv", more);
        ran.failed(3, "the roll of election chair has 0 voter numbers, and the files have 2, so");
        assert!(!ran.stderr.contains("--more"), "{}", ran.stderr);
    }
    // A lost letter: its number is revoked, and is still in the file.
    let letters = fs::read_to_string(file("letters.csv")).unwrap();
    let rows: Vec<_> = letters.lines().collect();
    write_private(file("lost.csv"), &format!("{}\n{}\n", rows[0], rows[1]));
    officer(data.path(), &["--election", "board", "revoke-numbers", &file("lost.csv")]).done();
    let ran = issue("board", "no.csv", &known);
    ran.failed(3, "empty the fields of numbers that were revoked, such as that of a lost letter");
    write_private(file("letters.csv"), &format!("{}\nAnn,\n{}\n", rows[0], rows[2]));
    let said = issue("board", "again.csv", &known[..2]);
    assert!(said.done().starts_with("2 voter numbers are in"), "{}", said.stdout);
    assert!(said.done().contains(" 1 number that people had before is there too."));
    officer(data.path(), &["--election", "board", "open"]).done();
    for row in fs::read_to_string(file("again.csv")).unwrap().lines().skip(1) {
        let number = row.split(',').nth(1).unwrap();
        let vote = ["--election", "board", "vote", "Ada", "--voter-number", number];
        client(&server.link, &vote).done();
    }
    assert!(!data.path().join("no.csv").exists());
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
        "issued": 1, "file": file_name, "columns": columns, "kept": 3, "empty": 1, "gone": [],
    });
    assert_eq!(said, expected);
    assert!(fs::read_to_string(file("fourth.csv")).unwrap().starts_with(&second));
    // A file that lacks numbers of the roll.
    issue("people.csv", "no.csv", &known).failed(3, "has 4 voter numbers, and the files have 2;");
    officer(data.path(), &["issue", "--count", "1", "--output", &file("no.csv")])
        .failed(3, "--more adds to the roll all the same");
    let turnout = officer(data.path(), &["turnout"]);
    assert_eq!(turnout.done(), "0 of 4 have voted.\n");
    write_private(file("other.csv"), "name\nAnn\nBob T.\n");
    let said = issue("other.csv", "fifth.csv", &["--letters", &file("first.csv"), "--more"]);
    assert!(said.done().contains("revoke their numbers if they are on it in another spelling"));
    assert!(said.done().ends_with(" They are in lines 3 (Bob).\n"), "{}", said.stdout);
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
        (b"<!DOCTYPE html>\n<p>Ann\n", "it is a web page or XML and not a CSV file"),
        (b"name\nAnn\n\"Bob\nCleo\n", "line 3: a quote opens there and is not closed"),
        (b"Name,Mail;Ort\nAnn,a;Paris\n", "sep=, or sep=;"),
        (b";;\n", "it is empty"),
    ] {
        fs::write(&list, bytes).unwrap();
        let ran = officer(data.path(), &["issue", "--roll", roll, "--output", out]);
        ran.failed(2, why);
        assert!(ran.stderr.contains("no numbers were issued"), "{}", ran.stderr);
    }
    for count in ["1e6", "1.000", "1,000", "-1"] {
        officer(data.path(), &["issue", &format!("--count={count}"), "--output", out])
            .failed(2, "it takes a whole number, in digits without dots or commas");
    }
    fs::write(&list, "name\nAnn\n").unwrap();
    let issue = |output| officer(data.path(), &["issue", "--roll", roll, "--output", output]);
    issue("-").failed(2, "this is written to a file only: name one");
    let nowhere = data.path().join("nowhere");
    issue(nowhere.join("out.csv").to_str().unwrap())
        .failed(1, &format!("there is no folder {}", nowhere.display()));
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
