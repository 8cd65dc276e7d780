//! The clients in other languages, against the real server. `.ci/run` installs what they need; on a
//! machine without it, these tests report that and pass.

mod certificates;
mod lines;
mod votes;
mod watch;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use capvote::election::{Nonce, Receipt};
use data_encoding::HEXLOWER;
use serde_json::Value;

use crate::process::{BOARD, Ran, Server, numbers, run};

/// A client in another language: the program, and its first arguments.
struct Language {
    program: String,
    first: Vec<String>,
}

impl Language {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.first);
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let first: Vec<_> = self.first.iter().map(String::as_str).collect();
        run(&self.program, &[&first, arguments].concat(), b"")
    }

    /// Another program in the same language.
    fn script(&self, path: &Path) -> Self {
        Self { program: self.program.clone(), first: vec![path.display().to_string()] }
    }
}

/// The clients, or `None` if something that they need is not installed.
fn languages() -> Option<&'static [Language; 2]> {
    static LANGUAGES: OnceLock<Result<[Language; 2], String>> = OnceLock::new();
    let make = || Ok([python()?, cpp()?]);
    match LANGUAGES.get_or_init(make) {
        Ok(languages) => Some(languages),
        Err(missing) => {
            assert!(std::env::var_os("CI").is_none(), "CI has to install it: {missing}");
            eprintln!("skipped: {missing}");
            None
        }
    }
}

fn example(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(path)
}

/// The Python environment of docs/clients.md, or any other Python with pycapnp.
fn python() -> Result<Language, String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let made = target.join("examples-python/bin/python").display().to_string();
    let works = |python: &String| {
        let tried = Command::new(python).args(["-c", "import capnp"]).output();
        tried.is_ok_and(|tried| tried.status.success())
    };
    let python = [made, "python3".to_string()].into_iter().find(works);
    let program = python.ok_or("there is no Python with pycapnp: see docs/clients.md")?;
    Ok(Language { program, first: vec![example("python/client.py").display().to_string()] })
}

fn cpp() -> Result<Language, String> {
    for tool in ["make", "g++", "capnp"] {
        let there = Command::new(tool).arg("--version").output();
        there.map_err(|error| format!("{tool}, which examples/cpp needs: {error}"))?;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples-cpp");
    let mut make = Command::new("make");
    make.arg("-C").arg(example("cpp")).arg(format!("OUT={}", folder.display()));
    let made = make.args(["CXXFLAGS=-O0", "--silent"]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Ok(Language { program: folder.join("client").display().to_string(), first: Vec::new() })
}

/// A server with the election "board", and the links to it.
struct Board {
    data: tempfile::TempDir,
    links: [String; 2],
    /// An encrypted one.
    encrypted: String,
    /// One that a browser opens.
    pages: String,
    _server: Server,
}

impl Board {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let socket = data.path().join("a socket").display().to_string();
        let socket = format!("capvote+unix://{}", socket.replace(' ', "%20"));
        let more = ["--voters", "9", "--listen", &socket, "--listen", "capvotes://127.0.0.1:0"];
        let pages = ["--listen", "http://127.0.0.1:0"];
        let mut server = Server::start(data.path(), &[&BOARD[..], &more, &pages].concat());
        let links = [server.link.clone(), server.next_link()];
        assert_eq!(links[1], socket);
        let (encrypted, pages) = (server.next_link(), server.next_link());
        Self { data, links, encrypted, pages, _server: server }
    }

    /// Runs the Rust client.
    fn client(&self, arguments: &[&str]) -> Ran {
        let arguments = [&["--link", &self.links[0]], arguments].concat();
        run(env!("CARGO_BIN_EXE_capvote-client"), &arguments, b"")
    }

    fn number(&self, voter: usize) -> String {
        numbers(self.data.path())[voter].to_string()
    }

    fn close(&self) {
        let link = self.data.path().join("officer.link").display().to_string();
        run(env!("CARGO_BIN_EXE_capvote-client"), &["--link", &link, "close"], b"").done();
    }

    /// The results from the Rust client, in the format of the others.
    fn results(&self) -> String {
        let results: Value =
            serde_json::from_str(self.client(&["--json", "result"]).done()).unwrap();
        let candidates = results["candidates"].as_array().unwrap().iter();
        let candidates = candidates
            .map(|it| format!("{} {}", it["candidate"].as_str().unwrap(), it["votes"]))
            .collect::<Vec<_>>()
            .join(", ");
        let (status, turnout) = (results["status"].as_str().unwrap(), &results["turnout"]);
        format!(
            "{status}: {candidates}; {} of {} have voted\n",
            turnout["ballots"], turnout["voters"]
        )
    }
}

/// Checks the output for a recorded vote for Ada. Returns the nonce.
fn recorded(voted: &Ran) -> String {
    let lines: Vec<_> = voted.done().lines().collect();
    let [nonce, message, receipt] = lines[..] else { panic!("{lines:?}") };
    let nonce = nonce.strip_prefix("nonce ").unwrap();
    let bytes = HEXLOWER.decode(nonce.as_bytes()).unwrap();
    let expected =
        Receipt::new(&"board".parse().unwrap(), "Ada", &Nonce::try_from(&bytes[..]).unwrap());
    assert_eq!(receipt, format!("recorded {expected}"));
    assert!(
        message.starts_with("Your vote for \"Ada\" in election board is recorded"),
        "{message}"
    );
    assert!(message.contains(&expected.to_string()), "{message}");
    nonce.to_string()
}

/// Checks that a vote was refused with this message to the sink and this outcome.
fn refused(voted: &Ran, message: &str, outcome: &str) {
    let lines: Vec<_> = voted.stdout.lines().collect();
    assert_eq!((voted.code, lines.len(), &voted.stderr[..]), (Some(3), 3, ""), "{lines:?}");
    assert!(lines[1].contains(message), "{lines:?}");
    assert_eq!(lines[2], outcome);
}
