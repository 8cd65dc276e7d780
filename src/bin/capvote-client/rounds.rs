//! How a result came about: the rounds as a table, as a chart, and as a JSON document.

mod chart;
mod document;
mod pairs;

use capvote::election::{
    Choice, Count, CutBallots, Lot, LotUse, Method, Round, Slate, Status, Verdict, Votes,
    printable, sentence,
};
use comfy_table::{CellAlignment, Table, presets};
use console::measure_text_width;

use crate::failure::Failure;
use crate::show::{self, counted};

/// The rounds that a table on a terminal has room for at most; more are told one below another.
const TABLE_ROUNDS: usize = 12;

/// A count, and what it was of.
pub(crate) struct Counted<'a> {
    pub(crate) title: &'a str,
    pub(crate) slate: &'a Slate,
    pub(crate) method: Method,
    pub(crate) seats: u16,
    pub(crate) count: &'a Count,
    /// The ballots of a file that say more than the rules count.
    pub(crate) cut: CutBallots,
}

/// Prints the count as one JSON document.
pub(crate) fn json(counted: &Counted<'_>) -> Result<(), Failure> {
    show::json(&document::document(counted))
}

/// Prints how the result came about, and then the result.
pub(crate) fn show(counted: &Counted<'_>, chart: bool) -> Result<(), Failure> {
    if !counted.title.is_empty() {
        show::say(counted.title)?;
    }
    show::say(&ballots(counted.count, counted.cut))?;
    for cut in cut(counted.cut) {
        show::say(&cut)?;
    }
    let rounds = &counted.count.rounds;
    let as_table = !chart && (rounds.is_empty() || show_table(counted)?);
    if as_table {
        for (number, round) in (1..).zip(rounds) {
            show::say(&numbered(number, round, counted))?;
        }
    } else {
        chart::show(counted)?;
    }
    if let Some(pairs) = &counted.count.pairs {
        pairs::show(pairs, counted.slate)?;
    }
    show_lots(counted.count, counted.slate)?;
    show::say(&verdict(counted))
}

/// Prints each lot that decided.
pub(crate) fn show_lots(count: &Count, slate: &Slate) -> Result<(), Failure> {
    count.lots.iter().try_for_each(|lot| show::say(&drawn(lot, slate)))
}

/// "Round 1. ..." where there are several.
fn numbered(number: usize, round: &Round, counted: &Counted<'_>) -> String {
    let rounds = &counted.count.rounds;
    let before = number.checked_sub(2).and_then(|before| rounds.get(before));
    let sentence = sentence(round, before, counted.slate);
    if rounds.len() == 1 { sentence } else { format!("Round {number}. {sentence}") }
}

fn ballots(count: &Count, cut: CutBallots) -> String {
    if count.wholes.ballots == 0 {
        return "There are no ballots.".into();
    }
    let all = counted(count.wholes.ballots, "ballot");
    match (count.wholes.ballots - count.wholes.marked).saturating_sub(cut.off) {
        0 if count.wholes.ballots == 1 => format!("{all}, and it is not blank."),
        1 if count.wholes.ballots == 1 => format!("{all}, and it is blank."),
        0 => format!("{all}, and none is blank."),
        1 => format!("{all}, of which 1 is blank."),
        blank => format!("{all}, of which {blank} are blank."),
    }
}

/// What the rules do not count of the ballots of a file.
fn cut(cut: CutBallots) -> Vec<String> {
    let said = |ballots, one: &str, several: &str| {
        let what = if ballots == 1 { one } else { several };
        (ballots > 0).then(|| format!("{} {what}", counted(ballots, "ballot")))
    };
    let off = said(
        cut.off,
        "begins with more than these rules count, and is counted as blank.",
        "begin with more than these rules count, and are counted as blank.",
    );
    let short = said(
        cut.short,
        "says more than these rules count, and counts as far as they do.",
        "say more than these rules count, and count as far as they do.",
    );
    off.into_iter().chain(short).collect()
}

/// Prints the rounds as the columns of a table, in a row for each name. Returns whether there is
/// room for that.
fn show_table(counted: &Counted<'_>) -> Result<bool, Failure> {
    let count = counted.count;
    let mut table = Table::new();
    let rounds: Vec<String> = match count.rounds.len() {
        1 => vec!["votes".into()],
        several => (1..=several).map(|number| format!("round {number}")).collect(),
    };
    let heading: Vec<String> = std::iter::once("candidate".into()).chain(rounds).collect();
    table.load_style(presets::NOTHING).set_header(&heading);
    for index in 1..heading.len() {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for (index, name) in counted.slate.names().iter().enumerate() {
        let cells = (0..count.rounds.len()).map(|round| cell(&count.rounds, round, index));
        table.add_row(std::iter::once(printable(name)).chain(cells));
    }
    let of_rounds = |votes: fn(&Round) -> Votes| count.rounds.iter().map(votes).collect::<Vec<_>>();
    for (what, votes) in [
        ("(exhausted)", of_rounds(|it| it.exhausted)),
        ("(lost)", of_rounds(|it| it.lost)),
        ("(needed)", of_rounds(|it| it.needed)),
    ] {
        if votes.iter().any(|&votes| votes > Votes::ZERO) {
            let cells = votes.iter().map(Votes::to_string);
            table.add_row(std::iter::once(what.to_string()).chain(cells));
        }
    }
    let width = |row: &comfy_table::Row| -> Vec<usize> {
        row.cell_iter().map(|cell| measure_text_width(&cell.content())).collect()
    };
    let mut widths = vec![0; heading.len()];
    for row in table.header().into_iter().chain(table.row_iter()) {
        widths.iter_mut().zip(width(row)).for_each(|(all, one)| *all = (*all).max(one));
    }
    let all = widths.iter().sum::<usize>() + 2 * widths.len();
    let fits = |columns: u16| all <= columns.into() && count.rounds.len() <= TABLE_ROUNDS;
    if show::columns().is_none_or(fits) {
        show::print(&mut table)?;
        show::say("* takes a seat in this round; - is out.")?;
        return Ok(true);
    }
    Ok(false)
}

/// Whether a name has taken seats that stay empty, as only the last of a slate can.
fn leaves_empty(round: &Round, name: usize) -> bool {
    round.empty > 0 && name + 1 == round.votes.len()
}

/// The votes of a name after a round, and what became of it in that round: a star for each seat
/// that it takes.
fn cell(rounds: &[Round], round: usize, name: usize) -> String {
    let is = |round: usize| {
        let round = rounds.get(round)?;
        Some((*round.votes.get(name)?, *round.status.get(name)?))
    };
    let before = round.checked_sub(1).and_then(is).map(|(_, status)| status);
    if let Some(after) = rounds.get(round).filter(|round| leaves_empty(round, name)) {
        let empty = round.checked_sub(1).and_then(|before| rounds.get(before));
        let taken = after.empty.saturating_sub(empty.map_or(0, |round| round.empty));
        let stars = "*".repeat(taken.into());
        let votes = after.votes.get(name).copied().unwrap_or_default();
        return format!("{votes} {stars}").trim_end().to_string();
    }
    match is(round) {
        Some((votes, Status::Elected)) if before != Some(Status::Elected) => format!("{votes} *"),
        Some((Votes::ZERO, Status::Excluded)) => "-".into(),
        Some((votes, _)) => votes.to_string(),
        None => String::new(),
    }
}

/// What a lot drew, in a sentence.
fn drawn(lot: &Lot, slate: &Slate) -> String {
    let order = names(&lot.order, slate).join(", ");
    let decided = match lot.decided {
        LotUse::Seats { seats: 1 } => "the first has the seat".into(),
        LotUse::Seats { seats } => format!("the first {seats} have the seats"),
        LotUse::Surplus => "the surplus of the first is passed on first".into(),
        LotUse::Exclusion => "the last is excluded".into(),
    };
    format!("The lot drew {order}: {decided}.")
}

fn names(choices: &[Choice], slate: &Slate) -> Vec<String> {
    choices.iter().map(|&it| printable(slate.name(it).unwrap_or_default())).collect()
}

/// Who is elected, and what that means.
fn verdict(counted: &Counted<'_>) -> String {
    let elected = &counted.count.elected;
    let empty = usize::from(counted.seats).saturating_sub(elected.len());
    let who = match &names(elected, counted.slate)[..] {
        [] => "Nobody is elected".into(),
        names => format!("Elected: {}", names.join(", ")),
    };
    match counted.count.verdict {
        Verdict::Decided => format!("{who}."),
        Verdict::NoQuorum => format!("{who}: too few ballots were cast."),
        Verdict::NoMajority => format!("{who}: nobody has the majority."),
        Verdict::Vacant if empty == 1 => format!("{who}. 1 seat stays empty."),
        Verdict::Vacant => format!("{who}. {empty} seats stay empty."),
    }
}
