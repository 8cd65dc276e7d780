//! Casting until it is known what became of the vote.

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

/// A place to connect to, where the test says what becomes of each connection.
async fn door() -> (TcpListener, Link) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let link = format!("capvote://{}", listener.local_addr().unwrap()).parse().unwrap();
    (listener, link)
}

/// Passes a vote on, and loses what is said to it: it is recorded, and nobody is told.
async fn lose_an_answer(server: &Harness, listener: &TcpListener) {
    let (mut voter, _) = listener.accept().await.unwrap();
    let mut stream = server.stream();
    let mut changes = server.ledger.snapshots();
    tokio::select! {
        _ = async { copy(&mut voter, &mut stream).await?; stream.flush().await } => panic!("the voter hung up"),
        recorded = changes.wait_for(|board| board.elections[0].ballots == 1) => drop(recorded.unwrap()),
    }
}

/// Serves a connection as a server does that is stopping.
fn serve_stopping(server: &Harness, voter: TcpStream) {
    let bootstrap = Bootstrap::new(server.ledger.clone(), Guesses::default());
    let bootstrap = move |calls: connection::CallTracker| {
        calls.close();
        bootstrap.capability(calls, Origin::Here)
    };
    tokio::task::spawn_local(connection::serve(voter, bootstrap, CancellationToken::new()));
}

/// A server that hears nobody for a long time.
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
async fn a_lost_answer_is_asked_for_again_also_of_a_server_that_is_stopping() {
    let server = board().await;
    let (listener, link) = door().await;
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
async fn a_server_that_is_stopping_is_asked_again() {
    let server = board().await;
    let (listener, link) = door().await;
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

/// What casting comes to where the first answer is lost, and every later try meets with this.
async fn cast_in_vain(then: impl AsyncFnOnce(Rc<Harness>, TcpListener) + 'static) -> Error {
    let server = board().await;
    let (listener, link) = door().await;
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
async fn that_an_answer_was_lost_is_never_forgotten() {
    let stopping = cast_in_vain(async |server, listener| {
        // From here on there is only waiting.
        tokio::time::pause();
        loop {
            serve_stopping(&server, listener.accept().await.unwrap().0);
        }
    });
    let error = stopping.await;
    assert!(matches!(error, Error::Uncertain(_)), "{error:?}");
}

#[tokio::test(flavor = "local")]
async fn that_an_answer_was_lost_is_not_forgotten_where_nobody_is_heard() {
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
async fn that_an_answer_was_lost_is_not_forgotten_where_the_server_is_gone() {
    let gone = cast_in_vain(async |_, listener| {
        drop(listener);
        tokio::time::pause();
    });
    let error = gone.await;
    let Error::Uncertain(last) = &error else { panic!("{error:?}") };
    assert!(matches!(**last, Error::Unreachable { .. }), "{error:?}");
    // Each cause is told once.
    let told = format!("{:#}", anyhow::Error::new(error));
    assert!(
        told.starts_with("it is not known whether the vote was recorded: cannot reach "),
        "{told}"
    );
    assert_eq!(told.matches("refused").count(), 1, "{told}");
}

#[tokio::test(flavor = "local")]
async fn a_server_that_was_never_there_is_told_of_at_once() {
    let (listener, link) = door().await;
    drop(listener);
    let error = soon(cast(&link, "board", &ballot("Ada", 7), |_| {})).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
}
