//! Runs the commands of README.md, of the two walkthroughs and of docs/commands.md as printed.
//!
//! A command is a line of an indented block, or is in the first column of the table of commands. A
//! `text` block below it is the expected output, with "..." for what differs from run to run. Three
//! things differ from the pages: the programs are those built for the tests, servers listen on a
//! free loopback port, and `CAPVOTE_LINK` replaces the default port.

mod labels;
mod page;
mod shell;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Child;

use self::page::{Part, page, parts, table};
use self::shell::Shell;
use crate::process::write_private;

/// Commands that rebuild everything, include this test, or take long. CI runs the tour.
const NOT_RUN: [&str; 10] = [
    "cargo install --path . --locked",
    "cargo run --release --example tour",
    "cargo test",
    "cargo build --release",
    "cargo run --release -p capvote-soak -- kills --rounds 1000",
    "cargo run --release -p capvote-soak -- histories --count 10000",
    "cargo run --release -p capvote-soak -- cluster-kills --rounds 200",
    // tests/programs/database.rs runs it.
    "capvote-server move capvote-data --to database --ledger postgres://…",
    "cargo run --release -p capvote-soak -- cluster-patroni --rounds 20",
    "cargo run --release -p capvote-soak -- page-kills --rounds 50",
];

fn ended(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// Ann's answers on her paper: Grace, then Ada; three for the board; yes.
const PAPER: [&str; 3] = ["2 1", "5 2 1", "1"];

#[test]
fn twenty_people_hold_an_evening_of_elections_in_a_terminal() {
    let mut shell = Shell::new();
    let mut checked = 0;
    for part in parts(&page("docs/walkthrough-terminal.md")) {
        let commands = match part {
            Part::Output(lines) => {
                shell.check(&lines);
                checked += 1;
                continue;
            }
            Part::Commands(commands) => commands,
        };
        shell.printed.clear();
        for command in commands.iter().filter(|command| !NOT_RUN.contains(&&command[..])) {
            if command.starts_with("capvote-server ") {
                shell.serve(command);
            } else if command.contains(" vote ") {
                let letters = shell.rows("evening/letters.csv");
                let paper = command.contains(" --paper");
                let [name, _, number] = &letters[if paper { 0 } else { 1 }][..] else { panic!() };
                assert_eq!(name, if paper { "Ann Archer" } else { "Ben Baker" });
                let answers = PAPER.iter().filter(|_| paper).map(|answer| ("> ", *answer));
                let answers: Vec<_> =
                    [("oter number", &number[..])].into_iter().chain(answers).collect();
                shell.run_and_answer(command, &answers);
            } else {
                if command.contains(" turnout") {
                    the_others_vote(&mut shell);
                    shell.printed.clear();
                }
                shell.run(command);
            }
        }
    }
    assert!(checked > 10, "only {checked} blocks of output");
    shell.stop();
}

/// Those after Ann and Ben vote, each in all three elections.
fn the_others_vote(shell: &mut Shell) {
    const GRACE: &str = "'Grace Hopper' 'Ada Lovelace'";
    let chair = |voter| match voter {
        2..=7 => GRACE,
        8..=14 => "'Ada Lovelace' 'Edsger Dijkstra' 'Grace Hopper'",
        15..=17 => "'Edsger Dijkstra' 'Ada Lovelace'",
        18 => "'Edsger Dijkstra' 'Grace Hopper'",
        _ => "'Reopen nominations' 'Ada Lovelace'",
    };
    let board = |voter| match voter % 3 {
        0 => "'Barbara Liskov' 'Donald Knuth'",
        1 => "'Donald Knuth' 'Frances Allen' 'Tony Hoare'",
        _ => "'Tony Hoare' 'Barbara Liskov' 'Ken Thompson'",
    };
    let bylaws = |voter| match voter {
        2..=13 => "Yes",
        14..=18 => "No",
        _ => "--blank",
    };
    for (voter, row) in shell.rows("evening/letters.csv").iter().enumerate().skip(2) {
        let papers = [("chair", chair(voter)), ("board", board(voter)), ("bylaws", bylaws(voter))];
        for (election, names) in papers {
            let number = format!("CAPVOTE_VOTER_NUMBER={}", row[2]);
            let client = "capvote-client --link voters.link --election";
            shell.run(&format!("{number} {client} {election} vote {names}"));
        }
    }
}

#[test]
fn the_commands_of_the_walkthrough_start_a_server_with_pages() {
    let mut shell = Shell::new();
    let mut checked = 0;
    for part in parts(&page("docs/walkthrough.md")) {
        match part {
            Part::Output(lines) => {
                shell.check(&lines);
                checked += 1;
            }
            Part::Commands(commands) => {
                for command in commands.iter().filter(|it| !NOT_RUN.contains(&&it[..])) {
                    let serves = command.starts_with("capvote-server ");
                    if serves { shell.serve(command) } else { shell.run(command) }
                }
            }
        }
    }
    assert_eq!((checked, shell.rows("evening/people.csv").len()), (1, 20));
    let server = shell.server.as_ref().unwrap().link.clone();
    assert!(opens(&format!("{server}/officer")));
    let officer = fs::read_to_string(shell.folder.path().join("evening/server/officer.link"));
    assert!(officer.unwrap().starts_with(&format!("{server}/officer#")));
    shell.stop();
}

/// Whether there is a page at this address.
fn opens(address: &str) -> bool {
    let (host, path) = address.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut server = TcpStream::connect(host).unwrap();
    let head = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    server.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    server.read_to_string(&mut answer).unwrap();
    answer.starts_with("HTTP/1.1 200 ")
}

#[test]
fn the_commands_of_the_readme_work_as_printed() {
    let page = page("README.md");
    let mut shell = Shell::new();
    fs::write(shell.folder.path().join("README.md"), &page).unwrap();
    let mut ran = 0;
    let blocks = parts(&page).into_iter().filter_map(|part| match part {
        Part::Commands(commands) => Some(commands),
        Part::Output(_) => None,
    });
    for command in blocks.flatten().filter(|command| !NOT_RUN.contains(&&command[..])) {
        shell.printed.clear();
        if command.starts_with("capvote-server ") {
            shell.serve(&command);
            if let Some(address) = &shell.page {
                assert!(address.ends_with("/board") && opens(address), "{address}");
            }
        } else if command.contains(" vote ") {
            let number = shell.rows("capvote-data/board.numbers.csv")[0][0].clone();
            shell.run_and_answer(&command, &[("oter number", &number)]);
        } else {
            shell.run(&command);
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
        assert!(shell.printed.contains(expected), "{command}: {}", shell.printed);
        ran += 1;
    }
    assert!(ran >= 7, "only {ran} commands were found");
    shell.stop();
}

/// The commands of the table, run one after another.
struct Table {
    shell: Shell,
    watching: Option<Child>,
}

impl Table {
    /// Runs a command, with what it needs of the commands before.
    fn run(&mut self, name: &str, command: &str) {
        let shell = &mut self.shell;
        shell.printed.clear();
        match name {
            "vote" => {
                let number = shell.rows("letters.csv")[0][1].clone();
                shell.run_and_answer(command, &[("oter number", &number)]);
            }
            "count" => {
                let blt = "2 1\n1 1 2 0\n0\n\"Ada\"\n\"Grace\"\n\"Board\"\n";
                fs::write(shell.folder.path().join("ballots.blt"), blt).unwrap();
                shell.run(command);
            }
            "watch" => self.watching = Some(shell.background(command).spawn().unwrap()),
            "--metrics" => {
                shell.serve(command);
                shell.server.as_mut().unwrap().next("figures at http://127.0.0.1:");
            }
            "officer-link" => {
                shell.stop();
                fs::remove_file(shell.folder.path().join("capvote-data/officer.link")).unwrap();
                shell.run(command);
            }
            _ => shell.run(command),
        }
    }

    /// Keeps what later commands need.
    fn ran(&mut self, name: &str) {
        let shell = &self.shell;
        match name {
            "close" => {
                let watched = ended(self.watching.take().unwrap());
                let last = "1 of 2 has voted; these results are final.\n";
                assert!(watched.ends_with(last), "{watched}");
            }
            "issue" => {
                let lost = shell.rows("letters.csv")[2].join(",");
                let lost = format!("name,voter_number\n{lost}\n");
                write_private(shell.folder.path().join("lost.csv"), &lost);
            }
            _ => {}
        }
    }
}

/// A part of the output of a command in the table.
fn expected(name: &str) -> &'static str {
    match name {
        "vote" => "is recorded",
        "revoke" => "opens nothing any more",
        "officer-link" => "capvote-data/officer.link",
        "issue" => "3 voter numbers",
        "revoke-numbers" => "1 voter number is off the roll",
        "share" => "The link is in registrar.link.",
        "turnout" => "1 of 2 has voted",
        "check" => "The hash chain holds",
        "sheet" => "has 1 ballot.",
        "verify" => "Counted",
        _ => "",
    }
}

#[test]
fn the_table_of_commands_is_an_election_from_draft_to_tally_sheet() {
    let page = page("docs/commands.md");
    let mut shell = Shell::new();
    let people = "name\nAnn\nBen\nCleo\n";
    fs::write(shell.folder.path().join("people.csv"), people).unwrap();
    shell.serve("capvote-server");
    let officer = "export CAPVOTE_LINK=capvote-data/officer.link";
    assert!(page.contains(officer));
    shell.run(officer);
    let mut commands = Table { shell, watching: None };
    for command in table(&page).into_iter().filter(|it| !NOT_RUN.contains(&&it[..])) {
        let name = command.split(' ').nth(1).unwrap();
        commands.run(name, &command);
        let printed = &commands.shell.printed;
        assert!(printed.contains(expected(name)), "{command}: {printed}");
        commands.ran(name);
    }
    assert!(commands.watching.is_none(), "no command in the table closes the election");
}
