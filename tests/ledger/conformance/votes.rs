//! Which votes count.

use std::sync::Arc;

use capvote::election::{LIVE_BATCH_BALLOTS, Outcome, Publication, Refusal, Schedule, Timestamp};
use capvote::ledger::Act;

use super::super::{ADA, GRACE, NOW, create, running, vote};
use super::{Subject, act, cast, cast_all, final_votes, restart, standing, standings};

const ALREADY: Outcome = Outcome::Refused(Refusal::AlreadyVoted);
const RECORDED: Outcome = Outcome::Recorded;

pub(crate) async fn one_vote_a_number(subject: &impl Subject) {
    let ledger = subject.open();
    act(&ledger, running("board")).await.unwrap();
    let votes = [vote("board", 1, ADA, 1), vote("board", 1, GRACE, 2), vote("board", 2, GRACE, 3)];
    assert_eq!(cast(&ledger, votes).await, [RECORDED, ALREADY, RECORDED]);
    let later = [vote("board", 2, ADA, 4), vote("board", 1, ADA, 5)];
    assert_eq!(cast(&ledger, later).await, [ALREADY, ALREADY]);
    let open = standing(&ledger, "board");
    assert_eq!((open.ballots, open.voters), (2, 1_000));
    assert_eq!(final_votes(&ledger, "board").await, [1, 1]);
}

pub(crate) async fn a_retry_counts_nothing(subject: &impl Subject) {
    let ledger = subject.open();
    act(&ledger, running("board")).await.unwrap();
    let (first, other_choice, other_nonce) =
        (vote("board", 7, ADA, 1), vote("board", 7, GRACE, 1), vote("board", 7, ADA, 2));
    let together = [first.clone(), first.clone(), other_choice.clone()];
    assert_eq!(cast(&ledger, together).await, [RECORDED, RECORDED, ALREADY]);
    let ledger = restart(subject, ledger).await;
    let later = [other_nonce, other_choice, first];
    assert_eq!(cast(&ledger, later).await, [ALREADY, ALREADY, RECORDED]);
    assert_eq!(standing(&ledger, "board").ballots, 1);
}

pub(crate) async fn acknowledged_votes_survive_a_restart(subject: &impl Subject) {
    let ledger = subject.open();
    act(&ledger, running("board")).await.unwrap();
    for batch in 0..10 {
        let votes: Vec<_> = (1..=7).map(|n| vote("board", batch * 7 + n, ADA, 9)).collect();
        assert_eq!(cast_all(&ledger, &votes).await, [RECORDED; 7]);
    }
    let before = standings(&ledger);
    let ledger = restart(subject, ledger).await;
    assert_eq!(standings(&ledger), before);
    let votes: Vec<_> = (1..=71).map(|n| vote("board", n, GRACE, 8)).collect();
    let outcomes = cast_all(&ledger, &votes).await;
    assert_eq!(outcomes[..70], [ALREADY; 70]);
    assert_eq!(outcomes[70], RECORDED);
    assert_eq!(final_votes(&ledger, "board").await, [70, 1]);
}

pub(crate) async fn elections_do_not_mix(subject: &impl Subject) {
    let ledger = subject.open();
    act(&ledger, running("board")).await.unwrap();
    act(&ledger, running("cake")).await.unwrap();
    let votes: Vec<_> = (1..=100)
        .flat_map(|n| [vote("cake", n, GRACE, 1), vote("board", n, (n % 2) as usize, 1)])
        .collect();
    for try_number in 1..=2 {
        assert_eq!(cast_all(&ledger, &votes).await, [RECORDED; 200], "try {try_number}");
    }
    let ledger = restart(subject, ledger).await;
    assert_eq!(final_votes(&ledger, "board").await, [50, 50]);
    assert_eq!(final_votes(&ledger, "cake").await, [0, 100]);
}

/// The published count has the ballots of each part in their order, however they were committed and
/// by whichever start; a ballot that is refused or retried is not among them.
pub(crate) async fn a_live_count_is_published_in_batches(subject: &impl Subject) {
    let mut ledger = subject.open();
    act(&ledger, running("board")).await.unwrap();
    let mut acts = running("sealed");
    let Act::Create(definition) = &acts[0] else { panic!("not a creation") };
    let sealed = (**definition).clone().with_publication(Publication::Sealed);
    acts[0] = Act::Create(Arc::new(sealed));
    act(&ledger, acts).await.unwrap();
    let batch = LIVE_BATCH_BALLOTS as u64;
    let choice = |number: u64| if number.is_multiple_of(3) { GRACE } else { ADA };
    let mut last = 0;
    for group in [1, 2, batch - 4, batch, 1, batch * 2 + 3, batch * 3, 1] {
        let votes: Vec<_> = (last + 1..=last + group)
            .flat_map(|n| [vote("board", n, choice(n), 1), vote("sealed", n, choice(n), 1)])
            .collect();
        for _ in 0..2 {
            assert!(cast_all(&ledger, &votes).await.iter().all(|it| *it == RECORDED));
        }
        last += group;
        let mut published = [0; 2];
        for part in 0..ledger.parts() {
            let of_it = (1..=last).filter(|n| ledger.part_of((*n).into()) == part);
            let batches = (of_it.clone().count() as u64 / batch).saturating_sub(1);
            of_it.take((batches * batch) as usize).for_each(|n| published[choice(n)] += 1);
        }
        for _ in 0..2 {
            let live = standing(&ledger, "board");
            assert_eq!(live.votes(), Some(&published[..]), "of {last}");
            assert_eq!(live.ballots, last);
            assert_eq!(standing(&ledger, "sealed").votes(), None);
            ledger = restart(subject, ledger).await;
        }
    }
    let grace = (1..=last).filter(|n| choice(*n) == GRACE).count() as u64;
    for election in ["board", "sealed"] {
        assert_eq!(final_votes(&ledger, election).await, [last - grace, grace]);
    }
}

pub(crate) async fn refused_votes_count_nothing(subject: &impl Subject) {
    let ledger = subject.open();
    act(&ledger, running("board")).await.unwrap();
    act(&ledger, vec![create("draft")]).await.unwrap();
    let table = [
        (vote("board", 0, ADA, 1), Refusal::UnknownVoterNumber),
        (vote("board", 1_001, ADA, 1), Refusal::UnknownVoterNumber),
        (vote("board", u64::MAX, ADA, 1), Refusal::UnknownVoterNumber),
        (vote("board", 1, 2, 1), Refusal::UnknownCandidate),
        (vote("draft", 1, ADA, 1), Refusal::NotOpen),
        (vote("nowhere", 1, ADA, 1), Refusal::NotOpen),
    ];
    let votes = table.each_ref().map(|(vote, _)| vote.clone());
    let refused = table.map(|(_, refusal)| Outcome::Refused(refusal));
    assert_eq!(cast(&ledger, votes).await, refused);
    assert!(standings(&ledger).iter().all(|standing| standing.ballots == 0));
    assert_eq!(cast(&ledger, [vote("board", 1, ADA, 1)]).await, [RECORDED]);
}

pub(crate) async fn no_vote_counts_from_the_time_to_close_on(subject: &impl Subject) {
    let ledger = subject.open();
    let closes = Timestamp(NOW.0 + 1);
    let schedule = Schedule { opens: None, closes: Some(closes) };
    let mut acts = running("board");
    let Act::Create(definition) = &acts[0] else { panic!("not a creation") };
    acts[0] = Act::Create(Arc::new((**definition).clone().with_schedule(schedule).unwrap()));
    act(&ledger, acts).await.unwrap();
    assert_eq!(ledger.now(), NOW);
    assert_eq!(cast(&ledger, [vote("board", 1, ADA, 1)]).await, [RECORDED]);
    let ledger = restart(subject, ledger).await;
    assert_eq!(standing(&ledger, "board").definition.schedule, schedule);
    subject.set_time(closes);
    assert_eq!(ledger.now(), closes);
    let late = [vote("board", 2, ADA, 1), vote("board", 1, ADA, 1)];
    let outcomes = cast(&ledger, late).await;
    assert_eq!(outcomes, [Outcome::Refused(Refusal::Closed), RECORDED], "the second is a retry");
}
