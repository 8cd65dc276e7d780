//! The people to issue voter numbers to: a list with any columns, or so many without names.

mod alike;
mod heading;
mod letters;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use capvote::election::{VOTERS_MAX, VoterNumber};
use csv::StringRecord;

use self::letters::List;
use crate::failure::Failure;
use crate::roll::HEADING;
use crate::table::{Form, Row, Table};

/// How many rows an error names.
const ROWS_NAMED_MAX: usize = 5;

/// What to read, and how.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub(crate) roll: &'a Path,
    /// The file of an earlier issue, by which people have numbers.
    pub(crate) letters: Option<&'a Path>,
    /// Whether the first line is a heading, whatever it looks like.
    pub(crate) heading: bool,
    pub(crate) allow_duplicates: bool,
}

/// The people to issue numbers to.
pub(crate) struct People {
    pub(crate) form: Form,
    pub(crate) heading: StringRecord,
    /// The column of the numbers, if the list has one.
    pub(crate) column: Option<usize>,
    pub(crate) rows: Persons,
    /// How many get a number, and how many have one.
    missing: u64,
    pub(crate) kept: u64,
    /// How many numbers there are in the files.
    pub(crate) known: u64,
    pub(crate) empty: u64,
    pub(crate) gone: Gone,
    /// The list, if there is one.
    pub(crate) list: Option<PathBuf>,
}

/// People in the file of an earlier issue who are not on the list, each by line and name.
#[derive(Clone, Default)]
pub(crate) struct Gone(pub(crate) Vec<(u64, String)>);

impl Gone {
    pub(crate) fn lines(&self) -> Vec<u64> {
        self.0.iter().map(|(line, _)| *line).collect()
    }

    /// The first lines, with the names.
    pub(crate) fn named(&self) -> String {
        let shown: Vec<_> = self.0.iter().map(|(line, name)| format!("{line} ({name})")).collect();
        first_of(&shown)
    }
}

/// One row, and the number that the person has.
#[derive(Default)]
pub(crate) struct Person {
    pub(crate) fields: StringRecord,
    pub(crate) number: Option<VoterNumber>,
}

pub(crate) enum Persons {
    /// So many without columns.
    Counted(u32),
    Listed(std::vec::IntoIter<Person>),
}

impl Iterator for Persons {
    type Item = Person;

    fn next(&mut self) -> Option<Person> {
        match self {
            Self::Counted(left) => {
                *left = left.checked_sub(1)?;
                Some(Person::default())
            }
            Self::Listed(rows) => rows.next(),
        }
    }
}

impl People {
    /// `count` people without columns.
    pub(crate) fn count(count: u32) -> Self {
        Self {
            form: Form::default(),
            heading: StringRecord::new(),
            column: None,
            rows: Persons::Counted(count),
            missing: count.into(),
            kept: 0,
            known: 0,
            empty: 0,
            gone: Gone::default(),
            list: None,
        }
    }

    /// The rows of a CSV file with a heading. Those with a voter number keep it.
    pub(crate) fn read(reading: Reading<'_>) -> Result<Self, Failure> {
        let failed = |path: &Path, why: String| {
            let path = path.display();
            Failure::Usage(format!(
                "cannot read the people in {path}: {why}; no numbers were issued"
            ))
        };
        let in_roll = |why| failed(reading.roll, why);
        let mut table = Table::read(reading.roll).map_err(in_roll)?;
        if !reading.heading {
            heading::check(&table).map_err(in_roll)?;
        }
        let column = table.column(HEADING).map_err(in_roll)?;
        let telling = alike::tell_apart(&mut table, column);
        if !reading.allow_duplicates {
            alike::check(&table.rows, &telling).map_err(in_roll)?;
        }
        let mut people = numbered(&table.rows, column).map_err(in_roll)?;
        let mut known = people.iter().filter(|(_, number)| number.is_some()).count() as u64;
        let mut gone = Gone::default();
        if let Some(path) = reading.letters {
            let letters = Table::read(path).map_err(|why| failed(path, why))?;
            let list = List { table: &table, telling: &telling };
            let joined = letters::join(list, &mut people, letters, reading.allow_duplicates);
            (known, gone) = joined.map_err(|why| failed(path, why))?;
        }
        let numbers: Vec<_> = people.into_iter().map(|(_, number)| number).collect();
        let kept = numbers.iter().flatten().count() as u64;
        let person = |(row, number): (Row, _)| Person { fields: row.fields, number };
        let people: Vec<_> = table.rows.into_iter().zip(numbers).map(person).collect();
        Ok(Self {
            missing: people.len() as u64 - kept,
            form: table.form,
            heading: table.heading.fields,
            column,
            rows: Persons::Listed(people.into_iter()),
            kept,
            known,
            empty: table.empty,
            gone,
            list: Some(reading.roll.to_owned()),
        })
    }

    /// How many numbers to issue.
    pub(crate) fn missing(&self) -> Result<u32, Failure> {
        let why = match (&self.list, self.missing) {
            (_, missing @ 1..) if missing <= VOTERS_MAX as u64 => return Ok(missing as u32),
            (_, 1..) => format!("a roll has at most {VOTERS_MAX} voter numbers"),
            (Some(list), 0) if self.kept > 0 => {
                format!("everyone in {} has a number", list.display())
            }
            (Some(list), 0) => {
                format!("{} has no rows below its heading", list.display())
            }
            (None, 0) => "no number was asked for".into(),
        };
        Err(Failure::Usage(format!("there is nobody to issue a number to: {why}")))
    }
}

/// The number in a row, unless the field is blank.
pub(crate) fn number_of(row: &Row, column: usize) -> Result<Option<VoterNumber>, String> {
    let text = row.fields.get(column).unwrap_or_default();
    if crate::text::is_blank(text) {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error| format!("line {}: {error}", row.line))
}

/// The numbers that rows have, each with its line.
///
/// # Errors
/// One is none, or two are the same.
pub(crate) fn numbered(
    rows: &[Row],
    column: Option<usize>,
) -> Result<Vec<(u64, Option<VoterNumber>)>, String> {
    let mut firsts = HashMap::new();
    let mut numbers = Vec::with_capacity(rows.len());
    for row in rows {
        let number = column.map(|column| number_of(row, column)).transpose()?.flatten();
        if let Some(first) = number.and_then(|number| firsts.insert(number, row.line)) {
            return Err(format!("lines {first} and {} have the same voter number", row.line));
        }
        numbers.push((row.line, number));
    }
    Ok(numbers)
}

/// A row for an error, without a number.
fn shown(row: &Row, column: Option<usize>) -> String {
    let others = (0..).zip(&row.fields).filter(|&(index, _)| Some(index) != column);
    others.map(|(_, field)| field.trim()).filter(|it| !it.is_empty()).collect::<Vec<_>>().join(", ")
}

/// Lines for an error, of which the first are named.
fn first_of(lines: &[String]) -> String {
    let named = lines.iter().take(ROWS_NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
    match lines.len().saturating_sub(ROWS_NAMED_MAX) {
        0 => named,
        more => format!("{named}, and {more} more"),
    }
}

#[cfg(test)]
mod tests;
