//! One run of one system: starts its server and client, and measures both processes.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::jobs::Job;
use crate::path;
use crate::processes::{peak_mib, processor_seconds, server_mib};
use crate::systems::{Amount, System};

/// Poll interval for the memory and the exit of a process.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// The result of one run.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Run {
    /// Votes or lines a second.
    pub rate: f64,
    /// Processor time of the server, with its database if it has one, per vote or line, in
    /// microseconds, with what connecting took; 0 without a server.
    pub server_micros: f64,
    /// See [`server_mib`].
    pub server_mib: f64,
    /// Peak memory of the client, in MiB.
    pub client_mib: f64,
}

#[derive(Deserialize)]
struct Measured {
    count: u64,
    seconds: f64,
}

/// A server process, terminated on drop.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // SIGTERM first: a shell script has to stop the programs it started.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        for _ in 0..200 {
            if let Ok(Some(_)) = self.0.try_wait() {
                return;
            }
            thread::sleep(POLL_INTERVAL);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a system once, with its files in the folder `scratch`.
pub fn run(system: &System, scratch: &Path, divisor: u64) -> anyhow::Result<Run> {
    let amount = match system.amount {
        Amount::Votes(votes) => (votes / divisor).max(1).to_string(),
        Amount::Megabytes(size) => file(scratch, (size / divisor).max(1))?.display().to_string(),
    };
    let folder = tempfile::tempdir_in(scratch)?;
    let (server, address) = match &system.server {
        None => (None, "-".to_string()),
        Some(command) => {
            let (server, address) = start(command, &amount, folder.path())?;
            (Some(server), address)
        }
    };
    let path = match system.job {
        Job::Far => Some(path::start(address.parse()?)?),
        _ => None,
    };
    let address = path.as_ref().map_or(address, |path| path.address.to_string());
    let server_id = server.as_ref().map(|server| server.0.id());
    let before = server_id.map_or(0.0, processor_seconds);
    let words = system.client.iter().map(|word| match &word[..] {
        "ADDRESS" => address.clone(),
        "AMOUNT" => amount.clone(),
        word => word.to_string(),
    });
    let words: Vec<_> = words.collect();
    let mut client = command(&words, folder.path()).spawn().context("cannot start the client")?;
    let (measured, client_mib) = watch(&mut client)?;
    let server_micros = server_id.map_or(0.0, processor_seconds) - before;
    Ok(Run {
        rate: measured.count as f64 / measured.seconds,
        server_micros: server_micros * 1e6 / measured.count as f64,
        server_mib: server_id.map_or(0.0, server_mib),
        client_mib,
    })
}

fn command(words: &[String], scratch: &Path) -> Command {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).env("SCRATCH", scratch).env_remove("RUST_BACKTRACE");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Starts a server and returns it with its address.
fn start(words: &[String], amount: &str, scratch: &Path) -> anyhow::Result<(Server, String)> {
    let words: Vec<_> = words.iter().map(|word| word.replace("AMOUNT", amount)).collect();
    let mut command = command(&words, scratch);
    let mut server =
        Server(command.stderr(Stdio::null()).spawn().context("cannot start the server")?);
    let mut line = String::new();
    let stdout = server.0.stdout.take().context("the server has no stdout")?;
    BufReader::new(stdout).read_line(&mut line)?;
    let address = line.trim().strip_prefix("ready ").context("the server did not become ready")?;
    Ok((server, address.to_string()))
}

/// Waits for a client. Returns its measurement and its peak memory in MiB.
fn watch(client: &mut Child) -> anyhow::Result<(Measured, f64)> {
    let (id, exited, peak) = (client.id(), AtomicBool::new(false), AtomicU64::new(0));
    let mut output = String::new();
    thread::scope(|scope| -> anyhow::Result<()> {
        scope.spawn(|| {
            while !exited.load(Ordering::Relaxed) {
                peak.fetch_max(peak_mib(id).to_bits(), Ordering::Relaxed);
                thread::sleep(POLL_INTERVAL);
            }
        });
        let read =
            client.stdout.take().context("the client has no stdout")?.read_to_string(&mut output);
        exited.store(true, Ordering::Relaxed);
        read?;
        Ok(())
    })?;
    let mut errors = String::new();
    if let Some(mut stderr) = client.stderr.take() {
        stderr.read_to_string(&mut errors)?;
    }
    let status = client.wait()?;
    let errors = errors.trim().lines().last().unwrap_or_default();
    ensure!(status.success(), "the client ended with {status}: {errors}");
    let measured: Measured = serde_json::from_str(output.trim())?;
    if measured.count == 0 || measured.seconds <= 0.0 {
        bail!("the client measured nothing");
    }
    Ok((measured, f64::from_bits(peak.into_inner())))
}

/// A text file of this many MB, with lines of 20 to 139 bytes and a newline.
fn file(scratch: &Path, megabytes: u64) -> anyhow::Result<PathBuf> {
    let path = scratch.join(format!("lines-{megabytes}.txt"));
    let bytes = megabytes * 1_000_000;
    if path.metadata().is_ok_and(|metadata| metadata.len() == bytes) {
        // Loads it into the page cache.
        std::io::copy(&mut fs::File::open(&path)?, &mut std::io::sink())?;
        return Ok(path);
    }
    let mut text = Vec::with_capacity(bytes as usize + 200);
    let mut state = 1_u64;
    while text.len() < bytes as usize {
        // Knuth's linear congruential generator: the same lines on every machine.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let length = 20 + (state >> 33) as usize % 120;
        text.extend(std::iter::repeat_n(b'a' + (state >> 40) as u8 % 26, length));
        text.push(b'\n');
    }
    text.truncate(bytes as usize);
    fs::write(&path, text)?;
    Ok(path)
}
