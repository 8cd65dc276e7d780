//! Two servers of one ledger, and the nodes of its database.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use capvote::net::link::Link;
use tempfile::TempDir;
use tokio::time::sleep;

use super::Cluster;
use super::nodes::{Nodes, programs};
use crate::officer::officers_link;
use crate::server::{ANY_PORT, Server, program};

/// How long a server may be refused by its database.
const START_WAIT_MAX: Duration = Duration::from_secs(30);

/// The longest random time that a standby is away.
const AWAY_MILLIS_MAX: u64 = 400;

/// What two servers and their database are started with.
#[derive(clap::Args, Debug)]
pub struct Programs {
    /// The server program. [default: capvote-server beside this program]
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// The folder with PostgreSQL's programs. [default: where Debian has them]
    #[arg(long, value_name = "FOLDER")]
    postgres: Option<PathBuf>,
}

impl Programs {
    /// Starts the nodes, and both servers.
    ///
    /// # Errors
    /// If a program is not there, or something does not start.
    pub async fn start(&self) -> anyhow::Result<Running> {
        let program = program(self.server.clone())?;
        let nodes = Nodes::start(&programs(self.postgres.clone())?).await?;
        Running::start(&program, nodes)
    }
}

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Killed {
    /// A server, which is started again.
    Server,
    /// The primary, which is started again.
    Primary,
    /// The primary, and a standby is promoted.
    Promotion,
    /// A standby, which is started again.
    Standby,
    /// Both servers and all nodes, which are started again.
    All,
}

/// The servers and the nodes.
pub struct Running {
    program: PathBuf,
    folder: TempDir,
    nodes: Nodes,
    servers: [Option<Server>; 2],
    links: [Link; 2],
}

impl Running {
    /// Starts both servers.
    fn start(program: &Path, nodes: Nodes) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        capvote::private_file::write(&folder.path().join("secret"), |file| {
            std::io::Write::write_all(file, b"0123456789abcdef0123456789abcdef\n")
        })?;
        let none: Link = ANY_PORT.parse()?;
        let (program, links) = (program.to_owned(), [none.clone(), none]);
        let mut running = Self { program, folder, nodes, servers: [None, None], links };
        for index in [0, 1] {
            running.run(index)?;
        }
        Ok(running)
    }

    /// The processes of the servers that run.
    pub fn processes(&self) -> Vec<u32> {
        self.servers.iter().flatten().map(Server::id).collect()
    }

    /// Starts a server, where it listened before.
    fn run(&mut self, index: usize) -> anyhow::Result<()> {
        // It is refused until a standby is connected, and its operator's system starts it again.
        let end = Instant::now() + START_WAIT_MAX;
        let server = loop {
            match Server::spawn(self.command(index)) {
                Ok(server) => break server,
                Err(error) => ensure!(Instant::now() < end, "a server does not start: {error}"),
            }
        };
        self.links[index] = server.address()?;
        self.servers[index] = Some(server);
        Ok(())
    }

    fn command(&self, index: usize) -> Command {
        let mut command = Command::new(&self.program);
        let secret = self.folder.path().join("secret");
        command.args(["--log", "error", "--listen", &self.links[index].to_string()]);
        command.args(["--ledger", &self.nodes.address(), "--threads", "1", "--ledger-secret"]);
        command.arg(secret).arg("--data").arg(self.data(index));
        command
    }

    fn end(&mut self, index: usize) -> anyhow::Result<()> {
        self.servers[index].take().context("the server does not run")?.kill()
    }

    fn data(&self, index: usize) -> PathBuf {
        self.folder.path().join(format!("data-{index}"))
    }

    /// Kills, and starts again. Returns a node that is no part of the cluster any more.
    ///
    /// # Errors
    /// If something cannot be killed, or does not start.
    pub async fn kill(&mut self, killed: Killed) -> anyhow::Result<Option<usize>> {
        let nodes = &mut self.nodes;
        match killed {
            Killed::Server => {
                let index = fastrand::usize(..2);
                self.end(index)?;
                self.run(index)?;
            }
            Killed::Primary => {
                nodes.kill(nodes.primary())?;
                nodes.run(nodes.primary())?;
                nodes.answers(nodes.primary()).await?;
            }
            Killed::Promotion => {
                nodes.kill(nodes.primary())?;
                return Ok(Some(nodes.fail_over().await?));
            }
            Killed::Standby => {
                let standby = nodes.standbys()[fastrand::usize(..2)];
                nodes.kill(standby)?;
                sleep(Duration::from_millis(fastrand::u64(..AWAY_MILLIS_MAX))).await;
                nodes.run(standby)?;
                nodes.answers(standby).await?;
            }
            Killed::All => {
                for node in 0..3 {
                    nodes.kill(node)?;
                }
                for index in [0, 1] {
                    self.end(index)?;
                }
                for node in 0..3 {
                    self.nodes.run(node)?;
                }
                for node in 0..3 {
                    self.nodes.answers(node).await?;
                }
                for index in [0, 1] {
                    self.run(index)?;
                }
            }
        }
        Ok(None)
    }

    /// Makes a node a standby again.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn join(&mut self, node: usize) -> anyhow::Result<()> {
        self.nodes.join(node).await
    }
}

impl Cluster for Running {
    fn links(&self) -> Vec<Link> {
        self.links.to_vec()
    }

    fn officers_links(&self) -> anyhow::Result<Vec<Link>> {
        let token = officers_link(&self.data(0))?.token;
        let with_token = |link: &Link| Link { token: token.clone(), ..link.clone() };
        Ok(self.links.iter().map(with_token).collect())
    }
}
