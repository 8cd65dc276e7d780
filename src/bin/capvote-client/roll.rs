//! CSV files of voter numbers, alone or joined to the rows of a list of people.

use std::io;
use std::path::{Path, PathBuf};

use capvote::election::VoterNumber;
use capvote::private_file::PrivateFile;
use csv::{StringRecord, Writer};

use crate::failure::Failure;
use crate::people::{People, Person, Persons, numbered};
use crate::secret;
use crate::table::Table;

/// The name of the column of voter numbers.
pub(crate) const HEADING: &str = "voter_number";

/// A file that numbers are written to. It gets its name when all of them are in it.
pub(crate) struct RollFile {
    people: Persons,
    /// The column of the numbers, if the list has one. Otherwise it is the last.
    column: Option<usize>,
    /// `None` once the file has its name.
    writer: Option<Writer<PrivateFile>>,
    path: PathBuf,
}

/// Reads the voter numbers of a CSV file with such a column; "-" is standard input.
pub(crate) fn numbers(path: &Path) -> Result<Vec<VoterNumber>, Failure> {
    let shown = path.display();
    let unreadable = |error: String| {
        Failure::Usage(format!("cannot read the voter numbers in {shown}: {error}"))
    };
    if path != Path::new(secret::STANDARD_INPUT) {
        secret::warn_if_exposed(path);
    }
    let table = Table::read(path).map_err(unreadable)?;
    let column = table.column(HEADING).map_err(unreadable)?;
    let column =
        column.ok_or_else(|| Failure::Usage(format!("{shown} has no column {HEADING}")))?;
    let mut numbers = Vec::new();
    for (line, number) in numbered(&table.rows, Some(column)).map_err(unreadable)? {
        let missing = || unreadable(format!("line {line} has no voter number"));
        numbers.push(number.ok_or_else(missing)?);
    }
    if numbers.is_empty() {
        return Err(Failure::Usage(format!("there are no voter numbers in {shown}")));
    }
    Ok(numbers)
}

impl RollFile {
    /// Begins a file that only its owner can read. An existing file is not overwritten.
    pub(crate) fn create(path: &Path, people: People) -> Result<Self, Failure> {
        let failed =
            |error: String| Failure::Fault(format!("cannot write {}: {error}", path.display()));
        if path.symlink_metadata().is_ok() {
            return Err(failed(
                "the file exists and is not overwritten; no numbers were issued".into(),
            ));
        }
        let writer = PrivateFile::begin(path).and_then(|file| people.form.writer(file));
        let mut writer = writer.map_err(|error| failed(error.to_string()))?;
        let heading = with_number(people.heading, people.column, HEADING);
        writer.write_record(&heading).map_err(|error| failed(error.to_string()))?;
        let (people, column) = (people.rows, people.column);
        Ok(Self { people, column, writer: Some(writer), path: path.to_owned() })
    }

    /// Writes the numbers of the next people, and everyone before them who has one already. An
    /// empty slice completes the file, and syncs it.
    pub(crate) fn keep(&mut self, numbers: &[VoterNumber]) -> Result<(), String> {
        let failed = |error: &dyn std::fmt::Display| format!("cannot write the numbers: {error}");
        let Some(writer) = &mut self.writer else { return Err(failed(&"the file is complete")) };
        let mut numbers = numbers.iter();
        let ends = numbers.len() == 0;
        while ends || numbers.len() > 0 {
            let Some(Person { fields, number }) = self.people.next() else { break };
            let Some(number) = number.or_else(|| numbers.next().copied()) else {
                return Err(failed(&"there are fewer than requested"));
            };
            let row = with_number(fields, self.column, &number.to_string());
            writer.write_record(&row).map_err(|error| failed(&error))?;
        }
        if numbers.len() > 0 {
            return Err(failed(&"there are more than requested"));
        }
        if ends { self.finish().map_err(|error| failed(&error)) } else { Ok(()) }
    }

    fn finish(&mut self) -> io::Result<()> {
        let Some(writer) = self.writer.take() else { return Ok(()) };
        let file = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
        file.put()
    }

    /// Removes the file of numbers that are not on the roll.
    pub(crate) fn discard(self) {
        if self.writer.is_none() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// A row with a number in its column.
fn with_number(mut row: StringRecord, column: Option<usize>, number: &str) -> StringRecord {
    let Some(column) = column else {
        row.push_field(number);
        return row;
    };
    let field = |(index, field)| if index == column { number } else { field };
    (0..).zip(&row).map(field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::Reading;

    fn numbers(of: &[u64]) -> Vec<VoterNumber> {
        of.iter().copied().map(VoterNumber::from).collect()
    }

    /// The file that comes of a list and its new numbers.
    fn issued(list: &str, new: &[u64]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let (people, output) = (folder.path().join("people.csv"), folder.path().join("out.csv"));
        std::fs::write(&people, list).unwrap();
        let plain =
            Reading { roll: &people, letters: None, heading: false, allow_duplicates: false };
        let people = People::read(plain).unwrap();
        assert_eq!(people.missing().unwrap() as usize, new.len());
        let mut file = RollFile::create(&output, people).unwrap();
        for &number in new {
            file.keep(&numbers(&[number])).unwrap();
            assert!(!output.exists(), "the file exists before it is complete");
        }
        file.keep(&[]).unwrap();
        assert!(
            RollFile::create(&output, People::count(1)).is_err(),
            "an existing file is overwritten"
        );
        std::fs::read_to_string(&output).unwrap()
    }

    #[test]
    fn every_row_without_a_number_gets_one() {
        for (list, new, expected) in [
            (
                "name,town\n\"Doe, Ann\",Paris\n李四,\"a\"\"b\"\n",
                &[1, 2][..],
                "name,town,voter_number\n\"Doe, Ann\",Paris,0000-0000-0000-0000-0001\n\
                 李四,\"a\"\"b\",0000-0000-0000-0000-0002\n",
            ),
            (
                "\u{FEFF}name;town\r\nAnn;Paris\r\n;\r\nBob;\r\n",
                &[1, 2],
                "\u{FEFF}name;town;voter_number\r\nAnn;Paris;0000-0000-0000-0000-0001\r\n\
                 Bob;;0000-0000-0000-0000-0002\r\n",
            ),
            (
                "sep=;\nname;town\nAnn;Paris\n",
                &[1],
                "sep=;\nname;town;voter_number\nAnn;Paris;0000-0000-0000-0000-0001\n",
            ),
            (
                "name\ttown\nAnn\tParis\n",
                &[1],
                "name\ttown\tvoter_number\nAnn\tParis\t0000-0000-0000-0000-0001\n",
            ),
            (
                "voter_number,name\n7,Ann\n,Bob\n8,Cleo\n,Dan\n9,Eve\n",
                &[1, 2],
                "voter_number,name\n0000-0000-0000-0000-0007,Ann\n0000-0000-0000-0000-0001,Bob\n\
                 0000-0000-0000-0000-0008,Cleo\n0000-0000-0000-0000-0002,Dan\n\
                 0000-0000-0000-0000-0009,Eve\n",
            ),
        ] {
            assert_eq!(issued(list, new), expected);
        }
    }

    #[test]
    fn too_few_or_too_many_numbers_make_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out.csv");
        let mut file = RollFile::create(&output, People::count(2)).unwrap();
        assert!(file.keep(&numbers(&[1, 2, 3])).is_err());
        drop(file);
        let mut file = RollFile::create(&output, People::count(2)).unwrap();
        file.keep(&numbers(&[1])).unwrap();
        assert!(file.keep(&[]).is_err());
        drop(file);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
