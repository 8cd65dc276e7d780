//! A fault at every step of a term: what was told stands, what was refused does not, and the ledger
//! opens again.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use capvote::election::{
    Choice, Definition, ElectionId, ElectionState, Nonce, Outcome, Refusal, Timestamp, Vote,
};
use capvote::ledger::sqlite::Store;
use capvote::ledger::{Act, LedgerError};
use capvote_soak::disk::{Disk, Fault, Operation, open_store};
use capvote_soak::histories::scratch;

const FAULTS: [Fault; 4] = [Fault::Fails, Fault::Torn, Fault::Full, Fault::PowerCut];

/// What the ledger said to one thing that it was asked.
type Told<T> = Result<T, LedgerError>;

/// A term, as far as it came.
struct Term {
    votes: Vec<(Vote, Told<Outcome>)>,
    closed: Told<()>,
}

fn board() -> ElectionId {
    "board".parse().unwrap()
}

fn vote(number: u64) -> Vote {
    let choice = Choice::from_index(number as usize % 2).unwrap();
    Vote {
        election: board(),
        choice,
        number: number.into(),
        nonce: Nonce::from([number as u8; 16]),
    }
}

/// An election that is open for the voters 1 to 100.
fn found(folder: &Path) {
    let definition = Definition::new(board(), String::new(), vec!["Ada".into(), "Grace".into()]);
    let numbers = (1..=100).map(Into::into).collect();
    let mut ledger = Store::open(folder).unwrap();
    let create = Act::Create(Arc::new(definition.unwrap()));
    ledger.act(&[create, Act::Issue(board(), numbers), Act::Open(board())], None).unwrap();
}

/// Opens a ledger, and lets four commits and a close happen. Returns the ledger as well, if it
/// opened.
fn term(folder: &Path) -> (Option<Store>, Term) {
    let mut term = Term { votes: Vec::new(), closed: Err(LedgerError::Unknown("not open".into())) };
    let Ok(mut ledger) = open_store(folder) else { return (None, term) };
    let mut stopped = false;
    let mut check = |error: Option<&LedgerError>| {
        // Nothing is taken any more once it is not known what is on the disk.
        assert!(!stopped || matches!(error, Some(LedgerError::Unknown(_))), "{error:?}");
        stopped |= matches!(error, Some(LedgerError::Unknown(_)));
        if let Some(error @ LedgerError::Unknown(_)) = error {
            let why = "takes no more until the server is started again";
            assert!(error.to_string().contains(why), "{error}");
        }
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
                let again = |_| match &error {
                    LedgerError::NotStored(why) => LedgerError::NotStored(why.clone()),
                    other => LedgerError::Unknown(other.to_string()),
                };
                let told = votes.into_iter().map(|vote| (vote, Err(again(()))));
                term.votes.extend(told.collect::<Vec<_>>());
            }
        }
    }
    term.closed = ledger.act(&[Act::Close(board())], None);
    check(term.closed.as_ref().err());
    (Some(ledger), term)
}

/// Holds what is on the disk against what was told.
fn check(folder: &Path, disk: &Disk, term: &Term, what: &str) {
    let mut ledger = open_store(folder).unwrap_or_else(|error| panic!("{what}: {error}"));
    let closed = ledger.snapshot().elections[0].state == ElectionState::Closed;
    assert!(closed || term.closed.is_err(), "{what}: the close is lost");
    let before = ledger.snapshot().elections[0].ballots;
    let mut ballots = before;
    let report = ledger.reader().check(&board()).unwrap();
    assert_eq!(report.ballots, before, "{what}");
    let told = |number: u64| {
        let mut told = term.votes.iter().filter(move |(vote, _)| vote.number == number.into());
        let recorded = |told: &Told<Outcome>| matches!(told, Ok(Outcome::Recorded));
        let refused = |told: &Told<Outcome>| matches!(told, Err(LedgerError::NotStored(_)));
        let all: Vec<_> = told.by_ref().map(|(_, told)| told).collect();
        let receipt = all.iter().copied().find(|told| recorded(told));
        (receipt, !all.is_empty() && all.iter().copied().all(refused))
    };
    for number in 1..=20 {
        let (recorded, refused) = told(number);
        // Another vote under the number tells whether one is stored, where that can still be told.
        let other = Vote { nonce: Nonce::from([99; 16]), ..vote(number) };
        if let Some(Ok(outcome)) = recorded {
            let again = ledger.vote(&[vote(number)], Timestamp(0)).unwrap();
            assert_eq!(again, [*outcome], "{what}: the vote of {number}");
            // A vote that was lost would be counted by that.
            assert_eq!(
                ledger.snapshot().elections[0].ballots,
                ballots,
                "{what}: the vote of {number}"
            );
            if !closed {
                let other = ledger.vote(&[other], Timestamp(0)).unwrap();
                assert_eq!(other, [Outcome::Refused(Refusal::AlreadyVoted)], "{what}: {number}");
            }
        } else if refused && !closed {
            let other = ledger.vote(&[other], Timestamp(0)).unwrap();
            assert!(matches!(other[..], [Outcome::Recorded]), "{what}: {number} was refused");
            ballots = ledger.snapshot().elections[0].ballots;
        }
    }
    let at_least = (1..=20).filter(|number| told(*number).0.is_some()).count() as u64;
    assert!((at_least..=20).contains(&before), "{what}: {before} ballots");
    // What a clean end would still write is not written.
    disk.cut_power();
}

/// Does everything on a disk well, but for the write, sync or truncation with this number. Returns
/// how many there were.
fn break_at(disk: &Disk, step: usize, fault: Fault) -> Arc<AtomicUsize> {
    let steps = Arc::new(AtomicUsize::new(0));
    let counted = steps.clone();
    disk.plan(move |operation, _| {
        let counts = operation != Operation::Read;
        (counts && counted.fetch_add(1, Ordering::Relaxed) == step).then_some(fault)
    });
    steps
}

/// Lets a term happen on a disk on which the step with this number goes wrong, and ends the server.
/// Returns what is left in the folder `there`, and whether there is such a step.
fn break_in_term(
    (here, there): (&Path, &Path),
    step: usize,
    fault: Fault,
    killed: bool,
) -> (Arc<Disk>, Term, bool) {
    found(here);
    std::fs::create_dir(there).unwrap();
    let disk = Disk::new(here, step as u64).unwrap();
    let steps = break_at(&disk, step, fault);
    let (ledger, term) = term(here);
    disk.cut_power();
    let left = if killed { disk.after_kill(here, there) } else { disk.after_power_cut(there) };
    drop(ledger);
    (left.unwrap(), term, steps.load(Ordering::Relaxed) > step)
}

/// Lets a term happen on a disk on which the step with this number goes wrong, and checks what is
/// left. Returns whether there is such a step.
fn with_fault(step: usize, fault: Fault, killed: bool) -> bool {
    let what = format!("{fault:?} at step {step}, killed: {killed}");
    let scratch = tempfile::tempdir_in(scratch()).unwrap();
    let [here, there, last] = ["here", "there", "last"].map(|name| scratch.path().join(name));
    let (disk, term, broke) = break_in_term((&here, &there), step, fault, killed);
    check(&there, &disk, &term, &what);
    // What a kill left has to stand a power cut as well, once somebody was told of it.
    std::fs::create_dir(&last).unwrap();
    let disk = disk.after_power_cut(&last).unwrap();
    check(&last, &disk, &term, &what);
    broke
}

/// Lets a term happen on a disk on which the step with this number fails, kills the server, starts
/// it again on a disk that breaks at some step of that start, and cuts the power. Returns whether
/// there is such a step of the term, and how many the start has.
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
fn a_fault_at_any_step_loses_nothing_that_was_told() {
    for killed in [false, true] {
        for fault in FAULTS {
            let steps = (0..).take_while(|step| with_fault(*step, fault, killed)).count();
            println!("{steps} steps with {fault:?}, killed: {killed}");
            assert!(steps > 20, "{steps}");
        }
    }
}

#[test]
fn a_start_that_breaks_after_a_failure_loses_nothing_that_was_told() {
    for fault in [Fault::PowerCut, Fault::Fails] {
        let mut starts = 0;
        'steps: for step in 0.. {
            for cut in 0.. {
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
        assert!(starts > 200, "{starts} starts with {fault:?}");
    }
}

#[test]
fn a_ledger_that_cannot_be_read_is_not_opened_and_not_harmed() {
    let scratch = tempfile::tempdir_in(scratch()).unwrap();
    let folder = scratch.path().join("board");
    found(&folder);
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
