//! The command that moves a ledger, and what it did, as a document and as text.

use std::path::Path;

use capvote::ledger::moving::{Moved, MovedElection, to_database, to_directory};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use crate::arguments::Destination;
use crate::database::Database;
use crate::offline::{Failure, of_database, shown, state_name};

/// Moves a ledger.
pub(crate) async fn run(
    directory: &Path,
    to: Destination,
    database: &Database,
) -> Result<(Value, String), Failure> {
    let options = of_database(database, directory)?;
    let moved = match to {
        Destination::Database => to_database(&options).await?,
        Destination::Directory => to_directory(&options).await?,
    };
    Ok(told(to, &shown(directory), &moved))
}

fn told(to: Destination, directory: &str, moved: &Moved) -> (Value, String) {
    let Moved { ledger, elections, holders, is_taken_back } = moved;
    let place = match to {
        Destination::Database => "database",
        Destination::Directory => "directory",
    };
    let mut text = match to {
        _ if *is_taken_back => {
            format!("The ledger had not reached the database. It is in {directory}, as it was.\n")
        }
        _ if elections.is_empty() => {
            format!("The ledger is in the {place}. Nothing is left to be done.\n")
        }
        Destination::Database => format!("The ledger of {directory} is in the database.\n"),
        Destination::Directory => format!("The ledger of the database is in {directory}.\n"),
    };
    let mut documents = Vec::new();
    for MovedElection { id, state, ballots, before, after } in elections {
        let (state, before, after) =
            (state_name(*state), HEXLOWER.encode(before), HEXLOWER.encode(after));
        text += &format!(
            "Election {id}: {state}, {ballots} votes.\n  head before {before}\n  head now    {after}\n"
        );
        let id = id.as_str();
        documents.push(json!({
            "id": id, "state": state, "votes": ballots, "headBefore": before, "headNow": after,
        }));
    }
    text += &left(to, directory, moved);
    let document = json!({
        "to": place, "ledger": ledger.to_string(), "elections": documents,
        "serversWithKeys": holders, "takenBack": is_taken_back,
    });
    (document, text)
}

/// What is left where the ledger was.
fn left(to: Destination, directory: &str, moved: &Moved) -> String {
    match (to, moved.holders) {
        _ if moved.is_taken_back => String::new(),
        (Destination::Database, _) => format!(
            "{directory}/ledger.sqlite is left: it says who voted, and no key opens its ballots. \
             No server opens it. Remove it once the servers of the database run.\n"
        ),
        (Destination::Directory, 0) => "The database has what it had: it says who voted, and no \
             key opens its ballots. No server uses it. Drop it once the server runs.\n"
            .into(),
        (Destination::Directory, holders) => format!(
            "The database has what it had, and {holders} other servers may have keys that open its \
             ballots. Start each of them once: it refuses, and destroys them. Or destroy its data \
             directory. Then drop the database.\n"
        ),
    }
}
