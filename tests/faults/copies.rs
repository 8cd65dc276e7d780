//! Failed syncs of the main file, when the log is copied into it: the ledger stops, and what was
//! acknowledged is there after a power cut.

use std::path::Path;
use std::sync::Arc;

use capvote::election::{Definition, ElectionId, Nonce, Outcome, Timestamp, Vote};
use capvote::ledger::sqlite::{SqliteLedger, Store};
use capvote::ledger::{Act, Ledger, LedgerError, system_clock};
use capvote_soak::disk::{Disk, Fault, Operation, open_store};
use capvote_soak::histories::scratch;
use futures::FutureExt;
use tempfile::TempDir;

/// More votes than commits after which the log is copied.
const VOTERS: u64 = 3_000;

/// Lets the syncs of the main file fail: all, or the first only.
pub(crate) fn fail_copies(disk: &Disk, all: bool) {
    let mut failed = false;
    disk.plan(move |operation, name| {
        let fails = operation == Operation::Sync && name.ends_with(".sqlite") && (all || !failed);
        failed |= fails;
        fails.then_some(Fault::Fails)
    });
}

fn create(id: &str) -> Act {
    let names = vec!["Ada".into()];
    let definition = Definition::new(id.parse().unwrap(), String::new(), names).unwrap();
    Act::Create(Arc::new(definition))
}

fn board() -> ElectionId {
    "board".parse().unwrap()
}

fn vote(store: &mut Store, number: u64) -> Result<Outcome, LedgerError> {
    let choice = store.snapshot().elections[0].definition.slate.choice("Ada").unwrap();
    let vote = Vote {
        election: board(),
        number: number.into(),
        ballot: choice.into(),
        nonce: Nonce::from([1; 16]),
    };
    store.vote(&[vote], Timestamp(0)).map(|outcomes| outcomes[0])
}

/// A disk with an open election, and its ledger.
fn open_election() -> (TempDir, Arc<Disk>, Store) {
    let folder = tempfile::tempdir_in(scratch()).unwrap();
    let disk = Disk::new(folder.path(), 1).unwrap();
    let mut store = open_store(folder.path()).unwrap();
    let numbers = (1..=VOTERS).map(Into::into).collect();
    let acts = [create("board"), Act::Issue(board(), numbers), Act::Open(board())];
    store.act(&acts, None).unwrap();
    (folder, disk, store)
}

/// What a start finds after a power cut.
fn after_power_cut(disk: &Disk, check: impl FnOnce(&Store)) {
    let folder = tempfile::tempdir_in(scratch()).unwrap();
    let there: &Path = folder.path();
    let disk = disk.after_power_cut(there).unwrap();
    check(&open_store(there).unwrap());
    drop(disk);
}

#[test]
fn an_act_or_a_close_whose_copy_is_not_synced_stops_the_store() {
    for act in [create("other"), Act::Close(board())] {
        let (_folder, disk, mut store) = open_election();
        assert_eq!(vote(&mut store, 1), Ok(Outcome::Recorded));
        fail_copies(&disk, true);
        let elections = 1 + usize::from(matches!(act, Act::Create(_)));
        store.act(&[act], None).unwrap();
        assert!(store.is_in_doubt());
        assert_eq!(vote(&mut store, 2), Err(LedgerError::Stopped));
        disk.cut_power();
        drop(store);
        after_power_cut(&disk, |store| {
            let found = store.snapshot().elections;
            assert_eq!((found.len(), found[0].ballots), (elections, 1));
        });
    }
}

#[test]
fn a_commit_whose_copy_is_not_synced_stops_the_store() {
    let (_folder, disk, mut store) = open_election();
    fail_copies(&disk, true);
    let recorded = (1..=VOTERS).take_while(|number| vote(&mut store, *number).is_ok()).count();
    assert!(recorded > 100 && store.is_in_doubt(), "{recorded}");
    disk.cut_power();
    drop(store);
    after_power_cut(&disk, |store| {
        assert!(store.snapshot().elections[0].ballots >= recorded as u64);
    });
}

#[test]
fn a_copy_that_is_not_synced_while_the_ledger_shuts_down_is_not_taken_for_done() {
    let (_folder, disk, store) = open_election();
    let ledger = SqliteLedger::start(store, system_clock()).unwrap();
    fail_copies(&disk, false);
    // Queued, and copied while the ledger shuts down.
    let mut acting = ledger.act(vec![create("other")], None);
    assert!((&mut acting).now_or_never().is_none());
    assert!(!ledger.shut_down());
    assert_eq!(acting.now_or_never(), Some(Ok(())));
    disk.cut_power();
    drop(ledger);
    after_power_cut(&disk, |store| assert_eq!(store.snapshot().elections.len(), 2));
}
