//! Links to pages, as the client program takes them, and pages from the voter's own machine.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use capvote::client::{Ballot, VoteOutcome};
use capvote::net::link::{Address, Link};
use capvote::net::relay::RELAYED_CONNECTIONS_MAX;
use tokio::sync::mpsc;

use super::{ANY_PORT, address, board, get, handshake, voter};
use crate::process::{client, numbers, officer, write_private};

const CLIENT: &str = env!("CARGO_BIN_EXE_capvote-client");

#[test]
fn the_client_program_does_everything_over_a_websocket_with_a_pinned_certificate() {
    let data = tempfile::tempdir().unwrap();
    let server = board("https://127.0.0.1:0", data.path(), 3, &[]);
    let wss = server.link.replace("https://", "wss://");
    let numbers: Vec<_> = numbers(data.path()).iter().map(ToString::to_string).collect();
    let mut watch = Command::new(CLIENT);
    watch.args(["--link", &wss, "--json", "watch"]).stdout(Stdio::piped());
    let mut watch = watch.spawn().unwrap();
    let mut changes = BufReader::new(watch.stdout.take().unwrap()).lines();
    assert!(changes.next().unwrap().unwrap().contains("\"ballots\":0"));
    for (number, link) in numbers.iter().zip([&wss, &server.link]) {
        let voted = client(link, &["vote", "Ada", "--voter-number", number]);
        assert!(voted.done().contains("is recorded"), "{}", voted.stdout);
    }
    // Results may come in between.
    while !changes.next().unwrap().unwrap().contains("\"ballots\":2") {}
    let lines = data.path().join("lines.txt");
    fs::write(&lines, "a line of some length or other\n".repeat(200_000)).unwrap();
    let counted = client(&wss, &["count-lines", "--quiet", lines.to_str().unwrap()]);
    assert_eq!(counted.done().trim(), "200000");
    // The officer's link is the address of the officer's page.
    let link = fs::read_to_string(data.path().join("officer.link")).unwrap();
    let (page, token) = link.trim().split_once('#').unwrap();
    let parsed: Link = server.link.parse().unwrap();
    let Address::Https(at) = &parsed.address else { panic!("{link}") };
    assert!(page.starts_with(&format!("https://{at}/officer?cert=")), "{page}");
    assert!(officer(data.path(), &["turnout"]).done().contains('2'));
    let written = wss.split_once('?').unwrap();
    let written = format!("{}/board?{}#{token}", written.0, written.1);
    assert!(client(&written, &["turnout"]).done().contains('2'));
    let shared = data.path().join("auditor.link");
    officer(data.path(), &["share", "auditor", "--output", shared.to_str().unwrap()]).done();
    let shared_link = fs::read_to_string(&shared).unwrap();
    assert!(shared_link.contains("/officer?election=board&cert="), "{shared_link}");
    officer(data.path(), &["close"]).done();
    assert!(changes.any(|line| line.unwrap().contains("final")));
    assert!(watch.wait().unwrap().success());
    let sheet = data.path().join("sheet.csv");
    let shared = shared.to_str().unwrap();
    client(shared, &["sheet", "--output", sheet.to_str().unwrap()]).done();
    // Another certificate is refused.
    let other = Link { certificate: Some([7; 32]), ..parsed };
    client(&other.to_string(), &["info"]).failed(1, "not the one that the link names");
}

#[test]
fn the_address_of_a_page_is_a_link_as_it_is_pasted() {
    let data = tempfile::tempdir().unwrap();
    let server = board(ANY_PORT, data.path(), 3, &[]);
    let number = numbers(data.path())[0].to_string();
    let file = data.path().join("pasted.txt");
    for pasted in [
        server.link.clone(),
        format!("{}/", server.link),
        format!("{}/board", server.link),
        format!("{}/board/watch", server.link),
        format!("{}/board#{number}", server.link),
        format!("Dear Ann,\r\n\r\nvote at <{}/board#{number}>.\r\n", server.link),
        server.link.replace("http", "ws"),
        server.link.replace("http", "ws") + "/board",
    ] {
        write_private(&file, &pasted);
        let info = client(file.to_str().unwrap(), &["--json", "info"]);
        assert!(info.done().contains("\"board\""), "{pasted}");
    }
    let missing = client(&format!("{}/chair", server.link), &["info"]);
    missing.failed(1, "there is no election \"chair\"");
}

/// `capvote-client page`. Dropping it ends it.
struct Page {
    child: Child,
    /// The address that it prints.
    page: String,
}

impl Page {
    fn open(link: &str, more: &[&str]) -> Self {
        let mut command = Command::new(CLIENT);
        command.args(["page", link]).args(more).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let page = line.trim_end().strip_prefix("open ").unwrap_or_else(|| panic!("{line:?}"));
        Self { page: page.to_string(), child }
    }

    /// Ends it as Ctrl-C does. Returns what it has written to stderr.
    fn stop(mut self) -> String {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "INT", &pid]).status().unwrap().success());
        let mut stderr = self.child.stderr.take().unwrap();
        let told = std::io::read_to_string(&mut stderr).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{told}");
        told
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn votes_and_watches(address: &str, data: &Path, voters: usize) {
    let (changes, mut seen) = mpsc::unbounded_channel();
    let watcher = voter(address).await;
    let watching = tokio::task::spawn_local(async move {
        let told = |ballots| changes.send(ballots).map_err(|gone| gone.to_string());
        watcher.election("board").watch(|results| told(results.ballots)).await
    });
    assert_eq!(seen.recv().await, Some(0));
    for number in &numbers(data)[..voters] {
        let ballot = Ballot::new("Ada", *number).unwrap();
        let voted = voter(address).await.election("board").vote(&ballot, |_| {}).await.unwrap();
        assert!(matches!(voted, VoteOutcome::Recorded(_)), "{voted:?}");
    }
    while seen.recv().await.unwrap() < voters as u64 {}
    watching.abort();
}

#[tokio::test(flavor = "local")]
async fn pages_from_ones_own_machine_reach_the_server_of_any_link() {
    let socket = tempfile::tempdir().unwrap();
    let socket = format!("capvote+unix://{}/socket", socket.path().display());
    let web_socket = socket.replace("capvote+", "http+");
    for listen in [
        "capvotes://127.0.0.1:0",
        "capvote://127.0.0.1:0",
        "https://127.0.0.1:0",
        ANY_PORT,
        &socket,
        &web_socket,
    ] {
        let data = tempfile::tempdir().unwrap();
        let server = board(listen, data.path(), 5, &[]);
        let page = Page::open(&server.link, &[]);
        assert!(page.page.starts_with("http://127.0.0.1:"), "{}", page.page);
        let at = address(&page.page);
        // The same files, under the same rules.
        let file = get(&at, "/-/missing.html", "");
        assert_eq!(file.status, 200);
        assert!(file.field("content-security-policy").contains("default-src 'none'"));
        assert_eq!(get(&at, "/-/missing.html", "Origin: http://other.example\r\n").status, 403);
        // They are told which server they are for; what comes from a server is for that one.
        let server_at = server.link.parse::<Link>().unwrap().address.at().map(ToString::to_string);
        let told = server_at.clone().unwrap_or_else(|| "localhost".to_string());
        assert_eq!(get(&at, "/-/server", "").body, format!("{told}\n").as_bytes());
        if let Some(server_at) = server_at.filter(|_| listen == ANY_PORT) {
            assert_eq!(get(&server_at, "/-/server", "").body, b"\n");
        }
        let rebound =
            super::ask(&at, &handshake("rebound.example", "").replace("keep-alive", "close"));
        assert_eq!(rebound.status, 421);
        votes_and_watches(&at, data.path(), 3).await;
        assert_eq!(page.stop(), "", "{listen}");
    }
}

#[tokio::test(flavor = "local")]
async fn a_browser_that_keeps_ended_connections_open_is_served_pages() {
    let data = tempfile::tempdir().unwrap();
    let server = board(ANY_PORT, data.path(), 3, &[]);
    let page = Page::open(&server.link, &[]);
    let at = address(&page.page);
    let mut kept = Vec::new();
    for _ in 0..RELAYED_CONNECTIONS_MAX {
        kept.push(super::upgraded(&at, "").await);
    }
    server.kill();
    assert_eq!(get(&at, "/-/missing.html", "").status, 200);
}

#[tokio::test(flavor = "local")]
async fn the_page_to_open_is_that_of_the_link_and_has_no_secret() {
    let data = tempfile::tempdir().unwrap();
    let server = board("capvotes://127.0.0.1:0", data.path(), 3, &[]);
    let link = data.path().join("officer.link");
    let page = Page::open(link.to_str().unwrap(), &["--listen", "127.0.0.1:0"]);
    assert!(page.page.ends_with("/officer"), "{}", page.page);
    drop(page);
    let of_election = server.link.replace("?", "/board?");
    let page = Page::open(&of_election, &[]);
    assert!(page.page.ends_with("/board"), "{}", page.page);
    // A server that is gone, or is another one, is told of; the pages stay.
    let at = address(&page.page);
    server.kill();
    let mut stream = super::upgraded(&at, "").await;
    let mut rest = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest).await.unwrap();
    assert_eq!(get(&at, "/-/missing.html", "").status, 200);
    let told = page.stop();
    assert!(told.starts_with("capvote-client: cannot connect to capvotes://127.0.0.1:"), "{told}");
    for (listen, why) in [("0.0.0.0:0", "not a loopback address"), ("x", "an address and a port")] {
        let arguments = ["page", &*of_election, "--listen", listen];
        crate::process::run(CLIENT, &arguments, b"").failed(2, why);
    }
}
