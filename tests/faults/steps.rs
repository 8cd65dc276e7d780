//! A fault at every step of a term: what was answered `recorded` or closed stays, what was refused
//! is not stored, and the ledger opens again.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use capvote::election::{
    Choice, Definition, ElectionId, ElectionState, Nonce, Outcome, Refusal, Timestamp, Vote,
};
use capvote::ledger::sqlite::Store;
use capvote::ledger::{Act, LedgerError};
use capvote_soak::disk::{Disk, Fault, Operation, open_store};
use capvote_soak::histories::scratch;
use rusqlite::Connection;

const FAULTS: [Fault; 4] = [Fault::Fails, Fault::Torn, Fault::Full, Fault::PowerCut];

/// An answer of the ledger.
type Answer<T> = Result<T, LedgerError>;

/// The answers of a term: an open election from its first vote to its close.
struct Term {
    votes: Vec<(Vote, Answer<Outcome>)>,
    closed: Answer<()>,
}

fn board() -> ElectionId {
    "board".parse().unwrap()
}

fn vote(number: u64) -> Vote {
    let choice = Choice::from_index(number as usize % 2).unwrap();
    Vote {
        election: board(),
        ballot: choice.into(),
        number: number.into(),
        nonce: Nonce::from([number as u8; 16]),
    }
}

/// Creates and opens an election with the numbers 1 to 100.
fn open_election(folder: &Path) {
    let definition = Definition::new(board(), String::new(), vec!["Ada".into(), "Grace".into()]);
    let numbers = (1..=100).map(Into::into).collect();
    let mut ledger = Store::open(folder).unwrap();
    let create = Act::Create(Arc::new(definition.unwrap()));
    ledger.act(&[create, Act::Issue(board(), numbers), Act::Open(board())], None).unwrap();
}

/// Opens a ledger, and makes four commits and a close. Returns the ledger too, if it opened.
fn term(folder: &Path) -> (Option<Store>, Term) {
    let mut term = Term { votes: Vec::new(), closed: Err(LedgerError::Unknown("not open".into())) };
    let Ok(mut ledger) = open_store(folder) else { return (None, term) };
    let mut stopped = false;
    let mut check = |error: Option<&LedgerError>| {
        // After an unknown outcome the ledger refuses everything, and only then.
        assert_eq!(stopped, matches!(error, Some(LedgerError::Stopped)), "{error:?}");
        stopped |= matches!(error, Some(LedgerError::Unknown(_)));
    };
    for numbers in [1..=3, 4..=4, 1..=6, 7..=20] {
        let votes: Vec<_> = numbers.map(vote).collect();
        match ledger.vote(&votes, Timestamp(0)) {
            Ok(outcomes) => {
                check(None);
                term.votes.extend(votes.into_iter().zip(outcomes.into_iter().map(Ok)));
            }
            Err(error) => {
                check(Some(&error));
                term.votes.extend(votes.into_iter().map(|vote| (vote, Err(error.clone()))));
            }
        }
    }
    term.closed = ledger.act(&[Act::Close(board())], None);
    check(term.closed.as_ref().err());
    (Some(ledger), term)
}

/// Checks the ledger on a disk against the answers of the term.
fn check(folder: &Path, disk: &Disk, term: &Term, what: &str) {
    let mut ledger = open_store(folder).unwrap_or_else(|error| panic!("{what}: {error}"));
    let closed = ledger.snapshot().elections[0].state == ElectionState::Closed;
    assert!(closed || term.closed.is_err(), "{what}: the close is lost");
    let before = ledger.snapshot().elections[0].ballots;
    let mut ballots = before;
    let report = ledger.reader().check(&board()).unwrap();
    assert_eq!(report.ballots, before, "{what}");
    for number in 1..=20 {
        // While the election is open, another vote under the number shows whether one is stored.
        let other = Vote { nonce: Nonce::from([99; 16]), ..vote(number) };
        if term.was_recorded(number) {
            let again = ledger.vote(&[vote(number)], Timestamp(0)).unwrap();
            assert_eq!(again, [Outcome::Recorded], "{what}: the vote of {number}");
            // Had the vote been lost, the retry would be counted.
            assert_eq!(
                ledger.snapshot().elections[0].ballots,
                ballots,
                "{what}: the vote of {number}"
            );
            if !closed {
                let other = ledger.vote(&[other], Timestamp(0)).unwrap();
                assert_eq!(other, [Outcome::Refused(Refusal::AlreadyVoted)], "{what}: {number}");
            }
        } else if term.was_refused(number) && !closed {
            let other = ledger.vote(&[other], Timestamp(0)).unwrap();
            assert!(matches!(other[..], [Outcome::Recorded]), "{what}: {number} was refused");
            ballots = ledger.snapshot().elections[0].ballots;
        }
    }
    let at_least = (1..=20).filter(|number| term.was_recorded(*number)).count() as u64;
    assert!((at_least..=20).contains(&before), "{what}: {before} ballots");
    // Prevents the writes of a clean shutdown.
    disk.cut_power();
}

impl Term {
    fn answers(&self, number: u64) -> impl Iterator<Item = &Answer<Outcome>> {
        let votes = self.votes.iter().filter(move |(vote, _)| vote.number == number.into());
        votes.map(|(_, answer)| answer)
    }

    fn was_recorded(&self, number: u64) -> bool {
        self.answers(number).any(|answer| matches!(answer, Ok(Outcome::Recorded)))
    }

    /// Whether each vote under the number was certainly not stored.
    fn was_refused(&self, number: u64) -> bool {
        let mut answers = self.answers(number).peekable();
        answers.peek().is_some()
            && answers.all(|answer| answer.as_ref().is_err_and(LedgerError::is_certain))
    }
}

/// Injects a fault at one write, sync or truncation, by its number. Returns a counter of these
/// steps.
fn break_at(disk: &Disk, step: usize, fault: Fault) -> Arc<AtomicUsize> {
    let steps = Arc::new(AtomicUsize::new(0));
    let counted = steps.clone();
    disk.plan(move |operation, _| {
        let counts = operation != Operation::Read;
        (counts && counted.fetch_add(1, Ordering::Relaxed) == step).then_some(fault)
    });
    steps
}

/// Runs a term with a fault at one step in the folder `here`, and crashes the server. Returns the
/// disk after that, in the folder `there`, and whether there is such a step.
fn break_in_term(
    (here, there): (&Path, &Path),
    step: usize,
    fault: Fault,
    killed: bool,
) -> (Arc<Disk>, Term, bool) {
    open_election(here);
    std::fs::create_dir(there).unwrap();
    let disk = Disk::new(here, step as u64).unwrap();
    let steps = break_at(&disk, step, fault);
    let (ledger, term) = term(here);
    disk.cut_power();
    let left = if killed { disk.after_kill(here, there) } else { disk.after_power_cut(there) };
    drop(ledger);
    (left.unwrap(), term, steps.load(Ordering::Relaxed) > step)
}

/// Runs a term with a fault at one step, and checks the disk after the crash. Returns whether there
/// is such a step.
fn with_fault(step: usize, fault: Fault, killed: bool) -> bool {
    let what = format!("{fault:?} at step {step}, killed: {killed}");
    let scratch = tempfile::tempdir_in(scratch()).unwrap();
    let [here, there, last] = ["here", "there", "last"].map(|name| scratch.path().join(name));
    let (disk, term, broke) = break_in_term((&here, &there), step, fault, killed);
    check(&there, &disk, &term, &what);
    // The check read the ledger after a kill; what it read must survive a power cut too.
    std::fs::create_dir(&last).unwrap();
    let disk = disk.after_power_cut(&last).unwrap();
    check(&last, &disk, &term, &what);
    broke
}

/// Runs a term in which one step fails, kills the server, restarts it with a fault at one step of
/// the start, and cuts the power. Returns whether the term has such a step, and how many steps the
/// start had.
fn with_fault_at_start(step: usize, cut: usize, fault: Fault) -> (bool, usize) {
    let what = format!("failure at step {step}, {fault:?} at step {cut} of the start");
    let scratch = tempfile::tempdir_in(scratch()).unwrap();
    let [here, there, last] = ["here", "there", "last"].map(|name| scratch.path().join(name));
    let (disk, term, broke) = break_in_term((&here, &there), step, Fault::Fails, true);
    let steps = break_at(&disk, cut, fault);
    drop(open_store(&there));
    disk.cut_power();
    std::fs::create_dir(&last).unwrap();
    let disk = disk.after_power_cut(&last).unwrap();
    check(&last, &disk, &term, &what);
    (broke, steps.load(Ordering::Relaxed))
}

#[test]
fn a_fault_at_any_step_loses_nothing_that_was_acknowledged() {
    for killed in [false, true] {
        for fault in FAULTS {
            let steps = (0..).take_while(|step| with_fault(*step, fault, killed)).count();
            println!("{steps} steps with {fault:?}, killed: {killed}");
            assert!(steps > 20, "{steps}");
        }
    }
}

#[test]
fn a_fault_in_the_restart_after_a_fault_loses_nothing_that_was_acknowledged() {
    // Every step of every start, with one of the two faults.
    let starts_after = |first: usize| {
        let mut starts = 0;
        'steps: for step in (first..).step_by(2) {
            for cut in 0.. {
                let fault = [Fault::PowerCut, Fault::Fails][(step / 2 + cut) % 2];
                let (broke, steps) = with_fault_at_start(step, cut, fault);
                if !broke {
                    break 'steps;
                }
                starts += 1;
                if steps <= cut {
                    break;
                }
            }
        }
        assert!(starts > 80, "{starts} starts after failures at every second step from {first}");
    };
    // This takes long, so both halves at once.
    thread::scope(|scope| {
        scope.spawn(|| starts_after(0));
        scope.spawn(|| starts_after(1));
    });
}

#[test]
fn a_ballot_that_cannot_be_read_leaves_its_own_vote_unknown_and_no_other() {
    let scratch = tempfile::tempdir_in(scratch()).unwrap();
    let folder = scratch.path().join("board");
    open_election(&folder);
    let disk = Disk::new(&folder, 0).unwrap();
    let mut ledger = open_store(&folder).unwrap();
    ledger.vote(&(1..=20).map(vote).collect::<Vec<_>>(), Timestamp(0)).unwrap();
    // Empties the ledger's page cache.
    let other = Connection::open(folder.join("ledger.sqlite")).unwrap();
    other.execute_batch("CREATE TABLE other (n); DROP TABLE other").unwrap();
    let mut broke = false;
    disk.plan(move |operation, _| {
        let first = operation == Operation::Read && !broke;
        broke |= first;
        first.then_some(Fault::Fails)
    });
    let decisions = ledger.vote_each(&[vote(1), vote(50), vote(200)], Timestamp(0)).unwrap();
    assert!(matches!(decisions[0], Err(LedgerError::Unreadable(_))), "{decisions:?}");
    assert_eq!(decisions[1], Ok(Outcome::Recorded));
    assert_eq!(decisions[2], Ok(Outcome::Refused(Refusal::UnknownVoterNumber)));
    assert!(!ledger.is_in_doubt());
    assert_eq!(ledger.vote(&[vote(1)], Timestamp(0)), Ok(vec![Outcome::Recorded]));
}

#[test]
fn a_ledger_with_a_failing_read_does_not_open_and_is_not_damaged() {
    let scratch = tempfile::tempdir_in(scratch()).unwrap();
    let folder = scratch.path().join("board");
    open_election(&folder);
    let mut ledger = Store::open(&folder).unwrap();
    ledger.vote(&(1..=20).map(vote).collect::<Vec<_>>(), Timestamp(0)).unwrap();
    drop(ledger);
    let disk = Disk::new(&folder, 0).unwrap();
    for step in 0.. {
        let mut reads = 0;
        disk.plan(move |operation, name| {
            reads += usize::from(operation == Operation::Read && name == "ledger.sqlite");
            (reads == step + 1).then_some(Fault::Fails)
        });
        let error = open_store(&folder).err();
        disk.repair();
        let ledger = open_store(&folder).unwrap();
        assert_eq!(ledger.snapshot().elections[0].ballots, 20, "after {step}");
        let Some(error) = error else {
            assert!(step > 3, "{step}");
            return;
        };
        assert!(error.to_string().contains("ledger.sqlite"), "{error}");
    }
}
