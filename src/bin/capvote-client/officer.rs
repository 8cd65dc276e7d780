//! The commands that take a link with a token.

mod create;
mod issue;
mod share;

use std::path::Path;

use capvote::client::{
    ActOutcome, Administration, Auditor, Election, Error, Info, LedgerReport, Registrar, Restored,
};
use capvote::command_line::Exit;
use capvote::election::{ElectionState, Schedule, VoterNumber};
use capvote::net::link::Link;
use capvote::service::REVOKE_NUMBERS_MAX;
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use crate::arguments::OfficerCommand;
use crate::failure::Failure;
use crate::roll;
use crate::sheet;
use crate::show;
use crate::target::{Target, other_election};
use crate::time;

/// The authority that a link opens.
struct Officer<'a> {
    restored: Restored,
    /// The election, with everyone's authority over it.
    election: Election,
    target: &'a Target,
}

pub(crate) async fn run(command: &OfficerCommand, target: &Target) -> Result<(), Failure> {
    let officer = async || Officer::connect(target).await;
    let ended = match command {
        OfficerCommand::Create(new) => create::run(new, &officer().await?).await,
        OfficerCommand::Open => officer().await?.open().await,
        OfficerCommand::Close => officer().await?.close().await,
        OfficerCommand::Confirm => officer().await?.confirm().await,
        OfficerCommand::RevokeNumbers { file } => {
            let numbers = roll::numbers(file)?;
            officer().await?.revoke_numbers(&numbers).await
        }
        OfficerCommand::Issue(issue) => {
            // A long list is read before there is a connection that would be idle meanwhile.
            let people = issue.people()?;
            officer().await?.issue(issue, people).await
        }
        OfficerCommand::Sheet { output, blt } => officer().await?.sheet(output, *blt).await,
        OfficerCommand::Share { role, once, output } => {
            officer().await?.share(*role, *once, output.as_deref()).await
        }
        OfficerCommand::Turnout => officer().await?.turnout().await,
        OfficerCommand::Check => officer().await?.check().await,
    };
    ended.map_err(|failure| match done_by(command) {
        Some(done) => failure.after(done),
        None => failure,
    })
}

/// What a command has done before it prints.
fn done_by(command: &OfficerCommand) -> Option<&'static str> {
    Some(match command {
        OfficerCommand::Create(_) => "the election is created",
        OfficerCommand::Open => "the election is open",
        OfficerCommand::Close => "the election is closed",
        OfficerCommand::Confirm => "the election is confirmed",
        OfficerCommand::RevokeNumbers { .. } => "the numbers are off the roll",
        OfficerCommand::Issue(_) => "the numbers are on the roll and in the file",
        OfficerCommand::Sheet { .. } => "the sheet is in the file",
        OfficerCommand::Share { output: Some(_), .. } => "the link is in the file",
        OfficerCommand::Share { output: None, .. } => "a link was made, and nobody has it",
        OfficerCommand::Turnout | OfficerCommand::Check => return None,
    })
}

/// The token of a link to revoke.
fn revoked_token(link: &Link) -> Result<&[u8], Failure> {
    link.token.as_deref().ok_or_else(|| {
        Failure::Usage("the link to revoke has no token, and there is nothing to end".into())
    })
}

/// Revokes the authority that a link opens, and voids the numbers that were issued under it.
pub(crate) async fn void_numbers(link: &Link, target: &Target) -> Result<(), Failure> {
    let token = revoked_token(link)?;
    let officer = Officer::connect(target).await?;
    let void = async |administration: Administration| administration.void_numbers(token).await;
    let (outcome, count) = officer.as_administration(void).await?;
    done(outcome)?;
    let (numbers, are) = (show::counted(count, "voter number"), are(count));
    let done = format!("the link opens nothing any more, and {numbers} {are} off the roll");
    tell(&done, &json!({ "revoked": true, "voided": count }), target.json)
}

/// Revokes the authority that a link opens.
pub(crate) async fn revoke(link: &Link, target: &Target) -> Result<(), Failure> {
    let token = revoked_token(link)?;
    target.connect().await?.restore(token).revoke().await?;
    tell("the link opens nothing any more", &json!({ "revoked": true }), target.json)
}

/// Prints what was done, as a sentence or a document.
fn tell(done: &str, document: &Value, as_json: bool) -> Result<(), Failure> {
    let printed = match as_json {
        true => show::json(document),
        false => show::say(&format!("{}.", done.replacen('t', "T", 1))),
    };
    printed.map_err(|failure| failure.after(done))
}

impl<'a> Officer<'a> {
    async fn connect(target: &'a Target) -> Result<Self, Failure> {
        let token = target.link.token.as_deref().ok_or_else(|| {
            Failure::Usage(
                "a voter's link cannot do this: it takes the officer's link (officer.link in the \
                 server's data directory), or one that was shared from it, with --link or \
                 CAPVOTE_LINK; nothing was changed"
                    .into(),
            )
        })?;
        let client = target.connect().await?;
        let (restored, election) = (client.restore(token), client.election(&target.id));
        let officer = Self { restored, election, target };
        officer.check_election().await?;
        Ok(officer)
    }

    /// Refuses an `--election` that is not the one that the link opens.
    async fn check_election(&self) -> Result<(), Failure> {
        let id = &self.target.id;
        if id.is_empty() {
            return Ok(());
        }
        // Only the administration of one election can tell its id.
        match self.restored.administration().election().info().await {
            Ok(info) if info.id != *id => Err(other_election(id, &info.id)),
            _ => Ok(()),
        }
    }

    async fn open(&self) -> Result<(), Failure> {
        let Info { id, voters, schedule, .. } = self.change(async |it| it.open().await).await?;
        let roll = format!(", with {} on the roll", show::counted(voters, "voter"));
        self.report_scheduled("open", &id, &roll, &Schedule { opens: None, ..schedule })?;
        if voters == 0 {
            // The voting has begun even if this cannot be written.
            show::note(&format!(
                "Nobody can vote in election {id} before voter numbers are issued: capvote-client \
                 issue --help"
            ));
        }
        Ok(())
    }

    async fn close(&self) -> Result<(), Failure> {
        let closed = self.change(async |it| it.close().await).await?;
        self.report_state("closed", &closed.id, "")
    }

    async fn confirm(&self) -> Result<(), Failure> {
        let Info { id, state, .. } = self.change(async |it| it.confirm().await).await?;
        let open = state == Some(ElectionState::Open);
        let more = if open {
            ", and takes votes. Votes recorded after the backup are not in it: ask those who voted \
             to send their vote again, with the same receipt file"
        } else {
            ", and a draft"
        };
        self.report_state("confirmed", &id, more)
    }

    /// Changes the state of the election, and returns it.
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
        let mut revoked: u64 = 0;
        for part in numbers.chunks(REVOKE_NUMBERS_MAX) {
            let revoke = async |registrar: Registrar| registrar.revoke_numbers(part).await;
            match self.as_registrar(revoke).await? {
                ActOutcome::Refused(why) if revoked > 0 => {
                    return Err(Failure::Refused(format!(
                        "{why}; the first {revoked} numbers of the file were taken off the roll, \
                         and no others"
                    )));
                }
                outcome => done(outcome)?,
            }
            revoked += part.len() as u64;
        }
        let count = revoked;
        if self.target.json {
            return show::json(&json!({ "revoked": count }));
        }
        let (numbers, are) = (show::counted(count, "voter number"), are(count));
        show::say(&format!("{numbers} {are} off the roll."))
    }

    fn report_state(&self, state: &str, id: &str, more: &str) -> Result<(), Failure> {
        if self.target.json {
            return show::json(&json!({ "election": id, "state": state }));
        }
        show::say(&format!("Election {id} is {state}{more}."))
    }

    /// As [`Self::report_state`], and when the election will open and close: a time may not mean
    /// what was meant.
    fn report_scheduled(
        &self,
        state: &str,
        id: &str,
        more: &str,
        schedule: &Schedule,
    ) -> Result<(), Failure> {
        if self.target.json {
            let [opens, closes] = [schedule.opens, schedule.closes].map(|it| it.map(time::utc));
            return show::json(
                &json!({ "election": id, "state": state, "opens": opens, "closes": closes }),
            );
        }
        self.report_state(state, id, more)?;
        show::schedule(schedule)
    }

    /// Acts as the administration of the election, which the link opens itself or through a
    /// returning officer.
    async fn as_administration<T>(
        &self,
        mut act: impl AsyncFnMut(Administration) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match act(self.restored.administration()).await {
            Err(Error::Unimplemented(_)) => {
                act(self.restored.returning_officer().administer(&self.target.id)).await
            }
            done => done,
        }
    }

    /// Acts as a registrar, which the link opens itself or through the administration.
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

    /// Acts as an auditor, which the link opens itself or through the administration.
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

    async fn sheet(&self, output: &Path, blt: bool) -> Result<(), Failure> {
        let election = &self.election;
        let sheet = self.as_auditor(async |auditor| sheet::fetch(&auditor, election).await).await?;
        match sheet {
            Some(sheet) => sheet::write(&sheet, output, blt, self.target.json),
            None => Err(Failure::Refused(
                "there is no sheet before the election is closed; close it first".into(),
            )),
        }
    }

    async fn turnout(&self) -> Result<(), Failure> {
        let (ballots, voters) = self.as_auditor(async |auditor| auditor.turnout().await).await?;
        if self.target.json {
            return show::json(&json!({ "ballots": ballots, "voters": voters }));
        }
        show::say(&format!("{}.", show::turnout(ballots, voters)))
    }

    async fn check(&self) -> Result<(), Failure> {
        let report = self.as_auditor(async |auditor| auditor.check_ledger().await).await?;
        let LedgerReport { entries, ballots, numbers_used, head, unscrubbed } = report;
        let agree = ballots == numbers_used;
        let head = HEXLOWER.encode(&head);
        if self.target.json {
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
                show::say(
                    "The key of its ballots is not destroyed yet: the server's log says why.",
                )?;
            }
        }
        let why = "there are not as many ballots as numbers used; the check changed nothing: copy \
                   the ledger, and have it examined";
        match agree {
            true => Ok(()),
            false if self.target.json => Err(Failure::Reported(why.into(), Exit::Fault)),
            false => Err(Failure::Fault(why.into())),
        }
    }
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
