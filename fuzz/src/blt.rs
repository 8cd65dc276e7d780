//! Files of ballots: what parses is written and read again, and can be counted by each method.

use capvote::election::{Blt, LotSeed, Method, Publication, Rules, Votes, count};

pub(crate) fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(blt) = text.parse::<Blt>() else { return };
    let written = Blt::write(&blt.slate, blt.seats, &blt.title, blt.ballots());
    let again: Blt = written.parse().expect("what was written is read");
    assert!(again.ballots().eq(blt.ballots()));
    let names = blt.slate.names().len();
    for method in [Method::Plurality, Method::Transferable, Method::Schulze] {
        let none = method.is_ranked() && usize::from(blt.seats) < names;
        let marks = names as u16;
        let rules = Rules { method, seats: blt.seats, marks, none, ..Rules::default() };
        if rules.check(names, Publication::Sealed).is_err() {
            continue;
        }
        let ballots = blt.for_counting(&rules);
        let count = count(&blt.slate, &rules, &ballots, ballots.ballots(), &LotSeed::from([0; 32]));
        assert!(count.elected.len() <= usize::from(blt.seats));
        for round in count.rounds.iter().filter(|_| method == Method::Transferable) {
            let sum = round.votes.iter().copied().sum::<Votes>() + round.exhausted + round.lost;
            assert_eq!(sum, Votes::whole(ballots.marked()));
        }
    }
}
