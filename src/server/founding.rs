//! One command for a running election: creating it, with numbers for its voters in a file.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{NewElection, StartError};
use crate::election::{Standing, VoterNumber};
use crate::ledger::{Act, Ledger};
use crate::private_file;
use crate::service::draw_numbers;

/// What creates and opens the election, unless the ledger has it from an earlier start.
///
/// The numbers are in their file before the election is in the ledger: a server that is killed between
/// the two leaves a file that the next start writes anew, and never an election whose numbers are lost.
pub(super) fn acts(
    ledger: &impl Ledger,
    data: &Path,
    election: &NewElection,
) -> Result<Vec<Act>, StartError> {
    let id = &election.definition.id;
    if let Some(first) = ledger.standings().first() {
        return if ledger.standings().iter().any(|standing| is(standing, election)) {
            tracing::info!(election = %id, "the election is there from an earlier start");
            Ok(Vec::new())
        } else {
            let (found, asked) = (first.definition.id.clone(), id.clone());
            Err(StartError::OtherElection { data: data.to_owned(), found, asked })
        };
    }
    let random = |error: getrandom::Error| StartError::Resources(io::Error::other(error));
    let numbers = draw_numbers(election.voters as usize).map_err(random)?;
    let path = numbers_file(data, election);
    write(&path, &numbers).map_err(|why| StartError::Numbers { path: path.clone(), why })?;
    let create = Act::Create(election.definition.clone());
    Ok(vec![create, Act::Issue(id.clone(), numbers), Act::Open(id.clone())])
}

/// Whether the election that stands is the one that is asked for. Numbers that were added since are no
/// difference.
fn is(standing: &Standing, election: &NewElection) -> bool {
    let founding_voters = standing.voters.saturating_sub(standing.added_while_open);
    *standing.definition == *election.definition && founding_voters == u64::from(election.voters)
}

/// Where the numbers are.
pub(super) fn numbers_file(data: &Path, election: &NewElection) -> PathBuf {
    data.join(format!("{}.numbers.csv", election.definition.id))
}

/// Writes the numbers, one a line under a heading.
fn write(path: &Path, numbers: &[VoterNumber]) -> io::Result<()> {
    private_file::write(path, |file| {
        writeln!(file, "voter_number")?;
        numbers.iter().try_for_each(|number| writeln!(file, "{number}"))
    })
}
