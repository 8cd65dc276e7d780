//! The simulated returning officer: closes each election, and in some histories holds a run-off
//! once the board is closed.

use std::time::Duration;

use capvote::client::{ActOutcome, Administration, Error, ReturningOfficer};
use capvote::election::Token;
use tokio::time::timeout;

use super::elections::{BOARD, RUN_OFF, SECOND};
use super::participants::Participant;

/// How long the officer waits for the answer to an act.
const PATIENCE: Duration = Duration::from_secs(1);

/// The histories in a hundred in which the officer means to hold a run-off.
const RUN_OFFS: u64 = 60;

/// The answer to an act, if it came.
type Answered = Option<ActOutcome>;

impl Participant {
    /// Closes each election at a random time: in three of four histories before they end.
    pub(super) async fn run_elections(&self, duration: Duration) {
        let latest = (duration.as_millis() as u64) * 4 / 3;
        let board = async {
            self.pause(latest).await;
            self.close(BOARD).await;
            if self.chance(RUN_OFFS) {
                self.hold_run_off(latest).await;
            }
        };
        let second = async {
            self.pause(latest).await;
            self.close(SECOND).await;
        };
        futures::join!(board, second);
    }

    /// Creates the run-off by the board's roll, opens it, and closes it at a random time.
    async fn hold_run_off(&self, latest: u64) {
        let definition = self.history.borrow().definition(RUN_OFF);
        loop {
            let is_first = self.history.borrow_mut().asks_to_create(RUN_OFF);
            let created = self.as_officer(async |officer| officer.create(&definition).await);
            match created.await {
                Some(ActOutcome::Done) => break,
                // An answer was lost.
                Some(ActOutcome::Refused(why)) if !is_first && why.contains("already") => break,
                Some(ActOutcome::Refused(why)) => {
                    return self
                        .history
                        .borrow_mut()
                        .check(false, || format!("the run-off was not created: {why}"));
                }
                None => self.pause(200).await,
            }
        }
        self.history.borrow_mut().created(RUN_OFF);
        loop {
            let opened = self.as_administrator(RUN_OFF, async |it| it.open().await);
            match opened.await {
                Some(ActOutcome::Done) => break,
                Some(ActOutcome::Refused(why)) if why.contains("already") => break,
                // A restore has undone the creation.
                Some(ActOutcome::Refused(_)) => return,
                None => self.pause(200).await,
            }
            if !self.history.borrow().is_created(RUN_OFF) {
                return;
            }
        }
        self.history.borrow_mut().opened(RUN_OFF);
        self.pause(latest).await;
        self.close(RUN_OFF).await;
    }

    /// Closes an election, as long as it is open.
    async fn close(&self, election: usize) {
        while self.history.borrow().is_open(election) {
            self.history.borrow_mut().asks_to_close(election);
            match self.as_administrator(election, async |it| it.close().await).await {
                Some(ActOutcome::Done) => return self.history.borrow_mut().closed(election),
                Some(ActOutcome::Refused(why)) if why.contains("closed already") => {
                    return self.history.borrow_mut().closed(election);
                }
                _ => self.pause(200).await,
            }
        }
    }

    async fn as_administrator(
        &self,
        election: usize,
        act: impl AsyncFnOnce(&Administration) -> Result<ActOutcome, Error>,
    ) -> Answered {
        let id = super::elections::id(election);
        self.as_officer(async |officer| act(&officer.administer(id.as_str())).await).await
    }

    async fn as_officer(
        &self,
        act: impl AsyncFnOnce(&ReturningOfficer) -> Result<ActOutcome, Error>,
    ) -> Answered {
        let token: Token = self.server.officer();
        let client = self.connect().await;
        let officer = client.restore(token.as_bytes()).returning_officer();
        timeout(PATIENCE, act(&officer)).await.ok()?.ok()
    }
}
