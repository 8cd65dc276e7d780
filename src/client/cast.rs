//! Casting a vote however often its answer is lost.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Ballot, Client, Error, VoteOutcome};
use crate::net::link::Link;

/// How long [`cast`] goes on casting a vote whose answer is lost. The last try may begin just before that, and has its
/// own time to connect and to be answered.
pub const RETRY_WAIT_MAX: Duration = Duration::from_secs(60);

/// The pauses between one try and the next: each is twice the one before, between these.
const RETRY_PAUSE_FIRST: Duration = Duration::from_millis(50);
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(5);

/// What became of a vote that was cast, perhaps more than once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cast {
    /// The answer that came.
    pub outcome: VoteOutcome,
    /// Whether an earlier answer was lost.
    pub retried: bool,
}

/// Connects and casts a vote. Casts it again, over a new connection, where its answer is lost, and where the server asks
/// to wait or is stopping, for up to [`RETRY_WAIT_MAX`]. The vote counts once.
///
/// `election` is the election's id, or empty for the only one there is. `on_message` gets what the server has to say, once for
/// each try that is answered.
///
/// This may take as long as one try more than [`RETRY_WAIT_MAX`]: 20 s to connect, and
/// [`ANSWER_WAIT_MAX`](super::ANSWER_WAIT_MAX).
///
/// # Errors
/// [`Error::Uncertain`] where an answer was lost and none came later: it is not known whether the vote was recorded, and the same
/// ballot may be cast again. Where no answer was lost, those of [`Client::connect`] and
/// [`Election::vote`](super::Election::vote): then nothing was recorded, unless it is [`Error::Remote`] and says otherwise, or
/// [`Error::Protocol`].
///
/// # Panics
/// As [`Client::connect`].
pub async fn cast(
    link: &Link,
    election: &str,
    ballot: &Ballot,
    mut on_message: impl FnMut(&str),
) -> Result<Cast, Error> {
    let give_up = Instant::now() + RETRY_WAIT_MAX;
    let mut pause = RETRY_PAUSE_FIRST;
    // Whether a vote went out whose answer did not come.
    let mut lost = false;
    loop {
        let error = match once(link, election, ballot, &mut on_message).await {
            // With a new connection, which has guessed nothing.
            Ok(VoteOutcome::Throttled(wait)) if Instant::now() + wait < give_up => {
                sleep(wait).await;
                continue;
            }
            // These say nothing of the tries before.
            Ok(VoteOutcome::Throttled(wait)) if lost => {
                let seconds = wait.as_millis().div_ceil(1_000);
                let why = format!("too many wrong numbers came from here; wait {seconds} seconds");
                return Err(uncertain(Error::Remote(why)));
            }
            Ok(VoteOutcome::Unknown) if lost => {
                let why = "it was refused for a reason that this client does not know";
                return Err(uncertain(Error::Remote(why.into())));
            }
            Ok(outcome) => return Ok(Cast { outcome, retried: lost }),
            Err(error) => error,
        };
        lost |= matches!(error, Error::Disconnected | Error::NoAnswer(_));
        // Once an answer is lost, whatever a try ends with, the next may find out what it was. Before, there is nothing to
        // find out; a server that was never reached is not there, and one that says something else is another.
        if !lost && !matches!(error, Error::Overloaded(_)) {
            return Err(error);
        }
        if Instant::now() + pause > give_up {
            return Err(if lost { uncertain(error) } else { error });
        }
        sleep(pause).await;
        pause = (pause * 2).min(RETRY_PAUSE_MAX);
    }
}

/// Casts a vote over a connection of its own.
async fn once(
    link: &Link,
    election: &str,
    ballot: &Ballot,
    on_message: impl FnMut(&str),
) -> Result<VoteOutcome, Error> {
    Client::connect(link).await?.election(election).vote(ballot, on_message).await
}

fn uncertain(last: Error) -> Error {
    Error::Uncertain(Box::new(last))
}
