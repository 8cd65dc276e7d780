//! A million voters, through the real programs. Run it by itself:
//! `cargo test --release --test programs -- --ignored --nocapture million`

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use capvote::client::{Ballot, Client, VoteOutcome};
use capvote::election::VoterNumber;

use crate::process::{Server, officer};

const VOTERS: u64 = 1_000_000;
const CONNECTIONS: u64 = 16;
/// Votes in flight on each connection.
const VOTES_AT_ONCE: u64 = 64;
const SAMPLED: usize = 1_000;

#[tokio::test(flavor = "local")]
#[ignore = "takes a minute or two: run it by itself, with --release"]
async fn a_million_numbers_and_a_million_votes() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let numbers = issue(data.path());
    officer(data.path(), &["open"]).done();
    let started = Instant::now();
    cast_all(&server, numbers.clone()).await;
    println!("{VOTERS} votes recorded in {:?}", started.elapsed());

    let client = Client::connect(&server.link.parse().unwrap()).await.unwrap();
    let election = client.election("board");
    for number in numbers.iter().step_by(VOTERS as usize / SAMPLED) {
        let second = Ballot::new("Ada", *number).unwrap();
        assert_eq!(election.vote(&second, |_| {}).await.unwrap(), VoteOutcome::AlreadyVoted);
    }
    let started = Instant::now();
    officer(data.path(), &["close"]).done();
    println!("closed in {:?}", started.elapsed());
    let results = election.results().await.unwrap();
    let ada = VOTERS.div_ceil(3);
    let expected = [("Grace".to_string(), VOTERS - ada), ("Ada".to_string(), ada)];
    assert_eq!((&results.candidates[..], results.ballots), (&expected[..], VOTERS));
    let checked = officer(data.path(), &["check"]);
    assert!(checked.done().contains("1000000 ballots are stored, and 1000000 numbers have voted"));
}

/// Creates the election, and issues its numbers.
fn issue(data: &Path) -> Vec<VoterNumber> {
    let names = ["--candidate", "Ada", "--candidate", "Grace", "--results", "sealed"];
    officer(data, &[&["create", "board"], &names[..]].concat()).done();
    let roll = data.join("roll.csv");
    let started = Instant::now();
    let output = ["--output", roll.to_str().unwrap()];
    officer(data, &[&["issue", "--count", &VOTERS.to_string()], &output[..]].concat()).done();
    println!("{VOTERS} numbers issued in {:?}", started.elapsed());
    let file = std::fs::read_to_string(&roll).unwrap();
    let numbers: Vec<_> = file.lines().skip(1).map(|line| line.parse().unwrap()).collect();
    assert_eq!(numbers.len() as u64, VOTERS);
    numbers
}

/// Casts a vote under every number: a third for Ada, the others for Grace.
async fn cast_all(server: &Server, numbers: Vec<VoterNumber>) {
    let unused = Rc::new(RefCell::new(numbers.into_iter().enumerate()));
    let mut voters = Vec::new();
    for _ in 0..CONNECTIONS {
        let client = Client::connect(&server.link.parse().unwrap()).await.unwrap();
        for _ in 0..VOTES_AT_ONCE {
            let (election, unused) = (client.election("board"), unused.clone());
            voters.push(tokio::task::spawn_local(async move {
                loop {
                    let next = unused.borrow_mut().next();
                    let Some((index, number)) = next else { return };
                    let candidate = ["Ada", "Grace", "Grace"][index % 3];
                    let ballot = Ballot::new(candidate, number).unwrap();
                    let outcome = election.vote(&ballot, |_| {}).await.unwrap();
                    assert!(matches!(outcome, VoteOutcome::Recorded(_)), "{outcome:?}");
                }
            }));
        }
    }
    for voter in voters {
        voter.await.unwrap();
    }
}
