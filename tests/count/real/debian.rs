//! Debian's leader elections of 2002 to 2012: the beat matrix, the winner, and who loses to the
//! default option.

use std::fs;

use capvote::election::{Ballot, Ballots, Choice, Count, Method, Rules, Slate, Verdict, count};
use serde_json::Value;

use super::{folder, no_lot, ranked};

#[test]
fn debian_elects_the_leaders_that_it_elected() {
    let Some(folder) = folder("debian") else { return };
    let expected = fs::read_to_string(folder.join("expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&expected).unwrap();
    let years = expected.as_object().unwrap();
    assert_eq!(years.len(), 11);
    for (year, expected) in years {
        let names: Vec<String> = serde_json::from_value(expected["options"].clone()).unwrap();
        let sheet = fs::read_to_string(folder.join(format!("leader{year}.tally.txt"))).unwrap();
        let slate = Slate::new(names).unwrap().with_blank(true);
        let count = count_sheet(&slate, &sheet);
        assert_eq!(count.wholes.ballots, expected["ballots"].as_u64().unwrap(), "{year}");
        let pairs = count.pairs.as_ref().unwrap();
        assert_eq!(serde_json::to_value(&pairs.preferred).unwrap(), expected["beat"], "{year}");
        let named = |names: &[Choice]| -> Vec<_> {
            names.iter().map(|&name| slate.name(name).unwrap().to_owned()).collect()
        };
        assert_eq!(named(&count.elected), [expected["winner"].as_str().unwrap()], "{year}");
        let losers = serde_json::to_value(named(&pairs.dropped)).unwrap();
        assert_eq!(losers, expected["lose to the default option"], "{year}");
        assert_eq!((count.verdict, &count.lots[..]), (Verdict::Decided, &[][..]), "{year}");
    }
}

fn count_sheet(slate: &Slate, sheet: &str) -> Count {
    let rules = Rules { none: true, ..ranked(Method::Schulze, slate, 1) };
    let mut ballots = Ballots::new(slate, &rules);
    for line in sheet.lines().filter_map(|line| line.strip_prefix("V: ")) {
        let ranks = line.split_whitespace().next().unwrap();
        let ranks: Vec<Option<u32>> = ranks.chars().map(|rank| rank.to_digit(10)).collect();
        assert_eq!(ranks.len(), slate.names().len());
        ballots.add(&Ballot::new(slate, &rules, &without_gaps(&ranks)).unwrap());
    }
    count(slate, &rules, &ballots, ballots.ballots(), &no_lot())
}

/// Marks from ranks between which others may be left out.
fn without_gaps(ranks: &[Option<u32>]) -> Vec<u16> {
    let mut given: Vec<u32> = ranks.iter().copied().flatten().collect();
    given.sort_unstable();
    given.dedup();
    if given.is_empty() {
        return Vec::new();
    }
    let mark = |rank: u32| given.iter().position(|&it| it == rank).unwrap() as u16 + 1;
    ranks.iter().map(|rank| rank.map_or(0, mark)).collect()
}
