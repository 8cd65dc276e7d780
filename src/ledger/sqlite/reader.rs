//! Reading the file over a connection of its own while the store commits.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use super::check::{self, Check};
use super::file::{BUSY_WAIT_MAX, open_error};
use super::known::Known;
use super::scrub::Readers;
use super::sheet;
use crate::election::ElectionId;
use crate::ledger::{ActRefusal, LedgerError, OpenError, Report, SheetCursor, SheetPart};

/// How often a read checks whether to yield to a scrub, in steps of SQLite's virtual machine: about
/// every ten rows.
const YIELD_CHECK_STEPS: i32 = 100;

/// How often a read is tried before it fails because of scrubs.
const TRIES_MAX: usize = 5;

/// The least pause between two steps of a check. While nothing reads, the WAL begins anew.
const STEP_PAUSE: Duration = Duration::from_millis(2);

/// A check pauses for this many times the length of its step, so that two at once take a third of a
/// processor. A low priority is not enough: Linux lets such a thread run on for milliseconds when
/// another becomes ready.
const PAUSED_STEPS: u32 = 5;

/// How long a check waits for the ledger's thread to know of a close that is in the file.
const CLOSE_WAIT_MAX: Duration = Duration::from_secs(5);

/// Reads the file of a [`Store`](super::Store) from any thread. Calls block.
#[derive(Debug, Clone)]
pub struct SqliteReader {
    path: PathBuf,
    readers: Arc<Readers>,
    known: Arc<Known>,
}

impl SqliteReader {
    pub(super) fn new(path: PathBuf, readers: Arc<Readers>, known: Arc<Known>) -> Self {
        Self { path, readers, known }
    }

    /// As [`Ledger::check`](crate::ledger::Ledger::check).
    ///
    /// # Errors
    /// As there.
    pub fn check(&self, election: &ElectionId) -> Result<Report, LedgerError> {
        let known = || {
            let known = self.known.get(election);
            known.ok_or_else(|| ActRefusal::NoSuchElection(election.clone()))
        };
        let mut began = known()?;
        let mut check = Check::new(began);
        loop {
            let step_began = Instant::now();
            // A step that a scrub interrupts is repeated.
            let step = |connection: &Connection| {
                let mut after = check.clone();
                let report = after.step(connection);
                report.map(|report| (after, report)).map_err(|error| open_error(&self.path, error))
            };
            let read = self.read(|connection| Ok(step(connection)?));
            // Also after the last: whoever checks again and again pauses too.
            thread::sleep(STEP_PAUSE.max(step_began.elapsed() * PAUSED_STEPS));
            match read {
                Ok((_, Some(report))) => return Ok(report),
                Ok((after, None)) => check = after,
                // The close makes another chain of it, once.
                Err(error) if !began.closed && self.is_closed(began.key)? => {
                    let until = Instant::now() + CLOSE_WAIT_MAX;
                    while !began.closed {
                        if Instant::now() > until {
                            return Err(error);
                        }
                        thread::sleep(STEP_PAUSE);
                        began = known()?;
                    }
                    check = Check::new(began);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn is_closed(&self, key: i64) -> Result<bool, LedgerError> {
        self.read(|connection| {
            check::is_closed(connection, key).map_err(|error| open_error(&self.path, error).into())
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
