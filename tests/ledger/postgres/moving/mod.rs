//! Moving a ledger from a data directory into a database, and back.

mod broken;
mod whole;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use capvote::election::{
    Grant, GrantId, Nonce, Outcome, Refusal, Role, Standing, Token, TokenHash, Uses, Vote,
};
use capvote::ledger::moving::{Moved, to_database, to_directory};
use capvote::ledger::postgres::{Options, PostgresLedger, migrate};
use capvote::ledger::sqlite::{SqliteLedger, Store};
use capvote::ledger::{
    Act, Authorization, Ledger, LedgerError, Metrics, OpenError, Snapshot, system_clock,
};
use tokio::time::sleep;

use super::super::conformance::Subject;
use super::super::fixture::{fixture, restored};
use super::super::{ADA, GRACE, NOW, create, id, numbers, running, vote};
use super::{Mode, Postgres, cluster, open, secret};

const RECORDED: Outcome = Outcome::Recorded;
const TAKEN: Outcome = Outcome::Refused(Refusal::AlreadyVoted);

/// The elections of the ledger that is moved: a live one, a closed one, a draft, and one by ranks
/// with the roll of the first. All but the closed one were restored from a backup.
const ELECTIONS: [&str; 4] = ["open", "closed", "draft", "ranks"];

/// The grants of links that ended, under each of which ten numbers were issued, and one has voted.
const ENDED: [u8; 2] = [31, 32];

/// The hash of the token that all bytes of are the same.
fn token(byte: u8) -> TokenHash {
    Token::from([byte; Token::BYTES]).hash()
}

/// The data directory with a ledger that has a bit of everything.
fn filled(directory: &Path) {
    restored(4, directory);
    let mut store = Store::open(directory).unwrap();
    store.act(&["open", "draft", "ranks"].map(|it| Act::Confirm(id(it))), None).unwrap();
    for number in 100..=120 {
        let choice = if number % 4 == 0 { GRACE } else { ADA };
        store.vote(&[vote("open", number, choice, number as u8)], NOW).unwrap();
    }
    for (grant, numbers_of_it) in ENDED.into_iter().zip([7_000..7_010, 8_000..8_010]) {
        let (role, parent) = (Role::Registrar(id("open")), Some(GrantId(1)));
        let (token, uses) = (token(grant), Uses::Any);
        let given = Grant { id: GrantId(grant.into()), parent, role, token, uses };
        store.act(&[Act::Grant(given)], None).unwrap();
        let under = Authorization { grant: GrantId(grant.into()), revoked: Vec::new() };
        let first = numbers_of_it.start;
        store.act(&[Act::Issue(id("open"), numbers(numbers_of_it))], Some(&under)).unwrap();
        store.vote(&[vote("open", first, ADA, 1)], NOW).unwrap();
        store.act(&[Act::RevokeGrant(GrantId(grant.into()))], None).unwrap();
    }
}

fn file(directory: &Path) -> Arc<dyn Ledger> {
    let store = Store::open_existing(directory).unwrap();
    Arc::new(SqliteLedger::start(store, system_clock()).unwrap())
}

/// What is shown of a ledger: all that may differ is that a database counts no epochs.
async fn shown(ledger: &dyn Ledger) -> (Snapshot, Vec<Vec<u8>>) {
    let mut snapshot = Snapshot::clone(&*ledger.fresh().await.unwrap());
    for standing in &mut snapshot.elections {
        let mut origin = standing.origin;
        origin.epoch = 0;
        *standing = Arc::new(Standing::clone(standing).with_origin(origin));
    }
    let mut sheets = Vec::new();
    for election in &snapshot.elections {
        let (id, rules) = (&election.definition.id, &election.definition.rules);
        let mut sheet = Vec::new();
        for (ballot, nonce) in ledger.sheet(id.clone(), Default::default(), 1_000).await.unwrap().0
        {
            ballot.store(rules, &mut sheet);
            sheet.extend(nonce.as_bytes());
        }
        sheets.push(sheet);
    }
    (snapshot, sheets)
}

async fn heads(ledger: &dyn Ledger) -> Vec<[u8; 32]> {
    let mut heads = Vec::new();
    for election in ELECTIONS {
        heads.push(ledger.check(id(election)).await.unwrap().head);
    }
    heads
}

async fn cast(ledger: &dyn Ledger, votes: Vec<Vote>) -> Vec<Outcome> {
    ledger.vote(votes).await.unwrap().into_iter().map(Result::unwrap).collect()
}

fn other_nonce(vote: Vote) -> Vote {
    Vote { nonce: Nonce::from([200; 16]), ..vote }
}

/// Whether a folder has secrets of elections.
fn secrets(directory: &Path, extension: &str) -> usize {
    let files = fs::read_dir(directory.join("keys")).into_iter().flatten();
    let names = files.map(|file| file.unwrap().path());
    names.filter(|path| path.extension().is_some_and(|it| it == extension)).count()
}

fn check_heads(moved: &Moved, before: &[[u8; 32]], after: &[[u8; 32]]) {
    let ids: Vec<_> = moved.elections.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, ELECTIONS);
    for ((election, before), after) in moved.elections.iter().zip(before).zip(after) {
        assert_eq!((election.before, election.after), (*before, *after), "{}", election.id);
        assert_ne!(before, after);
    }
}

/// What voters and officers have works, and goes on.
async fn goes_on(ledger: &dyn Ledger, next: u64, ended: u8) {
    let first = vote("open", 100, GRACE, 100);
    assert_eq!(cast(ledger, vec![first.clone(), other_nonce(first)]).await, [RECORDED, TAKEN]);
    let late = vote("closed", 3, GRACE, 3);
    let closed = Outcome::Refused(Refusal::Closed);
    assert_eq!(cast(ledger, vec![late.clone(), other_nonce(late)]).await, [RECORDED, closed]);
    let new = vote("open", next, ADA, 1);
    assert_eq!(cast(ledger, vec![new]).await, [RECORDED]);
    // The links: one in force, and others that ended, whose unused numbers can be voided.
    assert!(ledger.grant(token(7)).await.unwrap().is_some());
    assert!(ledger.grant(token(8)).await.unwrap().is_none());
    let under = Authorization { grant: GrantId(2), revoked: Vec::new() };
    let issue = Act::Issue(id("open"), numbers([90_000 + next]));
    ledger.act(vec![issue], Some(under)).await.unwrap();
    assert_eq!(ledger.void(id("open"), token(8), None).await, Ok(0));
    assert_eq!(ledger.void(id("open"), token(ended), None).await, Ok(9));
    let unknown = ledger.void(id("open"), token(9), None).await;
    assert!(matches!(unknown, Err(LedgerError::Refused(_))), "{unknown:?}");
}

struct Places {
    subject: Postgres,
    directory: PathBuf,
}

impl Places {
    fn new(cluster: &Arc<super::Cluster>) -> Self {
        let subject = Postgres::new(cluster, true);
        let directory = subject.data(0);
        Self { subject, directory }
    }

    fn options(&self) -> Options {
        self.subject.one_of_several(0).alone()
    }

    fn database(&self) -> Arc<PostgresLedger> {
        open(self.options())
    }

    fn end(&self, ledger: Arc<PostgresLedger>) {
        assert!(ledger.shut_down());
    }

    /// Lets the database end a connection at a commit with an act.
    fn break_commits(&self) {
        self.subject.cluster.execute(
            &self.subject.database,
            "CREATE OR REPLACE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
             CREATE CONSTRAINT TRIGGER no AFTER INSERT ON acts DEFERRABLE INITIALLY DEFERRED
                 FOR EACH ROW EXECUTE FUNCTION no()",
        );
    }
}

/// Moves a ledger that was just released. A program that another test starts at this moment may
/// hold its lock for as long as that takes.
async fn move_released(options: &Options) -> Moved {
    loop {
        match to_database(options).await {
            Err(OpenError::InUse(_)) => sleep(Duration::from_millis(10)).await,
            moved => return moved.unwrap(),
        }
    }
}

#[track_caller]
fn not_moved(moved: Result<Moved, OpenError>, why: &str) {
    let error = moved.unwrap_err();
    assert!(matches!(error, OpenError::NotMoved(_)), "{error}");
    assert!(error.to_string().contains(why), "{error}");
}
