//! The server program as a child process.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use capvote::election::VoterNumber;
use capvote::net::link::Link;

/// How long the program may take to exit.
const EXIT_WAIT_MAX: Duration = Duration::from_secs(30);

/// Poll interval while waiting for the program to exit.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// A loopback link with any free port.
pub const ANY_PORT: &str = "capvote://127.0.0.1:0";

/// Arguments for an open election with the candidates Ada and Grace.
pub const BOARD: [&str; 6] = ["--election", "board", "--candidate", "Ada", "--candidate", "Grace"];

/// A listening server, killed on drop.
#[derive(Debug)]
pub struct Server {
    /// The link of its first listener.
    pub link: String,
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Server {
    /// Starts a server with the ledger in `data` and waits until it listens. It logs errors only.
    pub fn start(
        program: &Path,
        link: &str,
        data: &Path,
        arguments: &[&str],
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(program);
        command.args(["--log", "error", "--listen", link, "--data"]).arg(data).args(arguments);
        Self::spawn(command)
    }

    /// Starts a server in an empty folder, with the election "board" for this many voters.
    pub fn found(program: &Path, data: &Path, voters: u32) -> anyhow::Result<Self> {
        let voters = voters.to_string();
        Self::start(program, ANY_PORT, data, &[&BOARD[..], &["--voters", &voters]].concat())
    }

    /// Starts a server with this command line and waits until it listens.
    pub fn spawn(mut command: Command) -> anyhow::Result<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().context("the server has no stdout")?;
        let mut server = Self { link: String::new(), child, stdout: BufReader::new(stdout) };
        server.link = server.next("listening on ")?;
        Ok(server)
    }

    /// The rest of the next line that the server prints, which must start with `beginning`.
    pub fn next(&mut self, beginning: &str) -> anyhow::Result<String> {
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        let rest = line.trim_end().strip_prefix(beginning);
        Ok(rest.with_context(|| format!("the server printed {line:?}"))?.to_string())
    }

    /// The link of its first listener, parsed.
    pub fn address(&self) -> anyhow::Result<Link> {
        Ok(self.link.parse()?)
    }

    /// The process ID.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory of the process, current and peak, in MiB.
    pub fn memory_mib(&self) -> anyhow::Result<(f64, f64)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let mib = |field| {
            let (_, rest) = status.split_once(field)?;
            Some(rest.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
        };
        mib("VmRSS:").zip(mib("VmHWM:")).context("/proc does not give the server's memory")
    }

    /// How long the threads of the process ran, and how long they were runnable but waited for a
    /// processor, in seconds.
    pub fn processor_seconds(&self) -> anyhow::Result<(f64, f64)> {
        let (mut ran, mut waited) = (0.0, 0.0);
        for thread in fs::read_dir(format!("/proc/{}/task", self.id()))? {
            let times = fs::read_to_string(thread?.path().join("schedstat"))?;
            let times: Vec<f64> =
                times.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
            let [thread_ran, thread_waited, _] = times[..] else {
                bail!("unexpected schedstat: {times:?}")
            };
            ran += thread_ran / 1e9;
            waited += thread_waited / 1e9;
        }
        Ok((ran, waited))
    }

    /// Kills the server with SIGKILL.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Waits until the server exits. Returns its exit code and the rest of its output.
    pub fn wait(mut self) -> anyhow::Result<(Option<i32>, String)> {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest)?;
        Ok((wait(&mut self.child)?.code(), rest))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait(child: &mut Child) -> anyhow::Result<ExitStatus> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        ensure!(started.elapsed() < EXIT_WAIT_MAX, "the server did not exit");
        thread::sleep(POLL_INTERVAL);
    }
}

/// The voter numbers that a server issued for [`BOARD`].
pub fn numbers(data: &Path) -> anyhow::Result<Vec<VoterNumber>> {
    let file = fs::read_to_string(data.join("board.numbers.csv"))?;
    let numbers = file.strip_prefix("voter_number\n").context("the numbers have no heading")?;
    Ok(numbers.lines().map(str::parse).collect::<Result<_, _>>()?)
}

/// The server program: the one asked for, or the one beside this program.
pub fn program(asked: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let program = match asked {
        Some(program) => program,
        None => env::current_exe()?.with_file_name("capvote-server"),
    };
    let missing = || {
        let program = program.display();
        format!("{program} is missing: build it with cargo build --release --bin capvote-server")
    };
    program.canonicalize().with_context(missing)
}
