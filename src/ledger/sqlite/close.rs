//! The close: the tally sheet of an election, from its sealed ballots.
//!
//! The sheet has every ballot with its nonce, in the order of the receipts. Receipts are hashes over
//! random bytes, so their order reveals neither the voter nor the time. Opened ballots are in memory
//! only: what is written is the sheet, in its order.

use rusqlite::{Connection, Transaction, params};

use super::chain::{Head, Kind, Rows, Seal};
use super::elections::StoredElection;
use super::rows::insert_entry;
use super::values::{self, invalid, no_ballot};
use crate::election::{Ballot, Count, Definition, Nonce, Receipt, SheetCount, VoterNumber};
use crate::ledger::keys::BallotKey;

/// About what opened ballots may take in memory at a time. If there are more, the ballots are read
/// again for each part of the receipts' range.
const OPENED_BYTES_MAX: usize = 256 << 20;

/// What the place of an opened ballot takes: the first 32 bits of its receipt, and its index.
const PLACE_BYTES: usize = 8;

/// What a close stored.
pub(super) struct Closed {
    /// The head of the election's chain.
    pub(super) head: Head,
    /// The rows of the sheet. `None` if there are no ballots.
    pub(super) sheet: Option<Rows>,
    pub(super) count: Count,
}

/// Stores the tally sheet of an election and the entry of its close, after the head `previous`, and
/// counts it.
pub(super) fn list(
    transaction: &Transaction<'_>,
    election: &StoredElection,
    previous: &Head,
) -> rusqlite::Result<Closed> {
    let definition = election.definition();
    let mut seal = Seal::new(previous, Kind::Closed, definition);
    let mut counting = SheetCount::new(definition);
    let mut insert = transaction
        .prepare_cached("INSERT INTO sheet (election, ballot, nonce) VALUES (?1, ?2, ?3)")?;
    let (mut sheet, mut listed) = (None, 0);
    let mut line = |receipt: &Receipt, stored: &[u8], nonce: &[u8]| {
        let row = insert.insert(params![election.key, stored, nonce])?;
        seal.line(stored, nonce);
        let ballot = Ballot::from_stored(&definition.slate, &definition.rules, stored);
        counting.add(&ballot.ok_or_else(no_ballot)?, receipt);
        sheet = Some((sheet.map_or(row, |(first, _)| first), row));
        listed += 1;
        Ok(())
    };
    let ballots = election.ballot_box.numbers_used();
    if ballots > 0 {
        let Some(key) = &election.sealing else {
            return Err(invalid("the key of the ballots is missing".into()));
        };
        in_order(transaction, election, ballots, &mut key.clone(), &mut line)?;
    }
    if listed != ballots {
        return Err(invalid("there are not as many ballots as numbers that voted".into()));
    }
    let head = insert_entry(transaction, election.key, Kind::Closed, sheet, seal)?;
    let count = counting.finish(definition, election.ballot_box.voters());
    Ok(Closed { head, sheet, count })
}

/// Gets a line of the sheet: its receipt, the stored ballot, and the nonce.
type Line<'a> = dyn FnMut(&Receipt, &[u8], &[u8]) -> rusqlite::Result<()> + 'a;

/// Passes the ballots of an election, as they are stored on its sheet, to `line` in the order of
/// their receipts.
fn in_order(
    connection: &Connection,
    election: &StoredElection,
    ballots: u64,
    key: &mut BallotKey,
    line: &mut Line<'_>,
) -> rusqlite::Result<()> {
    let Definition { slate, rules, .. } = election.definition();
    let ballot_bytes = Ballot::stored_bytes(slate, rules) + Nonce::BYTES;
    let parts = (ballots * (ballot_bytes + PLACE_BYTES) as u64).div_ceil(OPENED_BYTES_MAX as u64);
    // A receipt begins with a uniform integer, and each part has a range of those.
    let capacity = usize::try_from(ballots / parts.max(1) + ballots / 64).unwrap_or_default();
    let mut opened = Vec::with_capacity(capacity * ballot_bytes);
    let mut places: Vec<u64> = Vec::with_capacity(capacity);
    for part in 0..parts {
        let bound = |part: u64| part * (1 << 32) / parts;
        let range = bound(part)..bound(part + 1);
        opened.clear();
        places.clear();
        open_all(connection, election, key, |receipt, ballot| {
            let first = first_bits(receipt);
            if range.contains(&first) {
                places.push(first << 32 | places.len() as u64);
                opened.extend(ballot);
            }
        })?;
        places.sort_unstable();
        let at = |place: &u64| {
            let begins = (place & u64::from(u32::MAX)) as usize * ballot_bytes;
            opened.get(begins..begins + ballot_bytes).ok_or_else(no_ballot)
        };
        for same in places.chunk_by(|a, b| a >> 32 == b >> 32) {
            let mut lines = Vec::with_capacity(same.len());
            for place in same {
                let bytes = at(place)?;
                let (ballot, nonce) = stored(election.definition(), bytes)?;
                lines.push((Receipt::of(election.definition(), &ballot, &nonce), bytes));
            }
            lines.sort_unstable();
            for (receipt, bytes) in lines {
                let (ballot, nonce) = bytes.split_at(ballot_bytes - Nonce::BYTES);
                line(&receipt, ballot, nonce)?;
            }
        }
    }
    Ok(())
}

/// The first 32 bits of a receipt.
fn first_bits(receipt: &Receipt) -> u64 {
    let [a, b, c, d, ..] = *receipt.as_bytes();
    u64::from(u32::from_be_bytes([a, b, c, d]))
}

/// Opens every ballot of an election, and passes its receipt, and it with its nonce, to `opened`.
fn open_all(
    connection: &Connection,
    election: &StoredElection,
    key: &mut BallotKey,
    mut opened: impl FnMut(&Receipt, &[u8]),
) -> rusqlite::Result<()> {
    let mut select = connection.prepare("SELECT voter, sealed FROM ballots WHERE election = ?1")?;
    let mut rows = select.query([election.key])?;
    let mut bytes = Vec::new();
    while let Some(row) = rows.next()? {
        let number = VoterNumber::from(row.get::<_, i64>(0)?.cast_unsigned());
        bytes.clear();
        bytes.extend(row.get_ref(1)?.as_blob()?);
        let (ballot, nonce) = open(election.definition(), key, number, &mut bytes)?;
        opened(&Receipt::of(election.definition(), &ballot, &nonce), &bytes);
    }
    Ok(())
}

/// Opens a sealed ballot in place.
fn open(
    definition: &Definition,
    key: &mut BallotKey,
    number: VoterNumber,
    sealed: &mut Vec<u8>,
) -> rusqlite::Result<(Ballot, Nonce)> {
    if !key.open(number, sealed) {
        return Err(invalid("a ballot was not sealed with the key of its election".into()));
    }
    stored(definition, sealed)
}

/// Reads a ballot and its nonce.
pub(super) fn stored(definition: &Definition, bytes: &[u8]) -> rusqlite::Result<(Ballot, Nonce)> {
    let Definition { slate, rules, .. } = definition;
    let parts = bytes.split_at_checked(Ballot::stored_bytes(slate, rules));
    let (ballot, nonce) = parts.ok_or_else(no_ballot)?;
    values::ballot(definition, ballot, nonce)
}
