//! Words on the command line and in the environment: empty ones, blanks in them, and names that
//! begin with a hyphen.

use std::path::Path;
use std::process::Command;

use crate::process::{Ran, Server, board, client, numbers, officer, run};

const CLIENT: &str = env!("CARGO_BIN_EXE_capvote-client");
const SERVER: &str = env!("CARGO_BIN_EXE_capvote-server");

/// Runs a program in an environment.
fn run_with(program: &str, environment: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let mut command = Command::new(program);
    let output = command.args(arguments).envs(environment.iter().copied()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn an_empty_variable_is_not_set() {
    let plain = run_with(SERVER, &[], &["--print-config"]);
    let names = [
        "LISTEN",
        "PUBLIC",
        "PROXY",
        "FORWARDED_FOR",
        "DATA",
        "LEDGER",
        "LEDGER_PASSWORD_FILE",
        "LEDGER_CA",
        "LEDGER_SECRET",
        "ALONE",
        "REPLICATED_BY",
        "CERTIFICATE",
        "KEY",
        "ALLOW_UNENCRYPTED",
        "ALLOW_NETWORK_DISK",
        "NUMBERS_MAX",
        "THREADS",
        "METRICS",
        "LOG",
        "ELECTION",
        "CANDIDATE",
        "VOTERS",
        "CONFIG",
    ];
    // Every setting, and the file of them, has a variable.
    assert_eq!(plain.done().lines().count() + 1, names.len());
    for name in names.map(|name| format!("CAPVOTE_SERVER_{name}")) {
        for empty in ["", " ", "\n"] {
            let ran = run_with(SERVER, &[(&name, empty)], &["--print-config"]);
            assert_eq!(ran.done(), plain.stdout, "{name}");
        }
    }
    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), 2);
    let number = numbers(data.path())[0].to_string();
    let set = [("CAPVOTE_LINK", &server.link[..]), ("CAPVOTE_VOTER_NUMBER", "")];
    run_with(CLIENT, &set, &["vote", "Ada", "--voter-number", &number]).done();
    let link = ["--link", &server.link, "elections"];
    run_with(CLIENT, &[("CAPVOTE_LINK", "")], &link).done();
    // On the command line it was meant.
    client("", &["elections"]).failed(2, "--link: there is no link: it is empty");
}

#[test]
fn a_list_in_the_environment_may_have_blanks_around_and_in_its_values() {
    let table = [
        (
            "CAPVOTE_SERVER_LISTEN",
            " capvote+unix:///tmp/a socket  capvote://127.0.0.1:0 ",
            "listen = [\"capvote+unix:///tmp/a socket\", \"capvote://127.0.0.1:0\"] # environment",
        ),
        (
            "CAPVOTE_SERVER_PROXY",
            "unix 192.0.2.0/24\n",
            "proxy = [\"unix\", \"192.0.2.0/24\"] # environment",
        ),
        ("CAPVOTE_SERVER_CANDIDATE", "Ada\nGrace H\n", "candidate = [\"Ada\", \"Grace H\"]"),
    ];
    let election = [("CAPVOTE_SERVER_ELECTION", "board"), ("CAPVOTE_SERVER_VOTERS", "3")];
    for (name, value, shown) in table {
        let environment = match name {
            "CAPVOTE_SERVER_CANDIDATE" => [&election[..], &[(name, value)]].concat(),
            _ => vec![(name, value)],
        };
        let ran = run_with(SERVER, &environment, &["--print-config"]);
        assert!(ran.done().contains(shown), "{}", ran.stdout);
    }
}

#[test]
fn blanks_around_a_value_in_the_environment_mean_nothing() {
    let table = [
        ("THREADS", " 5 "),
        ("ALLOW_UNENCRYPTED", " true "),
        ("NUMBERS_MAX", "7\n"),
        ("METRICS", " 127.0.0.1:0 "),
        ("LOG", " warn "),
    ];
    for (name, value) in table {
        run_with(SERVER, &[(&format!("CAPVOTE_SERVER_{name}"), value)], &["--print-config"]).done();
    }
}

#[test]
fn a_word_that_is_no_level_of_the_log_is_refused() {
    for (word, advice) in [
        ("debgu", "did you mean debug?"),
        ("warning", "did you mean warn?"),
        ("capvote::ledger", "The levels are off, error, warn"),
    ] {
        run(SERVER, &["--print-config", "--log", word], b"").failed(2, advice);
        run_with(SERVER, &[("CAPVOTE_SERVER_LOG", word)], &["--print-config"]).failed(2, advice);
    }
}

#[test]
fn a_socket_has_a_path_that_can_be_used_as_it_is() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().to_str().unwrap();
    let long = format!("capvote+unix:///{}", "s".repeat(107));
    for (link, why) in [
        ("capvote+unix:///tmp/t \nn.sock", "a control character in it, such as a line break"),
        ("capvote+unix:///tmp/t%0An.sock", "the path of its socket has a control character"),
        (&long, "the path of its socket has 108 bytes, and 107 are the most"),
    ] {
        run(SERVER, &["--data", data, "--listen", link], b"").failed(2, why);
    }
}

#[test]
fn a_socket_may_have_a_blank_in_its_path() {
    let data = tempfile::tempdir().unwrap();
    let link = |name: &str| format!("capvote+unix://{}/{name}", data.path().display());
    let written = link("my own socket");
    let server = Server::listen(&written, data.path(), &[]);
    assert_eq!(server.link, link("my%20own%20socket"));
    assert!(Path::new(&data.path().join("my own socket")).exists());
    for link in [&written, &server.link] {
        client(link, &["elections"]).done();
    }
}

#[test]
fn a_name_may_begin_with_a_hyphen() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let create = ["create", "board", "--candidate"];
    for (words, advice) in [
        (&["-Abstain"][..], "a value that begins with \"-\" is written --candidate=\"-Abstain\";"),
        (&["--none of them"], "is written --candidate=\"--none of them\"; see capvote-client"),
        (&["Ada", "--title", "- B -"], "is written --title=\"- B -\"; see capvote-client create"),
    ] {
        officer(data.path(), &[&create[..], words].concat()).failed(2, advice);
    }
    let names = ["create", "board", "--candidate=-Abstain", "--candidate=--none of them"];
    officer(data.path(), &names).done();
    let roll = data.path().join("roll.csv");
    let issue = ["issue", "--count", "1", "--output", roll.to_str().unwrap()];
    officer(data.path(), &issue).done();
    officer(data.path(), &["open"]).done();
    let number = std::fs::read_to_string(&roll).unwrap().lines().nth(1).unwrap().to_string();
    let number = ["--voter-number", &number];
    let vote = |words: &[&str]| client(&server.link, words);
    vote(&[&["vote", "-Abstain"], &number[..]].concat())
        .failed(2, "what begins with \"-\" goes last, behind \"--\": vote -- \"-Abstain\"; see");
    vote(&["result", "-Abstain"]).failed(2, "behind \"--\": result -- \"-Abstain\"; see");
    vote(&["vote", "--", "Ada", "--voter-number", "5"])
        .failed(2, "options go before \"--\", and names behind it; see");
    // A secret is not repeated.
    let secret = vote(&["vote", "Ada", "--voter-number", "-x12345"]);
    secret.failed(2, "is written --voter-number=-...; see");
    assert!(!secret.stderr.contains("12345"), "{}", secret.stderr);
    vote(&[&["vote"], &number[..], &["--", "-Abstain"]].concat()).done();
    assert!(vote(&["result", "--", "-Abstain"]).done().starts_with("-Abstain: "));
    let start = ["--election", "board", "--voters", "1", "--candidate", "-Abstain"];
    run(SERVER, &start, b"").failed(2, "is written --candidate=\"-Abstain\"; see capvote-server");
}
