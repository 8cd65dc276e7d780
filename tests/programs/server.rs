//! The server's command line, data directory, start and stop.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::process::{BOARD, Ran, Server, board, numbers, officer, run, write_private};

/// Runs a server that is expected not to start.
fn server(data: &Path, arguments: &[&str]) -> Ran {
    let common = ["--log", "error", "--data", data.to_str().unwrap()];
    run(env!("CARGO_BIN_EXE_capvote-server"), &[&common[..], arguments].concat(), b"")
}

const ANY_PORT: [&str; 2] = ["--listen", "capvote://127.0.0.1:0"];

#[test]
fn invalid_arguments_are_an_error_of_one_line() {
    let data = tempfile::tempdir().unwrap();
    let table: [(&[&str], &str); 11] = [
        (&["--bogus"], "unexpected argument '--bogus'"),
        (&["--listen", "12358"], "not a link"),
        (&["--metrics", "0.0.0.0:0"], "not a loopback address"),
        (&["--metrics", "here"], "give an address and a port"),
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
    assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0, "invalid arguments created a file");
}

#[test]
fn an_unusable_data_directory_is_an_error_of_one_line() {
    let data = tempfile::tempdir().unwrap();
    let ledger = data.path().join("ledger.sqlite");
    write_private(&ledger, "this is no database, however long it may be");
    server(data.path(), &ANY_PORT).failed(1, "is not a SQLite file");
    server(&ledger, &ANY_PORT).failed(1, "cannot use");
    server(Path::new("/proc/nowhere"), &ANY_PORT).failed(1, "cannot use /proc/nowhere");
}

#[test]
fn a_data_directory_in_use_is_refused_and_its_server_goes_on() {
    let data = tempfile::tempdir().unwrap();
    let first = board(data.path(), 3);
    server(data.path(), &ANY_PORT).failed(3, "is in use by another capvote-server");
    first.signal("TERM");
    assert_eq!(first.wait(), (Some(0), String::new()));
    Server::start(data.path(), &[]);
}

#[test]
fn an_address_in_use_is_an_error_of_one_line() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = Server::start(one.path(), &[]);
    server(two.path(), &["--listen", &first.link])
        .failed(1, "cannot listen on capvote://127.0.0.1:");
    let socket = format!("capvote+unix://{}/socket", one.path().display());
    let first = Server::listen(&socket, two.path(), &[]);
    let three = tempfile::tempdir().unwrap();
    server(three.path(), &["--listen", &socket]).failed(1, "another server listens there");
    // The socket that a killed server leaves behind is replaced.
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
        server(data.path(), &arguments)
            .failed(3, "; start without --election to serve what is there");
    }
    assert_eq!(numbers(data.path()), issued);
}

#[test]
fn invalid_messages_end_only_their_own_connection() {
    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), 3);
    let address = server.link.strip_prefix("capvote://").unwrap().to_string();
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 1_000], &[0; 1_000], b""] {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        // The server closes the connection, with or without an answer.
        let _ = stream.read_to_end(&mut Vec::new());
    }
    let info = run(env!("CARGO_BIN_EXE_capvote-client"), &["--link", &server.link, "info"], b"");
    assert!(info.done().starts_with("board (open)"));
    server.signal("INT");
    // The RPC library's output does not go to stdout.
    assert_eq!(server.wait(), (Some(0), String::new()));
}

#[test]
fn a_server_stops_although_a_client_never_ends_its_file() {
    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), 3);
    let mut client = Command::new(env!("CARGO_BIN_EXE_capvote-client"))
        .args(["--link", &server.link, "count-lines", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Once lines have come back, the count is in progress. Its file never ends.
    let mut stdin = client.stdin.take().unwrap();
    stdin.write_all(&b"line\n".repeat(14_000)).unwrap();
    client.stdout.as_mut().unwrap().read_exact(&mut [0; 60_000]).unwrap();
    server.signal("TERM");
    assert_eq!(server.wait(), (Some(0), String::new()));
    assert_eq!(client.wait().unwrap().code(), Some(1));
}

/// Forwards everything of one connection.
fn forward(relay: &TcpListener, address: &str) {
    let (client, _) = relay.accept().unwrap();
    let to_server = TcpStream::connect(address).unwrap();
    let (mut a, mut b) = (client.try_clone().unwrap(), to_server.try_clone().unwrap());
    let forwarding = std::thread::spawn(move || {
        std::io::copy(&mut a, &mut b).ok();
        b.shutdown(std::net::Shutdown::Write).ok();
    });
    std::io::copy(&mut &to_server, &mut &client).ok();
    client.shutdown(std::net::Shutdown::Both).ok();
    forwarding.join().unwrap();
}

#[test]
fn a_vote_whose_answer_is_lost_is_cast_again_and_counts_once() {
    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), 3);
    let address = server.link.strip_prefix("capvote://").unwrap().to_string();
    let relay = TcpListener::bind("127.0.0.1:0").unwrap();
    let link = format!("capvote://{}", relay.local_addr().unwrap());
    let number = numbers(data.path())[0].to_string();
    let lossy = std::thread::spawn(move || {
        // The first connection asks what a ballot can say.
        forward(&relay, &address);
        // The second drops all output of the server, and breaks once that includes "is recorded".
        let (client, _) = relay.accept().unwrap();
        let mut to_server = TcpStream::connect(&address).unwrap();
        let mut from_server = to_server.try_clone().unwrap();
        let mut from_client = client.try_clone().unwrap();
        let forwarding =
            std::thread::spawn(move || std::io::copy(&mut from_client, &mut to_server));
        let mut said = Vec::new();
        while !said.windows(11).any(|word| word == b"is recorded") {
            let mut part = [0; 1_024];
            let length = from_server.read(&mut part).unwrap();
            assert!(length > 0, "the server closed the connection");
            said.extend_from_slice(&part[..length]);
        }
        client.shutdown(std::net::Shutdown::Both).unwrap();
        forwarding.join().unwrap().ok();
        from_server.shutdown(std::net::Shutdown::Both).unwrap();
        // The third casts the vote again.
        forward(&relay, &address);
    });
    let arguments = ["--link", &link, "vote", "Ada", "--voter-number", &number];
    let voted = run(env!("CARGO_BIN_EXE_capvote-client"), &arguments, b"");
    assert!(voted.done().contains("is recorded"));
    officer(data.path(), &["close"]).done();
    let result =
        run(env!("CARGO_BIN_EXE_capvote-client"), &["--link", &server.link, "result", "Ada"], b"");
    assert_eq!(result.done(), "Ada: 1 vote (final)\n");
    drop(server);
    lossy.join().unwrap();
}

#[test]
fn a_backup_of_a_running_server_is_restored() {
    let parent = tempfile::tempdir().unwrap();
    let (data, copy, other) =
        (parent.path().join("data"), parent.path().join("copy"), parent.path().join("other"));
    let program = |arguments: &[&Path]| {
        let arguments: Vec<_> =
            arguments.iter().map(|argument| argument.to_str().unwrap()).collect();
        run(env!("CARGO_BIN_EXE_capvote-server"), &arguments, b"")
    };
    let running = board(&data, 3);
    let number = numbers(&data)[0].to_string();
    let vote = ["--link", &running.link, "vote", "Ada", "--voter-number", &number];
    run(env!("CARGO_BIN_EXE_capvote-client"), &vote, b"").done();
    // A partial copy is replaced, unless another process has it locked.
    let part = parent.path().join("copy.capvote-part");
    let locked = fs::File::create(&part).unwrap();
    locked.lock().unwrap();
    program(&[Path::new("backup"), &data, &copy]).failed(1, "another program is making this copy");
    // A child of another test may have the file open until it runs its program.
    locked.unlock().unwrap();
    program(&[Path::new("backup"), Path::new("--with-keys"), &data, &copy]).done();
    assert!(!part.exists());
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    program(&[Path::new("backup"), &data, &copy]).failed(1, "it is not overwritten");
    program(&[Path::new("backup"), &other, &parent.path().join("none")]).failed(1, "other");

    program(&[Path::new("restore"), &copy, &data]).failed(3, "is in use by another capvote-server");
    running.kill();
    fs::remove_file(data.join("ledger.sqlite")).unwrap();
    program(&[Path::new("restore"), &copy, &data]).failed(1, "it is left from another ledger");
    program(&[Path::new("restore"), &copy, &other]).done();
    let restored = Server::start(&other, &[]);
    let turnout = ["--link", &restored.link, "result"];
    let turnout = run(env!("CARGO_BIN_EXE_capvote-client"), &turnout, b"");
    assert!(turnout.done().contains("1 of 3 has voted"), "{}", turnout.stdout);

    let mut bytes = fs::read(&copy).unwrap();
    let at = bytes.windows(5).position(|window| window == b"Grace").unwrap();
    bytes[at] = b'T';
    let damaged = parent.path().join("damaged");
    fs::write(&damaged, bytes).unwrap();
    program(&[Path::new("restore"), &damaged, &parent.path().join("third")])
        .failed(1, "is damaged");
}

/// The answer to a request to the metrics endpoint.
pub(crate) fn fetch(url: &str, request: &str) -> String {
    let address = url.strip_prefix("http://").unwrap().strip_suffix("/metrics").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_metrics_count_votes_and_commits_and_identify_no_voter() {
    let data = tempfile::tempdir().unwrap();
    let arguments = [&BOARD[..], &["--voters", "3", "--metrics", "127.0.0.1:0"]].concat();
    let mut server = Server::start(data.path(), &arguments);
    let url = server.next("figures at ");
    let numbers = numbers(data.path());
    let vote = |number: u64| {
        let number = number.to_string();
        let arguments = ["--link", &server.link, "vote", "Ada", "--voter-number", &number];
        run(env!("CARGO_BIN_EXE_capvote-client"), &arguments, b"")
    };
    for code in [0, 3] {
        assert_eq!(vote(numbers[0].get()).code, Some(code));
    }
    assert_eq!(vote(numbers[1].get()).code, Some(0));
    let page = fetch(&url, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(page.starts_with("HTTP/1.1 200 OK"), "{page}");
    for line in [
        "capvote_votes_recorded_total 2",
        "capvote_votes_refused_total 1",
        "capvote_votes_failed_total 0",
        "capvote_commit_votes_sum 3.0",
        "capvote_commit_votes_count 3",
        "capvote_commit_seconds_count 3",
        "capvote_memory_charged_bytes 0",
    ] {
        assert!(page.lines().any(|it| it == line), "no {line:?} in {page}");
    }
    let processor = page.lines().find_map(|it| it.strip_prefix("process_cpu_seconds_total "));
    assert!(processor.unwrap().parse::<f64>().unwrap() > 0.0, "{page}");
    assert!(!page.contains("Ada") && !page.contains("board"), "{page}");
    for number in numbers {
        assert!(!page.contains(&number.get().to_string()), "{page}");
    }
    let elsewhere = fetch(&url, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(elsewhere.starts_with("HTTP/1.1 404"), "{elsewhere}");
    let given = fetch(&url, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    assert!(given.starts_with("HTTP/1.1 405"), "{given}");
    // An invalid request is answered, and the server goes on.
    assert!(fetch(&url, "\0\0\r\n\r\n").starts_with("HTTP/1.1 400"));
    server.signal("TERM");
    assert_eq!(server.wait(), (Some(0), String::new()));
}
