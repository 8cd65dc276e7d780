//! Tests of one election in memory.

use super::*;

const ADA: usize = 0;
const GRACE: usize = 1;

fn choice(index: usize) -> Ballot {
    crate::election::Choice::from_index(index).unwrap().into()
}

fn issue(ballot_box: &mut BallotBox, numbers: &[u64]) -> Result<(), ChangeRefusal> {
    let numbers: Vec<_> = numbers.iter().copied().map(VoterNumber::from).collect();
    ballot_box.may_issue(&numbers, numbers.len())?;
    ballot_box.issue(Run::sorted(numbers).unwrap())
}

fn draft() -> BallotBox {
    let candidates = ["Ada", "Grace"].map(String::from).to_vec();
    let definition = Definition::new("board".parse().unwrap(), String::new(), candidates).unwrap();
    let mut ballot_box = BallotBox::new(Arc::new(definition), Origin::default());
    issue(&mut ballot_box, &[11, 22, 33]).unwrap();
    ballot_box
}

fn open() -> BallotBox {
    let mut ballot_box = draft();
    ballot_box.open().unwrap();
    ballot_box
}

/// Counts a vote under a number that has none, as ballot 7.
fn cast(ballot_box: &mut BallotBox, number: u64, index: usize) -> Place {
    let RollEntry::Unused(at) = ballot_box.roll_entry(number.into()) else {
        panic!("{number} cannot vote")
    };
    ballot_box.count(at, choice(index), [7; 16].into(), BallotRow::new(7).unwrap());
    at
}

#[test]
fn a_counted_vote_is_found_under_its_number() {
    let mut ballot_box = open();
    cast(&mut ballot_box, 11, GRACE);
    let used = RollEntry::Used(BallotRow::new(7).unwrap());
    assert_eq!(ballot_box.roll_entry(11.into()), used);
    for stranger in [0, 12, u64::MAX] {
        assert_eq!(ballot_box.roll_entry(stranger.into()), RollEntry::NotOnRoll);
    }
    let standing = ballot_box.standing();
    assert_eq!((standing.ballots, standing.voters), (1, 3));
    ballot_box.close().unwrap();
    assert_eq!(ballot_box.standing().votes(), Some(&[0, 1][..]));
}

#[test]
fn undoing_a_count_leaves_no_trace() {
    let mut ballot_box = open();
    let before = ballot_box.standing();
    let at = cast(&mut ballot_box, 33, GRACE);
    ballot_box.uncount(at);
    assert_eq!(ballot_box.standing(), before);
    cast(&mut ballot_box, 33, ADA);
}

#[test]
fn a_closed_election_is_restored_from_numbers_and_choices() {
    let mut before = open();
    cast(&mut before, 11, GRACE);
    cast(&mut before, 33, GRACE);
    before.close().unwrap();
    let restored = |voted: &[u64], choices: &[usize]| {
        let mut after = open();
        let voted: Vec<_> = voted.iter().copied().map(VoterNumber::from).collect();
        let marked = after.mark_voted(&voted);
        choices.iter().for_each(|&index| after.count_final(&choice(index)));
        let closed = marked && after.restore_closed();
        after.close_roll(false);
        closed.then_some(after)
    };
    let mut after = restored(&[11, 33], &[GRACE, GRACE]).unwrap();
    before.publish();
    after.publish();
    let (standing, used) = (before.standing(), before.numbers_used());
    before.close_roll(false);
    assert_eq!((before.standing(), before.numbers_used()), (standing, used));
    assert_eq!(after.standing(), before.standing());
    assert_eq!(after.roll_entry(11.into()), RollEntry::NotOnRoll, "the roll is forgotten");
    assert_eq!((after.roll_numbers(), after.numbers_used(), after.voters()), (0, 2, 3));
    assert!(!after.mark_voted(&[]) && !after.restore_closed(), "it is closed");
    for voted in [&[11][..], &[11, 11], &[11, 12]] {
        assert!(restored(voted, &[GRACE, GRACE]).is_none(), "{voted:?}");
    }
}

#[test]
fn an_election_that_shares_a_roll_has_its_own_ballots_under_the_numbers() {
    let mut owner = draft();
    let definition =
        Definition::clone(owner.definition()).with_roll(Some("board".parse().unwrap()));
    let mut motion = BallotBox::new(Arc::new(definition), Origin::default());
    motion.note_shared(3);
    assert_eq!(issue(&mut motion, &[44]), Err(ChangeRefusal::SharedRoll));
    assert_eq!(motion.revoke(&[11.into()]), Err(ChangeRefusal::SharedRoll));
    owner.open().unwrap();
    motion.open().unwrap();
    cast(&mut owner, 11, ADA);
    let RollEntry::Unused(at) = motion.shared_entry(&owner, 11.into()) else { panic!() };
    let row = BallotRow::new(8).unwrap();
    motion.count(at, choice(GRACE), [8; 16].into(), row);
    assert_eq!(motion.shared_entry(&owner, 11.into()), RollEntry::Used(row));
    assert_eq!(motion.shared_entry(&owner, 12.into()), RollEntry::NotOnRoll);
    assert!(motion.has_voted(11.into()) && !motion.has_voted(22.into()));
    let before = motion.standing();
    let RollEntry::Unused(at) = motion.shared_entry(&owner, 22.into()) else { panic!() };
    motion.count(at, choice(ADA), [9; 16].into(), BallotRow::new(9).unwrap());
    motion.uncount(at);
    assert_eq!(motion.standing(), before);
    issue(&mut owner, &[44]).unwrap();
    motion.note_shared(4);
    owner.close().unwrap();
    owner.close_roll(true);
    assert_eq!((owner.roll_numbers(), owner.numbers_used(), owner.voters()), (4, 1, 4));
    assert!(matches!(motion.shared_entry(&owner, 44.into()), RollEntry::Unused(_)));
    motion.close().unwrap();
    motion.close_roll(false);
    owner.close_roll(false);
    assert_eq!(owner.roll_numbers(), 0);
    let standing = motion.standing();
    assert_eq!((standing.voters, standing.added_while_open, standing.ballots), (4, 1, 1));
}

#[test]
fn numbers_that_have_not_voted_can_be_voided_while_the_election_is_open() {
    let mut ballot_box = open();
    issue(&mut ballot_box, &[44, 55]).unwrap();
    cast(&mut ballot_box, 44, ADA);
    let (of_draft, added) = ([11, 22].map(VoterNumber::from), [44, 55].map(VoterNumber::from));
    assert!(!ballot_box.void(&added, true), "one has voted");
    assert_eq!(ballot_box.unused(&added), [55.into()]);
    assert!(ballot_box.void(&[55.into()], true) && ballot_box.void(&of_draft, false));
    assert!(!ballot_box.void(&of_draft, false), "they are off the roll");
    let standing = ballot_box.standing();
    assert_eq!((standing.voters, standing.added_while_open, standing.ballots), (2, 1, 1));
}

#[test]
fn a_restored_election_takes_its_course_once_it_is_confirmed() {
    let mut ballot_box = open();
    assert_eq!(ballot_box.confirm(), Err(ChangeRefusal::NothingToConfirm));
    ballot_box.restored(2).unwrap();
    assert!(ballot_box.is_unconfirmed());
    assert_eq!(ballot_box.close(), Err(ChangeRefusal::Unconfirmed));
    ballot_box.confirm().unwrap();
    assert_eq!(ballot_box.confirm(), Err(ChangeRefusal::NothingToConfirm));
    ballot_box.close().unwrap();
    assert_eq!(ballot_box.restored(3), Err(ChangeRefusal::Closed));
    assert_eq!(ballot_box.standing().origin.restored, Some(2));
    let mut draft = draft();
    draft.restored(2).unwrap();
    assert_eq!(draft.open(), Err(ChangeRefusal::Unconfirmed));
}

#[test]
fn numbers_can_be_revoked_before_and_added_after_the_opening() {
    let mut ballot_box = draft();
    assert_eq!(ballot_box.revoke(&[11.into(), 12.into()]), Err(ChangeRefusal::NumberUnknown));
    ballot_box.revoke(&[11.into()]).unwrap();
    issue(&mut ballot_box, &[44]).unwrap();
    assert_eq!(issue(&mut ballot_box, &[44]), Err(ChangeRefusal::NumberTaken));
    ballot_box.open().unwrap();
    assert_eq!(ballot_box.revoke(&[22.into()]), Err(ChangeRefusal::RollFrozen));
    issue(&mut ballot_box, &[55, 66]).unwrap();
    assert_eq!(ballot_box.roll_entry(11.into()), RollEntry::NotOnRoll);
    let standing = ballot_box.standing();
    assert_eq!((standing.voters, standing.added_while_open), (5, 2));
}
