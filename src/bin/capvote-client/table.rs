//! CSV files as spreadsheets write them: their separator, byte order mark and line ends.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use csv::{ReaderBuilder, StringRecord, Terminator, Writer, WriterBuilder};

use crate::secret;
use crate::text::{self, is_blank};

/// The longest file that is read, in bytes: 40 for each voter of the longest roll.
const TABLE_BYTES_MAX: u64 = 4_000_000_000;

/// How many rows the separator is found from.
const SAMPLE_ROWS_MAX: usize = 100;

/// The separators that spreadsheets write. Of two that fit, the later one is taken: it is rarer in
/// what people write.
const SEPARATORS: [u8; 4] = *b"|,;\t";

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
    fn find(text: &str) -> (Self, &str, u64) {
        let (byte_order_mark, text) = match text.strip_prefix(BYTE_ORDER_MARK) {
            Some(text) => (true, text),
            None => (false, text),
        };
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        let terminator =
            if first.ends_with('\r') { Terminator::CRLF } else { Terminator::Any(b'\n') };
        let first = first.trim_end_matches('\r');
        match named_separator(first) {
            Some(separator) => {
                let separator_line = Some(first.to_string());
                (Self { byte_order_mark, separator_line, separator, terminator }, rest, 1)
            }
            None => {
                let separator = found_separator(text);
                (Self { byte_order_mark, separator_line: None, separator, terminator }, text, 0)
            }
        }
    }

    /// Begins a file of this form.
    pub(crate) fn writer<W: Write>(&self, mut file: W) -> io::Result<Writer<W>> {
        if self.byte_order_mark {
            file.write_all(BYTE_ORDER_MARK.as_bytes())?;
        }
        if let Some(line) = &self.separator_line {
            let end = if matches!(self.terminator, Terminator::CRLF) { "\r\n" } else { "\n" };
            write!(file, "{line}{end}")?;
        }
        let mut builder = WriterBuilder::new();
        Ok(builder.delimiter(self.separator).terminator(self.terminator).from_writer(file))
    }
}

/// The separator of a line such as `sep=;`, with quotes or without.
fn named_separator(line: &str) -> Option<u8> {
    let line = line.trim_matches('"');
    let (name, value) = line.split_once('=')?;
    match value.as_bytes() {
        &[separator] if name.eq_ignore_ascii_case("sep") && separator.is_ascii_graphic() => {
            Some(separator)
        }
        b"\t" if name.eq_ignore_ascii_case("sep") => Some(b'\t'),
        _ => None,
    }
}

/// The separator that divides all of the first rows into the most fields, and into equally many.
fn found_separator(text: &str) -> u8 {
    let fields = |separator: &u8| {
        let mut lengths = records(text, *separator).flatten().map(|row| row.len());
        let heading = lengths.next()?;
        (heading > 1 && lengths.all(|length| length == heading)).then_some((heading, *separator))
    };
    let fitting = SEPARATORS.iter().filter_map(fields).max_by_key(|&(fields, _)| fields);
    let in_heading = || {
        let heading = text.lines().find(|line| !is_blank(line)).unwrap_or_default();
        let count = |separator: &u8| heading.bytes().filter(|byte| byte == separator).count();
        let found = SEPARATORS.into_iter().filter(|separator| count(separator) > 0);
        found.max_by_key(count)
    };
    fitting.map(|(_, separator)| separator).or_else(in_heading).unwrap_or(b',')
}

/// The first rows that are not empty.
fn records(text: &str, separator: u8) -> impl Iterator<Item = csv::Result<StringRecord>> {
    let rows = reader(text, separator).into_records();
    let rows = rows.filter(|row| row.as_ref().map_or(true, |row| !is_empty(row)));
    rows.take(SAMPLE_ROWS_MAX)
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
        let source: io::Result<Box<dyn Read>> = match path.to_str() {
            Some(secret::STANDARD_INPUT) => {
                secret::standard_input().map(|input| Box::new(input) as _)
            }
            _ => File::open(path).map(|file| Box::new(file) as _),
        };
        let mut bytes = Vec::new();
        let read = source.and_then(|it| it.take(TABLE_BYTES_MAX + 1).read_to_end(&mut bytes));
        read.map_err(|error| error.to_string())?;
        if bytes.len() as u64 > TABLE_BYTES_MAX {
            return Err(format!("it has more than {TABLE_BYTES_MAX} bytes"));
        }
        Self::parse(&text::of_table(bytes)?)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (form, text, mut lines_before) = Form::find(text);
        let mut heading: Option<Row> = None;
        let (mut rows, mut empty) = (Vec::new(), 0);
        // How far the lines are counted, in bytes.
        let mut counted = 0;
        for fields in reader(text, form.separator).records() {
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
                    return Err(other_length(heading, &row, form.separator));
                }
                Some(_) => rows.push(row),
            }
        }
        let heading = heading.ok_or("it is empty: its first line names the columns")?;
        Ok(Self { form, heading, rows, empty })
    }

    /// The column with this name.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.heading.fields.iter().position(|it| it.trim().eq_ignore_ascii_case(name))
    }
}

fn other_length(heading: &Row, row: &Row, separator: u8) -> String {
    let separator = match separator {
        b'\t' => "a tab".to_string(),
        other => format!("\"{}\"", char::from(other)),
    };
    format!(
        "line {} has {} fields and the heading {}, where {separator} separates them; a field with \
         {separator} in it needs quotes",
        row.line,
        row.fields.len(),
        heading.fields.len()
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
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<String> {
        let table = Table::parse(text).unwrap_or_else(|why| panic!("{text:?}: {why}"));
        let shown = |row: &Row| {
            let fields: Vec<_> = row.fields.iter().collect();
            format!("{}:{}", row.line, fields.join("/"))
        };
        std::iter::once(&table.heading).chain(&table.rows).map(shown).collect()
    }

    #[test]
    fn the_separator_is_found() {
        for (text, found) in [
            ("name,town\nAnn,Paris\n", ["1:name/town", "2:Ann/Paris"]),
            ("name;town\nAnn;Paris\n", ["1:name/town", "2:Ann/Paris"]),
            ("name\ttown\r\nAnn\tParis\r\n", ["1:name/town", "2:Ann/Paris"]),
            ("name|town\rAnn|Paris\r", ["1:name/town", "2:Ann/Paris"]),
            ("name;town\nDoe, Ann;Paris\n", ["1:name/town", "2:Doe, Ann/Paris"]),
            ("name;share\nAnn;1,5\n", ["1:name/share", "2:Ann/1,5"]),
            ("name, given;town\nDoe, Ann;Paris\n", ["1:name, given/town", "2:Doe, Ann/Paris"]),
            ("name,notes\nAnn,a;b\n", ["1:name/notes", "2:Ann/a;b"]),
            ("name,notes\nAnn,\"a,b;c\"\n", ["1:name/notes", "2:Ann/a,b;c"]),
            ("name\nAnn\n", ["1:name", "2:Ann"]),
            ("sep=;\nname;town,x\nAnn;Paris\n", ["2:name/town,x", "3:Ann/Paris"]),
            ("\u{FEFF}\"sep=;\"\r\nname;town\r\nAnn;Paris", ["2:name/town", "3:Ann/Paris"]),
            ("SEP=\t\nname\ttown\nAnn\tParis", ["2:name/town", "3:Ann/Paris"]),
            ("\u{FEFF}name,town\n\n,\nAnn,Paris", ["1:name/town", "4:Ann/Paris"]),
            (";;\r\n\r\nname;town\r\n; \r\nAnn;Paris", ["3:name/town", "5:Ann/Paris"]),
        ] {
            assert_eq!(rows(text), found, "{text:?}");
        }
    }

    #[test]
    fn a_row_that_is_cut_otherwise_is_named() {
        for (text, why) in [
            ("name\nDoe, Ann\n", "line 2 has 2 fields and the heading 1, where \",\""),
            (
                "name;town\r\nAnn;Paris\r\nBob\r\n",
                "line 3 has 1 fields and the heading 2, where \";\"",
            ),
            ("name\ttown\nAnn\t\tx\n", "line 2 has 3 fields and the heading 2, where a tab"),
            ("", "it is empty"),
            ("\u{FEFF}sep=;\n\n;;\n", "it is empty"),
        ] {
            let error = Table::parse(text).err().unwrap();
            assert!(error.starts_with(why), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_file_is_written_in_the_form_that_was_read() {
        for text in [
            "name,town\nAnn,Paris\n",
            "\u{FEFF}name;town\r\nAnn;\"a;b\"\r\n",
            "sep=;\nname;town\nAnn;Paris\n",
            "\u{FEFF}sep=;\r\nname;town\r\nAnn;Paris\r\n",
            "name\ttown\nAnn\tParis\n",
        ] {
            let table = Table::parse(text).unwrap();
            let mut writer = table.form.writer(Vec::new()).unwrap();
            writer.write_record(&table.heading.fields).unwrap();
            table.rows.iter().for_each(|row| writer.write_record(&row.fields).unwrap());
            assert_eq!(String::from_utf8(writer.into_inner().unwrap()).unwrap(), text);
        }
    }
}
