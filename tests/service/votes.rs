//! Voting: every outcome and its message, and one vote per number.

use capvote::client::{Error, VoteOutcome};
use capvote::election::{CANDIDATE_BYTES_MAX, Nonce, Receipt, ResultStatus};
use capvote::schema::election_capnp::vote_outcome;

use crate::harness::{VOTERS, all, ballot, board, harness, soon};

fn recorded(outcome: &VoteOutcome) -> bool {
    matches!(outcome, VoteOutcome::Recorded(_))
}

#[tokio::test(flavor = "local")]
async fn each_outcome_comes_with_a_matching_message() {
    let harness = harness(&[("board", &["Ada", "Grace"], 10), ("draft", &["Ada"], 0)]).await;
    let client = harness.connect();
    let slate = VoteOutcome::UnknownCandidate(vec!["Ada".into(), "Grace".into()]);
    let long = "x".repeat(CANDIDATE_BYTES_MAX + 1);
    let table = [
        ("board", "Grace", 1, None, "Your vote for \"Grace\" in election board is recorded"),
        ("board", "Ada", 1, Some(VoteOutcome::AlreadyVoted), "has already voted in election board"),
        (
            "board",
            "Ada",
            0,
            Some(VoteOutcome::UnknownVoterNumber),
            "not on the roll of election board",
        ),
        ("board", "Ada", u64::MAX, Some(VoteOutcome::UnknownVoterNumber), "not on the roll"),
        ("board", "Ada", 11, Some(VoteOutcome::UnknownVoterNumber), "not on the roll"),
        ("board", "ada", 2, Some(slate.clone()), "\"ada\" is not a candidate in election board"),
        ("board", "", 2, Some(slate.clone()), "The candidates are \"Ada\", \"Grace\""),
        ("board", &long, 2, Some(slate), "Nothing was recorded"),
        ("draft", "Ada", 2, Some(VoteOutcome::NotOpen), "voting in election draft has not begun"),
        ("board", "Ada", 2, None, "Your vote for \"Ada\" in election board is recorded"),
    ];
    for (election, candidate, number, expected, said) in table {
        let mut messages = Vec::new();
        let ballot = ballot(candidate, number);
        let election = client.election(election);
        let outcome = election.vote(&ballot, |text| messages.push(text.to_string()));
        let outcome = soon(outcome).await.unwrap();
        match expected {
            Some(expected) => assert_eq!(outcome, expected),
            None => assert!(recorded(&outcome), "{outcome:?}"),
        }
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert!(messages[0].contains(said), "{messages:?} does not contain {said:?}");
    }
    assert_eq!(harness.tally().await, [("Ada".to_string(), 1), ("Grace".to_string(), 1)]);
}

#[tokio::test(flavor = "local")]
async fn a_receipt_commits_to_election_candidate_and_nonce() {
    let harness = board().await;
    let ballot = ballot("Ada", 7);
    let outcome = harness.connect().election("board").vote(&ballot, |_| {}).await.unwrap();
    let VoteOutcome::Recorded(vote) = outcome else { panic!("{outcome:?}") };
    assert_eq!(vote.receipt, Receipt::new(&"board".parse().unwrap(), "Ada", &ballot.nonce));
    assert_eq!(
        (vote.candidate.as_str(), vote.election.as_str(), vote.nonce),
        ("Ada", "board", ballot.nonce)
    );
}

#[tokio::test(flavor = "local")]
async fn two_hundred_clients_that_vote_five_times_cast_two_hundred_votes() {
    let harness = board().await;
    let sinks = all((1..=200).map(|number| {
        let client = harness.connect();
        async move {
            let mut messages = Vec::new();
            let election = client.election("board");
            for attempt in 0..5 {
                let candidate = ["Ada", "Grace"][attempt % 2];
                election
                    .vote(&ballot(candidate, number), |text| messages.push(text.to_string()))
                    .await
                    .unwrap();
            }
            messages
        }
    }))
    .await;
    let said = |what: &str| sinks.iter().flatten().filter(|text| text.contains(what)).count();
    assert_eq!((said("is recorded"), said("has already voted")), (200, 800));
    assert_eq!(harness.tally().await, [("Ada".to_string(), 200), ("Grace".to_string(), 0)]);
}

#[tokio::test(flavor = "local")]
async fn one_number_from_fifty_connections_at_once_is_recorded_once() {
    let harness = board().await;
    let clients: Vec<_> = (0..50).map(|_| harness.connect()).collect();
    // All clients connect and look up the election before the first votes.
    for client in &clients {
        soon(client.election("board").info()).await.unwrap();
    }
    let outcomes = all(clients.into_iter().enumerate().map(|(index, client)| async move {
        let candidate = ["Ada", "Grace"][index % 2];
        let outcome = client.election("board").vote(&ballot(candidate, 42), |_| {}).await.unwrap();
        (candidate, outcome)
    }))
    .await;
    let winners: Vec<_> = outcomes.iter().filter(|(_, outcome)| recorded(outcome)).collect();
    let losers =
        outcomes.iter().filter(|(_, outcome)| *outcome == VoteOutcome::AlreadyVoted).count();
    assert_eq!((winners.len(), losers), (1, 49));
    let tally = harness.tally().await;
    assert_eq!(tally[0], (winners[0].0.to_string(), 1));
    assert_eq!(tally[1].1, 0);
}

#[tokio::test(flavor = "local")]
async fn the_same_ballot_again_is_a_retry_and_not_counted() {
    let harness = board().await;
    let first = ballot("Ada", 5);
    let outcome = harness.connect().election("board").vote(&first, |_| {}).await.unwrap();
    assert!(recorded(&outcome));
    let mut said = String::new();
    let again = harness
        .connect()
        .election("board")
        .vote(&first, |text| said = text.to_string())
        .await
        .unwrap();
    assert_eq!(again, outcome);
    assert!(said.contains("is recorded"), "{said}");

    let mut other_choice = first.clone();
    other_choice.candidate = "Grace".into();
    let other_nonce = ballot("Ada", 5);
    for second in [other_choice, other_nonce] {
        let outcome = harness.connect().election("board").vote(&second, |_| {}).await.unwrap();
        assert_eq!(outcome, VoteOutcome::AlreadyVoted);
    }
    assert_eq!(harness.tally().await[0], ("Ada".to_string(), 1));
}

#[tokio::test(flavor = "local")]
async fn concurrent_retries_are_one_vote() {
    let harness = board().await;
    let same = ballot("Ada", 5);
    let outcomes = all((0..20).map(|_| {
        let (client, same) = (harness.connect(), same.clone());
        async move { client.election("board").vote(&same, |_| {}).await.unwrap() }
    }))
    .await;
    assert!(outcomes.iter().all(|outcome| recorded(outcome) && *outcome == outcomes[0]));
    assert_eq!(harness.tally().await[0], ("Ada".to_string(), 1));
}

/// Casts a vote by a raw call, with a nonce of any length and without a sink.
async fn raw_vote(
    client: &capvote::client::Client,
    nonce: &[u8],
    number: u64,
) -> Result<Vec<u8>, capnp::Error> {
    let election = client.election("board");
    let mut request = election.capability().vote_request();
    request.get().set_candidate("Ada");
    request.get().set_voter_number(number);
    request.get().set_nonce(nonce);
    let answer = request.send().promise.await?;
    match answer.get()?.get_outcome()?.which()? {
        vote_outcome::Recorded(receipt) => Ok(receipt?.get_nonce()?.to_vec()),
        _ => panic!("not recorded"),
    }
}

#[tokio::test(flavor = "local")]
async fn a_vote_needs_no_nonce_and_no_sink() {
    let harness = board().await;
    let client = harness.connect();
    let picked = raw_vote(&client, &[], 1).await.unwrap();
    let other = raw_vote(&client, &[], 2).await.unwrap();
    assert_eq!(picked.len(), Nonce::BYTES);
    assert_ne!(picked, other);
    assert_eq!(raw_vote(&client, &[7; 16], 3).await.unwrap(), [7; 16]);
    for length in [1, 15, 17, 100_000] {
        let error = raw_vote(&client, &vec![1; length], 4).await.unwrap_err();
        assert!(error.extra.contains("a nonce is 16 bytes"), "{error}");
    }
    assert_eq!(harness.tally().await[0], ("Ada".to_string(), 3));
}

#[tokio::test(flavor = "local")]
async fn a_recorded_vote_is_in_its_own_count_and_in_the_turnout_of_every_connection() {
    let harness = board().await;
    let client = harness.connect();
    let election = client.election("board");
    for number in 1..=50 {
        election.vote(&ballot("Grace", number), |_| {}).await.unwrap();
        let own = election.result("Grace").await.unwrap();
        assert_eq!(own, (number, Some(ResultStatus::Provisional)));
        let other = harness.connect();
        assert_eq!(other.election("").results().await.unwrap().ballots, number);
    }
}

#[tokio::test(flavor = "local")]
async fn results_agree_with_each_other() {
    let harness = harness(&[("board", &["Ada", "Grace", "李四 🗳️\n", "Edsger"], VOTERS)]).await;
    let client = harness.connect();
    let election = client.election("board");
    for (number, candidate) in ["李四 🗳️\n", "Grace", "李四 🗳️\n", "Edsger"].into_iter().enumerate()
    {
        let outcome = election.vote(&ballot(candidate, number as u64 + 1), |_| {}).await.unwrap();
        assert!(recorded(&outcome), "{candidate:?}: {outcome:?}");
    }
    let results = election.results().await.unwrap();
    let expected = [("李四 🗳️\n", 2), ("Grace", 1), ("Edsger", 1), ("Ada", 0)];
    assert_eq!(results.candidates, expected.map(|(name, votes)| (name.to_string(), votes)));
    assert_eq!((results.ballots, results.voters), (4, VOTERS));
    for (name, votes) in expected {
        assert_eq!(election.result(name).await.unwrap(), (votes, Some(ResultStatus::Provisional)));
    }
    for absent in ["", "grace", &"x".repeat(1_000_000)] {
        assert_eq!(
            election.result(absent).await.unwrap(),
            (0, Some(ResultStatus::UnknownCandidate))
        );
    }
}

#[tokio::test(flavor = "local")]
async fn a_stopping_server_answers_what_it_accepted_and_refuses_the_rest() {
    let harness = board().await;
    let clients: Vec<_> = (0..20).map(|_| harness.connect()).collect();
    for client in &clients {
        soon(client.election("board").info()).await.unwrap();
    }
    let stop = harness.stop.clone();
    let outcomes = all(clients.into_iter().enumerate().map(|(index, client)| {
        let stop = stop.clone();
        async move {
            let election = client.election("board");
            let mut recorded_votes = 0;
            for number in 0..1_000 {
                let number = index as u64 * 40 + number % 40 + 1;
                match election.vote(&ballot("Ada", number), |_| {}).await {
                    Ok(VoteOutcome::Recorded(_)) => recorded_votes += 1,
                    Ok(outcome) => assert_eq!(outcome, VoteOutcome::AlreadyVoted),
                    Err(Error::Disconnected) => return (true, recorded_votes),
                    Err(Error::Overloaded(why)) => assert!(why.contains("stopping"), "{why}"),
                    Err(error) => panic!("{error}"),
                }
                if number == 10 {
                    stop.cancel();
                }
            }
            (false, recorded_votes)
        }
    }))
    .await;
    assert!(outcomes.iter().all(|(disconnected, _)| *disconnected));
    let answered: u64 = outcomes.iter().map(|(_, votes)| votes).sum();
    let board = harness.snapshot();
    assert_eq!(board.elections[0].ballots, answered, "every recorded vote was answered");
}
