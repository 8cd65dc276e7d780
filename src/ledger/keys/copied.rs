//! The file with the keys of a backup, beside it.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;

use zeroize::Zeroizing;

use super::{BallotKey, Owner, owner_of};
use crate::election::{ElectionId, LedgerId};
use crate::ledger::OpenError;
use crate::private_file::{self, OTHERS, exposed};

/// Keys by their owners.
pub(super) type Held = HashMap<(LedgerId, i64, ElectionId), BallotKey>;

/// Writes these keys.
pub(super) fn write<'a>(
    keys: impl Iterator<Item = (Owner<'a>, &'a BallotKey)>,
    file: &mut impl Write,
) -> io::Result<()> {
    for (owner, key) in keys {
        file.write_all(key.line(&owner).as_bytes())?;
    }
    Ok(())
}

/// The keys in a file that [`write`] wrote. None if there is no such file.
pub(super) fn read(path: &Path) -> Result<Held, OpenError> {
    let failed = |why| OpenError::Inaccessible { path: path.to_owned(), why };
    let refused = |why: &str| OpenError::Refused { path: path.to_owned(), why: why.into() };
    let lines = match private_file::read_text(path).map(Zeroizing::new) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Held::new()),
        lines => lines.map_err(failed)?,
    };
    if exposed(path, OTHERS).map_err(failed)?.is_some() {
        return Err(refused("others than its owner can read it: chmod 600 it first"));
    }
    let key = |line: &str| {
        let (ledger, row, election) = owner_of(line)?;
        let key = BallotKey::read(line, &Owner { ledger, key: row, election: &election })?;
        Some(((ledger, row, election), key))
    };
    let keys = lines.split_inclusive('\n').map(key).collect::<Option<_>>();
    keys.ok_or_else(|| {
        refused("it is damaged: restore it, or move it away and put the keys in their places")
    })
}
