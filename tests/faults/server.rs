//! A whole server on a failing disk: it ends, and voters get through to the next one.

use std::path::Path;
use std::sync::Arc;

use capvote::client::{ActOutcome, Ballot, CastOutcome, Client, Error, VoteOutcome, cast};
use capvote::election::{Definition, VoterNumber};
use capvote::net::link::Link;
use capvote::server::{Config, NewElection, RunError, Server};
use capvote_soak::disk::{Disk, Fault, Operation};
use capvote_soak::histories::scratch;
use futures::future::{join, join_all, pending};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::copies::fail_copies;

const VOTERS: u32 = 60;

/// A folder on a simulated disk.
fn folder() -> (TempDir, Arc<Disk>) {
    let folder = tempfile::tempdir_in(scratch()).unwrap();
    let disk = Disk::new(folder.path(), 1).unwrap();
    (folder, disk)
}

fn config(data: &Path) -> Config {
    let candidates = ["Ada", "Grace"].map(String::from).to_vec();
    let definition = Definition::new("board".parse().unwrap(), String::new(), candidates).unwrap();
    Config {
        listen: vec!["capvote://127.0.0.1:0".parse().unwrap()],
        election: Some(NewElection { definition: definition.into(), voters: VOTERS }),
        ..Config::new(data)
    }
}

fn ballots(data: &Path) -> Vec<Ballot> {
    let file = std::fs::read_to_string(data.join("board.numbers.csv")).unwrap();
    let numbers = file.lines().skip(1).map(|line| line.parse::<VoterNumber>().unwrap());
    numbers.map(|number| Ballot::new("Ada", number).unwrap()).collect()
}

/// Lets every sync of the WAL fail.
fn fail_syncs(disk: &Disk) {
    disk.plan(|operation, name| {
        let fails = operation == Operation::Sync && name.ends_with("-wal");
        fails.then_some(Fault::Fails)
    });
}

async fn recorded(link: &Link) -> u64 {
    let client = Client::connect(link).await.unwrap();
    client.election("board").results().await.unwrap().ballots
}

#[tokio::test(flavor = "local")]
async fn a_failed_sync_ends_the_server_and_every_voter_gets_through_to_the_next() {
    let (data, disk) = folder();
    let mut config = config(data.path());
    let server = Server::start(config.clone()).await.unwrap();
    let link = server.links().next().unwrap().clone();
    config.listen = vec![link.clone()];
    let ballots = ballots(data.path());
    let (before, after) = ballots.split_at(5);
    let (done, stop) = oneshot::channel::<()>();
    let serving = async {
        let ended = server.run(pending()).await;
        assert_eq!(ended, Err(RunError::Ledger));
        disk.repair();
        let server = Server::start(config).await.unwrap();
        server.run(async { stop.await.unwrap() }).await.unwrap();
    };
    let voting = async {
        for ballot in before {
            let cast = cast(&link, "board", ballot, |_| {}).await.unwrap();
            assert!(matches!(cast.outcome, VoteOutcome::Recorded(_)), "{cast:?}");
        }
        fail_syncs(&disk);
        let casts = after.iter().map(|ballot| cast(&link, "board", ballot, |_| {}));
        for cast in join_all(casts).await {
            let CastOutcome { outcome, .. } = cast.unwrap();
            assert!(matches!(outcome, VoteOutcome::Recorded(_)), "{outcome:?}");
        }
        assert_eq!(recorded(&link).await, u64::from(VOTERS));
        done.send(()).unwrap();
    };
    join(serving, voting).await;
}

#[tokio::test(flavor = "local")]
async fn a_write_that_certainly_stored_nothing_does_not_end_the_server() {
    // What SQLite makes of ENOSPC, and of EFBIG, EDQUOT and EIO.
    for (fault, why) in [(Fault::Full, "full"), (Fault::Fails, "disk I/O error")] {
        let (data, disk) = folder();
        let server = Server::start(config(data.path())).await.unwrap();
        let link = server.links().next().unwrap().clone();
        let ballots = ballots(data.path());
        let (done, stop) = oneshot::channel::<()>();
        let voting = async {
            disk.plan(move |operation, _| (operation == Operation::Write).then_some(fault));
            let client = Client::connect(&link).await.unwrap();
            let election = client.election("board");
            let error = election.vote(&ballots[0], |_| {}).await.unwrap_err();
            let Error::Remote(text) = error else { panic!("{error:?}") };
            assert!(text.starts_with("the vote was not recorded") && text.contains(why), "{text}");
            assert_eq!(recorded(&link).await, 0);
            disk.repair();
            for ballot in &ballots[..2] {
                let outcome = election.vote(ballot, |_| {}).await.unwrap();
                assert!(matches!(outcome, VoteOutcome::Recorded(_)), "{outcome:?}");
            }
            assert_eq!(recorded(&link).await, 2);
            done.send(()).unwrap();
        };
        let serving = server.run(async { stop.await.unwrap() });
        let (ended, ()) = join(serving, voting).await;
        assert_eq!(ended, Ok(()));
    }
}

#[tokio::test(flavor = "local")]
async fn a_failed_sync_of_the_copied_log_ends_the_server_and_loses_nothing() {
    let (data, disk) = folder();
    let config = config(data.path());
    let server = Server::start(config.clone()).await.unwrap();
    let link = server.links().next().unwrap().clone();
    let officer = std::fs::read_to_string(data.path().join("officer.link")).unwrap();
    let token = officer.trim().parse::<Link>().unwrap().token.unwrap();
    let ballots = ballots(data.path());
    let acting = async {
        let client = Client::connect(&link).await.unwrap();
        fail_copies(&disk, true);
        // An act is copied at once. It is stored nevertheless.
        let other = Definition::new("other".parse().unwrap(), String::new(), vec!["Ada".into()]);
        let created = client.restore(&token).returning_officer().create(&other.unwrap()).await;
        assert_eq!(created.unwrap(), ActOutcome::Done);
        let outcome = client.election("board").vote(&ballots[0], |_| {}).await;
        matches!(outcome, Ok(VoteOutcome::Recorded(_)))
    };
    let (ended, was_recorded) = join(server.run(pending()), acting).await;
    assert_eq!(ended, Err(RunError::Ledger));
    disk.repair();
    let server = Server::start(config).await.unwrap();
    let link = server.links().next().unwrap().clone();
    let checking = async {
        let client = Client::connect(&link).await.unwrap();
        assert_eq!(client.elections().await.unwrap().len(), 2);
        assert!(recorded(&link).await >= u64::from(was_recorded));
    };
    tokio::select! {
        _ = server.run(pending()) => panic!("the next server ended"),
        () = checking => {}
    }
}
