//! Whether a ledger's file is the whole ledger: not a copy, and not less than its mark.

use std::io;
use std::path::Path;

use rusqlite::Connection;

use super::chain::Kind;
use super::epochs;
use super::file::open_error;
use super::format::MARKED_FORMAT;
use super::mark::{Mark, Position};
use crate::election::LedgerId;
use crate::ledger::OpenError;

/// Refuses a file that is less than what its mark says, or is a copy. Returns how far it was
/// committed. `format` is 0 for a new file.
pub(super) fn check_whole(
    connection: &Connection,
    directory: &Path,
    path: &Path,
    format: i64,
) -> Result<Position, OpenError> {
    let refused = |why: String| OpenError::Refused { path: path.to_owned(), why };
    let marked = Mark::read(directory)?;
    let found = position(connection, format).map_err(|error| open_error(path, error))?;
    if format >= MARKED_FORMAT {
        let taken = epochs::backup_taken(connection).map_err(|error| open_error(path, error))?;
        if taken.is_some() {
            return Err(refused("it is a backup; `capvote-server restore` restores it".into()));
        }
    }
    match marked {
        Some(marked) if format >= MARKED_FORMAT && marked.ledger != found.ledger => {
            Err(refused(format!(
                "it is not the ledger that was here: ledger.mark is of ledger {}, and this is {}",
                marked.ledger, found.ledger
            )))
        }
        Some(marked) if (marked.epoch, marked.entry) > (found.epoch, found.entry) => {
            Err(refused(missing(&marked, &found)))
        }
        // A start that was killed before it created or upgraded the file.
        Some(marked) if format < MARKED_FORMAT => Ok(Position { ledger: marked.ledger, ..found }),
        Some(_) => Ok(found),
        None if format < MARKED_FORMAT => Ok(Position { ledger: draw_identity(path)?, ..found }),
        None => Err(refused(
            "there is no ledger.mark beside it, so it is a copy, or files were removed: what was \
             committed last may be missing. Move it away, and restore a backup; or restore this \
             file with `capvote-server restore --accept-copy`, which begins a new epoch"
                .into(),
        )),
    }
}

/// What a file lacks, and how to go on.
fn missing(marked: &Position, found: &Position) -> String {
    let (commits, votes) =
        (marked.entry.saturating_sub(found.entry), marked.votes.saturating_sub(found.votes));
    let what = if marked.epoch > found.epoch {
        format!("it is of epoch {}, and epoch {} had begun", found.epoch, marked.epoch)
    } else {
        format!(
            "it lacks at least {commits} entries that were committed, and {votes} of {} recorded \
             votes",
            marked.votes
        )
    };
    format!(
        "{what}. Put ledger.sqlite and ledger.sqlite-wal back as they were; or move them away, and \
         restore a backup. `capvote-server restore --accept-copy` restores what is left of the \
         file, and begins a new epoch"
    )
}

/// How far a ledger was committed. A file of an earlier format has no identity, and the first
/// epoch.
pub(super) fn position(connection: &Connection, format: i64) -> rusqlite::Result<Position> {
    if format == 0 {
        return Ok(Position { epoch: 1, ..Position::default() });
    }
    let entry = last_entry(connection)?;
    // A closed election of an earlier format has no ballots, and its sheet instead.
    let votes: i64 = connection.query_row(
        "SELECT coalesce(sum(last - first + 1), 0) FROM entries WHERE kind IN (?1, ?2, ?3)",
        [Kind::PlainBallots as i64, Kind::PlainClosed as i64, Kind::Ballots as i64],
        |row| row.get(0),
    )?;
    let votes = votes.cast_unsigned();
    if format < MARKED_FORMAT {
        return Ok(Position { epoch: 1, entry, votes, ..Position::default() });
    }
    let epochs = epochs::read(connection)?;
    let last = epochs.last().map(|last| (last.ledger, last.epoch));
    let (ledger, epoch) = last.unwrap_or_default();
    Ok(Position { ledger, epoch, entry, votes })
}

/// The last entry of the hash chains.
pub(super) fn last_entry(connection: &Connection) -> rusqlite::Result<u64> {
    let select = "SELECT coalesce(max(id), 0) FROM entries";
    let last: i64 = connection.prepare_cached(select)?.query_row([], |row| row.get(0))?;
    Ok(last.cast_unsigned())
}

/// Draws the identity of a ledger.
pub(super) fn draw_identity(path: &Path) -> Result<LedgerId, OpenError> {
    let mut bytes = [0; LedgerId::BYTES];
    let drawn = getrandom::fill(&mut bytes);
    drawn.map_err(|error| OpenError::Inaccessible {
        path: path.to_owned(),
        why: io::Error::other(error),
    })?;
    Ok(bytes.into())
}
