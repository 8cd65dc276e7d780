//! Links that work once.

use capvote::client::{ActOutcome, Error};
use capvote::election::Token;

use crate::harness::{Harness, all, board, soon};

async fn registrar_once(harness: &Harness) -> Token {
    let officer = harness.connect().restore(harness.officer().await.as_bytes());
    let administration = officer.returning_officer().administer("board");
    soon(administration.registrar().save_once()).await.unwrap()
}

fn is_spent<T>(outcome: &Result<T, Error>) -> bool {
    matches!(outcome, Err(Error::Remote(why)) if why.contains("works once, and was opened before"))
}

#[tokio::test(flavor = "local")]
async fn a_link_that_works_once_is_spent_by_the_first_restore() {
    let harness = board().await;
    let token = registrar_once(&harness).await;
    let held = harness.connect().restore(token.as_bytes()).registrar();
    assert_eq!(soon(held.issue(2, |_| Ok(()))).await.unwrap(), ActOutcome::Done);

    // Who finds it later is told so, over the same connection and over another, and not thrown out.
    let finder = harness.connect();
    for _ in 0..20 {
        let found = finder.restore(token.as_bytes()).registrar();
        assert!(is_spent(&soon(found.issue(1, |_| Ok(()))).await));
    }
    assert!(soon(finder.elections()).await.is_ok());

    // What was opened stays in force, and can be saved for longer.
    let kept = soon(held.save()).await.unwrap();
    for _ in 0..2 {
        let again = harness.connect().restore(kept.as_bytes()).registrar();
        assert_eq!(soon(again.issue(1, |_| Ok(()))).await.unwrap(), ActOutcome::Done);
    }
    // The officer ends it by its token, with all that came of it.
    let officer = harness.connect().restore(harness.officer().await.as_bytes());
    let administration = officer.returning_officer().administer("board");
    let voided = soon(administration.void_numbers(token.as_bytes())).await.unwrap();
    assert_eq!(voided, (ActOutcome::Done, 4));
    assert!(soon(held.issue(1, |_| Ok(()))).await.is_err());
    let again = harness.connect().restore(kept.as_bytes()).registrar();
    assert!(soon(again.issue(1, |_| Ok(()))).await.is_err());
}

#[tokio::test(flavor = "local")]
async fn of_all_who_open_a_link_that_works_once_at_once_one_gets_in() {
    let harness = board().await;
    let token = registrar_once(&harness).await;
    let holders = (0..16).map(|_| harness.connect().restore(token.as_bytes()).registrar());
    let issued = all(holders.map(|held| async move { held.issue(1, |_| Ok(())).await })).await;
    assert_eq!(issued.iter().filter(|it| it.is_ok()).count(), 1);
    assert_eq!(issued.iter().filter(|it| is_spent(it)).count(), 15);
    assert_eq!(harness.snapshot().elections[0].voters, 1_001);
}
