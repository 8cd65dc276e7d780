//! The commands of those who run an election. Each needs a link with a token.

use std::io::{self, Write};

use capvote::client::{
    ActOutcome, Administration, Auditor, Client, Election, Error, Info, LedgerReport, Registrar,
    Restored,
};
use capvote::command_line::Exit;
use capvote::election::{Definition, Token, VoterNumber};
use capvote::net::link::Link;
use data_encoding::HEXLOWER;
use serde_json::json;

use crate::arguments::{Command, Delegate};
use crate::failure::{Failure, sentence};
use crate::roll::{self, People, RollFile};
use crate::sheet;
use crate::show;

/// Someone with a link that has a token.
pub(crate) struct Officer<'a> {
    restored: Restored,
    link: &'a Link,
    /// The election, as everyone may use it.
    election: Election,
    /// The election, or empty for the only one there is.
    id: &'a str,
    json: bool,
}

impl<'a> Officer<'a> {
    /// Takes up the authority in a link.
    pub(crate) fn new(
        client: &Client,
        link: &'a Link,
        id: &'a str,
        json: bool,
    ) -> Result<Self, Failure> {
        let token = link.token.as_deref().ok_or_else(|| {
            Failure::Usage(
                "a voter's link cannot do this: it takes the officer's link (officer.link in the server's folder), or one \
                 that was shared from it, with --link or CAPVOTE_LINK; nothing was changed"
                    .into(),
            )
        })?;
        let (restored, election) = (client.restore(token), client.election(id));
        Ok(Self { restored, link, election, id, json })
    }

    /// Does what a command of an officer's says.
    pub(crate) async fn run(&self, command: &Command) -> Result<(), Failure> {
        self.check_election().await?;
        match command {
            Command::Create(create) => self.create(&create.definition()?).await,
            Command::Open => self.open().await,
            Command::Close => {
                let closed = self.change(async |it| it.close().await).await?;
                self.tell("closed", &closed.id, "")
            }
            Command::RevokeNumbers { file } => self.revoke_numbers(&roll::numbers(file)?).await,
            Command::Issue(issue) => {
                let people = issue.people()?;
                self.issue(people, &issue.output).await
            }
            Command::Sheet { output } => self.sheet(output).await,
            Command::Share { role } => self.share(*role).await,
            Command::Turnout => self.turnout().await,
            Command::Check => self.check().await,
            _ => Err(Failure::Usage("this is no command of an officer's".into())),
        }
    }

    /// Refuses an election that is not the one that the link opens.
    async fn check_election(&self) -> Result<(), Failure> {
        if self.id.is_empty() {
            return Ok(());
        }
        // Only the administration of one election can tell which that is.
        match self.restored.administration().election().info().await {
            Ok(info) if info.id != self.id => Err(Failure::Usage(format!(
                "--election {}: what the link opens is over election {}",
                self.id, info.id
            ))),
            _ => Ok(()),
        }
    }

    async fn create(&self, definition: &Definition) -> Result<(), Failure> {
        let created = self.restored.returning_officer().create(definition).await?;
        done(created)?;
        self.tell("created", definition.id.as_str(), "")
    }

    async fn open(&self) -> Result<(), Failure> {
        let Info { id, voters, .. } = self.change(async |it| it.open().await).await?;
        let roll = format!(", with {} on the roll", show::counted(voters, "voter"));
        self.tell("open", &id, &roll)?;
        if voters == 0 {
            // The voting has begun all the same, and with nobody to read this there is nothing lost.
            let _ = writeln!(
                io::stderr(),
                "Nobody can vote in election {id} before voter numbers are issued: capvote-client issue --help"
            );
        }
        Ok(())
    }

    /// Brings the election into another state, and returns what it is then.
    async fn change(
        &self,
        mut change: impl AsyncFnMut(&Administration) -> Result<ActOutcome, Error>,
    ) -> Result<Info, Failure> {
        let changed = async |administration: Administration| {
            let outcome = change(&administration).await?;
            Ok((outcome, administration.election().info().await?))
        };
        let (outcome, info) = self.as_administration(changed).await?;
        done(outcome)?;
        Ok(info)
    }

    async fn revoke_numbers(&self, numbers: &[VoterNumber]) -> Result<(), Failure> {
        let revoke = async |registrar: Registrar| registrar.revoke_numbers(numbers).await;
        done(self.as_registrar(revoke).await?)?;
        let count = numbers.len() as u64;
        if self.json {
            return show::json(&json!({ "revoked": count }));
        }
        let (numbers, are) = (show::counted(count, "voter number"), are(count));
        show::say(&format!("{numbers} {are} off the roll."))
    }

    fn tell(&self, state: &str, id: &str, more: &str) -> Result<(), Failure> {
        if self.json {
            return show::json(&json!({ "election": id, "state": state }));
        }
        show::say(&format!("Election {id} is {state}{more}."))
    }

    async fn issue(&self, people: People, output: &std::path::Path) -> Result<(), Failure> {
        let count = people.len()?;
        let mut file = RollFile::create(output, people)?;
        let progress = show::progress(count.into(), "numbers", self.json);
        let issue = async |registrar: Registrar| {
            let keep = |numbers: &[VoterNumber]| {
                progress.inc(numbers.len() as u64);
                file.keep(numbers)
            };
            registrar.issue(count, keep).await
        };
        let issued = self.as_registrar(issue).await;
        progress.finish_and_clear();
        match issued {
            Ok(ActOutcome::Done) => {}
            Ok(ActOutcome::Refused(why)) => {
                file.discard();
                return Err(Failure::Refused(format!("no numbers were issued: {why}")));
            }
            // Nothing reached the roll, or this would not have come to it.
            Err(error @ (Error::Callback(_) | Error::Unimplemented(_))) => {
                file.discard();
                return Err(Failure::Fault(format!("no numbers were issued: {error}")));
            }
            Err(error) => {
                let why = sentence(error);
                return Err(Failure::Fault(format!(
                    "{why}; where it is not said that no numbers were issued, compare the number of voters \
                     that info shows before you use or remove {}",
                    output.display()
                )));
            }
        }
        if self.json {
            return show::json(&json!({ "issued": count, "file": output.display().to_string() }));
        }
        let (numbers, are) = (show::counted(count.into(), "voter number"), are(count.into()));
        show::say(&format!("{numbers} {are} in {}.", output.display()))
    }

    /// Acts as the administration of the election: the link may be one, or reach it as a returning officer.
    async fn as_administration<T>(
        &self,
        mut act: impl AsyncFnMut(Administration) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match act(self.restored.administration()).await {
            Err(Error::Unimplemented(_)) => {
                act(self.restored.returning_officer().administer(self.id)).await
            }
            done => done,
        }
    }

    /// Acts as a registrar: the link may be one, or reach one through the administration.
    async fn as_registrar<T>(
        &self,
        mut act: impl AsyncFnMut(Registrar) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match act(self.restored.registrar()).await {
            Err(Error::Unimplemented(_)) => {
                self.as_administration(async |it| act(it.registrar()).await).await
            }
            done => done,
        }
    }

    /// Acts as an auditor, likewise.
    async fn as_auditor<T>(
        &self,
        mut act: impl AsyncFnMut(Auditor) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match act(self.restored.auditor()).await {
            Err(Error::Unimplemented(_)) => {
                self.as_administration(async |it| act(it.auditor()).await).await
            }
            done => done,
        }
    }

    async fn share(&self, role: Delegate) -> Result<(), Failure> {
        let save = async |administration: Administration| {
            let election = administration.election().info().await?.id;
            let token: Token = match role {
                Delegate::Administration => administration.save().await?,
                Delegate::Registrar => administration.registrar().save().await?,
                Delegate::Auditor => administration.auditor().save().await?,
            };
            Ok((election, token))
        };
        let (election, token) = self.as_administration(save).await?;
        let election = election.parse().ok();
        let token = Some(token.as_bytes().to_vec());
        let link = Link { election, token, ..self.link.clone() };
        if self.json {
            return show::json(&json!({ "link": link.to_string() }));
        }
        Ok(writeln!(io::stdout(), "{link}")?)
    }

    async fn sheet(&self, output: &std::path::Path) -> Result<(), Failure> {
        let election = &self.election;
        let sheet = self.as_auditor(async |auditor| sheet::fetch(&auditor, election).await).await?;
        match sheet {
            Some(sheet) => sheet::write(&sheet, output, self.json),
            None => Err(Failure::Refused(
                "there is no sheet before the election is closed; close it first".into(),
            )),
        }
    }

    async fn turnout(&self) -> Result<(), Failure> {
        let (ballots, voters) = self.as_auditor(async |auditor| auditor.turnout().await).await?;
        if self.json {
            return show::json(&json!({ "ballots": ballots, "voters": voters }));
        }
        show::say(&format!("{}.", show::turnout(ballots, voters)))
    }

    async fn check(&self) -> Result<(), Failure> {
        let report = self.as_auditor(async |auditor| auditor.check_ledger().await).await?;
        let LedgerReport { entries, ballots, numbers_used, head, unscrubbed } = report;
        let agree = ballots == numbers_used;
        let head = HEXLOWER.encode(&head);
        if self.json {
            show::json(&json!({
                "entries": entries, "ballots": ballots, "numbersUsed": numbers_used, "head": head,
                "unscrubbed": unscrubbed,
            }))?;
        } else {
            let tail =
                if head.is_empty() { String::new() } else { format!(", and its head is {head}") };
            show::say(&format!("The hash chain holds: {entries} entries{tail}."))?;
            let have = if numbers_used == 1 { "has" } else { "have" };
            show::say(&format!(
                "{} {} stored, and {} {have} voted.",
                show::counted(ballots, "ballot"),
                are(ballots),
                show::counted(numbers_used, "number"),
            ))?;
            if unscrubbed {
                show::say("Deleted ballots may be left in the server's file: its log tells why.")?;
            }
        }
        let why = "ballots and numbers used differ; the ledger is as it was: copy it, and have it looked into";
        match agree {
            true => Ok(()),
            false if self.json => Err(Failure::Told(why.into(), Exit::Fault)),
            false => Err(Failure::Fault(why.into())),
        }
    }
}

/// Revokes the authority that a link opens.
pub(crate) async fn revoke(client: &Client, link: &Link, json: bool) -> Result<(), Failure> {
    let token = link.token.as_deref();
    let token = token.ok_or_else(|| {
        Failure::Usage(
            "the link to revoke has no token, and opens nothing that could be ended".into(),
        )
    })?;
    client.restore(token).revoke().await?;
    if json {
        return show::json(&json!({ "revoked": true }));
    }
    show::say("The link opens nothing any more.")
}

fn done(outcome: ActOutcome) -> Result<(), Failure> {
    match outcome {
        ActOutcome::Done => Ok(()),
        ActOutcome::Refused(why) => Err(Failure::Refused(format!("{why}; nothing was changed"))),
    }
}

fn are(count: u64) -> &'static str {
    if count == 1 { "is" } else { "are" }
}
