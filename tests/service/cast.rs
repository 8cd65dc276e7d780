//! `cast`: retries until the outcome of the vote is known.

use std::rc::Rc;

use capvote::client::{CastOutcome, Error, VoteOutcome, cast};
use capvote::net::admission::Origin;
use capvote::net::connection;
use capvote::net::link::Link;
use capvote::schema::election_capnp::{directory, election};
use capvote::service::{Bootstrap, Guesses};
use tokio::io::{AsyncWriteExt, copy, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::harness::{Harness, ballot, board, soon};

/// A listener whose connections the test handles, and its link.
pub(crate) async fn listen() -> (TcpListener, Link) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let link = format!("capvote://{}", listener.local_addr().unwrap()).parse().unwrap();
    (listener, link)
}

/// Forwards a vote to the server and loses its answer: the vote is recorded, but the voter does not
/// learn that.
pub(crate) async fn lose_an_answer(server: &Harness, listener: &TcpListener) {
    let (mut voter, _) = listener.accept().await.unwrap();
    let mut stream = server.stream();
    let mut changes = server.ledger.snapshots();
    let forward = async {
        copy(&mut voter, &mut stream).await?;
        stream.flush().await
    };
    tokio::select! {
        _ = forward => panic!("the voter disconnected"),
        recorded = changes.wait_for(|board| board.elections[0].ballots == 1) => {
            drop(recorded.unwrap());
        }
    }
}

/// Serves a connection as a stopping server does.
fn serve_stopping(server: &Harness, voter: TcpStream) {
    let bootstrap = Bootstrap::new(server.ledger.clone(), Guesses::default());
    let bootstrap = move |calls: connection::CallTracker| {
        calls.close();
        bootstrap.capability(calls, Origin::Here)
    };
    tokio::task::spawn_local(connection::serve(voter, bootstrap, CancellationToken::new()));
}

/// A server that throttles every vote for a long time.
struct Throttling;

impl directory::Server for Throttling {
    async fn election(
        self: Rc<Self>,
        _: directory::ElectionParams,
        mut results: directory::ElectionResults,
    ) -> capnp::Result<()> {
        results.get().set_election(capnp_rpc::new_client(Self));
        Ok(())
    }
}

impl election::Server for Throttling {
    async fn vote(
        self: Rc<Self>,
        _: election::VoteParams,
        mut results: election::VoteResults,
    ) -> capnp::Result<()> {
        results.get().init_outcome().set_throttled(u32::MAX);
        Ok(())
    }
}

#[tokio::test(flavor = "local")]
async fn a_vote_with_a_lost_answer_is_retried_also_while_the_server_is_stopping() {
    let server = board().await;
    let (listener, link) = listen().await;
    let there = server.clone();
    let serving = tokio::task::spawn_local(async move {
        lose_an_answer(&there, &listener).await;
        serve_stopping(&there, listener.accept().await.unwrap().0);
        let (mut voter, _) = listener.accept().await.unwrap();
        copy_bidirectional(&mut voter, &mut there.stream()).await.ok();
    });
    let cast = soon(cast(&link, "board", &ballot("Ada", 7), |_| {})).await.unwrap();
    assert!(
        matches!(cast, CastOutcome { outcome: VoteOutcome::Recorded(_), retried: true }),
        "{cast:?}"
    );
    assert_eq!(server.tally().await[0], ("Ada".to_string(), 1));
    serving.await.unwrap();
}

#[tokio::test(flavor = "local")]
async fn a_vote_refused_by_a_stopping_server_is_cast_again() {
    let server = board().await;
    let (listener, link) = listen().await;
    let there = server.clone();
    tokio::task::spawn_local(async move {
        serve_stopping(&there, listener.accept().await.unwrap().0);
        let (mut voter, _) = listener.accept().await.unwrap();
        copy_bidirectional(&mut voter, &mut there.stream()).await.ok();
    });
    let cast = soon(cast(&link, "board", &ballot("Ada", 7), |_| {})).await.unwrap();
    assert!(
        matches!(cast, CastOutcome { outcome: VoteOutcome::Recorded(_), retried: false }),
        "{cast:?}"
    );
}

/// The error of casting if the first answer is lost and `then` handles all retries.
async fn cast_in_vain(then: impl AsyncFnOnce(Rc<Harness>, TcpListener) + 'static) -> Error {
    let server = board().await;
    let (listener, link) = listen().await;
    let there = server.clone();
    tokio::task::spawn_local(async move {
        lose_an_answer(&there, &listener).await;
        then(there, listener).await;
    });
    let error = cast(&link, "board", &ballot("Ada", 7), |_| {}).await.unwrap_err();
    assert_eq!(server.snapshot().elections[0].ballots, 1);
    error
}

#[tokio::test(flavor = "local")]
async fn after_a_lost_answer_a_stopping_server_leaves_the_outcome_uncertain() {
    let stopping = cast_in_vain(async |server, listener| {
        // From here on the test only waits.
        tokio::time::pause();
        loop {
            serve_stopping(&server, listener.accept().await.unwrap().0);
        }
    });
    let error = stopping.await;
    assert!(matches!(error, Error::Uncertain(_)), "{error:?}");
}

#[tokio::test(flavor = "local")]
async fn after_a_lost_answer_throttled_retries_leave_the_outcome_uncertain() {
    let throttling = cast_in_vain(async |_, listener| {
        let (voter, _) = listener.accept().await.unwrap();
        let bootstrap = |_| capnp_rpc::new_client::<directory::Client, _>(Throttling).client;
        connection::serve(voter, bootstrap, CancellationToken::new()).await;
    });
    let error = throttling.await;
    let Error::Uncertain(last) = &error else { panic!("{error:?}") };
    assert!(last.to_string().contains("wait 4294968 seconds"), "{error:?}");
}

#[tokio::test(flavor = "local")]
async fn after_a_lost_answer_an_unreachable_server_leaves_the_outcome_uncertain() {
    let gone = cast_in_vain(async |_, listener| {
        drop(listener);
        tokio::time::pause();
    });
    let error = gone.await;
    let Error::Uncertain(last) = &error else { panic!("{error:?}") };
    assert!(matches!(**last, Error::Unreachable { .. }), "{error:?}");
    // The text names each cause once.
    let text = format!("{:#}", anyhow::Error::new(error));
    assert!(
        text.starts_with("it is not known whether the vote was recorded: cannot reach "),
        "{text}"
    );
    assert_eq!(text.matches("refused").count(), 1, "{text}");
}

#[tokio::test(flavor = "local")]
async fn a_server_that_was_never_reached_is_reported_at_once() {
    let (listener, link) = listen().await;
    drop(listener);
    let error = soon(cast(&link, "board", &ballot("Ada", 7), |_| {})).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
}
