//! Output: tables and sentences for people, one JSON document for programs. What is printed passes
//! through here, and is made printable here: a server may send any text.

use std::io::{self, Write};

use capvote::client::{Info, Results, VoteOutcome};
use capvote::command_line::{can_redraw, wrapped};
use capvote::election::{
    ElectionState, LIVE_BATCH_BALLOTS, Publication, ResultStatus, Schedule, printable,
    printable_json,
};
use comfy_table::{Cell, CellAlignment, Column, ContentArrangement, Row, Table, presets};
use console::{Term, measure_text_width, style};
use data_encoding::HEXLOWER;
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::time;

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

/// Prints what is printable already, and a newline.
fn line(text: &str) -> Result<(), Failure> {
    Ok(writeln!(io::stdout(), "{text}")?)
}

/// Prints one JSON document.
pub(crate) fn json(document: &Value) -> Result<(), Failure> {
    line(&printable_json(&format!("{document:#}")))
}

pub(crate) fn elections(elections: &[Info], as_json: bool) -> Result<(), Failure> {
    if as_json {
        return json(&elections.iter().map(info_document).collect());
    }
    if elections.is_empty() {
        return say("There is no election on this server.");
    }
    let mut table = table(["election", "state", "candidates", "voters"]);
    align_right(&mut table, 2);
    align_right(&mut table, 3);
    for info in elections {
        let (candidates, voters) = (info.candidates.len().to_string(), info.voters.to_string());
        add_row(&mut table, &[&info.id, state(info.state), &candidates, &voters]);
    }
    print(&mut table)
}

pub(crate) fn info(info: &Info, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return json(&info_document(info));
    }
    let title = if info.title.is_empty() { &info.id } else { &info.title };
    line(&format!("{} ({})", style(printable(title)).bold(), state(info.state)))?;
    let id_line = if info.title.is_empty() { None } else { Some(&info.id) };
    if let Some(id) = id_line {
        line(&format!("Election: {}", printable(id)))?;
    }
    let added = match info.added_while_open {
        0 => String::new(),
        added => format!(" ({added} added while open)"),
    };
    line(&format!("Voters: {}{added}", info.voters))?;
    schedule(&info.schedule)?;
    if (info.publication, info.state) == (Some(Publication::Live), Some(ElectionState::Open)) {
        line(&format!(
            "The count is shown while voting, in batches of {LIVE_BATCH_BALLOTS} ballots."
        ))?;
    }
    if info.origin.epoch > 1 {
        line(&format!("Ledger: {}, epoch {}", info.origin.ledger, info.origin.epoch))?;
    }
    if let Some(epoch) = info.origin.restored {
        let what = if info.origin.unconfirmed {
            "it takes no votes until an officer confirms that"
        } else {
            "confirmed since"
        };
        line(&format!("Restored from a backup in epoch {epoch}; {what}."))?;
    }
    if info.publication == Some(Publication::Sealed) {
        let when = match info.state {
            Some(ElectionState::Closed) => "The count was sealed until the close; see result.",
            _ => "The count is shown at the close, and not before.",
        };
        line(when)?;
    }
    line("Candidates:")?;
    for candidate in &info.candidates {
        line(&format!("  {}", printable(candidate)))?;
    }
    if info.blank {
        line("  or a blank ballot")?;
    }
    Ok(())
}

/// Prints the times of a schedule, each in a line.
pub(crate) fn schedule(schedule: &Schedule) -> Result<(), Failure> {
    for (what, moment) in [("Opens", schedule.opens), ("Closes", schedule.closes)] {
        if let Some(moment) = moment {
            say(&format!("{what}: {}", time::told(moment)))?;
        }
    }
    Ok(())
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
    })
}

pub(crate) fn results(results: &Results, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return json(&results_document(results));
    }
    // A sealed count has no votes to show.
    if results.status != Some(ResultStatus::Sealed) {
        let mut table = votes_table();
        for (name, votes) in rows(results) {
            add_row(&mut table, &[&name, &votes.to_string()]);
        }
        print(&mut table)?;
    }
    say(&standing(results))
}

/// The printable names of the candidates, and the blank ballots, with their votes.
pub(crate) fn rows(results: &Results) -> Vec<(String, u64)> {
    let candidates = results.candidates.iter().map(|(name, votes)| (printable(name), *votes));
    let blank = (results.blank > 0).then(|| (BLANK.to_string(), results.blank));
    candidates.chain(blank).collect()
}

/// The turnout, and what the count means.
pub(crate) fn standing(results: &Results) -> String {
    let turnout = turnout(results.ballots, results.voters);
    match results.status {
        Some(ResultStatus::Sealed) => format!("{turnout}. The count is sealed until the close."),
        status => {
            let shown = results.candidates.iter().map(|(_, votes)| *votes);
            let shown = shown.fold(results.blank, u64::saturating_add);
            let left_out = match results.ballots.saturating_sub(shown) {
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

/// A vote's outcome, for a server that sent no message about it.
pub(crate) fn words(outcome: &VoteOutcome) -> &'static str {
    match outcome {
        VoteOutcome::Recorded(_) => "Your vote is recorded.",
        VoteOutcome::AlreadyVoted => "Not counted: this voter number has already voted.",
        VoteOutcome::UnknownVoterNumber => "Not counted: this voter number is not on the roll.",
        VoteOutcome::UnknownCandidate(_) => "Not counted: this is no candidate's name.",
        VoteOutcome::NotOpen => "Not counted: voting has not begun.",
        VoteOutcome::Unconfirmed => {
            "Not counted: the election was restored from a backup, and waits for its officer."
        }
        VoteOutcome::Closed => "Not counted: voting is over.",
        VoteOutcome::Throttled { .. } => {
            "Not counted: too many wrong numbers came from here; wait and vote again."
        }
        VoteOutcome::Unknown => {
            "Not counted, for a reason that this client does not know: try a newer client."
        }
    }
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
pub(crate) fn votes_table() -> Table {
    let mut table = table(["candidate", "votes"]);
    align_right(&mut table, 1);
    table
}

/// A vote's outcome, as a JSON document.
pub(crate) fn outcome(outcome: &VoteOutcome, message: &str) -> Value {
    let name = match outcome {
        VoteOutcome::Recorded(vote) => {
            return json!({
                "outcome": "recorded",
                "message": message,
                "receipt": {
                    "commitment": vote.receipt.to_string(),
                    "election": vote.election.as_str(),
                    "candidate": vote.candidate,
                    "nonce": HEXLOWER.encode(vote.nonce.as_bytes()),
                    "ledger": vote.ledger.to_string(),
                    "epoch": vote.epoch,
                },
            });
        }
        VoteOutcome::UnknownCandidate(slate) => {
            let name = "unknownCandidate";
            return json!({ "outcome": name, "message": message, "candidates": slate });
        }
        VoteOutcome::Throttled { wait, .. } => {
            let wait_ms = wait.as_millis() as u64;
            return json!({ "outcome": "throttled", "message": message, "waitMs": wait_ms });
        }
        VoteOutcome::AlreadyVoted => "alreadyVoted",
        VoteOutcome::UnknownVoterNumber => "unknownVoterNumber",
        VoteOutcome::Unconfirmed => {
            return json!({ "outcome": "notOpen", "message": message, "unconfirmed": true });
        }
        VoteOutcome::NotOpen => "notOpen",
        VoteOutcome::Closed => "closed",
        VoteOutcome::Unknown => UNKNOWN,
    };
    json!({ "outcome": name, "message": message })
}

fn info_document(info: &Info) -> Value {
    json!({
        "id": info.id,
        "title": info.title,
        "state": state(info.state),
        "candidates": info.candidates,
        "voters": info.voters,
        "addedWhileOpen": info.added_while_open,
        "blank": info.blank,
        "publication": match info.publication {
            Some(Publication::Live) => "live",
            Some(Publication::Sealed) => "sealed",
            None => UNKNOWN,
        },
        "opens": info.schedule.opens.map(time::utc),
        "closes": info.schedule.closes.map(time::utc),
        "ledger": info.origin.ledger.to_string(),
        "epoch": info.origin.epoch,
        "restored": info.origin.restored.unwrap_or_default(),
        "unconfirmed": info.origin.unconfirmed,
    })
}

fn state(state: Option<ElectionState>) -> &'static str {
    match state {
        Some(ElectionState::Draft) => "draft",
        Some(ElectionState::Open) => "open",
        Some(ElectionState::Closed) => "closed",
        None => UNKNOWN,
    }
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
