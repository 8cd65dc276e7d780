//! A sheet as a JSON document.

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::marked::{self, LineReader};
use super::{
    InvalidSheet, SheetHeader, SheetLine, TallySheet, changed, check_order, read_line, unreadable,
};
use crate::election::restored::{Restored, RestoredText};
use crate::election::{ElectionId, Method, Rules, Share};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    /// 2, or left out in a sheet of ballots that are one name or blank.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    format: Option<u32>,
    election: String,
    title: String,
    candidates: Vec<String>,
    voters: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rules: Option<RulesText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    restored: Option<RestoredText>,
    ballots: Vec<Row>,
    /// SHA-256 of the document with this text empty.
    sha256: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    candidate: Option<String>,
    /// The marks, one for each candidate; none of a blank ballot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    marks: Option<Vec<u16>>,
    nonce: String,
    receipt: String,
}

/// The rules, as texts and numbers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesText {
    method: String,
    seats: u16,
    marks: u16,
    majority: Option<String>,
    quorum: Option<String>,
    none: bool,
}

impl TallySheet {
    /// The sheet as a JSON document.
    pub fn to_json(&self) -> String {
        let rules = self.marked_rules();
        let row = |line: &SheetLine| Row {
            candidate: rules.is_none().then(|| line.candidate.clone()),
            marks: rules.is_some().then(|| line.marks.clone()),
            nonce: HEXLOWER.encode(line.nonce.as_bytes()),
            receipt: line.receipt.to_string(),
        };
        let header = self.header.clone();
        let mut document = Document {
            format: rules.map(|_| marked::FORMAT),
            rules: rules.map(RulesText::from),
            election: self.id().to_string(),
            title: header.as_ref().map(|header| header.title.clone()).unwrap_or_default(),
            voters: header.as_ref().map_or(0, |header| header.voters),
            restored: self.restored.map(|Restored { ledger, epoch }| RestoredText {
                ledger: ledger.to_string(),
                epoch,
            }),
            candidates: header.map(|header| header.candidates).unwrap_or_default(),
            ballots: self.lines.iter().map(row).collect(),
            sha256: String::new(),
        };
        document.sha256 = HEXLOWER.encode(&Sha256::digest(json(&document)));
        json(&document)
    }

    pub(super) fn read_json(
        text: &str,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Self, InvalidSheet> {
        let mut document: Document = serde_json::from_str(text)
            .map_err(|error| unreadable(error.line(), &error.to_string()))?;
        let election: ElectionId =
            document.election.parse().map_err(|_| unreadable(2, "the election id is not valid"))?;
        let header = document.header()?;
        let marked = match header.rules == Rules::default() {
            true => None,
            false => Some(LineReader::new(&election, &header)?),
        };
        let mut lines = Vec::new();
        for (index, row) in document.ballots.iter().enumerate() {
            // By the number of the ballot: each takes several lines.
            let about = |error: InvalidSheet| InvalidSheet {
                what: format!("ballot {}: {}", index + 1, error.what),
                ..error
            };
            let read = match (&marked, &row.marks, &row.candidate) {
                (Some(reader), Some(marks), None) => {
                    reader.read(marks, &row.nonce, &row.receipt, 0)
                }
                (None, None, Some(name)) => read_line(&election, name, &row.nonce, &row.receipt, 0),
                _ => Err(unreadable(0, "it is a ballot of another kind of sheet")),
            };
            lines.push(read.map_err(about)?);
            check_order(&lines, 0).map_err(about)?;
            progress(lines.len() as u64, document.ballots.len() as u64);
        }
        let digest = std::mem::take(&mut document.sha256);
        if digest != HEXLOWER.encode(&Sha256::digest(json(&document))) {
            return Err(changed(0, "the sha256 is not that of the document"));
        }
        let restored = match document.restored.take() {
            Some(RestoredText { ledger, epoch }) => {
                let ledger = ledger.parse();
                let ledger =
                    ledger.map_err(|_| unreadable(0, "the ledger's identity is not valid"))?;
                Some(Restored { ledger, epoch })
            }
            None => None,
        };
        Ok(Self { election: Some(election), lines, restored, header: Some(header) })
    }
}

impl Document {
    fn header(&self) -> Result<SheetHeader, InvalidSheet> {
        let rules = match (self.format, &self.rules) {
            (None, None) => Some(Rules::default()),
            (Some(marked::FORMAT), Some(rules)) => {
                rules.read().filter(|rules| *rules != Rules::default())
            }
            (Some(format), _) if format > marked::FORMAT => {
                let why = format!("it has format {format}: use a newer client");
                return Err(unreadable(2, &why));
            }
            _ => None,
        };
        let rules = rules.ok_or_else(|| unreadable(2, "the rules are not valid"))?;
        let (title, candidates) = (self.title.clone(), self.candidates.clone());
        Ok(SheetHeader { title, candidates, voters: self.voters, rules })
    }
}

impl From<Rules> for RulesText {
    fn from(rules: Rules) -> Self {
        Self {
            method: rules.method.name().to_string(),
            seats: rules.seats,
            marks: rules.marks,
            majority: rules.majority.map(|share| share.to_string()),
            quorum: rules.quorum.map(|share| share.to_string()),
            none: rules.none,
        }
    }
}

impl RulesText {
    fn read(&self) -> Option<Rules> {
        let share = |text: &Option<String>| match text {
            Some(text) => text.parse::<Share>().ok().map(Some),
            None => Some(None),
        };
        Some(Rules {
            method: Method::from_name(&self.method)?,
            seats: self.seats,
            marks: self.marks,
            majority: share(&self.majority)?,
            quorum: share(&self.quorum)?,
            none: self.none,
        })
    }
}

#[expect(clippy::expect_used, reason = "the keys of these structs are texts")]
fn json(document: &Document) -> String {
    let mut text = serde_json::to_string_pretty(document)
        .expect("a document whose keys are texts can be written as JSON");
    text.push('\n');
    text
}
