//! The rounds one below another, each with bars for the votes.

use capvote::election::{Round, Status, Votes, printable};
use console::{measure_text_width, pad_str};

use super::{Counted, leaves_empty, numbered};
use crate::failure::Failure;
use crate::show::{self, counted};

/// The columns of a line where stdout is no terminal.
const PIPED_COLUMNS: u16 = 80;
/// The columns of a bar on a wide line.
const BAR_COLUMNS: usize = 40;

/// Prints each round: its sentence, and a line for each name that has votes or is elected.
pub(super) fn show(count: &Counted<'_>) -> Result<(), Failure> {
    let columns = usize::from(show::columns().unwrap_or(PIPED_COLUMNS));
    for (number, round) in (1..).zip(&count.count.rounds) {
        if number > 1 {
            show::say("")?;
        }
        show::say(&numbered(number, round, count))?;
        for line in lines(round, count.slate.names(), columns) {
            show::lines(&line)?;
        }
    }
    Ok(())
}

/// A line for each name, most votes first; or two, where the name and the bar do not fit one.
fn lines(round: &Round, names: &[String], columns: usize) -> Vec<String> {
    let mut rows: Vec<(String, Votes, String)> = Vec::new();
    let of_names = names.iter().zip(round.votes.iter().zip(&round.status));
    for (place, (name, (votes, status))) in of_names.enumerate() {
        let what = match status {
            _ if leaves_empty(round, place) => {
                format!(" for {}", counted(round.empty.into(), "empty seat"))
            }
            Status::Elected => " elected".into(),
            _ => String::new(),
        };
        if *votes > Votes::ZERO || !what.is_empty() {
            rows.push((printable(name), *votes, what));
        }
    }
    rows.sort_by_key(|&(_, votes, _)| std::cmp::Reverse(votes));
    for (name, votes) in [("(exhausted)", round.exhausted), ("(lost)", round.lost)] {
        if votes > Votes::ZERO {
            rows.push((name.into(), votes, String::new()));
        }
    }
    let width = |text: &dyn Fn(&(String, Votes, String)) -> usize| rows.iter().map(text).max();
    let name_width = width(&|(name, ..)| measure_text_width(name)).unwrap_or_default();
    let end = |votes: &Votes, what: &str| format!(" {votes}{what}");
    let end_width = width(&|(_, votes, what)| end(votes, what).len()).unwrap_or_default();
    let most = rows.iter().map(|&(_, votes, _)| votes).max().unwrap_or_default().max(round.needed);

    // Bars of a tenth of a line say little.
    let beside = columns.saturating_sub(name_width + 1 + end_width).min(BAR_COLUMNS);
    let in_one_line = beside >= 8;
    let bar_width =
        if in_one_line { beside } else { columns.saturating_sub(end_width).min(BAR_COLUMNS) };
    let line = |(name, votes, what): &(String, Votes, String)| {
        let bar = bar(*votes, most, bar_width);
        let end = end(votes, what);
        if in_one_line {
            let name = pad_str(name, name_width, console::Alignment::Left, None);
            format!("{name} {bar}{end}")
        } else {
            format!("{name}\n{bar}{end}")
        }
    };
    rows.iter().map(line).collect()
}

/// A bar that is as long, of `width`, as the votes are of the most.
fn bar(votes: Votes, most: Votes, width: usize) -> String {
    let cells = u128::from(votes.billionths()) * width as u128;
    let cells = cells / u128::from(most.billionths()).max(1);
    "█".repeat(usize::try_from(cells).unwrap_or(width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_votes() {
        let bar = |votes, most| bar(Votes::whole(votes), Votes::whole(most), 10).chars().count();
        assert_eq!([bar(0, 0), bar(0, 7), bar(1, 20), bar(10, 20), bar(20, 20)], [0, 0, 0, 5, 10]);
        assert_eq!(bar(18_446_744_073, 18_446_744_073), 10);
    }
}
