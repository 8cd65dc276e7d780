//! SIGKILL under load: every vote whose client was told `recorded` is there exactly once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use capvote::client::{Ballot, Client, Error, RecordedVote, VoteOutcome};
use capvote::election::VoterNumber;
use tokio::sync::Notify;

use crate::process::{Server, board, numbers};

/// The last of them is checked, as is every tenth.
const ROUNDS: usize = 50;
/// Connections, and votes in flight on each.
const CONNECTIONS: usize = 8;
const IN_FLIGHT: usize = 4;
/// A round is killed after at most this many recorded votes.
const ROUND_VOTES_MAX: u32 = 150;
/// More numbers than fifty rounds can use up.
const VOTERS: u32 = ROUNDS as u32 * (ROUND_VOTES_MAX + (CONNECTIONS * IN_FLIGHT) as u32 * 2);

/// What the voters know.
#[derive(Default)]
struct Voters {
    unused: Vec<VoterNumber>,
    /// Told `recorded`.
    recorded: Vec<(Ballot, RecordedVote)>,
    /// Sent, with no answer before the server was killed.
    unanswered: Vec<Ballot>,
}

fn random(below: u32) -> u32 {
    getrandom::u32().unwrap() % below
}

#[tokio::test(flavor = "local")]
async fn fifty_kills_lose_nothing_and_count_nothing_twice() {
    let data = tempfile::tempdir().unwrap();
    let mut server = board(data.path(), VOTERS);
    let voters =
        Rc::new(RefCell::new(Voters { unused: numbers(data.path()), ..Voters::default() }));
    for round in 0..ROUNDS {
        let enough = voters.borrow().recorded.len() + 1 + random(ROUND_VOTES_MAX) as usize;
        load_until_killed(server, &voters, enough).await;
        server = Server::start(data.path(), &[]);
        if round % 10 == 9 {
            let known = voters.take();
            check(&server, &known).await;
            voters.replace(known);
        }
    }
    let Voters { recorded, unanswered, .. } = voters.take();
    println!("{ROUNDS} kills, {} votes recorded, {} unanswered", recorded.len(), unanswered.len());
}

/// Votes on many connections until `enough` votes are recorded in all, and kills the server then and
/// there.
async fn load_until_killed(server: Server, voters: &Rc<RefCell<Voters>>, enough: usize) {
    let reached = Rc::new(Notify::new());
    let mut loads = Vec::new();
    for _ in 0..CONNECTIONS {
        let client = Client::connect(&server.link.parse().unwrap()).await.unwrap();
        for _ in 0..IN_FLIGHT {
            let (client, voters, reached) = (client.clone(), voters.clone(), reached.clone());
            loads.push(tokio::task::spawn_local(async move {
                load(&client, &voters, || reached.notify_one(), enough).await;
            }));
        }
    }
    reached.notified().await;
    // Not always right behind an answer: anywhere in the next commits.
    tokio::time::sleep(Duration::from_micros(random(5_000).into())).await;
    server.kill();
    for load in loads {
        load.await.unwrap();
    }
}

async fn load(client: &Client, voters: &RefCell<Voters>, reached: impl Fn(), enough: usize) {
    let election = client.election("board");
    loop {
        let number = voters.borrow_mut().unused.pop().unwrap();
        let candidate = ["Ada", "Grace"][(number.get() % 2) as usize];
        let ballot = Ballot::new(candidate, number).unwrap();
        match election.vote(&ballot, |_| {}).await {
            Ok(VoteOutcome::Recorded(vote)) => {
                let mut voters = voters.borrow_mut();
                voters.recorded.push((ballot, vote));
                if voters.recorded.len() >= enough {
                    reached();
                }
            }
            Err(Error::Disconnected) => return voters.borrow_mut().unanswered.push(ballot),
            other => panic!("{other:?}"),
        }
    }
}

/// Checks every vote that was recorded, and settles those that were not answered.
async fn check(server: &Server, voters: &Voters) {
    let client = Client::connect(&server.link.parse().unwrap()).await.unwrap();
    let election = client.election("board");
    // How many of the unanswered were recorded is open; that none is counted twice is not.
    let before = election.results().await.unwrap().ballots as usize;
    let (told, sent) = (voters.recorded.len(), voters.recorded.len() + voters.unanswered.len());
    assert!((told..=sent).contains(&before), "{before} ballots, {told} told, {sent} sent");

    // A second vote under a number that has voted is refused; where the first was lost, it would not be.
    for (ballot, _) in &voters.recorded {
        let second = Ballot::new(&ballot.candidate[..], ballot.number).unwrap();
        assert_eq!(election.vote(&second, |_| {}).await.unwrap(), VoteOutcome::AlreadyVoted);
    }
    let mut expected = HashMap::from([("Ada", 0), ("Grace", 0)]);
    let told = voters.recorded.iter().map(|(ballot, vote)| (ballot, Some(vote)));
    for (ballot, vote) in told.chain(voters.unanswered.iter().map(|ballot| (ballot, None))) {
        // A retry finds the vote that was recorded. Where none was, as may be without an answer, it
        // records it.
        let outcome = election.vote(ballot, |_| {}).await.unwrap();
        let VoteOutcome::Recorded(again) = outcome else { panic!("{outcome:?}") };
        assert!(vote.is_none_or(|vote| *vote == again));
        *expected.get_mut(&ballot.candidate[..]).unwrap() += 1;
    }
    let results = election.results().await.unwrap();
    let found: HashMap<&str, u64> =
        results.candidates.iter().map(|(name, votes)| (&name[..], *votes)).collect();
    assert_eq!(found, expected);
    assert_eq!(results.ballots as usize, sent);
}
