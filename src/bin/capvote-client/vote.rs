//! The command `vote`.

use std::path::Path;

use capvote::client::{self, Ballot, CastOutcome, Info, VoteOutcome};
use capvote::command_line::Exit;
use capvote::election::ElectionState;

use crate::arguments::Vote;
use crate::failure::{Failure, sentence};
use crate::number::Number;
use crate::receipt::ReceiptFile;
use crate::show;
use crate::suggest::{did_you_mean, same_name};
use crate::target::Target;

pub(crate) async fn run(vote: &Vote, target: &Target) -> Result<(), Failure> {
    let candidate = vote.candidate()?;
    let number = match &vote.voter_number {
        Some(text) => Number::given(text).map_err(|failure| failure.about("--voter-number"))?,
        // A voter is not asked for a number that cannot be used.
        None => {
            let sent_before = vote.receipt.as_ref().is_some_and(|path| path.exists());
            match refusal(target, candidate, sent_before).await? {
                Some((outcome, message)) => {
                    return report(&outcome, message, candidate, target.json);
                }
                None => Number::ask().await?,
            }
        }
    };
    let mut ballot = Ballot::new(candidate, number.number)?;
    let begin = |path| ReceiptFile::begin(path, &mut ballot, &target.id);
    let mut receipt = vote.receipt.as_deref().map(begin).transpose()?;
    let mut message = String::new();
    let mut on_message = |text: &str| message = text.to_string();
    let mut cast = client::cast(&target.link, &target.id, &ballot, &mut on_message).await;
    if let Ok(CastOutcome { outcome: VoteOutcome::UnknownCandidate(slate), .. }) = &cast
        && let Some(name) = same_name(&ballot.candidate, slate.iter().map(String::as_str))
        && name != ballot.candidate
    {
        ballot.candidate = name.to_string();
        if let Some(file) = &mut receipt {
            file.spell(name)?;
        }
        cast = client::cast(&target.link, &target.id, &ballot, &mut on_message).await;
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
    // The outcome is reported even if the receipt could not be written.
    report(&outcome, message, &ballot.candidate, target.json).and(kept)
}

/// The outcome that a vote is certain to have, if it is known without the voter number.
async fn refusal(
    target: &Target,
    candidate: &str,
    sent_before: bool,
) -> Result<Option<(VoteOutcome, String)>, Failure> {
    match target.election().await?.info().await {
        Ok(info) => Ok(certain_refusal(&info, candidate, sent_before)),
        // The server may be back when the number is typed.
        Err(
            client::Error::Disconnected | client::Error::NoAnswer(_) | client::Error::Overloaded(_),
        ) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// As [`refusal`]. After the close, a vote that was sent before may be sent again.
fn certain_refusal(
    info: &Info,
    candidate: &str,
    sent_before: bool,
) -> Option<(VoteOutcome, String)> {
    let id = &info.id;
    let on_slate = if candidate.is_empty() {
        info.blank
    } else {
        let names = || info.candidates.iter().map(String::as_str);
        names().any(|name| name == candidate) || same_name(candidate, names()).is_some()
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
                format!("\"{}\" is not a candidate in election {id}.", candidate)
            };
            let names: Vec<_> = info.candidates.iter().map(|name| format!("\"{name}\"")).collect();
            let why = format!("{not} The candidates are {}.", names.join(", "));
            (VoteOutcome::UnknownCandidate(info.candidates.clone()), why)
        }
    };
    Some((outcome, format!("{why} You were not asked for your number, and nothing was sent.")))
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
