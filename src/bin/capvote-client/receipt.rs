//! A voter's receipt, kept in a file: what it takes to send a vote again, and to find it on the sheet.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use capvote::client::{Ballot, RecordedVote};
use capvote::election::{ElectionId, Nonce, Receipt, TallySheet, printable};
use capvote::private_file;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::failure::Failure;

/// A file with a voter's nonce and, once the vote is recorded, its receipt.
pub(crate) struct ReceiptFile {
    path: PathBuf,
    kept: Kept,
    /// Whether it was begun with this vote, and not when it was sent before.
    fresh: bool,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    candidate: String,
    nonce: String,
    /// Binds the file to the voter number without telling it: see [`bind`].
    voter: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    election: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<String>,
}

impl ReceiptFile {
    /// Keeps a ballot's nonce before the ballot is cast in `election`, which is empty where it is the only one. Where
    /// the file has one from such a ballot, this ballot gets that: it is then the same vote, sent again.
    pub(crate) fn begin(path: &Path, ballot: &mut Ballot, election: &str) -> Result<Self, Failure> {
        let nonce = HEXLOWER.encode(ballot.nonce.as_bytes());
        let candidate = ballot.candidate.clone();
        let mut file = Self {
            path: path.to_owned(),
            kept: Kept { candidate, nonce, voter: bind(ballot), election: None, receipt: None },
            fresh: true,
        };
        match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => file.write()?,
            Err(error) => return Err(file.failed(&error)),
            Ok(text) => {
                let kept: Kept =
                    serde_json::from_str(&text).map_err(|_| file.failed(&"it is no receipt"))?;
                let another = |how: &str| {
                    let path = path.display();
                    let why = format!(
                        "{path} holds the receipt of another vote, {how}; nothing was sent"
                    );
                    Failure::Usage(format!("{why}. Choose another file"))
                };
                if let Some(other) = &kept.election
                    && !election.is_empty()
                    && other != election
                {
                    return Err(another(&format!("in election {}", printable(other))));
                }
                if kept.candidate != ballot.candidate {
                    return Err(another("for another candidate"));
                }
                let bytes = HEXLOWER.decode(kept.nonce.as_bytes()).unwrap_or_default();
                ballot.nonce = Nonce::try_from(&bytes[..]).map_err(|error| file.failed(&error))?;
                if kept.voter != bind(ballot) {
                    return Err(another("under another voter number"));
                }
                file.kept = kept;
                file.fresh = false;
            }
        }
        Ok(file)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps the receipt of the vote.
    pub(crate) fn complete(&mut self, vote: &RecordedVote) -> Result<(), Failure> {
        let (election, receipt) = (vote.election.to_string(), vote.receipt.to_string());
        let known = self.kept.election.replace(election.clone()) == Some(election);
        if self.kept.receipt.replace(receipt.clone()) == Some(receipt) && known {
            return Ok(());
        }
        self.write()
    }

    /// Removes the file of a vote that was refused, unless an earlier try of it may have been recorded.
    pub(crate) fn discard(self) {
        if self.fresh {
            let _ = fs::remove_file(&self.path);
        }
    }

    /// Writes it whole, for its owner's eyes only, or leaves what was there before.
    fn write(&self) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(&self.kept).map_err(|error| self.failed(&error))?;
        let written = private_file::write(&self.path, |file| writeln!(file, "{text}"));
        written.map_err(|error| self.failed(&error))
    }

    fn failed(&self, why: &dyn std::fmt::Display) -> Failure {
        Failure::Fault(format!("cannot keep the receipt in {}: {why}", self.path.display()))
    }
}

/// A hash over a ballot's nonce and voter number, by which a file knows whose it is.
fn bind(ballot: &Ballot) -> String {
    let hash = Sha256::new_with_prefix(b"capvote receipt file 1\0");
    let hash = hash.chain_update(ballot.nonce.as_bytes());
    HEXLOWER.encode(&hash.chain_update(ballot.number.get().to_le_bytes()).finalize())
}

/// The letters and digits of a receipt.
const RECEIPT_CHARACTERS: usize = 32;

/// What a voter looks for on a sheet.
pub(crate) enum Sought {
    /// A receipt, as somebody typed it.
    Receipt(String),
    /// A ballot whose receipt never came.
    Ballot { candidate: String, nonce: Nonce },
}

impl Sought {
    /// The receipt in a text, or what is in the file that the text names.
    pub(crate) fn read(text: &str) -> Result<Self, Failure> {
        let plain = text.chars().filter(|it| !matches!(it, '-' | ' '));
        if plain.clone().count() == RECEIPT_CHARACTERS
            && plain.clone().all(|it| it.is_ascii_alphanumeric())
        {
            return Ok(Self::Receipt(text.to_string()));
        }
        let content = fs::read_to_string(text).map_err(|error| {
            Failure::Usage(match error.kind() {
                io::ErrorKind::NotFound => {
                    format!("there is no file {text}, and it is not a receipt (eight groups of four) either")
                }
                _ => format!("{text} is no receipt, and cannot be read as a file of one: {error}"),
            })
        })?;
        let no_receipt = || {
            let is_sheet = TallySheet::read(&content).is_ok();
            let order = if is_sheet { "; the receipt comes first, then the sheet" } else { "" };
            Failure::Usage(format!("{text} holds no receipt{order}"))
        };
        let kept: Kept = serde_json::from_str(&content).map_err(|_| no_receipt())?;
        if let Some(receipt) = kept.receipt {
            return Ok(Self::Receipt(receipt));
        }
        let nonce = HEXLOWER.decode(kept.nonce.as_bytes()).ok();
        let nonce = nonce.and_then(|bytes| Nonce::try_from(&bytes[..]).ok());
        Ok(Self::Ballot { candidate: kept.candidate, nonce: nonce.ok_or_else(no_receipt)? })
    }

    /// Its receipt in an election.
    pub(crate) fn receipt(&self, election: &ElectionId) -> String {
        match self {
            Self::Receipt(receipt) => receipt.clone(),
            Self::Ballot { candidate, nonce } => {
                Receipt::new(election, candidate, nonce).to_string()
            }
        }
    }
}
