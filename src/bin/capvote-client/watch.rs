//! Watching an election: a chart that is drawn again whenever the results change.

use std::io::{self, IsTerminal, Write};

use capvote::client::{Election, Results};
use capvote::election::printable;
use console::{Alignment, measure_text_width, pad_str, style};

use crate::failure::Failure;
use crate::show;

/// The longest bar of the chart, and the most of a name, in characters.
const BAR_MAX: usize = 40;
const NAME_MAX: usize = 40;

/// What a chart is drawn for that is not drawn on a terminal.
const COLUMNS: usize = 100;

/// A number of votes, with what is between it and its neighbours.
const VOTES_COLUMNS: usize = 11;

/// Shows the results as they change, until the election is closed: drawn over and over on a terminal, one
/// after the other elsewhere, and as one JSON document a line where that is asked for.
pub(crate) async fn watch(election: &Election, json: bool) -> Result<(), Failure> {
    let terminal = io::stdout().is_terminal();
    let mut drawn: usize = 0;
    let mut unprinted = None;
    let watched = election.watch(|results| {
        let shown = if json {
            writeln!(io::stdout(), "{}", show::results_document(results))
        } else {
            // It may have another width by now.
            let columns = show::columns().map_or(COLUMNS, usize::from);
            let chart = chart(results, columns);
            // Up to where the last chart began, and away with it.
            let back =
                if terminal && drawn > 0 { format!("\x1b[{drawn}A\x1b[J") } else { String::new() };
            let rows = |line| measure_text_width(line).div_ceil(columns).max(1);
            drawn = chart.lines().map(rows).sum();
            write!(io::stdout(), "{back}{chart}")
        };
        shown.and_then(|()| io::stdout().flush()).map_err(|error| {
            let text = error.to_string();
            unprinted = Some(error);
            text
        })
    });
    let watched = watched.await;
    match unprinted {
        Some(error) => Err(error.into()),
        None => Ok(watched?),
    }
}

/// The results as a bar chart: each bar as long as its share of the longest.
fn chart(results: &Results, columns: usize) -> String {
    let names: Vec<_> = results.candidates.iter().map(|(name, _)| printable(name)).collect();
    let longest = names.iter().map(|name| measure_text_width(name)).max().unwrap_or_default();
    // Names get their half of a narrow terminal, and bars what is left.
    let width = longest.min(NAME_MAX).min(columns.saturating_sub(VOTES_COLUMNS) / 2 + 1);
    let bar_max = BAR_MAX.min(columns.saturating_sub(width + VOTES_COLUMNS));
    let most = results.candidates.iter().map(|(_, votes)| *votes).max().unwrap_or_default();
    let mut chart = String::new();
    for (name, (_, votes)) in names.iter().zip(&results.candidates) {
        // The server may say any number.
        let share = (u128::from(*votes) * bar_max as u128).checked_div(u128::from(most));
        let bar = "#".repeat(share.unwrap_or_default() as usize);
        let name = pad_str(name, width, Alignment::Left, Some("…"));
        chart.push_str(format!("{name} {votes:>8}").trim_end());
        if !bar.is_empty() {
            chart.push_str(&format!("  {}", style(bar).cyan()));
        }
        chart.push('\n');
    }
    let Results { ballots, voters, status, .. } = results;
    chart.push_str(&format!(
        "{ballots} of {voters} have voted; these results are {}.\n",
        show::status_name(*status)
    ));
    chart
}

#[cfg(test)]
mod tests {
    use capvote::election::ResultStatus;

    use super::*;

    #[test]
    fn no_number_of_votes_makes_a_bar_too_long() {
        let candidates = vec![("Ada".to_string(), u64::MAX), ("Grace".to_string(), u64::MAX / 2)];
        let (election, status) = ("board".to_string(), Some(ResultStatus::Provisional));
        let results = Results { election, status, candidates, blank: 0, ballots: 1, voters: 1 };
        let bars: Vec<_> =
            chart(&results, COLUMNS).lines().map(|line| line.matches('#').count()).collect();
        assert_eq!(bars, [40, 19, 0]);
    }

    #[test]
    fn bars_are_as_long_as_their_share() {
        let candidates =
            vec![("Ada".to_string(), 20), ("Grace".to_string(), 5), ("Zoë".to_string(), 0)];
        let (election, status) = ("board".to_string(), Some(ResultStatus::Provisional));
        let results = Results { election, status, candidates, blank: 0, ballots: 25, voters: 30 };
        let expected = format!(
            "Ada         20  {}\nGrace        5  {}\nZoë          0\n\
             25 of 30 have voted; these results are provisional.\n",
            "#".repeat(40),
            "#".repeat(10)
        );
        assert_eq!(chart(&results, COLUMNS), expected);
    }
}
