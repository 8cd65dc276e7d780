//! Programs that are told to end or to stop, and those whose output nobody reads.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};

use pty_process::Size;
use pty_process::blocking::{Pty, open};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use rustix::termios::{LocalModes, tcgetattr};

use crate::process::{Server, board, numbers};

const CLIENT: &str = env!("CARGO_BIN_EXE_capvote-client");

/// A client that asks for a voter number on a terminal.
struct Asking {
    pty: Pty,
    child: Child,
}

impl Asking {
    fn new(link: &str) -> Self {
        let (pty, pts) = open().unwrap();
        let command = pty_process::blocking::Command::new(CLIENT);
        let command = command.args(["--link", link, "vote", "Ada"]);
        let child = command.env_remove("CAPVOTE_VOTER_NUMBER").spawn(pts).unwrap();
        let mut asking = Self { pty, child };
        asking.read_prompt();
        asking
    }

    fn read_prompt(&mut self) {
        let (mut shown, mut byte) = (Vec::new(), [0]);
        while !shown.ends_with(b"(not shown): ") {
            self.pty.read_exact(&mut byte).unwrap();
            shown.extend_from_slice(&byte);
        }
    }

    fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.id(), signal).unwrap();
    }

    fn has_echo(&self) -> bool {
        let modes = tcgetattr(self.pty.as_fd()).unwrap().local_modes;
        assert_eq!(modes.contains(LocalModes::ECHO), modes.contains(LocalModes::ISIG));
        modes.contains(LocalModes::ECHO)
    }

    /// The rest of what is shown.
    fn rest(&mut self) -> String {
        let mut shown = Vec::new();
        // Reading ends with an error when the program has exited.
        let _ = self.pty.read_to_end(&mut shown);
        self.child.wait().unwrap();
        String::from_utf8(shown).unwrap()
    }
}

#[test]
fn a_signal_in_the_prompt_restores_the_echo() {
    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), 3);
    let endings = [
        Signal::HUP,
        Signal::INT,
        Signal::QUIT,
        Signal::TERM,
        Signal::ALARM,
        Signal::USR1,
        Signal::USR2,
    ];
    for signal in endings {
        let mut asking = Asking::new(&server.link);
        assert!(!asking.has_echo());
        asking.signal(signal);
        let shown = asking.rest();
        assert!(shown.contains("no voter number was typed, and nothing was sent"), "{shown}");
        assert!(asking.has_echo(), "{signal:?}");
    }
}

#[test]
fn a_stopped_prompt_restores_the_echo_and_asks_again() {
    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), 3);
    let number = numbers(data.path())[0].to_string();
    let mut asking = Asking::new(&server.link);
    for is_typed in [false, true] {
        match is_typed {
            true => asking.pty.write_all(b"12\x1a").unwrap(),
            false => asking.signal(Signal::TSTP),
        }
        let (_, status) = waitpid(Some(asking.id()), WaitOptions::UNTRACED).unwrap().unwrap();
        assert!(status.stopped() && asking.has_echo());
        asking.signal(Signal::CONT);
        asking.read_prompt();
        assert!(!asking.has_echo());
    }
    asking.pty.write_all(format!("{number}\n").as_bytes()).unwrap();
    let shown = asking.rest();
    assert!(shown.contains("is recorded") && !shown.contains(&number), "{shown}");
    assert!(asking.has_echo());
}

#[test]
fn a_command_ends_when_nobody_reads_its_output() {
    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), 3);
    let watch = ["watch"];
    for words in [&["watch", "--json"][..], &watch, &["count-lines", "--quiet", "-"]] {
        let mut child = Command::new(CLIENT)
            .args(["--link", &server.link])
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        if words.contains(&"watch") {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            assert!(!line.is_empty());
        }
        drop(stdout);
        // Nothing happens in the election, and the input does not end.
        assert_eq!(child.wait().unwrap().code(), Some(1), "{words:?}");
        drop(stdin);
        let mut told = String::new();
        child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        assert_eq!(told, "", "{words:?}");
    }
}

#[test]
fn what_was_done_is_told_though_it_cannot_be_printed() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let path = |name: &str| data.path().join(name).to_str().unwrap().to_string();
    let (officer, roll, shared) = (path("officer.link"), path("roll.csv"), path("shared.link"));
    let mut acts = 0;
    let mut act = |words: &[&str], done: &str| {
        // To a full disk and to a pipe that nobody reads, by turns.
        acts += 1;
        let (stdout, why) = match acts % 2 {
            0 => (File::create("/dev/full").unwrap().into(), "No space left on device"),
            _ => (Stdio::from(std::io::pipe().unwrap().1), "Broken pipe"),
        };
        let link = if words[0] == "vote" { &server.link } else { &officer };
        let mut command = Command::new(CLIENT);
        let ran = command.args(["--link", link]).args(words).stdout(stdout).output().unwrap();
        let told = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(1), "{words:?}: {told}");
        assert!(told.contains(done), "{words:?}: {told}");
        assert!(told.contains(&format!(", but that could not be printed: {why}")), "{told}");
        told
    };
    let create = |id| ["create", id, "--candidate", "Ada", "--results", "live"];
    act(&create("board"), "the election is created");
    act(&[&create("other")[..], &["--json"]].concat(), "the election is created");
    let of = ["--election", "board"];
    let on = |words: &[&'static str]| [&of[..], words].concat();
    act(&[&of[..], &["issue", "--count", "3", "--output", &roll]].concat()[..], "in the file");
    act(&on(&["open"]), "the election is open");
    act(&on(&["share", "auditor"]), "a link was made, and nobody has it");
    act(&[&of[..], &["share", "auditor", "--output", &shared]].concat(), "the link is in the file");
    act(&["revoke", &shared], "the link opens nothing any more");
    let numbers = std::fs::read_to_string(&roll).unwrap();
    for (number, json) in numbers.lines().skip(1).zip([&[][..], &["--json"], &[]]) {
        let vote = ["vote", "Ada", "--election", "board", "--voter-number", number];
        act(&[&vote[..], json].concat(), "the vote is recorded, and its receipt is ");
    }
    act(&on(&["close"]), "the election is closed");
    act(&[&of[..], &["sheet", "--output", &path("s.csv")]].concat(), "the sheet is in the file");
}

#[test]
fn a_chart_has_no_more_rows_than_its_terminal_and_no_escapes_on_a_dumb_one() {
    let data = tempfile::tempdir().unwrap();
    let candidates: Vec<_> = (1..=40).map(|it| format!("--candidate=Candidate {it}")).collect();
    let mut words: Vec<_> = candidates.iter().map(String::as_str).collect();
    words.extend(["--election", "board", "--voters", "3"]);
    let server = Server::start(data.path(), &words);
    crate::process::officer(data.path(), &["close"]).done();
    for (term, rows, shown, more) in [
        (Some("xterm-256color"), 24, 20, "and 20 more"),
        (Some("xterm-256color"), 60, 40, "final"),
        (Some("dumb"), 24, 40, "final"),
        (Some(""), 24, 40, "final"),
        (None, 24, 40, "final"),
    ] {
        let (mut pty, pts) = open().unwrap();
        pty.resize(Size::new(rows, 80)).unwrap();
        let command = pty_process::blocking::Command::new(CLIENT);
        let command = command.args(["--link", &server.link, "watch"]).env_remove("TERM");
        let command = match term {
            Some(term) => command.env("TERM", term),
            None => command,
        };
        let mut child = command.env("NO_COLOR", "1").spawn(pts).unwrap();
        let mut output = Vec::new();
        let _ = pty.read_to_end(&mut output);
        child.wait().unwrap();
        let output = String::from_utf8(output).unwrap();
        assert_eq!(output.matches("Candidate ").count(), shown, "{term:?}: {output}");
        assert!(output.contains(more) && !output.contains('\x1b'), "{term:?}: {output}");
    }
}
