//! Opening and closing elections at their scheduled times.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::election::{ElectionState, Standing, Timestamp};
use crate::ledger::{Act, Ledger};

/// How often schedules are checked. The ledger itself refuses a vote after the time to close.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// Opens and closes elections, and never returns. Several servers of one ledger may do so: the
/// first act wins, and the others are refused.
pub(super) async fn keep_schedules(ledger: Arc<dyn Ledger>) {
    let snapshots = ledger.snapshots();
    let mut interval = tokio::time::interval(CHECK_INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let now = ledger.now();
        let elections = snapshots.borrow().elections.clone();
        for standing in elections {
            let Some(act) = due(&standing, now) else { continue };
            let election = &standing.definition.id;
            match ledger.act(vec![act], None).await {
                Ok(()) => {
                    tracing::info!(%election, "an election was opened or closed on time")
                }
                Err(error) if error.is_refusal() => {
                    tracing::debug!(%election, %error, "an election had been opened or closed");
                }
                Err(error) => {
                    tracing::warn!(%election, %error, "cannot open or close an election on time");
                }
            }
        }
    }
}

/// The act that the schedule of an election requires at `now`.
fn due(standing: &Standing, now: Timestamp) -> Option<Act> {
    // What was scheduled happens once an officer has confirmed the restore.
    if standing.origin.unconfirmed {
        return None;
    }
    let id = standing.definition.id.clone();
    match standing.state.due(standing.definition.schedule, now)? {
        ElectionState::Open => Some(Act::Open(id)),
        ElectionState::Closed => Some(Act::Close(id)),
        ElectionState::Draft => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use crate::election::{Definition, Schedule};
    use crate::ledger::sqlite::{SqliteLedger, Store};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn two_timekeepers_open_and_close_an_election_once() {
        let directory = tempfile::tempdir().unwrap();
        let time = Arc::new(AtomicU64::new(0));
        let clock = Arc::new({
            let time = time.clone();
            move || Timestamp(time.load(Ordering::Relaxed))
        });
        let store = Store::open(directory.path()).unwrap();
        let ledger: Arc<dyn Ledger> = Arc::new(SqliteLedger::start(store, clock).unwrap());
        let schedule = Schedule { opens: Some(Timestamp(10)), closes: Some(Timestamp(20)) };
        let definition =
            Definition::new("board".parse().unwrap(), String::new(), vec!["Ada".into()]);
        let definition = definition.unwrap().with_schedule(schedule).unwrap();
        ledger.act(vec![Act::Create(definition.into())], None).await.unwrap();
        let keepers = [(); 2].map(|()| tokio::spawn(keep_schedules(ledger.clone())));
        let mut snapshots = ledger.snapshots();
        for (now, state) in [(10, ElectionState::Open), (20, ElectionState::Closed)] {
            time.store(now, Ordering::Relaxed);
            snapshots.wait_for(|seen| seen.elections[0].state == state).await.unwrap();
        }
        // Several rounds of both keepers, after which each act is still there once.
        tokio::time::sleep(CHECK_INTERVAL * 4).await;
        assert!(keepers.iter().all(|keeper| !keeper.is_finished()));
        let report = ledger.check("board".parse().unwrap()).await.unwrap();
        assert_eq!(report.entries, 4, "created, opened, voted, closed");
    }
}
