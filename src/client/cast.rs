//! Casting a vote however often its answer is lost.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Ballot, Client, Error, VoteOutcome};
use crate::net::link::Link;

/// How long [`cast`] goes on casting a vote whose answer is lost.
pub const RETRY_WAIT_MAX: Duration = Duration::from_secs(60);

/// The pauses between one try and the next: each is twice the one before, between these.
const RETRY_PAUSE_FIRST: Duration = Duration::from_millis(50);
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(5);

/// What became of a vote that was cast, perhaps more than once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cast {
    /// The answer that came.
    pub outcome: VoteOutcome,
    /// Whether an earlier answer was lost. After a fault, rather than a refusal, it may be that the earlier
    /// try was recorded.
    pub retried: bool,
}

/// Connects, casts a vote, and casts it again over a new connection for as long as its answer is lost, or the
/// server asks to wait, up to [`RETRY_WAIT_MAX`]. The vote counts once.
///
/// `election` is the election's id, or empty for the only one there is.
///
/// # Errors
/// Those of [`Client::connect`] and [`Election::vote`](super::Election::vote). After
/// [`Error::Disconnected`] and [`Error::NoAnswer`] it is not known whether the vote was recorded.
pub async fn cast(
    link: &Link,
    election: &str,
    ballot: &Ballot,
    mut on_message: impl FnMut(&str),
) -> Result<Cast, Error> {
    let give_up = Instant::now() + RETRY_WAIT_MAX;
    let mut pause = RETRY_PAUSE_FIRST;
    let mut sent = false;
    loop {
        let error = match Client::connect(link).await {
            Ok(client) => match client.election(election).vote(ballot, &mut on_message).await {
                Err(error @ (Error::Disconnected | Error::NoAnswer(_))) => {
                    sent = true;
                    error
                }
                // With a new connection, which has guessed nothing.
                Ok(VoteOutcome::Throttled(wait)) if Instant::now() + wait < give_up => {
                    sleep(wait).await;
                    continue;
                }
                decided => return Ok(Cast { outcome: decided?, retried: sent }),
            },
            Err(error) => error,
        };
        // A server that was never reached is not there, and nothing was sent to it.
        if !sent {
            return Err(error);
        }
        if Instant::now() + pause > give_up {
            return Err(Error::Disconnected);
        }
        sleep(pause).await;
        pause = (pause * 2).min(RETRY_PAUSE_MAX);
    }
}
