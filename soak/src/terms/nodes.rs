//! A PostgreSQL primary with two standbys, one of which every commit waits for, and their failover
//! manager.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tokio::time::sleep;

use crate::postgres::{self, command, free_ports};

/// How long a node may take to answer after it was started.
const START_WAIT_MAX: Duration = Duration::from_secs(60);

/// The pause between two questions whether it does.
const POLL_PAUSE: Duration = Duration::from_millis(10);

/// The nodes, which are also the names of the standbys.
const NAMES: [&str; 3] = ["a", "b", "c"];

/// What all nodes have in their settings. The last of several lines counts. By default, a standby
/// whose primary was restarted waits 5 s before it connects again, and every commit with it.
const SETTINGS: &str = "listen_addresses = '127.0.0.1'
synchronous_standby_names = 'ANY 1 (a, b, c)'
shared_buffers = 64MB
max_connections = 100
wal_retrieve_retry_interval = '100ms'
wal_keep_size = 1GB
";

/// The nodes. Dropping them ends their processes and removes their files.
pub(super) struct Nodes {
    programs: PathBuf,
    folder: PathBuf,
    logs: PathBuf,
    ports: [u16; 3],
    processes: [Option<Child>; 3],
    primary: usize,
}

impl Nodes {
    /// Starts a primary and two standbys with the programs in this folder.
    pub(super) async fn start(programs: &Path) -> anyhow::Result<Self> {
        let made = command("mktemp").args(["-d", "/tmp/capvote-cluster-XXXXXX"]).output()?;
        ensure!(made.status.success(), "{made:?}");
        let folder = PathBuf::from(String::from_utf8(made.stdout)?.trim());
        let ports = free_ports()?;
        let (programs, processes) = (programs.to_owned(), [None, None, None]);
        let logs = tempfile::tempdir()?.keep();
        println!("the nodes log to {}", logs.display());
        let mut nodes = Self { programs, folder, logs, ports, processes, primary: 0 };
        nodes.done("initdb", &["-D", "a", "-U", "postgres", "-A", "trust", "-N", "-k"])?;
        let folder = nodes.folder.display().to_string();
        let sockets = format!("unix_socket_directories = '{folder}'\n");
        nodes.set(0, &(SETTINGS.to_string() + &sockets + &nodes.place(0)))?;
        nodes.run(0)?;
        nodes.answers(0).await?;
        for node in [1, 2] {
            nodes.join(node).await?;
        }
        nodes.ask("CREATE DATABASE capvote").await?;
        Ok(nodes)
    }

    /// The address of the database, at all nodes.
    pub(super) fn address(&self) -> String {
        let hosts = self.ports.map(|port| format!("127.0.0.1:{port}")).join(",");
        format!("postgres://postgres@{hosts}/capvote")
    }

    pub(super) fn primary(&self) -> usize {
        self.primary
    }

    /// The nodes that are standbys.
    pub(super) fn standbys(&self) -> [usize; 2] {
        [(self.primary + 1) % 3, (self.primary + 2) % 3]
    }

    /// Kills a node with SIGKILL.
    pub(super) fn kill(&mut self, node: usize) -> anyhow::Result<()> {
        let mut process = self.processes[node].take().context("the node does not run")?;
        process.kill()?;
        process.wait()?;
        Ok(())
    }

    /// Starts a node with what it has.
    pub(super) fn run(&mut self, node: usize) -> anyhow::Result<()> {
        let log = self.logs.join(NAMES[node]);
        let log = OpenOptions::new().create(true).append(true).open(log)?;
        let mut postgres = self.program("postgres");
        postgres.args(["-D", NAMES[node]]).stdout(Stdio::null()).stderr(log);
        self.processes[node] = Some(postgres.spawn()?);
        Ok(())
    }

    /// Waits until a node answers. One that ends meanwhile is started again: after a kill, its
    /// predecessor's processes may still hold its memory.
    pub(super) async fn answers(&mut self, node: usize) -> anyhow::Result<()> {
        let end = Instant::now() + START_WAIT_MAX;
        while self.ask_at(node, "SELECT 1").await.is_err() {
            ensure!(Instant::now() < end, "node {} does not answer", NAMES[node]);
            if let Some(process) = &mut self.processes[node]
                && process.try_wait()?.is_some()
            {
                self.run(node)?;
            }
            sleep(POLL_PAUSE).await;
        }
        Ok(())
    }

    /// Makes the standby with the longer log the primary of the other, and returns the old one.
    pub(super) async fn fail_over(&mut self) -> anyhow::Result<usize> {
        let (old, [one, other]) = (self.primary, self.standbys());
        let received = "SELECT pg_wal_lsn_diff(pg_last_wal_receive_lsn(), '0/0')::text";
        let has_more =
            self.number_at(one, received).await? >= self.number_at(other, received).await?;
        let (next, standby) = if has_more { (one, other) } else { (other, one) };
        self.ask_at(next, "SELECT pg_promote()").await?;
        self.primary = next;
        self.set(standby, &self.source(standby))?;
        self.ask_at(standby, "SELECT pg_reload_conf()").await?;
        Ok(old)
    }

    /// Makes a node that does not run a new standby.
    pub(super) async fn join(&mut self, node: usize) -> anyhow::Result<()> {
        let (name, port) = (NAMES[node], self.ports[self.primary].to_string());
        ensure!(command("rm").arg("-rf").arg(self.folder.join(name)).status()?.success());
        let from = ["-h", "127.0.0.1", "-p", &port, "-U", "postgres"];
        let how = ["-D", name, "-X", "stream", "--checkpoint=fast", "-N"];
        self.done("pg_basebackup", &[&from[..], &how[..]].concat())?;
        self.set(node, &(self.place(node) + &self.source(node)))?;
        let signal = self.folder.join(name).join("standby.signal");
        ensure!(command("touch").arg(signal).status()?.success());
        self.run(node)?;
        self.answers(node).await
    }

    /// Asks the primary.
    pub(super) async fn ask(&self, sql: &str) -> anyhow::Result<Vec<String>> {
        self.ask_at(self.primary, sql).await
    }

    async fn number_at(&self, node: usize, sql: &str) -> anyhow::Result<u64> {
        Ok(self.ask_at(node, sql).await?.first().context("there is no row")?.parse()?)
    }

    async fn ask_at(&self, node: usize, sql: &str) -> anyhow::Result<Vec<String>> {
        let address = format!("postgres://postgres@127.0.0.1:{}/postgres", self.ports[node]);
        Ok(postgres::ask(&address, sql).await?)
    }

    /// The line with a node's port.
    fn place(&self, node: usize) -> String {
        format!("port = {}\n", self.ports[node])
    }

    /// The line with the node that a standby follows.
    fn source(&self, node: usize) -> String {
        let (port, name) = (self.ports[self.primary], NAMES[node]);
        format!(
            "primary_conninfo = 'host=127.0.0.1 port={port} user=postgres application_name={name}'\n"
        )
    }

    /// Adds lines to the settings of a node.
    fn set(&self, node: usize, lines: &str) -> anyhow::Result<()> {
        let file = format!("{}/postgresql.conf", NAMES[node]);
        let mut shell = command("sh");
        shell.current_dir(&self.folder).args(["-c", "cat >>\"$1\"", "sh", &file]);
        let mut writing = shell.stdin(Stdio::piped()).spawn()?;
        writing.stdin.take().context("no standard input")?.write_all(lines.as_bytes())?;
        ensure!(writing.wait()?.success(), "the settings cannot be written");
        Ok(())
    }

    fn program(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        let mut command = command(&path.display().to_string());
        command.current_dir(&self.folder);
        command
    }

    /// Runs a program to its end.
    fn done(&self, name: &str, arguments: &[&str]) -> anyhow::Result<()> {
        let output = self.program(name).args(arguments).output()?;
        if !output.status.success() {
            bail!("{name}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for node in 0..NAMES.len() {
            let _ = self.kill(node);
        }
        let _ = command("rm").arg("-rf").arg(&self.folder).status();
    }
}

/// Where PostgreSQL's programs are.
pub(super) fn programs(asked: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let folders = asked.map_or_else(postgres::folders, |folder| vec![folder]);
    postgres::programs(&folders)
        .context("PostgreSQL 15 or later is not installed; --postgres names its programs' folder")
}
