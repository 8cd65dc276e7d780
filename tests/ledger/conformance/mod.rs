//! The suite that every implementation of [`Ledger`] has to pass.

pub(crate) mod acts;
pub(crate) mod evening;
pub(crate) mod rolls;
pub(crate) mod shared;
pub(crate) mod votes;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use capvote::election::{Outcome, Standing, Timestamp, Vote};
use capvote::ledger::sqlite::{SqliteLedger, Store};
use capvote::ledger::{Act, Clock, Ledger, LedgerError};
use rusqlite::Connection;
use tempfile::TempDir;

use super::memory::Memory;
use super::{NOW, id};

/// A store that a test opens, breaks and opens again.
pub(crate) trait Subject {
    /// A handle of the store, as a server opens it when it starts.
    fn open(&self) -> Arc<dyn Ledger>;

    /// Whether a second handle can be open at the same time.
    fn is_shared(&self) -> bool;

    /// Sets the time by which votes are judged; at first it is [`NOW`].
    fn set_time(&self, now: Timestamp);

    /// Makes the next commit of an open handle report an unknown outcome. Returns whether that
    /// commit will be stored, or `None` if the store cannot fail in this way.
    fn break_next_commit(&self, stored: bool) -> Option<bool>;

    /// Undoes what [`break_next_commit`](Self::break_next_commit) did.
    fn mend(&self);
}

/// Runs the suite, with a new store for each check.
macro_rules! conforms {
    ($new:expr) => {{
        macro_rules! check {
            ($check:path) => {
                $check(&$new).await
            };
        }
        check!($crate::conformance::votes::one_vote_a_number);
        check!($crate::conformance::votes::a_retry_counts_nothing);
        check!($crate::conformance::votes::acknowledged_votes_survive_a_restart);
        check!($crate::conformance::votes::elections_do_not_mix);
        check!($crate::conformance::votes::a_live_count_is_published_in_batches);
        check!($crate::conformance::votes::refused_votes_count_nothing);
        check!($crate::conformance::votes::no_vote_counts_from_the_time_to_close_on);
        check!($crate::conformance::acts::acts_are_made_together_or_not_at_all);
        check!($crate::conformance::acts::numbers_join_an_open_election);
        check!($crate::conformance::acts::numbers_leave_a_draft_for_good);
        check!($crate::conformance::acts::a_closed_election_stays_as_it_was_counted);
        check!($crate::conformance::acts::one_link_makes_a_bounded_number_of_others);
        check!($crate::conformance::acts::the_first_officer_is_granted_once);
        check!($crate::conformance::rolls::numbers_of_a_stolen_link_are_voided_before_they_vote);
        check!($crate::conformance::rolls::numbers_of_a_link_are_voided_long_after_it_was_revoked);
        check!($crate::conformance::rolls::a_shared_roll_is_final_once_its_own_election_is_closed);
        check!($crate::conformance::rolls::a_large_issue_is_made_whole_or_not_at_all);
        check!($crate::conformance::rolls::definitions_that_would_not_fit_a_message_are_refused);
        check!($crate::conformance::evening::one_roll_serves_many_elections);
        check!($crate::conformance::evening::the_roll_of_a_draft_is_frozen_while_others_vote_by_it);
        check!($crate::conformance::evening::a_quorum_of_a_shared_roll_holds_after_a_restart);
        check!($crate::conformance::evening::a_lot_is_the_same_after_a_restart);
        check!($crate::conformance::evening::ballots_of_every_method_are_counted);
        check!($crate::conformance::acts::a_grant_is_found_by_its_token_until_it_is_revoked);
        check!($crate::conformance::acts::a_token_that_works_once_is_spent_for_ever);
        check!($crate::conformance::shared::a_handle_reads_its_own_answers);
        check!($crate::conformance::shared::snapshots_follow_other_handles);
        check!($crate::conformance::shared::a_fresh_snapshot_includes_what_other_handles_committed);
        check!($crate::conformance::shared::racing_handles_count_one_vote_a_number);
        check!($crate::conformance::shared::a_close_separates_counted_from_late_votes);
        check!($crate::conformance::shared::a_revoked_authorization_in_the_queue_changes_nothing);
        check!($crate::conformance::shared::a_vote_of_unknown_outcome_sent_again_counts_once);
    }};
}
pub(crate) use conforms;

#[tokio::test]
async fn the_ledger_in_memory_conforms() {
    conforms!(Memory::default());
}

#[tokio::test]
async fn the_sqlite_ledger_conforms() {
    conforms!(Sqlite::default());
}

/// The SQLite ledger in a folder of its own.
struct Sqlite {
    folder: TempDir,
    time: Arc<AtomicU64>,
}

impl Default for Sqlite {
    fn default() -> Self {
        let time = Arc::new(AtomicU64::new(NOW.0));
        Self { folder: tempfile::tempdir().unwrap(), time }
    }
}

impl Sqlite {
    fn execute(&self, sql: &str) {
        let path: &Path = self.folder.path();
        Connection::open(path.join("ledger.sqlite")).unwrap().execute_batch(sql).unwrap();
    }
}

impl Subject for Sqlite {
    fn open(&self) -> Arc<dyn Ledger> {
        let store = Store::open(self.folder.path()).unwrap();
        let time = self.time.clone();
        let clock: Clock = Arc::new(move || Timestamp(time.load(Ordering::Relaxed)));
        Arc::new(SqliteLedger::start(store, clock).unwrap())
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn set_time(&self, now: Timestamp) {
        self.time.store(now.0, Ordering::Relaxed);
    }

    // Stored and reported as failed: tests/faults makes a simulated disk do that.
    fn break_next_commit(&self, stored: bool) -> Option<bool> {
        let fail =
            "CREATE TRIGGER no BEFORE INSERT ON entries BEGIN SELECT RAISE(ABORT, 'no'); END";
        (!stored).then(|| self.execute(fail)).map(|()| false)
    }

    fn mend(&self) {
        self.execute("DROP TRIGGER IF EXISTS no");
    }
}

impl Subject for Memory {
    fn open(&self) -> Arc<dyn Ledger> {
        Memory::open(self)
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn set_time(&self, now: Timestamp) {
        Memory::set_time(self, now);
    }

    fn break_next_commit(&self, stored: bool) -> Option<bool> {
        Memory::break_next_commit(self, stored);
        Some(stored)
    }

    fn mend(&self) {}
}

/// Another handle if the store can have one, and otherwise the same.
fn second_handle(subject: &dyn Subject, first: &Arc<dyn Ledger>) -> Arc<dyn Ledger> {
    if subject.is_shared() { subject.open() } else { first.clone() }
}

/// Shuts a handle down, and opens the store again. Every election is as it was.
async fn restart(subject: &dyn Subject, ledger: Arc<dyn Ledger>) -> Arc<dyn Ledger> {
    let before = standings(&ledger);
    assert!(ledger.shut_down());
    drop(ledger);
    let ledger = subject.open();
    assert_eq!(standings(&ledger), before);
    ledger
}

async fn act(ledger: &Arc<dyn Ledger>, acts: Vec<Act>) -> Result<(), LedgerError> {
    ledger.act(acts, None).await
}

async fn cast<const N: usize>(ledger: &Arc<dyn Ledger>, votes: [Vote; N]) -> [Outcome; N] {
    cast_all(ledger, &votes).await.try_into().unwrap()
}

async fn cast_all(ledger: &Arc<dyn Ledger>, votes: &[Vote]) -> Vec<Outcome> {
    let decisions = ledger.vote(votes.to_vec()).await.unwrap();
    decisions.into_iter().collect::<Result<_, _>>().unwrap()
}

/// Closes an election, and returns the votes for each choice.
async fn final_votes(ledger: &Arc<dyn Ledger>, election: &str) -> Vec<u64> {
    act(ledger, vec![Act::Close(id(election))]).await.unwrap();
    standing(ledger, election).votes().unwrap().to_vec()
}

/// The elections as this handle last saw them.
fn standings(ledger: &Arc<dyn Ledger>) -> Vec<Arc<Standing>> {
    ledger.snapshots().borrow().elections.clone()
}

fn standing(ledger: &Arc<dyn Ledger>, election: &str) -> Arc<Standing> {
    ledger.snapshots().borrow().election(&id(election)).unwrap().clone()
}
