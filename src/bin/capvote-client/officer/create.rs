//! The command `create`.

use capvote::client::Error;

use super::{Officer, done};
use crate::arguments::Create;
use crate::failure::Failure;
use crate::show;

/// With fewer voters, many orders of names are the only ones of their kind.
const MANY_VOTERS: u64 = 1_000;

pub(super) async fn run(create: &Create, officer: &Officer<'_>) -> Result<(), Failure> {
    let few_ranks = match create.few_ranks() {
        Some(ranks) if voters(create, officer).await? < MANY_VOTERS => Some(ranks),
        _ => None,
    };
    let definition = create.definition(few_ranks)?;
    let created = officer.restored.returning_officer().create(&definition).await?;
    done(created)?;
    if let Some(ranks) = few_ranks {
        show::note(&format!(
            "A ballot ranks at most {ranks} names: among fewer than {MANY_VOTERS} voters, a longer \
             order is often the only one of its kind, and who buys a vote could look for it on the \
             tally sheet. --marks allows more."
        ));
    }
    officer.report_scheduled("created", definition.id.as_str(), "", &definition.schedule)
}

/// How many can vote in the new election: the roll of its own is empty.
async fn voters(create: &Create, officer: &Officer<'_>) -> Result<u64, Failure> {
    let Some(roll) = &create.roll else { return Ok(0) };
    let election = officer.target.connect().await?.election(roll.as_str());
    match election.info().await {
        Ok(info) => Ok(info.voters),
        // The server refuses to share a roll that does not exist.
        Err(Error::Remote(_)) => Ok(0),
        Err(error) => Err(error.into()),
    }
}
