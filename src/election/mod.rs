//! The rules of an election, and the values that they are about: definitions, votes, grants, tally
//! sheets.
//!
//! This layer is pure: no I/O, no clock, no randomness, no RPC types. Times and random bytes are
//! arguments.

mod ballot;
#[cfg(feature = "client")]
mod blt;
mod count;
mod definition;
mod grants;
mod id;
mod judge;
#[cfg(feature = "server")]
mod look_alike;
mod nonce;
mod origin;
mod printable;
mod puzzle;
mod receipt;
#[cfg(feature = "client")]
mod restored;
mod rules;
mod sheet_count;
mod slate;
mod standing;
mod tally;
#[cfg(feature = "client")]
mod tally_sheet;
mod typed;
mod vote;
mod voter_number;

pub use ballot::{Ballot, InvalidBallot};
#[cfg(feature = "client")]
pub use blt::{BLT_BALLOTS_MAX, BLT_BYTES_MAX, Blt, CutBallots, InvalidBlt};
pub use count::{
    Ballots, Count, Lot, LotSeed, LotSeedBuilder, LotUse, Pairs, Round, Status, Step, Strength,
    Verdict, Votes, count, count_with, sentence,
};
pub use definition::{Definition, InvalidDefinition, Publication, Schedule, Timestamp};
pub use grants::{
    DERIVED_GRANTS_MAX, GRANTS_MAX, Grant, GrantId, Grants, Role, Token, TokenHash, Uses,
};
#[cfg(feature = "server")]
pub(crate) use id::RESERVED_IDS;
pub use id::{ElectionId, InvalidElectionId};
pub use judge::{ChangeRefusal, Ruling, UnderNumber, judge};
#[cfg(feature = "server")]
pub use look_alike::same_text;
pub use nonce::{InvalidNonce, Nonce};
pub use origin::{InvalidLedgerId, LedgerId, Origin, SERVERS_MAX};
#[cfg(feature = "server")]
pub(crate) use printable::as_printable;
pub use printable::{printable, printable_json};
pub use puzzle::{Puzzle, Work};
pub use receipt::{InvalidReceipt, Receipt, ReceiptText};
#[cfg(feature = "client")]
pub use restored::Restored;
pub use rules::{
    InvalidRules, InvalidShare, Method, RANKED_CANDIDATES_MAX, Rules, Share, Whole, Wholes,
};
pub use sheet_count::SheetCount;
pub use slate::{Choice, InvalidSlate, Slate};
pub use standing::{ElectionState, ResultStatus, Standing};
pub use tally::{LIVE_BATCH_BALLOTS, OwnBallot, Tally};
#[cfg(feature = "client")]
pub use tally_sheet::{InvalidSheet, SheetFlaw, SheetHeader, SheetLine, TallySheet};
pub use typed::{is_invisible, is_separator, typed_digits, unquoted};
pub use vote::{Outcome, Refusal, Vote};
pub use voter_number::{InvalidVoterNumber, VoterNumber};

/// The longest election id, in bytes.
pub const ELECTION_ID_BYTES_MAX: usize = 64;
/// The longest title, in bytes of UTF-8.
pub const TITLE_BYTES_MAX: usize = 256;
/// The longest candidate name, in bytes of UTF-8.
pub const CANDIDATE_BYTES_MAX: usize = 256;
/// The most candidates on one slate.
pub const CANDIDATES_MAX: usize = 1_000;
/// The most voter numbers on one election's roll.
pub const VOTERS_MAX: usize = 100_000_000;
