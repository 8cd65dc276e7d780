//! Messages that the other side does not wait for leave with those that it does.

use std::future::pending;

use capvote::client::{Ballot, Client, VoteOutcome};
use capvote::election::{Definition, VoterNumber};
use capvote::ledger::{Act, Location};
use capvote::net::admission::Origin;
use capvote::net::connection;
use capvote::net::transport::DEFERRED_WAIT_MAX;
use capvote::schema::election_capnp::{directory, election};
use capvote::service::{Bootstrap, Guesses};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::*;

/// A stream, and the number of writes to it.
fn counted<S>(stream: S) -> (Choppy<S>, Rc<Cell<usize>>) {
    let stream = Choppy::new(stream, usize::MAX);
    let writes = stream.writes.clone();
    (stream, writes)
}

#[tokio::test(flavor = "local")]
async fn a_vote_takes_one_write_of_each_side_and_leaving_takes_none() {
    let data = tempfile::tempdir().unwrap();
    let ledger = Location::Directory(data.path().into()).open().unwrap();
    let names = vec!["Ada".into(), "Grace".into()];
    let board = Definition::new("board".parse().unwrap(), "The board".into(), names).unwrap();
    let issue = Act::Issue(board.id.clone(), vec![VoterNumber::from(7)]);
    let open = Act::Open(board.id.clone());
    ledger.act(vec![Act::Create(board.into()), issue, open], None).await.unwrap();
    let bootstrap = Bootstrap::new(ledger, Guesses::default());
    let bootstrap = move |calls| bootstrap.capability(calls, Origin::Here);

    let (near, far) = duplex(64 * 1024);
    let (near, by_voter) = counted(near);
    let (far, by_server) = counted(far);
    let serving = spawn_local(connection::serve(far, bootstrap, CancellationToken::new()));
    let voting = spawn_local(async move {
        let client = Client::over(near);
        let mut texts = 0;
        let ballot = Ballot::new("Ada", 7.into()).unwrap();
        let outcome = client.election("board").vote(&ballot, |_| texts += 1).await.unwrap();
        assert!(matches!(outcome, VoteOutcome::Recorded(_)) && texts == 1);
    });
    timeout(TIMEOUT, voting).await.unwrap().unwrap();
    timeout(TIMEOUT, serving).await.unwrap().unwrap();
    assert_eq!((by_voter.get(), by_server.get()), (1, 1));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn what_nobody_waits_for_leaves_within_a_second() {
    let (near, far) = duplex(64 * 1024);
    let (near, writes) = counted(near);
    serve(ours, far, new_client::<message_sink::Client, _>(Texts::default()).client);
    let remote: message_sink::Client = connect(ours, near);
    remote.message_request().send().promise.await.unwrap();
    sleep(DEFERRED_WAIT_MAX / 2).await;
    assert_eq!(writes.get(), 1);
    // The answer is finished.
    sleep(DEFERRED_WAIT_MAX).await;
    assert_eq!(writes.get(), 2);
    sleep(10 * DEFERRED_WAIT_MAX).await;
    assert_eq!(writes.get(), 2);
}

/// Has an election that does not answer.
pub(crate) struct Silent;

impl directory::Server for Silent {
    async fn election(
        self: Rc<Self>,
        _: directory::ElectionParams,
        mut results: directory::ElectionResults,
    ) -> capnp::Result<()> {
        results.get().set_election(new_client(Silent));
        Ok(())
    }
}

impl election::Server for Silent {
    async fn info(
        self: Rc<Self>,
        _: election::InfoParams,
        _: election::InfoResults,
    ) -> capnp::Result<()> {
        pending().await
    }
}

/// A client makes a call on an answer, and waits for the answer nevertheless.
#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_that_is_called_on_comes_although_the_call_is_not_answered() {
    for (make, wait) in [(ours as Make, DEFERRED_WAIT_MAX), (stock, Duration::ZERO)] {
        let (near, far) = duplex(64 * 1024);
        serve(make, far, new_client::<directory::Client, _>(Silent).client);
        let remote: directory::Client = connect(ours, near);
        let begun = Instant::now();
        let election = remote.election_request().send();
        let _unanswered = election.pipeline.get_election().info_request().send();
        timeout(TIMEOUT, election.promise).await.unwrap().unwrap();
        // The timers of tokio count in milliseconds.
        let waited = begun.elapsed();
        assert!(waited.abs_diff(wait) < Duration::from_millis(5), "{waited:?}");
    }
}
