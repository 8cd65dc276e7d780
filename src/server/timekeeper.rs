//! Opening and closing elections at their scheduled times.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::election::{ElectionState, Standing, Timestamp};
use crate::ledger::{Act, Ledger};

/// How often to look at the time. A vote that comes too late in between is refused all the same: the
/// ledger checks the time of every vote.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Opens and closes elections until it is dropped. Several servers of one ledger may do so: the first
/// act wins, and the others are refused.
pub(super) async fn keep(ledger: Arc<dyn Ledger>) {
    let snapshots = ledger.snapshots();
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        let now = ledger.now();
        let elections = snapshots.borrow().elections.clone();
        for standing in elections {
            let Some(act) = due(&standing, now) else { continue };
            let election = &standing.definition.id;
            match ledger.act(vec![act], None).await {
                Ok(()) => tracing::info!(%election, "an election was opened or closed at its time"),
                Err(error) if error.is_refusal() => {
                    tracing::debug!(%election, %error, "somebody else was faster");
                }
                Err(error) => tracing::warn!(%election, %error, "an election's time has come"),
            }
        }
    }
}

/// What the schedule of an election asks for at `now`.
fn due(standing: &Standing, now: Timestamp) -> Option<Act> {
    let id = standing.definition.id.clone();
    match standing.state.due(standing.definition.schedule, now)? {
        ElectionState::Open => Some(Act::Open(id)),
        ElectionState::Closed => Some(Act::Close(id)),
        ElectionState::Draft => None,
    }
}
