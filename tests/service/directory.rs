//! The directory: looking up elections, and restoring tokens.

use capvote::client::{Ballot, Error};
use capvote::election::ElectionState;
use capvote::net::transport::UNFINISHED_QUESTIONS_MAX;

use crate::harness::{board, harness, soon};

fn reason<T: std::fmt::Debug>(answer: Result<T, Error>) -> String {
    match answer {
        Err(Error::Remote(reason) | Error::Overloaded(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "local")]
async fn elections_are_found_by_id_and_a_single_one_also_without() {
    let harness = board().await;
    let client = harness.connect();
    for id in ["", "board"] {
        let info = soon(client.election(id).info()).await.unwrap();
        assert_eq!(
            (info.id.as_str(), info.title.as_str(), info.voters),
            ("board", "The board", 1_000)
        );
        assert_eq!(
            (info.candidates, info.state),
            (vec!["Ada".into(), "Grace".into()], Some(ElectionState::Open))
        );
    }
    for id in ["Board", "board ", "\n", &"x".repeat(10_000)] {
        let reason = reason(soon(client.election(id).info()).await);
        assert!(reason.contains("there is no election") && reason.contains("board"), "{reason}");
        assert!(reason.len() < 300, "{reason}");
    }
}

#[tokio::test(flavor = "local")]
async fn a_lookup_without_an_id_needs_exactly_one_election() {
    let none = harness(&[]).await;
    assert!(soon(none.connect().elections()).await.unwrap().is_empty());
    assert_eq!(
        reason(soon(none.connect().election("").info()).await),
        "there is no election on this server"
    );

    let two = harness(&[("board", &["Ada"], 5), ("cake", &["Plum", "Apple"], 0)]).await;
    let client = two.connect();
    assert_eq!(
        reason(soon(client.election("").results()).await),
        "which election? There are board, cake"
    );
    let elections = soon(client.elections()).await.unwrap();
    let states: Vec<_> = elections.iter().map(|info| (info.id.as_str(), info.state)).collect();
    assert_eq!(
        states,
        [("board", Some(ElectionState::Open)), ("cake", Some(ElectionState::Draft))]
    );
}

#[tokio::test(flavor = "local")]
async fn a_wrong_token_restores_nothing() {
    let harness = board().await;
    let client = harness.connect();
    for token in [&b""[..], b"guess", &[7; 32], &[7; 100_000]] {
        let mut request = client.directory().restore_request();
        request.get().set_token(token);
        let error = soon(request.send().promise).await.err().unwrap();
        assert!(error.extra.contains("opens nothing here"), "{error}");
    }
}

#[tokio::test(flavor = "local")]
async fn calls_fail_after_the_connection_ends() {
    let harness = board().await;
    let client = harness.connect();
    let directory = client.directory().clone();
    soon(directory.elections_request().send().promise).await.unwrap();
    let pending = directory.elections_request().send().promise;
    drop(client);
    assert!(soon(pending).await.is_err());
    assert!(soon(directory.elections_request().send().promise).await.is_err());
}

#[tokio::test(flavor = "local")]
async fn a_client_may_hold_more_elections_than_unfinished_questions() {
    let harness = board().await;
    let client = harness.connect();
    let mut held = Vec::new();
    for _ in 0..=UNFINISHED_QUESTIONS_MAX {
        let election = client.election("board");
        soon(election.info()).await.unwrap();
        held.push(election);
    }
    for election in [held.first(), held.last()] {
        soon(election.unwrap().info()).await.unwrap();
    }
}

#[tokio::test(flavor = "local")]
async fn calls_on_a_capability_known_to_be_broken_fail_with_a_reason() {
    let harness = board().await;
    let client = harness.connect();
    let election = client.election("cake");
    reason(soon(election.info()).await);
    // The client knows now that the lookup failed. These calls pass a capability of the client.
    let ballot = Ballot::new("Plum", 1.into()).unwrap();
    reason(soon(election.vote(&ballot, |_| {})).await.map(drop));
    reason(soon(election.watch(|_| Ok(()))).await);
    let nothing = client.restore(b"guess");
    reason(soon(nothing.auditor().turnout()).await);
    reason(soon(nothing.registrar().issue(1, |_| Ok(()))).await);
    reason(soon(nothing.auditor().tally_sheet(|_| {})).await);
}
