//! Failovers that lose what was acknowledged: it comes back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use capvote::election::{Outcome, Refusal};
use capvote::ledger::postgres::{Options, PostgresLedger, Replication};
use capvote::ledger::{Act, Ledger, LedgerError, Metrics, Replicated};

use super::super::{ADA, GRACE, id, numbers, running, vote};
use super::cluster::{Cluster, own_cluster, own_cluster_with_laggard};
use super::proxy::{Mode, Proxy};
use super::{Postgres, secret};

const RECORDED: Outcome = Outcome::Recorded;
const BALLOTS: &str = "SELECT count(*) FROM ballots";

pub(super) fn open(options: Options) -> (Arc<dyn Ledger>, Metrics) {
    let metrics = Metrics::new();
    let options = options.with_replication(Replication::Storage);
    (Arc::new(PostgresLedger::open(options, metrics.clone()).unwrap()), metrics)
}

/// The address of the database at these ports.
fn address(subject: &Postgres, ports: &[u16]) -> String {
    let hosts: Vec<_> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    format!("postgres://postgres@{}/{}", hosts.join(","), subject.database)
}

/// The options of a server at these ports.
fn server(subject: &Postgres, ports: &[u16], server: usize) -> Options {
    subject.options_at(&address(subject, ports), server).alone().with_secret(secret(1))
}

/// Waits until a server has the key of the only election.
pub(super) async fn has_key(subject: &Postgres, ledger: &Arc<dyn Ledger>) {
    let keys = "SELECT count(*) FROM holders WHERE wrapped IS NULL";
    ledger.fresh().await.unwrap();
    until(|| subject.cluster.query(&subject.database, keys) == ["0"]).await;
    ledger.fresh().await.unwrap();
}

/// Votes under these numbers, each recorded.
async fn cast(ledger: &Arc<dyn Ledger>, election: &str, of: std::ops::RangeInclusive<u64>) {
    for number in of {
        let voted = ledger.vote(vec![vote(election, number, ADA, number as u8)]).await.unwrap();
        assert_eq!(voted, [Ok(RECORDED)], "{number}");
    }
}

/// The laggard becomes the primary, and there is no other server.
fn fail_over(cluster: &Cluster) {
    cluster.end("a");
    cluster.end("b");
    cluster.promote_at(cluster.laggard.unwrap());
}

pub(super) async fn until(mut is: impl FnMut() -> bool) {
    let end = tokio::time::Instant::now() + Duration::from_secs(60);
    while !is() {
        assert!(tokio::time::Instant::now() < end, "it does not come");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn acknowledged_votes_that_a_failover_loses_come_back() {
    let Some(cluster) = own_cluster_with_laggard() else { return };
    let subject = Postgres::new(&cluster, false);
    let laggard = cluster.laggard.unwrap();
    let ports = [cluster.primary, cluster.standby, laggard];
    let (ledger, metrics) = open(server(&subject, &ports, 0));
    ledger.act(running("board"), None).await.unwrap();
    cast(&ledger, "board", 1..=10).await;
    cluster.leave_laggard_behind();
    cast(&ledger, "board", 11..=40).await;
    assert_eq!(cluster.query_at(laggard, &subject.database, BALLOTS), ["10"]);
    fail_over(&cluster);
    // Nobody asks for them.
    until(|| cluster.query_at(laggard, &subject.database, BALLOTS) == ["40"]).await;
    let standing = ledger.fresh().await.unwrap().elections[0].clone();
    assert_eq!((standing.ballots, metrics.database().gone_votes()), (40, (30, 0)));
    let promoted = Replicated { standbys: 0, lag_bytes: 0, timeline: 2 };
    until(|| metrics.database().replicated(1) == Some(promoted)).await;
    cast(&ledger, "board", 35..=41).await;
    let again = ledger.vote(vec![vote("board", 40, GRACE, 99)]).await.unwrap();
    assert_eq!(again, [Ok(Outcome::Refused(Refusal::AlreadyVoted))]);
    assert_eq!(ledger.check(id("board")).await.unwrap().ballots, 41);
    ledger.act(vec![Act::Close(id("board"))], None).await.unwrap();
    let standing = ledger.fresh().await.unwrap().elections[0].clone();
    assert_eq!(standing.votes(), Some(&[41, 0][..]));
    ledger.check(id("board")).await.unwrap();
}

/// Its kernel goes on accepting connections, and nobody answers them.
#[tokio::test]
async fn a_primary_that_hangs_keeps_no_server_from_the_one_that_is_promoted() {
    let Some(cluster) = own_cluster() else { return };
    let subject = Postgres::new(&cluster, false);
    let proxy = Proxy::before(cluster.primary);
    let (ledger, _) = open(server(&subject, &[proxy.port, cluster.standby], 0));
    ledger.act(running("board"), None).await.unwrap();
    cast(&ledger, "board", 1..=1).await;
    let asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'capvote'";
    until(|| cluster.query_at(cluster.standby, "postgres", asked) == ["0"]).await;
    proxy.set(Mode::Hold);
    let held = Instant::now();
    let voting = tokio::spawn(ledger.vote(vec![vote("board", 2, ADA, 2)]));
    // The old connection is given up, and the standby says that it is one.
    let is_given_up = || held.elapsed() > Duration::from_secs(5);
    let is_asked = || cluster.query_at(cluster.standby, "postgres", asked) != ["0"];
    until(|| is_given_up() && is_asked()).await;
    cluster.promote();
    let promoted = Instant::now();
    assert_eq!(voting.await.unwrap().unwrap(), [Ok(RECORDED)]);
    // Whoever waits for the one that hangs waits for 5 s.
    assert!(promoted.elapsed() < Duration::from_secs(4), "{:?}", promoted.elapsed());
}

/// Two servers have acknowledged votes that a failover loses. One of them does not reach the
/// database at first: the other uses one of its numbers again, and closes the election.
#[tokio::test]
async fn a_close_waits_for_votes_that_another_server_brings_back() {
    let Some(cluster) = own_cluster_with_laggard() else { return };
    let subject = Postgres::new(&cluster, true);
    let laggard = cluster.laggard.unwrap();
    let proxy = Proxy::before(laggard);
    let ports = [cluster.primary, cluster.standby, laggard];
    let (ledger, metrics) = open(server(&subject, &ports, 0));
    let ports = [cluster.primary, cluster.standby, proxy.port];
    let (other, of_other) = open(server(&subject, &ports, 1));
    ledger.act(running("board"), None).await.unwrap();
    has_key(&subject, &other).await;
    cluster.leave_laggard_behind();
    cast(&ledger, "board", 1..=10).await;
    cast(&other, "board", 11..=20).await;
    proxy.set(Mode::Refuse);
    fail_over(&cluster);
    cast(&ledger, "board", 21..=21).await;
    assert_eq!(ledger.vote(vec![vote("board", 20, GRACE, 99)]).await.unwrap(), [Ok(RECORDED)]);
    let closing = tokio::spawn(ledger.act(vec![Act::Close(id("board"))], None));
    let asking =
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%FROM leases WHERE server <>%'
        AND pid <> pg_backend_pid()";
    until(|| cluster.query_at(laggard, "postgres", asking) == ["1"]).await;
    assert!(!closing.is_finished());
    proxy.set(Mode::Pass);
    closing.await.unwrap().unwrap();
    assert_eq!(
        (metrics.database().gone_votes(), of_other.database().gone_votes()),
        ((10, 0), (9, 1))
    );
    for handle in [&ledger, &other] {
        let standing = handle.fresh().await.unwrap().elections[0].clone();
        assert_eq!(standing.votes(), Some(&[20, 1][..]));
        handle.check(id("board")).await.unwrap();
    }
}

#[tokio::test]
async fn a_close_does_not_wait_for_a_dead_server() {
    close_without_another(true).await;
}

#[tokio::test]
async fn a_close_goes_on_without_a_server_that_is_silent() {
    close_without_another(false).await;
}

/// Closes after a failover that another server has not heard of, whose lease is over already, or
/// will be.
async fn close_without_another(is_over: bool) {
    let Some(cluster) = own_cluster() else { return };
    let subject = Postgres::new(&cluster, true);
    let proxy = Proxy::before(cluster.primary);
    let (ledger, _) = open(server(&subject, &[cluster.standby, cluster.primary], 0));
    let (other, _) = open(server(&subject, &[proxy.port], 1));
    ledger.act(running("board"), None).await.unwrap();
    has_key(&subject, &other).await;
    cast(&other, "board", 1..=5).await;
    let leases = "SELECT count(*) FROM leases";
    assert_eq!(cluster.query(&subject.database, leases), ["2"]);
    proxy.set(Mode::Refuse);
    cluster.end("a");
    cluster.promote();
    if is_over {
        let past = "UPDATE leases SET seen = seen - interval '1 minute' WHERE timeline = 1";
        cluster.query_at(cluster.standby, &subject.database, past);
    }
    ledger.act(vec![Act::Close(id("board"))], None).await.unwrap();
    let standing = ledger.fresh().await.unwrap().elections[0].clone();
    assert_eq!(standing.votes(), Some(&[5, 0][..]));
    // The close removes what it left.
    assert_eq!(cluster.query_at(cluster.standby, &subject.database, leases), ["1"]);
}

#[tokio::test]
async fn acts_that_a_failover_loses_were_never_made() {
    let Some(cluster) = own_cluster_with_laggard() else { return };
    let subject = Postgres::new(&cluster, false);
    let ports = [cluster.primary, cluster.standby, cluster.laggard.unwrap()];
    let (ledger, metrics) = open(server(&subject, &ports, 0));
    ledger.act(running("board"), None).await.unwrap();
    cluster.leave_laggard_behind();
    ledger.act(vec![Act::Issue(id("board"), numbers([5_000]))], None).await.unwrap();
    cast(&ledger, "board", 1..=10).await;
    cast(&ledger, "board", 5_000..=5_000).await;
    ledger.act(running("cake"), None).await.unwrap();
    cast(&ledger, "cake", 1..=3).await;
    fail_over(&cluster);
    until(|| metrics.database().gone_votes() == (10, 4)).await;
    assert_eq!(ledger.fresh().await.unwrap().elections.len(), 1);
    let voted = ledger.vote(vec![vote("board", 5_000, ADA, 1)]).await.unwrap();
    assert_eq!(voted, [Ok(Outcome::Refused(Refusal::UnknownVoterNumber))]);
    ledger.act(running("cake"), None).await.unwrap();
    cast(&ledger, "cake", 1..=3).await;
    for (election, ballots) in [("board", 10), ("cake", 3)] {
        assert_eq!(ledger.check(id(election)).await.unwrap().ballots, ballots);
    }
}

#[tokio::test]
async fn an_old_primary_that_is_started_again_is_not_used() {
    let Some(cluster) = own_cluster() else { return };
    let subject = Postgres::new(&cluster, false);
    let (ledger, _) = open(subject.options().with_unknown_wait(Duration::from_secs(1)));
    ledger.act(running("board"), None).await.unwrap();
    cast(&ledger, "board", 1..=1).await;
    cluster.end("a");
    cluster.promote();
    until(|| cluster.query_at(cluster.standby, "postgres", "SELECT pg_is_in_recovery()") == ["f"])
        .await;
    while ledger.fresh().await.is_err() {}
    cast(&ledger, "board", 2..=2).await;
    cluster.end("b");
    cluster.start_again("a", cluster.primary);
    // Nobody waits for a standby there: it would take a vote.
    cluster.execute("postgres", "ALTER SYSTEM SET synchronous_standby_names = ''");
    cluster.execute("postgres", "SELECT pg_reload_conf()");
    let refused = ledger.vote(vec![vote("board", 3, ADA, 3)]).await.unwrap().remove(0);
    let Err(LedgerError::NotStored(why)) = refused else { panic!("{refused:?}") };
    assert!(why.contains("it is on timeline 1, and a later one was used"), "{why}");
    assert_eq!(cluster.query(&subject.database, BALLOTS), ["1"]);
    cluster.start_again("b", cluster.standby);
    cast(&ledger, "board", 3..=3).await;
    assert_eq!(cluster.query_at(cluster.standby, &subject.database, BALLOTS), ["3"]);
    assert_eq!(ledger.check(id("board")).await.unwrap().ballots, 3);
}
