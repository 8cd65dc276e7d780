//! Which rows of a list are the same person, and which are nobody.

use std::collections::{HashMap, HashSet};

use capvote::election::same_text;
use csv::StringRecord;
use unicode_normalization::UnicodeNormalization;

use super::{ROWS_NAMED_MAX, shown};
use crate::table::{Row, Table, plain_name};
use crate::text::is_blank;

/// What columns that count the rows are called.
const COUNTERS: [&str; 12] =
    ["#", "№", "n", "nr", "no", "num", "lfd", "lfdnr", "lfdno", "pos", "srno", "slno"];

/// What a cell with a box to tick has.
const TICKS: [&str; 4] = ["true", "false", "wahr", "falsch"];

/// Takes rows of nobody off a table, and returns the columns that tell its people apart: all but
/// the voter numbers, and but for a column that counts the rows.
pub(super) fn tell_apart(table: &mut Table, numbers: Option<usize>) -> Vec<usize> {
    let others: Vec<_> =
        (0..table.heading.fields.len()).filter(|&it| Some(it) != numbers).collect();
    let (named, counted) = counters(table, &others);
    let without = |some: &[usize]| -> Vec<usize> {
        others.iter().copied().filter(|it| !some.contains(it)).collect()
    };
    let unnamed = without(&named);
    let says = |row: &Row, columns: &[usize]| {
        columns.iter().any(|&it| !row.fields.get(it).is_none_or(is_filler))
    };
    let has_number = |row: &Row| numbers.is_some_and(|it| !row.fields.get(it).is_none_or(is_blank));
    // A list of nothing but counted rows is one of people.
    let blank = if table.rows.iter().any(|row| says(row, &unnamed)) { &unnamed } else { &others };
    let before = table.rows.len();
    table.rows.retain(|row| says(row, blank) || has_number(row));
    table.empty += (before - table.rows.len()) as u64;
    let is_named = counted.is_empty();
    let rest = without(&[named, counted].concat());
    if rest.len() == others.len() || !table.rows.iter().all(|row| says(row, &rest)) {
        return others;
    }
    let different: HashSet<_> = table.rows.iter().map(|row| key(&row.fields, &rest)).collect();
    // Where most rows are the same but for it, the counter tells the people apart.
    let (twice, rows) = (different.len() * 2, table.rows.len());
    if twice > rows || (is_named && twice == rows) { rest } else { others }
}

/// The columns that count the rows: those with such a name, and others.
fn counters(table: &Table, columns: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let name = |at: usize| table.heading.fields.get(at).unwrap_or_default();
    let is_named = |&at: &usize| {
        let name: String = plain_name(name(at)).chars().filter(|it| !".°º".contains(*it)).collect();
        COUNTERS.contains(&name.as_str())
    };
    let (named, others): (Vec<_>, Vec<_>) = columns.iter().copied().partition(is_named);
    let values = |at: usize| {
        let fields = table.rows.iter().map(move |row| row.fields.get(at).unwrap_or_default());
        fields.map(|field| field.trim().trim_end_matches('.'))
    };
    let ascends = |&at: &usize| {
        let values = values(at).filter(|it| !is_filler(it)).map(|it| it.parse::<u64>().ok());
        let values: Vec<_> = values.collect();
        values.iter().all(Option::is_some) && values.is_sorted_by(|first, second| first < second)
    };
    let counts = |&at: &usize| {
        let first = values(at).next().and_then(|it| it.parse::<u64>().ok());
        let Some(first) = first.filter(|&first| first < 2) else { return false };
        let mut counted = (first..).zip(values(at));
        table.rows.len() > 1 && counted.all(|(count, value)| value.parse() == Ok(count))
    };
    (named.into_iter().filter(ascends).collect(), others.into_iter().filter(counts).collect())
}

/// Whether a field says nothing about a person: it is blank, dashes, or a box to tick.
fn is_filler(field: &str) -> bool {
    let field = field.trim();
    is_blank(field)
        || field.chars().all(|it| "-–—".contains(it))
        || TICKS.contains(&field.to_ascii_lowercase().as_str())
}

/// Refuses rows that are the same but for capitals and blanks, or have the same e-mail address.
pub(super) fn check(rows: &[Row], columns: &[usize]) -> Result<(), String> {
    let mut seen: HashMap<String, u64> = HashMap::with_capacity(rows.len());
    let (mut named, mut count) = (Vec::new(), 0_usize);
    for row in rows {
        let fields = columns.iter().map(|&it| row.fields.get(it).unwrap_or_default());
        let keys = fields.filter_map(address).chain([key(&row.fields, columns)]);
        let firsts: Vec<_> = keys.map(|key| *seen.entry(key).or_insert(row.line)).collect();
        if let Some(first) = firsts.iter().find(|&&first| first != row.line) {
            count += 1;
            if named.len() < ROWS_NAMED_MAX {
                let shown = shown(row, (0..row.fields.len()).find(|it| !columns.contains(it)));
                named.push(format!("{first} and {} ({shown})", row.line));
            }
        }
    }
    if count == 0 {
        return Ok(());
    }
    let more = match count - named.len() {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    Err(format!(
        "the same person is in lines {}{more}; take one of them off the list, or say \
         --allow-duplicates if they are different people",
        named.join(", ")
    ))
}

/// A row by some of its columns, as it is compared. Empty for a row without values there.
pub(super) fn key(fields: &StringRecord, columns: &[usize]) -> String {
    let plain = |&it: &usize| {
        let field = fields.get(it).unwrap_or_default();
        address(field).unwrap_or_else(|| plain(field))
    };
    let fields: Vec<_> = columns.iter().map(plain).collect();
    if fields.iter().all(String::is_empty) { String::new() } else { fields.join("\n") }
}

/// A field as it is compared.
fn plain(field: &str) -> String {
    // Most fields of most lists, for which there is nothing to compose.
    if field.is_ascii() {
        return field.split_ascii_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
    }
    same_text(&field.nfkc().collect::<String>()).to_lowercase()
}

/// An e-mail address, without a name beside it, "mailto:" and the like.
fn address(field: &str) -> Option<String> {
    if !field.contains(['@', '＠']) {
        return None;
    }
    let field = plain(field);
    let ends = |it: char| it.is_whitespace() || ";,.>\"'".contains(it);
    let text = field.trim_end_matches(ends);
    let text = text.rsplit_once('<').map_or(text, |(_, inside)| inside);
    let text = text.trim_start_matches(['"', '\'', ' ']);
    let text = text.strip_prefix("mailto:").unwrap_or(text).trim();
    let (name, host) = text.split_once('@')?;
    (!name.is_empty() && host.contains('.')).then(|| text.to_string())
}
