//! A child process of the benchmark that is controlled by lines of text.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::Context;

/// This program with other arguments.
pub(super) fn command(arguments: &[&str]) -> anyhow::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.args(arguments);
    Ok(command)
}

/// A child process, killed on drop.
pub(super) struct Helper {
    process: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Helper {
    pub(super) fn start(mut command: Command) -> anyhow::Result<Self> {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdin = process.stdin.take().context("a helper has no stdin")?;
        let stdout = process.stdout.take().context("a helper has no stdout")?;
        Ok(Self { process, stdin, stdout: BufReader::new(stdout) })
    }

    /// The process ID.
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Writes a line to its stdin and returns the line that it answers.
    pub(super) fn ask(&mut self, line: &str) -> anyhow::Result<String> {
        writeln!(self.stdin, "{line}")?;
        self.line()
    }

    /// The next line that it prints.
    pub(super) fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        Ok(line.trim().to_string())
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
