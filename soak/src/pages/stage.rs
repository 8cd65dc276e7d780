//! A server on loopback with an open election, which the pages show.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, ensure};
use capvote::client::{
    ActOutcome, Administration, Ballot, Client, CountedBallot, ReturningOfficer, VoteOutcome,
};
use capvote::election::{Definition, Publication, VoterNumber};
use capvote::net::link::Link;
use tempfile::TempDir;

use crate::server::Server;

/// A link for pages with any free port.
const ANY_PORT: &str = "http://127.0.0.1:0";

/// The election, whose count is public while people vote, in batches.
const ELECTION: &str = "chair";
const TITLE: &str = "Chair of the club";
pub(super) const NAMES: [&str; 4] =
    ["Ada Lovelace", "Grace Hopper", "Edsger Dijkstra", "Barbara Liskov"];

/// The election and its voters. The server ends when this is dropped.
pub(super) struct Stage {
    /// The numbers that have not voted yet.
    pub(super) numbers: Vec<VoterNumber>,
    /// The address of the officer's page, with the token.
    pub(super) officers_page: String,
    client: Client,
    administration: Administration,
    server: Server,
    program: PathBuf,
    data: TempDir,
}

impl Stage {
    /// Starts the server, and opens an election for so many voters.
    pub(super) async fn set(program: &Path, voters: u32) -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let server = Server::start(program, ANY_PORT, data.path(), &[])?;
        let officers_page = fs::read_to_string(data.path().join("officer.link"))?;
        let (client, officer) = connect(&officers_page).await?;
        let names = NAMES.map(String::from).to_vec();
        let definition = Definition::new(ELECTION.parse()?, TITLE.into(), names)?
            .with_blank(true)
            .with_publication(Publication::Live);
        done(officer.create(&definition).await?)?;
        let administration = officer.administer(ELECTION);
        let mut numbers = Vec::new();
        let keep = |more: &[VoterNumber]| {
            numbers.extend_from_slice(more);
            Ok(())
        };
        done(administration.registrar().issue(voters, keep).await?)?;
        done(administration.open().await?)?;
        let program = program.to_owned();
        Ok(Self { numbers, officers_page, client, administration, server, program, data })
    }

    /// Kills the server with SIGKILL, and starts it again at the same port.
    pub(super) async fn restart(&mut self) -> anyhow::Result<()> {
        self.server.kill()?;
        self.server = Server::start(&self.program, &self.server.link, self.data.path(), &[])?;
        let (client, officer) = connect(&self.officers_page).await?;
        self.administration = officer.administer(ELECTION);
        self.client = client;
        Ok(())
    }

    /// The address of the voter's page, with a number that has not voted.
    pub(super) fn voters_page(&mut self) -> anyhow::Result<String> {
        let number = self.numbers.pop().context("all have voted")?;
        Ok(format!("{}/{ELECTION}#{number}", self.server.link))
    }

    /// The address of the observer's page.
    pub(super) fn board(&self) -> String {
        format!("{}/{ELECTION}/watch", self.server.link)
    }

    /// So many voters vote for each of the names, in turns.
    pub(super) async fn vote(&mut self, mut votes: [usize; NAMES.len()]) -> anyhow::Result<()> {
        let election = self.client.election(ELECTION);
        while votes.iter().any(|left| *left > 0) {
            for (name, left) in NAMES.iter().zip(&mut votes).filter(|(_, left)| **left > 0) {
                *left -= 1;
                let number = self.numbers.pop().context("all have voted")?;
                let outcome = election.vote(&Ballot::new(*name, number)?, |_| {}).await?;
                ensure!(matches!(outcome, VoteOutcome::Recorded(_)), "answered {outcome:?}");
            }
        }
        Ok(())
    }

    /// Ends the voting.
    pub(super) async fn close(&self) -> anyhow::Result<()> {
        done(self.administration.close().await?)
    }

    /// The receipts on the tally sheet.
    pub(super) async fn receipts(&self) -> anyhow::Result<Vec<String>> {
        let receipts = Rc::new(RefCell::new(Vec::new()));
        let taken = receipts.clone();
        let take = move |ballot: CountedBallot| taken.borrow_mut().push(ballot.receipt);
        done(self.administration.auditor().tally_sheet(take).await?)?;
        Ok(receipts.take())
    }
}

/// Connects with the officer's link.
async fn connect(officers_link: &str) -> anyhow::Result<(Client, ReturningOfficer)> {
    let link: Link = officers_link.trim().parse()?;
    let token = link.token.as_deref().context("the officer's link has no token")?;
    let client = Client::connect(&link).await?;
    let officer = client.restore(token).returning_officer();
    Ok((client, officer))
}

fn done(outcome: ActOutcome) -> anyhow::Result<()> {
    ensure!(outcome == ActOutcome::Done, "answered {outcome:?}");
    Ok(())
}
