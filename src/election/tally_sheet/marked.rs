//! Sheets of format 2: a ballot is a mark for each name.
//!
//! In CSV, rows of a key and a value say what the election is and how its ballots are counted. Then
//! come a heading with the names of the slate, and a row for each ballot with its marks in the
//! columns of the names: a spreadsheet can count it, and the sheet alone is enough to count it by
//! the rules.
//!
//! ```text
//! capvote tally sheet,2
//! election,chair
//! title,"The chair"
//! voters,120
//! method,transferable
//! seats,1
//! marks,3
//! majority,
//! quorum,>=1/4 of roll
//! none,no
//! ballots,1
//! check,2c26b46b68ffc68f
//! "Ada","Grace","Edsger",nonce,receipt
//! 2,,1,00112233445566778899aabbccddeeff,SCL2-PAQJ-SY77-PWPK-INXW-TM32-HSZR-GJKF
//! ```

use std::collections::BTreeMap;

use csv::{ReaderBuilder, StringRecord};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::rewritten::SEPARATORS;
use super::{
    InvalidSheet, SheetHeader, SheetLine, TallySheet, changed, check_order, check_receipt, counted,
    read_nonce, unreadable,
};
use crate::election::restored::Restored;
use crate::election::{
    Ballot, Ballots, Count, Definition, ElectionId, Method, Rules, Share, SheetCount,
};

/// The format.
pub(super) const FORMAT: u32 = 2;

/// The key of the first row, whose value is the format.
const FIRST: &str = "capvote tally sheet";

/// The key of the row that says how many ballots there are: without it, nobody would notice that
/// one was left out.
const BALLOTS: &str = "ballots";

/// The key of the last row before the heading: a checksum of the rows before it and the names.
const CHECK: &str = "check";

/// The columns behind the names.
const COLUMNS: [&str; 2] = ["nonce", "receipt"];

/// Whether a text begins as a sheet in CSV of this format, whatever a program has done to it.
pub(super) fn is_marked(text: &str) -> bool {
    text.trim_start_matches('"').starts_with(FIRST)
}

/// Reads a sheet in CSV with other separators, quotes or line ends: every ballot fits its receipt.
/// Returns the separator.
pub(super) fn in_other_form(text: &str) -> Result<u8, InvalidSheet> {
    let read = |separator| TallySheet::read_marked_csv(text, separator, &mut |_, _| {});
    let first = text.lines().next().unwrap_or_default();
    let separator = SEPARATORS.into_iter().find(|&it| first.contains(char::from(it)));
    let separator = separator.unwrap_or(b',');
    read(separator).map(|_| separator)
}

/// Reads the ballots of an election.
pub(super) struct LineReader {
    definition: Definition,
}

impl LineReader {
    pub(super) fn new(election: &ElectionId, header: &SheetHeader) -> Result<Self, InvalidSheet> {
        let definition = header.definition(election.clone());
        let definition = definition.map_err(|why| unreadable(0, &why))?;
        Ok(Self { definition })
    }

    /// A ballot with these marks, which has to fit the rules and the receipt.
    pub(super) fn read(
        &self,
        marks: &[u16],
        nonce: &str,
        receipt: &str,
        number: usize,
    ) -> Result<SheetLine, InvalidSheet> {
        let nonce = read_nonce(nonce, number)?;
        let Definition { slate, rules, .. } = &self.definition;
        let ballot = Ballot::new(slate, rules, marks);
        let ballot = ballot.map_err(|why| changed(number, &why.to_string()))?;
        check_receipt(SheetLine::of(&self.definition, &ballot, nonce), receipt, number)
    }
}

impl SheetHeader {
    /// The election, as far as the sheet has it. Ballots may be blank.
    ///
    /// # Errors
    /// Why there can be no such election.
    pub fn definition(&self, election: ElectionId) -> Result<Definition, String> {
        let definition = Definition::new(election, self.title.clone(), self.candidates.clone());
        let definition = definition.and_then(|it| it.with_blank(true).with_rules(self.rules));
        definition.map_err(|error| error.to_string())
    }
}

impl TallySheet {
    /// Counts the sheet by the rules of its election, as the server did at the close. `None` for a
    /// sheet in CSV of format 1 without a name: it does not say who the candidates were.
    pub fn count(&self) -> Option<(Definition, Count)> {
        let definition = self.definition()?;
        let voters = self.header.as_ref().map_or(self.lines.len() as u64, |it| it.voters);
        let mut count = SheetCount::new(&definition);
        for line in &self.lines {
            count.add(&self.ballot(line, &definition)?, &line.receipt);
        }
        let count = count.finish(&definition, voters);
        Some((definition, count))
    }

    /// The election and its ballots, equal ones together. `None` as for [`count`](Self::count).
    pub fn ballots(&self) -> Option<(Definition, Ballots)> {
        let definition = self.definition()?;
        let mut ballots = Ballots::new(&definition.slate, &definition.rules);
        for line in &self.lines {
            ballots.add(&self.ballot(line, &definition)?);
        }
        Some((definition, ballots))
    }

    /// The election, as far as the sheet has it.
    fn definition(&self) -> Option<Definition> {
        let id = self.election.clone()?;
        if let Some(header) = &self.header {
            return header.definition(id).ok();
        }
        let names = self.recount().into_keys().filter(|name| !name.is_empty());
        let definition = Definition::new(id, String::new(), names.map(String::from).collect());
        Some(definition.ok()?.with_blank(true))
    }

    fn ballot(&self, line: &SheetLine, definition: &Definition) -> Option<Ballot> {
        let Definition { slate, rules, .. } = definition;
        match self.marked_rules() {
            Some(_) => Ballot::new(slate, rules, &line.marks).ok(),
            None => slate.choice(&line.candidate).map(Ballot::from),
        }
    }

    /// The marked names of a line with their marks, on a sheet of format 2.
    pub fn marked<'a>(
        &'a self,
        line: &'a SheetLine,
    ) -> Option<impl Iterator<Item = (&'a str, u16)>> {
        let header = self.header.as_ref().filter(|_| self.marked_rules().is_some())?;
        let names = header.candidates.iter().map(String::as_str);
        Some(names.zip(line.marks.iter().copied()).filter(|&(_, mark)| mark > 0))
    }

    /// The sheet in CSV.
    pub(super) fn to_marked_csv(&self, header: &SheetHeader) -> String {
        let mut csv = self.head(header, self.lines.len());
        let check = check(&csv, &header.candidates);
        csv += &format!("{CHECK},{check}\n");
        for name in &header.candidates {
            csv += &format!("{},", quoted(name));
        }
        csv += &format!("{}\n", COLUMNS.join(","));
        for line in &self.lines {
            for place in 0..header.candidates.len() {
                match line.marks.get(place) {
                    None | Some(0) => csv.push(','),
                    Some(mark) => csv += &format!("{mark},"),
                }
            }
            csv += &format!("{},{}\n", HEXLOWER.encode(line.nonce.as_bytes()), line.receipt);
        }
        csv
    }

    /// The rows before the checksum.
    fn head(&self, header: &SheetHeader, ballots: usize) -> String {
        let SheetHeader { title, voters, rules, .. } = header;
        let share = |share: Option<Share>| share.map(|it| it.to_string()).unwrap_or_default();
        let mut rows = vec![
            (FIRST, FORMAT.to_string()),
            ("election", self.id().to_string()),
            ("title", quoted(title)),
            ("voters", voters.to_string()),
            ("method", rules.method.name().to_string()),
            ("seats", rules.seats.to_string()),
            ("marks", rules.marks.to_string()),
            ("majority", share(rules.majority)),
            ("quorum", share(rules.quorum)),
            ("none", (if rules.none { "yes" } else { "no" }).to_string()),
        ];
        if let Some(Restored { ledger, epoch }) = self.restored {
            rows.push(("restored in ledger", ledger.to_string()));
            rows.push(("restored in epoch", epoch.to_string()));
        }
        rows.push((BALLOTS, ballots.to_string()));
        rows.into_iter().map(|(key, value)| format!("{key},{value}\n")).collect()
    }

    pub(super) fn read_marked_csv(
        text: &str,
        separator: u8,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Self, InvalidSheet> {
        let mut builder = ReaderBuilder::new();
        let builder = builder.delimiter(separator).flexible(true).has_headers(false);
        let mut reader = builder.from_reader(text.as_bytes());
        let mut records = reader.records().map(|record| {
            let record = record.map_err(|error| unreadable(0, &error.to_string()))?;
            let line = record.position().map_or(0, csv::Position::line);
            Ok::<_, InvalidSheet>((record, usize::try_from(line).unwrap_or_default()))
        });
        let mut head = Head::default();
        let (names, number) = loop {
            let Some(record) = records.next() else {
                return Err(unreadable(0, "it ends before its ballots"));
            };
            let (record, number) = record?;
            if let Some(names) = names(&record) {
                break (names, number);
            }
            head.add(&record);
        };
        let (election, header) = head.read(names).ok_or_else(|| {
            unreadable(number, "what it says of the election above the ballots is not valid")
        })?;
        let restored = head.restored();
        let mut sheet =
            Self { election: Some(election.clone()), lines: Vec::new(), restored, header: None };
        let ballots = head.value(BALLOTS).parse().map_err(|_| {
            unreadable(number, "it does not say above the ballots how many there are")
        })?;
        if check(&sheet.head(&header, ballots), &header.candidates) != head.value(CHECK) {
            return Err(changed(0, "the check does not fit what is above the ballots"));
        }
        let reader = LineReader::new(&election, &header)?;
        let all = memchr::memchr_iter(b'\n', text.as_bytes()).count() as u64;
        for record in records {
            let (record, number) = record?;
            if record.iter().all(|field| field.trim().is_empty()) {
                continue;
            }
            sheet.lines.push(read_record(&reader, &record, header.candidates.len(), number)?);
            check_order(&sheet.lines, number)?;
            progress(sheet.lines.len() as u64, all);
        }
        if sheet.lines.len() != ballots {
            let found = sheet.lines.len();
            let why =
                format!("it was written with {}, and has {found}", counted(ballots, "ballot"));
            return Err(changed(0, &why));
        }
        sheet.header = Some(header);
        Ok(sheet)
    }
}

/// A text in quotes, always.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// The checksum of what is above the ballots.
fn check(head: &str, names: &[String]) -> String {
    let mut hash = Sha256::new_with_prefix(head);
    for name in names {
        hash.update((name.len() as u32).to_le_bytes());
        hash.update(name);
    }
    HEXLOWER.encode(&hash.finalize()).chars().take(16).collect()
}

/// The names in a heading, if the record is one.
fn names(record: &StringRecord) -> Option<Vec<String>> {
    let fields: Vec<_> = record.iter().collect();
    let fields = match fields.iter().rposition(|field| !field.is_empty()) {
        Some(last) => fields.get(..=last)?,
        None => return None,
    };
    let (names, columns) = fields.split_last_chunk::<2>()?;
    (*columns == COLUMNS && !names.is_empty())
        .then(|| names.iter().map(|name| name.to_string()).collect())
}

/// The rows before the heading, by their keys.
#[derive(Default)]
struct Head(BTreeMap<String, String>);

impl Head {
    fn add(&mut self, record: &StringRecord) {
        if let (Some(key), Some(value)) = (record.get(0), record.get(1)) {
            self.0.insert(key.to_string(), value.to_string());
        }
    }

    fn value(&self, key: &str) -> &str {
        self.0.get(key).map_or("", String::as_str)
    }

    fn read(&self, candidates: Vec<String>) -> Option<(ElectionId, SheetHeader)> {
        let share = |key| match self.value(key) {
            "" => Some(None),
            text => text.parse::<Share>().ok().map(Some),
        };
        let rules = Rules {
            method: Method::from_name(self.value("method"))?,
            seats: self.value("seats").parse().ok()?,
            marks: self.value("marks").parse().ok()?,
            majority: share("majority")?,
            quorum: share("quorum")?,
            none: match self.value("none") {
                "yes" => true,
                "no" => false,
                _ => return None,
            },
        };
        let is_this = self.value(FIRST) == FORMAT.to_string() && rules != Rules::default();
        let (title, voters) = (self.value("title").to_string(), self.value("voters").parse().ok()?);
        let header = SheetHeader { title, candidates, voters, rules };
        Some((self.value("election").parse().ok()?, header)).filter(|_| is_this)
    }

    fn restored(&self) -> Option<Restored> {
        let ledger = self.value("restored in ledger").parse().ok()?;
        Some(Restored { ledger, epoch: self.value("restored in epoch").parse().ok()? })
    }
}

fn read_record(
    reader: &LineReader,
    record: &StringRecord,
    names: usize,
    number: usize,
) -> Result<SheetLine, InvalidSheet> {
    let fields: Vec<_> = record.iter().collect();
    let other = || unreadable(number, "there are not as many columns as in the heading");
    let (marks, rest) = fields.split_at_checked(names).ok_or_else(other)?;
    let [nonce, receipt, more @ ..] = rest else { return Err(other()) };
    if more.iter().any(|field| !field.is_empty()) {
        return Err(other());
    }
    let mark = |field: &&str| match field.trim() {
        "" => Ok(0),
        mark => mark.parse().map_err(|_| unreadable(number, "a mark is not a number")),
    };
    let marks: Vec<u16> = marks.iter().map(mark).collect::<Result<_, _>>()?;
    let is_blank = marks.iter().all(|&mark| mark == 0);
    reader.read(if is_blank { &[] } else { &marks }, nonce, receipt, number)
}

#[cfg(test)]
mod tests;
