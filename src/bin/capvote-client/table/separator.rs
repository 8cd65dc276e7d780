//! Which separator a CSV file has: its first line names it, or its rows agree on one.

use super::quotes::Quotes;
use super::{count_of, is_empty, named, reader, split_line};
use crate::text::is_blank;

/// How many rows the separator is found from.
const SAMPLE_ROWS_MAX: usize = 100;

/// The separators that spreadsheets write.
pub(super) const SEPARATORS: [u8; 4] = *b"|,;\t";

/// Marks that people type for a separator on keyboards of other scripts.
const OTHERS: [char; 6] = ['，', '；', '｜', '、', '،', '؛'];

/// The separator of a line such as `sep=;`, with quotes and blanks or without. `None` for a line
/// that is not meant so.
///
/// # Errors
/// Why the line names none.
pub(super) fn in_line(line: &str) -> Result<Option<u8>, String> {
    let meant: String = line
        .chars()
        .filter(|&it| it == '\t' || !is_blank(it.encode_utf8(&mut [0; 4])))
        .filter(|&it| it != '"')
        .collect();
    let Some((name, value)) = meant.split_once('=') else { return Ok(None) };
    if !["sep", "separator"].contains(&name.trim().to_ascii_lowercase().as_str()) {
        return Ok(None);
    }
    let separator = match value.to_ascii_lowercase().as_bytes() {
        b"\\t" | b"tab" => Some(b'\t'),
        &[first, ref others @ ..]
            if others.iter().all(|&other| other == first)
                && (first.is_ascii_punctuation() || first == b'\t') =>
        {
            Some(first)
        }
        _ => None,
    };
    separator.map(Some).ok_or_else(|| {
        format!(
            "its first line, {line:?}, names no separator that can be understood; write a line \
             such as sep=; or take it off"
        )
    })
}

/// Refuses a separator that the first line names, and that no row has, where the rows agree on
/// another.
pub(super) fn check(text: &str, separator: u8) -> Result<(), String> {
    let has = records(text, separator).any(|row| row.is_ok_and(|row| row.len() > 1));
    let other = fitting(text).into_iter().find(|&it| it != separator && is_packed(text, it));
    match other {
        Some(other) if !has => Err(format!(
            "its first line names {} as the separator, which no row has, and the rows have {}; \
             correct that line, or take it off",
            named(separator),
            named(other)
        )),
        _ => Ok(()),
    }
}

/// The separator that divides all of the first rows into equally many fields.
///
/// # Errors
/// Two may be meant, or one that is none.
pub(super) fn found(text: &str) -> Result<u8, String> {
    let mut fits = fitting(text);
    // Nobody types a tab into a field, and only the separators of lists have no blank after them.
    for is_better in [|_: &str, it: u8| it == b'\t', is_packed] {
        let better: Vec<_> = fits.iter().copied().filter(|&it| is_better(text, it)).collect();
        if !better.is_empty() {
            fits = better;
        }
    }
    match fits[..] {
        [] => in_heading(text),
        [separator] => Ok(separator),
        [.., first, second] => {
            let (name, other) = (named(first), named(second));
            Err(format!(
                "both {name} and {other} divide all its rows alike; say which one separates the \
                 fields in a line above the heading: sep={} or sep={}",
                char::from(first),
                char::from(second)
            ))
        }
    }
}

/// The separators that divide all of the first rows into equally many fields, and leave no quote
/// inside of a field, if there are such.
fn fitting(text: &str) -> Vec<u8> {
    let fits = SEPARATORS.into_iter().filter(|&separator| {
        let mut lengths = records(text, separator).flatten().map(|row| row.len());
        let heading = lengths.next().unwrap_or_default();
        heading > 1 && lengths.all(|length| length == heading)
    });
    let quotes = |separator| (separator, Quotes::of(text, separator, SAMPLE_ROWS_MAX));
    let (clean, other): (Vec<_>, Vec<_>) = fits
        .map(quotes)
        .filter(|(_, quotes)| quotes.fault.is_none())
        .partition(|(_, quotes)| !quotes.stray);
    let fits = if clean.is_empty() { other } else { clean };
    fits.into_iter().map(|(separator, _)| separator).collect()
}

/// Whether a separator has something other than a blank after it somewhere, as it seldom has where
/// people write it in a text.
fn is_packed(text: &str, separator: u8) -> bool {
    let mut lines = lines(text).flat_map(|line| line.split(char::from(separator)).skip(1));
    lines.any(|after| !after.is_empty() && !after.starts_with(char::is_whitespace))
}

/// The separator where the rows agree on none: that of the heading, or of the rows below a title.
fn in_heading(text: &str) -> Result<u8, String> {
    let heading = lines(text).next().unwrap_or_default();
    let has = |separator: &u8| count_of(heading, *separator) > 0;
    let most = |separator: &u8| count_of(heading, *separator);
    if let Some(separator) = SEPARATORS.into_iter().filter(has).max_by_key(most) {
        return Ok(separator);
    }
    let typed = |mark: &char| {
        let count = |line: &str| line.matches(*mark).count();
        count(heading) > 0 && lines(text).all(|line| count(line) == count(heading))
    };
    if let Some(mark) = OTHERS.into_iter().find(typed) {
        return Err(format!(
            "its rows have \"{mark}\" (U+{:04X}) between the fields, which is no separator; put \
             commas or semicolons in its place",
            u32::from(mark)
        ));
    }
    let (_, below) = below_heading(text);
    let mut below = fitting(below).into_iter().filter(|&separator| is_packed(below, separator));
    Ok(below.next_back().unwrap_or(b','))
}

/// The first line that is not blank, and the text below it.
fn below_heading(mut text: &str) -> (&str, &str) {
    loop {
        let (first, rest) = split_line(text);
        if !is_blank(first) || rest.is_empty() {
            return (first, rest);
        }
        text = rest;
    }
}

/// The first lines that are not blank.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\r', '\n']).filter(|line| !is_blank(line)).take(SAMPLE_ROWS_MAX)
}

/// The first rows that are not empty.
fn records(text: &str, separator: u8) -> impl Iterator<Item = csv::Result<csv::StringRecord>> {
    let rows = reader(text, separator).into_records();
    let rows = rows.filter(|row| row.as_ref().map_or(true, |row| !is_empty(row)));
    rows.take(SAMPLE_ROWS_MAX)
}
