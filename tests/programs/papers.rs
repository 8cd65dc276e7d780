//! Several elections with one roll, as the questions of one paper.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use pty_process::blocking::{Command, open};
use serde_json::{Value, json};

use crate::ballots::{Evening, candidates, document};
use crate::process::{Ran, Server, client, numbers, run};

const CLIENT: &str = env!("CARGO_BIN_EXE_capvote-client");

/// An evening with three questions for one roll.
fn paper() -> Evening {
    let evening = Evening::begin("motion", &["--candidate", "Yes", "--candidate", "No", "--blank"]);
    let shared = ["--roll", "motion"];
    let board = candidates(&["Ada", "Grace", "Edsger", "Barbara"]);
    let seats = ["--seats", "2", "--title", "The board"];
    evening.officer(&[&["create", "board"], &board[..], &seats, &shared].concat()).done();
    let chair = ["--method", "schulze", "--marks", "4"];
    evening.officer(&[&["create", "chair"], &board[..], &chair, &shared].concat()).done();
    for id in ["board", "chair"] {
        evening.officer(&["--election", id, "open"]).done();
    }
    evening
}

/// Answers the questions as one of the voters, or with a number.
fn answer(evening: &Evening, number: &str, options: &[&str], lines: &str) -> Ran {
    let vote = ["--link", &evening.server.link, "vote", "--paper", "--voter-number", number];
    run(CLIENT, &[&vote[..], options].concat(), lines.as_bytes())
}

#[test]
fn a_paper_is_filled_in_line_by_line() {
    let evening = paper();
    let elections = evening.client(&["elections"]);
    for row in
        ["motion\topen\t2\t3\tplurality\town", "board\topen\t4\t3\tplurality, 2 seats\tmotion"]
    {
        assert!(elections.done().contains(row), "{}", elections.stdout);
    }
    let receipt = evening.file("mine.json");
    let number = ["--voter-number", &evening.numbers[0]];
    let vote = [&["--link", &evening.server.link, "vote", "--paper"], &number[..]].concat();
    let run = |more: &[&str], input: &[u8]| run(CLIENT, &[&vote[..], more].concat(), input);
    run(&[], b"Yes\n1 2\n").failed(2, "the answers end before the questions, and nothing was sent");
    run(&[], b"Yes\n1 2 3\n\n").failed(3, "marks at most 2 names; 3 are marked. Nothing was sent");
    run(&[], b"\n\n\n").failed(2, "every question was left out");
    run(&[], b"Yes\n1 2\n\nYes\n").failed(2, "there are more answers than questions, and nothing");
    run(&[], b"Yes\n1 2\n\n\n").failed(2, "each line is an answer, also an empty one");
    let voted = run(&["--receipt", &receipt], b"blank\n1, 2\nGrace=Ada\n");
    let said: Vec<_> =
        voted.done().lines().map(|line| line.split(" in election").next().unwrap()).collect();
    let expected = [
        "Your vote for nobody (a blank ballot)",
        "Your vote for \"Ada\", \"Grace\"",
        "Your vote for 1. \"Ada\" = \"Grace\"",
    ];
    assert_eq!(said, expected);
    for id in ["motion", "board", "chair"] {
        let file = evening.file(&format!("mine.{id}.json"));
        let kept: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        assert_eq!(kept["election"], id);
    }
    // A question was left out, and others were answered before.
    let again = run(&["--json"], b"No\n\n3 1\n");
    let outcomes = document(&again);
    assert_eq!(again.code, Some(3), "{}", again.stderr);
    let outcome =
        |place: usize| (outcomes[place]["election"].clone(), outcomes[place]["outcome"].clone());
    assert_eq!(outcome(0), (json!("motion"), json!("alreadyVoted")));
    assert_eq!(outcome(1), (json!("chair"), json!("alreadyVoted")));
}

#[test]
fn a_paper_is_asked_for_on_a_terminal() {
    let evening = paper();
    let (mut pty, pts) = open().unwrap();
    pty.resize(pty_process::Size::new(24, 100)).unwrap();
    let command = Command::new(CLIENT).args(["--link", &evening.server.link, "vote", "--paper"]);
    let command = command.env("NO_COLOR", "1").env_remove("CAPVOTE_VOTER_NUMBER");
    let mut child = command.spawn(pts).unwrap();
    let mut shown = String::new();
    for (asked, typed) in [
        ("Voter number (not shown): ", &evening.numbers[1][..]),
        ("Question 1 of 3: motion", ""),
        ("1 Yes, 2 No", ""),
        ("> ", "1"),
        ("Question 2 of 3: The board", ""),
        ("By number or name, mark at most 2 names; an empty line leaves it out.", ""),
        ("> ", "1 2 3"),
        ("marks at most 2 names; 3 are marked.", ""),
        ("> ", "4"),
        ("Question 3 of 3: chair", ""),
        ("> ", ""),
    ] {
        wait_for(&mut pty, &mut shown, asked);
        if asked == "> " || asked.starts_with("Voter") {
            writeln!(pty, "{typed}").unwrap();
        }
    }
    wait_for(&mut pty, &mut shown, "Your vote for \"Yes\"");
    wait_for(&mut pty, &mut shown, "Your vote for \"Barbara\"");
    assert!(child.wait().unwrap().success());
}

/// Reads what a program shows next.
fn read_more(pty: &mut impl Read, shown: &mut String) {
    let mut bytes = [0; 1_024];
    let read = pty.read(&mut bytes).unwrap_or_else(|error| panic!("{error}: {shown}"));
    assert!(read > 0, "{shown}");
    shown.push_str(&String::from_utf8_lossy(&bytes[..read]));
}

/// Reads what a program shows up to this text.
fn wait_for(pty: &mut impl Read, shown: &mut String, text: &str) {
    loop {
        if let Some(at) = shown.find(text) {
            shown.drain(..at + text.len());
            return;
        }
        read_more(pty, shown);
    }
}

#[test]
fn numbers_are_places_and_never_parts_of_a_name() {
    let names = candidates(&["A", "B", "A=B"]);
    let evening = Evening::begin("leader", &[&names[..], &["--method", "schulze"]].concat());
    let voted = answer(&evening, &evening.numbers[0], &[], "1=2\n");
    assert!(voted.done().starts_with("Your vote for 1. \"A\" = \"B\" in"), "{}", voted.stdout);
    let voted = answer(&evening, &evening.numbers[1], &[], "A=B\n");
    assert!(voted.done().starts_with("Your vote for 1. \"A=B\" in"), "{}", voted.stdout);

    let evening = Evening::begin("leader", &[&names[..], &["--method", "transferable"]].concat());
    answer(&evening, &evening.numbers[0], &[], "1=2\n")
        .failed(3, "\"A=B\" shares a rank, and each rank is given once. Nothing was sent");
}

#[test]
fn an_answer_that_could_mean_two_things_is_refused() {
    let names = candidates(&["3", "1", "2", "10"]);
    let evening = Evening::begin("size", &names);
    for line in ["1\n", "2\n", "3\n"] {
        answer(&evening, &evening.numbers[0], &[], line)
            .failed(3, "is a name, and the number of another: write numbers with #");
    }
    for (voter, line, name) in [(0, "#1\n", "3"), (1, "10\n", "10"), (2, "4\n", "10")] {
        let voted = answer(&evening, &evening.numbers[voter], &[], line);
        let said = format!("Your vote for \"{name}\" in election size is recorded");
        assert!(voted.done().starts_with(&said), "{}", voted.stdout);
    }
}

#[test]
fn a_candidate_called_blank_is_never_taken_for_a_blank_ballot() {
    let evening = Evening::begin("motion", &["--candidate", "Yes", "--blank"]);
    for name in ["blank", "Blank", " BLANK", "(blank)"] {
        let create = ["create", "other", "--candidate", name, "--candidate", "Ada"];
        evening.officer(&create).failed(2, "cannot be told from blank ballots");
    }
    // Other programs may create such a slate: so does the server.
    let data = tempfile::tempdir().unwrap();
    let election = ["--election", "board", "--voters", "1", "--candidate", "Ada"];
    let server = Server::start(data.path(), &[&election[..], &["--candidate", "Blank"]].concat());
    let number = numbers(data.path())[0].to_string();
    let vote = ["--link", &server.link, "vote", "--paper", "--voter-number", &number];
    run(CLIENT, &vote, b"blank\n").failed(3, "\"blank\" is a name here: write its number");
    let voted = run(CLIENT, &vote, b"2\n");
    assert!(voted.done().starts_with("Your vote for \"Blank\" in"), "{}", voted.stdout);
}

#[test]
fn receipt_files_are_checked_before_the_first_vote_of_a_paper() {
    let evening = paper();
    let (mine, number) = (evening.file("mine.json"), &evening.numbers[0]);
    let receipt = ["--receipt", &mine];
    fs::copy(receipt_of_another(&evening), evening.file("mine.chair.json")).unwrap();
    for options in [&receipt[..], &[&receipt[..], &["--json"]].concat()] {
        let refused = answer(&evening, number, options, "Yes\n1 2\nGrace\n");
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        let why = "mine.chair.json holds the receipt of another vote, in election motion; nothing";
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
        if options.len() > receipt.len() {
            assert_eq!(document(&refused)["error"], "usage");
        }
        // Neither a vote nor a file of another question.
        assert!(!Path::new(&evening.file("mine.motion.json")).exists());
    }
    let turnout = document(&evening.officer(&["--election", "motion", "turnout", "--json"]));
    assert_eq!(turnout["ballots"], 1);
    fs::remove_file(evening.file("mine.chair.json")).unwrap();
    answer(&evening, number, &receipt, "Yes\n1 2\nGrace\n").done();
}

/// A receipt of the second voter in the election "motion".
fn receipt_of_another(evening: &Evening) -> String {
    let file = evening.file("another.json");
    let vote = ["vote", "No", "--voter-number", &evening.numbers[1], "--receipt", &file];
    client(&evening.server.link, &[&["--election", "motion"], &vote[..]].concat()).done();
    file
}

#[test]
fn an_unknown_number_leaves_no_question_of_a_paper_without_an_answer() {
    let evening = paper();
    let unknown = "12345678901234567890";
    let refused = answer(&evening, unknown, &["--json"], "Yes\n1\nGrace\n");
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    let outcomes = document(&refused);
    let outcomes: Vec<_> = outcomes.as_array().unwrap().iter().collect();
    let said = |outcome: &&Value| (outcome["election"].clone(), outcome["outcome"].clone());
    assert_eq!(
        outcomes.iter().map(said).collect::<Vec<_>>(),
        [
            (json!("motion"), json!("unknownVoterNumber")),
            (json!("board"), json!("notSent")),
            (json!("chair"), json!("notSent")),
        ]
    );
    assert!(refused.stderr.contains("the vote was not counted in motion, board, chair"));
    let mine = evening.file("mine.json");
    let refused = answer(&evening, unknown, &["--receipt", &mine], "Yes\n\nGrace\n");
    let last = "Your vote in election chair was not sent.\n";
    assert!(refused.stdout.ends_with(last), "{}", refused.stdout);
    assert_eq!(refused.stdout.lines().count(), 2);
    assert!(!Path::new(&evening.file("mine.chair.json")).exists());
}

#[test]
fn a_title_is_one_line_of_a_paper() {
    let title = "The board\nQuestion 2 of 2: a forged one";
    let names = candidates(&["Ada\n2 Grace", "Grace"]);
    let evening = Evening::begin("board", &[&names[..], &["--title", title]].concat());
    let (mut pty, pts) = open().unwrap();
    pty.resize(pty_process::Size::new(24, 100)).unwrap();
    let command = Command::new(CLIENT).args(["--link", &evening.server.link, "vote", "--paper"]);
    let command = command.env("NO_COLOR", "1").env_remove("CAPVOTE_VOTER_NUMBER");
    let mut child = command.spawn(pts).unwrap();
    let mut shown = String::new();
    wait_for(&mut pty, &mut shown, "Voter number (not shown): ");
    writeln!(pty, "{}", evening.numbers[0]).unwrap();
    wait_for(&mut pty, &mut shown, "The board\\nQuestion 2 of 2: a forged one");
    wait_for(&mut pty, &mut shown, "1 Ada\\n2 Grace, 2 Grace");
    wait_for(&mut pty, &mut shown, "> ");
    writeln!(pty, "2").unwrap();
    wait_for(&mut pty, &mut shown, "Your vote for \"Grace\"");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_paper_that_cannot_be_sent_is_told_in_one_document() {
    let evening = paper();
    let mine = evening.file("mine.json");
    let (mut pty, pts) = open().unwrap();
    pty.resize(pty_process::Size::new(24, 200)).unwrap();
    let vote = ["--json", "--link", &evening.server.link, "vote", "--paper", "--receipt", &mine];
    let command = Command::new(CLIENT).args(vote).env("NO_COLOR", "1");
    let mut child = command.env("CAPVOTE_VOTER_NUMBER", &evening.numbers[0]).spawn(pts).unwrap();
    let mut shown = String::new();
    for typed in ["1", "1", ""] {
        wait_for(&mut pty, &mut shown, "> ");
        if typed.is_empty() {
            break;
        }
        writeln!(pty, "{typed}").unwrap();
    }
    let Evening { folder, server, .. } = evening;
    server.kill();
    writeln!(pty, "2 1").unwrap();
    wait_for(&mut pty, &mut shown, "\r\n");
    let mut said = "[".to_string();
    wait_for(&mut pty, &mut shown, "[");
    while !said.ends_with("\r\n]") {
        let before = shown.find(']').map(|at| shown.drain(..=at).collect::<String>());
        match before {
            Some(text) => said += &text,
            None => read_more(&mut pty, &mut shown),
        }
    }
    let outcomes: Value = serde_json::from_str(&said).unwrap();
    let outcomes: Vec<_> =
        outcomes.as_array().unwrap().iter().map(|it| it["outcome"].clone()).collect();
    assert_eq!(outcomes, ["failed", "notSent", "notSent"]);
    wait_for(&mut pty, &mut shown, "capvote-client: ");
    assert!(!shown.contains('{'), "{shown}");
    assert_eq!(child.wait().unwrap().code(), Some(1));
    for id in ["motion", "board", "chair"] {
        assert!(!folder.path().join(format!("mine.{id}.json")).exists(), "{id}");
    }
}
