//! Running the programs as child processes.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use capvote::election::VoterNumber;
pub(crate) use capvote_soak::server::BOARD;
use capvote_soak::server::{self, ANY_PORT};

const PROGRAM: &str = env!("CARGO_BIN_EXE_capvote-server");

/// A server that listens. Dropping this kills it.
pub(crate) struct Server {
    pub(crate) link: String,
    process: server::Server,
}

impl Server {
    /// Starts a server on a free port of the loopback address, and waits until it listens.
    pub(crate) fn start(data: &Path, arguments: &[&str]) -> Self {
        Self::listen(ANY_PORT, data, arguments)
    }

    pub(crate) fn listen(link: &str, data: &Path, arguments: &[&str]) -> Self {
        let arguments = [&["--threads", "2"], arguments].concat();
        Self::from_started(server::Server::start(Path::new(PROGRAM), link, data, &arguments))
    }

    /// Starts a server that logs everything to a file.
    pub(crate) fn logging(log: &Path, data: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(["--listen", ANY_PORT, "--log", "trace", "--threads", "2", "--data"]);
        command.arg(data).args(arguments).stderr(std::fs::File::create(log).unwrap());
        Self::from_started(server::Server::spawn(command))
    }

    /// Starts a server whose log goes to a pipe without a reader.
    pub(crate) fn without_log_reader(data: &Path) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(["--listen", ANY_PORT, "--log", "debug", "--threads", "2", "--data"]);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        command.arg(data).stderr(writer);
        Self::from_started(server::Server::spawn(command))
    }

    /// Starts a server with this command line.
    pub(crate) fn spawn(command: Command) -> Self {
        Self::from_started(server::Server::spawn(command))
    }

    fn from_started(started: anyhow::Result<server::Server>) -> Self {
        let process = started.unwrap();
        Self { link: process.link.clone(), process }
    }

    /// The link in the next line that the server prints.
    pub(crate) fn next_link(&mut self) -> String {
        self.next("listening on ")
    }

    /// The rest of the next line that the server prints, which must start with `beginning`.
    pub(crate) fn next(&mut self, beginning: &str) -> String {
        self.process.next(beginning).unwrap()
    }

    /// The process ID.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Resident memory, current and peak, in MiB.
    pub(crate) fn memory_mib(&self) -> (f64, f64) {
        self.process.memory_mib().unwrap()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
    }

    /// Kills the server with SIGKILL.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
    }

    /// Waits until the server exits. Returns its exit code and the rest of its output.
    pub(crate) fn wait(self) -> (Option<i32>, String) {
        self.process.wait().unwrap()
    }
}

/// Starts a server with the election "board".
pub(crate) fn board(data: &Path, voters: u32) -> Server {
    Server::start(data, &[&BOARD[..], &["--voters", &voters.to_string()]].concat())
}

/// The numbers that a server issued for "board".
pub(crate) fn numbers(data: &Path) -> Vec<VoterNumber> {
    server::numbers(data).unwrap()
}

/// The result of a program that has exited.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a program to its end, without the environment variables that are options for it.
pub(crate) fn run(program: &str, arguments: &[&str], input: &[u8]) -> Ran {
    let mut child = Command::new(program)
        .args(arguments)
        .env_remove("CAPVOTE_LINK")
        .env_remove("CAPVOTE_VOTER_NUMBER")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A program need not read its input to the end.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Ran {
        code: status.code(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// Runs the client with a link, or with a file that holds one. A link with a token is given on
/// standard input.
pub(crate) fn client(link: &str, arguments: &[&str]) -> Ran {
    let (given, input) = if link.contains('#') { ("-", link) } else { (link, "") };
    let arguments = [&["--link", given], arguments].concat();
    run(env!("CARGO_BIN_EXE_capvote-client"), &arguments, input.as_bytes())
}

/// Writes a file that only its owner can read.
pub(crate) fn write_private(path: impl AsRef<Path>, text: &str) {
    capvote::private_file::write(path.as_ref(), |file| file.write_all(text.as_bytes())).unwrap();
}

/// Makes a pipe with a name, which nobody writes to.
pub(crate) fn mkfifo(path: impl AsRef<Path>) {
    assert!(
        Command::new("mkfifo").arg("-m").arg("600").arg(path.as_ref()).status().unwrap().success()
    );
}

/// Revokes a link with the returning officer's.
pub(crate) fn revoke(data: &Path, link: &str) -> Ran {
    let officer = data.join("officer.link");
    let arguments = ["--link", officer.to_str().unwrap(), "revoke", "-"];
    run(env!("CARGO_BIN_EXE_capvote-client"), &arguments, link.as_bytes())
}

/// Runs the client with the returning officer's link.
pub(crate) fn officer(data: &Path, arguments: &[&str]) -> Ran {
    client(data.join("officer.link").to_str().unwrap(), arguments)
}

impl Ran {
    /// Checks the exit code, and that stderr has one line, which contains `why`.
    pub(crate) fn failed(&self, code: i32, why: &str) {
        let Self { code: found, stdout, stderr } = self;
        assert_eq!(*found, Some(code), "{stderr}");
        assert!(stderr.contains(why), "{stderr:?} does not contain {why:?}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert_eq!(stdout, "");
    }

    /// Checks that the program succeeded with nothing on stderr, and returns its output.
    pub(crate) fn done(&self) -> &str {
        assert_eq!((self.code, &self.stderr[..]), (Some(0), ""));
        &self.stdout
    }
}
