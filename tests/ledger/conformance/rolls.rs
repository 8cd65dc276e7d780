//! Rolls: who issued numbers, numbers that are voided, and what all rolls take together.

use std::sync::Arc;

use capvote::election::{
    CANDIDATES_MAX, ChangeRefusal, Definition, ElectionState, Grant, GrantId, Outcome, Refusal,
    Role, Token, Uses,
};
use capvote::ledger::{Act, ActRefusal, Authorization, Ledger, LedgerError};
use futures::future::join_all;

use super::super::{ADA, create, id, numbers, running, vote};
use super::{Subject, act, cast, restart, standing};

const RECORDED: Outcome = Outcome::Recorded;
const UNKNOWN: Outcome = Outcome::Refused(Refusal::UnknownVoterNumber);

const OFFICER: u64 = 1;
const REGISTRAR: u64 = 2;
const DERIVED: u64 = 3;
const OTHER: u64 = 4;

fn token(grant: u64) -> Token {
    Token::from([grant as u8; Token::BYTES])
}

fn grant(grant: u64, parent: u64, role: Role) -> Act {
    let parent = (parent > 0).then_some(GrantId(parent));
    Act::Grant(Grant {
        id: GrantId(grant),
        parent,
        role,
        token: token(grant).hash(),
        uses: Uses::Any,
    })
}

fn under(grant: u64) -> Option<Authorization> {
    Some(Authorization { grant: GrantId(grant), revoked: Vec::new() })
}

async fn issue(
    ledger: &Arc<dyn Ledger>,
    under_grant: u64,
    of: std::ops::RangeInclusive<u64>,
) -> Result<(), LedgerError> {
    ledger.act(vec![Act::Issue(id("board"), numbers(of))], under(under_grant)).await
}

async fn void(ledger: &Arc<dyn Ledger>, grant: u64) -> Result<u64, LedgerError> {
    ledger.void(id("board"), token(grant).hash(), under(OFFICER)).await
}

/// An open election with the numbers 1 to 1,000 of nobody, 2,001 to 2,010 of a registrar, 3,001 to
/// 3,010 of a link made from it, and 4,001 to 4,010 of another registrar; the last two while it was
/// open.
async fn issued_under_links(ledger: &Arc<dyn Ledger>) {
    let registrar = || Role::Registrar(id("board"));
    let mut acts = running("board");
    let open = acts.pop().unwrap();
    acts.push(grant(OFFICER, 0, Role::ReturningOfficer));
    acts.push(grant(REGISTRAR, OFFICER, registrar()));
    acts.push(grant(DERIVED, REGISTRAR, registrar()));
    acts.push(grant(OTHER, OFFICER, registrar()));
    act(ledger, acts).await.unwrap();
    issue(ledger, REGISTRAR, 2_001..=2_010).await.unwrap();
    act(ledger, vec![open]).await.unwrap();
    issue(ledger, DERIVED, 3_001..=3_010).await.unwrap();
    issue(ledger, OTHER, 4_001..=4_010).await.unwrap();
    for number in [2_001, 3_001] {
        assert_eq!(cast(ledger, [vote("board", number, ADA, 1)]).await, [RECORDED]);
    }
}

pub(crate) async fn numbers_of_a_stolen_link_are_voided_before_they_vote(subject: &impl Subject) {
    let mut ledger = subject.open();
    issued_under_links(&ledger).await;
    assert_eq!(void(&ledger, REGISTRAR).await, Ok(18), "18 have not voted");
    for _ in 0..2 {
        let votes = [
            vote("board", 2_001, ADA, 1),
            vote("board", 2_002, ADA, 1),
            vote("board", 3_001, ADA, 2),
            vote("board", 3_010, ADA, 1),
            vote("board", 4_010, ADA, 1),
            vote("board", 1_000, ADA, 1),
        ];
        let already = Outcome::Refused(Refusal::AlreadyVoted);
        let outcomes = cast(&ledger, votes).await;
        assert_eq!(outcomes, [RECORDED, UNKNOWN, already, UNKNOWN, RECORDED, RECORDED]);
        let standing = standing(&ledger, "board");
        assert_eq!((standing.voters, standing.added_while_open), (1_012, 11));
        // The link ended, and what was made from it.
        for grant in [REGISTRAR, DERIVED] {
            assert_eq!(issue(&ledger, grant, 9_001..=9_001).await, Err(LedgerError::Revoked));
            assert_eq!(ledger.grant(token(grant).hash()).await, Ok(None));
            assert_eq!(void(&ledger, grant).await, Ok(0), "again");
        }
        ledger = restart(subject, ledger).await;
    }
    assert_eq!(ledger.check(id("board")).await.unwrap().ballots, 4);
    assert_eq!(void(&ledger, OFFICER).await, Err(ActRefusal::OfficersLink.into()));
    let unknown = LedgerError::Refused(ActRefusal::UnknownLink(id("board")));
    assert_eq!(void(&ledger, 77).await, Err(unknown.clone()));
    act(&ledger, vec![Act::Close(id("board"))]).await.unwrap();
    let ledger = restart(subject, ledger).await;
    let closed = standing(&ledger, "board");
    assert_eq!((closed.voters, closed.ballots, closed.state), (1_012, 4, ElectionState::Closed));
    assert_eq!(void(&ledger, REGISTRAR).await, Err(unknown));
    assert_eq!(ledger.check(id("board")).await.unwrap().numbers_used, 4);
}

pub(crate) async fn numbers_of_a_link_are_voided_long_after_it_was_revoked(subject: &impl Subject) {
    let ledger = subject.open();
    issued_under_links(&ledger).await;
    act(&ledger, vec![Act::RevokeGrant(GrantId(REGISTRAR))]).await.unwrap();
    let ledger = restart(subject, ledger).await;
    assert_eq!(cast(&ledger, [vote("board", 3_002, ADA, 1)]).await, [RECORDED], "they vote");
    assert_eq!(void(&ledger, DERIVED).await, Ok(8));
    assert_eq!(void(&ledger, REGISTRAR).await, Ok(9));
    let ledger = restart(subject, ledger).await;
    let votes = [vote("board", 2_002, ADA, 1), vote("board", 3_003, ADA, 1)];
    assert_eq!(cast(&ledger, votes).await, [UNKNOWN; 2]);
    let standing = standing(&ledger, "board");
    assert_eq!((standing.voters, standing.added_while_open), (1_013, 12));
    let not_mine = ledger.void(id("board"), token(OTHER).hash(), under(DERIVED)).await;
    assert_eq!(not_mine, Err(LedgerError::Revoked));
}

pub(crate) async fn a_shared_roll_is_final_once_its_own_election_is_closed(subject: &impl Subject) {
    let ledger = subject.open();
    issued_under_links(&ledger).await;
    let names = ["Yes", "No"].map(String::from).to_vec();
    let motion = Definition::new(id("motion"), String::new(), names).unwrap();
    let motion = Act::Create(Arc::new(motion.with_roll(Some(id("board")))));
    act(&ledger, vec![motion, Act::Open(id("motion")), Act::Close(id("board"))]).await.unwrap();
    let refusal = ChangeRefusal::Closed;
    let refused = ActRefusal::NotAllowed { election: id("board"), refusal };
    assert_eq!(void(&ledger, REGISTRAR).await, Err(refused.into()));
    assert!(ledger.grant(token(REGISTRAR).hash()).await.unwrap().is_some(), "nothing is changed");
    assert_eq!(cast(&ledger, [vote("motion", 2_002, ADA, 1)]).await, [RECORDED]);
}

pub(crate) async fn a_large_issue_is_made_whole_or_not_at_all(subject: &impl Subject) {
    const MANY: u64 = 200_000;
    let ledger = subject.open();
    issued_under_links(&ledger).await;
    let before = standing(&ledger, "board");
    // The last number is on the roll: what is stored before it is found must not count.
    let taken = issue(&ledger, OFFICER, u64::MAX - MANY..=u64::MAX);
    act(&ledger, vec![Act::Issue(id("board"), numbers([u64::MAX]))]).await.unwrap();
    assert!(matches!(taken.await, Err(LedgerError::Refused(ActRefusal::NotAllowed { .. }))));
    let mut twice = numbers(10_000..10_000 + MANY);
    twice.push(10_000.into());
    let twice = ledger.act(vec![Act::Issue(id("board"), twice)], under(OFFICER)).await;
    assert!(matches!(twice, Err(LedgerError::Refused(ActRefusal::NotAllowed { .. }))));
    assert_eq!(standing(&ledger, "board").voters, before.voters + 1);

    // Votes are decided while numbers are issued, by two links at once.
    let issues = [10_000, 1_000_000].map(|first| issue(&ledger, OTHER, first..=first + MANY));
    let votes = (1..=50).map(|number| ledger.vote(vec![vote("board", number, ADA, 1)]));
    let (issued, voted) = futures::future::join(join_all(issues), join_all(votes)).await;
    assert!(issued.iter().all(Result::is_ok), "{issued:?}");
    assert!(voted.into_iter().all(|outcomes| outcomes.unwrap() == [Ok(RECORDED)]));
    let ledger = restart(subject, ledger).await;
    let voters = before.voters + 1 + 2 * (MANY + 1);
    assert_eq!(standing(&ledger, "board").voters, voters);
    for number in [10_000, 10_000 + MANY, 1_000_000 + MANY] {
        assert_eq!(cast(&ledger, [vote("board", number, ADA, 1)]).await, [RECORDED]);
    }
    let report = ledger.check(id("board")).await.unwrap();
    assert_eq!((report.ballots, report.numbers_used), (55, 55));
    // All of them, but the three that have voted, and the ten of before.
    assert_eq!(void(&ledger, OTHER).await, Ok(2 * (MANY + 1) - 3 + 10));
    let ledger = restart(subject, ledger).await;
    assert_eq!(standing(&ledger, "board").voters, before.voters + 1 + 3 - 10);
    assert_eq!(cast(&ledger, [vote("board", 10_001, ADA, 1)]).await, [UNKNOWN]);
    act(&ledger, vec![Act::Close(id("board"))]).await.unwrap();
    let ledger = restart(subject, ledger).await;
    assert_eq!(standing(&ledger, "board").ballots, 55);
}

pub(crate) async fn definitions_that_would_not_fit_a_message_are_refused(subject: &impl Subject) {
    let ledger = subject.open();
    let long = |name: usize| format!("{name:04}").repeat(64);
    let candidates: Vec<_> = (0..CANDIDATES_MAX).map(long).collect();
    let largest = |number: usize| {
        let id = format!("e{number}").parse().unwrap();
        Act::Create(Arc::new(Definition::new(id, String::new(), candidates.clone()).unwrap()))
    };
    let mut created = 0;
    let refused = loop {
        match act(&ledger, vec![largest(created)]).await {
            Ok(()) => created += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused, LedgerError::Refused(ActRefusal::DefinitionsFull));
    assert!((50..70).contains(&created), "{created}");
    let ledger = restart(subject, ledger).await;
    assert_eq!(ledger.snapshots().borrow().elections.len(), created);
    let again = act(&ledger, vec![largest(created)]).await;
    assert_eq!(again, Err(LedgerError::Refused(ActRefusal::DefinitionsFull)));
    act(&ledger, vec![create("small")]).await.unwrap();
}
