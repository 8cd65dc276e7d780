//! Watching an election: a chart that is drawn again whenever the results change.

use std::io::{self, IsTerminal, Write};
use std::mem;
use std::time::{Duration, Instant};

use capvote::client::{Client, Error, Results};
use capvote::command_line::wrap;
use capvote::election::ResultStatus;
use capvote::net::link::Link;
use console::{Alignment, measure_text_width, pad_str, style};
use tokio::time::sleep;

use crate::failure::Failure;
use crate::show;

/// The longest bar of the chart, and the most of a name, in characters.
const BAR_MAX: usize = 40;
const NAME_MAX: usize = 40;

/// What a chart is drawn for that is not drawn on a terminal.
const COLUMNS: usize = 100;

/// A number of votes, with what is between it and its neighbours.
const VOTES_COLUMNS: usize = 11;

/// How long to leave a server alone that was lost, and for how long to try.
const AWAY_PAUSE: Duration = Duration::from_secs(1);
const AWAY_MAX: Duration = Duration::from_secs(10 * 60);

/// Shows the results as they change, until the election is closed: drawn over and over on a terminal, one
/// after the other elsewhere, and as one JSON document a line where that is asked for. A server that was there is
/// waited for when it is lost.
pub(crate) async fn watch(link: &Link, id: &str, json: bool) -> Result<(), Failure> {
    let mut picture = Picture::new(json);
    let mut lost_at = Instant::now();
    loop {
        let watched = watch_once(link, id, &mut picture).await;
        if let Some(error) = picture.unprinted {
            return Err(error.into());
        }
        let Err(error) = watched else { return Ok(()) };
        match error {
            Error::Disconnected | Error::NoAnswer(_) | Error::Unreachable { .. }
                if picture.begun => {}
            Error::Disconnected | Error::NoAnswer(_) => {
                let why = format!("{error}; no vote is affected by that. Start watch again");
                return Err(Failure::Fault(why));
            }
            error => return Err(error.into()),
        }
        if mem::take(&mut picture.fresh) {
            lost_at = Instant::now();
            picture.note("The server is away; trying again.");
        }
        if lost_at.elapsed() > AWAY_MAX {
            return Err(Failure::Fault(format!(
                "the connection to the server was lost, and could not be had again for {} minutes; no vote is affected \
                 by that. Start watch again",
                AWAY_MAX.as_secs() / 60
            )));
        }
        sleep(AWAY_PAUSE).await;
    }
}

async fn watch_once(link: &Link, id: &str, picture: &mut Picture) -> Result<(), Error> {
    let client = Client::connect(link).await?;
    client.election(id).watch(|results| picture.show(results)).await
}

/// What is shown of an election.
struct Picture {
    json: bool,
    terminal: bool,
    /// The rows of a terminal that it takes.
    drawn: usize,
    /// Whether there is anything in it, and whether that came over the last connection.
    begun: bool,
    fresh: bool,
    /// Why it cannot be shown.
    unprinted: Option<io::Error>,
}

impl Picture {
    fn new(json: bool) -> Self {
        let terminal = io::stdout().is_terminal();
        Self { json, terminal, drawn: 0, begun: false, fresh: false, unprinted: None }
    }

    fn show(&mut self, results: &Results) -> Result<(), String> {
        (self.begun, self.fresh) = (true, true);
        let shown = if self.json {
            writeln!(io::stdout(), "{}", show::results_document(results))
        } else {
            let chart = chart(results, columns(), self.terminal);
            // Up to where the last chart began, and away with it.
            let back = match self.drawn {
                0 => String::new(),
                drawn => format!("\x1b[{drawn}A\x1b[J"),
            };
            self.drawn = if self.terminal { rows(&chart) } else { 0 };
            write!(io::stdout(), "{back}{chart}")
        };
        shown.and_then(|()| io::stdout().flush()).map_err(|error| {
            let text = error.to_string();
            self.unprinted = Some(error);
            text
        })
    }

    /// Says something beside the results: below them on a terminal, where the next picture takes its place.
    fn note(&mut self, text: &str) {
        // With nobody to read it, there is nothing to say.
        if self.terminal && !self.json {
            let _ = writeln!(io::stdout(), "{text}");
            self.drawn += rows(text);
        } else {
            let _ = writeln!(io::stderr(), "{text}");
        }
    }
}

/// How wide a chart may be. A terminal may have another width by now.
fn columns() -> usize {
    show::columns().map_or(COLUMNS, usize::from)
}

/// The rows of a terminal that a text takes.
fn rows(text: &str) -> usize {
    text.lines().map(|line| measure_text_width(line).div_ceil(columns()).max(1)).sum()
}

/// The results as a bar chart: each bar as long as its share of the longest. Of a sealed count there is the turnout
/// alone, on a terminal with a bar.
fn chart(results: &Results, columns: usize, terminal: bool) -> String {
    let mut standing = show::standing(results);
    if terminal {
        standing = wrap(&standing, columns);
    }
    if results.status == Some(ResultStatus::Sealed) {
        let length = BAR_MAX.min(columns);
        let voted = share(results.ballots, results.voters, length);
        let missing = length.saturating_sub(voted);
        return match terminal {
            true => {
                format!("{}{}\n{standing}\n", style("#".repeat(voted)).cyan(), ".".repeat(missing))
            }
            false => format!("{standing}\n"),
        };
    }
    let candidates = show::rows(results);
    let longest = candidates.iter().map(|(name, _)| measure_text_width(name)).max();
    // Names get their half of a narrow terminal, and bars what is left.
    let half = columns.saturating_sub(VOTES_COLUMNS) / 2 + 1;
    let width = longest.unwrap_or_default().min(NAME_MAX).min(half);
    let bar_max = BAR_MAX.min(columns.saturating_sub(width + VOTES_COLUMNS));
    let most = candidates.iter().map(|(_, votes)| *votes).max().unwrap_or_default();
    let mut chart = String::new();
    for (name, votes) in candidates {
        let bar = "#".repeat(share(votes, most, bar_max));
        let name = pad_str(&name, width, Alignment::Left, Some("…"));
        chart.push_str(format!("{name} {votes:>8}").trim_end());
        if !bar.is_empty() {
            chart.push_str(&format!("  {}", style(bar).cyan()));
        }
        chart.push('\n');
    }
    chart + &standing + "\n"
}

/// The part of `length` that `part` is of `whole`. The server may say any numbers.
fn share(part: u64, whole: u64, length: usize) -> usize {
    let share = (u128::from(part) * length as u128).checked_div(u128::from(whole));
    share.map_or(0, |share| share.min(length as u128) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_of_votes_makes_a_bar_too_long() {
        let candidates = vec![("Ada".to_string(), u64::MAX), ("Grace".to_string(), u64::MAX / 2)];
        let (election, status) = ("board".to_string(), Some(ResultStatus::Provisional));
        let results = Results { election, status, candidates, blank: 0, ballots: 1, voters: 1 };
        let bars: Vec<_> =
            chart(&results, COLUMNS, true).lines().map(|line| line.matches('#').count()).collect();
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
        assert_eq!(chart(&results, COLUMNS, true), expected);
        let blank = Results { blank: 10, ballots: 35, ..results };
        let row = format!("(blank)       10  {}\n", "#".repeat(20));
        assert!(chart(&blank, COLUMNS, true).contains(&row), "{}", chart(&blank, COLUMNS, true));
    }

    #[test]
    fn a_sealed_count_shows_who_has_voted_and_no_candidate() {
        let candidates = vec![("Ada".to_string(), 0), ("Grace".to_string(), 0)];
        let (election, status) = ("board".to_string(), Some(ResultStatus::Sealed));
        let results = Results { election, status, candidates, blank: 0, ballots: 14, voters: 20 };
        let words = "14 of 20 have voted. The count is sealed until the close.\n";
        assert_eq!(chart(&results, COLUMNS, false), words);
        let bar = format!("{}{}\n", "#".repeat(28), ".".repeat(12));
        assert_eq!(chart(&results, COLUMNS, true), bar + words);
    }
}
