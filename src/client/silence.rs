//! Whether the server is still there while it has nothing to say.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::connection::Connection;
use super::{Election, Error};

/// A server that sends nothing for so long, up to twice that, is asked for a sign of life.
const SILENCE_WAIT_MAX: Duration = Duration::from_secs(3);

/// The wait for that sign: any byte will do.
const SIGN_OF_LIFE_WAIT_MAX: Duration = Duration::from_secs(8);

/// Returns when the server of this election sends nothing at all, although it was asked. A network
/// that is gone says nothing, and TCP alone does not find out for minutes.
pub(super) async fn fallen_silent(election: &Election, connection: &Connection) -> Error {
    loop {
        let heard = connection.heard();
        sleep(SILENCE_WAIT_MAX).await;
        if connection.heard() != heard {
            continue;
        }
        // Its answer does not matter. A short one comes soon even from a slate of a thousand names.
        let answered = timeout(SIGN_OF_LIFE_WAIT_MAX, election.result("")).await;
        if answered.is_err() && connection.heard() == heard {
            return Error::NoAnswer(SILENCE_WAIT_MAX + SIGN_OF_LIFE_WAIT_MAX);
        }
    }
}
