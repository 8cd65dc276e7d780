//! The process of the hostile clients.

use std::env;
use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, ensure};
use clap::ValueEnum;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::crowd::Kind;

/// A process of hostile clients, killed on drop.
pub(super) struct Hostile {
    process: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Hostile {
    /// Starts the process against the server with this link, and waits until it attacks. It gets
    /// `line` on stdin.
    pub(super) fn start(
        link: &str,
        seconds: u64,
        kinds: &[Kind],
        line: &str,
    ) -> anyhow::Result<Self> {
        let address = link.strip_prefix("capvote://").context("not a TCP link")?;
        let mut command = Command::new(env::current_exe()?);
        command.args(["hostile-crowd", address, &seconds.to_string()]);
        for kind in kinds {
            let name = kind.to_possible_value().context("a kind without a name")?;
            command.args(["--only", name.get_name()]);
        }
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdout = process.stdout.take().context("the hostile process has no stdout")?;
        let stdin = process.stdin.take();
        let mut hostile = Self { process, stdin, stdout: BufReader::new(stdout) };
        let stdin = hostile.stdin.as_mut().context("the hostile process has no stdin")?;
        writeln!(stdin, "{line}")?;
        ensure!(hostile.line()? == "ready", "the hostile clients did not connect");
        Ok(hostile)
    }

    /// Ends the attack and returns what was done.
    pub(super) fn stop<T: DeserializeOwned>(mut self) -> anyhow::Result<T> {
        self.stdin = None;
        Ok(serde_json::from_str(&self.line()?)?)
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        Ok(line.trim().to_string())
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// In the process: the line that [`Hostile::start`] gave it.
pub(super) fn given() -> anyhow::Result<String> {
    let mut line = String::new();
    stdin().read_line(&mut line)?;
    Ok(line.trim().to_string())
}

/// In the process: says that it attacks, and returns when it has to end.
pub(super) async fn ready() -> anyhow::Result<()> {
    print_line("ready")?;
    tokio::task::spawn_blocking(|| stdin().read_line(&mut String::new())).await??;
    Ok(())
}

/// In the process: says what was done.
pub(super) fn done(what: &impl Serialize) -> anyhow::Result<()> {
    print_line(&serde_json::to_string(what)?)
}

fn print_line(line: &str) -> anyhow::Result<()> {
    let mut stdout = stdout();
    Ok(writeln!(stdout, "{line}").and_then(|()| stdout.flush())?)
}
