//! Certificates that are renewed, and proxies in front of pages.

use capvote::client::{Ballot, Client, VoteOutcome};
use capvote::election::VoterNumber;
use capvote::net::link::Link;
use capvote::net::tls::{Identity, new_identity};
use capvote::net::websocket::WebSocket;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net;

use super::{ANY_PORT, address, board, handshake};
use crate::networks::Logged;
use crate::process::{client, numbers, write_private};

#[test]
fn a_hangup_renews_the_certificate_of_pages() {
    let data = tempfile::tempdir().unwrap();
    let [old, new] = [(); 2].map(|()| new_identity(vec!["localhost".into()]).unwrap());
    let path = data.path().join("own.pem");
    write_private(&path, &old);
    let file = path.to_str().unwrap();
    let options = ["--certificate", file, "--key", file];
    let mut server = Logged::start("https://127.0.0.1:0", data.path(), &options);
    let link = server.server.link.clone();
    assert!(!link.contains("cert="), "{link}");
    let ask = |pem: &str| {
        let identity = Identity::from_pem(pem.as_bytes(), pem.as_bytes()).unwrap();
        let certificate = Some(identity.fingerprint);
        client(&Link { certificate, ..link.parse().unwrap() }.to_string(), &["info"])
    };
    ask(&old).failed(1, "there is no election");
    write_private(&path, &new);
    server.server.signal("HUP");
    server.line_with("were read again");
    ask(&new).failed(1, "there is no election");
    ask(&old).failed(1, "not the one that the link names");
    server.stop();
}

/// A client whose requests come through a proxy, with what that adds to them.
async fn through(address: &str, proxy: &str, fields: &str) -> Client {
    let mut stream = net::TcpStream::connect(address).await.unwrap();
    stream.write_all(proxy.as_bytes()).await.unwrap();
    stream.write_all(handshake(address, fields).as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    Client::over(WebSocket::client(stream, Vec::new()))
}

async fn vote(client: &Client, number: VoterNumber) -> VoteOutcome {
    let ballot = Ballot::new("Ada", number).unwrap();
    client.election("board").vote(&ballot, |_| {}).await.unwrap()
}

/// Guesses wrong numbers over connections that begin like this, until it is throttled. Returns how
/// many were looked up.
async fn guesses(address: &str, proxy: &str, fields: &str, numbers: &[VoterNumber]) -> usize {
    let mut wrong = (1..).map(VoterNumber::from).filter(|number| !numbers.contains(number));
    let mut guessed = 0;
    loop {
        // Of one connection, five are looked up.
        let client = through(address, proxy, fields).await;
        for _ in 0..5 {
            if let VoteOutcome::Throttled { .. } = vote(&client, wrong.next().unwrap()).await {
                return guessed;
            }
            guessed += 1;
        }
    }
}

#[tokio::test(flavor = "local")]
async fn guesses_are_counted_for_the_address_that_a_trusted_proxy_names() {
    const FIELDS: &str = "X-Forwarded-For: 198.51.100.9, 192.0.2.1, 127.0.0.1\r\n";
    for (options, proxy, guesser, other) in [
        (
            &["--forwarded-for", "127.0.0.0/8"][..],
            ["", ""],
            FIELDS,
            // What a voter adds itself stands before what the proxy adds.
            "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.2\r\n",
        ),
        (
            // The header of the connection says it, and its requests do not.
            &["--proxy", "127.0.0.1", "--forwarded-for", "127.0.0.1"],
            [
                "PROXY TCP4 192.0.2.1 127.0.0.1 50000 443\r\n",
                "PROXY TCP4 192.0.2.2 127.0.0.1 50000 443\r\n",
            ],
            "",
            "X-Forwarded-For: 192.0.2.1\r\n",
        ),
    ] {
        let data = tempfile::tempdir().unwrap();
        let server = board(ANY_PORT, data.path(), 5, options);
        let (at, numbers) = (address(&server.link), numbers(data.path()));
        let guessed = guesses(&at, proxy[0], guesser, &numbers).await;
        assert!(guessed >= 100, "{options:?}: {guessed}");
        let honest = through(&at, proxy[1], other).await;
        let voted = vote(&honest, numbers[0]).await;
        assert!(matches!(voted, VoteOutcome::Recorded(_)), "{voted:?}");
        for number in [1, 2, 3] {
            let guess = vote(&honest, VoterNumber::from(number)).await;
            assert!(matches!(guess, VoteOutcome::UnknownVoterNumber), "{options:?}: {guess:?}");
        }
    }
}

#[tokio::test(flavor = "local")]
async fn nobody_else_says_where_a_voter_comes_from() {
    let data = tempfile::tempdir().unwrap();
    let server = board(ANY_PORT, data.path(), 5, &["--forwarded-for", "192.0.2.0/24"]);
    let (at, numbers) = (address(&server.link), numbers(data.path()));
    let fields = |host: u32| format!("X-Forwarded-For: 192.0.2.{host}\r\n");
    // All of them are this machine's, whatever they say: it is throttled as one.
    let mut wrong = (1..).map(VoterNumber::from).filter(|number| !numbers.contains(number));
    let mut looked_up = 0;
    'guessing: for host in 0..200 {
        let client = through(&at, "", &fields(host)).await;
        for _ in 0..5 {
            if let VoteOutcome::Throttled { .. } = vote(&client, wrong.next().unwrap()).await {
                break 'guessing;
            }
            looked_up += 1;
        }
    }
    assert!((100..250).contains(&looked_up), "{looked_up}");
    // Without the header that it requires of a proxy, a connection ends.
    let data = tempfile::tempdir().unwrap();
    let server = board(ANY_PORT, data.path(), 5, &["--proxy", "127.0.0.1"]);
    let mut stream = net::TcpStream::connect(address(&server.link)).await.unwrap();
    stream.write_all(handshake("localhost", "").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test(flavor = "local")]
async fn a_proxy_asks_over_a_unix_socket_and_is_trusted_again_by_a_hangup() {
    let data = tempfile::tempdir().unwrap();
    let socket = data.path().join("socket");
    let listen = format!("http+unix://{}", socket.display());
    let settings = data.path().join("capvote.toml");
    let public = "public = \"https://vote.example.org\"\n";
    std::fs::write(&settings, public).unwrap();
    let options = ["--config", settings.to_str().unwrap()];
    let mut server = Logged::start(&listen, data.path(), &options);
    let ask = async |host: &str| {
        let mut stream = net::UnixStream::connect(&socket).await.unwrap();
        let fields = format!("X-Forwarded-For: 192.0.2.1\r\nOrigin: https://{host}\r\n");
        stream.write_all(handshake(host, &fields).as_bytes()).await.unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.unwrap();
        String::from_utf8(status.to_vec()).unwrap()
    };
    assert_eq!(ask("vote.example.org").await, "HTTP/1.1 101");
    assert_eq!(ask("other.example.org").await, "HTTP/1.1 421");
    std::fs::write(&settings, format!("{public}forwarded-for = [\"unix\"]\n")).unwrap();
    server.server.signal("HUP");
    server.line_with("were read again");
    assert_eq!(ask("vote.example.org").await, "HTTP/1.1 101");
    let log = server.stop();
    assert!(!log.contains("needs a restart"), "{log}");
    // Any other client takes such a link, too.
    let server = board(&listen, &data.path().join("data"), 3, &[]);
    assert!(client(&server.link, &["info"]).done().contains("Ada"));
}
