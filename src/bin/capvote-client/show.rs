//! Output: tables and sentences for people, one JSON document for programs. What is printed passes
//! through here, and is made printable here: a server may send any text.

mod elections;
mod outcome;

use std::io::{self, Write};

use capvote::client::Results;
use capvote::command_line::{can_redraw, wrapped};
use capvote::election::{ResultStatus, Rules, printable, printable_json};
use comfy_table::{Cell, CellAlignment, Column, ContentArrangement, Row, Table, presets};
use console::{Term, measure_text_width};
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use serde_json::{Value, json};

pub(crate) use self::elections::{elections, info, schedule};
pub(crate) use self::outcome::{outcome, words};
use crate::failure::Failure;
use crate::rules;

/// Shown for values that only newer clients know.
const UNKNOWN: &str = "unknown";

/// Shown as the name of blank ballots.
pub(crate) const BLANK: &str = "(blank)";

/// Prints a sentence.
pub(crate) fn say(sentence: &str) -> Result<(), Failure> {
    line(&wrapped(&printable(sentence), &Term::stdout()))
}

/// Prints a sentence to stderr. One that cannot be written is dropped.
pub(crate) fn note(sentence: &str) {
    let _ = writeln!(io::stderr(), "{}", wrapped(&printable(sentence), &Term::stderr()));
}

/// Prints lines that are printable already, as they are.
pub(crate) fn lines(text: &str) -> Result<(), Failure> {
    line(text)
}

/// Prints what is printable already, and a newline.
fn line(text: &str) -> Result<(), Failure> {
    Ok(writeln!(io::stdout(), "{text}")?)
}

/// Prints one JSON document.
pub(crate) fn json(document: &Value) -> Result<(), Failure> {
    line(&printable_json(&format!("{document:#}")))
}

pub(crate) fn result(
    candidate: &str,
    votes: u64,
    status: Option<ResultStatus>,
    as_json: bool,
) -> Result<(), Failure> {
    if as_json {
        return json(
            &json!({ "candidate": candidate, "votes": votes, "status": status_name(status) }),
        );
    }
    if status == Some(ResultStatus::Sealed) {
        return say(&format!("{candidate}: the count is sealed until the close."));
    }
    let (votes, status) = (counted(votes, "vote"), status_name(status));
    say(&format!("{candidate}: {votes} ({status})"))
}

/// An election's count, as a JSON document.
pub(crate) fn results_document(results: &Results) -> Value {
    let candidates = results.candidates.iter();
    json!({
            "election": results.election,
            "status": status_name(results.status),
            "candidates": candidates
                .map(|(candidate, votes)| json!({ "candidate": candidate, "votes": votes }))
                .collect::<Vec<_>>(),
            "blank": results.blank,
            "turnout": { "ballots": results.ballots, "voters": results.voters },
            "elected": results.elected,
            "verdict": results.verdict.map(rules::verdict_name),
    })
}

/// An election's count, for people. The rules are `None` if only a newer client knows them.
pub(crate) fn results(results: &Results, rules: Option<&Rules>) -> Result<(), Failure> {
    let is_ranked = rules.is_some_and(|rules| rules.method.is_ranked());
    // A sealed count has no votes to show.
    if results.status != Some(ResultStatus::Sealed) {
        let mut table = votes_table(if is_ranked { "first ranks" } else { "votes" });
        for (name, votes) in rows(results) {
            add_row(&mut table, &[&name, &votes.to_string()]);
        }
        print(&mut table)?;
    }
    let seats = rules.map(|rules| rules.seats);
    if let Some(elected) = rules::elected(&results.elected, results.verdict, seats) {
        say(&elected)?;
    }
    say(&standing(results, rules))?;
    if is_ranked && results.status == Some(ResultStatus::Final) {
        say("First ranks alone do not decide: result --rounds shows how ballots were counted.")?;
    }
    Ok(())
}

/// The printable names of the candidates, and the blank ballots, with their votes.
pub(crate) fn rows(results: &Results) -> Vec<(String, u64)> {
    let candidates = results.candidates.iter().map(|(name, votes)| (printable(name), *votes));
    let blank = (results.blank > 0).then(|| (BLANK.to_string(), results.blank));
    candidates.chain(blank).collect()
}

/// The turnout, and what the count means.
pub(crate) fn standing(results: &Results, rules: Option<&Rules>) -> String {
    let turnout = turnout(results.ballots, results.voters);
    match results.status {
        Some(ResultStatus::Sealed) => format!("{turnout}. The count is sealed until the close."),
        status => {
            let shown = results.candidates.iter().map(|(_, votes)| *votes);
            let shown = shown.fold(results.blank, u64::saturating_add);
            // Where a ballot can have several marks, votes do not tell how many ballots they are of.
            let is_one_each = rules.is_some_and(Rules::has_one_mark);
            let is_partial = status == Some(ResultStatus::Provisional) && results.ballots > 0;
            let left_out = match results.ballots.saturating_sub(shown) {
                _ if !is_one_each && is_partial => ", and leave out the newest ballots".into(),
                _ if !is_one_each => String::new(),
                0 => String::new(),
                newest => format!(", and leave out the newest {}", counted(newest, "ballot")),
            };
            format!("{turnout}; these results are {}{left_out}.", status_name(status))
        }
    }
}

/// "3 of 20 have voted".
pub(crate) fn turnout(ballots: u64, voters: u64) -> String {
    let have = if ballots == 1 { "has" } else { "have" };
    format!("{ballots} of {voters} {have} voted")
}

/// "1 ballot", "2 ballots".
pub(crate) fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// A progress bar with speed and remaining time. Hidden if stdout is no terminal, and with
/// `--json`.
pub(crate) fn progress(all: u64, what: &str, as_json: bool) -> ProgressBar {
    bar(all, &format!("{{wide_bar}} {{percent}}%, {{per_sec}} {what}, {{eta}} left"), as_json)
}

/// As [`progress`], for bytes.
pub(crate) fn bytes_progress(all: u64, as_json: bool) -> ProgressBar {
    bar(all, "{wide_bar} {percent}%, {binary_bytes_per_sec}, {eta} left", as_json)
}

fn bar(all: u64, template: &str, as_json: bool) -> ProgressBar {
    if as_json || !can_redraw() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(all).with_finish(ProgressFinish::AndClear);
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// An empty table of candidates and votes.
pub(crate) fn votes_table(votes: &str) -> Table {
    let mut table = table(["candidate", votes]);
    align_right(&mut table, 1);
    table
}

pub(crate) fn status_name(status: Option<ResultStatus>) -> &'static str {
    match status {
        Some(ResultStatus::Provisional) => "provisional",
        Some(ResultStatus::Sealed) => "sealed",
        Some(ResultStatus::Final) => "final",
        Some(ResultStatus::UnknownCandidate) => "unknownCandidate",
        None => UNKNOWN,
    }
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table
}

/// Adds a row of texts to a table, which may be any.
pub(crate) fn add_row(table: &mut Table, texts: &[&str]) {
    table.add_row(texts.iter().map(|text| printable(text)));
}

fn align_right(table: &mut Table, column: usize) {
    if let Some(column) = table.column_mut(column) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

/// Prints a table: fitted to a terminal, or with tabs between the columns for programs. On a
/// terminal too narrow for the headings, each cell gets a line that begins with its heading.
pub(crate) fn print(table: &mut Table) -> Result<(), Failure> {
    let mut stdout = io::stdout();
    let Some(width) = columns() else {
        for row in table.header().into_iter().chain(table.row_iter()) {
            let cells: Vec<_> = row.cell_iter().map(Cell::content).collect();
            writeln!(stdout, "{}", cells.join("\t"))?;
        }
        return Ok(());
    };
    let headings: Vec<_> =
        table.header().into_iter().flat_map(Row::cell_iter).map(Cell::content).collect();
    let texts: usize = headings.iter().map(|heading| measure_text_width(heading)).sum();
    let padding: u16 = table.column_iter().map(Column::padding_width).sum();
    if texts + usize::from(padding) <= width.into() {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        return Ok(writeln!(stdout, "{}", table.trim_fmt())?);
    }
    for (index, row) in table.row_iter().enumerate() {
        if index > 0 {
            writeln!(stdout)?;
        }
        for (heading, cell) in headings.iter().zip(row.cell_iter()) {
            writeln!(stdout, "{heading}: {}", cell.content())?;
        }
    }
    Ok(())
}

/// The width of the terminal, if stdout is one.
pub(crate) fn columns() -> Option<u16> {
    Term::stdout().size_checked().map(|(_, columns)| columns).filter(|&columns| columns > 0)
}
