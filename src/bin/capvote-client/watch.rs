//! The command `watch`: a chart that is redrawn when the results change.

use std::io::{self, Write};
use std::mem;
use std::time::{Duration, Instant};

use capvote::client::{Error, Results};
use capvote::command_line::{can_redraw, wrap};
use capvote::election::{ResultStatus, Rules, printable_json};
use console::{Alignment, Term, measure_text_width, pad_str, style};
use tokio::time::sleep;

use crate::failure::Failure;
use crate::rules;
use crate::show;
use crate::target::Target;

/// The longest bar of the chart, and the most that is shown of a name, in columns.
const BAR_MAX: usize = 40;
const NAME_MAX: usize = 40;

/// The width of a chart that is not drawn on a terminal.
const COLUMNS: usize = 100;

/// Rows of a terminal that a chart leaves free: one for a note, and one for the cursor.
const FREE_ROWS: usize = 2;

/// The width of the numbers of votes, with the gaps beside them.
const VOTES_COLUMNS: usize = 11;

/// The pause between attempts to reconnect, and how long to go on with them.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);
const RECONNECT_MAX: Duration = Duration::from_secs(10 * 60);

/// Shows the results as they change, until the election is closed: redrawn on a terminal, one after
/// the other elsewhere, and with `--json` as one document a line. Reconnects to a server that was
/// lost after the first results.
pub(crate) async fn run(target: &Target) -> Result<(), Failure> {
    let mut display = Display::new(target.json);
    let mut lost_at = Instant::now();
    loop {
        let watched = watch_once(target, &mut display).await;
        if let Some(error) = display.print_error {
            return Err(error.into());
        }
        let Err(error) = watched else { return Ok(()) };
        match error {
            Error::Disconnected | Error::NoAnswer(_) | Error::Unreachable { .. }
                if display.has_results => {}
            Error::Disconnected | Error::NoAnswer(_) => {
                let why = format!("{error}; no vote is affected by that. Start watch again");
                return Err(Failure::Fault(why));
            }
            error => return Err(error.into()),
        }
        if mem::take(&mut display.is_connected) {
            lost_at = Instant::now();
            display.note("The server is away; trying again.");
        }
        if lost_at.elapsed() > RECONNECT_MAX {
            return Err(Failure::Fault(format!(
                "the connection to the server was lost, and reconnecting failed for {} minutes; no \
                 vote is affected by that. Start watch again",
                RECONNECT_MAX.as_secs() / 60
            )));
        }
        sleep(RECONNECT_PAUSE).await;
    }
}

async fn watch_once(target: &Target, display: &mut Display) -> Result<(), Error> {
    let election = target.election().await?;
    // Without it, less is said about the count, and no other server is known.
    if let Ok(info) = election.info().await {
        target.learn(&info);
        display.rules = info.rules;
    }
    election.watch(|results| display.show(results)).await
}

/// What is shown of an election.
struct Display {
    json: bool,
    rules: Option<Rules>,
    terminal: bool,
    /// The last chart on the terminal, and the notes below it.
    drawn: String,
    /// Whether results were ever shown, and whether any came over the last connection.
    has_results: bool,
    is_connected: bool,
    print_error: Option<io::Error>,
}

impl Display {
    fn new(json: bool) -> Self {
        let terminal = can_redraw();
        let (has_results, is_connected) = (false, false);
        let drawn = String::new();
        Self { json, rules: None, terminal, drawn, has_results, is_connected, print_error: None }
    }

    fn show(&mut self, results: &Results) -> Result<(), String> {
        (self.has_results, self.is_connected) = (true, true);
        let shown = if self.json {
            writeln!(
                io::stdout(),
                "{}",
                printable_json(&show::results_document(results).to_string())
            )
        } else {
            let (columns, height) = size();
            let chart = chart(results, self.rules.as_ref(), columns, height, self.terminal);
            // Cursor to the beginning of the last chart, and clear the screen from there. The
            // terminal may have become narrower.
            let back = match rows(&self.drawn, columns) {
                0 => String::new(),
                rows => format!("\x1b[{rows}A\x1b[J"),
            };
            let written = write!(io::stdout(), "{back}{chart}");
            if self.terminal {
                self.drawn = chart;
            }
            written
        };
        shown.and_then(|()| io::stdout().flush()).map_err(|error| {
            let text = error.to_string();
            self.print_error = Some(error);
            text
        })
    }

    /// Prints a note: below the chart on a terminal, where the next chart replaces it, and to
    /// stderr elsewhere. A note that cannot be written is dropped.
    fn note(&mut self, text: &str) {
        if self.terminal && !self.json {
            let _ = writeln!(io::stdout(), "{text}");
            self.drawn += &format!("{text}\n");
        } else {
            let _ = writeln!(io::stderr(), "{text}");
        }
    }
}

/// The columns and, on a terminal, the rows for a chart. A terminal may be resized at any time.
fn size() -> (usize, Option<usize>) {
    match Term::stdout().size_checked() {
        Some((height, columns)) if height > 0 && columns > 0 => {
            (columns.into(), Some(height.into()))
        }
        _ => (COLUMNS, None),
    }
}

/// The rows of a terminal that a text takes.
fn rows(text: &str, columns: usize) -> usize {
    text.lines().map(|line| measure_text_width(line).div_ceil(columns).max(1)).sum()
}

/// The results as a bar chart, with bars proportional to the votes. A sealed count shows the
/// turnout alone, on a terminal as a bar. Of more candidates than fit, the first are shown.
fn chart(
    results: &Results,
    rules: Option<&Rules>,
    columns: usize,
    height: Option<usize>,
    terminal: bool,
) -> String {
    let mut standing = show::standing(results, rules);
    let seats = rules.map(|rules| rules.seats);
    if let Some(elected) = rules::elected(&results.elected, results.verdict, seats) {
        standing = format!("{elected} {standing}");
    }
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
    // On a narrow terminal names get at most half, and bars the rest.
    let half = columns.saturating_sub(VOTES_COLUMNS) / 2 + 1;
    let width = longest.unwrap_or_default().min(NAME_MAX).min(half);
    let bar_max = BAR_MAX.min(columns.saturating_sub(width + VOTES_COLUMNS));
    let most = candidates.iter().map(|(_, votes)| *votes).max().unwrap_or_default();
    let mut chart = String::new();
    let all = candidates.len();
    let shown = match height.filter(|_| terminal) {
        None => all,
        Some(height) => match height.saturating_sub(rows(&standing, columns) + FREE_ROWS) {
            fit if all <= fit => all,
            fit => fit.saturating_sub(1),
        },
    };
    for (name, votes) in candidates.into_iter().take(shown) {
        let bar = "#".repeat(share(votes, most, bar_max));
        let name = pad_str(&name, width, Alignment::Left, Some("…"));
        chart.push_str(format!("{name} {votes:>8}").trim_end());
        if !bar.is_empty() {
            chart.push_str(&format!("  {}", style(bar).cyan()));
        }
        chart.push('\n');
    }
    if shown < all {
        chart.push_str(&format!("and {} more\n", all - shown));
    }
    chart + &standing + "\n"
}

/// `length` times `part` divided by `whole`. The server may send any numbers.
fn share(part: u64, whole: u64, length: usize) -> usize {
    let share = (u128::from(part) * length as u128).checked_div(u128::from(whole));
    share.map_or(0, |share| share.min(length as u128) as usize)
}

#[cfg(test)]
mod tests {
    use capvote::election::Method;

    use super::*;

    const ONE_MARK: Option<&Rules> = Some(&Rules {
        method: Method::Plurality,
        seats: 1,
        marks: 1,
        majority: None,
        quorum: None,
        none: false,
    });

    #[test]
    fn a_bar_is_never_too_long() {
        let candidates = vec![("Ada".to_string(), u64::MAX), ("Grace".to_string(), u64::MAX / 2)];
        let (election, status) = ("board".to_string(), Some(ResultStatus::Provisional));
        let results = Results {
            election,
            status,
            candidates,
            blank: 0,
            ballots: 1,
            voters: 1,
            elected: Vec::new(),
            verdict: None,
        };
        let bars: Vec<_> = chart(&results, ONE_MARK, COLUMNS, None, true)
            .lines()
            .map(|line| line.matches('#').count())
            .collect();
        assert_eq!(bars, [40, 19, 0]);
    }

    #[test]
    fn bars_are_proportional_to_the_votes() {
        let candidates =
            vec![("Ada".to_string(), 20), ("Grace".to_string(), 5), ("Zoë".to_string(), 0)];
        let (election, status) = ("board".to_string(), Some(ResultStatus::Provisional));
        let results = Results {
            election,
            status,
            candidates,
            blank: 0,
            ballots: 25,
            voters: 30,
            elected: Vec::new(),
            verdict: None,
        };
        let expected = format!(
            "Ada         20  {}\nGrace        5  {}\nZoë          0\n\
             25 of 30 have voted; these results are provisional.\n",
            "#".repeat(40),
            "#".repeat(10)
        );
        assert_eq!(chart(&results, ONE_MARK, COLUMNS, None, true), expected);
        let blank = Results { blank: 10, ballots: 35, ..results };
        let row = format!("(blank)       10  {}\n", "#".repeat(20));
        assert!(
            chart(&blank, ONE_MARK, COLUMNS, None, true).contains(&row),
            "{}",
            chart(&blank, ONE_MARK, COLUMNS, None, true)
        );
    }

    #[test]
    fn a_chart_fits_its_terminal() {
        let candidates = (1..=40).map(|votes| (format!("Candidate {votes}"), votes)).collect();
        let (election, status) = ("board".to_string(), Some(ResultStatus::Provisional));
        let results = Results {
            election,
            status,
            candidates,
            blank: 0,
            ballots: 820,
            voters: 900,
            elected: Vec::new(),
            verdict: None,
        };
        let standing = "820 of 900 have voted; these results are provisional.";
        for (columns, height, shown, more) in [
            (COLUMNS, None, 40, None),
            (COLUMNS, Some(43), 40, None),
            (COLUMNS, Some(42), 38, Some("and 2 more")),
            (COLUMNS, Some(24), 20, Some("and 20 more")),
            (COLUMNS, Some(3), 0, Some("and 40 more")),
            // The standing takes two rows there.
            (30, Some(24), 19, Some("and 21 more")),
        ] {
            let chart = chart(&results, ONE_MARK, columns, height, true);
            let names = chart.lines().filter(|line| line.contains("Candi")).count();
            assert_eq!(names, shown, "{columns}, {height:?}: {chart}");
            assert_eq!(chart.lines().find(|line| line.starts_with("and ")), more);
            assert!(height.is_none_or(|height| rows(&chart, columns) < height.max(4)), "{chart}");
            assert_eq!(chart.replace('\n', " ").matches(standing).count(), 1, "{chart}");
        }
        // Elsewhere than on a terminal all are shown.
        assert_eq!(chart(&results, ONE_MARK, COLUMNS, Some(24), false).lines().count(), 41);
    }

    #[test]
    fn a_sealed_count_shows_the_turnout_and_no_candidate() {
        let candidates = vec![("Ada".to_string(), 0), ("Grace".to_string(), 0)];
        let (election, status) = ("board".to_string(), Some(ResultStatus::Sealed));
        let results = Results {
            election,
            status,
            candidates,
            blank: 0,
            ballots: 14,
            voters: 20,
            elected: Vec::new(),
            verdict: None,
        };
        let words = "14 of 20 have voted. The count is sealed until the close.\n";
        assert_eq!(chart(&results, ONE_MARK, COLUMNS, None, false), words);
        let bar = format!("{}{}\n", "#".repeat(28), ".".repeat(12));
        assert_eq!(chart(&results, ONE_MARK, COLUMNS, None, true), bar + words);
    }
}
