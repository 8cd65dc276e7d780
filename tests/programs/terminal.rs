//! What the programs look like: on a narrow terminal, without colours, in a pipe, as a document, and when they fail.
//!
//! `INSTA_UPDATE=always cargo test --test programs` writes the expected texts in `snapshots/` anew.

use std::fmt::Write;
use std::fs;
use std::io::{Read, Write as _};
use std::path::Path;

use insta::{Settings, assert_snapshot};
use pty_process::Size;
use pty_process::blocking::{Command, Pty, open};
use rustix::termios::{LocalModes, tcgetattr};

use crate::process::{BOARD, Server, board, numbers, run};

const CLIENT: &str = env!("CARGO_BIN_EXE_capvote-client");
const SERVER: &str = env!("CARGO_BIN_EXE_capvote-server");

/// What a program shows on a terminal of so many columns.
fn on_terminal(columns: u16, colours: bool, program: &str, arguments: &[&str]) -> String {
    let (mut pty, pts) = open().unwrap();
    pty.resize(Size::new(24, columns)).unwrap();
    let command = Command::new(program).args(arguments).env("TERM", "xterm-256color");
    let command = command.env_remove("CAPVOTE_LINK").env_remove("CAPVOTE_VOTER_NUMBER");
    let command =
        if colours { command.env_remove("NO_COLOR") } else { command.env("NO_COLOR", "1") };
    let mut child = command.spawn(pts).unwrap();
    let mut shown = Vec::new();
    // A terminal whose last program has gone ends with an error.
    let _ = pty.read_to_end(&mut shown);
    child.wait().unwrap();
    String::from_utf8(shown).unwrap().replace("\r\n", "\n").replace('\x1b', "ESC")
}

/// Without what differs from one run to the next.
fn settled(data: &Path, links: &[&str]) -> Settings {
    let mut settings = Settings::clone_current();
    for link in links {
        settings.add_filter(link, "capvote://127.0.0.1:PORT");
    }
    settings.add_filter(data.to_str().unwrap(), "FOLDER");
    settings.add_filter("[A-Z2-7]{4}(-[A-Z2-7]{4}){7}", "RECEIPT");
    settings.add_filter("\"nonce\": \"[0-9a-f]{32}\"", "\"nonce\": \"NONCE\"");
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    settings
}

/// A server with a voter's vote in it, and the number of another voter.
fn voted(data: &Path) -> (Server, String) {
    let names = ["--candidate", "Grace Brewster Murray Hopper", "--candidate", "李四"];
    let server = Server::start(data, &[&BOARD[..], &names, &["--voters", "3"]].concat());
    let numbers = numbers(data);
    let vote = ["--link", &server.link, "vote", "李四", "--voter-number", &numbers[0].to_string()];
    run(CLIENT, &vote, b"").done();
    (server, numbers[1].to_string())
}

/// Some commands, and what `show` makes of each.
fn session(data: &Path, link: &str, number: &str, show: impl Fn(&[&str]) -> String) -> String {
    let lines = data.join("lines.txt");
    fs::write(&lines, "one\ntwo\n").unwrap();
    let officer = data.join("officer.link");
    let (lines, officer) = (lines.to_str().unwrap(), officer.to_str().unwrap());
    let commands: [&[&str]; 8] = [
        &["elections"],
        &["info"],
        &["result"],
        &["vote", "Ada", "--voter-number", number],
        &["vote", "Ada", "--voter-number", number],
        &["count-lines", lines],
        &["--link", officer, "close"],
        &["watch"],
    ];
    let mut session = String::new();
    for command in commands {
        let shown = match command.first() {
            Some(&"--link") => show(command),
            _ => show(&[&["--link", link], command].concat()),
        };
        let words = command.join(" ").replace(number, "NUMBER").replace(officer, "officer.link");
        write!(session, "$ capvote-client {words}\n{shown}").unwrap();
    }
    session
}

#[test]
fn a_terminal_of_30_columns() {
    let data = tempfile::tempdir().unwrap();
    let (server, number) = voted(data.path());
    let show = |words: &[&str]| on_terminal(30, true, CLIENT, words);
    let shown = session(data.path(), &server.link, &number, show);
    settled(data.path(), &[&server.link]).bind(|| assert_snapshot!("narrow", shown));
}

#[test]
fn a_terminal_without_colours() {
    let data = tempfile::tempdir().unwrap();
    let (server, number) = voted(data.path());
    let show = |words: &[&str]| on_terminal(100, false, CLIENT, words);
    let shown = session(data.path(), &server.link, &number, show);
    assert!(!shown.contains("ESC"), "{shown}");
    settled(data.path(), &[&server.link]).bind(|| assert_snapshot!("no_colour", shown));
}

#[test]
fn a_pipe() {
    let data = tempfile::tempdir().unwrap();
    let (server, number) = voted(data.path());
    let show = |words: &[&str]| {
        let ran = run(CLIENT, words, b"");
        ran.stdout + &ran.stderr
    };
    let shown = session(data.path(), &server.link, &number, show);
    settled(data.path(), &[&server.link]).bind(|| assert_snapshot!("pipe", shown));
}

/// Votes on a terminal, and types this as soon as a number is asked for. Returns what is shown, and the terminal.
fn typed(link: &str, answer: &[u8]) -> (String, Pty) {
    let (mut pty, pts) = open().unwrap();
    let command = Command::new(CLIENT).args(["--link", link, "vote", "Ada"]);
    let mut child = command.env_remove("CAPVOTE_VOTER_NUMBER").spawn(pts).unwrap();
    let (mut shown, mut byte) = (Vec::new(), [0]);
    while !shown.ends_with(b"(not shown): ") {
        pty.read_exact(&mut byte).unwrap();
        shown.extend_from_slice(&byte);
    }
    pty.write_all(answer).unwrap();
    let _ = pty.read_to_end(&mut shown);
    child.wait().unwrap();
    (String::from_utf8(shown).unwrap(), pty)
}

#[test]
fn a_voter_number_is_not_shown_however_fast_it_is_typed() {
    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), 20);
    for number in numbers(data.path()) {
        let number = number.to_string();
        let (shown, _) = typed(&server.link, format!("{number}\n").as_bytes());
        assert!(shown.contains("is recorded") && !shown.contains(&number), "{shown}");
    }
    let (shown, _) = typed(&server.link, b"12x4\n");
    assert!(shown.contains("a voter number is 1 to 20 digits"), "{shown}");
    assert!(!shown.contains("--voter-number"), "{shown}");
    // Ctrl-C leaves a terminal that shows what is typed.
    let (shown, pty) = typed(&server.link, b"1234\x03");
    assert!(shown.contains("no voter number was typed, and nothing was sent"), "{shown}");
    assert!(tcgetattr(&pty).unwrap().local_modes.contains(LocalModes::ECHO | LocalModes::ISIG));
}

#[test]
fn nobody_is_asked_for_a_number_in_vain() {
    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), 3);
    let officer = data.path().join("officer.link");
    let officer = officer.to_str().unwrap();
    let vote = |link: &str, words: &[&str]| {
        let shown = on_terminal(100, false, CLIENT, &[&["--link", link, "vote"], words].concat());
        assert!(!shown.contains("Voter number"), "{shown}");
        shown.replace('\n', " ")
    };
    assert!(vote("capvote://127.0.0.1:1", &["Ada"]).contains("cannot reach"));
    let shown = vote(&server.link, &["Adaa"]);
    assert!(shown.contains("\"Adaa\" is not a candidate in election board"), "{shown}");
    assert!(shown.contains("Did you mean \"Ada\"?"), "{shown}");
    assert!(vote(&server.link, &["--blank"]).contains("cannot be blank"));
    let shown = vote(&server.link, &["Adaa", "--json"]);
    assert!(shown.contains("\"outcome\": \"unknownCandidate\""), "{shown}");
    let create = ["--link", officer, "create", "other", "--candidate", "Ada"];
    run(CLIENT, &create, b"").done();
    assert!(vote(&server.link, &["Ada", "--election", "other"]).contains("has not begun"));
    run(CLIENT, &["--link", officer, "--election", "board", "close"], b"").done();
    assert!(vote(&server.link, &["Ada", "--election", "board"]).contains("board is closed"));
}

#[test]
fn documents_on_a_terminal() {
    let data = tempfile::tempdir().unwrap();
    let (server, number) = voted(data.path());
    let show = |words: &[&str]| on_terminal(30, false, CLIENT, &[&["--json"], words].concat());
    let shown = session(data.path(), &server.link, &number, show);
    settled(data.path(), &[&server.link]).bind(|| assert_snapshot!("json", shown));
}

#[test]
fn help_fits_a_terminal_of_30_columns() {
    // A word may be longer than that.
    let fits = |line: &str| line.chars().count() <= 30 || line.split_whitespace().count() <= 2;
    for program in [CLIENT, SERVER] {
        let shown = on_terminal(30, false, program, &["--help"]);
        let (_, after_usage) = shown.split_once("Commands:").unwrap();
        let wide = after_usage.lines().find(|line| !fits(line));
        assert_eq!(wide, None);
        assert!(shown.contains("Examples:"), "{shown}");
    }
    // What a command has of its own comes before what all have.
    let shown = on_terminal(100, false, CLIENT, &["vote", "--help"]);
    assert!(shown.find("--receipt").unwrap() < shown.find("--link").unwrap(), "{shown}");
    let shown = on_terminal(100, false, SERVER, &["completions", "--help"]);
    assert!(!shown.contains("capvote-client"), "{shown}");
}

#[test]
fn long_work_shows_how_fast_it_goes_and_what_is_left() {
    let data = tempfile::tempdir().unwrap();
    let (server, number) = voted(data.path());
    let file = |name: &str| data.path().join(name).to_str().unwrap().to_string();
    let (lines, roll, sheet, copy) =
        (file("lines.txt"), file("roll.csv"), file("sheet.csv"), file("copy"));
    fs::write(&lines, "a line\n".repeat(1_000_000)).unwrap();
    let officer = file("officer.link");
    let vote = ["--link", &server.link, "vote", "Ada", "--voter-number", &number];
    let issue = ["--link", &officer, "issue", "--count", "5000", "--output", &roll];
    let count = ["--link", &server.link, "count-lines", "--quiet", &lines];
    let folder = data.path().to_str().unwrap();
    let works: [(&str, &[&str]); 3] =
        [(CLIENT, &issue), (CLIENT, &count), (SERVER, &["backup", folder, &copy])];
    run(CLIENT, &vote, b"").done();
    for (program, words) in works {
        let shown = on_terminal(80, true, program, words);
        assert!(shown.contains("/s") && shown.contains("left"), "{words:?}: {shown}");
        fs::remove_file(&roll).ok();
        fs::remove_file(&copy).ok();
        let ran = run(program, words, b"");
        assert!(!ran.done().contains("left"), "{words:?}: {}", ran.stdout);
    }
    run(CLIENT, &["--link", &officer, "close"], b"").done();
    run(CLIENT, &["--link", &officer, "sheet", "--output", &sheet], b"").done();
    let shown = on_terminal(80, true, CLIENT, &["recount", &sheet]);
    assert!(shown.contains("/s") && shown.contains("left"), "{shown}");
}

#[test]
fn what_errors_say() {
    let data = tempfile::tempdir().unwrap();
    let (server, number) = voted(data.path());
    let spare = tempfile::tempdir().unwrap();
    let file = |name: &str| data.path().join(name).to_str().unwrap().to_string();
    let (officer, sheet, bad) = (file("officer.link"), file("sheet.csv"), file("bad.csv"));
    let (link, folder) = (&server.link[..], data.path().to_str().unwrap());
    let used = numbers(data.path())[0].to_string();
    let share = run(CLIENT, &["--link", &officer, "share", "auditor"], b"");
    let auditor = share.done().trim().to_string();
    let wrong = format!("{link}/board#{}", "A".repeat(43));
    let config = file("capvote.toml");
    fs::write(&config, "lisen = \"capvote://127.0.0.1:0\"\n").unwrap();
    fs::write(&bad, "election,candidate,nonce,receipt\n").unwrap();
    let of = |link: &str, words: &[&str]| {
        let words = [&["--link", link], words].concat();
        (CLIENT, words.iter().map(|word| word.to_string()).collect::<Vec<_>>())
    };
    let start = |words: &[&str]| (SERVER, words.iter().map(|word| word.to_string()).collect());
    let nowhere = "capvote://127.0.0.1:1";
    let before_the_close = [
        of(nowhere, &["info"]),
        of(nowhere, &["vote", "Ada", "--voter-number", &number]),
        of("http://127.0.0.1", &["info"]),
        of("/no/such/file", &["info"]),
        of(link, &["dance"]),
        of(link, &["resultt"]),
        of(link, &["vote"]),
        of(link, &["vote", "Grace", "Brewster", "Murray", "Hopper", "--voter-number", &number]),
        of(link, &["result", "--receipt", "mine.json"]),
        of(link, &["info", "--election", "bord"]),
        of(link, &["vote", "Ada", "--election", "bord", "--voter-number", &number]),
        of(link, &["vote", "Grase", "--voter-number", &number]),
        of(link, &["vote", "Grace Hopper Murray", "--voter-number", &number]),
        of(link, &["vote", "Ada", "--voter-number", &used]),
        of(link, &["vote", "Ada", "--voter-number", "0"]),
        of(link, &["vote", "Ada", "--voter-number", "1234-5678-9012-3456"]),
        of(link, &["vote", "Ada", "--voter-number", "12x4"]),
        of(link, &["result", "Aada"]),
        of(link, &["count-lines", "/no/such/file"]),
        of(link, &["count-lines", "/"]),
        of(link, &["open"]),
        of(&wrong, &["close"]),
        of(&auditor, &["close"]),
        of(&officer, &["open"]),
        of(&officer, &["create", "board", "--candidate", "Ada"]),
        of(&officer, &["issue", "--count", "1", "--output", &officer]),
        of(&officer, &["issue", "--roll", "/no/such/file", "--output", &sheet]),
        of(&officer, &["sheet", "--output", &sheet]),
        of(&officer, &["revoke", link]),
        start(&["--data", folder, "--listen", "capvote://127.0.0.1:0", "--log", "off"]),
        start(&["--data", folder, "--config", &config]),
        start(&["--data", spare.path().to_str().unwrap(), "--listen", link, "--log", "off"]),
        start(&[
            "--data",
            spare.path().to_str().unwrap(),
            "--listen",
            "capvote://0.0.0.0:0",
            "--log",
            "off",
        ]),
        start(&[
            "--data",
            spare.path().to_str().unwrap(),
            "--listen",
            "capvotes://192.0.2.1:0",
            "--log",
            "off",
        ]),
        start(&["backup", folder, &config]),
        start(&["backup", "/no/such/folder", &sheet]),
        start(&["restore", &config, spare.path().to_str().unwrap()]),
    ];
    let mut told = String::new();
    let mut tell = |(program, words): (&str, Vec<String>)| {
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let ran = run(program, &words, b"");
        let words = words.iter().map(|&word| match word {
            word if word == number || word == used => "NUMBER",
            word if word == auditor => "auditor.link",
            word if word == wrong => "wrong.link",
            word => word,
        });
        let words = words.collect::<Vec<_>>().join(" ");
        let code = ran.code.unwrap();
        assert_eq!(
            (&ran.stdout[..], ran.stderr.lines().count()),
            ("", 1),
            "{words}: {}",
            ran.stderr
        );
        let name = Path::new(program).file_name().unwrap().to_str().unwrap();
        write!(told, "$ {name} {words}\n{}exit {code}\n\n", ran.stderr).unwrap();
    };
    before_the_close.into_iter().for_each(&mut tell);
    run(CLIENT, &["--link", &officer, "close"], b"").done();
    run(CLIENT, &["--link", &officer, "sheet", "--output", &sheet], b"").done();
    fs::write(&bad, fs::read_to_string(&sheet).unwrap().replace("李四", "Ada")).unwrap();
    let receipt = "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAA";
    let after_the_close = [
        of(link, &["vote", "Ada", "--voter-number", &number]),
        of(&officer, &["open"]),
        of(&officer, &["close"]),
        of(&officer, &["sheet", "--output", &sheet]),
        of(link, &["recount", &bad]),
        of(link, &["recount", "/no/such/file"]),
        of(link, &["verify", receipt, &sheet]),
        of(link, &["verify", "mine.json", &sheet]),
        of(link, &["verify", &sheet, "mine.json"]),
    ];
    after_the_close.into_iter().for_each(&mut tell);
    let mut settings = settled(data.path(), &[link]);
    settings.add_filter(r"0\.0\.0\.0:\d{2,}", "0.0.0.0:PORT");
    settings.add_filter(spare.path().to_str().unwrap(), "ELSEWHERE");
    settings.bind(|| assert_snapshot!("errors", told));
}
