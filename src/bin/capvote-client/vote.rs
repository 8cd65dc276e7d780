//! The command `vote`.

pub(crate) mod paper;

use std::path::Path;

use capvote::client::{self, Ballot, CastOutcome, Info, Marks, VoteOutcome};
use capvote::command_line::Exit;
use capvote::election::ElectionState;

use crate::arguments::Vote;
use crate::failure::{Failure, sentence};
use crate::number::Number;
use crate::receipt::ReceiptFile;
use crate::said::{self, NoBallot};
use crate::show;
use crate::suggest::{did_you_mean, same_name};
use crate::target::Target;

pub(crate) async fn run(vote: &Vote, target: &Target) -> Result<(), Failure> {
    if vote.paper {
        return paper::run(vote, target).await;
    }
    let names = vote.names()?;
    let given = vote.voter_number.as_deref().map(Number::given).transpose();
    let given = given.map_err(|failure| failure.about("--voter-number"))?;
    let info = info(target, given.is_some()).await?;
    // A voter is not asked for a number that cannot be used.
    let sent_before = vote.receipt.as_ref().is_some_and(|path| path.exists());
    let known = info.as_ref().filter(|_| given.is_none());
    if let Some((outcome, why)) = known.and_then(|info| certain_refusal(info, sent_before)) {
        return report(&outcome, why + NOTHING_SENT, "", target.json);
    }
    let said = match said(names, info.as_ref(), given.is_none()) {
        Ok(said) => said?,
        Err(refused) => {
            let Unsaid { outcome, why, name } = *refused;
            let more = if given.is_none() { NOTHING_SENT } else { " Nothing was sent." };
            return report(&outcome, why + more, &name, target.json);
        }
    };
    let number = match given {
        Some(number) => number,
        None => Number::ask().await?,
    };
    let mut ballot = match said {
        Said::Name(name) => Ballot::new(name, number.number)?,
        Said::Marks(marks) => Ballot::with_marks(marks, number.number)?,
    };
    let path = vote.receipt.as_deref();
    let receipt = path.map(|path| ReceiptFile::begin(path, &mut ballot, &target.id)).transpose()?;
    let Cast { outcome, message, kept } =
        cast(&mut ballot, &number, receipt, target, &target.id).await?;
    // The outcome is reported even if the receipt could not be written, and in one document.
    report(&outcome, message, &ballot.candidate, target.json)?;
    kept.map_err(|failure| if target.json { failure.reported() } else { failure })
}

/// A vote that was cast.
struct Cast {
    outcome: VoteOutcome,
    message: String,
    /// Whether its receipt could be written.
    kept: Result<(), Failure>,
}

/// Casts a vote in the election with this id, and keeps its receipt.
async fn cast(
    ballot: &mut Ballot,
    number: &Number,
    mut receipt: Option<ReceiptFile>,
    target: &Target,
    id: &str,
) -> Result<Cast, Failure> {
    let mut message = String::new();
    let mut on_message = |text: &str| message = text.to_string();
    let mut servers = target.servers();
    let mut cast = client::cast_at(&mut servers, id, ballot, &mut on_message).await;
    if let Ok(CastOutcome { outcome: VoteOutcome::UnknownCandidate(slate), .. }) = &cast
        && let Some(name) = same_name(&ballot.candidate, slate.iter().map(String::as_str))
        && name != ballot.candidate
    {
        ballot.candidate = name.to_string();
        if let Some(file) = &mut receipt {
            file.spell(name)?;
        }
        cast = client::cast_at(&mut servers, id, ballot, &mut on_message).await;
    }
    let CastOutcome { outcome, retried } = match cast {
        Ok(cast) => cast,
        Err(error) => return Err(failed(error, receipt)),
    };
    if message.is_empty() {
        message = show::words(&outcome).to_string();
    }
    if outcome == VoteOutcome::UnknownVoterNumber {
        message += &number.hint();
    }
    message += &about_restore(&outcome, receipt.as_ref());
    let kept = match (&outcome, receipt) {
        (VoteOutcome::Recorded(vote), Some(mut file)) => file.complete(vote),
        // If the first answer was lost, the vote may be recorded: its file is kept.
        (_, Some(file)) if !retried => {
            file.discard();
            Ok(())
        }
        _ => Ok(()),
    };
    Ok(Cast { outcome, message, kept })
}

const NOTHING_SENT: &str = " You were not asked for your number, and nothing was sent.";

/// The election, unless the server may be back when the number is typed. With a number, casting the
/// vote tells what is wrong.
async fn info(target: &Target, has_number: bool) -> Result<Option<Info>, Failure> {
    let info = match target.election().await {
        Ok(election) => election.info().await,
        Err(error) => Err(error),
    };
    match info {
        Ok(info) => {
            target.learn(&info);
            Ok(Some(info))
        }
        Err(client::Error::Disconnected | client::Error::NoAnswer(_)) => Ok(None),
        Err(client::Error::Overloaded(_)) => Ok(None),
        Err(_) if has_number => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The outcome that a vote is certain to have, if it is known without the voter number. After the
/// close, a vote that was sent before may be sent again.
fn certain_refusal(info: &Info, sent_before: bool) -> Option<(VoteOutcome, String)> {
    let id = &info.id;
    match info.state? {
        ElectionState::Draft => {
            let why = format!("Voting in election {id} has not begun. Vote again once it is open.");
            Some((VoteOutcome::NotOpen, why))
        }
        ElectionState::Closed if !sent_before => {
            Some((VoteOutcome::Closed, format!("Election {id} is closed.")))
        }
        ElectionState::Open | ElectionState::Closed => None,
    }
}

/// What a voter says.
enum Said {
    /// A name, or nothing for a blank ballot.
    Name(String),
    /// The marks of a ballot that can say more.
    Marks(Marks),
}

/// What is no ballot: the outcome that the vote would have, why, and the name that is not on the
/// slate.
struct Unsaid {
    outcome: VoteOutcome,
    why: String,
    name: String,
}

/// What these names say in the election, if that is known.
fn said(
    names: &[String],
    info: Option<&Info>,
    check: bool,
) -> Result<Result<Said, Failure>, Box<Unsaid>> {
    let one = match names {
        [] => Some(""),
        [name] => Some(name.as_str()),
        _ => None,
    };
    let Some(info) = info else {
        let away = "the server cannot be asked what a ballot of this election can say; nothing was \
                    sent. Vote again later";
        return Ok(one
            .map(|name| Said::Name(name.to_string()))
            .ok_or_else(|| Failure::Fault(away.into())));
    };
    if one.is_none() && said::takes_one_name(info) == Some(true) {
        return Ok(Err(Failure::Usage(too_many(names, info))));
    }
    if let (Some(name), Some(true)) = (one, said::takes_one_name(info)) {
        let is_marked = || said::marks(names, info).is_ok();
        if !check || is_marked() {
            return Ok(Ok(Said::Name(name.to_string())));
        }
    }
    let marks = said::marks(names, info);
    marks.map(|marks| Ok(Said::Marks(marks))).map_err(|why| Box::new(refused(info, why)))
}

/// What is wrong with several names where a ballot has one.
fn too_many(names: &[String], info: &Info) -> String {
    let is_option = |name: &String| name.starts_with('-') && !info.candidates.contains(name);
    let why = if names.iter().any(is_option) {
        "options go before \"--\", and names behind it".to_string()
    } else {
        let name = names.join(" ");
        format!(
            "a ballot of this election has one name, and a space in it needs quotes: vote \"{name}\""
        )
    };
    why + "; see capvote-client vote --help"
}

/// The outcome of a vote with what is no ballot.
fn refused(info: &Info, why: NoBallot) -> Unsaid {
    let id = &info.id;
    match why {
        NoBallot::Unknown(name) => {
            let names: Vec<_> = info.candidates.iter().map(|name| format!("\"{name}\"")).collect();
            let why = format!(
                "\"{name}\" is not a candidate in election {id}. The candidates are {}.",
                names.join(", ")
            );
            Unsaid { outcome: VoteOutcome::UnknownCandidate(info.candidates.clone()), why, name }
        }
        NoBallot::Invalid(why) => {
            let words = format!("This is no ballot of election {id}: {why}.");
            Unsaid { outcome: VoteOutcome::InvalidBallot(why), why: words, name: String::new() }
        }
    }
}

/// Prints a vote's outcome.
fn report(
    outcome: &VoteOutcome,
    mut message: String,
    candidate: &str,
    json: bool,
) -> Result<(), Failure> {
    let document = || show::json(&show::outcome(outcome, &message));
    if let VoteOutcome::Recorded(vote) = outcome {
        let printed = if json { document() } else { show::say(&message) };
        let receipt = &vote.receipt;
        let done = format!("the vote is recorded, and its receipt is {receipt}");
        return printed.map_err(|failure| failure.after(&done));
    }
    if json {
        // The refusal is told on stderr, too.
        let _ = document();
    }
    if let VoteOutcome::UnknownCandidate(slate) = outcome {
        message += &did_you_mean(" D", candidate, slate.iter().map(String::as_str));
    }
    match json {
        true => Err(Failure::Reported(message, Exit::Refused)),
        false => Err(Failure::Refused(message)),
    }
}

/// What to add to the message if the vote was recorded before in another epoch of the ledger.
fn about_restore(outcome: &VoteOutcome, receipt: Option<&ReceiptFile>) -> String {
    let recorded_in = receipt.and_then(ReceiptFile::recorded_in);
    match (outcome, recorded_in) {
        (VoteOutcome::Recorded(vote), Some((ledger, epoch)))
            if (ledger, epoch) != (&vote.ledger.to_string(), vote.epoch) && vote.epoch > 0 =>
        {
            format!(
                " It was recorded before in epoch {epoch} of its ledger, which was restored from a \
                 backup since: it is in the restored ledger, too."
            )
        }
        (VoteOutcome::Unconfirmed, _) if receipt.is_some_and(ReceiptFile::was_recorded) => {
            " The file has the receipt of this vote: the restored ledger has lost it.".into()
        }
        _ => String::new(),
    }
}

/// Why a vote has no outcome.
fn failed(error: client::Error, receipt: Option<ReceiptFile>) -> Failure {
    match error {
        client::Error::Uncertain(last) => uncertain(*last, receipt.as_ref().map(ReceiptFile::path)),
        client::Error::Unreachable { .. } | client::Error::Overloaded(_) => {
            // Nothing was recorded, and the file would be in the way of another vote.
            if let Some(file) = receipt {
                file.discard();
            }
            error.into()
        }
        error => error.into(),
    }
}

/// The error for a vote that may or may not be recorded.
fn uncertain(last: client::Error, receipt: Option<&Path>) -> Failure {
    let again = match receipt {
        Some(file) => format!("send the same vote again with --receipt {}", file.display()),
        None => "send the same vote again".into(),
    };
    Failure::Fault(format!(
        "it is not known whether the vote was recorded: its answer was lost, and the last try \
         failed: {}; {again}: it is never counted twice, and refused if the number has voted",
        sentence(last)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_for_an_uncertain_vote_says_what_to_do() {
        for (last, says) in [
            (client::Error::Disconnected, "failed: the connection to the server was lost; send"),
            (client::Error::Overloaded("it is stopping".into()), "failed: it is stopping; send"),
        ] {
            let failure = uncertain(last, Some(Path::new("mine.json")));
            let Failure::Fault(why) = failure else { panic!("{failure:?}") };
            assert!(why.starts_with("it is not known whether the vote was recorded"), "{why}");
            assert!(why.contains(says) && why.contains("again with --receipt mine.json"), "{why}");
        }
    }
}
