//! The comparisons of a count by Schulze's method.

use capvote::election::{Choice, Pairs, Slate, Strength, printable};
use comfy_table::{CellAlignment, Table, presets};
use console::measure_text_width;

use super::names;
use crate::failure::Failure;
use crate::show;

/// Prints who is preferred to whom, who is dropped, and the places.
pub(super) fn show(pairs: &Pairs, slate: &Slate) -> Result<(), Failure> {
    let ballots = |one: usize, other: usize| {
        let ballots = pairs.preferred.get(one).and_then(|row| row.get(other));
        ballots.copied().unwrap_or_default().to_string()
    };
    if !show_matrix("preferred to", ballots, slate)? {
        show_list(pairs, slate)?;
    }
    if !wins_tell(pairs) {
        show_paths(pairs, slate)?;
    }
    if !pairs.dropped.is_empty() {
        let dropped = names(&pairs.dropped, slate).join(", ");
        show::say(&format!("Not preferred to the last name of the slate: {dropped}."))?;
    }
    let places = pairs.places.iter().map(|place| names(place, slate).join(" = "));
    show::say(&format!("By the strongest paths: {}.", places.collect::<Vec<_>>().join(" > ")))
}

/// Whether the comparisons alone show the places: each name wins against all in later places, and
/// those of one place against none of it.
fn wins_tell(pairs: &Pairs) -> bool {
    let votes = |one: Choice, other: Choice| {
        pairs.preferred.get(one.index()).and_then(|row| row.get(other.index())).copied()
    };
    let places = || (0..).zip(&pairs.places);
    let all = || places().flat_map(|(place, names)| names.iter().map(move |&name| (place, name)));
    all().all(|(place, one)| {
        all().all(|(later, other): (usize, Choice)| match place.cmp(&later) {
            std::cmp::Ordering::Less => votes(one, other) > votes(other, one),
            std::cmp::Ordering::Equal => votes(one, other) == votes(other, one),
            std::cmp::Ordering::Greater => true,
        })
    })
}

/// Prints how strong the strongest paths are.
fn show_paths(pairs: &Pairs, slate: &Slate) -> Result<(), Failure> {
    let path = |one: usize, other: usize| -> Option<Strength> {
        pairs.paths.get(one).and_then(|row| row.get(other)).copied().flatten()
    };
    let names = slate.names().len();
    let mut each = (0..names).flat_map(|one| (0..one).map(move |other| (one, other)));
    // The ballots against a win matter where equally many are for two.
    let is_close = each.any(|(one, other)| match (path(one, other), path(other, one)) {
        (Some(there), Some(back)) => there.wins == back.wins && there != back,
        _ => false,
    });
    let strength = |one: usize, other: usize| match path(one, other) {
        Some(Strength { wins, against }) if is_close => format!("{wins}:{against}"),
        Some(Strength { wins, .. }) => wins.to_string(),
        None => "none".into(),
    };
    let against = if is_close { ", and those against it" } else { "" };
    show::say(&format!(
        "Wins lead from name to name. A path is as strong as its weakest win: the ballots for \
         it{against}."
    ))?;
    if show_matrix("strongest path to", strength, slate)? {
        return Ok(());
    }
    for (one, name) in slate.names().iter().enumerate() {
        for (other, other_name) in slate.names().iter().enumerate().skip(one + 1) {
            let (there, back) = (strength(one, other), strength(other, one));
            show::say(&format!(
                "Strongest path from {name} to {other_name}: {there}, and back: {back}"
            ))?;
        }
    }
    Ok(())
}

/// Prints a matrix, in which each row says something of its name and the name of each column. Returns
/// whether there is room for that.
fn show_matrix(
    what: &str,
    cell: impl Fn(usize, usize) -> String,
    slate: &Slate,
) -> Result<bool, Failure> {
    let numbers = 1..=slate.names().len();
    let heading: Vec<String> = ["".into(), what.into()]
        .into_iter()
        .chain(numbers.clone().map(|number| number.to_string()))
        .collect();
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(&heading);
    for index in 2..heading.len() {
        table
            .column_mut(index)
            .into_iter()
            .for_each(|it| it.set_cell_alignment(CellAlignment::Right));
    }
    let mut widest = 0;
    for (one, name) in slate.names().iter().enumerate() {
        let cells = (0..slate.names().len()).map(|other| match other == one {
            true => "-".to_string(),
            false => cell(one, other),
        });
        let cells: Vec<String> =
            [(one + 1).to_string(), printable(name)].into_iter().chain(cells).collect();
        let widths = cells.iter().zip(&heading);
        let widths = widths.map(|(cell, of)| measure_text_width(cell).max(of.len()) + 2);
        widest = widest.max(widths.sum::<usize>());
        table.add_row(cells);
    }
    let fits = show::columns().is_none_or(|columns| widest <= columns.into());
    if fits {
        show::print(&mut table)?;
    }
    Ok(fits)
}

/// Prints each comparison in a line.
fn show_list(pairs: &Pairs, slate: &Slate) -> Result<(), Failure> {
    for (one, (name, row)) in slate.names().iter().zip(&pairs.preferred).enumerate() {
        for (other, (other_name, ballots)) in slate.names().iter().zip(row).enumerate() {
            if one < other {
                let back = pairs.preferred.get(other).and_then(|row| row.get(one));
                let back = back.copied().unwrap_or_default();
                show::say(&format!("{name} before {other_name}: {ballots}, behind: {back}"))?;
            }
        }
    }
    Ok(())
}
