//! The restore of an election, as its tally sheet tells it.

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::LedgerId;

/// How the first line of a CSV sheet of a restored election begins.
const CSV_RESTORED: &str = "# restored from a backup: ";

/// The restore of an election from a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// The ledger.
    pub ledger: LedgerId,
    /// Its epoch, which the last restore before the close began.
    pub epoch: u64,
}

/// The same in a JSON sheet.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RestoredText {
    pub(super) ledger: String,
    pub(super) epoch: u64,
}

impl Restored {
    /// The line of a CSV sheet. Its end is a checksum, so that every altered byte is found.
    pub(super) fn csv_line(self, election: &str) -> String {
        let what = format!("{CSV_RESTORED}ledger {}, epoch {}", self.ledger, self.epoch);
        let sum = Sha256::digest(format!("{what}, election {election}"));
        let sum: String = HEXLOWER.encode(&sum).chars().take(16).collect();
        format!("{what}, check {sum}\n")
    }

    /// Reads the line, but for its checksum: the sheet is compared with what is written again.
    pub(super) fn read_csv_line(line: &str) -> Option<Self> {
        let rest = line.strip_prefix(CSV_RESTORED)?.strip_prefix("ledger ")?;
        let (ledger, rest) = rest.split_once(", epoch ")?;
        let (epoch, _) = rest.split_once(", check ")?;
        Some(Self { ledger: ledger.parse().ok()?, epoch: epoch.parse().ok()? })
    }
}
