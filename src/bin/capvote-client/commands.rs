//! The commands: each asks the server and prints the answer.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use capvote::client::{self, Ballot, Client, Election, Info, VoteOutcome};
use capvote::command_line::Exit;
use capvote::election::{ElectionState, ResultStatus, printable};
use capvote::net::link::Link;
use indicatif::ProgressBar;
use serde_json::json;

use crate::arguments::{Arguments, Command, link};
use crate::failure::{Failure, sentence};
use crate::number::Number;
use crate::officer::{self, Officer};
use crate::receipt::ReceiptFile;
use crate::sheet;
use crate::show;
use crate::suggest::did_you_mean;
use crate::watch;

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    match &arguments.command {
        Command::Verify { receipt, sheet } => return sheet::verify(receipt, sheet, arguments.json),
        Command::Recount { sheet } => return sheet::recount(sheet, arguments.json),
        Command::Extra(extra) => return Ok(extra.run::<Arguments>(crate::PROGRAM)?),
        _ => {}
    }
    let link = arguments.link()?;
    // What can be known to be wrong without the server is said without it.
    let prepared = Prepared::new(&arguments)?;
    let in_link = link.election.as_ref().map(|id| id.as_str());
    let given = arguments.election.as_deref();
    if let (Some(given), Some(in_link), Some(_)) = (given, in_link, &link.token)
        && given != in_link
    {
        let why = format!("--election {given}: what the link opens is over election {in_link}");
        return Err(Failure::Usage(why));
    }
    let id = given.or(in_link).unwrap_or_default();
    let done = ask(&arguments, prepared, &link, id).await;
    match done {
        Err(Failure::Remote(why)) => Err(Failure::Remote(why + &meant_election(&link, id).await)),
        done => done,
    }
}

/// Which election may have been meant, where there is none of this id.
async fn meant_election(link: &Link, id: &str) -> String {
    let elections = match Client::connect(link).await {
        Ok(client) => client.elections().await.unwrap_or_default(),
        Err(_) => return String::new(),
    };
    if elections.iter().any(|election| election.id == id) {
        return String::new();
    }
    did_you_mean("; d", id, elections.iter().map(|election| election.id.as_str()))
}

/// Does what needs the server.
async fn ask(
    arguments: &Arguments,
    prepared: Prepared,
    link: &Link,
    id: &str,
) -> Result<(), Failure> {
    let json = arguments.json;
    let connect = || Client::connect(link);
    match prepared {
        // These may take more connections than one.
        Prepared::Vote { candidate, number, receipt } => {
            vote(link, id, candidate, number, receipt, json).await
        }
        Prepared::Watch => watch::watch(link, id, json).await,
        Prepared::Elections => show::elections(&connect().await?.elections().await?, json),
        Prepared::Info => show::info(&connect().await?.election(id).info().await?, json),
        Prepared::Result(None) => {
            show::results(&connect().await?.election(id).results().await?, json)
        }
        Prepared::Result(Some(candidate)) => {
            result(&connect().await?.election(id), &candidate, json).await
        }
        Prepared::Revoke(revoked) => officer::revoke(&connect().await?, &revoked, json).await,
        Prepared::Officer => {
            Officer::new(&connect().await?, link, id, json)?.run(&arguments.command).await
        }
        Prepared::CountLines { file, name, quiet } => {
            count_lines(&connect().await?, file, &name, quiet, json).await
        }
    }
}

/// A command with everything it needs but the server.
enum Prepared {
    Elections,
    Info,
    /// A vote, and its number where that was given.
    Vote {
        candidate: String,
        number: Option<Number>,
        receipt: Option<PathBuf>,
    },
    Watch,
    Result(Option<String>),
    CountLines {
        file: Box<dyn Read + Send>,
        name: String,
        quiet: bool,
    },
    /// A link to revoke.
    Revoke(Link),
    /// What only officers may do.
    Officer,
}

impl Prepared {
    fn new(arguments: &Arguments) -> Result<Self, Failure> {
        Ok(match &arguments.command {
            Command::Elections => Self::Elections,
            Command::Info => Self::Info,
            Command::Vote { candidate: None, blank: false, .. } => {
                return Err(Failure::Usage(
                    "vote for whom? Give a candidate's name, or --blank; the candidates are shown by capvote-client \
                     info"
                    .into(),
                ));
            }
            Command::Vote { candidate, voter_number, receipt, .. } => Self::Vote {
                // Without a candidate it is a blank ballot.
                candidate: candidate.clone().unwrap_or_default(),
                number: voter_number.as_deref().map(given).transpose()?,
                receipt: receipt.clone(),
            },
            Command::Watch => Self::Watch,
            Command::Result { candidate } => Self::Result(candidate.clone()),
            Command::CountLines { file, quiet } => {
                let name = file.display().to_string();
                let file = open(file, *quiet, arguments.json)?;
                Self::CountLines { file, name, quiet: *quiet }
            }
            Command::Revoke { revoked } => Self::Revoke(link(revoked)?),
            Command::Create(_)
            | Command::Open
            | Command::Close
            | Command::Issue(_)
            | Command::RevokeNumbers { .. }
            | Command::Turnout
            | Command::Check
            | Command::Sheet { .. }
            | Command::Verify { .. }
            | Command::Recount { .. }
            | Command::Extra(_)
            | Command::Share { .. } => Self::Officer,
        })
    }
}

/// The voter number that was given.
fn given(text: &str) -> Result<Number, Failure> {
    Number::read(text).map_err(|failure| failure.about("--voter-number"))
}

fn open(file: &Path, quiet: bool, json: bool) -> Result<Box<dyn Read + Send>, Failure> {
    if file == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    let unopened = |error| {
        let why = format!("cannot open {}: {error}; nothing was sent", file.display());
        Failure::Fault(why)
    };
    let opened = File::open(file).map_err(unopened)?;
    let about = opened.metadata().map_err(unopened)?;
    if about.is_dir() {
        return Err(unopened(io::ErrorKind::IsADirectory.into()));
    }
    let length = about.len();
    // Where the lines are printed, they are what is seen of the progress.
    let progress = if quiet { show::bytes_progress(length, json) } else { ProgressBar::hidden() };
    Ok(Box::new(progress.wrap_read(opened)))
}

async fn vote(
    link: &Link,
    election: &str,
    candidate: String,
    number: Option<Number>,
    receipt: Option<PathBuf>,
    json: bool,
) -> Result<(), Failure> {
    let number = match number {
        Some(number) => number,
        // Nobody is asked for a secret in vain.
        None => {
            let sent_before = receipt.as_ref().is_some_and(|path| path.exists());
            match look_ahead(link, election, &candidate, sent_before).await? {
                Some((outcome, message)) => return tell(&outcome, message, &candidate, json),
                None => Number::ask()?,
            }
        }
    };
    let mut ballot = Ballot::new(candidate, number.number)?;
    let begin = |path: &PathBuf| ReceiptFile::begin(path, &mut ballot, election);
    let receipt = receipt.as_ref().map(begin).transpose()?;
    let mut message = String::new();
    let cast = client::cast(link, election, &ballot, |text| message = printable(text)).await;
    let client::CastOutcome { outcome, retried } = match cast {
        Ok(cast) => cast,
        Err(client::Error::Uncertain(last)) => {
            return Err(uncertain(*last, receipt.as_ref().map(ReceiptFile::path)));
        }
        Err(error) => {
            // Nothing was recorded, and a file of it would stand in the way of another vote.
            if let (client::Error::Unreachable { .. } | client::Error::Overloaded(_), Some(file)) =
                (&error, receipt)
            {
                file.discard();
            }
            return Err(error.into());
        }
    };
    if message.is_empty() {
        message = show::words(&outcome).to_string();
    }
    if outcome == VoteOutcome::UnknownVoterNumber {
        message += &number.doubt();
    }
    let kept = match (&outcome, receipt) {
        (VoteOutcome::Recorded(vote), Some(mut file)) => file.complete(vote),
        // A vote whose first answer was lost may have been recorded: what finds it is kept.
        (_, Some(file)) if !retried => {
            file.discard();
            Ok(())
        }
        _ => Ok(()),
    };
    // That a vote is recorded is told whatever becomes of the file.
    tell(&outcome, message, &ballot.candidate, json).and(kept)
}

/// Asks the server for what it takes to see what is [`foreseen`] of a vote.
async fn look_ahead(
    link: &Link,
    election: &str,
    candidate: &str,
    sent_before: bool,
) -> Result<Option<(VoteOutcome, String)>, Failure> {
    match Client::connect(link).await?.election(election).info().await {
        Ok(info) => Ok(foreseen(&info, candidate, sent_before)),
        // A server that is there, and perhaps again when the number is typed.
        Err(
            client::Error::Disconnected | client::Error::NoAnswer(_) | client::Error::Overloaded(_),
        ) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What is to become of a vote, where that can be told without its number. One that was sent before the close may be
/// sent again.
fn foreseen(info: &Info, candidate: &str, sent_before: bool) -> Option<(VoteOutcome, String)> {
    let id = printable(&info.id);
    let on_slate = if candidate.is_empty() {
        info.blank
    } else {
        info.candidates.iter().any(|name| name == candidate)
    };
    let (outcome, why) = match info.state? {
        ElectionState::Draft => {
            let why = format!("Voting in election {id} has not begun. Vote again once it is open.");
            (VoteOutcome::NotOpen, why)
        }
        ElectionState::Closed if !sent_before => {
            (VoteOutcome::Closed, format!("Election {id} is closed."))
        }
        ElectionState::Open | ElectionState::Closed if on_slate => return None,
        ElectionState::Open | ElectionState::Closed => {
            let not = if candidate.is_empty() {
                format!("A ballot in election {id} cannot be blank.")
            } else {
                format!("\"{}\" is not a candidate in election {id}.", printable(candidate))
            };
            let names: Vec<_> =
                info.candidates.iter().map(|name| format!("\"{}\"", printable(name))).collect();
            let why = format!("{not} The candidates are {}.", names.join(", "));
            (VoteOutcome::UnknownCandidate(info.candidates.clone()), why)
        }
    };
    Some((outcome, format!("{why} You were not asked for your number, and nothing was sent.")))
}

/// Tells what became of a vote.
fn tell(
    outcome: &VoteOutcome,
    mut message: String,
    candidate: &str,
    json: bool,
) -> Result<(), Failure> {
    let recorded = matches!(outcome, VoteOutcome::Recorded(_));
    if json {
        show::json(&show::outcome(outcome, &message))?;
    } else if recorded {
        show::say(&message)?;
    }
    if let VoteOutcome::UnknownCandidate(slate) = outcome {
        message += &did_you_mean(" D", candidate, slate.iter().map(String::as_str));
    }
    match recorded {
        true => Ok(()),
        false if json => Err(Failure::Told(message, Exit::Refused)),
        false => Err(Failure::Refused(message)),
    }
}

/// What to say of a vote whose answer was lost, and never found out: how the last try ended, and what to do.
fn uncertain(last: client::Error, receipt: Option<&Path>) -> Failure {
    let again = match receipt {
        Some(file) => format!("send the same vote again with --receipt {}", file.display()),
        None => "send the same vote again".into(),
    };
    Failure::Fault(format!(
        "it is not known whether the vote was recorded: its answer was lost, and the last try ended so: {}; {again}: a vote \
         under a number that has voted is refused, and never counted twice",
        sentence(last)
    ))
}

async fn result(election: &Election, candidate: &str, json: bool) -> Result<(), Failure> {
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
    show::result(candidate, votes, status, json)
}

async fn count_lines(
    client: &Client,
    file: Box<dyn Read + Send>,
    name: &str,
    quiet: bool,
    json: bool,
) -> Result<(), Failure> {
    let terminal = io::stdout().is_terminal();
    // On a terminal lines show as they come; elsewhere they are written in larger pieces.
    let mut output: Box<dyn Write> = if terminal {
        Box::new(io::stdout())
    } else {
        Box::new(BufWriter::with_capacity(1 << 16, io::stdout()))
    };
    let mut unprinted = None;
    let mut ended_line = true;
    let print = |line: &[u8]| -> Result<(), &str> {
        if quiet || json {
            return Ok(());
        }
        ended_line = line.ends_with(b"\n");
        output.write_all(line).map_err(|error| {
            unprinted = Some(error);
            "the lines cannot be printed"
        })
    };
    let counted = client.line_counter().count_lines(file, print).await;
    if let Some(error) = unprinted {
        return Err(error.into());
    }
    let count = counted?;
    if json {
        return show::json(&json!({ "file": name, "lines": count }));
    }
    if !ended_line {
        writeln!(output)?;
    }
    // A program that reads this wants the number and nothing else.
    match terminal {
        true => writeln!(output, "{count} {}", if count == 1 { "line" } else { "lines" })?,
        false => writeln!(output, "{count}")?,
    }
    Ok(output.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vote_in_doubt_says_so_and_what_to_do() {
        for (last, says) in [
            (client::Error::Disconnected, "ended so: the connection to the server was lost; send"),
            (client::Error::Overloaded("it is stopping".into()), "ended so: it is stopping; send"),
        ] {
            let failure = uncertain(last, Some(Path::new("mine.json")));
            let Failure::Fault(why) = failure else { panic!("{failure:?}") };
            assert!(why.starts_with("it is not known whether the vote was recorded"), "{why}");
            assert!(why.contains(says) && why.contains("again with --receipt mine.json"), "{why}");
        }
    }
}
