//! Watching an election.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};

use super::{Board, Language, languages};

/// A client that watches. Dropping this kills it.
struct Watching {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Watching {
    fn start(language: &Language, link: &str) -> Self {
        let mut command = language.command();
        command.args([link, "watch"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn next(&mut self) -> String {
        self.lines.next().unwrap().unwrap() + "\n"
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_client_shows_changes_until_the_close() {
    let Some(languages) = languages() else { return };
    let board = Board::new();
    let mut watching = Vec::new();
    for link in &board.links {
        watching.extend(languages.iter().map(|language| Watching::start(language, link)));
    }
    for watching in &mut watching {
        assert_eq!(watching.next(), "provisional: Ada 0, Grace 0; 0 of 9 have voted\n");
    }
    board.client(&["vote", "Grace", "--voter-number", &board.number(0)]).done();
    for watching in &mut watching {
        assert_eq!(watching.next(), "provisional: Ada 0, Grace 0; 1 of 9 have voted\n");
    }
    board.close();
    for watching in &mut watching {
        assert_eq!(watching.next(), "final: Grace 1, Ada 0; 1 of 9 have voted\n");
        assert_eq!(watching.next(), "closed\n");
        assert!(watching.lines.next().is_none());
        assert!(watching.child.wait().unwrap().success());
    }
}

#[test]
fn every_client_notices_that_the_server_is_gone() {
    let Some(languages) = languages() else { return };
    for language in languages {
        let board = Board::new();
        let mut watching = Watching::start(language, &board.links[0]);
        watching.next();
        drop(board);
        assert!(watching.lines.next().is_none());
        let error = std::io::read_to_string(watching.child.stderr.take().unwrap()).unwrap();
        assert_eq!(error, "the connection was lost\n");
        assert_eq!(watching.child.wait().unwrap().code(), Some(1));
    }
}
