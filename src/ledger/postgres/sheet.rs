//! Tally sheets: every ballot of a closed election with its nonce, in the order of the receipts.

use std::pin::pin;
use std::sync::Arc;

use futures::TryStreamExt;
use sha2::{Digest, Sha256};
use tokio_postgres::Client;

use super::change::Closed;
use super::code::{self, Reader};
use super::connection::Fault;
use super::public::Election;
use crate::election::{Ballot, Count, Definition, Nonce, OwnBallot, Receipt, SheetCount, Tally};
use crate::ledger::{LedgerError, SheetCursor, SheetPart};
use crate::threads::background;

/// Lines in one row of the table of sheets.
pub(super) const PART_LINES: usize = 8_192;

/// The beginning of what the digest of a sheet is over.
const DIGEST: &[u8] = b"capvote sheet 1\0";

const LINES: &str = "SELECT lines FROM sheet WHERE election = $1 ORDER BY part";

/// What is made of a sheet, line by line. It is moved to threads for long work, row by row.
pub(super) struct Counting {
    definition: Arc<Definition>,
    count: SheetCount,
    tally: Tally,
    digest: Sha256,
}

/// How many bytes a line has.
pub(super) fn line_bytes(Definition { slate, rules, .. }: &Definition) -> usize {
    Ballot::stored_bytes(slate, rules) + Nonce::BYTES
}

/// Reads a line.
pub(super) fn line(definition: &Definition, bytes: &[u8]) -> Result<OwnBallot, Fault> {
    let mut bytes = Reader(bytes);
    let line = code::ballot(&mut bytes, definition).and_then(|line| bytes.end(line));
    line.ok_or_else(|| Fault::damaged("a ballot is none by the rules of its election"))
}

/// The receipt of a line.
pub(super) fn receipt(definition: &Definition, bytes: &[u8]) -> Result<Receipt, Fault> {
    let (ballot, nonce) = line(definition, bytes)?;
    Ok(Receipt::of(definition, &ballot, &nonce))
}

impl Counting {
    pub(super) fn new(definition: &Arc<Definition>) -> Self {
        Self {
            definition: definition.clone(),
            count: SheetCount::new(definition),
            tally: Tally::new(&definition.slate),
            digest: Sha256::new_with_prefix(DIGEST),
        }
    }

    /// Adds the next line.
    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let (ballot, nonce) = line(&self.definition, bytes)?;
        self.count.add(&ballot, &Receipt::of(&self.definition, &ballot, &nonce));
        self.tally.add_final(&ballot);
        self.digest.update(bytes);
        Ok(())
    }

    /// The tally, the count by a roll of so many numbers, and the digest of the sheet.
    pub(super) fn finish(self, voters: u64) -> (Tally, Count, [u8; 32]) {
        let count = self.count.finish(&self.definition, voters);
        (self.tally, count, self.digest.finalize().into())
    }
}

/// Does work on a thread that leaves the ledger's to votes.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    background::run(work).await.map_err(|_| Fault::from(LedgerError::unanswered()))?
}

/// Counts the sheet of an election, which has to be the one of its close.
pub(super) async fn count(
    client: &Client,
    election: &Election,
    closed: &Closed,
) -> Result<(Tally, Count), Fault> {
    let mut counting = Counting::new(&election.definition);
    let bytes = line_bytes(&election.definition);
    let mut rows = pin!(client.query_raw(LINES, [&election.key]).await?);
    while let Some(row) = rows.try_next().await? {
        let add = move || {
            let lines = row.try_get::<_, &[u8]>(0)?.chunks(bytes);
            lines.into_iter().try_for_each(|line| counting.add(line))?;
            Ok(counting)
        };
        counting = aside(add).await?;
    }
    let voters = election.voters;
    let (tally, count, digest) = aside(move || Ok(counting.finish(voters))).await?;
    if digest == closed.sheet && tally.ballots() == closed.ballots {
        return Ok((tally, count));
    }
    let id = &election.definition.id;
    Err(Fault::damaged(format!("the sheet of election {id} is not the one of its close")))
}

/// The digest of the sheet that is stored.
pub(super) async fn digest(client: &Client, election: i32) -> Result<[u8; 32], Fault> {
    let mut rows = pin!(client.query_raw(LINES, [&election]).await?);
    let mut digest = Sha256::new_with_prefix(DIGEST);
    while let Some(row) = rows.try_next().await? {
        digest.update(row.try_get::<_, &[u8]>(0)?);
    }
    Ok(digest.finalize().into())
}

/// Whether a ballot with this receipt is on the sheet of an election.
pub(super) async fn has(
    client: &Client,
    election: i32,
    definition: &Definition,
    receipt: &Receipt,
) -> Result<bool, Fault> {
    let select = "SELECT lines FROM sheet WHERE election = $1 AND first <= $2
                  ORDER BY first DESC LIMIT 1";
    let first = &receipt.as_bytes()[..];
    let Some(row) = client.query_opt(select, &[&election, &first]).await? else {
        return Ok(false);
    };
    for bytes in row.try_get::<_, &[u8]>(0)?.chunks(line_bytes(definition)) {
        if self::receipt(definition, bytes)? == *receipt {
            return Ok(true);
        }
    }
    Ok(false)
}

/// At most `lines` lines of the sheet of a closed election, from `cursor` on, which counts lines.
pub(super) async fn read(
    client: &Client,
    election: &Election,
    cursor: SheetCursor,
    lines: usize,
) -> Result<SheetPart, Fault> {
    let from = usize::try_from(cursor.0).unwrap_or(usize::MAX);
    let Ok(part) = i32::try_from(from / PART_LINES) else { return Ok((Vec::new(), cursor)) };
    let parts = i64::try_from(lines.div_ceil(PART_LINES) + 1).unwrap_or(i64::MAX);
    let select = "SELECT lines FROM sheet WHERE election = $1 AND part >= $2
                  ORDER BY part LIMIT $3";
    let rows = client.query(select, &[&election.key, &part, &parts]).await?;
    let bytes = line_bytes(&election.definition);
    let mut read = Vec::new();
    let mut skipped = from % PART_LINES;
    for row in rows {
        for stored in row.try_get::<_, &[u8]>(0)?.chunks(bytes) {
            if skipped > 0 {
                skipped -= 1;
            } else if read.len() < lines {
                read.push(line(&election.definition, stored)?);
            }
        }
    }
    let next = SheetCursor(cursor.0 + read.len() as u64);
    Ok((read, next))
}
