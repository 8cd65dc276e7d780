//! The output of the programs: on a narrow terminal, without colours, in a pipe, as JSON, and on
//! failure.
//!
//! `INSTA_UPDATE=always cargo test --test programs` rewrites the expected texts in `snapshots/`.

use std::fmt::Write;
use std::fs;
use std::io::{Read, Write as _};
use std::path::Path;

use insta::{Settings, assert_snapshot};
use pty_process::Size;
use pty_process::blocking::{Command, Pty, open};
use rustix::termios::{LocalModes, tcgetattr};
use tempfile::TempDir;

use crate::process::{BOARD, Server, board, numbers, run, write_private};

const CLIENT: &str = env!("CARGO_BIN_EXE_capvote-client");
const SERVER: &str = env!("CARGO_BIN_EXE_capvote-server");

/// The output of a program on a terminal of this width.
pub(crate) fn on_terminal(
    columns: u16,
    colours: bool,
    program: &str,
    arguments: &[&str],
) -> String {
    let (mut pty, pts) = open().unwrap();
    pty.resize(Size::new(24, columns)).unwrap();
    let command = Command::new(program).args(arguments).env("TERM", "xterm-256color");
    let command = command.env_remove("CAPVOTE_LINK").env_remove("CAPVOTE_VOTER_NUMBER");
    let command =
        if colours { command.env_remove("NO_COLOR") } else { command.env("NO_COLOR", "1") };
    let mut child = command.spawn(pts).unwrap();
    let mut shown = Vec::new();
    // Reading ends with an error when the last program on the terminal has exited.
    let _ = pty.read_to_end(&mut shown);
    child.wait().unwrap();
    String::from_utf8(shown).unwrap().replace("\r\n", "\n").replace('\x1b', "ESC")
}

/// Filters that replace what differs between runs.
fn settled(data: &Path, links: &[&str]) -> Settings {
    let mut settings = Settings::clone_current();
    for link in links {
        settings.add_filter(link, "capvote://127.0.0.1:PORT");
    }
    settings.add_filter(data.to_str().unwrap(), "FOLDER");
    settings.add_filter("[A-Z2-7]{4}(-[A-Z2-7]{4}){7}", "RECEIPT");
    settings.add_filter("\"ledger\": \"[0-9a-f]{32}\"", "\"ledger\": \"LEDGER\"");
    settings.add_filter("\"nonce\": \"[0-9a-f]{32}\"", "\"nonce\": \"NONCE\"");
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    settings
}

/// A server with two recorded votes for the same name, and the number of another voter.
fn voted(data: &Path) -> (Server, String) {
    let names = ["--candidate", "Grace Brewster Murray Hopper", "--candidate", "李四"];
    let server = Server::start(data, &[&BOARD[..], &names, &["--voters", "4"]].concat());
    let numbers = numbers(data);
    for number in &numbers[..2] {
        let number = number.to_string();
        let vote = ["--link", &server.link, "vote", "李四", "--voter-number", &number];
        run(CLIENT, &vote, b"").done();
    }
    (server, numbers[2].to_string())
}

/// Some commands, each with its output from `show`.
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
fn output_on_a_terminal_of_30_columns() {
    let data = tempfile::tempdir().unwrap();
    let (server, number) = voted(data.path());
    let show = |words: &[&str]| on_terminal(30, true, CLIENT, words);
    let shown = session(data.path(), &server.link, &number, show);
    settled(data.path(), &[&server.link]).bind(|| assert_snapshot!("narrow", shown));
}

#[test]
fn output_without_colours() {
    let data = tempfile::tempdir().unwrap();
    let (server, number) = voted(data.path());
    let show = |words: &[&str]| on_terminal(100, false, CLIENT, words);
    let shown = session(data.path(), &server.link, &number, show);
    assert!(!shown.contains("ESC"), "{shown}");
    settled(data.path(), &[&server.link]).bind(|| assert_snapshot!("no_colour", shown));
}

#[test]
fn output_in_a_pipe() {
    let data = tempfile::tempdir().unwrap();
    let (server, number) = voted(data.path());
    let show = |words: &[&str]| {
        let ran = run(CLIENT, words, b"");
        ran.stdout + &ran.stderr
    };
    let shown = session(data.path(), &server.link, &number, show);
    settled(data.path(), &[&server.link]).bind(|| assert_snapshot!("pipe", shown));
}

/// Votes on a terminal, and answers the prompt for the number at once. Returns the output, and the
/// terminal.
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
    // Ctrl-C restores the echo.
    let (shown, pty) = typed(&server.link, b"1234\x03");
    assert!(shown.contains("no voter number was typed, and nothing was sent"), "{shown}");
    assert!(tcgetattr(&pty).unwrap().local_modes.contains(LocalModes::ECHO | LocalModes::ISIG));
}

#[test]
fn a_vote_that_is_certain_to_fail_does_not_ask_for_the_number() {
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
    assert!(vote(&server.link, &["--blank"]).contains("takes no blank ballots"));
    let shown = vote(&server.link, &["Adaa", "--json"]);
    assert!(shown.contains("\"outcome\": \"unknownCandidate\""), "{shown}");
    let create = ["--link", officer, "create", "other", "--candidate", "Ada"];
    run(CLIENT, &create, b"").done();
    assert!(vote(&server.link, &["Ada", "--election", "other"]).contains("has not begun"));
    run(CLIENT, &["--link", officer, "--election", "board", "close"], b"").done();
    assert!(vote(&server.link, &["Ada", "--election", "board"]).contains("board is closed"));
}

#[test]
fn json_output_on_a_terminal() {
    let data = tempfile::tempdir().unwrap();
    let (server, number) = voted(data.path());
    let show = |words: &[&str]| on_terminal(30, false, CLIENT, &[&["--json"], words].concat());
    let shown = session(data.path(), &server.link, &number, show);
    settled(data.path(), &[&server.link]).bind(|| assert_snapshot!("json", shown));
}

#[test]
fn help_fits_a_terminal_of_30_columns() {
    // Long words are not broken.
    let fits = |line: &str| line.chars().count() <= 30 || line.split_whitespace().count() <= 2;
    for program in [CLIENT, SERVER] {
        let shown = on_terminal(30, false, program, &["--help"]);
        let (_, after_usage) = shown.split_once("Commands:").unwrap();
        let wide = after_usage.lines().find(|line| !fits(line));
        assert_eq!(wide, None);
        assert!(shown.contains("Examples:"), "{shown}");
    }
    // The command's own options come before the common ones.
    let shown = on_terminal(100, false, CLIENT, &["vote", "--help"]);
    assert!(shown.find("--receipt").unwrap() < shown.find("--link").unwrap(), "{shown}");
    let shown = on_terminal(100, false, SERVER, &["completions", "--help"]);
    assert!(!shown.contains("capvote-client"), "{shown}");
}

#[test]
fn long_commands_show_their_speed_and_remaining_time() {
    let data = tempfile::tempdir().unwrap();
    let (server, number) = voted(data.path());
    let file = |name: &str| data.path().join(name).to_str().unwrap().to_string();
    let (lines, roll, sheet, copy) =
        (file("lines.txt"), file("roll.csv"), file("sheet.csv"), file("copy"));
    fs::write(&lines, "a line\n".repeat(1_000_000)).unwrap();
    let officer = file("officer.link");
    let vote = ["--link", &server.link, "vote", "Ada", "--voter-number", &number];
    let issue = ["--link", &officer, "issue", "--more", "--count", "5000", "--output", &roll];
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

/// Commands that fail in an open election. [`Errors::word`] replaces the words in capitals.
const ERRORS_BEFORE_THE_CLOSE: [&str; 37] = [
    "capvote-client --link capvote://127.0.0.1:1 info",
    "capvote-client --link capvote://127.0.0.1:1 vote Ada --voter-number NUMBER",
    "capvote-client --link ftp://127.0.0.1 info",
    "capvote-client --link /no/such/file info",
    "capvote-client --link LINK dance",
    "capvote-client --link LINK resultt",
    "capvote-client --link LINK vote",
    "capvote-client --link LINK vote Grace Brewster Murray Hopper --voter-number NUMBER",
    "capvote-client --link LINK result --receipt mine.json",
    "capvote-client --link LINK info --election bord",
    "capvote-client --link LINK vote Ada --election bord --voter-number NUMBER",
    "capvote-client --link LINK vote Grase --voter-number NUMBER",
    "capvote-client --link LINK vote Grace_Hopper_Murray --voter-number NUMBER",
    "capvote-client --link LINK vote Ada --voter-number USED-NUMBER",
    "capvote-client --link LINK vote Ada --voter-number 0",
    "capvote-client --link LINK vote Ada --voter-number 1234-5678-9012-3456",
    "capvote-client --link LINK vote Ada --voter-number 12x4",
    "capvote-client --link LINK result Aada",
    "capvote-client --link LINK count-lines /no/such/file",
    "capvote-client --link LINK count-lines /",
    "capvote-client --link LINK open",
    "capvote-client --link WRONG-LINK close",
    "capvote-client --link AUDITOR-LINK close",
    "capvote-client --link FOLDER/officer.link open",
    "capvote-client --link FOLDER/officer.link create board --candidate Ada",
    "capvote-client --link FOLDER/officer.link issue --count 1 --output FOLDER/officer.link",
    "capvote-client --link FOLDER/officer.link issue --roll /no/such/file --output FOLDER/sheet.csv",
    "capvote-client --link FOLDER/officer.link sheet --output FOLDER/sheet.csv",
    "capvote-client --link FOLDER/officer.link revoke LINK",
    "capvote-server --data FOLDER --listen capvote://127.0.0.1:0 --log off",
    "capvote-server --data FOLDER --config FOLDER/capvote.toml",
    "capvote-server --data ELSEWHERE --listen LINK --log off",
    "capvote-server --data ELSEWHERE --listen capvote://0.0.0.0:0 --log off",
    "capvote-server --data ELSEWHERE --listen capvotes://192.0.2.1:0 --log off",
    "capvote-server backup FOLDER FOLDER/capvote.toml",
    "capvote-server backup /no/such/folder FOLDER/sheet.csv",
    "capvote-server restore FOLDER/capvote.toml ELSEWHERE",
];

/// Commands that fail in a closed election.
const ERRORS_AFTER_THE_CLOSE: [&str; 9] = [
    "capvote-client --link LINK vote Ada --voter-number NUMBER",
    "capvote-client --link FOLDER/officer.link open",
    "capvote-client --link FOLDER/officer.link close",
    "capvote-client --link FOLDER/officer.link sheet --output FOLDER/sheet.csv",
    "capvote-client --link LINK recount FOLDER/bad.csv",
    "capvote-client --link LINK recount /no/such/file",
    "capvote-client --link LINK verify RECEIPT FOLDER/sheet.csv",
    "capvote-client --link LINK verify mine.json FOLDER/sheet.csv",
    "capvote-client --link LINK verify FOLDER/sheet.csv mine.json",
];

/// A server with an open election, and the values of the words in capitals.
struct Errors {
    server: Server,
    folder: TempDir,
    elsewhere: TempDir,
    number: String,
    used_number: String,
}

impl Errors {
    fn new() -> Self {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (server, number) = voted(folder.path());
        let used_number = numbers(folder.path())[0].to_string();
        let officer = folder.path().join("officer.link");
        let auditor = folder.path().join("auditor.link");
        let share = ["--link", officer.to_str().unwrap(), "share", "auditor", "--output"];
        run(CLIENT, &[&share[..], &[auditor.to_str().unwrap()]].concat(), b"").done();
        let wrong = format!("{}/board#{}", server.link, "A".repeat(43));
        write_private(folder.path().join("wrong.link"), &wrong);
        Self { server, folder, elsewhere, number, used_number }
    }

    /// The actual word for a word of the commands above, in which "_" is a space.
    fn word(&self, word: &str) -> String {
        match word {
            "LINK" => self.server.link.clone(),
            "NUMBER" => self.number.clone(),
            "USED-NUMBER" => self.used_number.clone(),
            "AUDITOR-LINK" => self.word("FOLDER/auditor.link"),
            "WRONG-LINK" => self.word("FOLDER/wrong.link"),
            "RECEIPT" => "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAA".into(),
            word => word
                .replace("FOLDER", self.folder.path().to_str().unwrap())
                .replace("ELSEWHERE", self.elsewhere.path().to_str().unwrap())
                .replace('_', " "),
        }
    }

    /// Runs commands. Returns each of them with its error and its exit code.
    fn run(&self, commands: &[&str]) -> String {
        let mut shown = String::new();
        for command in commands {
            let (program, words) = command.split_once(' ').unwrap();
            let words: Vec<_> = words.split(' ').map(|word| self.word(word)).collect();
            let words: Vec<_> = words.iter().map(String::as_str).collect();
            let path = if program == "capvote-client" { CLIENT } else { SERVER };
            let ran = run(path, &words, b"");
            let (lines, code) = (ran.stderr.lines().count(), ran.code.unwrap());
            assert_eq!((&ran.stdout[..], lines), ("", 1), "{command}: {}", ran.stderr);
            write!(shown, "$ {command}\n{}exit {code}\n\n", ran.stderr).unwrap();
        }
        shown
    }
}

#[test]
fn errors_say_what_happened_and_what_to_do() {
    let errors = Errors::new();
    let file = |name: &str| errors.folder.path().join(name).to_str().unwrap().to_string();
    fs::write(file("capvote.toml"), "lisen = \"capvote://127.0.0.1:0\"\n").unwrap();
    let mut shown = errors.run(&ERRORS_BEFORE_THE_CLOSE);

    let (officer, sheet) = (file("officer.link"), file("sheet.csv"));
    run(CLIENT, &["--link", &officer, "close"], b"").done();
    run(CLIENT, &["--link", &officer, "sheet", "--output", &sheet], b"").done();
    fs::write(file("bad.csv"), fs::read_to_string(&sheet).unwrap().replace("李四", "Ada")).unwrap();
    shown += &errors.run(&ERRORS_AFTER_THE_CLOSE);

    let mut settings = settled(errors.folder.path(), &[&errors.server.link]);
    settings.add_filter(r"0\.0\.0\.0:\d{2,}", "0.0.0.0:PORT");
    settings.add_filter(errors.elsewhere.path().to_str().unwrap(), "ELSEWHERE");
    settings.bind(|| assert_snapshot!("errors", shown));
}
