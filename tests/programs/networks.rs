//! Names, addresses and links of a server, and a network that goes away.

use std::fs;
use std::io::{BufRead, BufReader, PipeReader};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use capvote::net::link::{Address, Link};

use crate::process::{Ran, Server, board, client, numbers, officer, run, write_private};

const PROGRAM: &str = env!("CARGO_BIN_EXE_capvote-server");

/// A server whose log can be read.
pub(crate) struct Logged {
    pub(crate) server: Server,
    log: BufReader<PipeReader>,
}

impl Logged {
    pub(crate) fn start(listen: &str, data: &Path, more: &[&str]) -> Self {
        Self::start_in(Path::new("."), listen, data, more)
    }

    fn start_in(folder: &Path, listen: &str, data: &Path, more: &[&str]) -> Self {
        let (log, writer) = std::io::pipe().unwrap();
        let mut command = Command::new(PROGRAM);
        command.args(["--log", "info", "--threads", "1", "--listen", listen, "--data"]);
        command.arg(data).args(more).current_dir(folder).stderr(writer);
        Self { server: Server::spawn(command), log: BufReader::new(log) }
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.log.read_line(&mut line).unwrap() > 0, "the log has ended");
        line
    }

    /// The next line of the log with these words.
    pub(crate) fn line_with(&mut self, words: &str) -> String {
        loop {
            let line = self.line();
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Stops the server. Returns the rest of the log.
    pub(crate) fn stop(self) -> String {
        self.server.signal("TERM");
        let log = std::io::read_to_string(self.log).unwrap();
        assert_eq!(self.server.wait().0, Some(0), "{log}");
        log
    }
}

const ANY_PORT: &str = "capvote://127.0.0.1:0";

#[test]
fn the_first_line_of_the_log_says_which_ledger_it_is() {
    let [one, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (new, old) = ("has no ledger yet", "the ledger in this directory is used");
    for (folder, told) in [(&one, new), (&one, old), (&other, new)] {
        let mut server = Logged::start_in(folder.path(), ANY_PORT, Path::new("data"), &[]);
        let line = server.line();
        let path = folder.path().canonicalize().unwrap().join("data");
        assert!(line.contains(told) && line.contains(path.to_str().unwrap()), "{line}");
        server.stop();
    }
}

#[test]
fn links_say_the_public_address() {
    let folder = tempfile::tempdir().unwrap();
    let socket = format!("capvote+unix://{}/socket", folder.path().display());
    for (listen, more, scheme) in [
        ("capvotes://127.0.0.1:0", ANY_PORT, "capvotes"),
        (ANY_PORT, "capvotes://127.0.0.1:0", "capvotes"),
        (&socket, ANY_PORT, "capvote"),
    ] {
        let data = tempfile::tempdir().unwrap();
        let more = ["--listen", more, "--public", "münchen.example:443"];
        let mut server = Server::listen(listen, data.path(), &more);
        server.next_link();
        let public = server.next("public at ");
        let link: Link = public.parse().unwrap();
        assert!(public.starts_with(&format!("{scheme}://xn--mnchen-3ya.example:443")), "{public}");
        assert_eq!(link.certificate.is_some(), scheme == "capvotes", "{public}");
        let officer = fs::read_to_string(data.path().join("officer.link")).unwrap();
        assert!(officer.starts_with(&format!("{public}#")), "{officer}");
    }
    let data = tempfile::tempdir().unwrap();
    for (listen, public, why) in [
        (ANY_PORT, "vote.example.org:0", "that clients can connect to"),
        (ANY_PORT, "0.0.0.0:1", "that clients can connect to"),
        (ANY_PORT, "[::ffff:0.0.0.0]:1", "that clients can connect to"),
        (ANY_PORT, "[fe80::1]:1", "that clients can connect to"),
        (ANY_PORT, "[fe80::1%eth0]:1", "that clients can connect to"),
        (ANY_PORT, "0:12358", "an IPv4 address is four numbers"),
        (ANY_PORT, "0x0:12358", "an IPv4 address is four numbers"),
        (ANY_PORT, "*.example.org:1", "not a name or an address"),
        (ANY_PORT, "capvote://vote.example.org:1", "give HOST:PORT"),
        (ANY_PORT, "fe80::1%eth0", "goes in brackets"),
        (&socket, "vote.example.org:1", "there is no capvotes:// or capvote:// listener"),
    ] {
        let data = data.path().to_str().unwrap();
        let options = ["--log", "error", "--listen", listen, "--data", data, "--public", public];
        run(PROGRAM, &options, b"").failed(2, why);
    }
}

#[test]
fn an_edited_officers_link_is_kept_and_another_is_brought_up_to_date() {
    const EDITED: &str = "capvotes://vote.example.org:443";
    const OTHER: &str = "capvote://127.0.0.1:9";
    // What the file says before a start, whether the note of what was written is there, an option,
    // and what the file says after the start; `None` is the server's own address.
    let table = [
        (None, true, None, None),
        (Some(EDITED), true, None, Some(EDITED)),
        (Some(OTHER), true, None, Some(OTHER)),
        (Some(EDITED), true, Some("vote.example.net:1"), Some("capvote://vote.example.net:1")),
        (None, true, Some("vote.example.net:1"), Some("capvote://vote.example.net:1")),
        // As an earlier version left the directory.
        (Some(EDITED), false, None, Some(EDITED)),
        (Some(OTHER), false, None, None),
    ];
    for linked in [false, true] {
        for row @ (before, is_noted, public, after) in table {
            let folder = tempfile::tempdir().unwrap();
            let (data, elsewhere) = (folder.path().join("data"), folder.path().join("elsewhere"));
            let file = data.join("officer.link");
            fs::create_dir(&data).unwrap();
            if linked {
                symlink("../elsewhere", &file).unwrap();
            }
            drop(Server::start(&data, &[]));
            let text = fs::read_to_string(&file).unwrap();
            let (_, token) = text.trim().split_once('#').unwrap();
            if let Some(address) = before {
                // Without a line's end, as an editor may leave it.
                fs::write(&file, format!("{address}#{token}")).unwrap();
            }
            if !is_noted {
                fs::remove_file(data.join("officer.address")).unwrap();
            }
            let edited = fs::read_to_string(&file).unwrap();
            let option: Vec<_> = public.into_iter().flat_map(|at| ["--public", at]).collect();
            let server = Server::start(&data, &option);
            let text = fs::read_to_string(&file).unwrap();
            let expected = after.unwrap_or(&server.link);
            assert_eq!(text.trim(), format!("{expected}#{token}"), "{row:?}");
            assert!(after != before || before.is_none() || text == edited, "{row:?}");
            assert_eq!((file.is_symlink(), elsewhere.exists()), (linked, linked), "{row:?}");
        }
    }
}

#[test]
fn an_officers_link_that_does_not_work_is_warned_of_and_kept() {
    let [data, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    drop((Server::start(data.path(), &[]), Server::start(other.path(), &[])));
    let read = |folder: &Path| fs::read_to_string(folder.join("officer.link")).ok();
    let (works, foreign) = (read(data.path()).unwrap(), read(other.path()).unwrap());
    let file = data.path().join("officer.link");
    let log = || Logged::start(ANY_PORT, data.path(), &[]).stop();
    for (text, reason) in [
        (Some(""), "it is empty"),
        (Some("nonsense"), "it has no link"),
        (Some(ANY_PORT), "its link has no token"),
        (Some(&foreign), "its token opens no returning officer's authority in this ledger"),
        (None, "there is no such file"),
    ] {
        match text {
            Some(text) => write_private(&file, text),
            None => fs::remove_file(&file).unwrap(),
        }
        let log = log();
        let told = log.contains("WARN") && log.contains("capvote-server officer-link DIR");
        assert!(told && log.contains(reason), "{log}");
        assert_eq!(read(data.path()).as_deref(), text);
    }
    symlink("/no/such/folder/officer.link", &file).unwrap();
    assert!(log().contains("there is no such file"));
    let renew = ["officer-link", data.path().to_str().unwrap()];
    run(PROGRAM, &renew, b"").failed(1, "there is no folder /no/such/folder");
    fs::remove_file(&file).unwrap();
    write_private(&file, &works);
    let log = log();
    assert!(!log.contains("WARN"), "{log}");
    // Without an officer in the ledger, the start is refused.
    for entry in fs::read_dir(data.path()).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.file_name().unwrap() != "officer.link" {
            fs::remove_file(entry).unwrap();
        }
    }
    let data = data.path().to_str().unwrap();
    run(PROGRAM, &["--listen", ANY_PORT, "--log", "error", "--data", data], b"")
        .failed(3, "is not overwritten");
}

#[test]
fn a_link_local_address_needs_its_interface() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().to_str().unwrap();
    let why = "needs its network interface, as in [fe80::1%eth0]";
    let listen = ["--log", "error", "--data", data, "--listen"];
    let start = |link| run(PROGRAM, &[&listen[..], &[link]].concat(), b"");
    start("capvotes://[fe80::1]:0").failed(1, why);
    start("capvotes://[fe80::1%nosuch0]:0").failed(1, "`ip address` lists them");
    client("capvote://[fe80::1]:1", &["elections"]).failed(1, why);
}

#[test]
fn a_symbolic_link_to_the_officers_link_stays_one_when_that_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let (data, elsewhere) = (folder.path().join("data"), folder.path().join("elsewhere"));
    drop(Server::start(&data, &[]));
    fs::rename(data.join("officer.link"), &elsewhere).unwrap();
    symlink(&elsewhere, data.join("officer.link")).unwrap();
    let before = fs::read_to_string(&elsewhere).unwrap();
    run(PROGRAM, &["officer-link", data.to_str().unwrap(), "--end-others"], b"").done();
    assert!(data.join("officer.link").is_symlink());
    assert_ne!(fs::read_to_string(&elsewhere).unwrap(), before);
    let _server = Server::start(&data, &[]);
    officer(&data, &["create", "board", "--candidate", "Ada"]).done();
}

#[test]
fn a_shared_link_that_reaches_no_server_is_warned_of() {
    let data = tempfile::tempdir().unwrap();
    let _server = board(data.path(), 3);
    let link = fs::read_to_string(data.path().join("officer.link")).unwrap();
    let Ran { code, stdout, stderr } =
        client(&link.replace("127.0.0.1", "0.0.0.0"), &["share", "auditor"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.starts_with("capvote://0.0.0.0:"), "{stdout}");
    assert!(stderr.contains("start the server with --public"), "{stderr}");
    officer(data.path(), &["share", "auditor"]).done();
}

#[test]
fn a_name_with_several_addresses_is_reached_at_the_one_that_answers() {
    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), 3);
    // The other address of `localhost`, if it has one, refuses.
    let link: Link = server.link.parse().unwrap();
    let Address::Tcp(at) = link.address else { panic!("{}", server.link) };
    client(&format!("capvote://localhost:{}", at.port), &["info"]).done();
    // It is listened on at all of them.
    let data = tempfile::tempdir().unwrap();
    let server = Server::listen("capvote://localhost:0", data.path(), &[]);
    client(&server.link, &["info"]).failed(1, "there is no election");
}

#[test]
fn a_watch_says_that_the_server_is_away_and_catches_up() {
    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), 3);
    let (errors, writer) = std::io::pipe().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_capvote-client"));
    command.args(["--link", &server.link, "--json", "watch"]).stdout(Stdio::piped()).stderr(writer);
    let mut watch = command.spawn().unwrap();
    drop(command);
    let mut shown = BufReader::new(watch.stdout.take().unwrap()).lines();
    assert!(shown.next().unwrap().unwrap().contains("\"ballots\":0"));
    // As when the network is gone: the connection stays open, and nothing comes any more.
    server.signal("STOP");
    let mut note = String::new();
    BufReader::new(errors).read_line(&mut note).unwrap();
    assert_eq!(note, "The server is away; trying again.\n");
    server.signal("CONT");
    let number = numbers(data.path())[0].to_string();
    client(&server.link, &["vote", "Ada", "--voter-number", &number]).done();
    officer(data.path(), &["close"]).done();
    assert!(shown.last().unwrap().unwrap().contains("\"ballots\":1"));
    assert_eq!(watch.wait().unwrap().code(), Some(0));
}
