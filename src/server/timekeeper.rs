//! Opening and closing elections when their time has come.

use std::time::{Duration, Instant};

use crate::election::{ElectionState, Standing, Timestamp};
use crate::ledger::clerk::system_clock;
use crate::ledger::{Act, Board, ClerkHandle};

/// How often to look at the clock. A vote that is late by less is refused all the same: the ledger looks
/// at the clock for every vote.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How often to give the ledger occasion to finish what it could not at a close, because another program
/// was reading its file.
const TIDY_EVERY: Duration = Duration::from_secs(1);

/// Opens and closes elections for as long as it runs.
pub(super) async fn keep(clerk: ClerkHandle) {
    let mut tidied = Instant::now();
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        if tidied.elapsed() >= TIDY_EVERY {
            tidied = Instant::now();
            clerk.tidy().await;
        }
        for act in due(&clerk.board(), system_clock()) {
            let election = match &act {
                Act::Open(id) | Act::Close(id) => id.clone(),
                _ => continue,
            };
            // An officer may have been faster, and what cannot be stored is tried again.
            match clerk.administer(vec![act]).await {
                Ok(()) => tracing::info!(%election, "an election was opened or closed at its time"),
                Err(error) => tracing::warn!(%election, %error, "an election's time has come"),
            }
        }
    }
}

/// What is to be done at `now`.
fn due(board: &Board, now: Timestamp) -> Vec<Act> {
    board.elections.iter().filter_map(|standing| act(standing, now)).collect()
}

fn act(standing: &Standing, now: Timestamp) -> Option<Act> {
    let schedule = standing.definition.schedule;
    let id = || standing.definition.id.clone();
    match standing.state {
        ElectionState::Draft if schedule.has_opened(now) => Some(Act::Open(id())),
        ElectionState::Open if schedule.has_closed(now) => Some(Act::Close(id())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::election::{BallotBox, Definition, Schedule};

    #[test]
    fn each_thing_is_done_from_its_time_on() {
        let schedule = Schedule { opens: Some(Timestamp(10)), closes: Some(Timestamp(20)) };
        let definition =
            Definition::new("board".parse().unwrap(), String::new(), vec!["Ada".into()]);
        let definition = definition.unwrap().with_schedule(schedule).unwrap();
        let mut election = BallotBox::new(Arc::new(definition));
        let due = |election: &BallotBox, now| match act(&election.standing(), Timestamp(now)) {
            None => "nothing",
            Some(Act::Open(_)) => "open",
            Some(Act::Close(_)) => "close",
            Some(_) => "something else",
        };
        assert_eq!([9, 10, 30].map(|now| due(&election, now)), ["nothing", "open", "open"]);
        election.open().unwrap();
        assert_eq!([10, 19, 20].map(|now| due(&election, now)), ["nothing", "nothing", "close"]);
        election.close().unwrap();
        assert_eq!(due(&election, 30), "nothing");
    }
}
