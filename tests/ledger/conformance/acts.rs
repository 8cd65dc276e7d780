//! What officers change: elections, rolls, closes and grants.

use capvote::election::{
    DERIVED_GRANTS_MAX, ElectionState, Grant, GrantId, Outcome, Refusal, Role, Token, Uses,
};
use capvote::ledger::{Act, ActRefusal, LedgerError};

use super::super::{ADA, GRACE, create, id, numbers, running, vote};
use super::{Subject, act, cast, final_votes, restart, standing, standings};

const RECORDED: Outcome = Outcome::Recorded;
const LATE: Outcome = Outcome::Refused(Refusal::Closed);

fn not_allowed(result: &Result<(), LedgerError>) -> bool {
    matches!(result, Err(LedgerError::Refused(ActRefusal::NotAllowed { .. })))
}

pub(crate) async fn acts_are_made_together_or_not_at_all(subject: &impl Subject) {
    let ledger = subject.open();
    act(&ledger, running("board")).await.unwrap();
    assert_eq!(cast(&ledger, [vote("board", 1, ADA, 1)]).await, [RECORDED]);
    let before = standings(&ledger);

    let mut twice = running("cake");
    twice.push(Act::Open(id("cake")));
    assert!(not_allowed(&act(&ledger, twice).await));
    let taken = vec![
        Act::Issue(id("board"), numbers([5_000])),
        Act::Issue(id("board"), numbers([6_000, 5_000])),
    ];
    assert!(not_allowed(&act(&ledger, taken).await));
    let exists = LedgerError::Refused(ActRefusal::ElectionExists(id("board")));
    assert_eq!(act(&ledger, vec![create("board")]).await, Err(exists));
    let missing = LedgerError::Refused(ActRefusal::NoSuchElection(id("x")));
    assert_eq!(act(&ledger, vec![Act::Open(id("x"))]).await, Err(missing));

    assert_eq!(standings(&ledger), before);
    let stranger = cast(&ledger, [vote("board", 5_000, ADA, 1)]).await;
    assert_eq!(stranger, [Outcome::Refused(Refusal::UnknownVoterNumber)]);
    assert_eq!(cast(&ledger, [vote("board", 2, ADA, 1)]).await, [RECORDED]);
    act(&ledger, running("cake")).await.unwrap();
    let ledger = restart(subject, ledger).await;
    assert_eq!(standing(&ledger, "cake").state, ElectionState::Open);
    assert_eq!(final_votes(&ledger, "board").await, [2, 0]);
}

pub(crate) async fn numbers_join_an_open_election(subject: &impl Subject) {
    let ledger = subject.open();
    act(&ledger, running("board")).await.unwrap();
    assert_eq!(cast(&ledger, [vote("board", 500, GRACE, 1)]).await, [RECORDED]);
    let many = numbers((0..20_000).map(|n| 1_000_000 + n * 7));
    act(&ledger, vec![Act::Issue(id("board"), many)]).await.unwrap();
    act(&ledger, vec![Act::Issue(id("board"), Vec::new())]).await.unwrap();
    assert_eq!(cast(&ledger, [vote("board", 1_000_007, ADA, 1)]).await, [RECORDED]);
    let ledger = restart(subject, ledger).await;
    let votes = [
        vote("board", 500, ADA, 2),
        vote("board", 1_000_007, ADA, 2),
        vote("board", 1_139_993, ADA, 1),
    ];
    let already = Outcome::Refused(Refusal::AlreadyVoted);
    assert_eq!(cast(&ledger, votes).await, [already, already, RECORDED]);
    let standing = standing(&ledger, "board");
    assert_eq!((standing.voters, standing.added_while_open), (21_000, 20_000));
}

pub(crate) async fn numbers_leave_a_draft_for_good(subject: &impl Subject) {
    let ledger = subject.open();
    let acts = vec![create("board"), Act::Issue(id("board"), numbers(1..=20_000))];
    act(&ledger, acts).await.unwrap();
    act(&ledger, vec![Act::Revoke(id("board"), numbers(5..=10_000))]).await.unwrap();
    let unknown = vec![Act::Revoke(id("board"), numbers([4, 5]))];
    assert!(not_allowed(&act(&ledger, unknown).await));
    let ledger = restart(subject, ledger).await;
    act(&ledger, vec![Act::Open(id("board"))]).await.unwrap();
    let frozen = vec![Act::Revoke(id("board"), numbers([4]))];
    assert!(not_allowed(&act(&ledger, frozen).await));
    let votes = [vote("board", 4, ADA, 1), vote("board", 5, ADA, 1)];
    let revoked = Outcome::Refused(Refusal::UnknownVoterNumber);
    assert_eq!(cast(&ledger, votes).await, [RECORDED, revoked]);
    assert_eq!(standing(&ledger, "board").voters, 10_004);
}

pub(crate) async fn a_closed_election_stays_as_it_was_counted(subject: &impl Subject) {
    let mut ledger = subject.open();
    act(&ledger, running("board")).await.unwrap();
    act(&ledger, running("cake")).await.unwrap();
    let counted =
        |number: u64| vote("board", number, number.is_multiple_of(3).into(), number as u8);
    for number in 1..=9 {
        let votes = [counted(number), vote("cake", number, ADA, 1)];
        assert_eq!(cast(&ledger, votes).await, [RECORDED; 2]);
    }
    act(&ledger, vec![Act::Issue(id("board"), numbers([5_000]))]).await.unwrap();
    act(&ledger, vec![Act::Close(id("board"))]).await.unwrap();
    for _ in 0..2 {
        let closed = standing(&ledger, "board");
        assert_eq!((closed.votes(), closed.state), (Some(&[6, 3][..]), ElectionState::Closed));
        assert_eq!((closed.ballots, closed.voters, closed.added_while_open), (9, 1_001, 1));
        let late = [
            vote("board", 500, ADA, 2 + 100),
            vote("board", 1, GRACE, 1),
            vote("board", 1, ADA, 100),
            vote("board", 9_999, GRACE, 1),
        ];
        assert_eq!(cast(&ledger, late).await, [LATE; 4]);
        for number in 1..=9 {
            assert_eq!(cast(&ledger, [counted(number)]).await, [RECORDED], "a retry");
        }
        // A retry is recognised by its ballot, under any number: the answer hides who has voted.
        for number in [500, 9_999] {
            assert_eq!(cast(&ledger, [vote("board", number, ADA, 1)]).await, [RECORDED]);
        }
        let changes = [
            Act::Close(id("board")),
            Act::Open(id("board")),
            Act::Issue(id("board"), numbers([7_000])),
        ];
        for change in changes {
            assert!(not_allowed(&act(&ledger, vec![change]).await));
        }
        let (lines, cursor) = ledger.sheet(id("board"), Default::default(), 5).await.unwrap();
        let (rest, end) = ledger.sheet(id("board"), cursor, 100).await.unwrap();
        assert_eq!((lines.len(), rest.len()), (5, 4));
        assert_eq!(ledger.sheet(id("board"), end, 100).await.unwrap().0, []);
        let report = ledger.check(id("board")).await.unwrap();
        assert_eq!((report.ballots, report.numbers_used), (9, 9));
        assert!(!report.unscrubbed);
        ledger = restart(subject, ledger).await;
    }
    // The other election goes on, before and after a restart.
    for number in [10, 11] {
        assert_eq!(cast(&ledger, [vote("cake", number, GRACE, 1)]).await, [RECORDED]);
        ledger = restart(subject, ledger).await;
    }
    assert_eq!(final_votes(&ledger, "cake").await, [9, 2]);
}

/// A grant whose token is its id.
fn grant(id: u64, parent: u64, role: Role) -> Grant {
    let parent = (parent > 0).then_some(GrantId(parent));
    Grant { id: GrantId(id), parent, role, token: token(id).hash(), uses: Uses::Any }
}

fn token(id: u64) -> Token {
    let mut token = [0; Token::BYTES];
    token[..8].copy_from_slice(&id.to_le_bytes());
    Token::from(token)
}

fn auditor(id_: u64, parent: u64) -> Act {
    Act::Grant(grant(id_, parent, Role::Auditor(id("board"))))
}

pub(crate) async fn one_link_makes_a_bounded_number_of_others(subject: &impl Subject) {
    let mut ledger = subject.open();
    let officer = Act::Grant(grant(1, 0, Role::ReturningOfficer));
    act(&ledger, vec![officer, auditor(2, 1)]).await.unwrap();
    for id in 3..3 + DERIVED_GRANTS_MAX as u64 {
        act(&ledger, vec![auditor(id, 2)]).await.unwrap();
    }
    for parent in [2, 3] {
        let refused = act(&ledger, vec![auditor(1_000, parent)]).await;
        assert_eq!(refused, Err(LedgerError::Refused(ActRefusal::GrantRefused)));
    }
    act(&ledger, vec![auditor(1_000, 1)]).await.unwrap();
    // Revoking a grant revokes those made from it, and no others.
    let revoke = vec![Act::RevokeGrant(GrantId(2)), Act::RevokeGrant(GrantId(5))];
    act(&ledger, revoke).await.unwrap();
    for _ in 0..2 {
        let grants = ledger.snapshots().borrow().grants.clone();
        let mut left: Vec<_> = grants.iter().map(|grant| grant.id.0).collect();
        left.sort_unstable();
        assert_eq!(left, [1, 1_000]);
        ledger = restart(subject, ledger).await;
    }
}

pub(crate) async fn the_first_officer_is_granted_once(subject: &impl Subject) {
    let ledger = subject.open();
    let first = |id| vec![Act::GrantFirst(grant(id, 0, Role::ReturningOfficer))];
    act(&ledger, first(1)).await.unwrap();
    let refused = Err(LedgerError::Refused(ActRefusal::OfficerExists));
    assert_eq!(act(&ledger, first(2)).await, refused);
    let ledger = restart(subject, ledger).await;
    assert_eq!(act(&ledger, first(2)).await, refused);
    act(&ledger, vec![Act::RevokeGrant(GrantId(1))]).await.unwrap();
    act(&ledger, first(2)).await.unwrap();
}

pub(crate) async fn a_grant_is_found_by_its_token_until_it_is_revoked(subject: &impl Subject) {
    let ledger = subject.open();
    let officer = grant(1, 0, Role::ReturningOfficer);
    act(&ledger, vec![Act::Grant(officer.clone()), auditor(2, 1)]).await.unwrap();
    let ledger = restart(subject, ledger).await;
    assert_eq!(ledger.grant(token(1).hash()).await, Ok(Some(officer)));
    assert_eq!(ledger.grant(token(3).hash()).await, Ok(None));
    act(&ledger, vec![Act::RevokeGrant(GrantId(1))]).await.unwrap();
    for id in [1, 2] {
        assert_eq!(ledger.grant(token(id).hash()).await, Ok(None));
    }
}

pub(crate) async fn a_token_that_works_once_is_spent_for_ever(subject: &impl Subject) {
    let mut ledger = subject.open();
    let role = Role::Auditor(id("board"));
    let once = |id, parent| Grant { uses: Uses::Once, ..grant(id, parent, role.clone()) };
    let grants = [grant(1, 0, Role::ReturningOfficer), once(2, 1), once(3, 1)].map(Act::Grant);
    act(&ledger, grants.to_vec()).await.unwrap();
    let spend = |id| vec![Act::SpendToken(GrantId(id))];
    // With another change that is refused, nothing is spent.
    let both = vec![Act::SpendToken(GrantId(2)), Act::Open(id("nowhere"))];
    assert!(act(&ledger, both).await.is_err());
    act(&ledger, spend(2)).await.unwrap();
    let refused = Err(LedgerError::Refused(ActRefusal::TokenSpent));
    for _ in 0..2 {
        // One that is spent, one that works as often as it is presented, and one that is not there.
        for id in [2, 1, 9] {
            assert_eq!(act(&ledger, spend(id)).await, refused);
        }
        let uses = async |id| ledger.grant(token(id).hash()).await.unwrap().unwrap().uses;
        assert_eq!((uses(2).await, uses(3).await), (Uses::Spent, Uses::Once));
        // What it opened stays in force, and can be saved from.
        assert!(ledger.snapshots().borrow().grants.may_save_from(GrantId(2)));
        ledger = restart(subject, ledger).await;
    }
    // Of all who present it at once, one opens it.
    let all = futures::future::join_all((0..8).map(|_| act(&ledger, spend(3)))).await;
    assert_eq!(all.iter().filter(|opened| opened.is_ok()).count(), 1);
}
