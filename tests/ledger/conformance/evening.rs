//! An evening of elections: one roll for all of them, and ballots of every method.

use std::sync::Arc;

use capvote::election::{
    Ballot, ChangeRefusal, Definition, Method, Nonce, Outcome, Publication, Refusal, Rules,
    Verdict, Vote,
};
use capvote::ledger::{Act, ActRefusal, Ledger, LedgerError};

use super::super::{ADA, GRACE, create, id, numbers, running, vote};
use super::{Subject, act, cast, restart, standing};

const RECORDED: Outcome = Outcome::Recorded;
const UNKNOWN: Outcome = Outcome::Refused(Refusal::UnknownVoterNumber);

fn definition(election: &str, names: &[&str], rules: Rules) -> Definition {
    let names = names.iter().map(|name| name.to_string()).collect();
    let definition = Definition::new(id(election), String::new(), names).unwrap();
    definition.with_blank(true).with_rules(rules).unwrap()
}

/// Creates and opens an election with the roll of another.
fn sharing(election: &str, roll: &str) -> Vec<Act> {
    let definition = definition(election, &["Yes", "No"], Rules::default());
    let definition = definition.with_publication(Publication::Live).with_roll(Some(id(roll)));
    vec![Act::Create(Arc::new(definition)), Act::Open(id(election))]
}

fn refused(done: Result<(), LedgerError>, wanted: ChangeRefusal) -> bool {
    matches!(
        done,
        Err(LedgerError::Refused(ActRefusal::NotAllowed { refusal, .. })) if refusal == wanted
    )
}

async fn voters(ledger: &Arc<dyn Ledger>, election: &str) -> (u64, u64, u64) {
    let standing = standing(ledger, election);
    (standing.voters, standing.added_while_open, standing.ballots)
}

pub(crate) async fn one_roll_serves_many_elections(subject: &dyn Subject) {
    let mut ledger = subject.open();
    act(&ledger, running("board")).await.unwrap();
    act(&ledger, sharing("budget", "board")).await.unwrap();
    // The roll of an election that shares one is that one.
    act(&ledger, sharing("bylaws", "budget")).await.unwrap();
    assert_eq!(standing(&ledger, "bylaws").definition.roll, Some(id("board")));
    let unknown = act(&ledger, sharing("other", "nothing")).await;
    assert_eq!(unknown, Err(ActRefusal::NoSuchElection(id("nothing")).into()));
    for _ in 0..2 {
        for election in ["board", "budget", "bylaws"] {
            assert_eq!(cast(&ledger, [vote(election, 1, ADA, 1)]).await, [RECORDED]);
            let again = cast(&ledger, [vote(election, 1, GRACE, 1)]).await;
            assert_eq!(again, [Outcome::Refused(Refusal::AlreadyVoted)]);
            assert_eq!(cast(&ledger, [vote(election, 2_000, ADA, 1)]).await, [UNKNOWN]);
            assert_eq!(voters(&ledger, election).await, (1_000, 0, 1), "{election}");
        }
        ledger = restart(subject, ledger).await;
    }
    // Numbers are issued and revoked where the roll is.
    let issue = |election: &str, number| vec![Act::Issue(id(election), numbers([number]))];
    let shared = act(&ledger, issue("budget", 2_000)).await;
    assert!(refused(shared, ChangeRefusal::SharedRoll));
    act(&ledger, issue("board", 2_000)).await.unwrap();
    assert_eq!(cast(&ledger, [vote("budget", 2_000, ADA, 2)]).await, [RECORDED]);
    for election in ["board", "budget", "bylaws"] {
        assert_eq!(voters(&ledger, election).await.1, 1, "{election}");
    }
    // Its own close leaves the roll to the others.
    act(&ledger, vec![Act::Close(id("board"))]).await.unwrap();
    assert!(refused(act(&ledger, issue("board", 2_001)).await, ChangeRefusal::Closed));
    for number in [2, 3] {
        ledger = restart(subject, ledger).await;
        assert_eq!(cast(&ledger, [vote("bylaws", number, GRACE, 1)]).await, [RECORDED]);
    }
    act(&ledger, vec![Act::Close(id("budget")), Act::Close(id("bylaws"))]).await.unwrap();
    assert_eq!(voters(&ledger, "board").await, (1_001, 1, 1));
    assert_eq!(voters(&ledger, "budget").await, (1_001, 1, 2));
    assert_eq!(voters(&ledger, "bylaws").await, (1_001, 1, 3));
    // A run-off, after everything is closed.
    ledger = restart(subject, ledger).await;
    act(&ledger, sharing("runoff", "board")).await.unwrap();
    let votes =
        [vote("runoff", 1, ADA, 3), vote("runoff", 2_000, ADA, 4), vote("runoff", 9_999, ADA, 4)];
    assert_eq!(cast(&ledger, votes).await, [RECORDED, RECORDED, UNKNOWN]);
    ledger = restart(subject, ledger).await;
    assert_eq!(cast(&ledger, [vote("runoff", 5, ADA, 5)]).await, [RECORDED]);
    assert_eq!(voters(&ledger, "runoff").await, (1_001, 0, 3));
    let retry = cast(&ledger, [vote("board", 1, ADA, 1), vote("board", 1, ADA, 9)]).await;
    assert_eq!(retry, [RECORDED, Outcome::Refused(Refusal::Closed)]);
}

pub(crate) async fn the_roll_of_a_draft_is_frozen_while_others_vote_by_it(subject: &dyn Subject) {
    let ledger = subject.open();
    let issue = Act::Issue(id("board"), numbers(1..=10));
    act(&ledger, vec![create("board"), issue]).await.unwrap();
    let revoke = |number| vec![Act::Revoke(id("board"), numbers([number]))];
    let mut motion = sharing("motion", "board");
    let open = motion.pop().unwrap();
    act(&ledger, motion).await.unwrap();
    act(&ledger, revoke(10)).await.unwrap();
    assert_eq!(voters(&ledger, "motion").await, (9, 0, 0));
    act(&ledger, vec![open]).await.unwrap();
    assert!(refused(act(&ledger, revoke(9)).await, ChangeRefusal::RollFrozen));
    assert_eq!(
        cast(&ledger, [vote("motion", 9, ADA, 1), vote("motion", 10, ADA, 1)]).await,
        [RECORDED, UNKNOWN]
    );
}

/// The roll grows and shrinks after the elections that share it were created.
pub(crate) async fn a_quorum_of_a_shared_roll_holds_after_a_restart(subject: &dyn Subject) {
    let mut ledger = subject.open();
    let quorum = Some(">=1/2 of roll".parse().unwrap());
    let rules = Rules { quorum, ..Rules::default() };
    let motion = |election: &str| {
        let definition = definition(election, &["Yes", "No"], rules);
        Act::Create(Arc::new(definition.with_roll(Some(id("board")))))
    };
    act(&ledger, vec![create("board"), motion("late"), motion("half"), motion("added")])
        .await
        .unwrap();
    let issue = |range| Act::Issue(id("board"), numbers(range));
    act(&ledger, vec![issue(1..=12)]).await.unwrap();
    act(&ledger, vec![Act::Revoke(id("board"), numbers([11, 12])), Act::Open(id("late"))])
        .await
        .unwrap();
    ledger = restart(subject, ledger).await;
    assert_eq!(voters(&ledger, "late").await, (10, 0, 0));
    assert_eq!(cast(&ledger, [vote("late", 1, ADA, 1)]).await, [RECORDED]);
    act(&ledger, vec![Act::Close(id("late"))]).await.unwrap();
    act(&ledger, vec![Act::Open(id("half")), Act::Open(id("added"))]).await.unwrap();
    for number in 1..=5 {
        assert_eq!(cast(&ledger, [vote("half", number, ADA, 1)]).await, [RECORDED]);
        assert_eq!(cast(&ledger, [vote("added", number, ADA, 1)]).await, [RECORDED]);
    }
    act(&ledger, vec![Act::Close(id("half"))]).await.unwrap();
    act(&ledger, vec![issue(21..=30)]).await.unwrap();
    ledger = restart(subject, ledger).await;
    assert_eq!(voters(&ledger, "added").await, (20, 10, 5));
    act(&ledger, vec![Act::Close(id("added")), Act::Open(id("board"))]).await.unwrap();
    for _ in 0..2 {
        for (election, roll, verdict) in [
            ("late", 10, Verdict::NoQuorum),
            ("half", 10, Verdict::Decided),
            ("added", 20, Verdict::NoQuorum),
        ] {
            let standing = standing(&ledger, election);
            assert_eq!(standing.voters, roll, "{election}");
            assert_eq!(standing.count().unwrap().verdict, verdict, "{election}");
        }
        ledger = restart(subject, ledger).await;
    }
}

pub(crate) async fn a_lot_is_the_same_after_a_restart(subject: &dyn Subject) {
    let mut ledger = subject.open();
    let names: Vec<_> = (0..8).map(|name| format!("Candidate {name}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    act(&ledger, running("roll")).await.unwrap();
    let methods = [Method::Plurality, Method::Transferable, Method::Schulze];
    let ids = ["marks", "ranks", "pairs"];
    for (election, method) in ids.into_iter().zip(methods) {
        let rules = Rules { method, marks: 2, seats: 3, ..Rules::default() };
        let definition = definition(election, &names, rules).with_roll(Some(id("roll")));
        let create = Act::Create(Arc::new(definition.clone()));
        act(&ledger, vec![create, Act::Open(id(election))]).await.unwrap();
        for name in 0..names.len() {
            let marks: Vec<u16> = (0..names.len()).map(|it| u16::from(it == name)).collect();
            let ballot = Ballot::new(&definition.slate, &definition.rules, &marks).unwrap();
            let vote = Vote { ballot, ..vote(election, name as u64 + 1, ADA, name as u8) };
            assert_eq!(cast(&ledger, [vote]).await, [RECORDED]);
        }
        act(&ledger, vec![Act::Close(id(election))]).await.unwrap();
    }
    let drawn = |ledger: &Arc<dyn Ledger>| {
        ids.map(|election| standing(ledger, election).count().unwrap().lots.clone())
    };
    let before = drawn(&ledger);
    assert!(before.iter().all(|lots| !lots.is_empty()), "{before:?}");
    ledger = restart(subject, ledger).await;
    assert_eq!(drawn(&ledger), before);
}

pub(crate) async fn ballots_of_every_method_are_counted(subject: &dyn Subject) {
    use Method::{Plurality, Schulze, Transferable};
    let mut ledger = subject.open();
    let names = ["Ada", "Grace", "Edsger"];
    act(&ledger, running("roll")).await.unwrap();
    let rules = |method, marks| Rules { method, marks, ..Rules::default() };
    let methods = [("approval", Plurality, 3), ("ranks", Transferable, 3), ("pairs", Schulze, 3)];
    for (election, method, marks) in methods {
        let definition = definition(election, &names, rules(method, marks));
        let definition = Arc::new(definition.with_roll(Some(id("roll"))));
        act(&ledger, vec![Act::Create(definition), Act::Open(id(election))]).await.unwrap();
    }
    // Ada leads; Grace wins by approval, by transfer and in each pair.
    let ranked = [[1, 2, 0], [1, 2, 0], [1, 0, 0], [3, 1, 2], [0, 1, 2], [0, 2, 1], [0, 2, 1]];
    let blank: [u16; 0] = [];
    let ballot = |ledger: &Arc<dyn Ledger>, election: &str, marks: &[u16]| {
        let standing = ledger.snapshots().borrow().election(&id(election)).unwrap().clone();
        let Definition { slate, rules, .. } = &*standing.definition;
        Ballot::new(slate, rules, marks).unwrap()
    };
    for (election, method, _) in methods {
        let marks = ranked.iter().map(|marks| marks.to_vec()).chain([blank.to_vec()]);
        for (number, marks) in (1..).zip(marks) {
            let marks: Vec<u16> = match method {
                Plurality => marks.iter().map(|&mark| mark.min(1)).collect(),
                Transferable | Schulze => marks,
            };
            let ballot = ballot(&ledger, election, &marks);
            let (election, nonce) = (id(election), Nonce::from([number as u8; 16]));
            let vote = Vote { election, ballot, number: u64::into(number), nonce };
            assert_eq!(cast(&ledger, [vote.clone()]).await, [RECORDED]);
            let other = Vote { nonce: Nonce::from([99; 16]), ..vote.clone() };
            let again = cast(&ledger, [vote, other]).await;
            assert_eq!(again, [RECORDED, Outcome::Refused(Refusal::AlreadyVoted)]);
        }
    }
    ledger = restart(subject, ledger).await;
    let closes = methods.map(|(election, ..)| Act::Close(id(election)));
    act(&ledger, closes.to_vec()).await.unwrap();
    let mut before = Vec::new();
    for (election, ..) in methods {
        let standing = standing(&ledger, election);
        let count = standing.count().unwrap().clone();
        let elected: Vec<_> = count.elected.iter().map(|choice| choice.index()).collect();
        assert_eq!((standing.ballots, &elected[..]), (8, &[1][..]), "{election}");
        assert_eq!((count.wholes.ballots, count.wholes.marked, count.wholes.roll), (8, 7, 1_000));
        let (lines, _) = ledger.sheet(id(election), Default::default(), 100).await.unwrap();
        assert_eq!(lines.len(), 8);
        before.push((standing, lines));
    }
    ledger = restart(subject, ledger).await;
    for ((election, ..), (before, lines)) in methods.into_iter().zip(before) {
        assert_eq!(standing(&ledger, election), before, "{election}");
        let again = ledger.sheet(id(election), Default::default(), 100).await.unwrap();
        assert_eq!(again.0, lines);
    }
}
