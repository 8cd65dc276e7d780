//! A voter's receipt file, to retry a vote, and to find it on the tally sheet.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use capvote::client::{Ballot, Marks, RecordedVote};
use capvote::election::{
    ElectionId, Nonce, Receipt, SheetFlaw, TallySheet, is_invisible, same_text,
};
use capvote::private_file;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use crate::failure::Failure;
use crate::secret;

/// A file with a voter's nonce and, once the vote is recorded, its receipt.
pub(crate) struct ReceiptFile {
    path: PathBuf,
    content: Content,
    /// Whether the file did not exist before this run.
    is_new: bool,
}

#[derive(Serialize, Deserialize)]
struct Content {
    candidate: String,
    /// The marked names, in the order of the slate, of a ballot with marks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    marks: Option<Vec<Marked>>,
    nonce: String,
    /// Binds the file to the voter number without revealing it: see [`bind`].
    voter: String,
    /// The ledger that holds the vote, and its epoch then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ledger: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    epoch: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    election: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<String>,
}

/// A name with its mark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Marked {
    candidate: String,
    mark: u16,
}

impl ReceiptFile {
    /// Stores a ballot's nonce before the ballot is cast in `election`, which is empty for the only
    /// one there is. If the file has a nonce from an equal ballot, `ballot` gets that, which makes
    /// it a retry.
    pub(crate) fn begin(path: &Path, ballot: &mut Ballot, election: &str) -> Result<Self, Failure> {
        let content = Content {
            candidate: ballot.candidate.clone(),
            marks: ballot.marks.as_ref().map(marked),
            nonce: HEXLOWER.encode(ballot.nonce.as_bytes()),
            voter: bind(ballot),
            election: None,
            receipt: None,
            ledger: None,
            epoch: None,
        };
        let mut file = Self { path: path.to_owned(), content, is_new: true };
        secret::warn_if_exposed(path);
        match secret::read_file(path, RECEIPT_FILE_BYTES_MAX) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => file.write()?,
            Err(error) => return Err(file.failed(&error)),
            Ok(text) => {
                file.content =
                    Content::read(&text).ok_or_else(|| file.failed(&"it is no receipt"))?;
                file.is_new = false;
                file.adopt(ballot, election)?;
            }
        }
        Ok(file)
    }

    /// Gives `ballot` the nonce of the file, if that is for the same vote.
    fn adopt(&self, ballot: &mut Ballot, election: &str) -> Result<(), Failure> {
        let other_vote = |how: &str| {
            Failure::Usage(format!(
                "{} holds the receipt of another vote, {how}; nothing was sent. Choose another \
                 file",
                self.path.display()
            ))
        };
        if let Some(other) = &self.content.election
            && !election.is_empty()
            && other != election
        {
            return Err(other_vote(&format!("in election {}", other)));
        }
        if same_text(&self.content.candidate) != same_text(&ballot.candidate) {
            return Err(other_vote("for another candidate"));
        }
        if !self.content.has_marks(ballot.marks.as_ref().map(marked)) {
            return Err(other_vote("with other marks"));
        }
        let bytes = HEXLOWER.decode(self.content.nonce.as_bytes()).unwrap_or_default();
        ballot.nonce = Nonce::try_from(&bytes[..]).map_err(|error| self.failed(&error))?;
        ballot.candidate = self.content.sent_candidate(&ballot.nonce);
        if self.content.voter != bind(ballot) {
            return Err(other_vote("under another voter number"));
        }
        Ok(())
    }

    /// Stores the candidate's name as the slate has it.
    pub(crate) fn spell(&mut self, candidate: &str) -> Result<(), Failure> {
        self.content.candidate = candidate.to_string();
        self.write()
    }

    /// Whether the file has the receipt of a vote that was recorded before.
    pub(crate) fn was_recorded(&self) -> bool {
        self.content.receipt.is_some()
    }

    /// The ledger and the epoch in which the vote was recorded before, if the file has them.
    pub(crate) fn recorded_in(&self) -> Option<(&str, u64)> {
        self.content.ledger.as_deref().zip(self.content.epoch)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Stores the receipt of the recorded vote.
    pub(crate) fn complete(&mut self, vote: &RecordedVote) -> Result<(), Failure> {
        let (election, receipt) = (vote.election.to_string(), vote.receipt.to_string());
        if vote.epoch > 0 {
            // The first epoch is kept: whether the vote is in a later one is a question to ask.
            self.content.ledger.get_or_insert_with(|| vote.ledger.to_string());
            self.content.epoch.get_or_insert(vote.epoch);
        }
        let known = self.content.election.replace(election.clone()) == Some(election);
        if self.content.receipt.replace(receipt.clone()) == Some(receipt) && known {
            return Ok(());
        }
        self.write()
    }

    /// Removes the file of a refused vote, unless it is from an earlier run, whose vote may be
    /// recorded.
    pub(crate) fn discard(self) {
        if self.is_new {
            let _ = fs::remove_file(&self.path);
        }
    }

    /// Replaces the file atomically, readable by its owner only.
    fn write(&self) -> Result<(), Failure> {
        let text =
            serde_json::to_string_pretty(&self.content).map_err(|error| self.failed(&error))?;
        let written = private_file::write(&self.path, |file| writeln!(file, "{text}"));
        written.map_err(|error| self.failed(&error))
    }

    fn failed(&self, why: &dyn std::fmt::Display) -> Failure {
        Failure::Fault(format!("cannot keep the receipt in {}: {why}", self.path.display()))
    }
}

impl Content {
    /// Reads the content of a receipt file, also as a mail program or a word processor has changed
    /// it.
    fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).or_else(|_| serde_json::from_str(&mended(text))).ok()
    }

    /// The ballot.
    fn kept(self) -> Kept {
        match self.marks {
            Some(marks) => Kept::Marks(marks),
            None => Kept::Name(self.candidate),
        }
    }

    /// Whether these are its marks, however a program has stored the names since.
    fn has_marks(&self, marks: Option<Vec<Marked>>) -> bool {
        let plain = |marks: &Vec<Marked>| -> Vec<_> {
            marks.iter().map(|it| (same_text(&it.candidate), it.mark)).collect()
        };
        self.marks.as_ref().map(plain) == marks.as_ref().map(plain)
    }

    /// The candidate as the recorded vote has the name, whatever a program has made of it since.
    fn sent_candidate(&self, nonce: &Nonce) -> String {
        let election = self.election.as_ref().and_then(|id| id.parse::<ElectionId>().ok());
        let receipt = self.receipt.as_ref().and_then(|it| it.parse::<Receipt>().ok());
        let sent = election.zip(receipt).and_then(|(id, receipt)| {
            spellings(&self.candidate)
                .into_iter()
                .find(|it| Receipt::new(&id, it, nonce) == receipt)
        });
        sent.unwrap_or_else(|| self.candidate.clone())
    }
}

/// The JSON object in a text, without the quotation marks, line breaks and invisible characters
/// that programs put in it.
fn mended(text: &str) -> String {
    let after = text.split_once('{').map_or("", |(_, after)| after);
    let inside = after.rsplit_once('}').map_or("", |(inside, _)| inside);
    let lines = inside.lines().map(|line| line.trim_start_matches(['>', ' ', '\t', '\u{a0}']));
    let plain = |character| match character {
        '“' | '”' | '„' | '‟' | '«' | '»' => Some('"'),
        '\u{a0}' => Some(' '),
        other if is_invisible(other) => None,
        other => Some(other),
    };
    let inside: String = lines.flat_map(str::chars).filter_map(plain).collect();
    format!("{{{inside}}}")
}

/// The marked names.
fn marked(marks: &Marks) -> Vec<Marked> {
    marks.marked().map(|(name, mark)| Marked { candidate: name.to_string(), mark }).collect()
}

/// A hash over a ballot's nonce and voter number.
fn bind(ballot: &Ballot) -> String {
    let hash = Sha256::new_with_prefix(b"capvote receipt file 1\0");
    let hash = hash.chain_update(ballot.nonce.as_bytes());
    HEXLOWER.encode(&hash.chain_update(ballot.number.get().to_le_bytes()).finalize())
}

/// The longest text that is read for a receipt. A tally sheet of some ballots is shorter, and the
/// error names it.
const RECEIPT_FILE_BYTES_MAX: u64 = 1 << 20;

/// What to look for on a tally sheet.
pub(crate) struct SearchKey {
    receipt: Option<Receipt>,
    /// The ledger's epoch in which the vote was recorded, if it is known.
    pub(crate) epoch: Option<u64>,
    /// The ballot and the nonce, if they are known: the receipt may not have been received, or may
    /// have been changed in the file.
    ballot: Option<(Kept, Nonce)>,
}

/// A ballot in a receipt file.
enum Kept {
    Name(String),
    Marks(Vec<Marked>),
}

impl Kept {
    /// The receipts that it may have, by the ways in which programs may have stored its names.
    fn receipts(&self, election: &ElectionId, nonce: &Nonce) -> [Receipt; 3] {
        match self {
            Self::Name(name) => spellings(name).map(|name| Receipt::new(election, &name, nonce)),
            Self::Marks(marks) => [0, 1, 2].map(|spelling| {
                let spelled = |it: &Marked| {
                    let name = spellings(&it.candidate).into_iter().nth(spelling);
                    (name.unwrap_or_default(), it.mark)
                };
                let spelled: Vec<_> = marks.iter().map(spelled).collect();
                let marks = spelled.iter().map(|(name, mark)| (name.as_ref(), *mark));
                Receipt::of_marks(election, marks, nonce)
            }),
        }
    }
}

/// Whether a text is the content of a receipt file.
pub(crate) fn is_receipt_file(text: &str) -> bool {
    Content::read(text).is_some()
}

/// The receipt in a text: alone, or as the only word of a sentence that is one.
fn receipt_in(text: &str) -> Option<Receipt> {
    let mut words = text.split_whitespace().filter_map(|word| word.parse().ok());
    let in_sentence = || words.next().filter(|_| words.next().is_none());
    text.parse().ok().or_else(in_sentence)
}

impl SearchKey {
    /// Parses a receipt, or reads the receipt file that the text names.
    pub(crate) fn read(text: &str) -> Result<Self, Failure> {
        if let Some(receipt) = receipt_in(text) {
            return Ok(Self { receipt: Some(receipt), epoch: None, ballot: None });
        }
        let text_of_file = secret::read(text, RECEIPT_FILE_BYTES_MAX).map_err(|error| {
            Failure::Usage(match error.kind() {
                io::ErrorKind::NotFound => format!(
                    "there is no file {text}, and it is not a receipt either: that is eight groups \
                     of four of the letters A to Z and the digits 2 to 7{}",
                    other_digit(text)
                ),
                _ => format!(
                    "{text} is not a receipt, and cannot be read as a receipt file: {error}"
                ),
            })
        })?;
        let no_receipt = || {
            let is_sheet = match TallySheet::read(&text_of_file) {
                Ok(_) => true,
                Err(error) => error.flaw == SheetFlaw::Rewritten,
            };
            let order = if is_sheet { "; the receipt comes first, then the sheet" } else { "" };
            Failure::Usage(format!("{text} holds no receipt{order}"))
        };
        let Some(content) = Content::read(&text_of_file) else {
            // A sheet of one ballot has one receipt, too.
            let is_sheet = text_of_file.trim_start().starts_with('{');
            let receipt = receipt_in(&text_of_file).filter(|_| !is_sheet);
            let receipt = Some(receipt.ok_or_else(no_receipt)?);
            return Ok(Self { receipt, epoch: None, ballot: None });
        };
        secret::warn_if_exposed(Path::new(text));
        let receipt = content.receipt.as_ref().and_then(|it| it.parse().ok());
        let nonce = HEXLOWER.decode(content.nonce.as_bytes()).ok();
        let nonce = nonce.and_then(|bytes| Nonce::try_from(&bytes[..]).ok());
        let key = Self {
            receipt,
            epoch: content.epoch,
            ballot: nonce.map(|nonce| (content.kept(), nonce)),
        };
        if key.receipt.is_none() && key.ballot.is_none() {
            return Err(no_receipt());
        }
        Ok(key)
    }

    /// The receipts that the ballot may have in this election, the likeliest first.
    pub(crate) fn receipts(&self, election: &ElectionId) -> impl Iterator<Item = Receipt> {
        let ballot = self.ballot.iter().flat_map(|(kept, nonce)| kept.receipts(election, nonce));
        self.receipt.into_iter().chain(ballot)
    }

    /// Whether this receipt may be that of the ballot, if that is known.
    pub(crate) fn fits(&self, election: &ElectionId, receipt: Receipt) -> bool {
        let fits =
            |(kept, nonce): &(Kept, Nonce)| kept.receipts(election, nonce).contains(&receipt);
        self.ballot.as_ref().is_none_or(fits)
    }
}

/// A name as it is written, and as programs may have stored it before: composed and decomposed.
fn spellings(name: &str) -> [String; 3] {
    [name.to_string(), name.nfc().collect(), name.nfd().collect()]
}

/// The hint for a text that may be a receipt, but for characters that no receipt has.
fn other_digit(text: &str) -> String {
    const NEARLY: usize = 28;
    let plain: Vec<_> = text.chars().filter(char::is_ascii_alphanumeric).collect();
    let other = plain.iter().find(|it| "0189".contains(**it));
    match (other, plain.len() >= NEARLY) {
        (Some(other), true) => format!(", and not {other}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_file_is_read_as_editors_and_mail_leave_it() {
        let content = Content {
            candidate: "Grace Hopper".into(),
            marks: Some(vec![Marked { candidate: "Grace Hopper".into(), mark: 2 }]),
            nonce: "ab".repeat(16),
            voter: "cd".repeat(32),
            ledger: None,
            epoch: Some(1),
            election: Some("board".into()),
            receipt: Some("SCL2-PAQJ-SY77-PWPK-INXW-TM32-HSZR-GJKF".into()),
        };
        let text = serde_json::to_string_pretty(&content).unwrap();
        let wrapped = text.replace("cdcdcdcd\"", "cdcd\n  cdcd\"");
        for changed in [
            text.clone(),
            text.replace('\n', "\r\n"),
            format!("\u{FEFF}{text}\n\n"),
            text.replacen('"', "“", 1).replace('"', "”"),
            text.replace("  ", "\u{a0} ").replace(": ", ":\u{200B} "),
            wrapped.clone(),
            text.lines().map(|line| format!("> {line}\n")).collect(),
            wrapped.lines().map(|line| format!(">> {line}\r\n")).collect(),
            format!("Dear Ann,\n\nyour receipt:\n{text}\n\nBye\n"),
        ] {
            let read = Content::read(&changed).unwrap_or_else(|| panic!("{changed}"));
            assert_eq!(serde_json::to_string_pretty(&read).unwrap(), text, "{changed}");
        }
        for other in ["", "{}", "a receipt", "}{", "{\"candidate\": \"Ada\"}"] {
            assert!(Content::read(other).is_none(), "{other}");
        }
    }
}
