//! Runs the commands of README.md, docs/walkthrough.md and docs/commands.md as printed.
//!
//! A command is a line of an indented block, or stands in the first column of the table of
//! commands. A `text` block below it holds the expected output, with "..." for what differs from
//! run to run. What is run differs from what is printed in three ways: the programs are those built
//! for the tests, a server listens on a free loopback port, and `CAPVOTE_LINK` replaces the default
//! port.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::process::{Ran, Server, run};

/// The addresses of the laptop and of the metrics; here both are a free port.
const PRINTED_ADDRESSES: [&str; 2] = ["192.168.1.20:12358", "127.0.0.1:9358"];
const FREE_ADDRESS: &str = "127.0.0.1:0";

/// Commands that rebuild everything, include this test, or run for long. CI runs the tour.
const NOT_RUN: [&str; 6] = [
    "cargo install --path . --locked",
    "cargo run --release --example tour",
    "cargo test",
    "cargo build --release",
    "cargo run --release -p capvote-soak -- kills --rounds 1000",
    "cargo run --release -p capvote-soak -- histories --count 10000",
];

/// Where commands are typed: a folder of its own, whose terminals find the programs.
struct Desk {
    folder: TempDir,
    /// What was typed that goes on to hold: which folder one is in, and what is exported.
    lasting: String,
    server: Option<Server>,
    /// What the commands of the last block printed.
    printed: String,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let programs = Path::new(env!("CARGO_BIN_EXE_capvote-client")).parent().unwrap().display();
        let lasting =
            format!("set -e\nPATH='{programs}':\"$PATH\"\ncd '{}'\n", folder.path().display());
        Self { folder, lasting, server: None, printed: String::new() }
    }

    /// Types a command, and waits until it is done.
    fn run(&mut self, command: &str) {
        if command.starts_with("cd ") || command.starts_with("export ") {
            self.lasting += &format!("{command}\n");
            return;
        }
        let ran = run("sh", &["-c", &format!("{}{command}", self.lasting)], b"");
        let Ran { code, stderr, .. } = &ran;
        assert_eq!((*code, &stderr[..]), (Some(0), ""), "{command}");
        self.printed += &ran.stdout;
    }

    /// Types a command that asks for a voter number, on a terminal, and answers.
    fn run_and_answer(&mut self, command: &str, number: &str) {
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
        while !String::from_utf8_lossy(&shown).contains("oter number") {
            let mut part = [0; 256];
            let length = stdout.read(&mut part).unwrap();
            assert!(length > 0, "{command} ends: {}", String::from_utf8_lossy(&shown));
            shown.extend_from_slice(&part[..length]);
        }
        writeln!(stdin, "{number}").unwrap();
        stdout.read_to_end(&mut shown).unwrap();
        let shown = String::from_utf8(shown).unwrap().replace('\r', "");
        assert!(child.wait().unwrap().success(), "{command}: {shown}");
        self.printed += &shown;
    }

    /// Types a command in a terminal of its own, where it goes on.
    fn begin(&self, command: &str) -> Command {
        let mut terminal = Command::new("sh");
        terminal.args(["-c", &format!("{}exec {command}", self.lasting)]);
        terminal.env_remove("CAPVOTE_LINK").stdout(Stdio::piped()).stderr(Stdio::null());
        terminal
    }

    /// Starts a server, in the place of the one there was.
    fn serve(&mut self, command: &str) {
        self.stop();
        let free = |command: String, it: &&str| command.replace(*it, FREE_ADDRESS);
        let mut command = PRINTED_ADDRESSES.iter().fold(command.to_string(), free);
        let usual_port = !command.contains("--listen");
        if usual_port {
            command += " --listen capvote://127.0.0.1:0";
        }
        let server = Server::typed(self.begin(&command));
        self.printed = format!("listening on {}\n", server.link);
        if usual_port {
            self.lasting += &format!("export CAPVOTE_LINK='{}'\n", server.link);
        }
        self.server = Some(server);
    }

    /// Types Ctrl-C where the server runs.
    fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.signal("INT");
            assert_eq!(server.wait(), (Some(0), String::new()));
        }
    }

    /// Checks that the last block printed this in the end.
    fn check(&self, told: &[String]) {
        let printed: Vec<_> = self.printed.lines().collect();
        let (_, last) = printed.split_at(printed.len().saturating_sub(told.len()));
        let address = self.server.as_ref().map(|server| address(&server.link));
        let address = address.unwrap_or_default();
        let told = told.iter().map(|line| line.replace(PRINTED_ADDRESSES[0], address));
        let told: Vec<_> = told.collect();
        let fit = told.len() == last.len()
            && told.iter().zip(last).all(|(pattern, line)| fits(line, pattern));
        assert!(fit, "the page says {told:#?}, and it is {printed:#?}");
    }

    /// The fields of a file with voter numbers, which come last, without its heading.
    fn rows(&self, file: &str) -> Vec<Vec<String>> {
        let text = fs::read_to_string(self.folder.path().join(file)).unwrap();
        let fields = |line: &str| line.split(',').map(str::to_string).collect();
        text.lines().skip(1).map(fields).collect()
    }
}

/// The host and port in a link.
fn address(link: &str) -> &str {
    link.split("://").nth(1).unwrap().split('?').next().unwrap()
}

/// Whether a line is as the pattern says, in which "..." stands for anything. The page shows tables
/// as a terminal does; what is compared comes through a pipe, with tabs between the columns.
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

/// A part of a page.
enum Part {
    /// Commands that stand together.
    Commands(Vec<String>),
    /// What they print.
    Printed(Vec<String>),
}

fn page(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// What a page shows of a terminal.
fn parts(page: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            let shown = lines.by_ref().take_while(|line| *line != "```");
            let shown = shown.map(str::to_string).collect();
            if line == "```text" {
                parts.push(Part::Printed(shown));
            }
        } else if let Some(first) = line.strip_prefix("    ") {
            let mut commands = vec![first.to_string()];
            while let Some(next) = lines.next_if(|line| line.starts_with("    ")) {
                let last = commands.last_mut().unwrap();
                // What stands in the command up to a line "END" is its input.
                if last.contains("<<'END'") && !last.ends_with("\nEND") {
                    *last += &format!("\n{}", &next[4..]);
                } else {
                    commands.push(next[4..].to_string());
                }
            }
            parts.push(Part::Commands(commands));
        }
    }
    parts
}

/// The commands in the first column of a page's table of commands.
fn table(page: &str) -> Vec<String> {
    let (_, table) = page.split_once("| command | does |\n").unwrap();
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    let first = |row: &str| row.split('|').nth(1).unwrap().to_string();
    let spans = |cell: String| -> Vec<_> {
        cell.split('`').skip(1).step_by(2).map(str::to_string).collect()
    };
    let whole = |command: String| match command.starts_with("capvote-") {
        true => command,
        false => format!("capvote-client {command}"),
    };
    rows.map(first).flat_map(spans).map(whole).collect()
}

fn ended(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn twenty_people_hold_an_election_by_the_walkthrough() {
    let mut desk = Desk::new();
    let mut watching = None;
    let mut checked = 0;
    for part in parts(&page("docs/walkthrough.md")) {
        let commands = match part {
            Part::Printed(told) => {
                desk.check(&told);
                checked += 1;
                continue;
            }
            Part::Commands(commands) => commands,
        };
        desk.printed.clear();
        for command in commands.iter().filter(|command| !NOT_RUN.contains(&&command[..])) {
            if command.starts_with("capvote-server ") {
                desk.serve(command);
            } else if command.contains(" vote ") {
                let ann = desk.rows("chair/letters.csv")[0].clone();
                assert_eq!(ann[0], "Ann Archer");
                desk.run_and_answer(command, &ann[2]);
            } else if command.contains(" watch") {
                watching = Some(desk.begin(command).spawn().unwrap());
                // Everyone else votes as Ann did.
                for (index, row) in desk.rows("chair/letters.csv").iter().enumerate().skip(1) {
                    let choice = match index {
                        1..=8 => "\"Grace Hopper\"",
                        9..=15 => "\"Ada Lovelace\"",
                        16..=18 => "\"Edsger Dijkstra\"",
                        _ => "--blank",
                    };
                    let number = format!("CAPVOTE_VOTER_NUMBER={}", row[2]);
                    desk.run(&format!("{number} capvote-client --link voters.link vote {choice}"));
                }
            } else {
                desk.run(command);
            }
        }
    }
    assert!(checked > 8, "only {checked} answers are shown");
    let watched = ended(watching.unwrap());
    assert!(watched.ends_with("20 of 20 have voted; these results are final.\n"), "{watched}");
    desk.stop();
}

#[test]
fn the_commands_of_the_readme_work_as_printed() {
    let page = page("README.md");
    let mut desk = Desk::new();
    fs::write(desk.folder.path().join("README.md"), &page).unwrap();
    let mut ran = 0;
    let blocks = parts(&page).into_iter().filter_map(|part| match part {
        Part::Commands(commands) => Some(commands),
        Part::Printed(_) => None,
    });
    for command in blocks.flatten().filter(|command| !NOT_RUN.contains(&&command[..])) {
        desk.printed.clear();
        if command.starts_with("capvote-server ") {
            desk.serve(&command);
        } else if command.contains(" vote ") {
            let number = desk.rows("capvote-data/board.numbers.csv")[0][0].clone();
            desk.run_and_answer(&command, &number);
        } else {
            desk.run(&command);
        }
        let lines = format!("\n{}\n", page.lines().count());
        let answers = [
            (" vote ", "is recorded"),
            (" result", "1 of 20 has voted"),
            (" recount ", "1 ballot of election board; every receipt fits."),
            (" count-lines ", &lines),
        ];
        let answer = answers.iter().find(|(name, _)| command.contains(name));
        let expected = answer.map_or("", |(_, expected)| *expected);
        assert!(desk.printed.contains(expected), "{command}: {}", desk.printed);
        ran += 1;
    }
    assert!(ran >= 7, "only {ran} commands were found");
    desk.stop();
}

#[test]
fn the_table_of_commands_is_an_election_from_draft_to_tally_sheet() {
    let page = page("docs/commands.md");
    let mut desk = Desk::new();
    let people = "name\nAnn\nBen\nCleo\n";
    fs::write(desk.folder.path().join("people.csv"), people).unwrap();
    desk.serve("capvote-server");
    let officer = "export CAPVOTE_LINK=capvote-data/officer.link";
    assert!(page.contains(officer));
    desk.run(officer);
    let (mut watching, mut shared) = (None, String::new());
    for command in table(&page) {
        desk.printed.clear();
        let words: Vec<_> = command.split(' ').collect();
        let expected = match words[1] {
            "vote" => {
                let number = desk.rows("letters.csv")[0][1].clone();
                desk.run_and_answer(&command, &number);
                "is recorded"
            }
            "watch" => {
                watching = Some(desk.begin(&command).spawn().unwrap());
                ""
            }
            "revoke" => {
                desk.run(&command.replace("LINK", &format!("'{}'", shared.trim())));
                "opens nothing any more"
            }
            "--metrics" => {
                desk.serve(&command);
                desk.server.as_mut().unwrap().next("figures at http://127.0.0.1:");
                ""
            }
            "officer-link" => {
                desk.stop();
                fs::remove_file(desk.folder.path().join("capvote-data/officer.link")).unwrap();
                desk.run(&command);
                "capvote-data/officer.link"
            }
            other => {
                desk.run(&command);
                if other == "close" {
                    let watched = ended(watching.take().unwrap());
                    let last = "1 of 2 has voted; these results are final.\n";
                    assert!(watched.ends_with(last), "{watched}");
                }
                match other {
                    "issue" => "3 voter numbers",
                    "revoke-numbers" => "1 voter number is off the roll",
                    "share" => "#",
                    "turnout" => "1 of 2 has voted",
                    "check" => "The hash chain holds",
                    "sheet" => "has 1 ballot.",
                    "verify" => "Counted",
                    _ => "",
                }
            }
        };
        assert!(desk.printed.contains(expected), "{command}: {}", desk.printed);
        match words[1] {
            "share" => shared = desk.printed.clone(),
            "issue" => {
                let lost = desk.rows("letters.csv")[2].join(",");
                let lost = format!("name,voter_number\n{lost}\n");
                fs::write(desk.folder.path().join("lost.csv"), lost).unwrap();
            }
            _ => {}
        }
    }
    assert!(watching.is_none(), "no command in the table closes the election");
}
