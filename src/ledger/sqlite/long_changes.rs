//! Long changes, from outside the ledger's thread: each step is a job in its queue, between others.
//!
//! What needs no store is done here, on a thread for blocking work: sorting and hashing.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::ask;
use super::chain::Digest;
use super::group_commit::Job;
use super::rows::ROW_NUMBERS;
use super::steps::{Put, STEP_NUMBERS, Stage};
use super::store::Store;
use crate::election::{ElectionId, TokenHash, VoterNumber};
use crate::ledger::run::Run;
use crate::ledger::{Act, Authorization, LedgerError};
use crate::threads::background;

/// The pause after each step: votes have most of the ledger's time, and few of them wait for a step.
const STEP_PAUSE: Duration = Duration::from_millis(8);

/// What one step does with the store. It returns what answers it, which is called once the change
/// is published.
pub(super) struct Step(Box<dyn FnOnce(&mut Store) -> Reply + Send>);

/// What answers a step.
pub(super) type Reply = Box<dyn FnOnce() + Send>;

impl Step {
    fn new<T: Send + 'static>(
        step: impl FnOnce(&mut Store) -> Result<T, LedgerError> + Send + 'static,
        answer: oneshot::Sender<Result<T, LedgerError>>,
    ) -> Self {
        Self(Box::new(move |store| {
            let done = step(store);
            Box::new(move || drop(answer.send(done)))
        }))
    }

    /// Does the step. Returns what answers it.
    pub(super) fn run(self, store: &mut Store) -> Reply {
        (self.0)(store)
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Step(..)")
    }
}

/// Where the steps of long changes go. Clones share the permit for one change at a time.
#[derive(Debug, Clone)]
pub(super) struct LongChanges {
    jobs: mpsc::Sender<Job>,
    one: Arc<Semaphore>,
    /// Of all voids, one at a time waits for `one`: issues wait for no more of them.
    voids: Arc<Semaphore>,
}

/// `None` would mean that the semaphore is closed, which it never is.
type Permit = Option<OwnedSemaphorePermit>;

impl LongChanges {
    pub(super) fn new(jobs: mpsc::Sender<Job>) -> Self {
        let [one, voids] = [(); 2].map(|()| Arc::new(Semaphore::new(1)));
        Self { jobs, one, voids }
    }

    /// Waits until no other long change is being made. Whatever issues numbers waits for this: rows
    /// of two issues must not be mixed.
    pub(super) async fn permit(&self) -> Permit {
        self.one.clone().acquire_owned().await.ok()
    }

    /// Issues many numbers.
    pub(super) async fn issue(
        self,
        election: ElectionId,
        numbers: Vec<VoterNumber>,
        under: Option<Authorization>,
        permit: Permit,
    ) -> Result<(), LedgerError> {
        let issued = background::run(move || {
            let _permit = permit;
            let issued = self.stage_and_put(election, numbers, under);
            if issued.is_err() {
                // What cannot be removed is removed before the next issue, or at the next start.
                while self.step(Store::abandon_some).unwrap_or(false) {}
            }
            issued
        });
        issued.await.map_err(|_| LedgerError::unanswered())?
    }

    /// Voids the unused numbers that were issued under a link.
    pub(super) async fn void(
        self,
        election: ElectionId,
        token: TokenHash,
        under: Option<Authorization>,
    ) -> Result<u64, LedgerError> {
        let begin = move |store: &mut Store| store.begin_void(&election, &token, under.as_ref());
        // At once: an issue under the link that is being made ends by this, so these are all rows.
        let begun = ask(self.jobs.clone(), |answer| Job::Step(Step::new(begin, answer)));
        let steps = begun.await?;
        let turn = self.voids.clone().acquire_owned().await.ok();
        let permit = self.permit().await;
        let voided = background::run(move || {
            let _permits = (turn, permit);
            let mut voided = 0;
            for rows in steps {
                let here = self.step(move |store| store.void_rows(&rows))?;
                voided += here;
                if here > 0 {
                    thread::sleep(STEP_PAUSE);
                }
            }
            Ok(voided)
        });
        voided.await.map_err(|_| LedgerError::unanswered())?
    }

    fn stage_and_put(
        &self,
        election: ElectionId,
        numbers: Vec<VoterNumber>,
        under: Option<Authorization>,
    ) -> Result<(), LedgerError> {
        while self.step(Store::abandon_some)? {}
        let all = numbers.len();
        let Some(run) = Run::sorted(numbers) else {
            let refusal = crate::election::ChangeRefusal::NumberTaken;
            return Err(crate::ledger::ActRefusal::NotAllowed { election, refusal }.into());
        };
        let (mut digest, mut rows, mut is_first) = (Digest::new(), None, true);
        let mut numbers = run.blocks().flatten().copied();
        loop {
            let ascending: Vec<_> = numbers.by_ref().take(STEP_NUMBERS).collect();
            if ascending.is_empty() {
                break;
            }
            ascending.chunks(ROW_NUMBERS).for_each(|row| digest.row(row));
            let (election, under) = (election.clone(), under.clone());
            let stage = Stage { election, ascending, all, is_first, under };
            let staged = self.step(move |store| store.stage(&stage))?;
            rows = match (rows, staged) {
                (Some((first, _)), Some((_, last))) => Some((first, last)),
                (before, staged) => before.or(staged),
            };
            is_first = false;
            thread::sleep(STEP_PAUSE);
        }
        drop(numbers);
        let put = Put { election, run, rows, digest, under };
        self.step(move |store| store.put(put))
    }

    /// Has the ledger's thread do a step, and waits for its answer.
    fn step<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut Store) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let (answer, answered) = oneshot::channel();
        let step = Job::Step(Step::new(step, answer));
        self.jobs.blocking_send(step).map_err(|_| LedgerError::Stopped)?;
        answered.blocking_recv().map_err(|_| LedgerError::unanswered())?
    }
}

/// The election and the numbers, if these acts are one issue of so many that it is made in steps.
pub(super) fn large_issue(acts: Vec<Act>) -> Result<(ElectionId, Vec<VoterNumber>), Vec<Act>> {
    match <[Act; 1]>::try_from(acts) {
        Ok([Act::Issue(election, numbers)]) if numbers.len() > STEP_NUMBERS => {
            Ok((election, numbers))
        }
        Ok([act]) => Err(vec![act]),
        Err(acts) => Err(acts),
    }
}
