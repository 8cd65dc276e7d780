//! Whether the first line of a list is the names of its columns.

use crate::table::{Row, Table};
use crate::text::is_blank;

/// The years that a column may be named by.
const YEARS: std::ops::Range<u32> = 1900..2100;

/// Questions a first line that looks like a person or a title.
///
/// # Errors
/// Why, and the way out.
pub(super) fn check(table: &Table) -> Result<(), String> {
    let heading = &table.heading;
    if let Some(value) = heading.fields.iter().find(|field| is_value(field)) {
        return Err(format!(
            "its first line has {value:?}, which looks like a person's and not like the name of a \
             column; put a line with the names of the columns above it, or say --heading if it is \
             one"
        ));
    }
    let has = |row: &&Row, at: usize| !row.fields.get(at).is_none_or(is_blank);
    let nameless = (0..).zip(&heading.fields).filter(|(_, name)| is_blank(name));
    for (at, _) in nameless {
        if let Some(row) = table.rows.iter().find(|row| has(row, at)) {
            return Err(format!(
                "its first line has no name for column {}, which line {} has a value in; take the \
                 line off if it is a title, name the column, or say --heading",
                at + 1,
                row.line
            ));
        }
    }
    Ok(())
}

/// Whether a field looks like a person's and not like a column's name: it is an e-mail address,
/// digits alone, or has digits as an id, a postcode or a date has.
fn is_value(field: &str) -> bool {
    let is_number = |it: char| it.is_numeric() || it.is_whitespace() || "+-./()".contains(it);
    let digits_alone = field.chars().any(char::is_numeric) && field.chars().all(is_number);
    let runs = field.split(|it: char| !it.is_ascii_digit()).filter(|run| !run.is_empty());
    let runs: Vec<_> = runs.collect();
    let is_long = |run: &&str| run.len() > 2 && !run.parse().is_ok_and(|run| YEARS.contains(&run));
    let begins = field.trim_start().starts_with(|it: char| it.is_ascii_digit());
    field.contains('@') || digits_alone || runs.iter().any(is_long) || (begins && runs.len() > 1)
}
