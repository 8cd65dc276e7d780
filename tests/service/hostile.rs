//! Peers that hang, disconnect, fail or send garbage: votes stand, and other clients are not
//! affected.

use std::cell::Cell;
use std::rc::Rc;

use capvote::client::{Client, VoteOutcome};
use capvote::schema::election_capnp::{message_sink, vote_outcome};
use capvote::service::{UNANSWERED_MESSAGES_MAX, UNDECIDED_VOTES_MAX};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;

use crate::harness::{Harness, all, ballot, board, harness, soon};

/// A sink that counts its messages and answers with the function's future.
struct Sink<F> {
    messages: Rc<Cell<usize>>,
    answer: fn() -> F,
}

impl<F: Future<Output = capnp::Result<()>> + 'static> message_sink::Server for Sink<F> {
    async fn message(
        self: Rc<Self>,
        _: message_sink::MessageParams,
        _: message_sink::MessageResults,
    ) -> capnp::Result<()> {
        self.messages.set(self.messages.get() + 1);
        (self.answer)().await
    }
}

/// Sends a vote by a raw call; the future tells whether it was recorded.
fn send_vote(
    client: &Client,
    number: u64,
    sink: Option<message_sink::Client>,
) -> impl Future<Output = bool> + 'static {
    let election = client.election("board");
    let mut request = election.capability().vote_request();
    request.get().set_candidate("Ada");
    request.get().set_voter_number(number);
    if let Some(sink) = sink {
        request.get().set_messages(sink);
    }
    let promise = request.send().promise;
    async move {
        let answer = promise.await.unwrap();
        matches!(
            answer.get().unwrap().get_outcome().unwrap().which().unwrap(),
            vote_outcome::Recorded(_)
        )
    }
}

/// Waits until this many votes are recorded.
async fn recorded(harness: &Harness, ballots: u64) {
    let mut changes = harness.ledger.snapshots();
    soon(changes.wait_for(|board| board.elections[0].ballots == ballots)).await.unwrap();
}

#[tokio::test(flavor = "local")]
async fn a_sink_that_never_answers_delays_no_vote() {
    let harness = board().await;
    let client = harness.connect();
    let messages = Rc::new(Cell::new(0));
    let votes = (1..=UNANSWERED_MESSAGES_MAX as u64).map(|number| {
        let sink = Sink { messages: messages.clone(), answer: std::future::pending };
        send_vote(&client, number, Some(capnp_rpc::new_client(sink)))
    });
    assert!(all(votes).await.into_iter().all(|recorded| recorded));
    assert_eq!(messages.get(), UNANSWERED_MESSAGES_MAX);
    let other =
        harness.connect().election("board").vote(&ballot("Ada", 999), |_| {}).await.unwrap();
    assert!(matches!(other, VoteOutcome::Recorded(_)));
}

#[tokio::test(flavor = "local")]
async fn only_a_connection_with_too_many_unanswered_messages_waits_for_its_sinks() {
    let harness = board().await;
    let client = harness.connect();
    let answers = Rc::new(Semaphore::new(0));
    let sink = || {
        let answers = answers.clone();
        capnp_rpc::new_client::<message_sink::Client, _>(Permitted(answers))
    };
    let full = UNANSWERED_MESSAGES_MAX as u64;
    all((1..=full).map(|number| send_vote(&client, number, Some(sink())))).await;

    let mut one_more = std::pin::pin!(send_vote(&client, full + 1, Some(sink())));
    assert!(futures::poll!(&mut one_more).is_pending());
    assert!(soon(send_vote(&client, full + 2, None)).await, "a vote without a sink has waited");
    // The vote is recorded although its outcome waits.
    recorded(&harness, full + 2).await;
    assert!(soon(send_vote(&harness.connect(), full + 3, Some(sink()))).await);
    assert!(futures::poll!(&mut one_more).is_pending());
    answers.add_permits(1);
    assert!(soon(one_more).await);
}

/// A sink that answers once it gets a permit.
struct Permitted(Rc<Semaphore>);

impl message_sink::Server for Permitted {
    async fn message(
        self: Rc<Self>,
        _: message_sink::MessageParams,
        _: message_sink::MessageResults,
    ) -> capnp::Result<()> {
        self.0.acquire().await.unwrap().forget();
        Ok(())
    }
}

#[tokio::test(flavor = "local")]
async fn an_error_of_the_sink_does_not_affect_the_vote() {
    let harness = board().await;
    let client = harness.connect();
    let messages = Rc::new(Cell::new(0));
    let fail = || std::future::ready(Err(capnp::Error::failed("no thanks".into())));
    for number in 1..=10 {
        let sink = Sink { messages: messages.clone(), answer: fail };
        assert!(soon(send_vote(&client, number, Some(capnp_rpc::new_client(sink)))).await);
    }
    assert_eq!(messages.get(), 10);
    assert_eq!(harness.tally().await[0].1, 10);
}

#[tokio::test(flavor = "local")]
async fn the_vote_of_a_client_that_disconnects_at_once_stands() {
    let harness = board().await;
    for number in 1..=50 {
        let client = harness.connect();
        if number % 2 == 0 {
            soon(client.election("board").info()).await.unwrap();
        }
        // Otherwise the vote is pipelined on the bootstrap capability, in the first write.
        let vote = tokio::task::spawn_local(send_vote(&client, number, None));
        // The connection's task sends the vote in this turn.
        tokio::task::yield_now().await;
        drop(client);
        vote.abort();
        let _ = vote.await;
        recorded(&harness, number).await;
    }
}

#[tokio::test(flavor = "local")]
async fn a_lost_connection_is_reported_at_once() {
    let harness = board().await;
    let client = harness.connect();
    soon(client.election("board").info()).await.unwrap();
    harness.stop.cancel();
    soon(client.closed()).await;
    let ballot = ballot("Ada", 1);
    let error = soon(client.election("board").vote(&ballot, |_| {})).await.unwrap_err();
    assert!(matches!(error, capvote::client::Error::Disconnected), "{error:?}");
}

#[tokio::test(flavor = "local")]
async fn bytes_that_are_not_messages_affect_only_their_sender() {
    let harness = board().await;
    let honest = harness.connect();
    let segment = |words: u32| [[0, 0, 0, 0], words.to_le_bytes()].concat();
    let garbage: [Vec<u8>; 6] = [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0; 64],
        vec![0xff; 4_096],
        segment(u32::MAX),
        [segment(1), vec![0xff; 8]].concat(),
        (0..10_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect(),
    ];
    for bytes in garbage {
        let mut stream = harness.stream();
        // The write fails if the server disconnects before its end.
        let _ = soon(stream.write_all(&bytes)).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        soon(stream.read_to_end(&mut answer)).await.unwrap();
    }
    soon(honest.election("board").info()).await.unwrap();
}

#[tokio::test(flavor = "local")]
async fn parameters_of_the_wrong_type_affect_only_their_call() {
    let harness = board().await;
    let client = harness.connect();
    // A line counter as the message sink: the failure of its call does not affect the vote.
    let counter = client.line_counter();
    let not_a_sink = counter.capability().client.hook.add_ref();
    let not_a_sink = capnp::capability::FromClientHook::new(not_a_sink);
    assert!(soon(send_vote(&client, 1, Some(not_a_sink))).await);
    // A candidate that is not UTF-8, on a slate with the name that lossy decoding would give it.
    let harness = crate::harness::harness(&[("board", &["\u{FFFD}\u{FFFD}"], 10)]).await;
    let client = harness.connect();
    let election = client.election("board");
    let mut request = election.capability().vote_request();
    request.get().set_candidate(capnp::text::Reader(b"\xff\xfe"));
    request.get().set_voter_number(2);
    let answer = soon(request.send().promise).await.unwrap();
    let outcome = answer.get().unwrap().get_outcome().unwrap().which().unwrap();
    assert!(matches!(outcome, vote_outcome::UnknownCandidate(_)));
}

#[tokio::test(flavor = "local")]
async fn guesses_throttle_their_connection_and_no_other_from_its_address() {
    let server = board().await;
    let guesser = server.connect();
    let vote = async |client: &Client, number| {
        let mut messages = Vec::new();
        let vote = ballot("Ada", number);
        let election = client.election("board");
        let outcome = election.vote(&vote, |text| messages.push(text.to_string())).await.unwrap();
        (outcome, messages)
    };
    let mut unknown = 0;
    let (wait, messages) = loop {
        match soon(vote(&guesser, 1_000_000 + unknown)).await {
            (VoteOutcome::UnknownVoterNumber, _) => unknown += 1,
            (VoteOutcome::Throttled { wait, .. }, messages) => break (wait, messages),
            other => panic!("{other:?}"),
        }
        assert!(unknown < 100, "guesses are not throttled");
    };
    assert!(wait > std::time::Duration::from_secs(1));
    let reason = "was not counted: too many wrong voter numbers";
    assert!(messages[0].contains(reason), "{messages:?}");
    // A valid number is not looked up.
    assert!(matches!(soon(vote(&guesser, 1)).await.0, VoteOutcome::Throttled { .. }));
    // Nor do concurrent guesses help: only a few are looked up before their outcomes are known.
    let at_once = server.connect();
    let election = at_once.election("board");
    let flood = (0..5_000).map(|guess| {
        let election = election.clone();
        async move {
            let vote = ballot("Ada", 2_000_000 + guess);
            election.vote(&vote, |_| ()).await
        }
    });
    // Most are refused because too many throttled votes have ended the connection.
    let outcomes = all(flood).await;
    let answered =
        outcomes.iter().filter(|it| matches!(it, Ok(VoteOutcome::UnknownVoterNumber))).count();
    assert!((1..=UNDECIDED_VOTES_MAX + 5).contains(&answered), "{answered} guesses were answered");
    // A connection without guesses is not throttled.
    assert!(matches!(soon(vote(&server.connect(), 1)).await.0, VoteOutcome::Recorded(_)));
}

#[tokio::test(flavor = "local")]
async fn one_connection_can_cast_20_000_votes_at_once() {
    let server = harness(&[("board", &["Ada", "Grace"], 20_000)]).await;
    let client = server.connect();
    let (election, messages) = (client.election("board"), Rc::new(Cell::new(0)));
    let votes = (1..=20_000).map(|number| {
        let (election, messages) = (election.clone(), messages.clone());
        async move {
            let vote = ballot("Ada", number);
            let count = |_: &str| messages.set(messages.get() + 1);
            election.vote(&vote, count).await.unwrap()
        }
    });
    let outcomes = all(votes).await;
    assert!(outcomes.iter().all(|it| matches!(it, VoteOutcome::Recorded(_))));
    assert_eq!(messages.get(), 20_000);
}
