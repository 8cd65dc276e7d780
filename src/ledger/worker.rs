//! The thread of a ledger: how it is asked, and how it ends.

use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use super::LedgerError;

/// A thread that returns whether it ended well, and what it takes to tell it to end.
pub(super) struct Worker<E>(Mutex<State<E>>);

struct State<E> {
    running: Option<(JoinHandle<bool>, E)>,
    /// Whether it ended by a fault.
    failed: bool,
}

impl<E> Worker<E> {
    /// No thread.
    pub(super) fn none() -> Self {
        Self(Mutex::new(State { running: None, failed: false }))
    }

    /// A running thread.
    pub(super) fn of(thread: JoinHandle<bool>, end: E) -> Self {
        Self(Mutex::new(State { running: Some((thread, end)), failed: false }))
    }

    /// Tells the thread to end, and waits for it. Returns whether it ended well. A second call
    /// waits for the first, and returns the same.
    pub(super) fn end(&self, tell: impl FnOnce(E)) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((thread, end)) = state.running.take() {
            tell(end);
            state.failed = !thread.join().unwrap_or(false);
        }
        !state.failed
    }
}

/// Queues a job and awaits its answer.
pub(super) async fn ask<T, J>(
    jobs: mpsc::Sender<J>,
    job: impl FnOnce(oneshot::Sender<Result<T, LedgerError>>) -> J,
) -> Result<T, LedgerError> {
    let (answer, answered) = oneshot::channel();
    jobs.send(job(answer)).await.map_err(|_| LedgerError::Stopped)?;
    answered.await.map_err(|_| LedgerError::unanswered())?
}
