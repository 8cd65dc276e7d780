//! SIGHUP, and certificates that expire.

use std::fs;
use std::io::{BufRead, BufReader};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use capvote::net::link::Link;
use capvote::net::tls::Identity;
use pty_process::blocking::{Command, open};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustix::process::{Signal, kill_process};

use crate::networks::Logged;
use crate::process::{Ran, client, mkfifo, write_private};
use crate::server::fetch;

const ENCRYPTED: &str = "capvotes://127.0.0.1:0";

/// A certificate that is valid from and until so many days from the present, and its key.
fn certificate(from: i64, until: i64) -> String {
    let day = |days: i64| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let seconds = now.checked_add_signed(days * 24 * 60 * 60 + 60).unwrap();
        date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds)
    };
    let mut params = CertificateParams::new(vec!["localhost".to_string()]).unwrap();
    (params.not_before, params.not_after) = (day(from), day(until));
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().pem() + &key.serialize_pem()
}

/// Asks the server with a link that names this certificate.
fn ask(link: &str, pem: &str) -> Ran {
    let mut link: Link = link.parse().unwrap();
    let identity = Identity::from_pem(pem.as_bytes(), pem.as_bytes()).unwrap();
    link.certificate = Some(identity.fingerprint);
    client(&link.to_string(), &["info"])
}

#[test]
fn the_log_tells_when_the_certificate_expires() {
    for (from, until, told) in [
        (-10, 300, "INFO capvote::server::expiry: days until the certificate expires days=300"),
        (-10, 30, "INFO capvote::server::expiry: days until the certificate expires days=30"),
        (-10, 29, "WARN capvote::server::expiry: the certificate expires soon"),
        (-10, -3, "ERROR capvote::server::expiry: the certificate has expired, and clients"),
        (3, 300, "ERROR capvote::server::expiry: the certificate is not valid yet"),
    ] {
        let data = tempfile::tempdir().unwrap();
        let file = data.path().join("own.pem");
        write_private(&file, &certificate(from, until));
        let file = file.to_str().unwrap();
        let options = ["--certificate", file, "--key", file];
        let mut server = Logged::start(ENCRYPTED, data.path(), &options);
        let line = server.line_with("expiry: ");
        assert!(line.contains(told), "{line}");
        server.stop();
    }
    // Links name the server's own certificate, and its dates do not matter.
    let data = tempfile::tempdir().unwrap();
    let log = Logged::start(ENCRYPTED, data.path(), &[]).stop();
    assert!(!log.contains("expiry"), "{log}");
}

#[test]
fn a_hangup_lets_the_server_read_its_certificate_again() {
    let data = tempfile::tempdir().unwrap();
    let (old, new) = (certificate(-10, 60), certificate(-10, 80));
    let path = data.path().join("own.pem");
    write_private(&path, &old);
    let file = path.to_str().unwrap();
    let options = ["--certificate", file, "--key", file, "--metrics", "127.0.0.1:0"];
    let mut server = Logged::start(ENCRYPTED, data.path(), &options);
    let figures = server.server.next("figures at ");
    let link = server.server.link.clone();
    let expiry = || -> u64 {
        let page = fetch(&figures, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        let name = "capvote_certificate_expiry_timestamp_seconds ";
        page.lines().find_map(|line| line.strip_prefix(name)).unwrap().parse().unwrap()
    };
    let before = expiry();
    ask(&link, &old).failed(1, "there is no election");

    write_private(&path, &new);
    server.server.signal("HUP");
    server.line_with("were read again");
    ask(&link, &new).failed(1, "there is no election");
    ask(&link, &old).failed(1, "not the one that the link names");
    assert!((expiry() - before).abs_diff(20 * 24 * 60 * 60) < 1_000);

    // What cannot be used changes nothing.
    let mixed = new.split("-----BEGIN PRIVATE").next().unwrap().to_string()
        + &old[old.find("-----BEGIN PRIVATE").unwrap()..];
    for (wrong, told) in [
        ("no certificate", "no PEM certificate"),
        (&mixed, "own.pem: it is not the key of the certificate in "),
    ] {
        write_private(&path, wrong);
        server.server.signal("HUP");
        let line = server.line_with("stay as they were");
        assert!(line.contains("ERROR") && line.contains(told), "{line}");
    }
    fs::remove_file(&path).unwrap();
    mkfifo(&path);
    server.server.signal("HUP");
    let line = server.line_with("stay as they were");
    assert!(line.contains("it is not a regular file"), "{line}");
    ask(&link, &new).failed(1, "there is no election");
    server.stop();
}

#[test]
fn a_hangup_right_after_the_start_does_not_end_the_server() {
    let data = tempfile::tempdir().unwrap();
    let listen = format!("capvote+unix://{}", data.path().join("socket").display());
    let config = data.path().join("capvote.toml");
    fs::write(&config, "").unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_capvote-server"));
    command.args(["--listen", &listen, "--log", "error", "--config"]).arg(&config);
    command.arg("--data").arg(data.path().join("data")).stdout(std::process::Stdio::piped());
    for _ in 0..20 {
        let mut child = command.spawn().unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        // Until it catches signals, which its status tells.
        let status = format!("/proc/{}/status", child.id());
        let caught = |text: String| -> bool {
            let mask = text.lines().find_map(|line| line.strip_prefix("SigCgt:\t"));
            mask.is_some_and(|mask| u64::from_str_radix(mask, 16).unwrap() & 1 == 1)
        };
        while !fs::read_to_string(&status).is_ok_and(caught) {
            assert_eq!(child.try_wait().unwrap(), None);
        }
        kill_process(pid, Signal::HUP).unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("listening on"), "{line}");
        kill_process(pid, Signal::TERM).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn a_hangup_lets_the_server_read_its_settings_again() {
    let data = tempfile::tempdir().unwrap();
    let (settings, socket) = (data.path().join("capvote.toml"), data.path().join("socket"));
    let settings = settings.to_str().unwrap();
    fs::write(settings, "numbers-max = 1000\n").unwrap();
    let listen = format!("capvote+unix://{}", socket.display());
    let mut server = Logged::start(&listen, data.path(), &["--config", settings]);
    let info = |link: &str| client(link, &["info"]);
    info(&listen).failed(1, "there is no election");

    // A connection without the header that a proxy writes is closed from here on.
    fs::write(settings, "numbers-max = 2000\nproxy = [\"unix\"]\n").unwrap();
    server.server.signal("HUP");
    server.line_with("were read again");
    let line = server.line_with("needs a restart");
    assert!(line.contains("WARN") && line.contains("numbers-max"), "{line}");
    assert_eq!(info(&listen).code, Some(1));
    assert!(!info(&listen).stderr.contains("there is no election"));

    for (wrong, told) in
        [("no-such-setting = 1\n", "no-such-setting"), ("log = \"warning\"", "warn?")]
    {
        fs::write(settings, wrong).unwrap();
        server.server.signal("HUP");
        let line = server.line();
        assert!(line.contains(told) && !line.contains("nothing was started"), "{line}");
        server.line_with("stay as they were");
    }

    fs::write(settings, "").unwrap();
    server.server.signal("HUP");
    server.line_with("were read again");
    info(&listen).failed(1, "there is no election");
    server.stop();
    assert!(!socket.exists());
}

#[test]
fn a_server_whose_terminal_is_closed_stops() {
    let data = tempfile::tempdir().unwrap();
    let socket = data.path().join("socket");
    let (pty, pts) = open().unwrap();
    let command = Command::new(env!("CARGO_BIN_EXE_capvote-server"));
    let listen = format!("capvote+unix://{}", socket.display());
    let command = command.args(["--listen", &listen, "--log", "error", "--data"]);
    let mut child = command.arg(data.path()).spawn(pts).unwrap();
    let mut output = BufReader::new(pty);
    let mut line = String::new();
    while !line.contains("listening on") {
        line.clear();
        assert!(output.read_line(&mut line).unwrap() > 0);
    }
    drop(output);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!socket.exists());
}
