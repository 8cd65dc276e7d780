//! The suite that every implementation of [`Ledger`] has to pass.

use std::path::Path;
use std::sync::Arc;

use capvote::election::{ElectionState, Outcome, Refusal, Standing};
use capvote::ledger::{Act, Ledger, LedgerError};

use super::{ADA, GRACE, create, id, numbers, running, vote};

const ALREADY: Outcome = Outcome::Refused(Refusal::AlreadyVoted);

/// A check, and the way to open the ledger it works on, as often as it likes.
type Check<L> = fn(open: &dyn Fn() -> L);

/// Checks an implementation. `open` opens the ledger in a folder, as a start of the server would.
pub(crate) fn check<L: Ledger>(open: impl Fn(&Path) -> L) {
    let checks: [Check<L>; 7] = [
        one_vote_a_number,
        a_retry_counts_nothing,
        what_was_acknowledged_is_there_after_a_restart,
        elections_do_not_mix,
        what_is_refused,
        acts_are_made_together_or_not_at_all,
        numbers_join_an_open_election,
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
    let outcomes = ledger.commit(&votes).unwrap();
    assert!(recorded(&outcomes[0]) && recorded(&outcomes[2]));
    assert_eq!(outcomes[1], ALREADY);
    let later = [vote("board", 2, ADA, 4), vote("board", 1, ADA, 5)];
    assert_eq!(ledger.commit(&later).unwrap(), [ALREADY, ALREADY]);
    let standing = standing(&ledger, "board");
    assert_eq!((&standing.votes[..], standing.ballots, standing.voters), (&[1, 1][..], 2, 1_000));
}

fn a_retry_counts_nothing<L: Ledger>(open: &dyn Fn() -> L) {
    let mut ledger = open();
    ledger.administer(&running("board")).unwrap();
    let (first, other_choice, other_nonce) =
        (vote("board", 7, ADA, 1), vote("board", 7, GRACE, 1), vote("board", 7, ADA, 2));
    let together = ledger.commit(&[first.clone(), first.clone(), other_choice.clone()]).unwrap();
    assert!(recorded(&together[0]));
    assert_eq!(together[1], together[0]);
    assert_eq!(together[2], ALREADY);
    drop(ledger);
    let mut ledger = open();
    let later = ledger.commit(&[other_nonce, other_choice, first]).unwrap();
    assert_eq!(later, [ALREADY, ALREADY, together[0]]);
    assert_eq!(standing(&ledger, "board").ballots, 1);
}

fn what_was_acknowledged_is_there_after_a_restart<L: Ledger>(open: &dyn Fn() -> L) {
    let mut ledger = open();
    ledger.administer(&running("board")).unwrap();
    for batch in 0..10 {
        let votes: Vec<_> = (1..=7).map(|n| vote("board", batch * 7 + n, ADA, 9)).collect();
        assert!(ledger.commit(&votes).unwrap().iter().all(recorded));
    }
    let before = ledger.standings();
    drop(ledger);
    let mut ledger = open();
    assert_eq!(ledger.standings(), before);
    let votes: Vec<_> = (1..=71).map(|n| vote("board", n, GRACE, 8)).collect();
    let outcomes = ledger.commit(&votes).unwrap();
    assert!(outcomes[..70].iter().all(|outcome| *outcome == ALREADY));
    assert!(recorded(&outcomes[70]));
    assert_eq!(standing(&ledger, "board").votes, [70, 1]);
}

fn elections_do_not_mix<L: Ledger>(open: &dyn Fn() -> L) {
    let mut ledger = open();
    ledger.administer(&running("board")).unwrap();
    ledger.administer(&running("cake")).unwrap();
    let votes: Vec<_> = (1..=100)
        .flat_map(|n| [vote("cake", n, GRACE, 1), vote("board", n, (n % 2) as usize, 1)])
        .collect();
    let outcomes = ledger.commit(&votes).unwrap();
    assert!(outcomes.iter().all(recorded));
    assert_eq!(ledger.commit(&votes).unwrap(), outcomes, "each is a retry of itself");
    drop(ledger);
    let ledger = open();
    assert_eq!(standing(&ledger, "board").votes, [50, 50]);
    assert_eq!(standing(&ledger, "cake").votes, [0, 100]);
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
    let outcomes = ledger.commit(&votes).unwrap();
    assert_eq!(outcomes, table.map(|(_, refusal)| Outcome::Refused(refusal)));
    assert!(ledger.standings().iter().all(|standing| standing.ballots == 0));
    assert!(recorded(&ledger.commit(&[vote("board", 1, ADA, 1)]).unwrap()[0]));
}

fn acts_are_made_together_or_not_at_all<L: Ledger>(open: &dyn Fn() -> L) {
    let mut ledger = open();
    ledger.administer(&running("board")).unwrap();
    assert!(recorded(&ledger.commit(&[vote("board", 1, ADA, 1)]).unwrap()[0]));
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
    let stranger = ledger.commit(&[vote("board", 5_000, ADA, 1)]).unwrap();
    assert_eq!(stranger, [Outcome::Refused(Refusal::UnknownVoterNumber)]);
    assert!(recorded(&ledger.commit(&[vote("board", 2, ADA, 1)]).unwrap()[0]));
    ledger.administer(&running("cake")).unwrap();
    drop(ledger);
    let ledger = open();
    assert_eq!(standing(&ledger, "board").votes, [2, 0]);
    assert_eq!(standing(&ledger, "cake").state, ElectionState::Open);
}

fn numbers_join_an_open_election<L: Ledger>(open: &dyn Fn() -> L) {
    let mut ledger = open();
    ledger.administer(&running("board")).unwrap();
    ledger.commit(&[vote("board", 500, GRACE, 1)]).unwrap();
    let many = numbers((0..20_000).map(|n| 1_000_000 + n * 7));
    ledger.administer(&[Act::Issue(id("board"), many)]).unwrap();
    ledger.administer(&[Act::Issue(id("board"), Vec::new())]).unwrap();
    assert!(recorded(&ledger.commit(&[vote("board", 1_000_007, ADA, 1)]).unwrap()[0]));
    drop(ledger);
    let mut ledger = open();
    let votes = [
        vote("board", 500, ADA, 2),
        vote("board", 1_000_007, ADA, 2),
        vote("board", 1_139_993, ADA, 1),
    ];
    let outcomes = ledger.commit(&votes).unwrap();
    assert_eq!(outcomes[..2], [ALREADY, ALREADY]);
    assert!(recorded(&outcomes[2]));
    assert_eq!(standing(&ledger, "board").voters, 21_000);
}
