//! Opening and closing elections at their scheduled times, by a clock that is believed.

use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::MissedTickBehavior;

use super::clock_watch::ClockWatch;
use crate::election::{ElectionState, Standing, Timestamp};
use crate::ledger::{Act, ActRefusal, Ledger, LedgerError};

/// How often schedules are checked. The ledger itself refuses a vote after the time to close.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// The time since this machine was started, suspended or not. Setting the clock does not change it.
pub(super) fn steady_time() -> Duration {
    #[cfg(target_os = "linux")]
    const STEADY: ClockId = ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    const STEADY: ClockId = ClockId::Monotonic;
    clock_gettime(STEADY).try_into().unwrap_or_default()
}

/// Opens and closes elections. The future never ends. Several servers of one ledger may do so: the
/// first act wins, and the others are refused.
///
/// While the ledger's time and `steady` do not agree, nothing is opened or closed: see
/// [`CLOCK_STEP_MAX`](super::CLOCK_STEP_MAX). An officer's own act needs no clock.
pub fn keep_schedules(
    ledger: Arc<dyn Ledger>,
    steady: impl Fn() -> Duration,
) -> impl Future<Output = ()> {
    // Here and not at the first poll: what the clock is at a start is believed.
    let mut watch = ClockWatch::new(ledger.now(), steady());
    async move {
        let mut interval = tokio::time::interval(CHECK_INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            let now = ledger.now();
            if watch.is_believed(now, steady()) {
                act_on_schedules(&*ledger, now).await;
            }
        }
    }
}

/// Opens and closes what is due.
async fn act_on_schedules(ledger: &dyn Ledger, now: Timestamp) {
    let elections = ledger.snapshots().borrow().elections.clone();
    for standing in elections {
        let Some(act) = due(&standing, now) else { continue };
        let election = &standing.definition.id;
        match ledger.act(vec![act], None).await {
            Ok(()) => tracing::info!(%election, "an election was opened or closed on time"),
            Err(error @ LedgerError::Refused(ActRefusal::NotAllowed { .. })) => {
                tracing::debug!(%election, %error, "an election had been opened or closed");
            }
            Err(error) => {
                tracing::warn!(%election, %error, "cannot open or close an election on time");
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

    use crate::election::{Definition, ElectionId, Schedule};
    use crate::ledger::sqlite::{SqliteLedger, Store};

    use super::*;

    fn board() -> ElectionId {
        "board".parse().unwrap()
    }

    /// A ledger with an election that opens at 10 and closes at 20, and its clock, at 0.
    async fn scheduled(directory: &tempfile::TempDir) -> (Arc<dyn Ledger>, Arc<AtomicU64>) {
        let time = Arc::new(AtomicU64::new(0));
        let clock = Arc::new({
            let time = time.clone();
            move || Timestamp(time.load(Ordering::Relaxed))
        });
        let store = Store::open(directory.path()).unwrap();
        let ledger: Arc<dyn Ledger> = Arc::new(SqliteLedger::start(store, clock).unwrap());
        let schedule = Schedule { opens: Some(Timestamp(10)), closes: Some(Timestamp(20)) };
        let definition = Definition::new(board(), String::new(), vec!["Ada".into()]);
        let definition = definition.unwrap().with_schedule(schedule).unwrap();
        ledger.act(vec![Act::Create(definition.into())], None).await.unwrap();
        (ledger, time)
    }

    #[tokio::test(start_paused = true)]
    async fn two_timekeepers_open_and_close_an_election_once() {
        let directory = tempfile::tempdir().unwrap();
        let (ledger, time) = scheduled(&directory).await;
        let keepers = [(); 2].map(|()| {
            let time = time.clone();
            let steady = move || Duration::from_secs(time.load(Ordering::Relaxed));
            tokio::spawn(keep_schedules(ledger.clone(), steady))
        });
        let mut snapshots = ledger.snapshots();
        for (now, state) in [(10, ElectionState::Open), (20, ElectionState::Closed)] {
            time.store(now, Ordering::Relaxed);
            snapshots.wait_for(|seen| seen.elections[0].state == state).await.unwrap();
        }
        // Several rounds of both keepers, after which each act is still there once.
        tokio::time::sleep(CHECK_INTERVAL * 4).await;
        assert!(keepers.iter().all(|keeper| !keeper.is_finished()));
        let report = ledger.check(board()).await.unwrap();
        assert_eq!(report.entries, 3, "created, opened, closed");
    }

    /// The state of the election after several rounds of the keeper.
    async fn settled(ledger: &Arc<dyn Ledger>) -> ElectionState {
        tokio::time::sleep(CHECK_INTERVAL * 4).await;
        // Done after what the keeper has asked for.
        ledger.act(Vec::new(), None).await.unwrap();
        ledger.fresh().await.unwrap().elections[0].state
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_was_set_opens_and_closes_nothing_and_an_officer_does() {
        let directory = tempfile::tempdir().unwrap();
        let (ledger, time) = scheduled(&directory).await;
        let keeper = tokio::spawn(keep_schedules(ledger.clone(), || Duration::ZERO));
        assert_eq!(settled(&ledger).await, ElectionState::Draft);
        // Eleven hours ahead, for a moment.
        time.store(11 * 3_600, Ordering::Relaxed);
        assert_eq!(settled(&ledger).await, ElectionState::Draft);
        time.store(10, Ordering::Relaxed);
        assert_eq!(settled(&ledger).await, ElectionState::Open);
        time.store(11 * 3_600, Ordering::Relaxed);
        assert_eq!(settled(&ledger).await, ElectionState::Open);
        ledger.act(vec![Act::Close(board())], None).await.unwrap();
        assert_eq!(settled(&ledger).await, ElectionState::Closed);
        assert!(!keeper.is_finished());
    }

    #[test]
    fn the_steady_time_is_the_time_since_the_machine_was_started() {
        let before = steady_time();
        assert!(before > Duration::ZERO && steady_time() >= before);
    }
}
