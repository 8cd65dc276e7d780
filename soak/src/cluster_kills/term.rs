//! One election at two servers, from its creation to its tally sheet.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use capvote::client::{ActOutcome, Administration, Ballot, RecordedVote, Results};
use capvote::election::{Definition, ElectionState, Publication, VoterNumber};
use capvote::net::link::Link;
use tempfile::TempDir;
use tokio::time::sleep;

use super::nodes::Nodes;
use super::voters::Voters;
use super::{Figures, KINDS, Killed};
use crate::officer::{administer, officer, officers_link};
use crate::server::{ANY_PORT, Server};
use crate::sheet::Lines;

/// Voter numbers of one election.
const NUMBERS: u32 = 60_000;

/// The longest random time of voting before a kill.
const VOTING_MILLIS_MAX: u64 = 400;

/// Votes that have to be recorded after a kill.
const VOTES_AFTER: usize = 200;

/// How long a server may be refused by its database.
const START_WAIT_MAX: Duration = Duration::from_secs(30);

/// How long both servers may take to say the same.
const AGREEMENT_WAIT_MAX: Duration = Duration::from_secs(30);

/// Two servers of one ledger.
pub(super) struct Running {
    program: PathBuf,
    folder: TempDir,
    address: String,
    servers: [Option<Server>; 2],
    links: [Link; 2],
    terms: usize,
}

impl Running {
    /// Starts both.
    pub(super) async fn start(program: &Path, nodes: &Nodes) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        capvote::private_file::write(&folder.path().join("secret"), |file| {
            std::io::Write::write_all(file, b"0123456789abcdef0123456789abcdef\n")
        })?;
        let none: Link = ANY_PORT.parse()?;
        let mut running = Self {
            program: program.to_owned(),
            folder,
            address: nodes.address(),
            servers: [None, None],
            links: [none.clone(), none],
            terms: 0,
        };
        for index in [0, 1] {
            running.run(index)?;
        }
        Ok(running)
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
        command.args(["--ledger", &self.address, "--threads", "1", "--ledger-secret"]);
        command.arg(secret).arg("--data").arg(self.data(index));
        command
    }

    fn kill(&mut self, index: usize) -> anyhow::Result<()> {
        self.servers[index].take().context("the server does not run")?.kill()
    }

    fn data(&self, index: usize) -> PathBuf {
        self.folder.path().join(format!("data-{index}"))
    }

    /// The returning officer's link, at one of the servers.
    fn officers_link(&self, index: usize) -> anyhow::Result<Link> {
        let token = officers_link(&self.data(0))?.token;
        Ok(Link { token, ..self.links[index].clone() })
    }

    /// The administration of an election, at one of the servers.
    async fn administer(&self, index: usize, election: &str) -> anyhow::Result<Administration> {
        administer(&self.officers_link(index)?, election).await
    }
}

/// An open election.
pub(super) struct Term<'a> {
    servers: &'a mut Running,
    nodes: &'a mut Nodes,
    id: String,
    unused: Rc<RefCell<Vec<VoterNumber>>>,
    recorded: Vec<(Ballot, RecordedVote)>,
    uncertain: Vec<Ballot>,
}

impl<'a> Term<'a> {
    /// Creates an election at the one server, and opens it at the other.
    pub(super) async fn begin(
        servers: &'a mut Running,
        nodes: &'a mut Nodes,
    ) -> anyhow::Result<Self> {
        servers.terms += 1;
        let id = format!("term-{}", servers.terms);
        let candidates = ["Ada", "Grace"].map(String::from).to_vec();
        let definition = Definition::new(id.parse()?, String::new(), candidates)?;
        let live = [Publication::Live, Publication::Sealed][servers.terms % 2];
        let officer = officer(&servers.officers_link(0)?).await?;
        let created = officer.create(&definition.with_publication(live)).await?;
        ensure!(created == ActOutcome::Done, "the creation was answered {created:?}");
        let mut unused = Vec::new();
        let registrar = servers.administer(0, &id).await?.registrar();
        let issued = registrar
            .issue(NUMBERS, |numbers| {
                unused.extend_from_slice(numbers);
                Ok(())
            })
            .await?;
        ensure!(issued == ActOutcome::Done, "the issue was answered {issued:?}");
        // Until two servers have the key, an election is not opened.
        let end = Instant::now() + AGREEMENT_WAIT_MAX;
        loop {
            match servers.administer(1, &id).await?.open().await? {
                ActOutcome::Done => break,
                other => ensure!(Instant::now() < end, "the opening was answered {other:?}"),
            }
            sleep(Duration::from_millis(100)).await;
        }
        let unused = Rc::new(RefCell::new(unused));
        let (recorded, uncertain) = (Vec::new(), Vec::new());
        Ok(Self { servers, nodes, id, unused, recorded, uncertain })
    }

    /// Kills something while voters vote, and lets them go on.
    pub(super) async fn round(
        &mut self,
        killed: Killed,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        let voters = Voters::start(&self.servers.links, &self.id, &self.unused).await?;
        voters.more(1).await;
        sleep(Duration::from_millis(fastrand::u64(..VOTING_MILLIS_MAX))).await;
        let gone = self.kill(killed).await?;
        voters.more(VOTES_AFTER).await;
        let answers = voters.finish().await?;
        if let Some(node) = gone {
            self.nodes.join(node).await?;
        }
        figures.acknowledged += answers.recorded.len();
        figures.uncertain += answers.uncertain.len();
        figures.twice += answers.twice;
        let index = KINDS.iter().position(|it| *it == killed).unwrap_or_default();
        figures.silences[index].push(answers.silence);
        self.recorded.extend(answers.recorded);
        self.uncertain.extend(answers.uncertain);
        Ok(())
    }

    /// Kills, and starts again. Returns a node that is no part of the cluster any more.
    async fn kill(&mut self, killed: Killed) -> anyhow::Result<Option<usize>> {
        let nodes = &mut *self.nodes;
        match killed {
            Killed::Server => {
                let index = fastrand::usize(..2);
                self.servers.kill(index)?;
                self.servers.run(index)?;
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
                sleep(Duration::from_millis(fastrand::u64(..VOTING_MILLIS_MAX))).await;
                nodes.run(standby)?;
                nodes.answers(standby).await?;
            }
            Killed::All => {
                for node in 0..3 {
                    nodes.kill(node)?;
                }
                for index in [0, 1] {
                    self.servers.kill(index)?;
                }
                for node in 0..3 {
                    nodes.run(node)?;
                }
                for node in 0..3 {
                    nodes.answers(node).await?;
                }
                for index in [0, 1] {
                    self.servers.run(index)?;
                }
            }
        }
        Ok(None)
    }

    /// Closes the election at one server, and checks the sheet and both servers' results.
    pub(super) async fn close(self, figures: &mut Figures) -> anyhow::Result<()> {
        let index = fastrand::usize(..2);
        let closed = self.servers.administer(index, &self.id).await?.close().await?;
        ensure!(closed == ActOutcome::Done, "the close was answered {closed:?}");
        let [one, other] = [self.results(index).await?, self.results(1 - index).await?];
        ensure!(one == other, "the servers' results are {one:?} and {other:?}");
        let auditor = self.servers.administer(1 - index, &self.id).await?.auditor();
        auditor.check_ledger().await?;
        let mut lines = Lines::of(&auditor).await?;
        let count = lines.count();
        ensure!(one.ballots as usize == count, "{} ballots, {count} lines", one.ballots);
        let struck = self.recorded.iter().filter(|(_, vote)| lines.strike(vote)).count();
        figures.lost += self.recorded.len() - struck;
        // What is left is of votes of which it was not known.
        let left = lines.count();
        figures.uncertain_counted += left.min(self.uncertain.len());
        figures.twice += left.saturating_sub(self.uncertain.len());
        Ok(())
    }

    /// The final results, once a server has them.
    async fn results(&self, index: usize) -> anyhow::Result<Results> {
        let end = Instant::now() + AGREEMENT_WAIT_MAX;
        loop {
            let election = self.servers.administer(index, &self.id).await?.election();
            if election.info().await?.state == Some(ElectionState::Closed) {
                return Ok(election.results().await?);
            }
            ensure!(Instant::now() < end, "a server does not know of the close");
            sleep(Duration::from_millis(50)).await;
        }
    }
}
