//! The server program with its pages, behind a network that a test can break.

use std::path::{Path, PathBuf};
use std::process::Command;

use capvote::net::link::Link;
use serde_json::Value;
use tempfile::TempDir;

use super::relay::Relay;
use super::tab::Tab;
use crate::harness;
use crate::process::{self, Server};

/// A server that logs everything to a file, and the network in front of it.
pub(crate) struct Served {
    data: TempDir,
    /// `None` while it is down.
    server: Option<Server>,
    /// The same after a restart.
    link: String,
    pub(crate) network: Relay,
}

impl Served {
    /// Starts a server without elections.
    pub(crate) async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let server = start(data.path(), "http://127.0.0.1:0");
        let link = server.link.clone();
        let at = link.parse::<Link>().unwrap().address.at().unwrap().to_string();
        Self { data, server: Some(server), link, network: Relay::to(at).await }
    }

    /// A browser that shows a page of it; `None` if there is no browser.
    pub(crate) async fn tab(&self, path: &str) -> Option<Tab> {
        let address = &self.network.address;
        let browser = harness::browser(&format!("{address}{path}")).await?;
        Some(Tab::of(browser, address.clone()).await)
    }

    /// Kills it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.server.take().unwrap().kill();
    }

    /// Starts it again at the same port.
    pub(crate) fn restart(&mut self) {
        self.server = Some(start(self.data.path(), &self.link));
    }

    /// A link that a page has made, for a program that the test waits for: meanwhile, nothing goes
    /// over the network.
    pub(crate) fn past_network(&self, link: &str) -> String {
        link.replace(&self.network.address, self.link.trim_end_matches('/'))
    }

    /// Runs the client with the returning officer's link.
    pub(crate) fn officer(&self, arguments: &[&str]) -> String {
        let ran = process::officer(&self.path("data"), arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {}", ran.stderr);
        ran.stdout
    }

    /// Creates an election with these names, and opens it.
    pub(crate) fn create(&self, id: &str, names: &[&str], options: &[&str]) {
        let names: Vec<_> = names.iter().map(|name| format!("--candidate={name}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.officer(&[&["create", id], &names[..], options].concat());
        self.officer(&["--election", id, "open"]);
    }

    /// Issues so many voter numbers, as they are printed.
    pub(crate) fn issue(&self, id: &str, count: usize) -> Vec<String> {
        let path = self.path(&format!("{id}.csv"));
        let [count, output] = [count.to_string(), path.display().to_string()];
        self.officer(&["--election", id, "issue", "--count", &count, "--output", &output]);
        let text = std::fs::read_to_string(path).unwrap();
        let is_number = |field: &&str| field.len() == 24 && field.contains('-');
        let numbers: Vec<_> =
            text.split([',', '\n']).filter(is_number).map(str::to_string).collect();
        assert_eq!(numbers.len().to_string(), count, "{text}");
        numbers
    }

    /// Votes with the client.
    pub(crate) fn vote(&self, id: &str, name: &str, number: &str) {
        let vote = ["--link", &self.link, "--election", id, "vote", name, "--voter-number", number];
        let ran = process::run(env!("CARGO_BIN_EXE_capvote-client"), &vote, b"");
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    }

    /// Who has voted in an election.
    pub(crate) fn ballots(&self, id: &str) -> u64 {
        let results = self.officer(&["--election", id, "--json", "result"]);
        let results: Value = serde_json::from_str(&results).unwrap();
        results["turnout"]["ballots"].as_u64().unwrap()
    }

    /// Closes an election, and writes its tally sheet.
    pub(crate) fn sheet(&self, id: &str) -> PathBuf {
        let path = self.path(&format!("{id}.sheet.csv"));
        self.officer(&["--election", id, "close"]);
        self.officer(&["--election", id, "sheet", "--output", path.to_str().unwrap()]);
        path
    }

    /// A file of the test.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.data.path().join(name)
    }

    /// The file with the returning officer's link.
    pub(crate) fn officer_link(&self) -> PathBuf {
        self.path("data/officer.link")
    }

    /// All that was logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap()
    }
}

/// Checks that `capvote-client verify` finds the ballot of a receipt file on a sheet, with the
/// receipt that a page showed, and with this vote.
pub(crate) fn verified(receipt: &Path, sheet: &Path, shown: &str, vote: &str) {
    let arguments = ["verify", receipt.to_str().unwrap(), sheet.to_str().unwrap()];
    let ran = process::run(env!("CARGO_BIN_EXE_capvote-client"), &arguments, b"");
    // It warns of a file that others can read, as browsers write them.
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("Counted") && ran.stdout.contains(vote), "{vote}: {}", ran.stdout);
    let sheet = std::fs::read_to_string(sheet).unwrap();
    assert!(sheet.contains(shown), "{shown} is not on the sheet: {sheet}");
    let receipt: Value = serde_json::from_slice(&std::fs::read(receipt).unwrap()).unwrap();
    assert_eq!(receipt["receipt"], shown);
}

fn start(folder: &Path, listen: &str) -> Server {
    let log = std::fs::File::options().create(true).append(true).open(folder.join("log")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_capvote-server"));
    command.args(["--listen", listen, "--log", "trace", "--threads", "2", "--data"]);
    command.arg(folder.join("data")).stderr(log);
    Server::spawn(command)
}
