//! What a database does that fails, and what is promised nevertheless.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use capvote::election::{ElectionState, Outcome, Refusal};
use capvote::ledger::postgres::{Options, PostgresLedger, Replication};
use capvote::ledger::{Act, Ledger, LedgerError, Metrics, OpenError, Replicated};
use tokio_postgres::NoTls;

use super::super::conformance::Subject;
use super::super::{ADA, GRACE, id, running, vote};
use super::cluster::{Cluster, own_cluster};
use super::keys::until;
use super::{Postgres, cluster, failover};

const RECORDED: Outcome = Outcome::Recorded;

/// What the ledger must not rely on.
#[tokio::test]
async fn the_commit_of_a_failed_transaction_is_no_error() {
    let Some(cluster) = cluster() else { return };
    let address = format!("postgres://postgres@127.0.0.1:{}/postgres", cluster.primary);
    let (client, connection) = tokio_postgres::connect(&address, NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("BEGIN").await.unwrap();
    client.batch_execute("SELECT 1 / 0").await.unwrap_err();
    client.batch_execute("COMMIT").await.unwrap();
}

/// The backend that waits for its standby, once there is one.
async fn waiting(cluster: &Cluster) -> String {
    loop {
        let select = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        if let Some(pid) = cluster.query("postgres", select).pop() {
            return pid;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn signal(signal: &str, pid: &str) {
    assert!(Command::new("kill").args([signal, pid]).status().unwrap().success());
}

/// The process of the standby that receives the log.
fn receiver(cluster: &Cluster) -> String {
    let select = "SELECT pid FROM pg_stat_wal_receiver";
    cluster.query_at(cluster.standby, "postgres", select).pop().unwrap()
}

/// Ends the wait of a commit for its standby in some way: the vote is answered once it is on both.
async fn a_vote_whose_commit_is_interrupted(by: &str) {
    let Some(cluster) = own_cluster() else { return };
    let subject = Postgres::new(&cluster, false);
    let (ledger, metrics) = failover::open(subject.options());
    ledger.act(running("board"), None).await.unwrap();
    assert_eq!(ledger.vote(vec![vote("board", 2, ADA, 1)]).await.unwrap(), [Ok(RECORDED)]);
    assert_eq!(metrics.database().unknown_votes(), 0);
    let receiver = receiver(&cluster);
    signal("-STOP", &receiver);
    let voted = tokio::spawn(ledger.vote(vec![vote("board", 1, ADA, 1)]));
    let first = waiting(&cluster).await;
    cluster.execute("postgres", &format!("SELECT {by}({first})"));
    // What that commit stored is on one disk only. It is asked again, and waits again.
    let stored = "SELECT number FROM ballots ORDER BY number";
    while cluster.query(&subject.database, stored) != ["1", "2"] {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!voted.is_finished(), "it was answered before it was on both disks");
    assert_eq!(metrics.database().unknown_votes(), 1);
    let is_behind = |is: &Replicated| is.standbys == 1 && is.lag_bytes > 0 && is.timeline == 1;
    failover::until(|| metrics.database().replicated(1).is_some_and(|is| is_behind(&is))).await;
    signal("-CONT", &receiver);
    assert_eq!(voted.await.unwrap().unwrap(), [Ok(RECORDED)]);
    let level = Replicated { standbys: 1, lag_bytes: 0, timeline: 1 };
    failover::until(|| metrics.database().replicated(1) == Some(level)).await;
    let stored = cluster.query(&subject.database, "SELECT stored FROM entries ORDER BY stored");
    assert_eq!(stored, ["0", "1", "1"], "each batch has an entry");
    let again = ledger.vote(vec![vote("board", 1, GRACE, 2)]).await.unwrap();
    assert_eq!(again, [Ok(Outcome::Refused(Refusal::AlreadyVoted))]);
    assert_eq!(ledger.fresh().await.unwrap().elections[0].ballots, 2);
    assert_eq!(ledger.check(id("board")).await.unwrap().ballots, 2);
}

#[tokio::test]
async fn a_commit_that_came_with_a_warning_is_asked_again() {
    a_vote_whose_commit_is_interrupted("pg_cancel_backend").await;
}

#[tokio::test]
async fn a_commit_whose_connection_was_lost_is_asked_again() {
    a_vote_whose_commit_is_interrupted("pg_terminate_backend").await;
}

#[tokio::test]
async fn an_act_of_unknown_outcome_is_made_once() {
    let Some(cluster) = own_cluster() else { return };
    let subject = Postgres::new(&cluster, false);
    let ledger = subject.open();
    let receiver = receiver(&cluster);
    signal("-STOP", &receiver);
    let acted = tokio::spawn(ledger.act(running("board"), None));
    let first = waiting(&cluster).await;
    cluster.execute("postgres", &format!("SELECT pg_cancel_backend({first})"));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!acted.is_finished(), "it was answered before it was on both disks");
    signal("-CONT", &receiver);
    assert_eq!(acted.await.unwrap(), Ok(()));
    assert_eq!(cluster.query(&subject.database, "SELECT version FROM ledger"), ["3"]);
    assert_eq!(ledger.vote(vec![vote("board", 1, ADA, 1)]).await.unwrap(), [Ok(RECORDED)]);
}

/// A failover may take such a close back, and would not bring back what was destroyed.
#[tokio::test]
async fn a_close_on_one_disk_only_destroys_no_key() {
    let Some(cluster) = own_cluster() else { return };
    let subject = Postgres::new(&cluster, true);
    let servers = [subject.open(), subject.open()];
    servers[0].act(running("board"), None).await.unwrap();
    for (number, server) in (1..).zip(&servers) {
        assert_eq!(server.vote(vec![vote("board", number, ADA, 1)]).await.unwrap(), [Ok(RECORDED)]);
    }
    // The close waits before it is committed, and then for the standby.
    let address = format!("postgres://postgres@127.0.0.1:{}/{}", cluster.primary, subject.database);
    let (holder, connection) = tokio_postgres::connect(&address, NoTls).await.unwrap();
    tokio::spawn(connection);
    let wait = "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NEW; END $$;
        CREATE TRIGGER wait BEFORE INSERT ON acts FOR EACH ROW WHEN (NEW.kind = 7)
            EXECUTE FUNCTION wait();
        SELECT pg_advisory_lock(7)";
    holder.batch_execute(wait).await.unwrap();
    let closed = tokio::spawn(servers[0].act(vec![Act::Close(id("board"))], None));
    let waits = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'advisory'";
    while cluster.query("postgres", waits).is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let receiver = receiver(&cluster);
    signal("-STOP", &receiver);
    holder.batch_execute("SELECT pg_advisory_unlock(7)").await.unwrap();
    let first = waiting(&cluster).await;
    cluster.execute("postgres", &format!("SELECT pg_cancel_backend({first})"));
    // Both servers see it, and wait for a second disk.
    let is_seen = |server: &Arc<dyn Ledger>| {
        server.snapshots().borrow().elections[0].state == ElectionState::Closed
    };
    let both = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    until(async || servers.iter().all(is_seen) && cluster.query("postgres", both).len() >= 2).await;
    assert_eq!(cluster.query(&subject.database, "SELECT state FROM elections"), ["3"]);
    assert_eq!([subject.halves(0).len(), subject.halves(1).len()], [1, 1]);
    signal("-CONT", &receiver);
    // It may have been asked for too long whether the close is stored.
    let closed = closed.await.unwrap();
    assert!(matches!(closed, Ok(()) | Err(LedgerError::Unknown(_))), "{closed:?}");
    until(async || subject.halves(0).is_empty() && subject.halves(1).is_empty()).await;
}

fn open(options: Options) -> Result<Arc<dyn Ledger>, OpenError> {
    Ok(Arc::new(PostgresLedger::open(options, Metrics::new())?))
}

#[tokio::test]
async fn without_a_second_copy_nothing_is_promised() {
    let Some(cluster) = own_cluster() else { return };
    let subject = Postgres::new(&cluster, false);
    let options = subject.options().with_unknown_wait(Duration::from_secs(1));
    let ledger = open(options.clone()).unwrap();
    ledger.act(running("board"), None).await.unwrap();
    ledger.fresh().await.unwrap();
    // A standby is no primary. It may not have heard of the test's database yet.
    let standby = format!("postgres://postgres@127.0.0.1:{}/postgres", cluster.standby);
    let refused = open(Options::new(&standby, subject.data(0)).unwrap()).unwrap_err();
    assert!(refused.to_string().ends_with("it is a standby"), "{refused}");
    cluster.execute("postgres", "ALTER SYSTEM SET synchronous_standby_names = ''");
    cluster.execute("postgres", "SELECT pg_reload_conf()");
    let refused = loop {
        match open(options.clone()) {
            Ok(ledger) => assert!(ledger.shut_down()),
            Err(refused) => break refused.to_string(),
        }
    };
    assert!(refused.contains("synchronous_standby_names is empty"), "{refused}");
    // One that was open takes no votes and makes no acts any more.
    let act = ledger.act(vec![Act::Close(id("board"))], None).await;
    assert!(matches!(act, Err(LedgerError::NotStored(_))), "{act:?}");
    ledger.fresh().await.unwrap();
    let refused = ledger.vote(vec![vote("board", 1, ADA, 1)]).await.unwrap().remove(0);
    assert!(matches!(refused, Err(LedgerError::NotStored(_))), "{refused:?}");
    let by_storage = open(options.with_replication(Replication::Storage)).unwrap();
    assert_eq!(by_storage.vote(vec![vote("board", 1, ADA, 1)]).await.unwrap(), [Ok(RECORDED)]);
}

#[tokio::test]
async fn acknowledged_votes_survive_the_loss_of_the_primary() {
    let Some(cluster) = own_cluster() else { return };
    let subject = Postgres::new(&cluster, false);
    let options = subject.options().with_replication(Replication::Storage);
    let ledger = open(options.clone()).unwrap();
    ledger.act(running("board"), None).await.unwrap();
    for number in 1..=30 {
        let voted = ledger.vote(vec![vote("board", number, ADA, 1)]).await.unwrap();
        assert_eq!(voted, [Ok(RECORDED)]);
    }
    signal("-KILL", &cluster.pid("a"));
    let during = tokio::spawn(ledger.vote(vec![vote("board", 31, GRACE, 1)]));
    cluster.promote();
    assert_eq!(during.await.unwrap().unwrap(), [Ok(RECORDED)]);
    let votes: Vec<_> = (1..=31).map(|number| vote("board", number, GRACE, 2)).collect();
    let already = Ok(Outcome::Refused(Refusal::AlreadyVoted));
    assert!(ledger.vote(votes).await.unwrap().iter().all(|it| *it == already));
    ledger.act(vec![Act::Close(id("board"))], None).await.unwrap();
    let standing = ledger.fresh().await.unwrap().elections[0].clone();
    assert_eq!(standing.votes(), Some(&[30, 1][..]));
}
