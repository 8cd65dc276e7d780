//! What holds for every election, tried on random ones.

use capvote::election::{
    Ballot, Ballots, Choice, Count, InvalidBallot, LotSeed, Method, Rules, Slate, Verdict, Votes,
    count,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::oracle;

fn slate(names: usize) -> Slate {
    Slate::new((1..=names).map(|name| format!("name {name}")).collect()).unwrap().with_blank(true)
}

/// An election: how many names and seats, whether the last stands for nobody, and its ballots as
/// random numbers for each name. A name is ranked by its number, and not at all if that is high.
#[derive(Debug, Clone)]
struct Election {
    rules: Rules,
    slate: Slate,
    ballots: Vec<Vec<u16>>,
}

fn elections(method: Method) -> impl Strategy<Value = Election> {
    let sizes = (2_usize..7, 1_u16..5, any::<bool>());
    sizes.prop_flat_map(move |(names, seats, none)| {
        let none = none && method.is_ranked();
        let most = names as u16 - u16::from(none);
        let rules =
            Rules { method, seats: seats.min(most), marks: names as u16, none, ..Rules::default() };
        vec(vec(0_u8..12, names), 0..40).prop_map(move |ballots| Election {
            rules,
            slate: slate(names),
            ballots: ballots.iter().map(|numbers| marks(method, numbers)).collect(),
        })
    })
}

fn marks(method: Method, numbers: &[u8]) -> Vec<u16> {
    let mut order: Vec<(u8, usize)> =
        numbers.iter().enumerate().map(|(name, &number)| (number, name)).collect();
    order.retain(|(number, _)| *number < 8);
    order.sort_unstable();
    let mut marks = vec![0; numbers.len()];
    let mut rank = 0;
    let mut last = None;
    for (number, name) in order {
        rank += u16::from(method != Method::Schulze || last != Some(number));
        last = Some(number);
        marks[name] = if method == Method::Plurality { 1 } else { rank };
    }
    if rank == 0 { Vec::new() } else { marks }
}

impl Election {
    fn ballots<'a>(&self, marks: impl Iterator<Item = &'a Vec<u16>>) -> Ballots {
        let mut ballots = Ballots::new(&self.slate, &self.rules);
        marks.for_each(|marks| {
            ballots.add(&Ballot::new(&self.slate, &self.rules, marks).unwrap());
        });
        ballots
    }

    fn count(&self, ballots: &Ballots) -> Count {
        count(&self.slate, &self.rules, ballots, 100, &LotSeed::from([7; 32]))
    }

    fn counted(&self) -> Count {
        self.count(&self.ballots(self.ballots.iter()))
    }

    fn valid(&self) -> u64 {
        self.ballots.iter().filter(|marks| !marks.is_empty()).count() as u64
    }
}

fn any_election() -> impl Strategy<Value = Election> {
    prop_oneof![
        elections(Method::Plurality),
        elections(Method::Transferable),
        elections(Method::Schulze)
    ]
}

proptest! {
    #[test]
    fn the_order_of_the_ballots_does_not_matter(election in any_election(), turn in 0_usize..40) {
        let mut turned = election.ballots.clone();
        turned.rotate_left(turn.min(election.ballots.len()));
        turned.reverse();
        let expected = election.counted();
        prop_assert_eq!(&election.count(&election.ballots(turned.iter())), &expected);
        // Nor does it matter whether equal ones are added together.
        let mut together = Ballots::new(&election.slate, &election.rules);
        turned.sort_unstable();
        for equal in turned.chunk_by(|one, other| one == other) {
            let ballot = Ballot::new(&election.slate, &election.rules, &equal[0]).unwrap();
            together.add_many(&ballot, equal.len() as u64);
        }
        prop_assert_eq!(election.count(&together), expected);
    }

    #[test]
    fn no_more_are_elected_than_there_are_seats(election in any_election()) {
        let count = election.counted();
        let seats = usize::from(election.rules.seats);
        prop_assert!(count.elected.len() <= seats);
        prop_assert_eq!(count.elected.len() == seats, count.verdict == Verdict::Decided);
        let mut names = count.elected.clone();
        names.sort_unstable();
        names.dedup();
        prop_assert_eq!(names.len(), count.elected.len());
        let none = Choice::from_index(election.slate.names().len() - 1).unwrap();
        prop_assert!(!election.rules.none || !count.elected.contains(&none));
        prop_assert!(election.valid() > 0 || count.elected.is_empty());
    }

    #[test]
    fn no_fraction_of_a_vote_goes_astray(election in elections(Method::Transferable)) {
        let count = election.counted();
        for round in &count.rounds {
            let sum = round.votes.iter().copied().sum::<Votes>() + round.exhausted + round.lost;
            prop_assert_eq!(sum, Votes::whole(election.valid()));
        }
        let elected: Vec<_> = count.rounds.iter().flat_map(|round| round.elected.clone()).collect();
        prop_assert_eq!(elected, count.elected);
    }

    #[test]
    fn a_count_of_single_papers_comes_to_the_same(election in elections(Method::Transferable)) {
        let count = election.counted();
        let elected = oracle::transferable(
            &election.ballots,
            usize::from(election.rules.seats),
            election.rules.none,
            |names| LotSeed::from([7; 32]).draw(&election.slate, names),
        );
        prop_assert_eq!(count.elected, elected);
    }

    #[test]
    fn whoever_wins_each_comparison_wins_by_schulze(election in elections(Method::Schulze)) {
        let count = election.counted();
        let preferred = oracle::preferred(&election.ballots, election.slate.names().len());
        prop_assert_eq!(&count.pairs.as_ref().unwrap().preferred, &preferred);
        let names = 0..election.slate.names().len();
        let winner = names.clone().find(|&one| {
            names.clone().all(|other| one == other || preferred[one][other] > preferred[other][one])
        });
        let Some(winner) = winner.and_then(Choice::from_index) else { return Ok(()) };
        if election.rules.none && winner.index() == election.slate.names().len() - 1 {
            prop_assert_eq!(&count.elected, &[]);
        } else {
            prop_assert_eq!(count.elected.first(), Some(&winner));
        }
    }

    #[test]
    fn paths_are_as_strong_as_the_strongest_of_all(election in elections(Method::Schulze)) {
        let election = Election { rules: Rules { none: false, ..election.rules }, ..election };
        let pairs = election.counted().pairs.unwrap();
        for from in 0..election.slate.names().len() {
            for to in (0..election.slate.names().len()).filter(|to| *to != from) {
                let found = pairs.paths[from][to].map(|path| (path.wins, path.against));
                prop_assert_eq!(found, oracle::strongest_path(&pairs.preferred, from, to));
            }
        }
    }

    #[test]
    fn whom_a_majority_ranks_first_wins_one_seat(
        election in elections(Method::Transferable),
        favourite in 0_usize..7,
    ) {
        let mut election = election;
        election.rules.seats = 1;
        let favourite = favourite % election.slate.names().len();
        let mut alone = vec![0; election.slate.names().len()];
        alone[favourite] = 1;
        for _ in 0..=election.ballots.len() {
            election.ballots.push(alone.clone());
        }
        let elected = election.counted().elected;
        let none = election.rules.none && favourite == election.slate.names().len() - 1;
        let expected = Choice::from_index(favourite).filter(|_| !none);
        prop_assert_eq!(elected.first().copied(), expected);
    }

    #[test]
    fn shared_ranks_are_refused_where_they_are_not_allowed(
        marks in vec(0_u16..5, 5),
    ) {
        let slate = slate(5);
        let rules = |method| Rules { method, marks: 5, ..Rules::default() };
        let ballot = |method| Ballot::new(&slate, &rules(method), &marks);
        let shared = (1..5).find(|rank| marks.iter().filter(|mark| *mark == rank).count() > 1);
        let gap = |ballot| matches!(ballot, Err(InvalidBallot::Gap(_)));
        if marks.iter().all(|&mark| mark == 0) || gap(ballot(Method::Schulze)) {
            prop_assert!(ballot(Method::Transferable).is_err());
        } else {
            prop_assert!(ballot(Method::Schulze).is_ok());
            match shared {
                Some(rank) => prop_assert_eq!(
                    ballot(Method::Transferable),
                    Err(InvalidBallot::Shared(rank))
                ),
                None => prop_assert!(ballot(Method::Transferable).is_ok()),
            }
        }
    }
}
