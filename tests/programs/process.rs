//! Running the programs.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use capvote::election::VoterNumber;

/// How long a program may take to do what it has to. Reached only when it does not do it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that listens. It is killed when this is dropped.
pub(crate) struct Server {
    pub(crate) link: String,
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Server {
    /// Starts a server on a free port of this machine, and waits until it listens.
    pub(crate) fn start(data: &Path, arguments: &[&str]) -> Self {
        Self::listen("capvote://127.0.0.1:0", data, arguments)
    }

    pub(crate) fn listen(link: &str, data: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_capvote-server"));
        command.args(["--listen", link, "--log", "error"]);
        Self::spawn(command, data, arguments)
    }

    /// Starts a server that logs all it can to a file.
    pub(crate) fn logging(log: &Path, data: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_capvote-server"));
        command.args(["--listen", "capvote://127.0.0.1:0", "--log", "trace"]);
        command.stderr(std::fs::File::create(log).unwrap());
        Self::spawn(command, data, arguments)
    }

    /// Starts a server whose log goes to a pipe that nobody reads any more.
    pub(crate) fn unheard(data: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_capvote-server"));
        command.args(["--listen", "capvote://127.0.0.1:0", "--log", "debug"]);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        command.stderr(writer);
        Self::spawn(command, data, &[])
    }

    fn spawn(mut command: Command, data: &Path, arguments: &[&str]) -> Self {
        command.args(["--threads", "2", "--data"]).arg(data).args(arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut server = Self { link: String::new(), child, stdout };
        server.link = server.next_link();
        server
    }

    /// The link in the next line that the server prints.
    pub(crate) fn next_link(&mut self) -> String {
        self.next("listening on ")
    }

    /// What comes after `beginning` in the next line that the server prints.
    pub(crate) fn next(&mut self, beginning: &str) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.strip_prefix(beginning).unwrap_or_else(|| panic!("{line:?}")).trim_end().to_string()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
    }

    /// SIGKILL: the server gets to do nothing more.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until the server has ended. Returns its exit code and what more it printed.
    pub(crate) fn wait(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (wait(&mut self.child).code(), rest)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait(child: &mut Child) -> std::process::ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(started.elapsed() < PATIENCE, "a program does not end");
        std::thread::yield_now();
    }
}

/// Arguments for a running election of Ada against Grace.
pub(crate) const BOARD: [&str; 6] =
    ["--election", "board", "--candidate", "Ada", "--candidate", "Grace"];

/// Starts a server with the election "board".
pub(crate) fn board(data: &Path, voters: u32) -> Server {
    Server::start(data, &[&BOARD[..], &["--voters", &voters.to_string()]].concat())
}

/// The numbers that a server issued for "board".
pub(crate) fn numbers(data: &Path) -> Vec<VoterNumber> {
    let file = std::fs::read_to_string(data.join("board.numbers.csv")).unwrap();
    let (heading, numbers) = file.split_once('\n').unwrap();
    assert_eq!(heading, "voter_number");
    numbers.lines().map(|line| line.parse().unwrap()).collect()
}

/// What a program did that ran to its end.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a program to its end, without any of this process's settings for it.
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
    // A program that does not read its input to the end may close it.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Ran {
        code: status.code(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

impl Ran {
    /// Checks that the program ended with `code` and one line on stderr that says `why`.
    pub(crate) fn failed(&self, code: i32, why: &str) {
        let Self { code: found, stdout, stderr } = self;
        assert_eq!(*found, Some(code), "{stderr}");
        assert!(stderr.contains(why), "{stderr:?} does not say {why:?}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert_eq!(stdout, "");
    }

    /// Checks that the program did what it was asked, without a word on stderr, and returns what it
    /// printed.
    pub(crate) fn done(&self) -> &str {
        assert_eq!((self.code, &self.stderr[..]), (Some(0), ""));
        &self.stdout
    }
}
