//! Reading the ledger's file beside the clerk, over a connection of its own.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{Connection, OpenFlags};

use super::file::{BUSY_WAIT_MAX, not_opened};
use super::replay::replay;
use super::scrub::Readers;
use super::sheet;
use crate::election::{ElectionId, ElectionState};
use crate::ledger::{LedgerError, LedgerReader, Report, SheetPart, SheetPlace};

/// Steps of SQLite's between two looks at whether to make way for a scrub: some ten rows.
const LOOK_EVERY: i32 = 100;

/// How often a read begins again that a scrub came into.
const TRIES_MAX: usize = 5;

/// Reads the file at `path`, which is a ledger that is open elsewhere in this process.
#[derive(Debug)]
pub(super) struct SqliteReader {
    path: PathBuf,
    readers: Arc<Readers>,
}

impl SqliteReader {
    pub(super) fn new(path: PathBuf, readers: Arc<Readers>) -> Self {
        Self { path, readers }
    }

    /// Reads the file as it is at one moment; as it is at a later one, where a scrub came between.
    fn read<T>(
        &self,
        read: impl Fn(&Connection) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        for _ in 0..TRIES_MAX {
            let _reading = self.readers.enter();
            let sent_away = Arc::<AtomicBool>::default();
            let connection = self.connect(sent_away.clone());
            let connection = connection.map_err(|error| not_opened(&self.path, error));
            match connection.and_then(|connection| read(&connection)) {
                Err(_) if sent_away.load(Ordering::Relaxed) => {}
                done => return done,
            }
        }
        let why = io::Error::other("it is being scrubbed after a close; try again in a minute");
        Err(LedgerError::Inaccessible { path: self.path.clone(), why })
    }

    /// A connection that sees the file as it is at this moment. When it has to make way, it notes that in
    /// `sent_away`, and fails.
    fn connect(&self, sent_away: Arc<AtomicBool>) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(BUSY_WAIT_MAX)?;
        let readers = self.readers.clone();
        let look = move || {
            let must = readers.must_make_way();
            // The scrub may give up waiting before anyone else looks.
            sent_away.fetch_or(must, Ordering::Relaxed);
            must
        };
        connection.progress_handler(LOOK_EVERY, Some(look))?;
        connection.execute_batch("BEGIN")?;
        Ok(connection)
    }
}

impl LedgerReader for SqliteReader {
    fn check(&self, election: &ElectionId) -> Result<Report, LedgerError> {
        self.read(|connection| {
            let elections = replay(connection, &self.path)?;
            let kept = elections.by_id.get(election).and_then(|&index| elections.kept.get(index));
            let kept = kept.ok_or_else(|| LedgerError::NoSuchElection(election.clone()))?;
            let count = |table| -> rusqlite::Result<i64> {
                let select = format!("SELECT count(*) FROM {table} WHERE election = ?1");
                connection.query_row(&select, [kept.key], |row| row.get(0))
            };
            let counts = count("entries").and_then(|entries| Ok((entries, count("unscrubbed")?)));
            let (entries, unscrubbed) = counts.map_err(|error| not_opened(&self.path, error))?;
            Ok(Report {
                entries: entries.cast_unsigned(),
                ballots: kept.standing.ballots,
                numbers_used: kept.ballot_box.numbers_used(),
                head: kept.head,
                unscrubbed: unscrubbed > 0,
                closed: kept.ballot_box.state() == ElectionState::Closed,
            })
        })
    }

    fn sheet(
        &self,
        election: &ElectionId,
        after: SheetPlace,
        lines: usize,
    ) -> Result<SheetPart, LedgerError> {
        self.read(|connection| {
            sheet::behind(connection, election, after, lines)
                .map_err(|error| not_opened(&self.path, error))
        })
    }
}
