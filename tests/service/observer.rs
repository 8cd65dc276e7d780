//! Who knows when each voter votes, and sees all results, learns no choice from a live count but
//! what a whole batch tells.

use std::collections::BTreeMap;
use std::rc::Rc;

use capvote::client::{Election, Results, VoteOutcome};
use capvote::election::{LIVE_BATCH_BALLOTS, ResultStatus};
use capvote::ledger::Act;

use crate::harness::{Harness, ballot, harness, soon};

const BATCH: u64 = LIVE_BATCH_BALLOTS as u64;
const CANDIDATES: [&str; 3] = ["Ada", "Grace", "Edsger"];

async fn live() -> Rc<Harness> {
    harness(&[("board", &CANDIDATES, 1_000)]).await
}

/// The choice of each voter, who vote one after the other.
fn choice(number: u64) -> &'static str {
    CANDIDATES[(number * number % 7 % 3) as usize]
}

async fn vote(election: &Election, candidate: &str, number: u64) {
    let outcome = soon(election.vote(&ballot(candidate, number), |_| {})).await.unwrap();
    assert!(matches!(outcome, VoteOutcome::Recorded(_)), "{outcome:?}");
}

async fn results(election: &Election) -> Results {
    soon(election.results()).await.unwrap()
}

fn count(results: &Results) -> BTreeMap<String, u64> {
    results.candidates.iter().cloned().collect()
}

/// The candidates that gained votes between two results, with how many.
fn gained(before: &Results, after: &Results) -> Vec<(String, u64)> {
    let before = count(before);
    let gains = count(after).into_iter().map(|(name, votes)| (name.clone(), votes - before[&name]));
    gains.filter(|(_, gain)| *gain > 0).collect()
}

fn sum(gains: &[(String, u64)]) -> u64 {
    gains.iter().map(|(_, gain)| gain).sum()
}

/// The attack: results before and after each vote. Returns how many choices the differences name.
async fn attack(voters: u64) -> u64 {
    let server = live().await;
    let watcher = server.connect().election("board");
    let mut seen = vec![results(&watcher).await];
    for number in 1..=voters {
        vote(&server.connect().election("board"), choice(number), number).await;
        let now = results(&watcher).await;
        assert_eq!(now.ballots, number, "the turnout is shown at once");
        assert_eq!(now.status, Some(ResultStatus::Provisional));
        // `result` and a new connection show nothing else.
        for (name, votes) in &now.candidates {
            let other = server.connect().election("board");
            assert_eq!(soon(other.result(name)).await.unwrap().0, *votes);
        }
        seen.push(now);
    }
    server.ledger.act(vec![Act::Close("board".parse().unwrap())], None).await.unwrap();
    seen.push(results(&watcher).await);
    assert_eq!(sum(&gained(&seen[0], seen.last().unwrap())), voters, "the final count is complete");
    let mut named = 0;
    for (index, before) in seen.iter().enumerate() {
        for after in &seen[index..] {
            let gains = gained(before, after);
            let ballots = sum(&gains);
            named += u64::from(ballots == 1);
            assert!(ballots == 0 || ballots >= BATCH.min(voters), "{ballots} ballots: {gains:?}");
        }
    }
    named
}

#[tokio::test(flavor = "local")]
async fn results_between_known_votes_name_no_choice() {
    for voters in [BATCH, 20, BATCH * 3 + 1, BATCH * 4 - 1] {
        assert_eq!(attack(voters).await, 0, "{voters} voters");
    }
}

/// A connection that has voted sees its own votes, and others' no earlier than everybody.
#[tokio::test(flavor = "local")]
async fn a_voters_own_connection_is_no_oracle_for_others() {
    let server = live().await;
    let attacker = server.connect().election("board");
    let everybody = server.connect().election("board");
    let mut own = BTreeMap::<u64, &str>::new();
    for number in 1..=BATCH * 5 {
        if number % 4 == 1 {
            vote(&attacker, choice(number), number).await;
            own.insert(number, choice(number));
        } else {
            vote(&server.connect().election("board"), choice(number), number).await;
        }
        let (seen, published) = (results(&attacker).await, results(&everybody).await);
        // The batches are in the order of the votes, which are cast one after the other.
        let in_batches = sum(&count(&published).into_iter().collect::<Vec<_>>());
        let mut expected = count(&published);
        for (_, candidate) in own.range(in_batches + 1..) {
            *expected.get_mut(*candidate).unwrap() += 1;
        }
        assert_eq!(count(&seen), expected, "after {number}");
    }
}

/// A retry over another connection shows that vote there, and once.
#[tokio::test(flavor = "local")]
async fn a_retried_vote_is_seen_once() {
    let server = live().await;
    let (first, second) = (server.connect(), server.connect());
    let same = ballot("Ada", 1);
    for client in [&first, &second, &second] {
        soon(client.election("board").vote(&same, |_| {})).await.unwrap();
    }
    for client in [&first, &second] {
        assert_eq!(soon(client.election("board").result("Ada")).await.unwrap().0, 1);
    }
    assert_eq!(soon(server.connect().election("board").result("Ada")).await.unwrap().0, 0);
}

/// A watch shows whole batches too, also over the connection of a voter.
#[tokio::test(flavor = "local")]
async fn a_watch_shows_whole_batches() {
    let server = live().await;
    let client = server.connect();
    let watching = tokio::task::spawn_local({
        let election = client.election("board");
        async move {
            let mut seen = Vec::new();
            let watched = election.watch(|results| {
                seen.push(results.clone());
                Ok(())
            });
            soon(watched).await.unwrap();
            seen
        }
    });
    for number in 1..=BATCH * 3 {
        vote(&client.election("board"), choice(number), number).await;
    }
    server.ledger.act(vec![Act::Close("board".parse().unwrap())], None).await.unwrap();
    let seen = soon(watching).await.unwrap();
    let last = seen.last().unwrap();
    assert_eq!((last.status, last.ballots), (Some(ResultStatus::Final), BATCH * 3));
    for results in &seen {
        let shown = count(results).values().sum::<u64>();
        assert!(shown.is_multiple_of(BATCH), "{results:?}");
        let open = results.status == Some(ResultStatus::Provisional);
        assert!(!open || shown == 0 || results.ballots - shown >= BATCH, "{results:?}");
    }
}
