//! The keys of elections: who gets them, who does not, and when they are destroyed.

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use capvote::election::{Grant, GrantId, Outcome, Role, Standing, TokenHash, Uses};
use capvote::ledger::postgres::{Options, PostgresLedger, migrate};
use capvote::ledger::{Act, ActRefusal, Ledger, LedgerError, Metrics};
use tokio::time::{sleep, timeout};

use super::super::{ADA, GRACE, create, id, numbers, running, vote};
use super::{Postgres, cluster, open, secret};

const RECORDED: Outcome = Outcome::Recorded;

/// What a server that joins may take until it has the keys.
const JOIN_WAIT_MAX: Duration = Duration::from_secs(1);

/// Asks until the answer is yes, for a while.
pub(super) async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so().await {
        assert!(Instant::now() < end, "it does not come about");
        sleep(Duration::from_millis(10)).await;
    }
}

impl Postgres {
    fn first(&self, sql: &str) -> String {
        self.cluster.query(&self.database, sql).remove(0)
    }

    /// The names of the files with private halves.
    pub(super) fn halves(&self, server: usize) -> Vec<String> {
        let Ok(files) = std::fs::read_dir(self.data(server).join("keys")) else {
            return Vec::new();
        };
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
    }
}

fn shown(ledger: &PostgresLedger) -> Arc<Standing> {
    ledger.snapshots().borrow().elections[0].clone()
}

/// Votes, and returns the decision with how long it took.
async fn cast(ledger: &PostgresLedger, number: u64) -> (Result<Outcome, LedgerError>, Duration) {
    let begun = Instant::now();
    let mut decisions = ledger.vote(vec![vote("board", number, ADA, 1)]).await.unwrap();
    (decisions.remove(0), begun.elapsed())
}

fn opening() -> Vec<Act> {
    vec![Act::Open(id("board"))]
}

fn one_holder() -> Result<(), LedgerError> {
    Err(ActRefusal::OneHolder(id("board")).into())
}

#[tokio::test]
async fn an_election_is_opened_once_two_servers_hold_its_key() {
    let Some(cluster) = cluster() else { return };
    let subject = Postgres::new(cluster, true);
    let ledger = open(subject.one_of_several(0));
    ledger.act(running("board"), None).await.expect_err("nobody else can have its key");
    let draft = vec![create("board"), Act::Issue(id("board"), numbers(1..=100))];
    ledger.act(draft, None).await.unwrap();
    assert_eq!(ledger.act(opening(), None).await, one_holder());
    // Who can write to the database can say that they hold a key, and do not count.
    cluster.execute(
        &subject.database,
        "INSERT INTO holders SELECT election, 'somebody else 00', public, mac, wrapped
         FROM holders WHERE wrapped IS NOT NULL",
    );
    ledger.fresh().await.unwrap();
    assert_eq!(ledger.act(opening(), None).await, one_holder());
    let begun = Instant::now();
    let other = open(subject.one_of_several(1));
    until(async || ledger.act(opening(), None).await.is_ok()).await;
    let took = begun.elapsed();
    assert!(took < JOIN_WAIT_MAX, "{took:?}");
    other.fresh().await.unwrap();
    for (number, server) in [(1, &ledger), (2, &other)] {
        assert_eq!(cast(server, number).await.0, Ok(RECORDED));
    }
    eprintln!("two held the key after {took:?}");
}

#[tokio::test]
async fn a_server_that_joins_or_starts_again_has_the_keys_within_a_second() {
    let Some(cluster) = cluster() else { return };
    let subject = Postgres::new(cluster, true);
    let ledger = open(subject.one_of_several(0).alone());
    ledger.act(running("board"), None).await.unwrap();
    for number in 1..=30 {
        assert_eq!(cast(&ledger, number).await.0, Ok(RECORDED));
    }
    let live = shown(&ledger).votes().unwrap().to_vec();
    assert!(live[0] >= 10, "{live:?}");
    // A vote waits for the key. So do the votes that are shown.
    let joined = open(subject.one_of_several(1));
    let (voted, took) = cast(&joined, 31).await;
    assert_eq!(voted, Ok(RECORDED));
    assert!(took < JOIN_WAIT_MAX, "{took:?}");
    let mut snapshots = joined.snapshots();
    let votes = snapshots.wait_for(|seen| seen.elections[0].votes() == Some(&live));
    timeout(JOIN_WAIT_MAX, votes).await.expect("they are not shown").unwrap();
    eprintln!("the vote that asked for the key took {took:?}");
    // One that starts again has it at once, alone, also where the secret was replaced.
    assert!(ledger.shut_down() && joined.shut_down());
    let replaced = subject.bare_options(1).with_secret(secret(2));
    assert_eq!(migrate(replaced.clone()).await.unwrap().signed, 3);
    let again = open(replaced);
    assert_eq!(shown(&again).votes(), Some(&live[..]));
    assert_eq!(cast(&again, 32).await.0, Ok(RECORDED));
    assert!(again.shut_down());
    assert_eq!(migrate(subject.one_of_several(1)).await.unwrap().signed, 3);
    let again = open(subject.one_of_several(1));
    assert_eq!(cast(&again, 33).await.0, Ok(RECORDED));
    // The other lost its half, and a third one found something else in its row.
    assert_eq!(subject.halves(0), ["1-board.half"]);
    std::fs::remove_dir_all(subject.data(0).join("keys")).unwrap();
    let third = open(subject.one_of_several(2));
    assert_eq!(cast(&third, 34).await.0, Ok(RECORDED));
    assert!(third.shut_down());
    cluster.execute(
        &subject.database,
        "UPDATE holders SET wrapped = overlay(wrapped placing 'x' from 50)
         WHERE public = (SELECT public FROM holders ORDER BY ctid DESC LIMIT 1)",
    );
    for (server, number) in [(0, 35), (2, 36)] {
        let ledger = open(subject.one_of_several(server));
        let (voted, took) = cast(&ledger, number).await;
        assert_eq!(voted, Ok(RECORDED), "{server}");
        assert!(took < JOIN_WAIT_MAX, "{took:?}");
    }
    assert_eq!(again.check(id("board")).await.unwrap().ballots, 36);
}

/// Keeps what every test of this process logs.
#[derive(Clone)]
struct Log;

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// How many errors were logged about a server.
fn errors_about(server: &str) -> usize {
    let log = String::from_utf8(LOG.lock().unwrap().clone()).unwrap();
    log.lines().filter(|line| line.contains("ERROR") && line.contains(server)).count()
}

fn keep_the_log() {
    static KEPT: OnceLock<()> = OnceLock::new();
    KEPT.get_or_init(|| {
        let log = tracing_subscriber::fmt().with_writer(|| Log).with_ansi(false);
        tracing::subscriber::set_global_default(log.finish()).unwrap();
    });
}

/// Why a server does not start.
fn refused(options: Options) -> String {
    PostgresLedger::open(options, Metrics::new()).unwrap_err().to_string()
}

#[tokio::test]
async fn a_server_without_the_secret_is_refused_and_who_asks_without_it_gets_no_key() {
    keep_the_log();
    let Some(cluster) = cluster() else { return };
    let subject = Postgres::new(cluster, true);
    let ledger = open(subject.one_of_several(0).alone());
    ledger.act(running("board"), None).await.unwrap();
    let another = refused(subject.bare_options(1).with_secret(secret(2)).alone());
    assert!(another.contains("act 1 was not made with this server's secret"), "{another}");
    let without = refused(subject.bare_options(2).alone());
    assert!(without.contains("act 1 was made with a secret"), "{without}");
    cluster.execute(
        &subject.database,
        "INSERT INTO holders VALUES (1, 'somebody else 00', sha256('half'), sha256('mac'))",
    );
    let somebody = data_encoding::HEXLOWER.encode(b"somebody else 00");
    until(async || errors_about(&somebody) > 0).await;
    ledger.fresh().await.unwrap();
    assert_eq!(errors_about(&somebody), 1);
    assert_eq!(subject.first("SELECT count(*) FROM holders WHERE wrapped IS NULL"), "1");
    assert_eq!(cast(&ledger, 1).await.0, Ok(RECORDED));
}

/// Who can write to the database runs capvote on it, without the secret.
#[tokio::test]
async fn an_act_of_somebody_without_the_secret_is_not_believed() {
    let Some(cluster) = cluster() else { return };
    let subject = Postgres::new(cluster, true);
    let ledger = open(subject.one_of_several(0).alone());
    ledger.act(running("board"), None).await.unwrap();
    let strip = "CREATE TABLE kept AS SELECT version, mac FROM acts; UPDATE acts SET mac = NULL";
    cluster.execute(&subject.database, strip);
    let forger = open(subject.bare_options(1).alone());
    let (role, token) = (Role::ReturningOfficer, TokenHash::from([7; 32]));
    let grant = Grant { id: GrantId(1), parent: None, role, token, uses: Uses::Any };
    forger.act(vec![Act::GrantFirst(grant)], None).await.unwrap();
    assert!(forger.grant(token).await.unwrap().is_some());
    assert!(forger.shut_down());
    let restore = "UPDATE acts SET mac = kept.mac FROM kept WHERE kept.version = acts.version";
    cluster.execute(&subject.database, restore);
    let granted = ledger.grant(token).await;
    assert!(matches!(granted, Err(LedgerError::Unreadable(_))), "{granted:?}");
    assert_eq!(ledger.snapshots().borrow().grants.iter().count(), 0);
    assert!(refused(subject.one_of_several(2)).contains("act 4 was not made"));
    // A new vote is recorded beside it, and nothing is refused.
    assert_eq!(cast(&ledger, 2).await.0, Ok(RECORDED));
    let unknown_number = cast(&ledger, 1_000_000).await.0;
    assert!(matches!(unknown_number, Err(LedgerError::Unreadable(_))), "{unknown_number:?}");
    // An act that is no server's is in the way of others, and is taken out.
    ledger.act(vec![Act::Close(id("board"))], None).await.unwrap_err();
    let remove = "DELETE FROM acts WHERE version = 4; UPDATE ledger SET version = 3";
    cluster.execute(&subject.database, remove);
    assert_eq!(cast(&ledger, 1).await.0, Ok(RECORDED));
    ledger.act(vec![Act::Close(id("board"))], None).await.unwrap();
    // The operator can sign what is there.
    cluster.execute(&subject.database, "UPDATE acts SET mac = NULL WHERE version = 2");
    assert!(refused(subject.one_of_several(2)).contains("act 2 was not made"));
    assert_eq!(migrate(subject.one_of_several(2)).await.unwrap().signed, 1);
    let other = open(subject.one_of_several(2));
    assert_eq!(shown(&other).votes(), Some(&[2, 0][..]));
}

#[tokio::test]
async fn every_server_destroys_its_half_at_the_close_also_one_that_was_down() {
    let Some(cluster) = cluster() else { return };
    let subject = Postgres::new(cluster, true);
    let servers = [0, 1, 2].map(|server| open(subject.one_of_several(server).alone()));
    servers[0].act(running("board"), None).await.unwrap();
    servers[0].act(running("other"), None).await.unwrap();
    for (number, server) in (1..).zip(&servers) {
        assert_eq!(cast(server, number).await.0, Ok(RECORDED));
    }
    assert!(servers[2].shut_down());
    servers[0].act(vec![Act::Close(id("board"))], None).await.unwrap();
    assert_eq!(subject.halves(0), ["2-other.half"], "at once");
    let left = "SELECT count(*) FROM holders WHERE election = 1 AND NOT destroyed";
    until(async || subject.first(left) == "1").await;
    assert_eq!(subject.halves(1), ["2-other.half"]);
    for server in &servers[..2] {
        let (board, other) = (server.check(id("board")).await, server.check(id("other")).await);
        assert!(board.unwrap().unscrubbed && !other.unwrap().unscrubbed);
    }
    // One that was down still has its half, and destroys it when it starts.
    assert_eq!(subject.halves(2).len(), 2);
    let again = open(subject.one_of_several(2).alone());
    assert_eq!(subject.halves(2), ["2-other.half"]);
    assert!(!again.check(id("board")).await.unwrap().unscrubbed);
    assert!(!servers[0].check(id("board")).await.unwrap().unscrubbed);
    assert_eq!(shown(&again).votes(), Some(&[3, 0][..]));
    let voted = again.vote(vec![vote("other", 1, GRACE, 1)]).await.unwrap();
    assert_eq!(voted, [Ok(RECORDED)]);
}
