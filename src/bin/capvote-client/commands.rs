//! Carries out the command: connects to the server if the command needs it, and prints the answer.

use capvote::client;
use capvote::election::{CutBallots, ElectionState, ResultStatus, Rules};

use crate::arguments::{self, Arguments, Command, SheetCommand, VoterCommand};
use crate::count;
use crate::count_lines;
use crate::failure::Failure;
use crate::officer;
use crate::page;
use crate::reader::while_read;
use crate::recount;
use crate::rounds::{self, Counted};
use crate::rules;
use crate::sheet;
use crate::show;
use crate::suggest::{did_you_mean, same_name};
use crate::target::Target;
use crate::vote;
use crate::watch;

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let json = arguments.json;
    arguments.check_standard_input()?;
    match &arguments.command {
        Command::Extra(extra) => Ok(extra.run::<Arguments>(crate::PROGRAM)?),
        Command::Sheet(SheetCommand::Verify { receipt, sheet }) => {
            sheet::verify(receipt, sheet, json)
        }
        Command::Sheet(SheetCommand::Recount { sheet }) => recount::run(sheet, json),
        Command::Sheet(SheetCommand::Count(file)) => count::run(file, json),
        Command::Voter(command) => {
            Target::new(&arguments)?.ask(async |it| voter(command, it).await).await
        }
        Command::Officer(command) => {
            Target::new(&arguments)?.ask(async |it| officer::run(command, it).await).await
        }
        Command::Revoke { revoked, void_numbers } => {
            let mut target = Target::new(&arguments)?;
            let revoked = arguments::link(revoked)?;
            if *void_numbers {
                target.or_election(revoked.election.as_ref());
                target.ask(async |it| officer::void_numbers(&revoked, it).await).await
            } else {
                target.ask(async |it| officer::revoke(&revoked, it).await).await
            }
        }
        Command::CountLines { file, quiet } => {
            let target = Target::new(&arguments)?;
            target.ask(async |it| while_read(count_lines::run(file, *quiet, it)).await).await
        }
        Command::Page { server, listen } => {
            let server = match server {
                Some(server) => arguments::link(server)?,
                None => arguments.link()?,
            };
            page::run(server, *listen, json).await
        }
    }
}

async fn voter(command: &VoterCommand, target: &Target) -> Result<(), Failure> {
    match command {
        VoterCommand::Vote(vote) => vote::run(vote, target).await,
        VoterCommand::Watch => while_read(watch::run(target)).await,
        VoterCommand::Elections => {
            show::elections(&target.connect().await?.elections().await?, target.json)
        }
        VoterCommand::Info => show::info(&target.election().await?.info().await?, target.json),
        VoterCommand::Result { rounds: true, chart, .. } => rounds_of(target, *chart).await,
        VoterCommand::Result { candidate: None, .. } => results(target).await,
        VoterCommand::Result { candidate: Some(candidate), .. } => result(candidate, target).await,
    }
}

/// The results, and each lot that decided.
async fn results(target: &Target) -> Result<(), Failure> {
    let election = target.election().await?;
    if target.json {
        return show::json(&show::results_document(&election.results().await?));
    }
    let rules = election.info().await?.rules;
    let results = election.results().await?;
    show::results(&results, rules.as_ref())?;
    if results.status == Some(ResultStatus::Final) {
        match election.count().await {
            Ok(client::Counted { slate, count }) => rounds::show_lots(&count, &slate)?,
            // An older server, which draws no lots.
            Err(client::Error::Unimplemented(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// How the result came about.
async fn rounds_of(target: &Target, chart: bool) -> Result<(), Failure> {
    let election = target.election().await?;
    let info = election.info().await?;
    if info.state != Some(ElectionState::Closed) {
        return Err(Failure::Refused(format!(
            "election {} is not closed: there are no rounds before the close",
            info.id
        )));
    }
    let Some(Rules { method, seats, .. }) = info.rules else {
        return Err(Failure::Fault(format!("the rules of this election are {}", rules::NEWER)));
    };
    let client::Counted { slate, count } = election.count().await?;
    let title = if info.title.is_empty() { &info.id } else { &info.title };
    let counted =
        Counted { title, slate: &slate, method, seats, count: &count, cut: CutBallots::default() };
    if target.json { rounds::json(&counted) } else { rounds::show(&counted, chart) }
}

async fn result(candidate: &str, target: &Target) -> Result<(), Failure> {
    let election = target.election().await?;
    let (votes, status) = election.result(candidate).await?;
    if status == Some(ResultStatus::UnknownCandidate) {
        let slate = election.info().await?.candidates;
        if let Some(name) = same_name(candidate, slate.iter().map(String::as_str)) {
            let (votes, status) = election.result(name).await?;
            return show::result(name, votes, status, target.json);
        }
        let meant = did_you_mean("; d", candidate, slate.iter().map(String::as_str));
        return Err(Failure::Refused(format!(
            "there is no candidate {candidate:?}; the candidates are {}{meant}",
            slate.join(", ")
        )));
    }
    show::result(candidate, votes, status, target.json)
}
