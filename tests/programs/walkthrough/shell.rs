//! The shell in which the pages' commands run.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::process::{Ran, Server, run};

/// The addresses of the laptop and of the metrics on the pages, and the one used instead.
const PRINTED_ADDRESSES: [&str; 3] = ["192.168.1.20:12358", "192.168.1.20:12380", "127.0.0.1:9358"];
const FREE_ADDRESS: &str = "127.0.0.1:0";

/// A shell in a temporary folder, with the programs of the tests in its PATH.
pub(super) struct Shell {
    pub(super) folder: TempDir,
    /// Commands to run before each other one: changes of the folder, and exports.
    lasting: String,
    pub(super) server: Option<Server>,
    /// The page of the election that the server was started with.
    pub(super) page: Option<String>,
    /// The output of the commands since it was last cleared.
    pub(super) printed: String,
}

impl Shell {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let programs = Path::new(env!("CARGO_BIN_EXE_capvote-client")).parent().unwrap().display();
        let lasting =
            format!("set -e\nPATH='{programs}':\"$PATH\"\ncd '{}'\n", folder.path().display());
        Self { folder, lasting, server: None, page: None, printed: String::new() }
    }

    /// Runs a command to its end.
    pub(super) fn run(&mut self, command: &str) {
        if command.starts_with("cd ") || command.starts_with("export ") {
            self.lasting += &format!("{command}\n");
            return;
        }
        let ran = run("sh", &["-c", &format!("{}{command}", self.lasting)], b"");
        let Ran { code, stderr, .. } = &ran;
        assert_eq!((*code, &stderr[..]), (Some(0), ""), "{command}");
        self.printed += &ran.stdout;
    }

    /// Runs a command on a terminal, and types each answer once it shows the prompt before it.
    pub(super) fn run_and_answer(&mut self, command: &str, answers: &[(&str, &str)]) {
        let script = format!("{}{command}", self.lasting);
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--command", &script, "/dev/null"])
            .env("SHELL", "/bin/sh")
            .env_remove("CAPVOTE_LINK")
            .env_remove("CAPVOTE_VOTER_NUMBER")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut shown = Vec::new();
        for (prompt, answer) in answers {
            let before = shown.len();
            while !String::from_utf8_lossy(&shown[before..]).contains(prompt) {
                let mut part = [0; 256];
                let length = stdout.read(&mut part).unwrap();
                assert!(length > 0, "{command} exited: {}", String::from_utf8_lossy(&shown));
                shown.extend_from_slice(&part[..length]);
            }
            writeln!(stdin, "{answer}").unwrap();
        }
        stdout.read_to_end(&mut shown).unwrap();
        let shown = String::from_utf8(shown).unwrap().replace('\r', "");
        assert!(child.wait().unwrap().success(), "{command}: {shown}");
        self.printed += &shown;
    }

    /// A command that runs in the background.
    pub(super) fn background(&self, command: &str) -> Command {
        let mut terminal = Command::new("sh");
        terminal.args(["-c", &format!("{}exec {command}", self.lasting)]);
        terminal.env_remove("CAPVOTE_LINK").stdout(Stdio::piped()).stderr(Stdio::null());
        terminal
    }

    /// Stops the server, if one runs, and starts another.
    pub(super) fn serve(&mut self, command: &str) {
        self.stop();
        let free = |command: String, it: &&str| command.replace(*it, FREE_ADDRESS);
        let mut command = PRINTED_ADDRESSES.iter().fold(command.to_string(), free);
        let usual_port = !command.contains("--listen");
        if usual_port {
            command += " --listen capvote://127.0.0.1:0 --listen http://127.0.0.1:0";
        }
        let mut server = Server::spawn(self.background(&command));
        self.printed = format!("listening on {}\n", server.link);
        if usual_port {
            server.next("listening on http://");
            self.page = command.contains("--election").then(|| server.next("vote at "));
            self.lasting += &format!("export CAPVOTE_LINK='{}'\n", server.link);
        }
        self.server = Some(server);
    }

    /// Interrupts the server, as Ctrl-C does.
    pub(super) fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.signal("INT");
            assert_eq!(server.wait(), (Some(0), String::new()));
        }
    }

    /// Checks that the output ends with these lines.
    pub(super) fn check(&self, expected: &[String]) {
        let printed: Vec<_> = self.printed.lines().collect();
        let (_, last) = printed.split_at(printed.len().saturating_sub(expected.len()));
        let address = self.server.as_ref().map(|server| address(&server.link));
        let address = address.unwrap_or_default();
        let real = |line: String, printed: &&str| line.replace(*printed, address);
        let expected = expected.iter();
        let expected = expected.map(|line| PRINTED_ADDRESSES.iter().fold(line.clone(), real));
        let expected: Vec<_> = expected.collect();
        let matching = expected.len() == last.len()
            && expected.iter().zip(last).all(|(pattern, line)| fits(line, pattern));
        assert!(matching, "the page has {expected:#?}, the commands printed {printed:#?}");
    }

    /// The rows of a file with voter numbers, without its heading. The number is the last field.
    pub(super) fn rows(&self, file: &str) -> Vec<Vec<String>> {
        let text = fs::read_to_string(self.folder.path().join(file)).unwrap();
        let fields = |line: &str| line.split(',').map(str::to_string).collect();
        text.lines().skip(1).map(fields).collect()
    }
}

/// The host and port in a link.
fn address(link: &str) -> &str {
    link.split("://").nth(1).unwrap().split('?').next().unwrap()
}

/// Whether a line fits the pattern, in which "..." stands for any text. Pages show tables as on a
/// terminal; in a pipe, tabs separate the columns.
fn fits(line: &str, pattern: &str) -> bool {
    if line.contains('\t') {
        let columns = pattern.split("  ").map(str::trim).filter(|column| !column.is_empty());
        return columns.eq(line.split('\t'));
    }
    let Some((first, rest)) = pattern.split_once("...") else { return line == pattern };
    let Some(mut line) = line.strip_prefix(first) else { return false };
    let mut pieces: Vec<_> = rest.split("...").collect();
    let last = pieces.pop().unwrap();
    for piece in pieces {
        let Some((_, behind)) = line.split_once(piece) else { return false };
        line = behind;
    }
    line.ends_with(last)
}
