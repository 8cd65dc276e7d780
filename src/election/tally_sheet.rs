//! The tally sheet: every counted ballot of a closed election, as a file that anyone can recount.
//!
//! A sheet has one exact form in CSV and one in JSON. Reading checks every receipt against its
//! ballot, and then that writing the sheet again gives the same bytes: every alteration is found.

//!
//! Where a ballot is one name or blank and the rules are the default, a line of the sheet has the
//! name: format 1. All other sheets have [marks](marked): format 2.

mod json;
mod marked;
mod rewritten;

use std::collections::{BTreeMap, HashSet};

use data_encoding::HEXLOWER;

use super::restored::Restored;
use super::{Ballot, Definition, ElectionId, Nonce, Receipt, Rules};

/// Every counted ballot of an election, in the order of the receipts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TallySheet {
    /// The election's id. `None` only for a CSV sheet without ballots.
    pub election: Option<ElectionId>,
    /// The ballots.
    pub lines: Vec<SheetLine>,
    /// Whether the election was restored from a backup before its close. Votes recorded after the
    /// backup may be missing.
    pub restored: Option<Restored>,
    /// The rest of a sheet. One in CSV of format 1 has none.
    pub header: Option<SheetHeader>,
}

/// What a sheet says about the election.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetHeader {
    /// The election's title.
    pub title: String,
    /// The slate.
    pub candidates: Vec<String>,
    /// How many voter numbers were on the roll.
    pub voters: u64,
    /// What a ballot can say, and how ballots are counted.
    pub rules: Rules,
}

/// One counted ballot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetLine {
    /// The candidate; empty for a blank ballot, and where a ballot can say more than one mark.
    pub candidate: String,
    /// On a sheet of format 2, the marks, one for each candidate. None of a blank ballot.
    pub marks: Vec<u16>,
    /// The nonce it was cast with.
    pub nonce: Nonce,
    /// The receipt for the election, the ballot and the nonce.
    pub receipt: Receipt,
}

/// Why a text is not a valid tally sheet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid tally sheet{}: {what}", in_line(*line))]
pub struct InvalidSheet {
    /// The line of the file, from 1, or 0 if it is not a single line.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What that says of the sheet.
    pub flaw: SheetFlaw,
}

/// What is wrong with a text that is not a valid tally sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SheetFlaw {
    /// A ballot does not fit its receipt, or the document its digest: something was changed.
    Changed,
    /// Every ballot fits its receipt, and only the form of the file is another: a program has saved
    /// it again.
    Rewritten,
    /// It cannot be read as a sheet.
    Unreadable,
}

const CSV_HEADING: [&str; 4] = ["election", "candidate", "nonce", "receipt"];

impl SheetLine {
    /// The line of a ballot. Computes the receipt.
    pub fn new(election: &ElectionId, candidate: String, nonce: Nonce) -> Self {
        let receipt = Receipt::new(election, &candidate, &nonce);
        Self { candidate, marks: Vec::new(), nonce, receipt }
    }

    /// The line of a ballot of this election. Computes the receipt.
    pub fn of(definition: &Definition, ballot: &Ballot, nonce: Nonce) -> Self {
        let slate = &definition.slate;
        let name = ballot.choice().and_then(|choice| slate.name(choice));
        let is_marked = definition.rules != Rules::default();
        Self {
            candidate: name.unwrap_or_default().to_string(),
            marks: if is_marked { ballot.as_marks(slate) } else { Vec::new() },
            nonce,
            receipt: Receipt::of(definition, ballot, &nonce),
        }
    }
}

impl TallySheet {
    /// The votes by candidate, with blank ballots under the empty name. Of ranked ballots, those that
    /// rank the candidate first. Without a header there are only candidates with votes.
    pub fn recount(&self) -> BTreeMap<&str, u64> {
        let mut votes = BTreeMap::new();
        if let Some(header) = &self.header {
            votes.extend(header.candidates.iter().map(|candidate| (candidate.as_str(), 0)));
        }
        for line in &self.lines {
            match self.marked(line) {
                Some(marked) if !line.marks.is_empty() => {
                    let first = marked.filter(|&(_, mark)| mark == 1);
                    first.for_each(|(name, _)| *votes.entry(name).or_default() += 1);
                }
                _ => *votes.entry(line.candidate.as_str()).or_default() += 1,
            }
        }
        votes
    }

    /// The rules of a sheet of format 2.
    fn marked_rules(&self) -> Option<Rules> {
        self.header.as_ref().map(|header| header.rules).filter(|rules| *rules != Rules::default())
    }

    /// How many ballots have the same receipt as the ballot before them: clients that drew the same
    /// nonce, or ballots that were added to the sheet.
    pub fn repeated(&self) -> usize {
        let pairs = self.lines.iter().zip(self.lines.iter().skip(1));
        pairs.filter(|(before, line)| before.receipt == line.receipt).count()
    }

    /// Why these cannot be the ballots of the election, although every receipt fits: ballots that
    /// share a receipt, more ballots than voters, or a name that is not on the slate. Only a JSON
    /// sheet has the voters and the slate.
    pub fn contradiction(&self) -> Option<String> {
        let (ballots, repeated) = (self.lines.len(), self.repeated());
        if repeated > 0 {
            return Some(format!(
                "{repeated} of its ballots share their receipt with another: ballots were added, \
                 or voters' programs drew the same random bytes"
            ));
        }
        let header = self.header.as_ref()?;
        if ballots as u64 > header.voters {
            let voters = header.voters;
            let (ballots, voters) = (counted(ballots, "ballot"), counted(voters as usize, "voter"));
            return Some(format!("it has {ballots}, and the roll has {voters}"));
        }
        if self.marked_rules().is_some() {
            return None;
        }
        let slate: HashSet<&str> = header.candidates.iter().map(String::as_str).collect();
        let on_slate = |name: &str| name.is_empty() || slate.contains(name);
        let other = self.recount().into_keys().find(|name| !on_slate(name))?;
        Some(format!("a ballot is for \"{other}\", and that is no candidate"))
    }

    /// The position, from 1, of the ballot with this receipt, and the ballot.
    pub fn find(&self, receipt: &str) -> Option<(usize, &SheetLine)> {
        self.find_receipt(receipt.parse().ok()?)
    }

    /// As [`find`](Self::find), with a receipt that was parsed.
    pub fn find_receipt(&self, receipt: Receipt) -> Option<(usize, &SheetLine)> {
        (1..).zip(&self.lines).find(|(_, line)| line.receipt == receipt)
    }

    /// The election's id, or an empty text.
    pub fn id(&self) -> &str {
        self.election.as_ref().map_or("", ElectionId::as_str)
    }

    /// The sheet as CSV: the columns election, candidate, nonce (hexadecimal) and receipt, one
    /// ballot a line. A line before them says if the election was restored. The header is left out.
    pub fn to_csv(&self) -> String {
        if let (Some(header), Some(_)) = (&self.header, self.marked_rules()) {
            return self.to_marked_csv(header);
        }
        // Without a ballot, no line names the election, so that a reader does not know it.
        let named = if self.lines.is_empty() { "" } else { self.id() };
        let mut csv = self.restored.map(|it| it.csv_line(named)).unwrap_or_default();
        csv += &CSV_HEADING.join(",");
        csv.push('\n');
        for line in &self.lines {
            let nonce = HEXLOWER.encode(line.nonce.as_bytes());
            let candidate = line.candidate.replace('"', "\"\"");
            // Candidates are always quoted and other columns never, which `csv::Writer` cannot do.
            csv += &format!("{},\"{candidate}\",{nonce},{}\n", self.id(), line.receipt);
        }
        csv
    }

    /// Reads a sheet in either form, and checks all of it.
    ///
    /// # Errors
    /// [`InvalidSheet`], with the first line that is wrong.
    pub fn read(text: &str) -> Result<Self, InvalidSheet> {
        Self::read_with_progress(text, |_, _| {})
    }

    /// As [`read`](Self::read). After each ballot, `progress` gets the number of ballots read, and
    /// of all, which is an estimate.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_with_progress(
        text: &str,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Self, InvalidSheet> {
        Self::read_exact(text, &mut progress).map_err(|error| rewritten::error(text, error))
    }

    fn read_exact(text: &str, progress: &mut dyn FnMut(u64, u64)) -> Result<Self, InvalidSheet> {
        let (sheet, again) = if text.starts_with('{') {
            let sheet = Self::read_json(text, progress)?;
            let again = sheet.to_json();
            (sheet, again)
        } else if marked::is_marked(text) {
            let sheet = Self::read_marked_csv(text, b',', progress)?;
            let again = sheet.to_csv();
            (sheet, again)
        } else {
            let sheet = Self::read_csv(text, progress)?;
            let again = sheet.to_csv();
            (sheet, again)
        };
        if again == text { Ok(sheet) } else { Err(unreadable(0, "it has another form")) }
    }

    fn read_csv(text: &str, progress: &mut dyn FnMut(u64, u64)) -> Result<Self, InvalidSheet> {
        let (restored, text, first) = match text.split_once('\n') {
            Some((line, rest)) if line.starts_with('#') => {
                let read = Restored::read_csv_line(line);
                (Some(read.ok_or_else(|| changed(1, OTHER_RESTORE))?), rest, 2)
            }
            _ => (None, text, 1),
        };
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let failed = |line| move |error: csv::Error| unreadable(line, &error.to_string());
        if *reader.headers().map_err(failed(first))? != CSV_HEADING[..] {
            return Err(unreadable(first, "the columns are not those of a tally sheet"));
        }
        // An estimate: names may contain newlines.
        let all = memchr::memchr_iter(b'\n', text.as_bytes()).count().saturating_sub(1) as u64;
        let mut election = None;
        let mut lines = Vec::new();
        for (index, record) in reader.records().enumerate() {
            let number = index + first + 1;
            let record = record.map_err(failed(number))?;
            let columns: Vec<_> = record.iter().collect();
            let [id, candidate, nonce, receipt] = columns[..] else {
                return Err(unreadable(number, "there are not four columns"));
            };
            let id: ElectionId =
                id.parse().map_err(|_| unreadable(number, "the election id is not valid"))?;
            if *election.get_or_insert_with(|| id.clone()) != id {
                return Err(changed(number, "the ballot is from another election"));
            }
            lines.push(read_line(&id, candidate, nonce, receipt, number)?);
            check_order(&lines, number)?;
            progress(lines.len() as u64, all);
        }
        Ok(Self { election, lines, restored, header: None })
    }
}

/// What is wrong with a ballot that was changed.
const MISMATCH: &str = "the receipt does not match the election, ballot and nonce";

/// What is wrong with another first line of a restored election's sheet.
const OTHER_RESTORE: &str = "it does not say of a restore what a sheet says";

/// "1 ballot", "2 ballots".
fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn changed(line: usize, what: &str) -> InvalidSheet {
    InvalidSheet { line, what: what.to_string(), flaw: SheetFlaw::Changed }
}

fn unreadable(line: usize, what: &str) -> InvalidSheet {
    InvalidSheet { line, what: what.to_string(), flaw: SheetFlaw::Unreadable }
}

fn in_line(line: usize) -> String {
    if line > 0 { format!(", line {line}") } else { String::new() }
}

fn read_line(
    election: &ElectionId,
    candidate: &str,
    nonce: &str,
    receipt: &str,
    number: usize,
) -> Result<SheetLine, InvalidSheet> {
    let line = SheetLine::new(election, candidate.to_string(), read_nonce(nonce, number)?);
    check_receipt(line, receipt, number)
}

fn read_nonce(nonce: &str, number: usize) -> Result<Nonce, InvalidSheet> {
    let bytes = HEXLOWER.decode(nonce.as_bytes());
    let bytes = bytes.map_err(|_| unreadable(number, "the nonce is not hexadecimal"))?;
    let nonce = Nonce::try_from(&bytes[..]);
    nonce.map_err(|_| unreadable(number, "the nonce is not 16 bytes"))
}

/// The line, if this is its receipt.
fn check_receipt(line: SheetLine, receipt: &str, number: usize) -> Result<SheetLine, InvalidSheet> {
    if line.receipt.to_string() == receipt { Ok(line) } else { Err(changed(number, MISMATCH)) }
}

/// Receipts ascend, which hides the order of the votes. Equal receipts are valid: two voters may
/// choose the same nonce.
fn check_order(lines: &[SheetLine], number: usize) -> Result<(), InvalidSheet> {
    match lines {
        [.., before, last] if before.receipt > last.receipt => {
            Err(changed(number, "the ballots are not in the order of the receipts"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
