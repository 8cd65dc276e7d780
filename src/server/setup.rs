//! What a start stores in the ledger: the configured election and the returning officer's grant,
//! together or not at all.

use super::officer_link::Reached;
use super::prepared::{Prepared, finish, pending};
use super::{Config, StartError, initial_election, officer_link};
use crate::ledger::{ActRefusal, Ledger, LedgerError};
use crate::net::link::Link;

/// How many races a start can lose to another server of the same ledger: one to store the election,
/// and one to store the grant.
const LOST_RACES_MAX: usize = 2;

/// Stores what the ledger does not have. `reached_at` is the server's link; without one, no officer's link is written.
pub(super) async fn ensure(
    ledger: &dyn Ledger,
    config: &Config,
    reached_at: Option<&Link>,
) -> Result<(), StartError> {
    let mut races = 0;
    loop {
        // The election first: if it is refused, the officer's link stays as it is.
        let mut prepared = Vec::new();
        if let Some(election) = &config.election {
            prepared.extend(initial_election::prepare(ledger, &config.data, election).await?);
        }
        if let Some(reached_at) = reached_at {
            let reached = Reached { link: reached_at, is_told: config.public.is_some() };
            prepared.extend(officer_link::prepare(ledger, &config.data, &reached).await?);
        }
        let acts: Vec<_> = prepared.iter().flat_map(|it| it.acts.clone()).collect();
        if acts.is_empty() {
            return Ok(());
        }
        match ledger.act(acts, None).await {
            Ok(()) => {
                for Prepared { file, log, .. } in prepared {
                    finish(&file).map_err(|why| StartError::Secrets { path: file.clone(), why })?;
                    log(&file);
                }
                return Ok(());
            }
            Err(LedgerError::Refused(
                ActRefusal::ElectionExists(_) | ActRefusal::OfficerExists,
            )) if races < LOST_RACES_MAX => {
                races += 1;
                // Nothing of these files is in the ledger.
                for Prepared { file, .. } in prepared {
                    let path = pending(&file);
                    let removed = std::fs::remove_file(&path);
                    removed.map_err(|why| StartError::Secrets { path, why })?;
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::election::Definition;
    use crate::ledger::Location;
    use crate::server::NewElection;

    use super::*;

    #[tokio::test]
    async fn of_two_servers_that_start_at_once_one_creates_the_election_and_the_officer() {
        let store = tempfile::tempdir().unwrap();
        let ledger = Location::Directory(store.path().to_owned()).open().unwrap();
        let candidates = ["Ada", "Grace"].map(String::from).to_vec();
        let definition =
            Definition::new("board".parse().unwrap(), String::new(), candidates).unwrap();
        let election = Some(NewElection { definition: definition.into(), voters: 3 });
        let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let configs = folders
            .each_ref()
            .map(|folder| Config { election: election.clone(), ..Config::new(folder.path()) });
        let link: Link = "capvote://127.0.0.1:1".parse().unwrap();
        let [one, other] = configs.each_ref().map(|config| ensure(&*ledger, config, Some(&link)));
        let (one, other) = futures::future::join(one, other).await;
        one.unwrap();
        other.unwrap();
        let snapshot = ledger.fresh().await.unwrap();
        assert_eq!((snapshot.elections.len(), snapshot.elections[0].voters), (1, 3));
        assert_eq!(snapshot.grants.iter().count(), 1);
        for file in ["board.numbers.csv", "officer.link"] {
            let found = folders.each_ref().map(|folder| folder.path().join(file).exists());
            assert_eq!(found, [true, false], "{file}");
        }
    }
}
