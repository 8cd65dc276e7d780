//! Several servers of one database, and damage to it.

use std::time::Duration;

use capvote::election::{Grant, GrantId, Outcome, Refusal, Role, Token, Uses};
use capvote::ledger::{Act, Authorization, LedgerError};
use futures::future::{join, join_all};

use super::super::conformance::Subject;
use super::super::{ADA, GRACE, id, numbers, running, vote};
use super::{Postgres, cluster};

const RECORDED: Outcome = Outcome::Recorded;

#[tokio::test]
async fn every_server_and_every_start_shows_the_same_standing() {
    let Some(cluster) = cluster() else { return };
    let subject = Postgres::new(cluster, true);
    let handles = [subject.open(), subject.open()];
    handles[0].act(running("board"), None).await.unwrap();
    let votes = (1..=120).map(|number: u64| {
        let choice = if number.is_multiple_of(3) { GRACE } else { ADA };
        handles[number as usize % 2].vote(vec![vote("board", number, choice, number as u8)])
    });
    for outcome in join_all(votes).await {
        assert_eq!(outcome.unwrap(), [Ok(RECORDED)]);
    }
    let mut seen = Vec::new();
    for handle in &handles {
        seen.push(handle.fresh().await.unwrap().elections[0].clone());
    }
    let published: u64 = seen[0].votes().unwrap().iter().sum();
    assert!(published.is_multiple_of(10) && published >= 120 - 4 * 19, "{published}");
    // A third start, while the others are open, and one after they are shut down.
    let third = subject.open();
    let mut snapshots = third.snapshots();
    let same = snapshots.wait_for(|shown| shown.elections[0] == seen[0]);
    tokio::time::timeout(Duration::from_secs(2), same).await.expect("it differs").unwrap();
    assert!(handles.iter().all(|handle| handle.shut_down()) && third.shut_down());
    seen.push(subject.open().snapshots().borrow().elections[0].clone());
    assert!(seen.iter().all(|standing| *standing == seen[0]), "{seen:?}");
}

#[tokio::test]
async fn a_number_votes_or_is_voided_at_whatever_server() {
    const NUMBERS: u64 = 200;
    let Some(cluster) = cluster() else { return };
    let subject = Postgres::new(cluster, true);
    let (ledger, other) = (subject.open(), subject.open());
    let token = |grant: u64| Token::from([grant as u8; Token::BYTES]).hash();
    let grant = |id: u64, parent: Option<u64>, role: Role| {
        let (token, parent) = (token(id), parent.map(GrantId));
        Act::Grant(Grant { id: GrantId(id), parent, role, token, uses: Uses::Any })
    };
    let mut acts = running("board");
    acts.push(grant(1, None, Role::ReturningOfficer));
    acts.push(grant(2, Some(1), Role::Registrar(id("board"))));
    ledger.act(acts, None).await.unwrap();
    let under = Authorization { grant: GrantId(2), revoked: Vec::new() };
    let issued = Act::Issue(id("board"), numbers(5_000..5_000 + NUMBERS));
    ledger.act(vec![issued], Some(under)).await.unwrap();
    other.fresh().await.unwrap();
    let votes =
        (5_000..5_000 + NUMBERS).map(|number| other.vote(vec![vote("board", number, ADA, 1)]));
    let voided = async {
        // After some of the votes.
        while ledger.fresh().await.unwrap().elections[0].ballots == 0 {}
        ledger.void(id("board"), token(2), None).await.unwrap()
    };
    let (outcomes, voided) = join(join_all(votes), voided).await;
    let mut recorded = 0;
    for outcome in outcomes {
        match outcome.unwrap().remove(0) {
            Ok(RECORDED) => recorded += 1,
            outcome => {
                assert_eq!(outcome, Ok(Outcome::Refused(Refusal::UnknownVoterNumber)));
            }
        }
    }
    assert_eq!(recorded + voided, NUMBERS);
    for handle in [&ledger, &other] {
        let standing = handle.fresh().await.unwrap().elections[0].clone();
        assert_eq!((standing.ballots, standing.voters), (recorded, 1_000 + recorded));
    }
}

#[tokio::test]
async fn a_server_that_has_not_heard_of_a_void_takes_no_vote_of_it() {
    let Some(cluster) = cluster() else { return };
    let subject = Postgres::new(cluster, true);
    let (ledger, other) = (subject.open(), subject.open());
    let token = |grant: u64| Token::from([grant as u8; Token::BYTES]).hash();
    ledger.act(running("board"), None).await.unwrap();
    other.fresh().await.unwrap();
    for round in 1..=10 {
        let (role, uses) = (Role::Registrar(id("board")), Uses::Any);
        let grant = Grant { id: GrantId(round), parent: None, role, token: token(round), uses };
        ledger.act(vec![Act::Grant(grant)], None).await.unwrap();
        let under = Authorization { grant: GrantId(round), revoked: Vec::new() };
        let number = 5_000 + round;
        let issued = Act::Issue(id("board"), numbers([number]));
        ledger.act(vec![issued], Some(under)).await.unwrap();
        other.fresh().await.unwrap();
        assert_eq!(other.vote(vec![vote("board", round, ADA, 1)]).await.unwrap(), [Ok(RECORDED)]);
        assert_eq!(ledger.void(id("board"), token(round), None).await, Ok(1));
        let voted = other.vote(vec![vote("board", number, ADA, 1)]).await.unwrap();
        assert_eq!(voted, [Ok(Outcome::Refused(Refusal::UnknownVoterNumber))], "{round}");
    }
    assert_eq!(ledger.fresh().await.unwrap().elections[0].ballots, 10);
}

#[tokio::test]
async fn another_server_finishes_a_close() {
    let Some(cluster) = cluster() else { return };
    let subject = Postgres::new(cluster, true);
    let (ledger, other) = (subject.open(), subject.open());
    ledger.act(running("board"), None).await.unwrap();
    for (number, server) in [(1, &ledger), (3, &other)] {
        let voted = server.vote(vec![vote("board", number, ADA, 1)]).await.unwrap();
        assert_eq!(voted, [Ok(RECORDED)]);
    }
    cluster.execute(
        &subject.database,
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'no'; END $$;
         CREATE TRIGGER no BEFORE INSERT ON sheet EXECUTE FUNCTION no()",
    );
    let closed = ledger.act(vec![Act::Close(id("board"))], None).await;
    assert!(matches!(closed, Err(LedgerError::Unknown(_))), "{closed:?}");
    // No vote counts any more, and a retry is answered.
    let votes = vec![vote("board", 2, ADA, 1), vote("board", 1, ADA, 1)];
    let late = Ok(Outcome::Refused(Refusal::Closed));
    assert_eq!(ledger.vote(votes).await.unwrap(), [late, Ok(RECORDED)]);
    assert!(ledger.shut_down());
    cluster.execute(&subject.database, "DROP TRIGGER no ON sheet");
    let mut snapshots = other.snapshots();
    let counted = snapshots.wait_for(|seen| seen.elections[0].count().is_some());
    let counted = tokio::time::timeout(Duration::from_secs(30), counted).await;
    assert_eq!(counted.unwrap().unwrap().elections[0].votes(), Some(&[2, 0][..]));
}

#[tokio::test]
async fn a_check_finds_what_was_altered() {
    let Some(cluster) = cluster() else { return };
    let subject = Postgres::new(cluster, false);
    let ledger = subject.open();
    ledger.act(running("board"), None).await.unwrap();
    ledger.act(running("closed"), None).await.unwrap();
    for number in 1..=20 {
        let votes = ["board", "closed"].map(|election| vote(election, number, ADA, number as u8));
        assert_eq!(ledger.vote(votes.to_vec()).await.unwrap(), [Ok(RECORDED), Ok(RECORDED)]);
    }
    ledger.act(vec![Act::Close(id("closed"))], None).await.unwrap();
    let report = ledger.check(id("board")).await.unwrap();
    assert_eq!((report.ballots, report.numbers_used, report.entries), (20, 20, 3 + 20));
    assert_eq!(ledger.check(id("board")).await.unwrap(), report, "nothing has changed");
    let damage = [
        "UPDATE ballots SET sealed = sealed || 'x' WHERE election = 1 AND number = 7",
        "UPDATE ballots SET number = 999 WHERE election = 1 AND number = 7",
        "DELETE FROM ballots WHERE election = 1 AND number = 7",
        "INSERT INTO ballots SELECT 1, 999, sealed, chain, seq FROM ballots WHERE election = 1
             AND number = 7",
        "DELETE FROM entries WHERE chain = 1 AND seq = 20",
        "UPDATE roll SET numbers = overlay(numbers placing 'x' from 9) WHERE election = 1",
        "UPDATE acts SET what = what || 'x' WHERE version = 2",
        "DELETE FROM acts WHERE version = 3",
        "UPDATE sheet SET lines = substr(lines, 19)",
        "DELETE FROM entries WHERE kind = 5",
    ];
    let tables = ["ballots", "entries", "roll", "acts", "sheet"];
    for table in tables {
        cluster.execute(&subject.database, &format!("CREATE TABLE good_{table} AS TABLE {table}"));
    }
    for damage in damage {
        cluster.execute(&subject.database, damage);
        let mut found = 0;
        for election in ["board", "closed"] {
            let checked = ledger.check(id(election)).await;
            found += usize::from(matches!(checked, Err(LedgerError::Unreadable(_))));
        }
        assert!(found > 0, "{damage}");
        for table in tables {
            let mend = format!("DELETE FROM {table}; INSERT INTO {table} TABLE good_{table}");
            cluster.execute(&subject.database, &mend);
        }
        assert_eq!(ledger.check(id("board")).await.unwrap(), report, "{damage}, mended");
    }
}
