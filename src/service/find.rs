//! Finding an election by the id that a client asks for.

use capnp::Error;

use crate::election::{ELECTION_ID_BYTES_MAX, ElectionId};
use crate::ledger::Snapshot;

/// Elections listed in an error.
const LISTED_ELECTIONS_MAX: usize = 20;

/// The election with the id `asked`, or for "" the only one. `None` is an id that is not UTF-8.
pub(super) fn find(snapshot: &Snapshot, asked: Option<&str>) -> Result<ElectionId, Error> {
    match (asked, &snapshot.elections[..]) {
        (_, []) => Err(Error::failed("there is no election on this server".into())),
        (Some(""), [only]) => Ok(only.definition.id.clone()),
        (Some(""), _) => Err(Error::failed(format!("which election? There are {}", ids(snapshot)))),
        (Some(asked), [only]) if only.definition.id.as_str() != asked => {
            Err(Error::failed(format!(
                "there is no election {:?}; the election here is {}",
                cut(asked),
                only.definition.id
            )))
        }
        (Some(asked), _) => {
            let found =
                snapshot.elections.iter().find(|standing| standing.definition.id.as_str() == asked);
            found.map(|standing| standing.definition.id.clone()).ok_or_else(|| {
                let (asked, there) = (cut(asked), ids(snapshot));
                Error::failed(format!("there is no election {asked:?}; there are {there}"))
            })
        }
        (None, _) => {
            Err(Error::failed(format!("an election's id is UTF-8; there are {}", ids(snapshot))))
        }
    }
}

/// Cuts an id of any length to that of the longest valid one.
fn cut(asked: &str) -> String {
    asked.chars().take(ELECTION_ID_BYTES_MAX).collect()
}

/// The ids of the first [`LISTED_ELECTIONS_MAX`] elections, and how many more there are.
fn ids(snapshot: &Snapshot) -> String {
    let listed = snapshot.elections.iter().take(LISTED_ELECTIONS_MAX);
    let listed: Vec<_> = listed.map(|standing| standing.definition.id.as_str()).collect();
    match snapshot.elections.len().checked_sub(LISTED_ELECTIONS_MAX) {
        None | Some(0) => listed.join(", "),
        Some(more) => format!("{} and {more} more", listed.join(", ")),
    }
}
