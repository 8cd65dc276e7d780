//! The client's commands, against a real server.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::process::{BOARD, Ran, Server, board, numbers, run};

/// Runs the client against `server`.
fn client(server: &Server, arguments: &[&str]) -> Ran {
    client_with(server, arguments, b"")
}

fn client_with(server: &Server, arguments: &[&str], input: &[u8]) -> Ran {
    let link = ["--link", &server.link];
    run(env!("CARGO_BIN_EXE_capvote-client"), &[&link[..], arguments].concat(), input)
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn a_vote_from_the_command_line() {
    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), 3);
    let numbers = numbers(data.path());
    let first = numbers[0].to_string();
    let second = numbers[1].get().to_string();

    let voted = client(&server, &["vote", "Ada", "--voter-number", &first]);
    assert!(voted.done().starts_with("Your vote for \"Ada\" in election board is recorded"));
    client(&server, &["vote", "Ada", "--voter-number", &first]).failed(3, "has already voted");
    client(&server, &["vote", "Zoe", "--voter-number", &second])
        .failed(3, "\"Zoe\" is not a candidate");
    client(&server, &["vote", "Ada", "--voter-number", "0"]).failed(3, "not on the roll");
    // The number without separators, and the election by its id.
    let voted = client(
        &server,
        &["--election", "board", "vote", "Grace", "--voter-number", &second, "--json"],
    );
    voted.done();
    let document = json(&voted);
    assert_eq!(document["outcome"], "recorded");
    assert_eq!(document["receipt"]["commitment"].as_str().unwrap().len(), 39);
    let again = client(&server, &["--json", "vote", "Grace", "--voter-number", &second]);
    assert_eq!((again.code, &json(&again)["outcome"]), (Some(3), &json!("alreadyVoted")));

    assert_eq!(client(&server, &["result", "Ada"]).done(), "Ada: 0 votes (provisional)\n");
    client(&server, &["result", "Zoe"]).failed(3, "the candidates are Ada, Grace");
    let results = client(&server, &["result", "--json"]);
    let expected = json!({
        "election": "board",
        "status": "provisional",
        "candidates": [{ "candidate": "Ada", "votes": 0 }, { "candidate": "Grace", "votes": 0 }],
        "blank": 0,
        "turnout": { "ballots": 2, "voters": 3 },
        "elected": [],
        "verdict": null,
    });
    assert_eq!(json(&results), expected);
}

#[test]
fn output_for_people() {
    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), 3);
    assert_eq!(
        client(&server, &["elections"]).done(),
        "election\tstate\tcandidates\tvoters\trules\troll\nboard\topen\t2\t3\tplurality\town\n"
    );
    assert_eq!(
        client(&server, &["info"]).done(),
        "board (open)\nVoters: 3\n\
         The count is shown while voting, in batches of 10 ballots.\nCandidates:\n  Ada\n  Grace\n"
    );
    assert_eq!(
        client(&server, &["result"]).done(),
        "candidate\tvotes\nAda\t0\nGrace\t0\n0 of 3 have voted; these results are provisional.\n"
    );
    let info = json!({
        "id": "board", "title": "", "state": "open", "candidates": ["Ada", "Grace"], "voters": 3,
        "addedWhileOpen": 0, "blank": false, "publication": "live", "opens": null, "closes": null,
        "epoch": 1, "restored": 0, "unconfirmed": false, "roll": "",
        "rules": {
            "method": "plurality", "seats": 1, "marks": 1, "majority": null, "quorum": null,
            "none": false,
        },
    });
    let mut shown = json(&client(&server, &["info", "--json"]));
    assert_eq!(json(&client(&server, &["elections", "--json"])), json!([shown]));
    // The identity of the ledger is random.
    assert_eq!(shown["ledger"].as_str().map(str::len), Some(32));
    shown.as_object_mut().unwrap().remove("ledger");
    assert_eq!(shown, info);
}

#[test]
fn lines_are_counted_in_files_and_standard_input() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let file = data.path().join("lines.txt");
    fs::write(&file, "one\ntwo\nthree").unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(client(&server, &["count-lines", file]).done(), "one\ntwo\nthree\n3\n");
    assert_eq!(client(&server, &["count-lines", "--quiet", file]).done(), "3\n");
    let counted = client(&server, &["count-lines", "--json", file]);
    assert_eq!(json(&counted), json!({ "file": file, "lines": 3 }));
    for (input, lines) in
        [(&b""[..], 0), (b"one", 1), (b"\n\n", 2), (&b"x\n".repeat(200_000)[..], 200_000)]
    {
        let counted = client_with(&server, &["count-lines", "--quiet", "-"], input);
        assert_eq!(counted.done(), format!("{lines}\n"));
    }
    client(&server, &["count-lines", "/no/such/file"]).failed(1, "cannot open /no/such/file");
    client(&server, &["count-lines", "/"])
        .failed(1, "cannot open /: is a directory; nothing was sent");
}

#[test]
fn errors_are_one_line() {
    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), 3);
    let number = numbers(data.path())[0].to_string();
    client(&server, &[]).failed(2, "requires a subcommand");
    client(&server, &["vote"]).failed(2, "give a candidate's name, or --blank");
    client(&server, &["dance"]).failed(2, "unrecognized subcommand 'dance'");
    client(&server, &["vote", "Ada", "--voter-number", "12x4"])
        .failed(2, "this one has 3 digits and other characters");
    client(&server, &["vote", "Ada", "--voter-number", "1234"])
        .failed(3, "This one was written with 4 digits; issued numbers have 20.");
    client(&server, &["vote", "Grace", "Hopper"])
        .failed(2, "needs quotes: vote \"Grace Hopper\"; see capvote-client vote --help");
    client(&server, &["--election", "nope", "info"])
        .failed(1, "there is no election \"nope\"; the election here is board");

    let alone = |link: &str, arguments: &[&str]| {
        run(env!("CARGO_BIN_EXE_capvote-client"), &[&["--link", link], arguments].concat(), b"")
    };
    alone("capvote://127.0.0.1:1", &["info"]).failed(1, "cannot reach capvote://127.0.0.1:1");
    alone("capvotes://127.0.0.1:1", &["info"]).failed(1, "refused");
    alone("ftp://127.0.0.1", &["info"]).failed(2, "--link: not a link");
    alone("/no/such/file", &["info"]).failed(1, "cannot read a link from /no/such/file");
    alone("capvote+unix:///no/such.sock", &["vote", "Ada", "--voter-number", &number])
        .failed(1, "cannot reach capvote+unix:///no/such.sock");
}

#[test]
fn watch_reconnects_to_a_server_that_was_restarted() {
    let data = tempfile::tempdir().unwrap();
    let link = format!("capvote+unix://{}/socket", data.path().display());
    let server = Server::listen(&link, data.path(), &[&BOARD[..], &["--voters", "3"]].concat());
    let mut watching = Command::new(env!("CARGO_BIN_EXE_capvote-client"))
        .args(["--link", &link, "watch"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut seen = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut said = BufReader::new(watching.stderr.take().unwrap()).lines();
    let mut until = |end: &str| while !seen.next().unwrap().unwrap().ends_with(end) {};
    until("these results are provisional.");
    server.kill();
    assert_eq!(said.next().unwrap().unwrap(), "The server is away; trying again.");
    let _server = Server::listen(&link, data.path(), &[]);
    until("these results are provisional.");
    let officer = data.path().join("officer.link");
    let close = ["--link", officer.to_str().unwrap(), "close"];
    run(env!("CARGO_BIN_EXE_capvote-client"), &close, b"").done();
    until("these results are final.");
    assert!(watching.wait().unwrap().success());
    assert!(said.next().is_none());
}

#[test]
fn a_link_may_be_in_a_file_and_name_the_election() {
    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), 3);
    let file = data.path().join("board.link");
    fs::write(&file, format!("{}/board\n", server.link)).unwrap();
    let shown =
        run(env!("CARGO_BIN_EXE_capvote-client"), &["--link", file.to_str().unwrap(), "info"], b"");
    assert!(shown.done().starts_with("board (open)"));
}

#[test]
fn a_server_listens_on_a_unix_socket_and_a_port() {
    let data = tempfile::tempdir().unwrap();
    let socket = data.path().join("a socket.sock");
    let link = format!("capvote+unix://{}", socket.display()).replace(' ', "%20");
    let mut server = Server::listen(&link, data.path(), &["--listen", "capvote://127.0.0.1:0"]);
    assert_eq!(server.link, link);
    assert!(server.next_link().starts_with("capvote://127.0.0.1:"));
    assert_eq!(client_with(&server, &["count-lines", "--quiet", "-"], b"a\nb\n").done(), "2\n");
    server.signal("TERM");
    assert_eq!(server.wait(), (Some(0), String::new()));
    assert!(!Path::exists(&socket), "the socket file is left behind");
}
