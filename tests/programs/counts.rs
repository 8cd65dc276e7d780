//! Counting a file of ballots with the real program, on terminals and in a pipe.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use insta::{Settings, assert_snapshot};

use crate::process::run;
use crate::terminal::on_terminal;

const CLIENT: &str = env!("CARGO_BIN_EXE_capvote-client");

/// Elections worked by hand, in tests/count/cases, and what they are counted with.
const COUNTS: [(&str, &[&str]); 10] = [
    ("surplus", &["--method", "transferable"]),
    ("surplus", &["--method", "transferable", "--chart"]),
    ("exclusion-by-lot", &["--method", "transferable"]),
    ("reopen-wins", &["--method", "transferable", "--none"]),
    ("board-of-three", &["--method", "plurality", "--marks", "3"]),
    ("bylaws-not-changed", &["--method", "plurality", "--majority", ">=2/3 of ballots"]),
    ("default-option", &["--method", "schulze", "--none"]),
    ("reopen-takes-two-of-three", &["--method", "transferable", "--none"]),
    ("reopen-takes-two-of-three", &["--method", "transferable", "--none", "--chart"]),
    ("schulze-example", &["--method", "schulze"]),
];

fn session(show: impl Fn(&[&str]) -> String) -> String {
    let mut session = String::new();
    for (case, options) in COUNTS {
        let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/count/cases");
        let file = cases.join(case).join("ballots.blt");
        let words = [&["count", file.to_str().unwrap()], options].concat();
        let shown = show(&words);
        writeln!(session, "$ capvote-client count {case}.blt {}\n{shown}", options.join(" "))
            .unwrap();
    }
    session
}

#[test]
fn counts_are_shown_on_terminals_and_in_a_pipe() {
    let mut settings = Settings::clone_current();
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| {
        let narrow = session(|words| on_terminal(30, false, CLIENT, words));
        let wide = narrow.lines().find(|line| !line.starts_with('$') && line.chars().count() > 30);
        assert_eq!(wide, None);
        assert_snapshot!("count_narrow", narrow);
        assert_snapshot!("count", session(|words| on_terminal(80, false, CLIENT, words)));
        assert_snapshot!("count_pipe", session(|words| run(CLIENT, words, b"").done().to_string()));
    });
}

#[test]
fn a_file_of_ballots_that_cannot_be_counted_gets_one_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ballots.blt");
    let path = file.to_str().unwrap();
    let stv = ["--method", "transferable"];
    for (text, options, code, error) in [
        ("2 1\n1 3 0\n0\na\nb\n", &stv[..], 3, "line 2): a candidate is a number from 1 to 2"),
        ("2 1\n1 1 0\n0\na\nb\n", &["--method", "transferable", "--seats", "3"], 2, "3 were given"),
        (
            "2 1\n0\na\nb\n",
            &["--method", "plurality", "--none"],
            2,
            "none is an option of the ranked",
        ),
        ("2 1\n0\na\nb\n", &["--method", "borda"], 2, "borda"),
        ("2 1\n0\na\nb\n", &["--method", "schulze", "--lot", "12"], 2, "64 hexadecimal digits"),
        (
            "2 1\n0\na\nb\n",
            &["--method", "plurality", "--majority", "half"],
            2,
            "a share is written",
        ),
        (
            "2 1\n0\na\nb\n",
            &["--method", "plurality", "--majority", ">1/2"],
            2,
            "a fraction needs what it is of, \"of marked\", \"of ballots\" or \"of roll\"",
        ),
        (
            "2 1\n1 1 0\n0\na\nb\n",
            &["--method", "plurality", "--majority", ">1/2 of roll"],
            2,
            "a file of ballots has no roll: give a share of marked or of ballots",
        ),
    ] {
        fs::write(&file, text).unwrap();
        let words = [&["count", path], options].concat();
        run(CLIENT, &words, b"").failed(code, error);
    }
    fs::write(&file, [0xFF, 0x00, 0xFF]).unwrap();
    run(CLIENT, &["count", path, "--method", "schulze"], b"").failed(1, "not a text in UTF-8");
    let missing = ["count", "/no/such/file", "--method", "schulze"];
    run(CLIENT, &missing, b"").failed(1, "give a file of ballots");
    // From standard input.
    let ran = run(CLIENT, &["count", "-", "--method", "schulze"], b"2 1 3 2 0 0 \"a\" \"b\"");
    assert!(ran.done().contains("Elected: b."), "{}", ran.stdout);
    // With the lot of an election's receipts, the other is drawn.
    let tie = b"2 1 1 1 0 1 2 0 0 \"a\" \"b\"";
    let lots = ["00", "01", "02", "03", "04", "05", "06", "07"].map(|byte| {
        let hash = byte.repeat(32);
        let words = ["count", "-", "--method", "plurality", "--lot", &hash];
        run(CLIENT, &words, tie).done().contains("Elected: a.")
    });
    assert!(lots.contains(&true) && lots.contains(&false), "{lots:?}");
}

#[test]
fn ballots_that_say_more_than_the_rules_count_are_told() {
    let file = b"4 1\n4 1=2 0\n1 3=4 0\n2 3 1=2 0\n1 0\n0\na\nb\nc\nd\n";
    let count = |options: &[&str]| run(CLIENT, &[&["count", "-"], options].concat(), file);
    let shown = count(&["--method", "transferable"]);
    let lines: Vec<_> = shown.done().lines().take(3).collect();
    let expected = [
        "8 ballots, of which 1 is blank.",
        "5 ballots begin with more than these rules count, and are counted as blank.",
        "2 ballots say more than these rules count, and count as far as they do.",
    ];
    assert_eq!(lines, expected);
    let document = count(&["--method", "transferable", "--json"]);
    let document: serde_json::Value = serde_json::from_str(document.done()).unwrap();
    assert_eq!(
        (&document["marked"], &document["cutOff"], &document["cutShort"]),
        (&2.into(), &5.into(), &2.into())
    );
    let whole = count(&["--method", "schulze"]);
    assert!(!whole.done().contains("than these rules count"), "{}", whole.stdout);
    let none = run(CLIENT, &["count", "-", "--method", "schulze"], b"2 1\n0\na\nb\n");
    assert!(none.done().starts_with("There are no ballots.\n"), "{}", none.stdout);
}

#[test]
fn a_cycle_is_told_with_the_strengths_of_its_paths() {
    let schulze = ["count", "-", "--method", "schulze"];
    // Ada beats Bob by 7, Bob beats Cy by 6, and Cy beats Ada by 5 of 9.
    let cycle = b"3 1\n4 1 2 3 0\n2 2 3 1 0\n3 3 1 2 0\n0\nAda\nBob\nCy\n";
    let shown = run(CLIENT, &schulze, cycle);
    for says in [
        "\tpreferred to\t1\t2\t3\n1\tAda\t-\t7\t4\n2\tBob\t2\t-\t6\n3\tCy\t5\t3\t-\n",
        "A path is as strong as its weakest win: the ballots for it.\n",
        "\tstrongest path to\t1\t2\t3\n1\tAda\t-\t7\t6\n2\tBob\t5\t-\t6\n3\tCy\t5\t5\t-\n",
        "By the strongest paths: Ada > Bob > Cy.\n",
    ] {
        assert!(shown.done().contains(says), "{}", shown.stdout);
    }
    // Equally strong wins differ by the ballots against them.
    let close = b"3 1\n3 1 2=3 0\n2 2 3 1 0\n3 3 1 2 0\n1 2 1=3 0\n0\nAda\nBob\nCy\n";
    let shown = run(CLIENT, &schulze, close);
    assert!(shown.done().contains("By the strongest paths:"), "{}", shown.stdout);
    let plain = run(CLIENT, &schulze, b"2 1\n3 1 2 0\n2 2 1 0\n0\nAda\nBob\n");
    assert!(!plain.done().contains("strongest path to"), "{}", plain.stdout);
}
