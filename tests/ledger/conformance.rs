//! The suite that every implementation of [`Ledger`] has to pass.

use std::path::Path;
use std::sync::Arc;

use capvote::election::{
    DERIVED_GRANTS_MAX, ElectionState, Grant, GrantId, Outcome, Refusal, Role, Schedule, Standing,
    Timestamp, Token,
};
use capvote::ledger::{Act, Ledger, LedgerError};

use super::{ADA, GRACE, NOW, create, id, numbers, running, vote};

const ALREADY: Outcome = Outcome::Refused(Refusal::AlreadyVoted);

/// A check, and the way to open the ledger it works on, as often as it likes.
type Check<L> = fn(open: &dyn Fn() -> L);

/// Checks an implementation. `open` opens the ledger in a folder, as a start of the server would.
pub(crate) fn check<L: Ledger>(open: impl Fn(&Path) -> L) {
    let checks: [Check<L>; 11] = [
        one_vote_a_number,
        a_retry_counts_nothing,
        what_was_acknowledged_is_there_after_a_restart,
        elections_do_not_mix,
        what_is_refused,
        acts_are_made_together_or_not_at_all,
        numbers_join_an_open_election,
        numbers_leave_a_draft_for_good,
        a_closed_election_stays_as_it_was_counted,
        nothing_is_counted_from_the_time_to_close_on,
        one_link_makes_so_many_others_and_no_more,
    ];
    for check in checks {
        let directory = tempfile::tempdir().unwrap();
        check(&|| open(directory.path()));
    }
}

fn recorded(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Recorded(_))
}

fn standing(ledger: &impl Ledger, election: &str) -> Arc<Standing> {
    let standings = ledger.standings();
    standings.into_iter().find(|it| it.definition.id == id(election)).unwrap()
}

fn one_vote_a_number<L: Ledger>(open: &dyn Fn() -> L) {
    let mut ledger = open();
    ledger.administer(&running("board")).unwrap();
    let votes = [vote("board", 1, ADA, 1), vote("board", 1, GRACE, 2), vote("board", 2, GRACE, 3)];
    let outcomes = ledger.commit(&votes, NOW).unwrap();
    assert!(recorded(&outcomes[0]) && recorded(&outcomes[2]));
    assert_eq!(outcomes[1], ALREADY);
    let later = [vote("board", 2, ADA, 4), vote("board", 1, ADA, 5)];
    assert_eq!(ledger.commit(&later, NOW).unwrap(), [ALREADY, ALREADY]);
    let standing = standing(&ledger, "board");
    assert_eq!(
        (standing.votes().unwrap(), standing.ballots, standing.voters),
        (&[1, 1][..], 2, 1_000)
    );
}

fn a_retry_counts_nothing<L: Ledger>(open: &dyn Fn() -> L) {
    let mut ledger = open();
    ledger.administer(&running("board")).unwrap();
    let (first, other_choice, other_nonce) =
        (vote("board", 7, ADA, 1), vote("board", 7, GRACE, 1), vote("board", 7, ADA, 2));
    let together =
        ledger.commit(&[first.clone(), first.clone(), other_choice.clone()], NOW).unwrap();
    assert!(recorded(&together[0]));
    assert_eq!(together[1], together[0]);
    assert_eq!(together[2], ALREADY);
    drop(ledger);
    let mut ledger = open();
    let later = ledger.commit(&[other_nonce, other_choice, first], NOW).unwrap();
    assert_eq!(later, [ALREADY, ALREADY, together[0]]);
    assert_eq!(standing(&ledger, "board").ballots, 1);
}

fn what_was_acknowledged_is_there_after_a_restart<L: Ledger>(open: &dyn Fn() -> L) {
    let mut ledger = open();
    ledger.administer(&running("board")).unwrap();
    for batch in 0..10 {
        let votes: Vec<_> = (1..=7).map(|n| vote("board", batch * 7 + n, ADA, 9)).collect();
        assert!(ledger.commit(&votes, NOW).unwrap().iter().all(recorded));
    }
    let before = ledger.standings();
    drop(ledger);
    let mut ledger = open();
    assert_eq!(ledger.standings(), before);
    let votes: Vec<_> = (1..=71).map(|n| vote("board", n, GRACE, 8)).collect();
    let outcomes = ledger.commit(&votes, NOW).unwrap();
    assert!(outcomes[..70].iter().all(|outcome| *outcome == ALREADY));
    assert!(recorded(&outcomes[70]));
    assert_eq!(standing(&ledger, "board").votes().unwrap(), [70, 1]);
}

fn elections_do_not_mix<L: Ledger>(open: &dyn Fn() -> L) {
    let mut ledger = open();
    ledger.administer(&running("board")).unwrap();
    ledger.administer(&running("cake")).unwrap();
    let votes: Vec<_> = (1..=100)
        .flat_map(|n| [vote("cake", n, GRACE, 1), vote("board", n, (n % 2) as usize, 1)])
        .collect();
    let outcomes = ledger.commit(&votes, NOW).unwrap();
    assert!(outcomes.iter().all(recorded));
    assert_eq!(ledger.commit(&votes, NOW).unwrap(), outcomes, "each is a retry of itself");
    drop(ledger);
    let ledger = open();
    assert_eq!(standing(&ledger, "board").votes().unwrap(), [50, 50]);
    assert_eq!(standing(&ledger, "cake").votes().unwrap(), [0, 100]);
}

fn what_is_refused<L: Ledger>(open: &dyn Fn() -> L) {
    let mut ledger = open();
    ledger.administer(&running("board")).unwrap();
    ledger.administer(&[create("draft")]).unwrap();
    let table = [
        (vote("board", 0, ADA, 1), Refusal::UnknownVoterNumber),
        (vote("board", 1_001, ADA, 1), Refusal::UnknownVoterNumber),
        (vote("board", u64::MAX, ADA, 1), Refusal::UnknownVoterNumber),
        (vote("board", 1, 2, 1), Refusal::UnknownCandidate),
        (vote("draft", 1, ADA, 1), Refusal::NotOpen),
        (vote("nowhere", 1, ADA, 1), Refusal::NotOpen),
    ];
    let votes = table.each_ref().map(|(vote, _)| vote.clone());
    let outcomes = ledger.commit(&votes, NOW).unwrap();
    assert_eq!(outcomes, table.map(|(_, refusal)| Outcome::Refused(refusal)));
    assert!(ledger.standings().iter().all(|standing| standing.ballots == 0));
    assert!(recorded(&ledger.commit(&[vote("board", 1, ADA, 1)], NOW).unwrap()[0]));
}

fn acts_are_made_together_or_not_at_all<L: Ledger>(open: &dyn Fn() -> L) {
    let mut ledger = open();
    ledger.administer(&running("board")).unwrap();
    assert!(recorded(&ledger.commit(&[vote("board", 1, ADA, 1)], NOW).unwrap()[0]));
    let before = ledger.standings();

    let mut twice = running("cake");
    twice.push(Act::Open(id("cake")));
    assert!(matches!(ledger.administer(&twice), Err(LedgerError::NotAllowed { .. })));
    let taken = [
        Act::Issue(id("board"), numbers([5_000])),
        Act::Issue(id("board"), numbers([6_000, 5_000])),
    ];
    assert!(matches!(ledger.administer(&taken), Err(LedgerError::NotAllowed { .. })));
    assert!(matches!(ledger.administer(&[create("board")]), Err(LedgerError::ElectionExists(_))));
    assert!(matches!(
        ledger.administer(&[Act::Open(id("x"))]),
        Err(LedgerError::NoSuchElection(_))
    ));

    assert_eq!(ledger.standings(), before);
    let stranger = ledger.commit(&[vote("board", 5_000, ADA, 1)], NOW).unwrap();
    assert_eq!(stranger, [Outcome::Refused(Refusal::UnknownVoterNumber)]);
    assert!(recorded(&ledger.commit(&[vote("board", 2, ADA, 1)], NOW).unwrap()[0]));
    ledger.administer(&running("cake")).unwrap();
    drop(ledger);
    let ledger = open();
    assert_eq!(standing(&ledger, "board").votes().unwrap(), [2, 0]);
    assert_eq!(standing(&ledger, "cake").state, ElectionState::Open);
}

fn numbers_join_an_open_election<L: Ledger>(open: &dyn Fn() -> L) {
    let mut ledger = open();
    ledger.administer(&running("board")).unwrap();
    ledger.commit(&[vote("board", 500, GRACE, 1)], NOW).unwrap();
    let many = numbers((0..20_000).map(|n| 1_000_000 + n * 7));
    ledger.administer(&[Act::Issue(id("board"), many)]).unwrap();
    ledger.administer(&[Act::Issue(id("board"), Vec::new())]).unwrap();
    assert!(recorded(&ledger.commit(&[vote("board", 1_000_007, ADA, 1)], NOW).unwrap()[0]));
    drop(ledger);
    let mut ledger = open();
    let votes = [
        vote("board", 500, ADA, 2),
        vote("board", 1_000_007, ADA, 2),
        vote("board", 1_139_993, ADA, 1),
    ];
    let outcomes = ledger.commit(&votes, NOW).unwrap();
    assert_eq!(outcomes[..2], [ALREADY, ALREADY]);
    assert!(recorded(&outcomes[2]));
    assert_eq!(standing(&ledger, "board").voters, 21_000);
}

fn numbers_leave_a_draft_for_good<L: Ledger>(open: &dyn Fn() -> L) {
    let mut ledger = open();
    let acts = [create("board"), Act::Issue(id("board"), numbers(1..=20_000))];
    ledger.administer(&acts).unwrap();
    ledger.administer(&[Act::Revoke(id("board"), numbers(5..=10_000))]).unwrap();
    let unknown = ledger.administer(&[Act::Revoke(id("board"), numbers([4, 5]))]);
    assert!(matches!(unknown, Err(LedgerError::NotAllowed { .. })));
    drop(ledger);
    let mut ledger = open();
    ledger.administer(&[Act::Open(id("board"))]).unwrap();
    let frozen = ledger.administer(&[Act::Revoke(id("board"), numbers([4]))]);
    assert!(matches!(frozen, Err(LedgerError::NotAllowed { .. })));
    let outcomes =
        ledger.commit(&[vote("board", 4, ADA, 1), vote("board", 5, ADA, 1)], NOW).unwrap();
    assert!(recorded(&outcomes[0]));
    assert_eq!(outcomes[1], Outcome::Refused(Refusal::UnknownVoterNumber));
    assert_eq!(standing(&ledger, "board").voters, 10_004);
}

fn a_closed_election_stays_as_it_was_counted<L: Ledger>(open: &dyn Fn() -> L) {
    let mut ledger = open();
    ledger.administer(&running("board")).unwrap();
    ledger.administer(&running("cake")).unwrap();
    let mut receipts = Vec::new();
    for number in 1..=9 {
        let votes = [
            vote("board", number, (number % 3 == 0).into(), number as u8),
            vote("cake", number, ADA, 1),
        ];
        let outcomes = ledger.commit(&votes, NOW).unwrap();
        assert!(outcomes.iter().all(recorded));
        receipts.push(outcomes[0]);
    }
    ledger.administer(&[Act::Issue(id("board"), numbers([5_000]))]).unwrap();
    ledger.administer(&[Act::Close(id("board"))]).unwrap();
    for _ in 0..2 {
        let closed = standing(&ledger, "board");
        assert_eq!((closed.votes().unwrap(), closed.state), (&[6, 3][..], ElectionState::Closed));
        assert_eq!((closed.ballots, closed.voters, closed.added_while_open), (9, 1_001, 1));
        // A ballot that was not counted is late.
        let late = [
            vote("board", 500, ADA, 2 + 100),
            vote("board", 1, GRACE, 1),
            vote("board", 1, ADA, 100),
            vote("board", 9_999, GRACE, 1),
        ];
        let outcomes = ledger.commit(&late, NOW).unwrap();
        assert_eq!(outcomes, [Outcome::Refused(Refusal::Closed); 4]);
        // A vote that was counted may be sent again, and its voter gets the receipt.
        for number in 1..=9 {
            let again = vote("board", number, (number % 3 == 0).into(), number as u8);
            let outcome = ledger.commit(&[again], NOW).unwrap()[0];
            assert_eq!(outcome, receipts[number as usize - 1]);
        }
        // Which number asks makes no difference: nobody learns that way who has voted.
        for number in [500, 9_999] {
            let outcome = ledger.commit(&[vote("board", number, ADA, 1)], NOW).unwrap()[0];
            assert_eq!(outcome, receipts[0]);
        }
        for act in [
            Act::Close(id("board")),
            Act::Open(id("board")),
            Act::Issue(id("board"), numbers([7_000])),
        ] {
            assert!(matches!(ledger.administer(&[act]), Err(LedgerError::NotAllowed { .. })));
        }
        drop(ledger);
        ledger = open();
    }
    // The other election goes on, before and after a restart.
    for number in [10, 11] {
        assert!(recorded(&ledger.commit(&[vote("cake", number, GRACE, 1)], NOW).unwrap()[0]));
        drop(ledger);
        ledger = open();
    }
    assert_eq!(standing(&ledger, "cake").votes().unwrap(), [9, 2]);
}

fn nothing_is_counted_from_the_time_to_close_on<L: Ledger>(open: &dyn Fn() -> L) {
    let mut ledger = open();
    let schedule = Schedule { opens: None, closes: Some(Timestamp(NOW.0 + 1)) };
    let mut acts = running("board");
    let Act::Create(definition) = &acts[0] else { panic!("not a creation") };
    acts[0] = Act::Create(Arc::new((**definition).clone().with_schedule(schedule).unwrap()));
    ledger.administer(&acts).unwrap();
    assert!(recorded(&ledger.commit(&[vote("board", 1, ADA, 1)], NOW).unwrap()[0]));
    drop(ledger);
    let mut ledger = open();
    assert_eq!(standing(&ledger, "board").definition.schedule, schedule);
    let late = ledger.commit(&[vote("board", 2, ADA, 1)], Timestamp(NOW.0 + 1)).unwrap();
    assert_eq!(late, [Outcome::Refused(Refusal::Closed)]);
}

fn one_link_makes_so_many_others_and_no_more<L: Ledger>(open: &dyn Fn() -> L) {
    let mut ledger = open();
    let save = |id: u64, parent: u64, role: Role| {
        let mut token = [0; Token::BYTES];
        token[..8].copy_from_slice(&id.to_le_bytes());
        let parent = (parent > 0).then_some(GrantId(parent));
        Act::Grant(Grant { id: GrantId(id), parent, role, token: Token::from(token).hash() })
    };
    let auditor = || Role::Auditor(id("board"));
    ledger.administer(&[save(1, 0, Role::ReturningOfficer), save(2, 1, auditor())]).unwrap();
    for id in 3..3 + DERIVED_GRANTS_MAX as u64 {
        ledger.administer(&[save(id, 2, auditor())]).unwrap();
    }
    for parent in [2, 3] {
        let refused = ledger.administer(&[save(1_000, parent, auditor())]);
        assert!(matches!(refused, Err(LedgerError::GrantRefused)));
    }
    ledger.administer(&[save(1_000, 1, auditor())]).unwrap();
    // With what is revoked goes what was made from it, and nothing else.
    ledger.administer(&[Act::RevokeGrant(GrantId(2)), Act::RevokeGrant(GrantId(5))]).unwrap();
    for _ in 0..2 {
        let mut left: Vec<_> = ledger.grants().iter().map(|grant| grant.id.0).collect();
        left.sort_unstable();
        assert_eq!(left, [1, 1_000]);
        drop(ledger);
        ledger = open();
    }
}
