//! Voter numbers that are divided among clusters: databases of one server, or servers of their own.

use std::sync::Arc;

use capvote::election::{Outcome, Refusal};
use capvote::ledger::postgres::{Options, PostgresLedger, Replication};
use capvote::ledger::{Act, Ledger, Metrics};

use super::super::conformance::Subject;
use super::super::{ADA, GRACE, id, running, vote};
use super::cluster::{cluster, own_cluster, own_cluster_with_laggard};
use super::failover::until;
use super::{Postgres, UNKNOWN_WAIT, open, secret};

const RECORDED: Outcome = Outcome::Recorded;
const BALLOTS: &str = "SELECT count(*) FROM ballots";

/// Votes under these numbers, each recorded.
async fn cast(ledger: &Arc<dyn Ledger>, of: std::ops::RangeInclusive<u64>) {
    let votes = of.map(|number| vote("board", number, ADA, number as u8)).collect::<Vec<_>>();
    let recorded = vec![Ok(RECORDED); votes.len()];
    assert_eq!(ledger.vote(votes).await.unwrap(), recorded);
}

/// The server with this data folder, with the databases of these addresses.
fn server(subject: &Postgres, addresses: &[&str], server: usize) -> Options {
    let (first, others) = addresses.split_first().unwrap();
    let first = subject.options_at(first, server).alone().with_secret(secret(1));
    others.iter().fold(first, |options, address| options.and_cluster(address).unwrap())
}

#[tokio::test]
async fn a_vote_is_in_the_cluster_of_its_number_and_the_close_has_all() {
    let Some(cluster) = cluster() else { return };
    let subject = Postgres::divided(cluster, true);
    let ledger = subject.open();
    ledger.act(running("board"), None).await.unwrap();
    cast(&ledger, 1..=40).await;
    let ballots = |rest: u64| {
        let database = subject.databases().nth(rest as usize).unwrap();
        cluster.query(database, "SELECT number FROM ballots ORDER BY number")
    };
    for rest in 0..3 {
        let of_it = (1..=40).filter(|number| number % 3 == rest).map(|it: u64| it.to_string());
        assert_eq!(ballots(rest), of_it.collect::<Vec<_>>());
    }
    let other = subject.open();
    assert_eq!(other.fresh().await.unwrap().elections[0].ballots, 40);
    let open = other.check(id("board")).await.unwrap();
    assert_eq!((open.ballots, open.numbers_used), (40, 40));
    other.act(vec![Act::Close(id("board"))], None).await.unwrap();
    for handle in [&ledger, &other] {
        assert_eq!(handle.fresh().await.unwrap().elections[0].votes(), Some(&[40, 0][..]));
        assert_eq!(handle.check(id("board")).await.unwrap().ballots, 40);
        let again = vec![vote("board", 7, ADA, 7), vote("board", 41, ADA, 41)];
        let decisions = [Ok(RECORDED), Ok(Outcome::Refused(Refusal::Closed))];
        assert_eq!(handle.vote(again).await.unwrap(), decisions);
    }
    let mut lines = ledger.sheet(id("board"), Default::default(), 100).await.unwrap().0;
    lines.dedup();
    assert_eq!(lines.len(), 40);
    // What is altered in a cluster is found.
    let alter = "UPDATE ballots SET sealed = sealed || 'x' WHERE number = 7";
    cluster.execute(&subject.others[0], alter);
    ledger.check(id("board")).await.unwrap_err();
}

/// A fence is made in a cluster for an act that is not made then: votes there wait for nothing.
#[tokio::test]
async fn a_fence_whose_act_was_never_made_is_taken_back() {
    let Some(cluster) = cluster() else { return };
    let subject = Postgres::divided(cluster, true);
    let (ledger, other) = (subject.open(), subject.open());
    ledger.act(running("board"), None).await.unwrap();
    cast(&ledger, 1..=6).await;
    let row = "SELECT state || '/' || version FROM elections";
    for fence in ["version = version + 100", "state = 2"] {
        let fence = format!(
            "UPDATE elections SET {fence}; INSERT INTO entries SELECT chain, max(seq) + 1, 5, 0, 0,
             '' FROM entries GROUP BY chain HAVING max(kind) = 4"
        );
        cluster.execute(&subject.others[0], &fence);
        for (handle, number) in [(&ledger, 10), (&other, 13)] {
            let votes = vec![vote("board", number, ADA, 1)];
            let decision = handle.vote(votes).await.unwrap().remove(0);
            assert!(decision.is_ok(), "{decision:?}");
        }
        assert_eq!(cluster.query(&subject.others[0], row), ["1/3"]);
    }
}

/// What is left of an election whose acts are lost is not counted for another with its key.
#[tokio::test]
async fn votes_of_an_election_whose_acts_are_lost_are_not_anothers() {
    let Some(cluster) = cluster() else { return };
    let subject = Postgres::divided(cluster, false);
    let ledger = subject.open();
    ledger.act(running("board"), None).await.unwrap();
    cast(&ledger, 1..=9).await;
    assert!(ledger.shut_down());
    let tables = "DROP TABLE ballots_1; TRUNCATE acts, roll, elections, holders, chains, entries, tallies, ballots;
        UPDATE ledger SET version = 0";
    cluster.execute(&subject.database, tables);
    let ledger = subject.open();
    ledger.act(running("board"), None).await.unwrap();
    assert_eq!(ledger.fresh().await.unwrap().elections[0].ballots, 0);
    cast(&ledger, 1..=6).await;
    ledger.act(vec![Act::Close(id("board"))], None).await.unwrap();
    let standing = ledger.fresh().await.unwrap().elections[0].clone();
    assert_eq!(standing.votes(), Some(&[6, 0][..]));
    ledger.check(id("board")).await.unwrap();
}

#[tokio::test]
async fn only_all_clusters_of_one_ledger_in_their_order_are_used() {
    let Some(cluster) = cluster() else { return };
    let subject = Postgres::divided(cluster, false);
    let addresses: Vec<_> = subject.databases().map(|it| cluster.address(it)).collect();
    let [a, b, c] = &addresses[..] else { panic!("there are three") };
    let other = Postgres::new(cluster, false);
    let foreign = cluster.address(&other.database);
    drop(open(server(&subject, &[a, b, c], 0)));
    drop(open(other.options()));
    for (addresses, database) in [
        (&[a, c, b][..], "database 2 of 3 that are given is cluster 3 of 3"),
        (&[a], "database 1 of 1 that are given is cluster 1 of 3"),
        (&[b, a, c], "database 1 of 3 that are given is cluster 2 of 3"),
        (&[a, b, &foreign], "database 3 of 3 that are given is cluster 1 of 1"),
        (&[&foreign, b, c], "database 1 of 3 that are given is cluster 1 of 1"),
    ] {
        let addresses: Vec<&str> = addresses.iter().map(|it| it.as_str()).collect();
        let options = server(&subject, &addresses, 0);
        let error = PostgresLedger::open(options, Metrics::new()).unwrap_err().to_string();
        assert!(error.contains(database), "{error}");
    }
    drop(open(server(&subject, &[a, b, c], 0)));
}

/// Who can write to two databases copies a ballot from the one to the other, with a chain for it.
#[tokio::test]
async fn a_ballot_does_not_count_in_two_clusters() {
    let Some(cluster) = cluster() else { return };
    let subject = Postgres::divided(cluster, true);
    let ledger = subject.open();
    ledger.act(running("board"), None).await.unwrap();
    cast(&ledger, 1..=9).await;
    let sealed = cluster.query(&subject.database, "SELECT sealed FROM ballots WHERE number = 3");
    let copy = format!(
        "UPDATE ballots SET number = 3, sealed = '{}' WHERE number = 4",
        sealed[0].replace('\'', "")
    );
    let original = "CREATE TABLE kept AS SELECT * FROM ballots WHERE number = 4";
    cluster.execute(&subject.others[0], original);
    cluster.execute(&subject.others[0], &copy);
    ledger.check(id("board")).await.unwrap_err();
    let close = ledger.act(vec![Act::Close(id("board"))], None).await;
    assert!(close.unwrap_err().to_string().contains("another cluster"));
    let restore = "UPDATE ballots SET number = kept.number, sealed = kept.sealed FROM kept
        WHERE ballots.number = 3";
    cluster.execute(&subject.others[0], restore);
    // It goes on by itself.
    until(|| ledger.snapshots().borrow().elections[0].votes() == Some(&[9, 0][..])).await;
    ledger.check(id("board")).await.unwrap();
}

/// A cluster does not answer, and is failed over: the votes of the other do not wait for it, and
/// its own are recorded then.
#[tokio::test]
async fn votes_of_one_cluster_do_not_wait_for_another() {
    let (Some(cluster), Some(other)) = (cluster(), own_cluster()) else { return };
    let subject = Postgres::new(cluster, true);
    let (address, there) = (cluster.address(&subject.database), other.database());
    let options = server(&subject, &[&address, &other.address(&there)], 0);
    let options = options.with_replication(Replication::Storage);
    let ledger: Arc<dyn Ledger> = open(options);
    ledger.act(running("board"), None).await.unwrap();
    cast(&ledger, 1..=10).await;
    assert_eq!(other.query(&there, BALLOTS), ["5"]);

    other.end("a");

    let late = tokio::spawn(ledger.vote(vec![vote("board", 11, ADA, 11)]));
    let odd = |number| ledger.part_of(number) == 1;
    assert!(odd(11.into()) && !odd(12.into()));
    for number in [12, 14, 16] {
        let voted = ledger.vote(vec![vote("board", number, ADA, 1)]).await.unwrap();
        assert_eq!(voted, [Ok(RECORDED)]);
    }
    assert!(!late.is_finished(), "{:?}", late.await);
    other.promote();
    assert_eq!(late.await.unwrap().unwrap(), [Ok(RECORDED)]);
    let rival = ledger.vote(vec![vote("board", 11, GRACE, 12)]).await.unwrap();
    assert_eq!(rival, [Ok(Outcome::Refused(Refusal::AlreadyVoted))]);
    ledger.act(vec![Act::Close(id("board"))], None).await.unwrap();
    let standing = ledger.fresh().await.unwrap().elections[0].clone();
    assert_eq!(standing.votes(), Some(&[14, 0][..]));
    assert_eq!(ledger.check(id("board")).await.unwrap().ballots, 14);
}

#[tokio::test]
async fn a_close_that_a_cluster_holds_up_goes_on_by_itself() {
    let (Some(cluster), Some(other)) = (cluster(), own_cluster()) else { return };
    let subject = Postgres::new(cluster, true);
    let (address, there) = (cluster.address(&subject.database), other.database());
    let options = server(&subject, &[&address, &other.address(&there)], 0);
    let options = options.with_replication(Replication::Storage).with_unknown_wait(UNKNOWN_WAIT);
    let ledger: Arc<dyn Ledger> = open(options);
    ledger.act(running("board"), None).await.unwrap();
    cast(&ledger, 1..=10).await;
    other.end("a");
    let close = ledger.act(vec![Act::Close(id("board"))], None).await.unwrap_err().to_string();
    assert!(close.contains("the count is not made yet"), "{close}");
    // Another election is opened meanwhile.
    ledger.act(running("other"), None).await.unwrap();
    other.start_again("a", other.primary);
    let is_closed = || ledger.snapshots().borrow().elections[0].votes() == Some(&[10, 0][..]);
    until(is_closed).await;
    assert_eq!(ledger.check(id("board")).await.unwrap().ballots, 10);
}

/// Its standby has not even heard of the election.
#[tokio::test]
async fn a_cluster_that_a_failover_set_back_gives_back_what_was_acknowledged() {
    let Some(cluster) = cluster() else { return };
    let Some(other) = own_cluster_with_laggard() else { return };
    let subject = Postgres::new(cluster, true);
    let (address, there) = (cluster.address(&subject.database), other.database());
    let laggard = other.laggard.unwrap();
    let hosts = [other.primary, other.standby, laggard].map(|port| format!("127.0.0.1:{port}"));
    let second = format!("postgres://postgres@{}/{there}", hosts.join(","));
    let options = server(&subject, &[&address, &second], 0);
    let metrics = Metrics::new();
    let options = options.with_replication(Replication::Storage);
    let ledger: Arc<dyn Ledger> = Arc::new(PostgresLedger::open(options, metrics.clone()).unwrap());
    other.leave_laggard_behind();
    ledger.act(running("board"), None).await.unwrap();
    cast(&ledger, 1..=20).await;
    other.end("a");
    other.end("b");
    other.promote_at(laggard);
    until(|| other.query_at(laggard, &there, BALLOTS) == ["10"]).await;
    assert_eq!(metrics.database().gone_votes(), (10, 0));
    cast(&ledger, 15..=24).await;
    ledger.act(vec![Act::Close(id("board"))], None).await.unwrap();
    let standing = ledger.fresh().await.unwrap().elections[0].clone();
    assert_eq!(standing.votes(), Some(&[24, 0][..]));
    assert_eq!(ledger.check(id("board")).await.unwrap().ballots, 24);
}
