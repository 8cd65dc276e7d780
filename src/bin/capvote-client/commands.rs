//! Carries out the command: connects to the server if the command needs it, and prints the answer.

use capvote::client::{self, Client, Election};
use capvote::election::{ResultStatus, printable};
use capvote::net::link::Link;

use crate::arguments::{self, Arguments, Command, SheetCommand, VoterCommand};
use crate::count_lines;
use crate::failure::Failure;
use crate::officer;
use crate::sheet;
use crate::show;
use crate::suggest::did_you_mean;
use crate::vote;
use crate::watch;

/// The server and the election that a command is about.
pub(crate) struct Target {
    pub(crate) link: Link,
    /// The election's id, or empty for the only one there is.
    pub(crate) id: String,
    pub(crate) json: bool,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let json = arguments.json;
    match &arguments.command {
        Command::Extra(extra) => Ok(extra.run::<Arguments>(crate::PROGRAM)?),
        Command::Sheet(SheetCommand::Verify { receipt, sheet }) => {
            sheet::verify(receipt, sheet, json)
        }
        Command::Sheet(SheetCommand::Recount { sheet }) => sheet::recount(sheet, json),
        Command::Voter(command) => {
            Target::new(&arguments)?.ask(async |it| voter(command, it).await).await
        }
        Command::Officer(command) => {
            Target::new(&arguments)?.ask(async |it| officer::run(command, it).await).await
        }
        Command::Revoke { revoked } => {
            let target = Target::new(&arguments)?;
            let revoked = arguments::link(revoked)?;
            target.ask(async |it| officer::revoke(&revoked, it).await).await
        }
        Command::CountLines { file, quiet } => {
            let target = Target::new(&arguments)?;
            target.ask(async |it| count_lines::run(file, *quiet, it).await).await
        }
    }
}

async fn voter(command: &VoterCommand, target: &Target) -> Result<(), Failure> {
    match command {
        VoterCommand::Vote(vote) => vote::run(vote, target).await,
        VoterCommand::Watch => watch::run(target).await,
        VoterCommand::Elections => {
            show::elections(&target.connect().await?.elections().await?, target.json)
        }
        VoterCommand::Info => show::info(&target.election().await?.info().await?, target.json),
        VoterCommand::Result { candidate: None } => {
            show::results(&target.election().await?.results().await?, target.json)
        }
        VoterCommand::Result { candidate: Some(candidate) } => result(candidate, target).await,
    }
}

async fn result(candidate: &str, target: &Target) -> Result<(), Failure> {
    let election = target.election().await?;
    let (votes, status) = election.result(candidate).await?;
    if status == Some(ResultStatus::UnknownCandidate) {
        let slate = election.info().await?.candidates;
        let meant = did_you_mean("; d", candidate, slate.iter().map(String::as_str));
        let slate: Vec<_> = slate.iter().map(|name| printable(name)).collect();
        return Err(Failure::Refused(format!(
            "there is no candidate {candidate:?}; the candidates are {}{meant}",
            slate.join(", ")
        )));
    }
    show::result(candidate, votes, status, target.json)
}

impl Target {
    fn new(arguments: &Arguments) -> Result<Self, Failure> {
        let link = arguments.link()?;
        let in_link = link.election.as_ref().map(|id| id.as_str());
        let given = arguments.election.as_deref();
        if let (Some(given), Some(in_link), Some(_)) = (given, in_link, &link.token)
            && given != in_link
        {
            return Err(other_election(given, in_link));
        }
        let id = given.or(in_link).unwrap_or_default().to_string();
        Ok(Self { link, id, json: arguments.json })
    }

    pub(crate) async fn connect(&self) -> Result<Client, client::Error> {
        Client::connect(&self.link).await
    }

    pub(crate) async fn election(&self) -> Result<Election, client::Error> {
        Ok(self.connect().await?.election(&self.id))
    }

    /// Runs a command. If there is no such election, its error gets the election that may be meant.
    async fn ask(
        &self,
        command: impl AsyncFnOnce(&Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        match command(self).await {
            Err(Failure::Remote(why)) => Err(Failure::Remote(why + &self.meant_election().await)),
            done => done,
        }
    }

    async fn meant_election(&self) -> String {
        let elections = match self.connect().await {
            Ok(client) => client.elections().await.unwrap_or_default(),
            Err(_) => return String::new(),
        };
        if elections.iter().any(|election| election.id == self.id) {
            return String::new();
        }
        did_you_mean("; d", &self.id, elections.iter().map(|election| election.id.as_str()))
    }
}

/// Why an officer's link cannot be used for the election `given`.
pub(crate) fn other_election(given: &str, in_link: &str) -> Failure {
    Failure::Usage(format!("--election {given}: the link is for election {in_link}"))
}
