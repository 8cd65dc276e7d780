//! The clerk: one thread that owns the ledger and commits in groups.
//!
//! Votes queue up while the clerk waits for a sync; it then takes all that are waiting, up to a maximum,
//! and commits them with one sync. Alone, a vote waits for its own sync and nothing else; under load the
//! groups grow by themselves. There is no timer.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::SystemTime;

use tokio::sync::{mpsc, oneshot, watch};

use super::desk::{Board, ClerkError, Clock, Desk, Job, Mandate};
use super::{Act, Ledger, LedgerReader, Metrics};
use crate::election::{ElectionId, Outcome, Standing, Timestamp, Vote};

/// Jobs that may wait for the clerk: acts, and votes that were handed in together. Whoever comes next waits to
/// join the queue.
pub const QUEUE_MAX: usize = 256;

/// The time of the machine.
pub fn system_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    // A machine whose clock stands before 1970 has not learnt the time yet.
    Timestamp(since.map_or(0, |since| since.as_secs()))
}

/// A ledger at work.
///
/// Dropping a clerk is [finishing](Self::finish) it, and blocks for as long as that takes: the ledger is closed
/// afterwards, and can be opened again, though handles are about.
#[derive(Debug)]
pub struct Clerk {
    /// Until it is finished: the clerk's thread, and a place in its queue for the word to finish.
    at_work: Option<(thread::JoinHandle<()>, mpsc::OwnedPermit<Job>)>,
    handle: ClerkHandle,
}

/// The way to a clerk, for any thread. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ClerkHandle {
    jobs: mpsc::Sender<Job>,
    board: watch::Receiver<Arc<Board>>,
    reader: Arc<dyn LedgerReader>,
    metrics: Metrics,
}

/// What becomes of votes that were handed in together.
pub type Decided = oneshot::Receiver<Result<Vec<Outcome>, ClerkError>>;

impl Clerk {
    /// Puts a ledger in the hands of a new thread, which looks at `clock` for the time.
    ///
    /// # Errors
    /// Where the machine has no more threads.
    pub fn start(ledger: impl Ledger + 'static, clock: Clock) -> io::Result<Self> {
        let (handle, desk) = desk(ledger, clock);
        let place = handle.jobs.clone().try_reserve_owned().map_err(io::Error::other)?;
        let work = move || futures::executor::block_on(desk.work());
        let thread = thread::Builder::new().name("clerk".into()).spawn(work)?;
        Ok(Self { at_work: Some((thread, place)), handle })
    }

    /// A clerk without a thread: what to hand its jobs to, and its work, which blocks while it commits. For whoever
    /// decides when it gets to work, such as a simulation.
    pub fn without_thread(
        ledger: impl Ledger + 'static,
        clock: Clock,
    ) -> (ClerkHandle, impl Future<Output = ()>) {
        let (handle, desk) = desk(ledger, clock);
        (handle, desk.work())
    }

    /// The way to this clerk.
    pub fn handle(&self) -> ClerkHandle {
        self.handle.clone()
    }

    /// Lets the clerk do what is queued and close the ledger, and waits for that. Whoever comes later, by
    /// whatever handle, is told that the server is stopping. Blocks. Returns whether the clerk worked to the
    /// end.
    pub fn finish(mut self) -> bool {
        self.end()
    }

    fn end(&mut self) -> bool {
        let Some((thread, place)) = self.at_work.take() else { return true };
        // Where the queue is closed, the clerk has stopped already.
        place.send(Job::Finish);
        thread.join().is_ok()
    }
}

impl Drop for Clerk {
    fn drop(&mut self) {
        self.end();
    }
}

fn desk<L: Ledger>(ledger: L, clock: Clock) -> (ClerkHandle, Desk<L>) {
    // One more place, which is kept for the word to finish.
    let (jobs, queue) = mpsc::channel(QUEUE_MAX + 1);
    let (publisher, board) = watch::channel(Arc::new(Board::of(&ledger)));
    let reader = ledger.reader();
    let metrics = Metrics::new();
    let desk = Desk { ledger, clock, queue, publisher, metrics: metrics.clone() };
    (ClerkHandle { jobs, board, reader, metrics }, desk)
}

impl ClerkHandle {
    /// Hands in votes, and returns once the clerk has them. What became of each, in the same order, is told
    /// once it is on stable storage.
    ///
    /// Votes that were handed in are decided even when the receiver is dropped.
    ///
    /// # Errors
    /// [`ClerkError::Stopped`] where there is no clerk any more.
    pub async fn hand_in(&self, votes: Vec<Vote>) -> Result<Decided, ClerkError> {
        let (answer, decided) = oneshot::channel();
        self.jobs.send(Job::Votes(votes, answer)).await.map_err(|_| ClerkError::Stopped)?;
        Ok(decided)
    }

    /// Makes these changes, all or none, and returns once they are on stable storage.
    ///
    /// # Errors
    /// [`ClerkError`]: the rules say no, the ledger did not store it, or the clerk has stopped.
    pub async fn administer(&self, acts: Vec<Act>) -> Result<(), ClerkError> {
        self.do_acts(acts, None).await
    }

    /// The same, if `mandate` is in force when it is their turn: what waits behind a revocation is not done.
    ///
    /// # Errors
    /// As [`administer`](Self::administer), and where the mandate is not in force.
    pub async fn administer_under(
        &self,
        mandate: Mandate,
        acts: Vec<Act>,
    ) -> Result<(), ClerkError> {
        self.do_acts(acts, Some(mandate)).await
    }

    /// Gives the ledger occasion to finish what it could not at once.
    pub async fn tidy(&self) {
        // A clerk that has stopped has closed the ledger, which is tidied when it is opened.
        let _ = self.jobs.send(Job::Tidy).await;
    }

    /// Every election as it stands on stable storage. A vote whose outcome is known is in it.
    pub fn board(&self) -> Arc<Board> {
        self.board.borrow().clone()
    }

    /// One election as it stands on stable storage.
    pub fn standing(&self, election: &ElectionId) -> Option<Arc<Standing>> {
        self.board
            .borrow()
            .elections
            .iter()
            .find(|standing| standing.definition.id == *election)
            .cloned()
    }

    /// Tells of every change of the board. A slow reader sees the newest and skips what came between.
    pub fn changes(&self) -> watch::Receiver<Arc<Board>> {
        self.board.clone()
    }

    /// Returns when the clerk has stopped, whether or not it was told to.
    pub async fn stopped(&self) {
        self.jobs.closed().await;
    }

    /// A way to read what is stored that does not hold up the commits. Blocking.
    pub fn reader(&self) -> Arc<dyn LedgerReader> {
        self.reader.clone()
    }

    /// What the clerk has done so far, in figures.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    async fn do_acts(&self, acts: Vec<Act>, under: Option<Mandate>) -> Result<(), ClerkError> {
        let (answer, done) = oneshot::channel();
        let job = Job::Administer(acts, under, answer);
        self.jobs.send(job).await.map_err(|_| ClerkError::Stopped)?;
        done.await.map_err(|_| ClerkError::Unknown)?
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc as std_mpsc;

    use super::*;
    use crate::election::{Choice, Definition, Grants, Nonce, Refusal};
    use crate::ledger::{LedgerError, Report, SheetPart, SheetPlace, SqliteLedger};

    /// A ledger whose commits wait until they are let through, and tell how many votes they have.
    struct Gated {
        begun: mpsc::UnboundedSender<usize>,
        gate: std_mpsc::Receiver<Result<(), LedgerError>>,
        recorded: u64,
    }

    impl Ledger for Gated {
        fn commit(&mut self, votes: &[Vote], _: Timestamp) -> Result<Vec<Outcome>, LedgerError> {
            self.begun.send(votes.len()).unwrap();
            self.gate.recv().unwrap()?;
            self.recorded += votes.len() as u64;
            Ok(vec![Outcome::Refused(Refusal::Closed); votes.len()])
        }

        fn administer(&mut self, _: &[Act]) -> Result<(), LedgerError> {
            self.begun.send(0).unwrap();
            self.gate.recv().unwrap()
        }

        fn tidy(&mut self) {}

        fn standings(&self) -> Vec<Arc<Standing>> {
            let definition = Definition::new(id(), String::new(), vec!["Ada".into()]).unwrap();
            let mut standing = crate::election::BallotBox::new(Arc::new(definition)).standing();
            standing.ballots = self.recorded;
            vec![Arc::new(standing)]
        }

        fn grants(&self) -> Arc<Grants> {
            Arc::default()
        }

        fn reader(&self) -> Arc<dyn LedgerReader> {
            Arc::new(NoReader)
        }
    }

    /// Nothing is read in these tests.
    #[derive(Debug)]
    struct NoReader;

    impl LedgerReader for NoReader {
        fn check(&self, election: &ElectionId) -> Result<Report, LedgerError> {
            Err(LedgerError::NoSuchElection(election.clone()))
        }

        fn sheet(
            &self,
            election: &ElectionId,
            _: SheetPlace,
            _: usize,
        ) -> Result<SheetPart, LedgerError> {
            Err(LedgerError::NoSuchElection(election.clone()))
        }
    }

    type Gate = std_mpsc::Sender<Result<(), LedgerError>>;

    fn gated() -> (Clerk, mpsc::UnboundedReceiver<usize>, Gate) {
        let (begun, begins) = mpsc::unbounded_channel();
        let (open, gate) = std_mpsc::channel();
        let ledger = Gated { begun, gate, recorded: 0 };
        (Clerk::start(ledger, Box::new(system_clock)).unwrap(), begins, open)
    }

    /// Hands in one vote, and returns what became of it.
    async fn cast(handle: &ClerkHandle) -> Result<Outcome, ClerkError> {
        let decided = handle.hand_in(vec![vote()]).await?;
        Ok(decided.await.map_err(|_| ClerkError::Unknown)??[0])
    }

    fn id() -> ElectionId {
        "board".parse().unwrap()
    }

    fn vote() -> Vote {
        let choice = Choice::from_index(0).unwrap();
        Vote { election: id(), choice, number: 1.into(), nonce: Nonce::from([0; 16]) }
    }

    #[tokio::test]
    async fn nobody_is_answered_and_nothing_shown_before_the_commit_is_done() {
        let (clerk, mut begins, gate) = gated();
        let handle = clerk.handle();
        let mut voting = std::pin::pin!(cast(&handle));
        assert!(futures::poll!(&mut voting).is_pending());
        assert_eq!(begins.recv().await, Some(1));
        assert!(futures::poll!(&mut voting).is_pending());
        assert_eq!(handle.board().elections[0].ballots, 0);
        gate.send(Ok(())).unwrap();
        voting.await.unwrap();
        assert_eq!(handle.board().elections[0].ballots, 1);
    }

    #[tokio::test]
    async fn what_queues_during_a_commit_goes_into_the_next_as_one() {
        let (clerk, mut begins, gate) = gated();
        let handle = clerk.handle();
        let first = tokio::spawn({
            let handle = handle.clone();
            async move { cast(&handle).await }
        });
        assert_eq!(begins.recv().await, Some(1));
        let mut queued: Vec<_> = (0..100).map(|_| Box::pin(cast(&handle))).collect();
        for voting in &mut queued {
            assert!(futures::poll!(voting).is_pending());
        }
        // An act waits for the votes before it.
        let mut act = std::pin::pin!(handle.administer(Vec::new()));
        assert!(futures::poll!(&mut act).is_pending());
        for _ in 0..3 {
            gate.send(Ok(())).unwrap();
        }
        assert_eq!((begins.recv().await, begins.recv().await), (Some(100), Some(0)));
        first.await.unwrap().unwrap();
        for voting in queued {
            voting.await.unwrap();
        }
        act.await.unwrap();
    }

    #[tokio::test]
    async fn a_failed_commit_fails_its_votes_and_no_others() {
        let (clerk, _begins, gate) = gated();
        let handle = clerk.handle();
        gate.send(Err(LedgerError::NotStored("the disk is full".into()))).unwrap();
        let error = cast(&handle).await.unwrap_err();
        assert!(error.to_string().contains("the disk is full"), "{error}");
        assert_eq!(handle.board().elections[0].ballots, 0);
        gate.send(Ok(())).unwrap();
        cast(&handle).await.unwrap();
    }

    #[tokio::test]
    async fn a_clerk_does_what_is_queued_and_stops_though_handles_are_about() {
        let (clerk, mut begins, gate) = gated();
        let handle = clerk.handle();
        let mut queued: Vec<_> = (0..10).map(|_| Box::pin(cast(&handle))).collect();
        for voting in &mut queued {
            assert!(futures::poll!(voting).is_pending());
        }
        assert!(begins.recv().await.is_some());
        let finished = tokio::task::spawn_blocking(|| clerk.finish());
        for _ in 0..10 {
            // Ten votes are at most ten commits; a gate that is not needed is no error.
            let _ = gate.send(Ok(()));
        }
        assert!(finished.await.unwrap());
        for voting in queued {
            voting.await.unwrap();
        }
        let late = cast(&handle).await.unwrap_err();
        assert!(matches!(late, ClerkError::Stopped), "{late:?}");
    }

    #[tokio::test]
    async fn a_clerk_that_is_dropped_closes_its_ledger_though_handles_are_about() {
        let directory = tempfile::tempdir().unwrap();
        for _ in 0..20 {
            let ledger = SqliteLedger::open(directory.path()).unwrap();
            let clerk = Clerk::start(ledger, Box::new(system_clock)).unwrap();
            let handle = clerk.handle();
            drop(clerk);
            assert!(matches!(cast(&handle).await, Err(ClerkError::Stopped)));
        }
    }

    #[tokio::test]
    async fn a_clerk_that_is_dropped_waits_for_nobody_who_waits_for_a_place() {
        let (clerk, _begins, gate) = gated();
        let handle = clerk.handle();
        let mut waiting: Vec<_> =
            (0..QUEUE_MAX + 10).map(|_| Box::pin(handle.administer(Vec::new()))).collect();
        let ask = async {
            for act in &mut waiting {
                assert!(futures::poll!(act).is_pending());
            }
        };
        tokio::task::unconstrained(ask).await;
        for _ in &waiting {
            gate.send(Ok(())).unwrap();
        }
        drop(clerk);
        let mut done = 0;
        for act in waiting {
            done += usize::from(act.await.is_ok());
        }
        // All that had a place, and it may be the first of those who waited for one.
        assert!(done >= QUEUE_MAX, "{done}");
    }

    #[tokio::test]
    async fn a_clerk_that_dies_leaves_no_one_in_false_certainty() {
        let (clerk, mut begins, gate) = gated();
        let handle = clerk.handle();
        let mut voting = std::pin::pin!(cast(&handle));
        assert!(futures::poll!(&mut voting).is_pending());
        begins.recv().await.unwrap();
        // Without its gate the ledger of these tests panics.
        drop(gate);
        let error = voting.await.unwrap_err();
        assert!(matches!(error, ClerkError::Unknown) && !error.is_certain());
        assert!(!tokio::task::spawn_blocking(|| clerk.finish()).await.unwrap());
    }

    #[tokio::test]
    async fn a_vote_that_was_handed_in_is_decided_though_the_voter_leaves() {
        let (clerk, mut begins, gate) = gated();
        let handle = clerk.handle();
        {
            let mut voting = std::pin::pin!(cast(&handle));
            assert!(futures::poll!(&mut voting).is_pending());
        }
        assert_eq!(begins.recv().await, Some(1));
        gate.send(Ok(())).unwrap();
        handle.changes().wait_for(|board| board.elections[0].ballots == 1).await.unwrap();
    }
}
