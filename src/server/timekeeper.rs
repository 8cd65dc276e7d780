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
    let id = standing.definition.id.clone();
    match standing.state.due(standing.definition.schedule, now)? {
        ElectionState::Open => Some(Act::Open(id)),
        ElectionState::Closed => Some(Act::Close(id)),
        ElectionState::Draft => None,
    }
}
