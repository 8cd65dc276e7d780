//! Pages: their headers, forms and names, and who may ask for them.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use capvote::net::dial;
use capvote::net::http::REQUEST_HEAD_BYTES_MAX;
use capvote::net::link::{Address, Link};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{ANY_PORT, Answer, address, ask, board, get, handshake};
use crate::process::{Server, client, run};

const SERVER: &str = env!("CARGO_BIN_EXE_capvote-server");

const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; form-action 'none'; base-uri 'none'; \
     frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// What every answer says.
const FIELDS: [(&str, &str); 6] = [
    ("content-security-policy", CONTENT_POLICY),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-cache"),
];

fn check_fields(answer: &Answer, is_encrypted: bool) {
    for (name, value) in FIELDS {
        assert_eq!(answer.field(name), value, "{answer:?}");
    }
    let policy = if is_encrypted { "max-age=31536000" } else { "" };
    assert_eq!(answer.field("strict-transport-security"), policy);
}

fn web(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("web").join(path)
}

#[test]
fn every_answer_has_the_headers_that_protect_a_page() {
    let data = tempfile::tempdir().unwrap();
    let server = board(ANY_PORT, data.path(), 3, &[]);
    let at = address(&server.link);
    let close = "Connection: close\r\n";
    let plain = |method: &str, path: &str, more: &str| {
        format!("{method} {path} HTTP/1.1\r\nHost: {at}\r\n{close}{more}\r\n")
    };
    let tag = get(&at, "/-/missing.html", "").field("etag").to_string();
    for (request, status) in [
        (plain("GET", "/-/missing.html", ""), 200),
        (plain("HEAD", "/-/missing.html", ""), 200),
        (plain("GET", "/-/missing.html", &format!("If-None-Match: {tag}\r\n")), 304),
        (plain("GET", "/-/missing.js", ""), 404),
        (plain("GET", "/a/page/of/none", ""), 404),
        (plain("GET", "/-/../Cargo.toml", ""), 404),
        (plain("GET", "/-/%2e%2e/Cargo.toml", ""), 404),
        (plain("GET", "/rpc", ""), 426),
        (plain("POST", "/", ""), 405),
        (plain("POST", "/rpc", "Content-Length: 3\r\n") + "abc", 405),
        (plain("GET", "/", "Content-Length: 3\r\n") + "abc", 400),
        (plain("OPTIONS", "/", "Origin: http://other.example\r\n"), 403),
        (plain("GET", "/", "Origin: null\r\n"), 403),
        (plain("GET", "/", "Host: localhost\r\n"), 400),
        (format!("GET / HTTP/1.1\r\n{close}\r\n"), 400),
        ("GET / HTTP/1.0\r\n\r\n".into(), 400),
        (format!("GET http://{at}/ HTTP/1.1\r\nHost: {at}\r\n{close}\r\n"), 400),
        (format!("GET / HTTP/1.1\r\nHost: rebound.example\r\n{close}\r\n"), 421),
        (handshake(&at, "Origin: http://other.example\r\n"), 403),
        (
            handshake(&at, "")
                .replace("version: 13", "version: 8")
                .replace("Version: 13", "Version: 8"),
            426,
        ),
        (handshake(&at, "").replace("b25jZQ==", ""), 400),
    ] {
        let request = request.replace("keep-alive, Upgrade", "close, Upgrade");
        let answer = ask(&at, &request);
        assert_eq!(answer.status, status, "{request}: {answer:?}");
        check_fields(&answer, false);
    }
}

#[test]
fn what_is_no_request_is_answered_by_its_status_alone() {
    let data = tempfile::tempdir().unwrap();
    let server = board(ANY_PORT, data.path(), 3, &[]);
    let at = address(&server.link);
    // It is sent no further than it is read.
    let mut long = format!("GET / HTTP/1.1\r\nHost: {at}\r\nX: ");
    long += &"y".repeat(REQUEST_HEAD_BYTES_MAX - long.len());
    for (noise, status) in [
        ("capvote\r\n\r\n".to_string(), 400),
        (long, 431),
        (format!("GET / HTTP/1.1\r\nHost: {at}\r\n{}\r\n", "X: y\r\n".repeat(100)), 431),
    ] {
        let answer = ask(&at, &noise);
        assert_eq!((answer.status, answer.body.len()), (status, 0), "{answer:?}");
    }
}

#[test]
fn what_goes_on_as_a_websocket_has_the_headers_of_a_page() {
    let data = tempfile::tempdir().unwrap();
    let server = board(ANY_PORT, data.path(), 3, &[]);
    let at = address(&server.link);
    let mut stream = TcpStream::connect(&at).unwrap();
    stream.write_all(handshake(&at, &format!("Origin: http://{at}\r\n")).as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let answer = Answer::parse(&head);
    assert_eq!((answer.status, answer.body.len()), (101, 0));
    assert_eq!(answer.field("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    check_fields(&answer, false);
}

#[tokio::test(flavor = "local")]
async fn a_browser_that_was_served_over_tls_is_told_to_ask_for_nothing_else() {
    let data = tempfile::tempdir().unwrap();
    let server = board("https://127.0.0.1:0", data.path(), 3, &[]);
    let link: Link = server.link.parse().unwrap();
    let Address::Https(at) = link.address.clone() else { panic!("{link}") };
    assert!(server.link.starts_with("https://127.0.0.1:") && link.certificate.is_some());
    // The same connection without its WebSocket.
    let tls = Link { address: Address::Tls(at.clone()), ..link };
    for (path, status) in [("/-/missing.html", 200), ("/rpc", 426), ("/-/nothing", 404)] {
        let mut stream = dial::connect(&tls).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = Answer::parse(&answer);
        assert_eq!(answer.status, status);
        check_fields(&answer, true);
    }
}

#[test]
fn a_file_is_served_whole_compressed_or_not_at_all() {
    let data = tempfile::tempdir().unwrap();
    let server = board(ANY_PORT, data.path(), 3, &[]);
    let at = address(&server.link);
    const PATH: &str = "/-/missing.html";
    let file = fs::read(web("missing.html")).unwrap();
    let plain = get(&at, PATH, "");
    assert_eq!((plain.status, &plain.body), (200, &file));
    assert_eq!(plain.field("content-type"), "text/html; charset=utf-8");
    assert_eq!(plain.field("content-length"), file.len().to_string());
    let short = get(&at, PATH, "Accept-Encoding: gzip, deflate\r\n");
    assert_eq!(short.field("content-encoding"), "gzip");
    assert!(short.body.len() < file.len());
    assert_eq!(gunzip(&short.body), file);
    let shortest = get(&at, PATH, "Accept-Encoding: gzip, deflate, br\r\n");
    assert_eq!(shortest.field("content-encoding"), "br");
    assert!(shortest.body.len() < short.body.len());
    let mut unpacked = Vec::new();
    brotli::BrotliDecompress(&mut &shortest.body[..], &mut unpacked).unwrap();
    assert_eq!(unpacked, file);
    assert_ne!(shortest.field("etag"), short.field("etag"));
    // Each form has a tag of its own, and caches know that there are several.
    let tags = [plain.field("etag"), short.field("etag")];
    assert_ne!(tags[0], tags[1]);
    for answer in [&plain, &short] {
        assert!(answer.field("etag").starts_with('"'), "{answer:?}");
        assert_eq!(answer.field("vary"), "accept-encoding");
    }
    let unchanged = get(&at, PATH, &format!("If-None-Match: \"x\", W/{}\r\n", tags[0]));
    assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));
    assert_eq!(unchanged.field("etag"), tags[0]);
    let gzip = format!("Accept-Encoding: gzip\r\nIf-None-Match: {}\r\n", tags[1]);
    assert_eq!(get(&at, PATH, &gzip).status, 304);
    let changed = get(&at, PATH, &format!("If-None-Match: {}\r\n", tags[0].replace('0', "1")));
    assert_eq!((changed.status, &changed.body), (200, &file));
    let request = format!("HEAD {PATH} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n");
    let head = ask(&at, &request);
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.field("content-length"), file.len().to_string());
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut gunzip = Command::new("gzip");
    let gunzip = gunzip.arg("-d").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = gunzip.spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    child.wait_with_output().unwrap().stdout
}

/// The files of a folder that are served, by their paths.
fn served(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if !["tables", "test", "tests", "node_modules"].contains(&name) {
                served(&path, files);
            }
        } else if [".html", ".js", ".css", ".svg"].iter().any(|end| name.ends_with(end))
            && !name.ends_with(".test.js")
        {
            files.push(path);
        }
    }
}

#[test]
fn every_file_is_served_as_it_is_checked_in() {
    let data = tempfile::tempdir().unwrap();
    let server = board(ANY_PORT, data.path(), 3, &[]);
    let at = address(&server.link);
    let mut files = Vec::new();
    served(&web(""), &mut files);
    assert!(!files.is_empty());
    for file in files {
        let path = file.strip_prefix(web("")).unwrap().to_str().unwrap();
        let answer = get(&at, &format!("/-/{path}"), "");
        assert_eq!((answer.status, &answer.body), (200, &fs::read(&file).unwrap()), "{path}");
        let kind = match path.rsplit_once('.').unwrap().1 {
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "html" => "text/html; charset=utf-8",
            _ => "image/svg+xml",
        };
        assert_eq!(answer.field("content-type"), kind, "{path}");
    }
    // What is for those who work on them is not.
    for path in ["README.md", "capnp/README.md", "tests", "tables/Cargo.toml"] {
        assert_eq!(get(&at, &format!("/-/{path}"), "").status, 404, "{path}");
    }
}

#[test]
fn each_page_has_its_path() {
    let data = tempfile::tempdir().unwrap();
    let server = board(ANY_PORT, data.path(), 3, &[]);
    let at = address(&server.link);
    for (path, file) in [
        ("/", "index.html"),
        ("/board", "voter.html"),
        ("/an-election-that-is-none", "voter.html"),
        ("/board/watch", "observer.html"),
        ("/board/audit", "auditor.html"),
        ("/officer", "officer.html"),
        ("/officer?cert=x", "officer.html"),
    ] {
        let answer = get(&at, path, "");
        let file = fs::read(web(file)).unwrap_or_else(|error| panic!("web/{file}: {error}"));
        assert_eq!((answer.status, &answer.body), (200, &file), "{path}");
    }
    let missing = fs::read(web("missing.html")).unwrap();
    for path in ["/board/", "/board/watch/", "/board/x", "/_", "/-/", "/-", "//", "/favicon.ico"] {
        let answer = get(&at, path, "");
        assert_eq!((answer.status, &answer.body), (404, &missing), "{path}");
    }
}

#[test]
fn the_digests_are_those_of_the_files() {
    let digests = run(SERVER, &["pages"], b"");
    let digests = digests.done();
    assert!(digests.lines().any(|line| line.ends_with("  missing.html")), "{digests}");
    let mut check = Command::new("sha256sum");
    let check = check.args(["--check", "--strict", "--quiet"]).current_dir(web(""));
    let mut child = check.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(digests.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    let document = run(SERVER, &["pages", "--json"], b"");
    let document: serde_json::Value = serde_json::from_str(document.done()).unwrap();
    assert_eq!(document["pages"].as_array().unwrap().len(), digests.lines().count());
}

#[test]
fn a_server_answers_to_its_names_only() {
    let data = tempfile::tempdir().unwrap();
    let more = ["--public", "https://Vote.Example.org", "--listen", "http://0.0.0.0:0"];
    let mut server =
        board(ANY_PORT, data.path(), 3, &[&more[..], &["--allow-unencrypted"]].concat());
    let everywhere = server.next_link();
    assert_eq!(server.next("public at "), "https://Vote.Example.org");
    assert_eq!(server.next("vote at "), "https://Vote.Example.org/board");
    let status = |link: &str, host: &str, more: &str| {
        let at = format!("127.0.0.1:{}", address(link).rsplit_once(':').unwrap().1);
        let request = format!("GET /-/missing.html HTTP/1.1\r\nHost: {host}\r\n{more}\r\n");
        ask(&at, &request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")).status
    };
    for (host, here, there) in [
        ("127.0.0.1:1", 200, 200),
        ("localhost", 200, 200),
        ("vote.example.org", 200, 200),
        ("VOTE.example.org.:443", 200, 200),
        ("192.0.2.1", 421, 200),
        ("[2001:db8::1]:8080", 421, 200),
        ("example.org", 421, 421),
        ("localhost.example.org", 421, 421),
        ("127.0.0.1.example.org", 421, 421),
        ("0x7f.1", 421, 421),
        ("", 421, 421),
    ] {
        assert_eq!(status(&server.link, host, ""), here, "{host}");
        assert_eq!(status(&everywhere, host, ""), there, "{host}");
    }
    // The page's own site is the one that it was asked for at, whoever encrypts that.
    for (origin, answer) in [
        ("https://vote.example.org", 200),
        ("http://vote.example.org", 200),
        ("https://Vote.Example.ORG", 200),
        ("https://vote.example.org:8443", 403),
        ("https://other.example.org", 403),
        ("https://vote.example.org.other.example", 403),
        ("vote.example.org", 403),
        ("null", 403),
        ("", 403),
    ] {
        let origin = format!("Origin: {origin}\r\n");
        assert_eq!(status(&server.link, "vote.example.org", &origin), answer, "{origin}");
    }
}

#[test]
fn pages_that_others_could_read_are_refused_as_links_are() {
    let data = tempfile::tempdir().unwrap();
    let start = |listen: &str, more: &[&str]| {
        let common = ["--log", "error", "--data", data.path().to_str().unwrap()];
        run(SERVER, &[&common[..], &["--listen", listen], more].concat(), b"")
    };
    start("http://0.0.0.0:0", &[]).failed(2, "in the clear");
    start("ws://[::]:0", &[]).failed(2, "say --allow-unencrypted");
    start(ANY_PORT, &["--public", "https://host/board"]).failed(2, "such as https://HOST");
    start("capvote://127.0.0.1:0", &["--public", "https://host"]).failed(2, "there is no https://");
    start("https://host/board", &[]).failed(2, "without election");
}

#[test]
fn one_connection_asks_for_many_files_and_not_for_ever() {
    let data = tempfile::tempdir().unwrap();
    let server = board(ANY_PORT, data.path(), 3, &[]);
    let at = address(&server.link);
    let mut stream = TcpStream::connect(&at).unwrap();
    let request = format!("GET /-/missing.html HTTP/1.1\r\nHost: {at}\r\n\r\n");
    stream.write_all(request.repeat(120).as_bytes()).unwrap();
    let mut answers = Vec::new();
    // What was asked for behind the last answer may reset the connection.
    let _ = stream.read_to_end(&mut answers);
    let answers = String::from_utf8(answers).unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 100);
    assert_eq!(answers.matches("connection: close").count(), 1);
}

#[test]
fn a_link_of_the_wrong_kind_is_told_from_a_server_that_is_none() {
    let data = tempfile::tempdir().unwrap();
    let arguments = ["--listen", "capvote://127.0.0.1:0", "--listen", "https://127.0.0.1:0"];
    let mut server = Server::listen(ANY_PORT, data.path(), &arguments);
    let (plain, encrypted) = (server.next_link(), server.next_link());
    let swap =
        |link: &str, scheme: &str| format!("{scheme}://{}", link.split_once("://").unwrap().1);
    client(&swap(&server.link, "capvote"), &["info"]).failed(1, "begins with https:// or http://");
    client(&swap(&encrypted, "capvotes"), &["info"]).failed(1, "begins with https:// or http://");
    client(&swap(&plain, "ws"), &["info"]).failed(1, "cannot reach");
    let bare = encrypted.split('?').next().unwrap();
    client(&swap(bare, "ws"), &["info"]).failed(1, "cannot reach");
    client(&swap(&server.link, "wss"), &["info"]).failed(1, "does not speak TLS");
    client(bare, &["info"]).failed(1, "its certificate is not trusted here");
}
