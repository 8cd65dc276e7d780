//! Medians and ratios of the rounds, as JSON, Markdown and pictures.

use std::fmt::Write;

use serde::Serialize;

use crate::jobs::Job;
use crate::run::Run;
use crate::systems::System;

/// The rounds of one system at one job.
#[derive(Debug, Serialize)]
pub struct Row {
    pub system: &'static str,
    pub job: &'static str,
    /// Median, a second.
    pub rate: f64,
    /// The rate of the first system at this job (capvote) over this system's: the median of the
    /// ratios in single rounds.
    pub ratio: f64,
    pub rounds: usize,
    /// The slowest and the fastest round, over the median.
    pub spread: (f64, f64),
    /// Medians, here and below.
    pub server_micros: f64,
    pub server_mib: f64,
    pub client_mib: f64,
    pub note: String,
}

/// The rows of all systems that ran. `runs` has the rounds of each system, with `None` for a round
/// in which it did not run.
pub fn rows(systems: &[System], runs: &[Vec<Option<Run>>]) -> Vec<Row> {
    let first = |job| systems.iter().position(|system| system.job == job);
    let mut rows = Vec::new();
    for (system, rounds) in systems.iter().zip(runs) {
        let ran: Vec<Run> = rounds.iter().copied().flatten().collect();
        if ran.is_empty() {
            continue;
        }
        let of = |value: fn(&Run) -> f64| median(ran.iter().map(value).collect());
        let rate = of(|run| run.rate);
        let compared = first(system.job).map(|first| &runs[first]);
        let ratios = compared.into_iter().flatten().zip(rounds);
        let ratios =
            ratios.filter_map(|(ours, theirs)| Some(ours.as_ref()?.rate / theirs.as_ref()?.rate));
        let least = ran.iter().map(|run| run.rate).fold(f64::INFINITY, f64::min);
        let most = ran.iter().map(|run| run.rate).fold(0.0, f64::max);
        rows.push(Row {
            system: system.name,
            job: system.job.title(),
            rate,
            ratio: median(ratios.collect()),
            rounds: ran.len(),
            spread: (least / rate, most / rate),
            server_micros: of(|run| run.server_micros),
            server_mib: of(|run| run.server_mib),
            client_mib: of(|run| run.client_mib),
            note: note(system, rounds, systems, runs),
        });
    }
    rows
}

/// A system's note; where the job measures what connections cost, with its rate relative to that
/// with the fewest: the median of the ratios in single rounds.
fn note(
    system: &System,
    rounds: &[Option<Run>],
    systems: &[System],
    runs: &[Vec<Option<Run>>],
) -> String {
    let is_fewest = |it: &&System| Some(it.job) == system.job.fewest() && it.name == system.name;
    let fewest = systems.iter().position(|it| is_fewest(&it)).map(|index| &runs[index]);
    let ratios = fewest.into_iter().flatten().zip(rounds);
    let ratios: Vec<_> =
        ratios.filter_map(|(few, many)| Some(many.as_ref()?.rate / few.as_ref()?.rate)).collect();
    if ratios.is_empty() {
        return system.note.to_string();
    }
    format!("**{} ×** its rate over 10; {}", significant(median(ratios)), system.note)
}

/// The median; NaN if there are no values.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// The rows as Markdown tables, one per job.
pub fn tables(rows: &[Row]) -> String {
    let mut text = String::new();
    let mut job = "";
    for row in rows {
        if row.job != job {
            job = row.job;
            let heading = format!("\n### {}{}\n", job[..1].to_uppercase(), &job[1..]);
            let columns = "\n| system | a second | capvote's ratio | spread | server µs each \
                           | server MiB | client MiB | |\n";
            text += &format!("{heading}{columns}|---|---:|---:|---:|---:|---:|---:|---|\n");
        }
        let (least, most) = row.spread;
        let line = writeln!(
            text,
            "| {} | {} | {} × | {:.0}–{:.0} % | {} | {:.0} | {:.0} | {} |",
            row.system,
            thousands(row.rate),
            significant(row.ratio),
            least * 100.0,
            most * 100.0,
            significant(row.server_micros),
            row.server_mib,
            row.client_mib,
            row.note,
        );
        line.expect("writing to a String cannot fail");
    }
    text
}

/// The picture of one job: a bar per system.
pub fn picture(rows: &[Row], job: Job) -> String {
    let rows = rows.iter().filter(|row| row.job == job.title()).enumerate();
    let bar = |(index, row): (usize, &Row)| {
        let ours = index == 0;
        Bar { label: row.system.to_string(), value: row.rate, ours }
    };
    bars(
        &format!("{}, a second", job.title()),
        &rows.map(bar).collect::<Vec<_>>(),
        Scale::Logarithmic,
    )
}

/// A bar of a picture.
pub struct Bar {
    pub label: String,
    pub value: f64,
    /// capvote's own.
    pub ours: bool,
}

/// The scale of a picture.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// From zero.
    Linear,
    /// Marks at powers of ten.
    Logarithmic,
}

/// A bar chart as SVG.
pub fn bars(title: &str, bars: &[Bar], scale: Scale) -> String {
    let (left, width, step) = (220.0, 420.0, 26.0);
    let height = 60.0 + step * bars.len() as f64;
    let most = bars.iter().map(|bar| bar.value).fold(10.0, f64::max);
    let least = bars.iter().map(|bar| bar.value).fold(f64::INFINITY, f64::min);
    let (low, high) = (least.log10().floor(), most.log10().ceil());
    let (share, marks, said): (Box<dyn Fn(f64) -> f64>, Vec<f64>, _) = match scale {
        Scale::Logarithmic => (
            Box::new(move |value: f64| (value.log10() - low) / (high - low).max(1.0)),
            (low as i32..=high as i32).map(|power| 10_f64.powi(power)).collect(),
            " (logarithmic scale)",
        ),
        Scale::Linear => {
            let mark = 10_f64.powf(most.log10().floor());
            let count = (most / mark).ceil();
            let marks = (0..=count as usize).map(|index| index as f64 * mark).collect();
            (Box::new(move |value: f64| value / (count * mark)), marks, "")
        }
    };
    let at = |value: f64| left + width * share(value);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"760\" height=\"{height}\" fill=\"white\"/>\n\
         <text x=\"10\" y=\"20\" font-weight=\"bold\">{title}{said}</text>\n",
    );
    for mark in marks {
        let x = at(mark);
        svg += &format!(
            "<line x1=\"{x:.1}\" y1=\"34\" x2=\"{x:.1}\" y2=\"{:.1}\" stroke=\"#ccc\"/>\n\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#666\" font-size=\"11\">{}</text>\n",
            height - 22.0,
            height - 8.0,
            thousands(mark),
        );
    }
    for (index, bar) in bars.iter().enumerate() {
        let y = 38.0 + step * index as f64;
        let (end, colour) = (at(bar.value), if bar.ours { "#1a6fb5" } else { "#9ab" });
        svg += &format!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n\
             <rect x=\"{left}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"18\" fill=\"{colour}\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" font-size=\"12\">{}</text>\n",
            left - 8.0,
            y + 14.0,
            bar.label.replace('&', "&amp;"),
            end - left,
            end + 6.0,
            y + 14.0,
            thousands(bar.value),
        );
    }
    svg + "</svg>\n"
}

/// A rate, from 1,000 on rounded to hundreds, in groups of three digits.
pub fn thousands(rate: f64) -> String {
    let digits =
        format!("{:.0}", if rate >= 1_000.0 { (rate / 100.0).round() * 100.0 } else { rate });
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A value to two significant digits; from 100 on as [`thousands`].
pub fn significant(value: f64) -> String {
    match value {
        value if value >= 100.0 => thousands(value),
        value if value >= 10.0 => format!("{value:.0}"),
        value if value >= 1.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_rounded_figures() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!([999.4, 1_234.0, 12_345_678.0].map(thousands), ["999", "1,200", "12,345,700"]);
        assert_eq!([0.123, 1.25, 45.6, 12_300.0].map(significant), ["0.12", "1.2", "46", "12,300"]);
    }
}
