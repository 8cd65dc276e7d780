//! Casting the votes of a paper.

use std::path::{Path, PathBuf};

use capvote::client::{Ballot, VoteOutcome};
use capvote::command_line::Exit;
use serde_json::{Value, json};

use super::super::{Cast, Said, cast};
use super::Answered;
use crate::failure::Failure;
use crate::number::Number;
use crate::receipt::ReceiptFile;
use crate::show;
use crate::target::Target;

/// A vote that can be cast: its receipt file, if one was asked for, is begun.
struct Ready<'a> {
    id: &'a str,
    ballot: Ballot,
    receipt: Option<ReceiptFile>,
}

/// Casts the votes, one after the other, and reports each.
pub(super) async fn send(
    answered: Vec<Answered<'_>>,
    number: &Number,
    receipt: Option<&Path>,
    target: &Target,
) -> Result<(), Failure> {
    let mut report = Report { as_json: target.json, ..Report::default() };
    for mut ready in all_ready(answered, number, receipt)? {
        if report.is_over {
            if let Some(file) = ready.receipt {
                file.discard();
            }
            report.not_sent(ready.id);
            continue;
        }
        let receipt = ready.receipt.take();
        match cast(&mut ready.ballot, number, receipt, target, ready.id).await {
            Ok(cast) => report.cast(ready.id, cast),
            Err(failure) => report.failed(ready.id, failure),
        }
    }
    report.end()
}

/// The ballots, with all receipt files begun before the first vote is cast, or none.
fn all_ready<'a>(
    answered: Vec<Answered<'a>>,
    number: &Number,
    receipt: Option<&Path>,
) -> Result<Vec<Ready<'a>>, Failure> {
    let mut all: Vec<Ready<'a>> = Vec::new();
    for Answered { info, said } in answered {
        let id = info.id.as_str();
        match ready(id, said, number, receipt) {
            Ok(ready) => all.push(ready),
            Err(failure) => {
                all.into_iter().filter_map(|it| it.receipt).for_each(ReceiptFile::discard);
                return Err(failure);
            }
        }
    }
    Ok(all)
}

fn ready<'a>(
    id: &'a str,
    said: Said,
    number: &Number,
    receipt: Option<&Path>,
) -> Result<Ready<'a>, Failure> {
    let mut ballot = match said {
        Said::Name(name) => Ballot::new(name, number.number)?,
        Said::Marks(marks) => Ballot::with_marks(marks, number.number)?,
    };
    let path = receipt.map(|path| receipt_of(path, id));
    let receipt = path.map(|path| ReceiptFile::begin(&path, &mut ballot, id)).transpose()?;
    Ok(Ready { id, ballot, receipt })
}

/// What became of the votes.
#[derive(Default)]
struct Report {
    as_json: bool,
    /// For each vote its document.
    documents: Vec<Value>,
    /// What is recorded, in words.
    recorded: Vec<String>,
    answered: usize,
    refused: Vec<String>,
    failure: Option<Failure>,
    /// Whether nothing more is to be sent.
    is_over: bool,
}

impl Report {
    fn cast(&mut self, id: &str, cast: Cast) {
        let Cast { outcome, message, kept } = cast;
        self.answered += 1;
        self.documents.push(of(id, show::outcome(&outcome, &message)));
        match &outcome {
            VoteOutcome::Recorded(vote) => self.recorded.push(format!(
                "the vote in election {id} is recorded, and its receipt is {}",
                vote.receipt
            )),
            // It is not on the roll of the others either.
            VoteOutcome::UnknownVoterNumber => self.is_over = true,
            _ => {}
        }
        if !matches!(outcome, VoteOutcome::Recorded(_)) {
            self.refused.push(id.to_string());
        }
        self.say(&message);
        if let Err(failure) = kept {
            self.failure.get_or_insert(failure);
        }
    }

    fn failed(&mut self, id: &str, failure: Failure) {
        let failure = failure.after_votes(self.answered);
        let (outcome, message) = ("failed", failure.why());
        self.documents.push(of(id, json!({ "outcome": outcome, "message": message })));
        self.failure.get_or_insert(failure);
        self.is_over = true;
    }

    fn not_sent(&mut self, id: &str) {
        let message = format!("Your vote in election {id} was not sent.");
        self.documents.push(of(id, json!({ "outcome": "notSent", "message": message })));
        self.refused.push(id.to_string());
        self.say(&message);
    }

    /// Prints a sentence for people. Without that, no more votes are sent.
    fn say(&mut self, message: &str) {
        if !self.as_json
            && let Err(failure) = show::say(message)
        {
            self.is_over = true;
            let failure = self.unprinted(failure);
            self.failure.get_or_insert(failure);
        }
    }

    fn unprinted(&self, failure: Failure) -> Failure {
        if self.recorded.is_empty() { failure } else { failure.after(&self.recorded.join("; ")) }
    }

    /// Ends the command. With `--json`, stdout has one document whatever has happened.
    fn end(mut self) -> Result<(), Failure> {
        if self.as_json {
            let documents = Value::Array(std::mem::take(&mut self.documents));
            show::json(&documents).map_err(|failure| self.unprinted(failure))?;
        }
        let refused = || format!("the vote was not counted in {}", self.refused.join(", "));
        match self.failure {
            Some(failure) if self.as_json => Err(failure.reported()),
            Some(failure) => Err(failure),
            None if self.refused.is_empty() => Ok(()),
            None if self.as_json => Err(Failure::Reported(refused(), Exit::Refused)),
            None => Err(Failure::Refused(refused())),
        }
    }
}

/// A document, with the election that it is about.
fn of(id: &str, mut document: Value) -> Value {
    if let Value::Object(members) = &mut document {
        members.insert("election".into(), id.into());
    }
    document
}

/// The receipt file of an election: for `mine.json`, `mine.board.json`.
fn receipt_of(path: &Path, id: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = match path.extension() {
        Some(extension) => format!("{stem}.{id}.{}", extension.to_string_lossy()),
        None => format!("{stem}.{id}"),
    };
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_election_of_a_paper_has_its_receipt_file() {
        for (path, expected) in [
            ("mine.json", "mine.board.json"),
            ("a/mine", "a/mine.board"),
            ("../r.x.y", "../r.x.board.y"),
        ] {
            assert_eq!(receipt_of(Path::new(path), "board"), Path::new(expected));
        }
    }
}
