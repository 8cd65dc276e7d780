//! The configured election: created at the first start, with its voter numbers in a file.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::prepared::{Prepared, finish, pending};
use super::{NewElection, StartError};
use crate::election::{Publication, Standing, VoterNumber};
use crate::ledger::{Act, Ledger};
use crate::private_file;
use crate::service::draw_numbers;

/// Writes the numbers of an election, unless the ledger has it from an earlier start. Returns the
/// acts that create and open it.
pub(super) async fn prepare(
    ledger: &dyn Ledger,
    data: &Path,
    election: &NewElection,
) -> Result<Option<Prepared>, StartError> {
    let file = numbers_file(data, election);
    let failed = |why| StartError::Numbers { path: file.clone(), why };
    if exists(ledger, data, election).await? {
        finish(&file).map_err(failed)?;
        return Ok(None);
    }
    if file.symlink_metadata().is_ok() {
        return Err(StartError::UnknownFile { path: file, what: "an election" });
    }
    election.definition.check_new()?;
    let numbers = draw_numbers(election.voters as usize)?;
    write(&pending(&file), &numbers).map_err(failed)?;
    let id = election.definition.id.clone();
    let create = Act::Create(election.definition.clone());
    let acts = vec![create, Act::Issue(id.clone(), numbers), Act::Open(id)];
    let log = match election.definition.publication {
        Publication::Sealed => log_opened,
        Publication::Live => log_opened_live,
    };
    Ok(Some(Prepared { acts, file, log }))
}

fn log_opened(path: &Path) {
    tracing::info!(file = %path.display(), "an election was opened; its numbers are in the file");
}

fn log_opened_live(path: &Path) {
    tracing::info!(
        file = %path.display(),
        "an election was opened; its numbers are in the file; its results are live, for trying \
         things out: a count in small batches tells more than one at the close"
    );
}

/// Whether the ledger has this election. An error if it has only others.
async fn exists(
    ledger: &dyn Ledger,
    data: &Path,
    election: &NewElection,
) -> Result<bool, StartError> {
    let snapshot = ledger.fresh().await?;
    let Some(first) = snapshot.elections.first() else { return Ok(false) };
    let id = &election.definition.id;
    if snapshot.elections.iter().any(|standing| is_same(standing, election)) {
        tracing::info!(election = %id, "the election exists from an earlier start");
        return Ok(true);
    }
    let (found, asked) = (first.definition.id.clone(), id.clone());
    Err(StartError::OtherElection { data: data.to_owned(), found, asked })
}

/// Whether an election is the configured one. Numbers issued since it was opened make no
/// difference.
fn is_same(standing: &Standing, election: &NewElection) -> bool {
    let initial_voters = standing.voters.saturating_sub(standing.added_while_open);
    *standing.definition == *election.definition && initial_voters == u64::from(election.voters)
}

/// The file with the numbers.
fn numbers_file(data: &Path, election: &NewElection) -> PathBuf {
    data.join(format!("{}.numbers.csv", election.definition.id))
}

/// Writes a heading, then one number a line.
fn write(path: &Path, numbers: &[VoterNumber]) -> io::Result<()> {
    private_file::write(path, |file| {
        writeln!(file, "voter_number")?;
        numbers.iter().try_for_each(|number| writeln!(file, "{number}"))
    })
}
