//! CSV files of voter numbers, alone or joined to the rows of a list of people.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use capvote::election::VoterNumber;
use capvote::private_file::PrivateFile;
use csv::{Reader, StringRecord, Writer};

use crate::failure::Failure;
use crate::secret;

/// The name of the column of voter numbers.
const HEADING: &str = "voter_number";

/// The people to issue numbers to: rows with any columns.
pub(crate) struct People {
    heading: StringRecord,
    rows: Vec<StringRecord>,
}

/// A file that numbers are written to. It gets its name when all of them are in it.
pub(crate) struct RollFile {
    people: std::vec::IntoIter<StringRecord>,
    /// `None` once the file has its name.
    writer: Option<Writer<PrivateFile>>,
    path: PathBuf,
}

impl People {
    /// `count` rows without columns.
    pub(crate) fn count(count: u32) -> Self {
        Self { heading: StringRecord::new(), rows: vec![StringRecord::new(); count as usize] }
    }

    /// The rows of a CSV file with a heading.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let unreadable = |error: csv::Error| {
            Failure::Usage(format!(
                "cannot read the people in {}: {error}; no numbers were issued",
                path.display()
            ))
        };
        let mut reader = Reader::from_path(path).map_err(unreadable)?;
        let heading = reader.headers().map_err(unreadable)?.clone();
        if heading.iter().any(|column| column == HEADING) {
            let path = path.display();
            return Err(Failure::Usage(format!("{path} already has a column {HEADING}")));
        }
        let rows = reader.records().collect::<Result<_, _>>().map_err(unreadable)?;
        Ok(Self { heading, rows })
    }

    pub(crate) fn len(&self) -> Result<u32, Failure> {
        let count = u32::try_from(self.rows.len()).ok().filter(|&count| count > 0);
        count.ok_or_else(|| Failure::Usage("there is nobody to issue a number to".into()))
    }
}

/// Reads the voter numbers of a CSV file with such a column; "-" is standard input.
pub(crate) fn numbers(path: &Path) -> Result<Vec<VoterNumber>, Failure> {
    let shown = path.display();
    let unreadable = |error: csv::Error| {
        Failure::Usage(format!("cannot read the voter numbers in {shown}: {error}"))
    };
    let input: Box<dyn io::Read> = if path == Path::new(secret::STANDARD_INPUT) {
        Box::new(secret::standard_input().map_err(|error| unreadable(error.into()))?)
    } else {
        secret::warn_if_exposed(path);
        Box::new(File::open(path).map_err(|error| unreadable(error.into()))?)
    };
    let mut reader = Reader::from_reader(input);
    let heading = reader.headers().map_err(unreadable)?;
    let column = heading.iter().position(|column| column == HEADING);
    let column =
        column.ok_or_else(|| Failure::Usage(format!("{shown} has no column {HEADING}")))?;
    let mut numbers = Vec::new();
    for row in reader.records() {
        let row = row.map_err(unreadable)?;
        let number = row.get(column).unwrap_or_default().parse();
        let line = row.position().map_or(0, csv::Position::line);
        numbers.push(
            number.map_err(|error| Failure::Usage(format!("line {line} of {shown}: {error}")))?,
        );
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
        let file = PrivateFile::begin(path);
        let mut writer = Writer::from_writer(file.map_err(|error| failed(error.to_string()))?);
        let heading = with_number(people.heading, HEADING);
        writer.write_record(&heading).map_err(|error| failed(error.to_string()))?;
        Ok(Self { people: people.rows.into_iter(), writer: Some(writer), path: path.to_owned() })
    }

    /// Writes the numbers of the next people. An empty slice completes the file, and syncs it.
    pub(crate) fn keep(&mut self, numbers: &[VoterNumber]) -> Result<(), String> {
        let failed = |error: &dyn std::fmt::Display| format!("cannot write the numbers: {error}");
        let Some(writer) = &mut self.writer else { return Err(failed(&"the file is complete")) };
        for number in numbers {
            let person =
                self.people.next().ok_or_else(|| failed(&"there are more than requested"))?;
            let row = with_number(person, &number.to_string());
            writer.write_record(&row).map_err(|error| failed(&error))?;
        }
        if numbers.is_empty() { self.finish().map_err(|error| failed(&error)) } else { Ok(()) }
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.people.len() > 0 {
            return Err(io::Error::other("there are fewer than requested"));
        }
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

fn with_number(mut row: StringRecord, number: &str) -> StringRecord {
    row.push_field(number);
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(of: &[u64]) -> Vec<VoterNumber> {
        of.iter().copied().map(VoterNumber::from).collect()
    }

    #[test]
    fn every_row_gets_one_number() {
        let folder = tempfile::tempdir().unwrap();
        let (people, output) = (folder.path().join("people.csv"), folder.path().join("out.csv"));
        std::fs::write(&people, "name,town\n\"Doe, Ann\",Paris\n李四,\"a\"\"b\"\n").unwrap();
        let people = People::read(&people).unwrap();
        assert_eq!(people.len().unwrap(), 2);
        let mut file = RollFile::create(&output, people).unwrap();
        file.keep(&numbers(&[1])).unwrap();
        assert!(!output.exists(), "the file exists before it is complete");
        file.keep(&numbers(&[2])).unwrap();
        file.keep(&[]).unwrap();
        let expected = "name,town,voter_number\n\"Doe, Ann\",Paris,0000-0000-0000-0000-0001\n\
                        李四,\"a\"\"b\",0000-0000-0000-0000-0002\n";
        assert_eq!(std::fs::read_to_string(&output).unwrap(), expected);
        assert!(
            RollFile::create(&output, People::count(1)).is_err(),
            "an existing file is overwritten"
        );
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
