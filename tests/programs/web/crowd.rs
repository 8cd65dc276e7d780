//! Three hundred browsers at once.

use capvote::client::{Ballot, VoteOutcome};
use futures::future::join_all;
use tokio::sync::mpsc;

use super::{ANY_PORT, address, board, voter};
use crate::process::{client, numbers};

const VOTERS: u32 = 300;

#[tokio::test(flavor = "local")]
async fn three_hundred_websockets_vote_at_once_and_each_sink_is_told() {
    let data = tempfile::tempdir().unwrap();
    let server = board(ANY_PORT, data.path(), VOTERS, &[]);
    let at = address(&server.link);
    let numbers = numbers(data.path());
    // One more watches meanwhile.
    let (changes, mut seen) = mpsc::unbounded_channel();
    let watcher = voter(&at).await;
    let watching = tokio::task::spawn_local(async move {
        let told = |ballots| changes.send(ballots).map_err(|gone| gone.to_string());
        watcher.election("board").watch(|results| told(results.ballots)).await
    });
    assert_eq!(seen.recv().await, Some(0));
    let voters = join_all(numbers.iter().map(|_| voter(&at))).await;
    let votes = voters.iter().zip(&numbers).map(async |(client, number)| {
        let mut told = Vec::new();
        let ballot = Ballot::new(if number.get() % 3 == 0 { "Grace" } else { "Ada" }, *number);
        let sink = |text: &str| told.push(text.to_string());
        let outcome = client.election("board").vote(&ballot.unwrap(), sink).await.unwrap();
        let VoteOutcome::Recorded(vote) = outcome else { panic!("{outcome:?}") };
        let [told] = &told[..] else { panic!("{told:?}") };
        assert!(told.contains(&vote.receipt.to_string()), "{told}");
        vote.receipt
    });
    let mut receipts = join_all(votes).await;
    receipts.sort();
    receipts.dedup();
    assert_eq!(receipts.len(), VOTERS as usize);
    // A second vote over each is refused.
    let again = voters.iter().zip(&numbers).map(async |(client, number)| {
        let ballot = Ballot::new("Ada", *number).unwrap();
        client.election("board").vote(&ballot, |_| {}).await.unwrap()
    });
    for outcome in join_all(again).await {
        assert!(matches!(outcome, VoteOutcome::AlreadyVoted), "{outcome:?}");
    }
    while seen.recv().await.unwrap() < u64::from(VOTERS) {}
    watching.abort();
    let results = client(&server.link, &["--json", "result"]);
    let results: serde_json::Value = serde_json::from_str(results.done()).unwrap();
    assert_eq!(results["turnout"]["ballots"], VOTERS);
}
