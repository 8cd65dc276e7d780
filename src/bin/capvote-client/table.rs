//! CSV files as spreadsheets write them: their separator, byte order mark and line ends.

mod quotes;
mod separator;

use std::io::{self, Read, Write};
use std::path::Path;

use capvote::election::is_separator;
use csv::{ReaderBuilder, StringRecord, Terminator, Writer, WriterBuilder};

use self::quotes::{Quotes, looks_like_rows};
use self::separator::SEPARATORS;
use crate::secret;
use crate::text::{self, is_blank};

/// The longest file that is read, in bytes: 40 for each voter of the longest roll.
const TABLE_BYTES_MAX: u64 = 4_000_000_000;

const BYTE_ORDER_MARK: &str = "\u{FEFF}";

/// How a file is written.
#[derive(Clone)]
pub(crate) struct Form {
    byte_order_mark: bool,
    /// The first line, such as "sep=;", by which Excel is told the separator.
    separator_line: Option<String>,
    separator: u8,
    terminator: Terminator,
}

/// A heading, and the rows below it that are not empty.
pub(crate) struct Table {
    pub(crate) form: Form,
    pub(crate) heading: Row,
    pub(crate) rows: Vec<Row>,
    /// The number of rows of nothing but separators and blanks.
    pub(crate) empty: u64,
}

pub(crate) struct Row {
    /// The line that it begins in, from 1.
    pub(crate) line: u64,
    pub(crate) fields: StringRecord,
}

impl Default for Form {
    fn default() -> Self {
        Self {
            byte_order_mark: false,
            separator_line: None,
            separator: b',',
            terminator: Terminator::Any(b'\n'),
        }
    }
}

impl Form {
    /// Finds the form of a text. Returns it with the rows, and how many lines are before them.
    fn find(text: &str) -> Result<(Self, &str, u64), String> {
        let (byte_order_mark, text) = match text.strip_prefix(BYTE_ORDER_MARK) {
            Some(text) => (true, text),
            None => (false, text),
        };
        let (mut rest, mut lines_before) = (text, 0);
        let first = loop {
            let (line, after) = split_line(rest);
            (rest, lines_before) = (after, lines_before + 1);
            if !is_blank(line) || rest.is_empty() {
                break line;
            }
        };
        let terminator = terminator(text);
        if let Some(separator) = separator::in_line(first)? {
            separator::check(rest, separator)?;
            let separator_line = Some(first.to_string());
            let form = Self { byte_order_mark, separator_line, separator, terminator };
            return Ok((form, rest, lines_before));
        }
        let separator = separator::found(text)?;
        Ok((Self { byte_order_mark, separator_line: None, separator, terminator }, text, 0))
    }

    /// Begins a file of this form.
    pub(crate) fn writer<W: Write>(&self, mut file: W) -> io::Result<Writer<W>> {
        if self.byte_order_mark {
            file.write_all(BYTE_ORDER_MARK.as_bytes())?;
        }
        if let Some(line) = &self.separator_line {
            let end = match self.terminator {
                Terminator::CRLF => "\r\n",
                Terminator::Any(b'\r') => "\r",
                _ => "\n",
            };
            write!(file, "{line}{end}")?;
        }
        let mut builder = WriterBuilder::new();
        Ok(builder.delimiter(self.separator).terminator(self.terminator).from_writer(file))
    }
}

/// How the lines of a text end.
fn terminator(text: &str) -> Terminator {
    match (text.find('\r'), text.find('\n')) {
        (Some(_), None) => Terminator::Any(b'\r'),
        (Some(first), Some(end)) if first < end => Terminator::CRLF,
        _ => Terminator::Any(b'\n'),
    }
}

/// The first line of a text, and what is below it.
fn split_line(text: &str) -> (&str, &str) {
    let (line, rest) = text.split_once(['\r', '\n']).unwrap_or((text, ""));
    let ends_in_two = rest.starts_with('\n') && text.as_bytes().get(line.len()) == Some(&b'\r');
    (line, if ends_in_two { rest.strip_prefix('\n').unwrap_or(rest) } else { rest })
}

/// How often a byte of ASCII is in a text.
fn count_of(text: &str, byte: u8) -> usize {
    text.bytes().filter(|&it| it == byte).count()
}

fn reader(text: &str, separator: u8) -> csv::Reader<&[u8]> {
    let mut builder = ReaderBuilder::new();
    builder.delimiter(separator).has_headers(false).flexible(true).from_reader(text.as_bytes())
}

/// Whether a row has nothing but blanks and separators, of whatever kind.
fn is_empty(fields: &StringRecord) -> bool {
    let is_separator = |it: char| u8::try_from(it).is_ok_and(|it| SEPARATORS.contains(&it));
    fields.iter().all(|field| field.split(is_separator).all(is_blank))
}

impl Table {
    /// Reads a file, or standard input for "-".
    ///
    /// # Errors
    /// Why it is no table, for a sentence that names the file.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let mut bytes = Vec::new();
        let read =
            secret::open(path).and_then(|it| it.take(TABLE_BYTES_MAX + 1).read_to_end(&mut bytes));
        read.map_err(|error| error.to_string())?;
        if bytes.len() as u64 > TABLE_BYTES_MAX {
            return Err(format!("it has more than {TABLE_BYTES_MAX} bytes"));
        }
        Self::parse(&text::of_table(bytes)?)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (form, text, lines_above) = Form::find(text)?;
        let separator = form.separator;
        if let Some(fault) = Quotes::of(text, separator, usize::MAX).fault {
            let line = lines_above + 1 + line_ends(text, 0, fault.at);
            return Err(format!("line {line}: {}", fault.wrong.why()));
        }
        let mut heading: Option<Row> = None;
        let (mut rows, mut empty) = (Vec::new(), 0);
        // How far the lines are counted, in bytes.
        let (mut lines_before, mut counted) = (lines_above, 0);
        for fields in reader(text, separator).records() {
            let fields = fields.map_err(|error| error.to_string())?;
            let at = fields.position().map_or(0, |it| it.byte() as usize);
            let begins = begin(text, at);
            lines_before += line_ends(text, counted, begins);
            counted = begins;
            let row = Row { line: lines_before + 1, fields };
            match &heading {
                _ if is_empty(&row.fields) => empty += 1,
                None => heading = Some(row),
                Some(heading) if heading.fields.len() != row.fields.len() => {
                    return Err(other_length(heading, &row, separator));
                }
                Some(_) => {
                    check_swallowed(&row, separator)?;
                    rows.push(row);
                }
            }
        }
        let heading = heading.ok_or("it is empty: its first line names the columns")?;
        Ok(Self { form, heading, rows, empty })
    }

    /// The column with this name, in which blanks, hyphens, capitals and the like do not count.
    ///
    /// # Errors
    /// There are two.
    pub(crate) fn column(&self, name: &str) -> Result<Option<usize>, String> {
        let name = plain_name(name);
        let mut found = (0..).zip(&self.heading.fields).filter(|(_, it)| plain_name(it) == name);
        match (found.next(), found.next()) {
            (Some((_, first)), Some((_, second))) => {
                Err(format!("two of its columns are called so: {first:?} and {second:?}"))
            }
            (first, _) => Ok(first.map(|(column, _)| column)),
        }
    }
}

/// The name of a column as it is compared.
pub(crate) fn plain_name(name: &str) -> String {
    name.chars().filter(|&it| it != '_' && !is_separator(it)).flat_map(char::to_lowercase).collect()
}

/// Refuses a row that has others in one of its fields.
fn check_swallowed(row: &Row, separator: u8) -> Result<(), String> {
    let columns = row.fields.len();
    let mut fields = (0..).zip(&row.fields);
    if !fields.any(|(at, field)| looks_like_rows(field, at, columns, separator)) {
        return Ok(());
    }
    Err(format!(
        "line {} has a field in quotes whose lines look like rows: take the quote off that opens \
         it, or, if it is one field, save the list with another separator than {}",
        row.line,
        named(separator)
    ))
}

/// A separator as an error names it.
fn named(separator: u8) -> String {
    match separator {
        b'\t' => "a tab".to_string(),
        other => format!("\"{}\"", char::from(other)),
    }
}

fn other_length(heading: &Row, row: &Row, separator: u8) -> String {
    let (separator, has) = (named(separator), heading.fields.len());
    let fields = match row.fields.len() {
        1 => "1 field".to_string(),
        count => format!("{count} fields"),
    };
    format!(
        "line {} has {fields} and the heading {has}, where {separator} separates them; a field \
         with {separator} in it needs quotes, and a title above the heading has to go",
        row.line
    )
}

/// Where a row begins: after the ends of the lines before it, which the reader passes with the row.
fn begin(text: &str, at: usize) -> usize {
    let ends = text.bytes().skip(at).take_while(|byte| matches!(byte, b'\r' | b'\n'));
    at + ends.count()
}

/// The number of lines that end between two places.
fn line_ends(text: &str, from: usize, to: usize) -> u64 {
    let bytes = text.as_bytes().get(from..to).unwrap_or_default();
    let lone = |pair: &&[u8]| matches!(pair, [b'\r', after] if *after != b'\n');
    let ends = bytes.iter().filter(|&&byte| byte == b'\n').count();
    let returns = bytes.windows(2).filter(lone).count() + usize::from(bytes.ends_with(b"\r"));
    (ends + returns) as u64
}

#[cfg(test)]
mod tests;
