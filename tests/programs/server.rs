//! The server's command line, its data directory, and how it starts and stops.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::process::{BOARD, Ran, Server, board, numbers, run};

/// Runs a server that is not expected to start.
fn server(data: &Path, arguments: &[&str]) -> Ran {
    let common = ["--log", "error", "--data", data.to_str().unwrap()];
    run(env!("CARGO_BIN_EXE_capvote-server"), &[&common[..], arguments].concat(), b"")
}

const ANY_PORT: [&str; 2] = ["--listen", "capvote://127.0.0.1:0"];

#[test]
fn bad_arguments_are_said_in_one_line() {
    let data = tempfile::tempdir().unwrap();
    let table: [(&[&str], &str); 9] = [
        (&["--bogus"], "unexpected argument '--bogus'"),
        (&["--listen", "12358"], "not a link"),
        (&["--threads", "0"], "0 is not in 1..=256"),
        (&["--election", "board"], "--candidate <NAME> --voters <N>"),
        (&["--candidate", "Ada"], "--election <NAME>"),
        (&["--election", "../board", "--candidate", "Ada", "--voters", "3"], "an election's id is"),
        (&["--election", "board", "--candidate", "Ada", "--voters", "0"], "0 is not in 1..="),
        (&["--election", "board", "--candidate", "", "--voters", "3"], "cannot be empty"),
        (
            &["--election", "b", "--candidate", "A", "--candidate", "A", "--voters", "3"],
            "called \"A\"",
        ),
    ];
    for (arguments, why) in table {
        server(data.path(), arguments).failed(2, why);
    }
    assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0, "nothing was made of bad arguments");
}

#[test]
fn a_data_directory_that_cannot_be_used_is_said_in_one_line() {
    let data = tempfile::tempdir().unwrap();
    let ledger = data.path().join("ledger.sqlite");
    fs::write(&ledger, "this is no database, however long it may be").unwrap();
    server(data.path(), &ANY_PORT).failed(1, "is not a SQLite file");
    server(&ledger, &ANY_PORT).failed(1, "cannot use");
    server(Path::new("/proc/nowhere"), &ANY_PORT).failed(1, "cannot use /proc/nowhere");
}

#[test]
fn a_data_directory_in_use_is_refused_and_its_server_not_disturbed() {
    let data = tempfile::tempdir().unwrap();
    let first = board(data.path(), 3);
    server(data.path(), &ANY_PORT).failed(3, "is in use by another server");
    first.signal("TERM");
    assert_eq!(first.wait(), (Some(0), String::new()));
    Server::start(data.path(), &[]);
}

#[test]
fn an_address_in_use_is_said_in_one_line() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = Server::start(one.path(), &[]);
    server(two.path(), &["--listen", &first.link])
        .failed(1, "cannot listen on capvote://127.0.0.1:");
    let socket = format!("capvote+unix://{}/socket", one.path().display());
    let first = Server::listen(&socket, two.path(), &[]);
    let three = tempfile::tempdir().unwrap();
    server(three.path(), &["--listen", &socket]).failed(1, "another server listens there");
    // What a killed server leaves behind is no obstacle.
    first.kill();
    assert!(one.path().join("socket").exists());
    Server::listen(&socket, three.path(), &[]);
    let file = one.path().join("a file");
    fs::write(&file, "precious").unwrap();
    let link = format!("capvote+unix://{}", file.display()).replace(' ', "%20");
    server(two.path(), &["--listen", &link]).failed(1, "a file that is not a socket");
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
}

#[test]
fn the_same_command_again_serves_the_same_election() {
    let data = tempfile::tempdir().unwrap();
    board(data.path(), 20).kill();
    let issued = numbers(data.path());
    assert_eq!(issued.len(), 20);
    let file = data.path().join("board.numbers.csv");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    board(data.path(), 20).kill();
    assert_eq!(numbers(data.path()), issued);
    let others: [&[&str]; 2] = [&["--voters", "21"], &["--voters", "20", "--candidate", "Edsger"]];
    for other in others {
        let arguments = [&ANY_PORT[..], &BOARD, other].concat();
        server(data.path(), &arguments).failed(3, "holds election board already");
    }
    assert_eq!(numbers(data.path()), issued);
}

#[test]
fn a_server_killed_before_its_election_was_stored_starts_anew() {
    let data = tempfile::tempdir().unwrap();
    fs::write(data.path().join("board.numbers.csv"), "voter_number\n1\n").unwrap();
    board(data.path(), 2);
    assert_eq!(numbers(data.path()).len(), 2);
}

#[test]
fn nonsense_on_the_wire_reaches_nothing_but_its_sender() {
    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), 3);
    let address = server.link.strip_prefix("capvote://").unwrap().to_string();
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 1_000], &[0; 1_000], b""] {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        // The server hangs up, with or without a word.
        let _ = stream.read_to_end(&mut Vec::new());
    }
    let info = run(env!("CARGO_BIN_EXE_capvote-client"), &["--link", &server.link, "info"], b"");
    assert!(info.done().starts_with("board (open)"));
    server.signal("INT");
    // Nothing but the listening lines goes to stdout, whatever the RPC library has to say.
    assert_eq!(server.wait(), (Some(0), String::new()));
}
