//! A voter's receipt file, to retry a vote, and to find it on the tally sheet.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use capvote::client::{Ballot, RecordedVote};
use capvote::election::{ElectionId, Nonce, Receipt, TallySheet};
use capvote::private_file;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

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

impl ReceiptFile {
    /// Stores a ballot's nonce before the ballot is cast in `election`, which is empty for the only
    /// one there is. If the file has a nonce from an equal ballot, `ballot` gets that, which makes
    /// it a retry.
    pub(crate) fn begin(path: &Path, ballot: &mut Ballot, election: &str) -> Result<Self, Failure> {
        let content = Content {
            candidate: ballot.candidate.clone(),
            nonce: HEXLOWER.encode(ballot.nonce.as_bytes()),
            voter: bind(ballot),
            election: None,
            receipt: None,
            ledger: None,
            epoch: None,
        };
        let mut file = Self { path: path.to_owned(), content, is_new: true };
        secret::warn_if_exposed(path);
        match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => file.write()?,
            Err(error) => return Err(file.failed(&error)),
            Ok(text) => {
                file.content =
                    serde_json::from_str(&text).map_err(|_| file.failed(&"it is no receipt"))?;
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
        if self.content.candidate != ballot.candidate {
            return Err(other_vote("for another candidate"));
        }
        let bytes = HEXLOWER.decode(self.content.nonce.as_bytes()).unwrap_or_default();
        ballot.nonce = Nonce::try_from(&bytes[..]).map_err(|error| self.failed(&error))?;
        if self.content.voter != bind(ballot) {
            return Err(other_vote("under another voter number"));
        }
        Ok(())
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

/// A hash over a ballot's nonce and voter number.
fn bind(ballot: &Ballot) -> String {
    let hash = Sha256::new_with_prefix(b"capvote receipt file 1\0");
    let hash = hash.chain_update(ballot.nonce.as_bytes());
    HEXLOWER.encode(&hash.chain_update(ballot.number.get().to_le_bytes()).finalize())
}

/// The characters of a receipt, without separators.
const RECEIPT_CHARACTERS: usize = 32;

/// The longest text that is read for a receipt. A tally sheet of some ballots is shorter, and the
/// error names it.
const RECEIPT_FILE_BYTES_MAX: u64 = 1 << 20;

/// What to look for on a tally sheet.
pub(crate) enum SearchKey {
    /// A receipt, as it was typed or received, and the ledger's epoch, if it is known.
    Receipt(String, Option<u64>),
    /// A ballot whose receipt was not received.
    Ballot { candidate: String, nonce: Nonce },
}

fn is_receipt(text: &str) -> bool {
    let plain = text.chars().filter(|it| !matches!(it, '-' | ' '));
    plain.clone().count() == RECEIPT_CHARACTERS
        && plain.clone().all(|it| it.is_ascii_alphanumeric())
}

impl SearchKey {
    /// Parses a receipt, or reads the receipt file that the text names.
    pub(crate) fn read(text: &str) -> Result<Self, Failure> {
        if is_receipt(text) {
            return Ok(Self::Receipt(text.to_string(), None));
        }
        let text_of_file = secret::read(text, RECEIPT_FILE_BYTES_MAX).map_err(|error| {
            Failure::Usage(match error.kind() {
                io::ErrorKind::NotFound => {
                    format!(
                        "there is no file {text}, and it is not a receipt (eight groups of four) \
                         either"
                    )
                }
                _ => format!(
                    "{text} is not a receipt, and cannot be read as a receipt file: {error}"
                ),
            })
        })?;
        if is_receipt(text_of_file.trim()) {
            return Ok(Self::Receipt(text_of_file.trim().to_string(), None));
        }
        let no_receipt = || {
            let is_sheet = TallySheet::read(&text_of_file).is_ok();
            let order = if is_sheet { "; the receipt comes first, then the sheet" } else { "" };
            Failure::Usage(format!("{text} holds no receipt{order}"))
        };
        let content: Content = serde_json::from_str(&text_of_file).map_err(|_| no_receipt())?;
        secret::warn_if_exposed(Path::new(text));
        if let Some(receipt) = content.receipt {
            return Ok(Self::Receipt(receipt, content.epoch));
        }
        let nonce = HEXLOWER.decode(content.nonce.as_bytes()).ok();
        let nonce = nonce.and_then(|bytes| Nonce::try_from(&bytes[..]).ok());
        Ok(Self::Ballot { candidate: content.candidate, nonce: nonce.ok_or_else(no_receipt)? })
    }

    /// The ledger's epoch in which the vote was recorded, if it is known.
    pub(crate) fn epoch(&self) -> Option<u64> {
        match self {
            Self::Receipt(_, epoch) => *epoch,
            Self::Ballot { .. } => None,
        }
    }

    /// The receipt to find, in this election.
    pub(crate) fn receipt(&self, election: &ElectionId) -> String {
        match self {
            Self::Receipt(receipt, _) => receipt.clone(),
            Self::Ballot { candidate, nonce } => {
                Receipt::new(election, candidate, nonce).to_string()
            }
        }
    }
}
