//! Chains between servers: a close ends them, and a server goes on with those of a dead one.

use capvote::election::{Outcome, Refusal};
use capvote::ledger::postgres::PostgresLedger;
use capvote::ledger::{Act, Metrics};
use tokio_postgres::NoTls;

use super::super::conformance::Subject;
use super::super::{ADA, id, running, vote};
use super::failover::has_key;
use super::proxy::{Mode, Proxy};
use super::{Postgres, cluster, secret};

const RECORDED: Outcome = Outcome::Recorded;

/// A batch is in the database, and not committed, when another server closes the election: the
/// second of its chain, or the first.
#[tokio::test]
async fn a_batch_in_flight_at_the_close_is_late() {
    let Some(cluster) = cluster() else { return };
    for before in [1, 0] {
        is_late(&Postgres::new(cluster, true), before).await;
    }
}

/// A batch that comes late to a close, after so many others of its chain.
async fn is_late(subject: &Postgres, before: u64) {
    let cluster = &subject.cluster;
    let (ledger, other) = (subject.open(), subject.open());
    ledger.act(running("board"), None).await.unwrap();
    has_key(subject, &other).await;
    if before > 0 {
        let first = other.vote(vec![vote("board", 1, ADA, 1)]).await.unwrap();
        assert_eq!(first, [Ok(RECORDED)]);
    }
    let address = format!("postgres://postgres@127.0.0.1:{}/{}", cluster.primary, subject.database);
    let connect = || tokio_postgres::connect(&address, NoTls);
    let (number, connection) = connect().await.unwrap();
    tokio::spawn(connection);
    let (sheet, connection) = connect().await.unwrap();
    tokio::spawn(connection);
    // The batch waits for a number, and the close for the sheet.
    number.batch_execute("BEGIN; INSERT INTO ballots VALUES (1, 2, '', 0, 0)").await.unwrap();
    sheet.batch_execute("BEGIN; LOCK TABLE sheet IN EXCLUSIVE MODE").await.unwrap();
    let waits = async |what: &str| {
        let select = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
             AND datname = current_database() AND query LIKE 'INSERT INTO {what}%'"
        );
        while cluster.query(&subject.database, &select) != ["1"] {
            tokio::task::yield_now().await;
        }
    };
    let voted = tokio::spawn(other.vote(vec![vote("board", 2, ADA, 2)]));
    waits("ballots").await;
    let closed = tokio::spawn(ledger.act(vec![Act::Close(id("board"))], None));
    if before > 0 {
        waits("sheet").await;
    } else {
        // There is no row of a sheet to wait for.
        while !closed.is_finished() {
            tokio::task::yield_now().await;
        }
    }
    number.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(voted.await.unwrap().unwrap(), [Ok(Outcome::Refused(Refusal::Closed))]);
    sheet.batch_execute("ROLLBACK").await.unwrap();
    closed.await.unwrap().unwrap();
    let standing = ledger.fresh().await.unwrap().elections[0].clone();
    assert_eq!(standing.votes(), Some(&[before, 0][..]));
    assert_eq!(ledger.check(id("board")).await.unwrap().ballots, before);
}

/// An earlier try of a close has listed something else, or somebody wrote into the table.
#[tokio::test]
async fn rows_of_a_sheet_that_were_there_before_its_close_are_none_of_it() {
    let Some(cluster) = cluster() else { return };
    let subject = Postgres::new(cluster, true);
    let (ledger, other) = (subject.open(), subject.open());
    ledger.act(running("board"), None).await.unwrap();
    assert_eq!(ledger.vote(vec![vote("board", 1, ADA, 1)]).await.unwrap(), [Ok(RECORDED)]);
    let plant = "INSERT INTO sheet VALUES (1, 0, 'x', 'xxxx'), (1, 7, 'y', 'yyyy')";
    cluster.execute(&subject.database, plant);
    ledger.act(vec![Act::Close(id("board"))], None).await.unwrap();
    for handle in [&ledger, &other, &subject.open()] {
        let standing = handle.fresh().await.unwrap().elections[0].clone();
        assert_eq!(standing.votes(), Some(&[1, 0][..]));
        handle.check(id("board")).await.unwrap();
    }
}

#[tokio::test]
async fn a_chain_of_a_server_that_is_silent_is_taken_up_and_the_server_goes_on_when_it_wakes() {
    let Some(cluster) = cluster() else { return };
    let subject = Postgres::new(cluster, true);
    let proxy = Proxy::before(cluster.primary);
    let (port, database) = (proxy.port, &subject.database);
    let address = format!("postgres://postgres@127.0.0.1:{port}/{database}");
    let options = subject.options_at(&address, 7).alone().with_secret(secret(1));
    let silent = PostgresLedger::open(options, Metrics::new()).unwrap();
    let silent: std::sync::Arc<dyn capvote::ledger::Ledger> = std::sync::Arc::new(silent);
    silent.act(running("board"), None).await.unwrap();
    assert_eq!(silent.vote(vec![vote("board", 1, ADA, 1)]).await.unwrap(), [Ok(RECORDED)]);
    let ledger = subject.open();
    // It has the key before the other falls silent.
    has_key(&subject, &ledger).await;
    proxy.set(Mode::Hold);
    let past = "UPDATE leases SET seen = seen - interval '1 minute'";
    cluster.execute(database, past);
    assert_eq!(ledger.vote(vec![vote("board", 2, ADA, 2)]).await.unwrap(), [Ok(RECORDED)]);
    let entries = "SELECT chain || '/' || seq FROM entries ORDER BY chain, seq";
    assert_eq!(cluster.query(database, entries), ["1/1", "1/2"]);
    proxy.set(Mode::Pass);
    assert_eq!(silent.vote(vec![vote("board", 3, ADA, 3)]).await.unwrap(), [Ok(RECORDED)]);
    assert_eq!(ledger.vote(vec![vote("board", 4, ADA, 4)]).await.unwrap(), [Ok(RECORDED)]);
    assert_eq!(cluster.query(database, entries), ["1/1", "1/2", "1/3", "2/1"]);
    for handle in [&silent, &ledger] {
        assert_eq!(handle.fresh().await.unwrap().elections[0].ballots, 4);
        assert_eq!(handle.check(id("board")).await.unwrap().ballots, 4);
    }
}

/// A chain that its writer left with its connection is no other's, and not forgotten.
#[tokio::test]
async fn a_writer_goes_on_with_its_chain_over_a_new_connection() {
    let Some(cluster) = cluster() else { return };
    let subject = Postgres::new(cluster, true);
    let ledger = subject.open();
    ledger.act(running("board"), None).await.unwrap();
    for number in 1..=5 {
        let voted = ledger.vote(vec![vote("board", number, ADA, 1)]).await.unwrap();
        assert_eq!(voted, [Ok(RECORDED)]);
        cluster.execute(
            &subject.database,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
    }
    let chains = "SELECT count(*) FROM chains";
    assert_eq!(cluster.query(&subject.database, chains), ["1"]);
    assert_eq!(ledger.check(id("board")).await.unwrap().ballots, 5);
}
