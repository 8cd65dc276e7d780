//! Reading the ledger's file beside the clerk, over a connection of its own.

use std::path::PathBuf;

use rusqlite::{Connection, OpenFlags};

use super::file::{self, BUSY_WAIT_MAX, not_opened};
use super::replay::replay;
use crate::election::ElectionId;
use crate::ledger::{LedgerError, LedgerReader, Report, SheetPart, SheetPlace};

/// Reads the file at `path`, which is a ledger that is open elsewhere.
#[derive(Debug)]
pub(super) struct SqliteReader {
    path: PathBuf,
}

impl SqliteReader {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        self.connect()
            .and_then(|connection| read(&connection))
            .map_err(|error| not_opened(&self.path, error))
    }

    /// A connection that sees the file as it is at this moment.
    fn connect(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(BUSY_WAIT_MAX)?;
        connection.execute_batch("BEGIN")?;
        Ok(connection)
    }
}

impl LedgerReader for SqliteReader {
    fn check(&self, election: &ElectionId) -> Result<Report, LedgerError> {
        let connection = self.connect().map_err(|error| not_opened(&self.path, error))?;
        let elections = replay(&connection, &self.path)?;
        let index = elections.by_id.get(election);
        let index = *index.ok_or_else(|| LedgerError::NoSuchElection(election.clone()))?;
        let kept = &elections.kept[index];
        let entries = "SELECT count(*) FROM entries WHERE election = ?1";
        let entries: i64 = connection
            .query_row(entries, [kept.key], |row| row.get(0))
            .map_err(|error| not_opened(&self.path, error))?;
        Ok(Report {
            entries: entries.cast_unsigned(),
            ballots: kept.standing.ballots,
            numbers_used: kept.ballot_box.numbers_used(),
            head: kept.head,
        })
    }

    fn sheet(
        &self,
        election: &ElectionId,
        after: SheetPlace,
        lines: usize,
    ) -> Result<SheetPart, LedgerError> {
        let mut place = after;
        let part = self.read(|connection| {
            let mut select = connection.prepare(
                "SELECT id, choice, nonce FROM sheet
                 WHERE election = (SELECT key FROM elections WHERE id = ?1) AND id > ?2
                 ORDER BY id LIMIT ?3",
            )?;
            let mut rows = select.query((election.as_str(), after.0, lines as i64))?;
            let mut part = Vec::new();
            while let Some(row) = rows.next()? {
                place = SheetPlace(row.get(0)?);
                part.push((file::choice(row.get(1)?)?, file::nonce(row.get_ref(2)?)?));
            }
            Ok(part)
        })?;
        Ok((part, place))
    }
}
