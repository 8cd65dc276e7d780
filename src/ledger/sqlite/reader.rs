//! Reading the file over a connection of its own while the store commits.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use super::check::Check;
use super::file::{BUSY_WAIT_MAX, open_error};
use super::known::Known;
use super::sheet;
use crate::election::{ElectionId, LedgerId};
use crate::ledger::keys::{Keys, Owner};
use crate::ledger::{ActRefusal, LedgerError, Report, SheetCursor, SheetPart};

/// The least pause between two steps of a check. While nothing reads, the WAL begins anew.
const STEP_PAUSE: Duration = Duration::from_millis(2);

/// A check pauses for this many times the length of its step, so that two at once take a third of a
/// processor. A low priority is not enough: Linux lets such a thread run on for milliseconds when
/// another becomes ready.
const PAUSED_STEPS: u32 = 5;

/// Reads the file of a [`Store`](super::Store) from any thread. Calls block.
#[derive(Debug, Clone)]
pub struct SqliteReader {
    path: PathBuf,
    keys: Keys,
    ledger: LedgerId,
    known: Arc<Known>,
}

impl SqliteReader {
    pub(super) fn new(path: PathBuf, keys: Keys, ledger: LedgerId, known: Arc<Known>) -> Self {
        Self { path, keys, ledger, known }
    }

    /// As [`Ledger::check`](crate::ledger::Ledger::check).
    ///
    /// # Errors
    /// As there.
    pub fn check(&self, election: &ElectionId) -> Result<Report, LedgerError> {
        let known = self.known.get(election);
        let known = known.ok_or_else(|| ActRefusal::NoSuchElection(election.clone()))?;
        let mut check = Check::new(known);
        loop {
            let step_began = Instant::now();
            let report = self.read(|connection| check.step(connection));
            // Also after the last: whoever checks again and again pauses too.
            thread::sleep(STEP_PAUSE.max(step_began.elapsed() * PAUSED_STEPS));
            if let Some(report) = report? {
                let owner = Owner { ledger: self.ledger, key: known.key, election };
                return Ok(Report { unscrubbed: known.closed && self.keys.has(&owner), ..report });
            }
        }
    }

    /// As [`Ledger::sheet`](crate::ledger::Ledger::sheet).
    ///
    /// # Errors
    /// As there.
    pub fn sheet(
        &self,
        election: &ElectionId,
        cursor: SheetCursor,
        lines: usize,
    ) -> Result<SheetPart, LedgerError> {
        self.read(|connection| sheet::read(connection, election, cursor, lines))
    }

    /// Reads the file at one moment.
    fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        let read = self.connect().and_then(|connection| read(&connection));
        read.map_err(|error| open_error(&self.path, error).into())
    }

    /// A connection in a read transaction.
    fn connect(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(BUSY_WAIT_MAX)?;
        connection.execute_batch("BEGIN")?;
        Ok(connection)
    }
}
