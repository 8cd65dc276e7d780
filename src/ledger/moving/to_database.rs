//! From a data directory into a database.

use std::path::Path;

use super::{Moved, check_same, moved, pour};
use crate::election::{LedgerId, Standing};
use crate::ledger::OpenError;
use crate::ledger::postgres::Options;
use crate::ledger::postgres::moving::{DatabaseTarget, Holds, Place};
use crate::ledger::sqlite::moving::{Directory, Holds as Has, StoreSource};

/// Moves the ledger in a data directory into a database, which has none. The directory is the one
/// that `options` name: it is the data directory of a server of that database then.
///
/// The database has everything once it has anything. If this fails, or is killed, the ledger is in
/// the directory as it was; or it is marked as moved, and repeating this finishes it. The keys in
/// the directory are destroyed at the end.
///
/// # Errors
/// [`OpenError`]: [`OpenError::NotMoved`] and [`OpenError::InUse`] for what has to be done before.
pub async fn to_database(options: &Options) -> Result<Moved, OpenError> {
    let data = options.data();
    let nothing = || {
        let why = format!("there is no ledger in the directory {}", data.display());
        OpenError::NotMoved(why)
    };
    if !data.is_dir() {
        return Err(nothing());
    }
    let has = Directory::lock(data)?.holds()?;
    if matches!(has, Has::Nothing) {
        return Err(nothing());
    }
    let place = Place::reach(options).await?;
    let name = place.name().await?;
    let holds = place.holds().await?;
    match (&has, holds) {
        (Has::Left { database, .. }, _) if *database != name => Err(OpenError::NotMoved(
            "it is being moved, or was, to another database: name that one".into(),
        )),
        (Has::Left { ledger, .. }, Holds::Ledger(there, None)) if *ledger == there => {
            place.commit().await?;
            finish(data, *ledger)?;
            Ok(Moved { ledger: *ledger, elections: Vec::new(), holders: 0, is_taken_back: false })
        }
        (_, Holds::Ledger(..)) => Err(OpenError::NotMoved(
            "the database has a ledger already: make another database".into(),
        )),
        (Has::Left { .. }, Holds::Nothing) => {
            // An earlier try did not reach the database.
            Directory::lock(data)?.take_back()?;
            copy(data, place, &name).await
        }
        (Has::Nothing | Has::Ledger(_) | Has::Unmarked, Holds::Nothing) => {
            copy(data, place, &name).await
        }
    }
}

async fn copy(data: &Path, place: Place, name: &str) -> Result<Moved, OpenError> {
    let mut source = StoreSource::open(data)?;
    let past = source.past()?;
    let (ledger, origins, before) = (past.ledger, past.origins.clone(), source.snapshot());
    let mut target = DatabaseTarget::begin(place, past).await?;
    pour(&mut source, &mut target).await?;
    let (after, heads) = target.verified().await?;
    check_same(&before, &after, |_: &Standing| true)?;
    source.leave(name)?;
    target.put().await?;
    finish(data, ledger)?;
    let elections = moved(&after, &origins, heads);
    Ok(Moved { ledger, elections, holders: 0, is_taken_back: false })
}

/// Destroys what would open the ballots that were left.
fn finish(data: &Path, ledger: LedgerId) -> Result<(), OpenError> {
    Directory::lock(data)?.destroy_keys(ledger)
}
