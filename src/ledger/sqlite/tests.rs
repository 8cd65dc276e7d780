//! How jobs are queued, grouped, answered and shut down.
//!
//! The clock is a gate: every commit of votes reads it, and blocks there until the test opens it.

use std::sync::Mutex;
use std::sync::mpsc as std_mpsc;

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::election::{Choice, Definition, Nonce, Outcome, Refusal, VoterNumber};
use crate::ledger::system_clock;

struct Gated {
    ledger: Arc<SqliteLedger>,
    /// Gets a message when a commit of votes begins.
    begins: mpsc::UnboundedReceiver<()>,
    /// Each message lets one commit go on. Without it, the ledger's thread panics.
    gate: std_mpsc::Sender<()>,
    directory: TempDir,
}

fn id() -> ElectionId {
    "board".parse().unwrap()
}

/// A store with one open election for the voters 1 to 1,000.
fn store(directory: &TempDir) -> Store {
    let mut store = Store::open(directory.path()).unwrap();
    let definition = Definition::new(id(), String::new(), vec!["Ada".into()]).unwrap();
    let numbers = (1..=1_000).map(VoterNumber::from).collect();
    let create = Act::Create(Arc::new(definition));
    store.act(&[create, Act::Issue(id(), numbers), Act::Open(id())], None).unwrap();
    store
}

fn gated() -> Gated {
    let directory = tempfile::tempdir().unwrap();
    let (begun, begins) = mpsc::unbounded_channel();
    let (gate, opened) = std_mpsc::channel();
    let opened = Mutex::new(opened);
    let clock = Arc::new(move || {
        begun.send(()).unwrap();
        opened.lock().unwrap().recv().unwrap();
        Timestamp(0)
    });
    let ledger = SqliteLedger::start(store(&directory), clock).unwrap();
    Gated { ledger: Arc::new(ledger), begins, gate, directory }
}

/// Casts one vote.
async fn cast(ledger: Arc<SqliteLedger>, number: u64) -> Result<Outcome, LedgerError> {
    let choice = Choice::from_index(0).unwrap();
    let nonce = Nonce::from([0; 16]);
    let vote = Vote { election: id(), ballot: choice.into(), number: number.into(), nonce };
    ledger.vote(vec![vote]).await?.remove(0)
}

fn ballots(ledger: &SqliteLedger) -> u64 {
    ledger.snapshots().borrow().elections[0].ballots
}

/// Casts a vote under each of these numbers, so that all are queued.
fn queue(
    ledger: &Arc<SqliteLedger>,
    numbers: impl Iterator<Item = u64>,
) -> Vec<BoxFuture<'static, Result<Outcome, LedgerError>>> {
    let queued = numbers.map(|number| {
        let mut voting = cast(ledger.clone(), number).boxed();
        assert!((&mut voting).now_or_never().is_none());
        voting
    });
    queued.collect()
}

#[tokio::test]
async fn a_vote_is_answered_and_shown_after_its_commit_and_not_before() {
    let Gated { ledger, mut begins, gate, directory: _directory } = gated();
    let mut voting = cast(ledger.clone(), 1).boxed();
    assert!((&mut voting).now_or_never().is_none());
    begins.recv().await.unwrap();
    assert!((&mut voting).now_or_never().is_none());
    assert_eq!(ballots(&ledger), 0);
    gate.send(()).unwrap();
    assert_eq!(voting.await, Ok(Outcome::Recorded));
    assert_eq!(ballots(&ledger), 1);
}

#[tokio::test]
async fn votes_that_queue_during_a_commit_are_the_next_commit() {
    let Gated { ledger, mut begins, gate, directory: _directory } = gated();
    let first = queue(&ledger, 1..=1);
    begins.recv().await.unwrap();
    let queued = queue(&ledger, 2..=101);
    // An act waits for the votes before it, and is before those after it.
    let mut act = ledger.act(vec![Act::Issue(id(), vec![5_000.into()])], None);
    assert!((&mut act).now_or_never().is_none());
    let late = queue(&ledger, 102..=102);
    for _ in 0..3 {
        gate.send(()).unwrap();
    }
    act.await.unwrap();
    for voting in first.into_iter().chain(queued).chain(late) {
        assert_eq!(voting.await, Ok(Outcome::Recorded));
    }
    // Created, issued, opened, one vote, a hundred votes, issued, one vote.
    assert_eq!(ledger.check(id()).await.unwrap().entries, 7);
}

#[tokio::test]
async fn after_a_commit_in_doubt_all_that_is_known_is_answered_and_the_rest_is_refused() {
    let Gated { ledger, mut begins, gate, directory } = gated();
    let refuse = "CREATE TRIGGER no BEFORE INSERT ON ballots WHEN NEW.voter = 3
                  BEGIN SELECT RAISE(ABORT, 'no'); END";
    let other = Connection::open(directory.path().join("ledger.sqlite")).unwrap();
    other.execute_batch(refuse).unwrap();
    let first = queue(&ledger, 1..=1);
    begins.recv().await.unwrap();
    // A commit of which one vote is a retry and one has a wrong number.
    let doubtful = queue(&ledger, 2..=3);
    let retry = queue(&ledger, 1..=1);
    let wrong = queue(&ledger, 5_000..=5_000);
    // Two votes of one number.
    let again = queue(&ledger, 2..=2);
    let mut act = ledger.act(vec![Act::Issue(id(), vec![5_001.into()])], None);
    assert!((&mut act).now_or_never().is_none());
    // So many that some wait for a slot.
    let untried = queue(&ledger, 10..=10 + QUEUE_MAX as u64);
    gate.send(()).unwrap();
    gate.send(()).unwrap();
    let untried = tokio::spawn(futures::future::join_all(untried));
    for voting in first.into_iter().chain(retry) {
        assert_eq!(voting.await, Ok(Outcome::Recorded));
    }
    for voting in wrong {
        assert_eq!(voting.await, Ok(Outcome::Refused(Refusal::UnknownVoterNumber)));
    }
    for voting in doubtful.into_iter().chain(again) {
        let error = voting.await.unwrap_err();
        assert!(!error.is_certain() && error.to_string().contains("no"), "{error}");
    }
    assert_eq!(act.await, Err(LedgerError::Stopped));
    for refused in untried.await.unwrap() {
        assert_eq!(refused, Err(LedgerError::Stopped));
    }
    assert!(LedgerError::Stopped.is_certain());
    ledger.stopped().await;
    assert_eq!(cast(ledger.clone(), 4).await, Err(LedgerError::Stopped));
    assert_eq!(ballots(&ledger), 1);
    assert!(!ledger.shut_down());
    drop(ledger);
    other.execute_batch("DROP TRIGGER no").unwrap();
    drop(other);
    assert_eq!(Store::open(directory.path()).unwrap().snapshot().elections[0].ballots, 1);
}

#[tokio::test]
async fn a_shutdown_does_the_queued_jobs_and_refuses_later_ones() {
    let Gated { ledger, mut begins, gate, directory } = gated();
    let queued = queue(&ledger, 1..=10);
    begins.recv().await.unwrap();
    let shut_down = tokio::task::spawn_blocking({
        let ledger = ledger.clone();
        move || ledger.shut_down()
    });
    for _ in 0..10 {
        // Ten votes are at most ten commits.
        let _ = gate.send(());
    }
    assert!(shut_down.await.unwrap());
    for voting in queued {
        assert_eq!(voting.await, Ok(Outcome::Recorded));
    }
    ledger.stopped().await;
    assert_eq!(cast(ledger.clone(), 11).await, Err(LedgerError::Stopped));
    assert!(ledger.shut_down(), "a second time");
    Store::open(directory.path()).expect("the directory is free");
}

#[tokio::test]
async fn a_dropped_ledger_releases_its_directory() {
    let directory = tempfile::tempdir().unwrap();
    drop(store(&directory));
    for _ in 0..20 {
        let store = Store::open(directory.path()).unwrap();
        let ledger = SqliteLedger::start(store, system_clock()).unwrap();
        let late = ledger.act(Vec::new(), None);
        drop(ledger);
        assert_eq!(late.await, Err(LedgerError::Stopped));
    }
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_calls_without_a_slot_in_the_queue() {
    let Gated { ledger, mut begins, gate, directory: _directory } = gated();
    let first = queue(&ledger, 1..=1);
    begins.recv().await.unwrap();
    let mut waiting: Vec<_> = (0..QUEUE_MAX + 10).map(|_| ledger.act(Vec::new(), None)).collect();
    // Without tokio's budget, which would keep some of them from a free slot.
    tokio::task::unconstrained(async {
        for act in &mut waiting {
            assert!(futures::poll!(act).is_pending());
        }
    })
    .await;
    gate.send(()).unwrap();
    assert!(tokio::task::spawn_blocking(move || ledger.shut_down()).await.unwrap());
    for voting in first {
        assert_eq!(voting.await, Ok(Outcome::Recorded));
    }
    let mut done = 0;
    for act in waiting {
        done += usize::from(act.await.is_ok());
    }
    // All that were queued, and perhaps some that waited for a slot.
    assert!(done >= QUEUE_MAX, "{done}");
}

#[tokio::test]
async fn votes_that_a_panicked_thread_had_taken_have_an_unknown_outcome() {
    let Gated { ledger, mut begins, gate, directory: _directory } = gated();
    let mut queued = queue(&ledger, 1..=1);
    begins.recv().await.unwrap();
    drop(gate);
    let error = queued.remove(0).await.unwrap_err();
    assert!(matches!(error, LedgerError::Unknown(_)) && !error.is_certain());
    assert!(!ledger.shut_down());
    assert!(!ledger.shut_down(), "a second time");
}

#[tokio::test]
async fn a_queued_vote_is_decided_although_its_future_is_dropped() {
    let Gated { ledger, mut begins, gate, directory: _directory } = gated();
    drop(queue(&ledger, 1..=1));
    begins.recv().await.unwrap();
    gate.send(()).unwrap();
    ledger.snapshots().wait_for(|snapshot| snapshot.elections[0].ballots == 1).await.unwrap();
}

#[test]
fn a_ledger_with_candidates_that_look_alike_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    let names = ["Ada", "Ada ", "\u{410}da", "\u{200B}"].map(String::from).to_vec();
    let definition = Definition::new(id(), String::new(), names).unwrap();
    assert!(definition.slate.check_looks().is_err());
    let create = Act::Create(Arc::new(definition.clone()));
    Store::open(directory.path()).unwrap().act(&[create, Act::Open(id())], None).unwrap();
    let store = Store::open(directory.path()).unwrap();
    assert_eq!(*store.snapshot().elections[0].definition, definition);
}
