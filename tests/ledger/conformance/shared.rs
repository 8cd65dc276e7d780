//! What holds between several users of one store: other handles where it can have them, and
//! otherwise concurrent calls on one handle.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use capvote::election::{ElectionState, Grant, GrantId, Outcome, Refusal, Role, Token, Uses};
use capvote::ledger::{Act, Authorization, LedgerError};
use futures::future::{join, join_all};
use tokio::time::timeout;

use super::super::{ADA, GRACE, create, id, numbers, running, vote};
use super::{Subject, act, cast, second_handle, standing};

/// How long another handle may lag.
const LAG_MAX: Duration = Duration::from_secs(1);

pub(crate) async fn a_handle_reads_its_own_answers(subject: &impl Subject) {
    let ledger = subject.open();
    act(&ledger, running("board")).await.unwrap();
    assert_eq!(standing(&ledger, "board").state, ElectionState::Open);
    for number in 1..=20 {
        assert_eq!(cast(&ledger, [vote("board", number, ADA, 1)]).await, [Outcome::Recorded]);
        assert_eq!(standing(&ledger, "board").ballots, number);
    }
    let other = second_handle(subject, &ledger);
    assert_eq!(cast(&other, [vote("board", 21, ADA, 1)]).await, [Outcome::Recorded]);
    // This handle answers a retry of what the other stored, and from then on shows it.
    assert_eq!(cast(&ledger, [vote("board", 21, ADA, 1)]).await, [Outcome::Recorded]);
    assert_eq!(standing(&ledger, "board").ballots, 21);
    let token = Token::from([1; Token::BYTES]).hash();
    let (role, uses) = (Role::ReturningOfficer, Uses::Any);
    let grant = Grant { id: GrantId(1), parent: None, role, token, uses };
    act(&other, vec![Act::Grant(grant)]).await.unwrap();
    assert!(ledger.grant(token).await.unwrap().is_some());
    assert!(ledger.snapshots().borrow().grants.holds(GrantId(1)));
}

pub(crate) async fn snapshots_follow_other_handles(subject: &impl Subject) {
    let ledger = subject.open();
    let other = second_handle(subject, &ledger);
    let mut snapshots = other.snapshots();
    act(&ledger, running("board")).await.unwrap();
    cast(&ledger, [vote("board", 1, GRACE, 1)]).await;
    let voted = snapshots.wait_for(|seen| seen.elections.first().is_some_and(|it| it.ballots == 1));
    timeout(LAG_MAX, voted).await.expect("it lags").unwrap();
    act(&ledger, vec![Act::Close(id("board"))]).await.unwrap();
    let closed = snapshots.wait_for(|seen| seen.elections[0].state == ElectionState::Closed);
    timeout(LAG_MAX, closed).await.expect("it lags").unwrap();
}

pub(crate) async fn a_fresh_snapshot_includes_what_other_handles_committed(subject: &impl Subject) {
    let ledger = subject.open();
    let other = second_handle(subject, &ledger);
    for election in ["board", "cake", "draft"] {
        act(&ledger, vec![create(election)]).await.unwrap();
        let fresh = other.fresh().await.unwrap();
        assert!(fresh.election(&id(election)).is_some());
        assert_eq!(*fresh, **other.snapshots().borrow());
    }
}

pub(crate) async fn racing_handles_count_one_vote_a_number(subject: &impl Subject) {
    const VOTERS: u64 = 100;
    let ledger = subject.open();
    let other = second_handle(subject, &ledger);
    act(&ledger, running("board")).await.unwrap();
    other.fresh().await.unwrap();
    // Under each number, two different votes; each handle gets both, in either order.
    let race = (1..=VOTERS).flat_map(|number| {
        let (ada, grace) = (vote("board", number, ADA, 1), vote("board", number, GRACE, 2));
        let batches = [vec![ada.clone(), grace.clone()], vec![grace, ada]];
        [ledger.vote(batches[0].clone()), other.vote(batches[1].clone())]
    });
    let outcomes = join_all(race).await;
    for pair in outcomes.chunks(2) {
        let [first, second] = pair else { panic!("two batches a number") };
        let (first, second) = (first.as_ref().unwrap(), second.as_ref().unwrap());
        // Both handles agree on which of the two votes is recorded.
        assert_eq!([&first[0], &first[1]], [&second[1], &second[0]]);
        assert_eq!(first.iter().filter(|it| **it == Ok(Outcome::Recorded)).count(), 1);
    }
    for handle in [&ledger, &other] {
        let fresh = handle.fresh().await.unwrap();
        assert_eq!(fresh.elections[0].ballots, VOTERS);
    }
}

pub(crate) async fn a_close_separates_counted_from_late_votes(subject: &impl Subject) {
    let ledger = subject.open();
    let other = second_handle(subject, &ledger);
    act(&ledger, running("board")).await.unwrap();
    other.fresh().await.unwrap();
    let voting: Vec<_> =
        (1..=200).map(|number| other.vote(vec![vote("board", number, ADA, 1)])).collect();
    let close = ledger.act(vec![Act::Close(id("board"))], None);
    let (outcomes, closed) = join(join_all(voting), close).await;
    closed.unwrap();
    let mut recorded = 0;
    for outcome in outcomes {
        match outcome.unwrap().remove(0) {
            Ok(Outcome::Recorded) => recorded += 1,
            outcome => assert_eq!(outcome, Ok(Outcome::Refused(Refusal::Closed))),
        }
    }
    assert_eq!(ledger.fresh().await.unwrap().elections[0].ballots, recorded);
    let (lines, _) = ledger.sheet(id("board"), Default::default(), 1_000).await.unwrap();
    assert_eq!(lines.len() as u64, recorded);
}

pub(crate) async fn a_revoked_authorization_in_the_queue_changes_nothing(subject: &impl Subject) {
    let ledger = subject.open();
    let other = second_handle(subject, &ledger);
    let token = Token::from([1; Token::BYTES]).hash();
    let (role, uses) = (Role::ReturningOfficer, Uses::Any);
    let grant = Grant { id: GrantId(1), parent: None, role, token, uses };
    let mut acts = running("board");
    acts.push(Act::Grant(grant));
    act(&ledger, acts).await.unwrap();
    other.fresh().await.unwrap();
    let issue = |number| vec![Act::Issue(id("board"), numbers([number]))];
    let (flag, grant) = (Arc::new(AtomicBool::new(false)), GrantId(1));
    let flagged = Authorization { grant, revoked: vec![flag.clone()] };
    other.act(issue(5_001), Some(flagged.clone())).await.unwrap();
    flag.store(true, Ordering::Release);
    assert_eq!(other.act(issue(5_002), Some(flagged)).await, Err(LedgerError::Revoked));

    let plain = Authorization { grant, revoked: Vec::new() };
    other.act(issue(5_003), Some(plain.clone())).await.unwrap();
    // The revocation is polled, and so queued, first.
    let revoke = ledger.act(vec![Act::RevokeGrant(grant)], None);
    let (revoked, issued) = join(revoke, ledger.act(issue(5_004), Some(plain.clone()))).await;
    assert_eq!((revoked, issued), (Ok(()), Err(LedgerError::Revoked)));
    // The other handle may not have heard of it.
    assert_eq!(other.act(issue(5_005), Some(plain)).await, Err(LedgerError::Revoked));
    assert_eq!(ledger.fresh().await.unwrap().elections[0].voters, 1_002);
}

pub(crate) async fn a_vote_of_unknown_outcome_sent_again_counts_once(subject: &impl Subject) {
    for stored in [false, true] {
        let election = if stored { "cake" } else { "board" };
        let ledger = subject.open();
        act(&ledger, running(election)).await.unwrap();
        let voted = vote(election, 1, ADA, 1);
        let Some(stored) = subject.break_next_commit(stored) else {
            assert!(ledger.shut_down());
            continue;
        };
        let unknown = ledger.vote(vec![voted.clone()]).await;
        let unknown = unknown.and_then(|mut decisions| decisions.remove(0)).unwrap_err();
        assert!(matches!(unknown, LedgerError::Unknown(_)) && !unknown.is_certain(), "{unknown:?}");
        subject.mend();
        // It may have stopped by itself.
        ledger.shut_down();
        drop(ledger);
        let ledger = subject.open();
        let seen = standing(&ledger, election).ballots;
        assert_eq!(seen, u64::from(stored), "before it is sent again");
        assert_eq!(cast(&ledger, [voted]).await, [Outcome::Recorded]);
        let other = [vote(election, 1, GRACE, 2)];
        assert_eq!(cast(&ledger, other).await, [Outcome::Refused(Refusal::AlreadyVoted)]);
        assert_eq!(standing(&ledger, election).ballots, 1);
        assert!(ledger.shut_down());
    }
}
