//! Rolls: numbers of a stolen link, and registrars that do not wait for one another's clients.

use std::rc::Rc;
use std::time::Duration;

use capvote::client::{ActOutcome, Client, VoteOutcome};
use capvote::election::Token;
use capvote::schema::officer_capnp::{act_outcome, registrar, voter_number_sink};
use capvote::service::{ISSUE_NUMBERS_MAX, REVOKE_NUMBERS_MAX};

use crate::harness::{Harness, ballot, board, harness, soon};

/// Well below the time for a sink to answer. Reached only if the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

async fn share_registrar(harness: &Harness, election: &str) -> Token {
    let officer = harness.connect().restore(harness.officer().await.as_bytes());
    soon(officer.returning_officer().administer(election).registrar().save()).await.unwrap()
}

#[tokio::test(flavor = "local")]
async fn numbers_of_a_stolen_link_are_voided_while_the_election_is_open() {
    let harness = board().await;
    let stolen = share_registrar(&harness, "board").await;
    let thief = harness.connect().restore(stolen.as_bytes()).registrar();
    let mut numbers = Vec::new();
    let keep = |kept: &[_]| {
        numbers.extend_from_slice(kept);
        Ok(())
    };
    assert_eq!(soon(thief.issue(100, keep)).await.unwrap(), ActOutcome::Done);
    let election = harness.connect().election("board");
    let vote = async |number| soon(election.vote(&ballot("Ada", number), |_| {})).await.unwrap();
    assert!(matches!(vote(numbers[0].get()).await, VoteOutcome::Recorded(_)));

    let officer = harness.connect().restore(harness.officer().await.as_bytes());
    let administration = officer.returning_officer().administer("board");
    let voided = soon(administration.void_numbers(stolen.as_bytes())).await.unwrap();
    assert_eq!(voided, (ActOutcome::Done, 99));
    assert_eq!(vote(numbers[1].get()).await, VoteOutcome::UnknownVoterNumber);
    assert!(matches!(vote(1).await, VoteOutcome::Recorded(_)), "the others vote");
    let error = soon(thief.issue(1, |_| Ok(()))).await.unwrap_err();
    assert!(error.to_string().contains("revoked"), "{error}");
    let again = soon(administration.void_numbers(stolen.as_bytes())).await.unwrap();
    assert_eq!(again, (ActOutcome::Done, 0));
    let info = soon(election.info()).await.unwrap();
    assert_eq!((info.voters, info.added_while_open), (1_001, 1));
    for wrong in [&[1; 32][..], &[1; 31]] {
        let (outcome, _) = soon(administration.void_numbers(wrong)).await.unwrap();
        assert!(matches!(outcome, ActOutcome::Refused(_)), "{outcome:?}");
    }
}

/// Takes numbers and never answers.
struct Hung;

impl voter_number_sink::Server for Hung {
    async fn numbers(self: Rc<Self>, _: voter_number_sink::NumbersParams) -> capnp::Result<()> {
        std::future::pending().await
    }

    async fn done(
        self: Rc<Self>,
        _: voter_number_sink::DoneParams,
        _: voter_number_sink::DoneResults,
    ) -> capnp::Result<()> {
        std::future::pending().await
    }
}

async fn registrar(client: &Client, token: &Token) -> registrar::Client {
    let mut request = client.directory().restore_request();
    request.get().set_token(token.as_bytes());
    let answer = soon(request.send().promise).await.unwrap();
    answer.get().unwrap().get_capability().get_as_capability().unwrap()
}

#[tokio::test(flavor = "local")]
async fn clients_that_take_no_numbers_keep_no_registrar_waiting() {
    let harness = harness(&[("board", &["Ada"], 3), ("cake", &["Ada"], 3)]).await;
    let hung = share_registrar(&harness, "board").await;
    let mut calls = Vec::new();
    for _ in 0..4 {
        let client = harness.connect();
        let mut issue = registrar(&client, &hung).await.issue_request();
        issue.get().set_count(ISSUE_NUMBERS_MAX);
        issue.get().set_into(capnp_rpc::new_client(Hung));
        let mut call = Box::pin(issue.send().promise);
        assert!(futures::poll!(&mut call).is_pending());
        // An answer to a later call: the server has begun with this one.
        soon(client.elections()).await.unwrap();
        calls.push((client, call));
    }
    for election in ["board", "cake"] {
        let token = share_registrar(&harness, election).await;
        let other = harness.connect().restore(token.as_bytes()).registrar();
        let issued = tokio::time::timeout(PATIENCE, other.issue(10, |_| Ok(()))).await;
        assert_eq!(issued.expect("it waits for the others").unwrap(), ActOutcome::Done);
    }
}

#[tokio::test(flavor = "local")]
async fn more_numbers_than_votes_can_wait_for_are_not_revoked_in_one_call() {
    let harness = harness(&[("draft", &["Ada"], 0)]).await;
    let token = share_registrar(&harness, "draft").await;
    let client = harness.connect();
    let mut request = registrar(&client, &token).await.revoke_numbers_request();
    request.get().init_numbers(REVOKE_NUMBERS_MAX as u32 + 1);
    let answer = soon(request.send().promise).await.unwrap();
    let outcome = answer.get().unwrap().get_outcome().unwrap().which().unwrap();
    let act_outcome::Refused(why) = outcome else { panic!("they are revoked") };
    assert!(why.unwrap().to_str().unwrap().contains("at most 100000"));
}
