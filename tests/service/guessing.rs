//! Guessing voter numbers and tokens: what it costs the guesser, and that everybody else gets
//! through.

use std::cell::Cell;
use std::rc::Rc;

use capvote::client::{Client, Error, VoteOutcome, cast};
use capvote::election::Puzzle;
use capvote::net::link::Link;
use capvote::service::{
    THROTTLED_VOTES_MAX, THROTTLED_WAIT_MAX, UNDECIDED_VOTES_MAX, WRONG_TOKENS_MAX,
};
use tokio::io::copy_bidirectional;
use tokio::net::TcpListener;
use tokio::task::{spawn_blocking, spawn_local};
use tokio::time::Instant;

use crate::harness::{Harness, all, ballot, board, soon};

/// Connections that guess.
const GUESSERS: u64 = 100;

/// Voters beside them.
const HONEST: u64 = 40;

/// Throttled votes of a connection that are answered at once.
const QUICK: u64 = 4;

/// A puzzle's solution for a number, computed by another thread.
async fn solve(puzzle: Puzzle, number: u64) -> u64 {
    let solve = move || puzzle.solve(number.into(), 1, || false);
    soon(spawn_blocking(solve)).await.unwrap().unwrap()
}

/// Guesses over new connections until the address is above its limit. Returns the guesses that were
/// looked up.
async fn exceed_the_limit(server: &Rc<Harness>) -> u64 {
    let mut guesses = 0;
    loop {
        let client = server.connect();
        loop {
            let vote = ballot("Ada", 1_000_000 + guesses);
            match soon(client.election("board").vote(&vote, |_| ())).await.unwrap() {
                VoteOutcome::UnknownVoterNumber => guesses += 1,
                VoteOutcome::Throttled { .. } => break,
                other => panic!("{other:?}"),
            }
            assert!(guesses < 1_000, "guesses are not throttled");
        }
        // After its own limit of 5, a connection says nothing about that of its address.
        let probe = server.connect();
        let vote = ballot("Ada", 2_000_000 + guesses);
        match soon(probe.election("board").vote(&vote, |_| ())).await.unwrap() {
            VoteOutcome::Throttled { .. } => return guesses,
            _ => guesses += 1,
        }
    }
}

/// A TCP listener that forwards to the server, and its link.
async fn listen(server: &Rc<Harness>) -> Link {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let link = format!("capvote://{}", listener.local_addr().unwrap()).parse().unwrap();
    let server = server.clone();
    spawn_local(async move {
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            let mut far = server.stream();
            spawn_local(async move { copy_bidirectional(&mut near, &mut far).await });
        }
    });
    link
}

/// Guesses over one connection after another, and solves the puzzles on every second one, until the
/// voters are done.
async fn guess(server: Rc<Harness>, index: u64, done: Rc<Cell<bool>>, looked_up: Rc<Cell<u32>>) {
    let mut number = 1_000_000 * (index + 1);
    let mut client = server.connect();
    let (mut solution, mut vote) = (0, ballot("Ada", number));
    while !done.get() {
        match client.election("board").vote_solved(&vote, solution, |_| ()).await {
            Ok(VoteOutcome::UnknownVoterNumber) => looked_up.set(looked_up.get() + 1),
            Ok(VoteOutcome::Throttled { puzzle, .. })
                if index.is_multiple_of(2) && solution == 0 =>
            {
                solution = solve(puzzle.unwrap(), number).await;
                continue;
            }
            Ok(VoteOutcome::Throttled { .. }) => {}
            Ok(other) => panic!("{other:?}"),
            Err(_) => client = server.connect(),
        }
        number += 1;
        (solution, vote) = (0, ballot("Ada", number));
    }
}

#[tokio::test(flavor = "local")]
async fn voters_and_officers_get_through_beside_guessers_at_their_address() {
    let server = board().await;
    let link = listen(&server).await;
    let (done, looked_up) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(0)));
    let begun = Instant::now();
    exceed_the_limit(&server).await;
    let guessers: Vec<_> = (0..GUESSERS)
        .map(|index| spawn_local(guess(server.clone(), index, done.clone(), looked_up.clone())))
        .collect();
    let token = server.officer().await;
    let voters = (1..=HONEST).map(|number| {
        let (link, server, token) = (link.clone(), server.clone(), token.clone());
        async move {
            let officer = server.connect().restore(token.as_bytes()).returning_officer();
            officer.administer("board").open().await.unwrap();
            cast(&link, "board", &ballot("Ada", number), |_| ()).await.unwrap().outcome
        }
    });
    let outcomes = all(voters).await;
    done.set(true);
    for guesser in guessers {
        soon(guesser).await.unwrap();
    }
    let seconds = begun.elapsed().as_secs() as u32 + 1;
    for outcome in outcomes {
        assert!(matches!(outcome, VoteOutcome::Recorded(_)), "{outcome:?}");
    }
    // SECURITY.md, "Guessing a voter number": what is free, what is looked up at the same time, and
    // 51 a second.
    let most = 100 + 10 + 20 + (UNDECIDED_VOTES_MAX as u32) * GUESSERS as u32 + 51 * seconds;
    assert!(looked_up.get() <= most, "{} guesses in {seconds} s", looked_up.get());
}

#[tokio::test(flavor = "local")]
async fn a_solution_is_for_one_number_and_one_lookup() {
    let server = board().await;
    let client = server.connect();
    let vote = async |number, solution| {
        let election = client.election("board");
        soon(election.vote_solved(&ballot("Ada", number), solution, |_| ())).await.unwrap()
    };
    // Over its own limit, a connection waits for 10 s.
    for guess in 0..5 {
        assert_eq!(vote(3_000_000 + guess, 0).await, VoteOutcome::UnknownVoterNumber);
    }
    let VoteOutcome::Throttled { puzzle: Some(puzzle), .. } = vote(7, 0).await else {
        panic!("guesses are not throttled, or without a puzzle")
    };
    let solution = solve(puzzle, 7).await;
    assert!(matches!(vote(8, solution).await, VoteOutcome::Throttled { .. }));
    assert!(matches!(vote(7, solution).await, VoteOutcome::Recorded(_)));
    assert!(matches!(vote(7, solution).await, VoteOutcome::Throttled { .. }));
}

#[tokio::test(flavor = "local")]
async fn throttled_votes_are_answered_late_and_too_many_end_the_connection() {
    let server = board().await;
    let client = server.connect();
    let guess = |index: u64| {
        let client = client.clone();
        async move { client.election("board").vote(&ballot("Ada", 4_000_000 + index), |_| ()).await }
    };
    for index in 0..5 {
        let outcome = soon(guess(index)).await.unwrap();
        assert_eq!(outcome, VoteOutcome::UnknownVoterNumber);
    }
    // From here on the test only waits.
    tokio::time::pause();
    let begun = Instant::now();
    // The first ones, as an honest client gets them, are answered at once.
    for index in 0..QUICK {
        assert!(matches!(guess(index).await, Ok(VoteOutcome::Throttled { .. })));
    }
    assert!(begun.elapsed() < THROTTLED_WAIT_MAX / 2);
    let outcomes = all((0..THROTTLED_VOTES_MAX.into()).map(guess)).await;
    assert!(begun.elapsed() >= THROTTLED_WAIT_MAX);
    // All of them had arrived before the connection began to end.
    assert!(outcomes.iter().all(|it| matches!(it, Ok(VoteOutcome::Throttled { .. }))));
    client.closed().await;
}

/// Restores a token and uses it: the election is open already, but the officer is heard.
async fn use_token(client: &Client, token: &[u8]) -> Result<(), Error> {
    let officer = client.restore(token).returning_officer();
    soon(officer.administer("board").open()).await.map(drop)
}

#[tokio::test(flavor = "local")]
async fn officers_are_never_throttled_and_wrong_tokens_end_their_connection() {
    let server = board().await;
    let token = server.officer().await;
    exceed_the_limit(&server).await;
    let client = server.connect();
    for wrong in 1..WRONG_TOKENS_MAX {
        let error = use_token(&client, &[wrong as u8; 32]).await.unwrap_err().to_string();
        assert!(error.contains("opens nothing here"), "{error}");
        use_token(&client, token.as_bytes()).await.unwrap();
    }
    use_token(&client, &[255; 32]).await.unwrap_err();
    soon(client.closed()).await;
    // From the same address, over another connection.
    use_token(&server.connect(), token.as_bytes()).await.unwrap();
}
