//! TLS links: pinned certificates, wrong certificates, and an operator's own certificate.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use capvote::net::link::Link;
use capvote::net::tls::{Identity, new_identity};

use crate::process::{BOARD, Ran, Server, client, numbers, run, write_private};

const ENCRYPTED: &str = "capvotes://127.0.0.1:0";

fn board(data: &Path, more: &[&str]) -> Server {
    Server::listen(ENCRYPTED, data, &[&BOARD[..], &["--voters", "3"], more].concat())
}

fn vote(link: &str, data: &Path, voter: usize) -> Ran {
    let number = numbers(data)[voter].get().to_string();
    client(link, &["vote", "Ada", "--voter-number", &number])
}

#[test]
fn a_link_pins_the_certificate_of_its_server() {
    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), &[]);
    let link: Link = server.link.parse().unwrap();
    assert!(link.certificate.is_some(), "{link}");
    let key = data.path().join("tls.pem");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    // Peers that never begin the handshake delay no other.
    let address = server.link.strip_prefix("capvotes://").unwrap().split('?').next().unwrap();
    let _silent: Vec<_> = (0..5).map(|_| TcpStream::connect(address).unwrap()).collect();
    let voted = vote(&server.link, data.path(), 0);
    assert_eq!(voted.code, Some(0), "{}", voted.stderr);
    assert!(voted.stdout.contains("is recorded"), "{}", voted.stdout);
    // The officer's link has the fingerprint, too.
    let officer = fs::read_to_string(data.path().join("officer.link")).unwrap();
    assert_eq!(officer.parse::<Link>().unwrap().certificate, link.certificate);
    assert_eq!(client(officer.trim(), &["turnout"]).code, Some(0));
    // Large transfers work in both directions.
    let lines = data.path().join("lines.txt");
    fs::write(&lines, "a line of some length or other\n".repeat(200_000)).unwrap();
    let counted = client(&server.link, &["count-lines", "--quiet", lines.to_str().unwrap()]);
    assert_eq!((counted.code, counted.stdout.trim()), (Some(0), "200000"), "{}", counted.stderr);
    // The certificate is kept over a restart.
    server.kill();
    let server = Server::listen(ENCRYPTED, data.path(), &[]);
    let again: Link = server.link.parse().unwrap();
    assert_eq!(again.certificate, link.certificate);
    assert_eq!(vote(&server.link, data.path(), 1).code, Some(0));
}

#[test]
fn a_client_refuses_the_wrong_certificate_and_the_wrong_scheme() {
    let [data, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let server = board(data.path(), &[]);
    let other_server = board(other.path(), &[]);
    let mut wrong: Link = server.link.parse().unwrap();
    let other_link: Link = other_server.link.parse().unwrap();
    wrong.certificate = other_link.certificate;
    let refused = vote(&wrong.to_string(), data.path(), 0);
    refused.failed(1, "its certificate is not the one that the link names");
    wrong.certificate = None;
    vote(&wrong.to_string(), data.path(), 0).failed(1, "its certificate is not trusted here");
    let results = client(&server.link, &["--json", "result"]);
    assert!(results.stdout.contains("\"ballots\": 0"), "{}", results.stdout);
    // Unencrypted to a TLS server, and the other way round.
    let clear = server.link.replace("capvotes://", "capvote://");
    let clear = clear.split('?').next().unwrap();
    client(clear, &["result"]).failed(1, "its link begins with capvotes://");
    let data = tempfile::tempdir().unwrap();
    let plain = crate::process::board(data.path(), 3);
    let encrypted = plain.link.replace("capvote://", "capvotes://");
    client(&encrypted, &["result"]).failed(1, "does not speak TLS");
}

#[test]
fn an_operators_certificate_is_used_and_not_in_the_link() {
    let data = tempfile::tempdir().unwrap();
    let pem = new_identity(vec!["localhost".to_string()]).unwrap();
    let file = data.path().join("operator.pem");
    fs::write(&file, &pem).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let file = file.to_str().unwrap();
    let server = board(data.path(), &["--certificate", file, "--key", file]);
    let mut link: Link = server.link.parse().unwrap();
    assert_eq!(link.certificate, None);
    assert!(!data.path().join("tls.pem").exists());
    link.certificate =
        Some(Identity::from_pem(pem.as_bytes(), pem.as_bytes()).unwrap().fingerprint);
    assert_eq!(vote(&link.to_string(), data.path(), 0).code, Some(0));
}

#[test]
fn a_server_with_an_unusable_certificate_says_why() {
    let data = tempfile::tempdir().unwrap();
    let start = |arguments: &[&str]| {
        let common = ["--log", "error", "--data", data.path().to_str().unwrap()];
        run(env!("CARGO_BIN_EXE_capvote-server"), &[&common[..], arguments].concat(), b"")
    };
    start(&["--listen", "capvote://0.0.0.0:0"]).failed(2, "in the clear");
    start(&["--listen", ENCRYPTED, "--certificate", "x"]).failed(2, "--key");
    let missing = ["--listen", ENCRYPTED, "--certificate", "/nowhere.pem", "--key", "/nowhere.pem"];
    start(&missing).failed(1, "/nowhere.pem");
    write_private(data.path().join("tls.pem"), "not a certificate");
    start(&["--listen", ENCRYPTED]).failed(1, "there is no PEM certificate in it");
}

#[test]
fn a_certificate_that_cannot_be_used_is_named_with_the_reason() {
    let data = tempfile::tempdir().unwrap();
    let path = |name: &str| data.path().join(name).to_str().unwrap().to_string();
    let [own, other] = [(); 2].map(|()| new_identity(vec!["localhost".into()]).unwrap());
    let (certificate, key) = (path("certificate.pem"), path("key.pem"));
    write_private(&certificate, &own);
    write_private(&key, &other);
    let folder = path("data");
    let start = || {
        let words = ["--listen", ENCRYPTED, "--log", "error", "--data", &folder];
        let tls = ["--certificate", &certificate, "--key", &key];
        run(env!("CARGO_BIN_EXE_capvote-server"), &[&words[..], &tls].concat(), b"")
    };
    let why = format!("in {key}: it is not the key of the certificate in {certificate}");
    start().failed(1, &why);
    // A certificate of version 1 has no mark of its version: the first field in it.
    let pem = own.split("-----").nth(2).unwrap().replace('\n', "");
    let mut der = data_encoding::BASE64.decode(pem.as_bytes()).unwrap();
    const VERSION_3: [u8; 5] = [0xA0, 3, 2, 1, 2];
    let at = der.windows(5).position(|bytes| bytes == VERSION_3).unwrap();
    der[at + 4] = 0;
    let pem = data_encoding::BASE64.encode(&der);
    write_private(
        &certificate,
        &format!("-----BEGIN CERTIFICATE-----\n{pem}\n-----END CERTIFICATE-----\n"),
    );
    start().failed(1, &format!("in {certificate}: it is an X.509 certificate of version 1"));
    write_private(&certificate, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    start().failed(1, &format!("in {certificate}: "));
}
