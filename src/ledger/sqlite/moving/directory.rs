//! What a data directory has of a ledger that is moved: it, or the mark that it left.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::election::LedgerId;
use crate::ledger::OpenError;
use crate::ledger::keys::{Halves, Keys};
use crate::ledger::sqlite::file::{has_ledger, lock};
use crate::ledger::sqlite::mark::{Mark, Marked};
use crate::private_file::create_directory;

/// A data directory that no server uses.
pub(in crate::ledger) struct Directory {
    path: PathBuf,
    _lock: File,
}

/// What it has.
pub(in crate::ledger) enum Holds {
    Nothing,
    /// A ledger of a server.
    Ledger(LedgerId),
    /// A file without a mark: of a move that was not finished, of an early version, or a copy.
    Unmarked,
    /// A ledger that was moved to the database of this name.
    Left {
        ledger: LedgerId,
        database: String,
    },
}

impl Directory {
    /// Locks a data directory, which is created if it is missing.
    pub(in crate::ledger) fn lock(path: &Path) -> Result<Self, OpenError> {
        let inaccessible = |why| OpenError::Inaccessible { path: path.to_owned(), why };
        create_directory(path).map_err(inaccessible)?;
        Ok(Self { path: path.to_owned(), _lock: lock(path)? })
    }

    /// What is in it.
    pub(in crate::ledger) fn holds(&self) -> Result<Holds, OpenError> {
        Ok(match Mark::found(&self.path)? {
            Some(Marked::Left(left, database)) => Holds::Left { ledger: left.ledger, database },
            // Also where its file is missing: it may come back.
            Some(Marked::Here(here)) => Holds::Ledger(here.ledger),
            None if has_ledger(&self.path) => Holds::Unmarked,
            None => Holds::Nothing,
        })
    }

    /// Undoes the mark of a ledger that left, and did not arrive. Destroys the halves of the keys
    /// that were made for it.
    pub(in crate::ledger) fn take_back(&self) -> Result<(), OpenError> {
        match Mark::found(&self.path)? {
            Some(Marked::Left(left, _)) => {
                let destroyed = Halves::of(&self.path).destroy_all(left.ledger);
                destroyed.map_err(|why| self.inaccessible(why))?;
                Mark::create(&self.path, &left)
            }
            _ => Ok(()),
        }
    }

    /// Destroys the keys of a ledger that is elsewhere.
    pub(in crate::ledger) fn destroy_keys(&self, ledger: LedgerId) -> Result<(), OpenError> {
        let destroyed = Keys::of(&self.path).destroy_all(ledger);
        destroyed.map_err(|why| self.inaccessible(why))
    }

    fn inaccessible(&self, why: io::Error) -> OpenError {
        OpenError::Inaccessible { path: self.path.clone(), why }
    }
}
