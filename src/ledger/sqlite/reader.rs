//! Reading the file over a connection of its own while the store commits.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{Connection, OpenFlags};

use super::file::{BUSY_WAIT_MAX, open_error};
use super::replay::replay;
use super::scrub::Readers;
use super::sheet;
use crate::election::{ElectionId, ElectionState};
use crate::ledger::{ActRefusal, LedgerError, OpenError, Report, SheetCursor, SheetPart};

/// How often a read checks whether to yield to a scrub, in steps of SQLite's virtual machine: about
/// every ten rows.
const YIELD_CHECK_STEPS: i32 = 100;

/// How often a read is tried before it fails because of scrubs.
const TRIES_MAX: usize = 5;

/// Reads the file of a [`Store`](super::Store) from any thread. Calls block; each sees the file at
/// one moment.
#[derive(Debug, Clone)]
pub struct SqliteReader {
    path: PathBuf,
    readers: Arc<Readers>,
}

impl SqliteReader {
    pub(super) fn new(path: PathBuf, readers: Arc<Readers>) -> Self {
        Self { path, readers }
    }

    /// As [`Ledger::check`](crate::ledger::Ledger::check).
    ///
    /// # Errors
    /// As there.
    pub fn check(&self, election: &ElectionId) -> Result<Report, LedgerError> {
        self.read(|connection| {
            let elections = replay(connection, &self.path)?;
            let found = elections.by_id.get(election).and_then(|&index| elections.list.get(index));
            let found = found.ok_or_else(|| ActRefusal::NoSuchElection(election.clone()))?;
            let count = |table| -> rusqlite::Result<i64> {
                let select = format!("SELECT count(*) FROM {table} WHERE election = ?1");
                connection.query_row(&select, [found.key], |row| row.get(0))
            };
            let counts = count("entries").and_then(|entries| Ok((entries, count("unscrubbed")?)));
            let (entries, unscrubbed) = counts.map_err(|error| open_error(&self.path, error))?;
            let closed = found.ballot_box.state() == ElectionState::Closed;
            Ok(Report {
                entries: entries.cast_unsigned(),
                ballots: found.standing.ballots,
                numbers_used: found.ballot_box.numbers_used(),
                head: closed.then_some(found.head),
                unscrubbed: unscrubbed > 0,
            })
        })
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
        self.read(|connection| {
            sheet::read(connection, election, cursor, lines)
                .map_err(|error| open_error(&self.path, error).into())
        })
    }

    /// Reads the file at one moment, and again if a scrub interrupts it.
    fn read<T>(
        &self,
        read: impl Fn(&Connection) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        for _ in 0..TRIES_MAX {
            let _reading = self.readers.enter();
            let yielded = Arc::<AtomicBool>::default();
            let connection = self.connect(yielded.clone());
            let connection = connection.map_err(|error| open_error(&self.path, error).into());
            match connection.and_then(|connection| read(&connection)) {
                Err(_) if yielded.load(Ordering::Relaxed) => {}
                done => return done,
            }
        }
        let why = io::Error::other("it is being scrubbed after a close; try again in a minute");
        Err(OpenError::Inaccessible { path: self.path.clone(), why }.into())
    }

    /// A connection in a read transaction. When it has to yield, it sets `yielded` and its reads
    /// fail.
    fn connect(&self, yielded: Arc<AtomicBool>) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(BUSY_WAIT_MAX)?;
        let readers = self.readers.clone();
        let check = move || {
            let must_yield = readers.must_yield();
            // The scrub may give up before `yielded` is read.
            yielded.fetch_or(must_yield, Ordering::Relaxed);
            must_yield
        };
        connection.progress_handler(YIELD_CHECK_STEPS, Some(check))?;
        connection.execute_batch("BEGIN")?;
        Ok(connection)
    }
}
