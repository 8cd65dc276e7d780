//! The command `vote --paper`: every open election with one roll, as the questions of one paper.
//!
//! All questions are answered before anything is sent. Answers are lines of standard input, so that
//! a program can fill in a paper, too.

mod answer;
mod sending;

use std::io::{self, BufRead, IsTerminal, Read, Write};

use capvote::client::Info;
use capvote::election::{ElectionState, printable};

pub(crate) use answer::BLANK;

use super::{Said, refused};
use crate::arguments::Vote;
use crate::failure::Failure;
use crate::number::Number;
use crate::rules;
use crate::show;
use crate::target::Target;

/// The longest answer, in bytes: all ranks of a slate with their blanks.
const ANSWER_BYTES_MAX: u64 = 4_096;

/// A question, and what the voter says.
struct Answered<'a> {
    info: &'a Info,
    said: Said,
}

pub(super) async fn run(vote: &Vote, target: &Target) -> Result<(), Failure> {
    let given = vote.voter_number.as_deref().map(Number::given).transpose();
    let given = given.map_err(|failure| failure.about("--voter-number"))?;
    let client = target.connect().await?;
    let elections = client.elections().await?;
    let questions = questions(&elections, &target.id)?;
    // Only one election by itself names the servers. Without them, the votes go to this one.
    if let Some(first) = questions.first()
        && let Ok(info) = client.election(&first.id).info().await
    {
        target.learn(&info);
    }
    drop(client);
    let number = match given {
        Some(number) => number,
        None => Number::ask().await?,
    };
    let mut input = Input::new();
    let mut answered = Vec::new();
    for (place, &info) in (1..).zip(&questions) {
        input.show(&question(info, place, questions.len()));
        if let Some(said) = input.answer(info)? {
            answered.push(Answered { info, said });
        }
    }
    input.end()?;
    if answered.is_empty() {
        return Err(Failure::Usage("every question was left out, and nothing was sent".into()));
    }
    sending::send(answered, &number, vote.receipt.as_deref(), target).await
}

/// The open elections on the paper of this one, or of all if it is empty.
fn questions<'a>(elections: &'a [Info], id: &str) -> Result<Vec<&'a Info>, Failure> {
    let roll = |info: &'a Info| if info.roll.is_empty() { &info.id } else { &info.roll };
    let is_open = |info: &&Info| info.state == Some(ElectionState::Open);
    let open: Vec<_> = elections.iter().filter(is_open).collect();
    let wanted = match elections.iter().find(|info| info.id == id) {
        Some(info) => roll(info),
        None if !id.is_empty() => {
            return Err(Failure::Remote(format!("there is no election \"{id}\"")));
        }
        None => open.first().map(|info| roll(info)).ok_or_else(nothing_open)?,
    };
    if id.is_empty() && open.iter().any(|info| roll(info) != wanted) {
        let ids: Vec<_> = open.iter().map(|info| info.id.as_str()).collect();
        return Err(Failure::Usage(format!(
            "the open elections have different voter numbers: name one of the paper with \
             --election, of {}; nothing was sent",
            ids.join(", ")
        )));
    }
    let questions: Vec<_> = open.into_iter().filter(|info| roll(info) == wanted).collect();
    if questions.is_empty() { Err(nothing_open()) } else { Ok(questions) }
}

fn nothing_open() -> Failure {
    Failure::Refused("no election of this paper is open; nothing was sent".into())
}

/// A question: what it is about, the slate in one line, and the rule in one line.
fn question(info: &Info, place: usize, all: usize) -> String {
    let title = if info.title.is_empty() { &info.id } else { &info.title };
    let (names, how) = answer::slate(info);
    let (ballot, blank) = (rules::ballot(info), answer::blank(info));
    format!(
        "Question {place} of {all}: {}\n{}\n{how}, {ballot}; {blank}an empty line leaves it out.",
        printable(title),
        printable(&names),
    )
}

/// Where answers come from.
struct Input {
    lines: io::StdinLock<'static>,
    /// Whether somebody can be asked, and asked again.
    is_terminal: bool,
}

impl Input {
    fn new() -> Self {
        let stdin = io::stdin();
        Self { is_terminal: stdin.is_terminal(), lines: stdin.lock() }
    }

    /// Shows a question to a person.
    fn show(&self, text: &str) {
        if self.is_terminal {
            text.lines().for_each(show::note);
        }
    }

    /// Reads an answer. `None` leaves the question out.
    fn answer(&mut self, info: &Info) -> Result<Option<Said>, Failure> {
        loop {
            if self.is_terminal {
                let _ = write!(io::stderr(), "> ").and_then(|()| io::stderr().flush());
            }
            let line = self.line()?;
            let line = line.trim();
            if line.is_empty() {
                return Ok(None);
            }
            let why = match answer::read(line, info) {
                Ok(said) => return Ok(Some(said)),
                Err(why) => refused(info, why).why,
            };
            if !self.is_terminal {
                return Err(Failure::Refused(format!("{why} Nothing was sent")));
            }
            show::note(&why);
        }
    }

    /// Refuses more lines than questions, which a program writes when it has a question in mind that
    /// is not asked: the answers behind it would be those of others.
    fn end(&mut self) -> Result<(), Failure> {
        if self.is_terminal {
            return Ok(());
        }
        let mut byte = [0];
        match self.lines.read(&mut byte) {
            Ok(0) => Ok(()),
            Ok(_) => Err(Failure::Usage(
                "there are more answers than questions, and nothing was sent: an election of the \
                 paper may have closed; each line is an answer, also an empty one"
                    .into(),
            )),
            Err(error) => {
                Err(Failure::Fault(format!("cannot read an answer: {error}; nothing was sent")))
            }
        }
    }

    fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        match (&mut self.lines).take(ANSWER_BYTES_MAX).read_line(&mut line) {
            Ok(0) => Err(Failure::Usage(
                "the answers end before the questions, and nothing was sent; an empty line leaves a \
                 question out"
                    .into(),
            )),
            Ok(_) if line.ends_with('\n') || (line.len() as u64) < ANSWER_BYTES_MAX => Ok(line),
            Ok(_) => {
                let why = format!("an answer has at most {ANSWER_BYTES_MAX} bytes");
                Err(Failure::Usage(format!("{why}; nothing was sent")))
            }
            Err(error) => {
                Err(Failure::Fault(format!("cannot read an answer: {error}; nothing was sent")))
            }
        }
    }
}
