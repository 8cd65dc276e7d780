//! Full servers: which connections make room, and the PROXY protocol, by which one machine can
//! stand for many addresses.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;

use capvote::client::{Ballot, Client, Error, VoteOutcome};
use capvote::election::VoterNumber;
use capvote::net::link::Link;
use futures::future::select_all;
use tokio::io::AsyncWriteExt;
use tokio::net;
use tokio::sync::mpsc;

use crate::process::{BOARD, Server, client, numbers};

const ANY_PORT: &str = "capvote://127.0.0.1:0";

/// Trusts this machine as a proxy.
const PROXY: [&str; 2] = ["--proxy", "127.0.0.0/8"];

/// A server with the election "board" that trusts this machine as a proxy.
fn board(link: &str, data: &Path) -> Server {
    Server::listen(link, data, &[&BOARD[..], &["--voters", "50"], &PROXY].concat())
}

/// The same, which may have so many files open, and logs to a file.
fn board_with_files(files: u32, log: &Path, data: &Path) -> Server {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -n {files} && exec \"$@\""), "sh"]);
    command.arg(env!("CARGO_BIN_EXE_capvote-server")).args([
        "--listen",
        ANY_PORT,
        "--threads",
        "2",
    ]);
    command.arg("--data").arg(data).args(BOARD).args(["--voters", "50"]).args(PROXY);
    command.stderr(fs::File::create(log).unwrap());
    Server::spawn(command)
}

fn address(server: &Server) -> &str {
    server.link.strip_prefix("capvote://").unwrap()
}

fn header(origin: &str) -> String {
    format!("PROXY TCP4 {origin} 127.0.0.1 50000 12358\r\n")
}

/// A connection that comes from `origin`, as the server is told, and is idle.
async fn idle(server: &Server, origin: &str) -> net::TcpStream {
    let mut stream = net::TcpStream::connect(address(server)).await.unwrap();
    stream.write_all(header(origin).as_bytes()).await.unwrap();
    stream
}

/// Returns when the server closes one of these connections, on which it sends nothing before.
async fn one_closed(streams: &[net::TcpStream]) {
    let closed = streams.iter().map(|stream| Box::pin(async { stream.peek(&mut [0]).await }));
    let _ = select_all(closed).await;
}

async fn connect(server: &Server, origin: &str) -> Client {
    Client::over(idle(server, origin).await)
}

async fn vote(client: &Client, number: VoterNumber) -> Result<VoteOutcome, Error> {
    let ballot = Ballot::new("Ada", number).unwrap();
    client.election("board").vote(&ballot, |_| {}).await
}

async fn votes(client: &Client, number: VoterNumber) {
    let outcome = vote(client, number).await;
    assert!(matches!(outcome, Ok(VoteOutcome::Recorded(_))), "{outcome:?}");
}

#[tokio::test(flavor = "local")]
async fn idle_connections_of_an_address_make_room_and_those_that_hold_something_do_not() {
    const ORIGIN: &str = "192.0.2.1";
    let data = tempfile::tempdir().unwrap();
    let server = board(ANY_PORT, data.path());
    let numbers = numbers(data.path());
    // These are the oldest: one watches, one counts lines, and one holds an officer's capability.
    let (changes, mut seen) = mpsc::unbounded_channel();
    let watcher = connect(&server, ORIGIN).await;
    let watching = tokio::task::spawn_local(async move {
        let told = |ballots| changes.send(ballots).map_err(|gone| gone.to_string());
        watcher.election("board").watch(|results| told(results.ballots)).await
    });
    assert_eq!(seen.recv().await, Some(0));
    let (file, mut lines) = std::io::pipe().unwrap();
    let (lined, mut line) = mpsc::unbounded_channel();
    let counter = connect(&server, ORIGIN).await;
    let counting = tokio::task::spawn_local(async move {
        let told = |_: &[u8]| lined.send(());
        counter.line_counter().count_lines(file, told).await
    });
    lines.write_all(b"one\n").unwrap();
    line.recv().await.unwrap();
    let link = fs::read_to_string(data.path().join("officer.link")).unwrap();
    let token = link.trim().parse::<Link>().unwrap().token.unwrap();
    let officer = connect(&server, ORIGIN).await;
    let board = officer.restore(&token).returning_officer().administer("board");
    let auditor = board.auditor();
    auditor.turnout().await.unwrap();

    let mut crowd = Vec::new();
    for _ in 0..1_100 {
        crowd.push(idle(&server, ORIGIN).await);
    }
    one_closed(&crowd).await;
    for number in &numbers[..20] {
        votes(&connect(&server, ORIGIN).await, *number).await;
    }
    // None of the three has made room.
    while seen.recv().await.unwrap() < 20 {}
    drop(lines);
    assert_eq!(counting.await.unwrap().unwrap(), 1);
    assert_eq!(auditor.turnout().await.unwrap(), (20, 50));
    votes(&connect(&server, "192.0.2.2").await, numbers[20]).await;
    watching.abort();
}

#[tokio::test(flavor = "local")]
async fn a_full_server_has_room_for_voters_from_everywhere() {
    let (data, log) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
    // 512 connections from other machines, and 256 of one address.
    let server = board_with_files(1_280, log.path(), data.path());
    let numbers = numbers(data.path());
    let mut crowd = Vec::new();
    for index in 0..700 {
        crowd.push(idle(&server, &format!("192.0.2.{}", index % 4)).await);
    }
    one_closed(&crowd).await;
    for (index, number) in numbers[..8].iter().enumerate() {
        votes(&connect(&server, &format!("192.0.2.{index}")).await, *number).await;
    }
    // From this machine, too.
    let mut here = net::TcpStream::connect(address(&server)).await.unwrap();
    here.write_all(b"PROXY UNKNOWN\r\n").await.unwrap();
    votes(&Client::over(here), numbers[8]).await;
    let log = fs::read_to_string(log.path()).unwrap();
    assert!(!log.contains("cannot accept"), "{log}");
}

#[tokio::test(flavor = "local")]
async fn a_server_out_of_files_closes_idle_connections_and_logs_one_line() {
    let (data, log) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
    // Fewer than the 16 connections that a server always permits, its ledger and its threads need.
    let server = board_with_files(40, log.path(), data.path());
    let numbers = numbers(data.path());
    let mut crowd = Vec::new();
    for index in 0..80 {
        crowd.push(idle(&server, &format!("192.0.2.{index}")).await);
    }
    one_closed(&crowd).await;
    for number in &numbers[..3] {
        // As the client program does: a server that is out of files may close a new connection.
        while vote(&connect(&server, "198.51.100.1").await, *number).await.is_err() {}
    }
    let log = fs::read_to_string(log.path()).unwrap();
    assert_eq!(log.matches("cannot accept connections").count(), 1, "{log}");
}

/// Forwards connections to `server`, each after this header. Returns the port.
fn proxy(header: Vec<u8>, server: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for near in listener.incoming() {
            let (mut near, mut far) = (near.unwrap(), TcpStream::connect(&server).unwrap());
            let _ = far.write_all(&header);
            let (mut from, mut to) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(std::net::Shutdown::Write);
            });
            thread::spawn(move || {
                let _ = std::io::copy(&mut far, &mut near);
                let _ = near.shutdown(std::net::Shutdown::Write);
            });
        }
    });
    port
}

#[test]
fn a_proxy_says_where_connections_come_from_and_nobody_else_may() {
    let data = tempfile::tempdir().unwrap();
    let server = board("capvotes://127.0.0.1:0", data.path());
    let numbers = numbers(data.path());
    let at = server.link.strip_prefix("capvotes://").unwrap().split('?').next().unwrap();
    let run = |at: &str, header: &[u8], number: VoterNumber| {
        let port = proxy(header.to_vec(), at.to_string());
        let link: Link = server.link.parse().unwrap();
        let through = format!("capvotes://127.0.0.1:{port}?cert={}", pin(&link));
        client(&through, &["vote", "Ada", "--voter-number", &number.get().to_string()])
    };
    let v2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\x7f\0\0\x01\0\x50\0\x50";
    let (v1, local) = (header("192.0.2.1"), v2_local());
    let headers: [&[u8]; 4] = [v1.as_bytes(), v2, b"PROXY UNKNOWN\r\n", &local];
    for (header, number) in headers.into_iter().zip(&numbers) {
        let voted = run(at, header, *number);
        assert!(voted.stdout.contains("is recorded"), "{header:?}: {}", voted.stderr);
    }
    // Without a header, or with one that is wrong, the connection ends before the handshake.
    for header in [&b""[..], b"PROXY TCP4 192.0.2.256 127.0.0.1 1 1\r\n", &[0; 200]] {
        assert_eq!(run(at, header, numbers[4]).code, Some(1), "{header:?}");
    }
    // A server that does not trust this machine.
    let other = tempfile::tempdir().unwrap();
    let arguments = [&BOARD[..], &["--voters", "50", "--proxy", "192.0.2.0/24"]].concat();
    let other = Server::listen(ANY_PORT, other.path(), &arguments);
    for header in [v1.as_bytes(), v2] {
        let mut stream = TcpStream::connect(address(&other)).unwrap();
        stream.write_all(header).unwrap();
        // It may say why, and closes the connection.
        let _ = stream.read_to_end(&mut Vec::new());
    }
    assert_eq!(client(&other.link, &["info"]).code, Some(0));
}

fn v2_local() -> Vec<u8> {
    [b"\r\n\r\n\0\r\nQUIT\n".as_slice(), &[0x20, 0, 0, 0]].concat()
}

/// A link's certificate as it is written in links.
fn pin(link: &Link) -> String {
    let text = link.to_string();
    let (_, pin) = text.split_once("cert=").unwrap();
    pin.to_string()
}

#[tokio::test(flavor = "local")]
async fn guesses_through_a_proxy_slow_down_their_own_address_only() {
    let data = tempfile::tempdir().unwrap();
    let server = board(ANY_PORT, data.path());
    let numbers = numbers(data.path());
    let mut wrong = (1..).map(VoterNumber::from).filter(|number| !numbers.contains(number));
    let mut guess = async |client: &Client| {
        let number = wrong.next().unwrap();
        matches!(vote(client, number).await.unwrap(), VoteOutcome::Throttled { .. })
    };
    let mut guessed = 0;
    'guessing: loop {
        let client = connect(&server, "192.0.2.1").await;
        for _ in 0..5 {
            if guess(&client).await {
                break 'guessing;
            }
            guessed += 1;
        }
    }
    assert!(guessed >= 100, "throttled after {guessed}");
    let other = connect(&server, "192.0.2.2").await;
    for _ in 0..5 {
        assert!(!guess(&other).await);
    }
    votes(&connect(&server, "192.0.2.3").await, numbers[0]).await;
}

#[tokio::test(flavor = "local")]
async fn a_proxy_may_connect_to_a_unix_socket() {
    let data = tempfile::tempdir().unwrap();
    let socket = data.path().join("socket");
    let link = format!("capvote+unix://{}", socket.display());
    let arguments = [&BOARD[..], &["--voters", "2", "--proxy", "unix"]].concat();
    let _server = Server::listen(&link, data.path(), &arguments);
    let numbers = numbers(data.path());
    let connect = async |header: &str| {
        let mut stream = net::UnixStream::connect(&socket).await.unwrap();
        stream.write_all(header.as_bytes()).await.unwrap();
        Client::over(stream)
    };
    votes(&connect(&header("192.0.2.1")).await, numbers[0]).await;
    assert!(vote(&connect("").await, numbers[1]).await.is_err());
}
