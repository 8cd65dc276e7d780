//! From a database into a data directory.

use std::path::Path;

use super::{Moved, check_same, moved, pour};
use crate::election::{LedgerId, Standing};
use crate::ledger::OpenError;
use crate::ledger::postgres::Options;
use crate::ledger::postgres::moving::{DatabaseSource, Holds, Place};
use crate::ledger::sqlite::moving::{Directory, FileTarget, Holds as Has};

/// Moves the ledger in a database into the data directory that `options` name. It is that of a
/// server of the database which holds the keys of all elections that have ballots and are not
/// closed.
///
/// The file of the ledger gets its name once it has everything. If this fails, or is killed, the
/// ledger is in the database as it was; or it has ended there, and repeating this finishes it. This
/// server's halves of the keys are destroyed at the end, and those of another one when it is
/// started again on that database.
///
/// # Errors
/// [`OpenError`]: [`OpenError::NotMoved`] and [`OpenError::InUse`] for what has to be done before.
pub async fn to_directory(options: &Options) -> Result<Moved, OpenError> {
    let data = options.data();
    let directory = Directory::lock(data)?;
    let has = directory.holds()?;
    let place = Place::reach(options).await?;
    let server = place.server();
    let holds = place.holds().await?;
    if let Has::Left { database, .. } = &has
        && *database != place.name().await?
    {
        let why = "the ledger of this directory was moved to another database: name that one";
        return Err(OpenError::NotMoved(why.into()));
    }
    match (&has, holds) {
        (Has::Left { ledger, .. }, Holds::Nothing) => {
            directory.take_back()?;
            Ok(Moved { ledger: *ledger, elections: Vec::new(), holders: 0, is_taken_back: true })
        }
        (_, Holds::Nothing) => {
            Err(OpenError::NotMoved("there is no ledger in the database".into()))
        }
        (_, Holds::Ledger(_, Some(other))) if other != server => {
            Err(OpenError::NotMoved("it was moved to the data directory of another server".into()))
        }
        (Has::Ledger(here), Holds::Ledger(ledger, Some(_))) if *here == ledger => {
            place.commit().await?;
            let holders = finish(&place, ledger).await?;
            Ok(Moved { ledger, elections: Vec::new(), holders, is_taken_back: false })
        }
        (Has::Left { ledger: here, .. }, Holds::Ledger(ledger, _)) if *here != ledger => {
            Err(OpenError::NotMoved("the database has another ledger now".into()))
        }
        (Has::Ledger(_), _) | (Has::Unmarked, Holds::Ledger(_, None)) => {
            Err(OpenError::NotMoved("the directory has a ledger already: name another one".into()))
        }
        (Has::Nothing | Has::Unmarked | Has::Left { .. }, Holds::Ledger(ledger, _)) => {
            copy(data, &directory, place, ledger).await
        }
    }
}

async fn copy(
    data: &Path,
    directory: &Directory,
    place: Place,
    ledger: LedgerId,
) -> Result<Moved, OpenError> {
    let mut source = DatabaseSource::open(place, ledger).await?;
    // Those of before the ledger came to the database, or of an earlier try.
    directory.destroy_keys(ledger)?;
    let (past, before) = (source.past(), source.snapshot());
    let origins = past.origins.clone();
    let mut target = FileTarget::begin(data, past)?;
    pour(&mut source, &mut target).await?;
    let (after, heads) = target.verified()?;
    check_same(&before, &after, |it: &Standing| source.has_one_order(&it.definition.id))?;
    target.sync()?;
    let place = source.leave().await?;
    target.put()?;
    let holders = finish(&place, ledger).await?;
    let elections = moved(&after, &origins, heads);
    Ok(Moved { ledger, elections, holders, is_taken_back: false })
}

/// Destroys what opens the ballots that were left, as far as this server has it. Returns how many
/// others may have it.
async fn finish(place: &Place, ledger: LedgerId) -> Result<u64, OpenError> {
    place.destroy_halves(ledger).await
}
