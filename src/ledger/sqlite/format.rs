//! The format of the ledger's file: what marks it, its tables, and what brings an earlier one to
//! it.

use std::path::Path;

use rusqlite::{Connection, Transaction};

use super::epochs::{self, Epoch};
use super::file::open_error;
use super::plain;
use crate::ledger::OpenError;
use crate::ledger::keys::Keys;

/// Marks a SQLite file as a ledger: "capv".
const APPLICATION_ID: i64 = 0x6361_7076;
/// The version of the tables and of the hash chain over them. A file of an earlier one is brought
/// to it when it is opened.
pub(super) const FORMAT: i64 = 4;
/// The first format with epochs and a mark.
pub(super) const MARKED_FORMAT: i64 = 2;

/// The tables of format 1. Rows are appended, and read in order when the file is opened. SQLite
/// stores the text of each statement in the file, with its comments.
const FORMAT_1: &str = "
    CREATE TABLE elections (
        key    INTEGER PRIMARY KEY,
        id     TEXT NOT NULL UNIQUE,
        title  TEXT NOT NULL,
        blank  INTEGER NOT NULL, -- 1 where a ballot may be blank
        sealed INTEGER NOT NULL, -- 1 where the count is shown at the close and no earlier
        opens  INTEGER, -- seconds since 1970
        closes INTEGER
    ) STRICT;
    CREATE TABLE candidates (
        election INTEGER NOT NULL REFERENCES elections,
        position INTEGER NOT NULL, -- on the slate, from 0
        name     TEXT NOT NULL,
        PRIMARY KEY (election, position)
    ) STRICT, WITHOUT ROWID;
    -- Voter numbers, many in a row, 8 bytes each, little-endian, ascending.
    CREATE TABLE roll (
        id       INTEGER PRIMARY KEY,
        election INTEGER NOT NULL REFERENCES elections,
        numbers  BLOB NOT NULL
    ) STRICT;
    CREATE TABLE revoked (
        id       INTEGER PRIMARY KEY,
        election INTEGER NOT NULL REFERENCES elections,
        numbers  BLOB NOT NULL
    ) STRICT;
    -- Who voted, where the ballots were not sealed.
    CREATE TABLE voted (
        id       INTEGER PRIMARY KEY,
        election INTEGER NOT NULL REFERENCES elections,
        numbers  BLOB NOT NULL
    ) STRICT;
    -- The hash chain: what was committed, in order.
    CREATE TABLE entries (
        id       INTEGER PRIMARY KEY,
        election INTEGER NOT NULL REFERENCES elections,
        kind     INTEGER NOT NULL, -- 1 and 14 created, 2, 10 and 11 issued, 3 opened, 7 revoked,
                                   -- 8 and 9 voided, 12 restored, 13 confirmed, 15 ballots,
                                   -- 16 closed; 5 voted and 6 closed without sealed ballots
        first    INTEGER, -- the first and the last row of roll (2, 10, 11), ballots (15), voted (5),
        last     INTEGER, -- sheet (6, 16), revoked (7), voided (8, 9) or epochs (12); or null
        head     BLOB NOT NULL -- SHA-256 over the election's head before, the kind, and the rows
    ) STRICT;
    -- Saved capabilities.
    CREATE TABLE grants (
        id       INTEGER PRIMARY KEY,
        parent   INTEGER, -- the grant it was made from
        role     INTEGER NOT NULL, -- 1 returning officer, 2 administration, 3 registrar, 4 auditor
        election TEXT, -- of which election; null for a returning officer
        token    BLOB NOT NULL -- what its token hashes to
    ) STRICT;
";

/// What format 2 adds besides the [epochs]: who issued numbers, and numbers that were voided.
const FORMAT_2: &str = "
    ALTER TABLE entries ADD COLUMN issuer INTEGER; -- the grant that numbers were issued under
    ALTER TABLE entries ADD COLUMN digest BLOB; -- SHA-256 over the rows of kinds 8 to 11
    -- Numbers that were taken off the roll after the opening, and had not voted.
    CREATE TABLE voided (
        id       INTEGER PRIMARY KEY,
        election INTEGER NOT NULL REFERENCES elections,
        numbers  BLOB NOT NULL
    ) STRICT;
    -- The first row of roll that has no entry yet: it and all after it are being issued.
    CREATE TABLE staged (
        first INTEGER PRIMARY KEY
    ) STRICT;
    -- Grants that were revoked, while numbers issued under them may vote. As grants.
    CREATE TABLE ended (
        id       INTEGER PRIMARY KEY,
        parent   INTEGER,
        role     INTEGER NOT NULL,
        election TEXT,
        token    BLOB NOT NULL
    ) STRICT;
";

/// What format 3 adds: rules, shared rolls, and ballots that are sealed.
const FORMAT_3: &str = "
    ALTER TABLE elections ADD COLUMN roll INTEGER REFERENCES elections; -- whose roll it shares
    -- 1 plurality, 2 transferable, 3 schulze
    ALTER TABLE elections ADD COLUMN method INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE elections ADD COLUMN seats INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE elections ADD COLUMN marks INTEGER NOT NULL DEFAULT 1; -- the most on a ballot
    ALTER TABLE elections ADD COLUMN majority TEXT; -- such as '>1/2 of marked'; or null
    ALTER TABLE elections ADD COLUMN quorum TEXT;
    ALTER TABLE elections ADD COLUMN none INTEGER NOT NULL DEFAULT 0; -- 1: the last name is nobody
    CREATE TABLE ballots (
        id       INTEGER PRIMARY KEY, -- in order of arrival, from 1
        election INTEGER NOT NULL REFERENCES elections,
        voter    INTEGER NOT NULL, -- the voter number, as a signed integer of the same bits
        sealed   BLOB NOT NULL -- the ballot and its nonce, by AES-256-SIV under the election's key
    ) STRICT;
    -- What was voted in closed elections, in the order of the receipts.
    CREATE TABLE sheet (
        id       INTEGER PRIMARY KEY,
        election INTEGER NOT NULL REFERENCES elections,
        ballot   BLOB NOT NULL,
        nonce    BLOB NOT NULL
    ) STRICT;
";

/// The first format whose ballots are sealed.
const SEALED_FORMAT: i64 = 3;

/// What format 4 adds: links that work once.
const FORMAT_4: &str = "
    -- 0: the token opens the grant as often as it is presented; 1: once; 2: not again
    ALTER TABLE grants ADD COLUMN uses INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE ended ADD COLUMN uses INTEGER NOT NULL DEFAULT 0;
";

/// Creates the tables in a new file, and brings a file of an earlier format to this one. `first` is
/// the first epoch of a ledger that has none. The ballots of formats 1 and 2 are sealed, and
/// the file is [rewritten](plain::scrub) without them.
pub(super) fn upgrade(
    connection: &mut Connection,
    path: &Path,
    keys: &Keys,
    first: &Epoch,
) -> Result<(), OpenError> {
    let failed = |error| open_error(path, error);
    let is_new = is_empty(connection).map_err(failed)?;
    let format = pragma(connection, "user_version").map_err(failed)?;
    if format < FORMAT {
        let transaction = connection.transaction().map_err(failed)?;
        let prepared = prepare(&transaction, is_new, format, first);
        prepared.map_err(failed)?;
        if is_new {
            transaction.execute_batch(FORMAT_3).map_err(failed)?;
        } else if format < SEALED_FORMAT {
            plain::seal_all(&transaction, path, keys, first.ledger, FORMAT_3)?;
        }
        transaction.execute_batch(FORMAT_4).map_err(failed)?;
        transaction
            .pragma_update(None, "user_version", FORMAT)
            .and_then(|()| transaction.commit())
            .map_err(failed)?;
    }
    // Also where a start was killed before it was done.
    plain::scrub(connection, path).map_err(failed)
}

/// Creates the tables that the file lacks of formats 1 and 2.
fn prepare(
    transaction: &Transaction<'_>,
    is_new: bool,
    format: i64,
    first: &Epoch,
) -> rusqlite::Result<()> {
    if is_new {
        transaction.execute_batch(FORMAT_1)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    if format < MARKED_FORMAT {
        transaction.execute_batch(epochs::TABLES)?;
        transaction.execute_batch(FORMAT_2)?;
        first.insert(transaction)?;
    }
    Ok(())
}

/// Whether the file is new.
pub(super) fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    let tables = "SELECT count(*) FROM sqlite_schema";
    let tables: i64 = connection.query_row(tables, [], |row| row.get(0))?;
    Ok(tables == 0 && pragma(connection, "application_id")? == 0)
}

/// Refuses a file that is not a ledger, before anything is written to it. Returns its format.
pub(super) fn check_format(connection: &Connection, path: &Path) -> Result<i64, OpenError> {
    let marks = pragma(connection, "application_id")
        .and_then(|application| Ok((application, pragma(connection, "user_version")?)));
    let (application, format) = marks.map_err(|error| open_error(path, error))?;
    let foreign = |why: String| Err(OpenError::Foreign { path: path.to_owned(), why });
    if application != APPLICATION_ID {
        foreign("it is a SQLite file of some other program".into())
    } else if !(1..=FORMAT).contains(&format) {
        foreign(format!("its format is {format}, and this version reads 1 to {FORMAT}"))
    } else {
        Ok(format)
    }
}

/// The format of a file; 0 for a new one.
pub(super) fn user_version(connection: &Connection) -> rusqlite::Result<i64> {
    pragma(connection, "user_version")
}

pub(super) fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}
