//! The people to issue voter numbers to: a list with any columns, or so many without names.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use capvote::election::{VOTERS_MAX, VoterNumber, same_text};
use csv::StringRecord;

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
    /// People in the earlier file who are not on the list, each by line and name.
    pub(crate) gone: Vec<String>,
    /// The list, if there is one.
    pub(crate) list: Option<PathBuf>,
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
            gone: Vec::new(),
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
            check_heading(&table.heading).map_err(in_roll)?;
        }
        let column = table.column(HEADING);
        if !reading.allow_duplicates {
            check_duplicates(&table.rows, column).map_err(in_roll)?;
        }
        let mut numbers = HashMap::new();
        let mut people = Vec::with_capacity(table.rows.len());
        for row in std::mem::take(&mut table.rows) {
            let number = column.map(|column| number_of(&row, column)).transpose();
            let number = number.map_err(in_roll)?.flatten();
            if let Some(first) = number.and_then(|number| numbers.insert(number, row.line)) {
                let why = format!("lines {first} and {} have the same voter number", row.line);
                return Err(in_roll(why));
            }
            people.push(Person { fields: row.fields, number });
        }
        let mut known = numbers.len() as u64;
        let mut gone = Vec::new();
        if let Some(path) = reading.letters {
            let letters = Table::read(path).map_err(|why| failed(path, why))?;
            let joined = join(&table, &mut people, &letters);
            (known, gone) = joined.map_err(|why| failed(path, why))?;
        }
        let kept = people.iter().filter(|person| person.number.is_some()).count() as u64;
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

/// Questions a first line that looks like a person: one with an e-mail address, or with digits
/// alone, as members, telephones and dates have.
fn check_heading(heading: &Row) -> Result<(), String> {
    let is_digits = |field: &str| {
        field.chars().any(|it| it.is_numeric())
            && field
                .chars()
                .all(|it| it.is_numeric() || it.is_whitespace() || "+-./()".contains(it))
    };
    let is_value = |field: &&str| field.contains('@') || is_digits(field);
    match heading.fields.iter().find(is_value) {
        None => Ok(()),
        Some(value) => Err(format!(
            "its first line has {value:?}, which looks like a person's and not like the name of a \
             column; put a line with the names of the columns above it, or say --heading if it is \
             one"
        )),
    }
}

/// Refuses rows that are the same but for capitals and blanks, or have the same e-mail address.
fn check_duplicates(rows: &[Row], column: Option<usize>) -> Result<(), String> {
    let mut seen: HashMap<String, u64> = HashMap::with_capacity(rows.len());
    let (mut named, mut count) = (Vec::new(), 0_usize);
    for row in rows {
        let others = (0..).zip(&row.fields).filter(|&(index, _)| Some(index) != column);
        let fields: Vec<_> = others.map(|(_, field)| plain(field)).collect();
        let addresses = fields.iter().filter(|field| is_address(field)).cloned();
        let keys = addresses.chain([fields.join("\n")]);
        let firsts: Vec<_> = keys.map(|key| *seen.entry(key).or_insert(row.line)).collect();
        if let Some(first) = firsts.iter().find(|&&first| first != row.line) {
            count += 1;
            if named.len() < ROWS_NAMED_MAX {
                named.push(format!("{first} and {} ({})", row.line, shown(row, column)));
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

/// A field as it is compared.
fn plain(field: &str) -> String {
    same_text(field).to_lowercase()
}

fn is_address(field: &str) -> bool {
    field.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
}

/// A row for an error, without a number.
fn shown(row: &Row, column: Option<usize>) -> String {
    let others = (0..).zip(&row.fields).filter(|&(index, _)| Some(index) != column);
    others.map(|(_, field)| field.trim()).filter(|it| !it.is_empty()).collect::<Vec<_>>().join(", ")
}

/// Gives people the numbers that they have in the file of an earlier issue, by the columns that
/// both have. Returns how many numbers are in that file, and who in it is not on the list.
fn join(
    list: &Table,
    people: &mut [Person],
    letters: &Table,
) -> Result<(u64, Vec<String>), String> {
    let column = letters.column(HEADING).ok_or_else(|| format!("it has no column {HEADING}"))?;
    let pairs: Vec<_> = (0..)
        .zip(&list.heading.fields)
        .filter_map(|(place, name)| Some((place, letters.column(name.trim())?)))
        .filter(|&(_, other)| other != column)
        .collect();
    if pairs.is_empty() {
        return Err("it has no column of the list but the numbers".into());
    }
    let key = |fields: &StringRecord, places: &mut dyn Iterator<Item = usize>| {
        let fields = places.map(|place| plain(fields.get(place).unwrap_or_default()));
        fields.collect::<Vec<_>>().join("\n")
    };
    let mut numbers: HashMap<String, Vec<(VoterNumber, &Row)>> = HashMap::new();
    let mut known = 0;
    for row in &letters.rows {
        if let Some(number) = number_of(row, column)? {
            known += 1;
            let key = key(&row.fields, &mut pairs.iter().map(|&(_, other)| other));
            numbers.entry(key).or_default().push((number, row));
        }
    }
    for person in people {
        let key = key(&person.fields, &mut pairs.iter().map(|&(place, _)| place));
        if let Some(had) = numbers.get_mut(&key)
            && person.number.is_none()
        {
            person.number = had.pop().map(|(number, _)| number);
        }
    }
    let mut gone: Vec<&Row> = numbers.into_values().flatten().map(|(_, row)| row).collect();
    gone.sort_by_key(|row| row.line);
    let gone = gone.into_iter().map(|row| format!("{} ({})", row.line, shown(row, Some(column))));
    Ok((known, gone.collect()))
}

/// Lines for an error, of which the first are named.
pub(crate) fn first_of(lines: &[String]) -> String {
    let named = lines.iter().take(ROWS_NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
    match lines.len().saturating_sub(ROWS_NAMED_MAX) {
        0 => named,
        more => format!("{named}, and {more} more"),
    }
}

#[cfg(test)]
mod tests;
