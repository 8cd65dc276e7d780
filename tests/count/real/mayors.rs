//! Two mayors elected by instant runoff: Burlington 2009 and Minneapolis 2013.

use std::collections::BTreeMap;
use std::fs;

use capvote::election::{Ballot, Ballots, Count, Method, Rules, Slate, Step, Votes, count};
use serde_json::Value;

use super::{count_blt, folder, no_lot, ranked, read};

/// The whole votes of a round, by name.
fn by_name(count: &Count, slate: &Slate, round: usize) -> BTreeMap<String, u64> {
    let votes = count.rounds[round].votes.iter().map(|votes| {
        assert_eq!(votes.billionths() % Votes::ONE, 0);
        votes.billionths() / Votes::ONE
    });
    slate.names().iter().map(|name| name.to_uppercase()).zip(votes).collect()
}

/// A file of PrefLib: `weight: 1,2,{3,4}`.
fn burlington(method: Method, file: &str) -> (Slate, Count) {
    let name = |line: &str| line.strip_prefix("# ALTERNATIVE NAME ").map(|it| it[3..].to_owned());
    let slate = Slate::new(file.lines().filter_map(name).collect()).unwrap().with_blank(true);
    let rules = match method {
        Method::Plurality => Rules::default(),
        _ => ranked(method, &slate, 1),
    };
    let mut ballots = Ballots::new(&slate, &rules);
    for line in file.lines().filter(|line| !line.starts_with('#')) {
        let (number, order) = line.split_once(": ").unwrap();
        let mut marks = vec![0; slate.names().len()];
        let mut rank = 0;
        let mut shared = false;
        for word in order.split(',') {
            let index: usize = word.trim_matches(['{', '}']).parse().unwrap();
            let opens = word.starts_with('{');
            if opens && method != Method::Schulze {
                break;
            }
            rank += u16::from(!shared);
            shared = (shared || opens) && !word.ends_with('}');
            marks[index - 1] = rank;
            if method == Method::Plurality {
                break;
            }
        }
        if rank == 0 {
            marks.clear();
        }
        let ballot = Ballot::new(&slate, &rules, &marks).unwrap();
        ballots.add_many(&ballot, number.parse().unwrap());
    }
    let count = count(&slate, &rules, &ballots, ballots.ballots(), &no_lot());
    (slate, count)
}

#[test]
fn burlington_elects_another_mayor_by_each_method() {
    let Some(folder) = folder("burlington-2009") else { return };
    let file = fs::read_to_string(folder.join("00005-00000002.toi")).unwrap();
    for (method, winner) in [
        (Method::Plurality, "Kurt Wright"),
        (Method::Transferable, "Bob Kiss"),
        (Method::Schulze, "Andy Montroll"),
    ] {
        let (slate, count) = burlington(method, &file);
        assert_eq!(count.wholes.ballots, 8_980);
        let elected: Vec<_> = count.elected.iter().map(|&it| slate.name(it).unwrap()).collect();
        assert_eq!(elected, [winner], "{method:?}");
    }
}

#[test]
fn burlington_has_the_rounds_of_the_published_report() {
    let Some(folder) = folder("burlington-2009") else { return };
    let file = fs::read_to_string(folder.join("00005-00000002.toi")).unwrap();
    let report = fs::read_to_string(folder.join("ranked-vote-report.json")).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    let (slate, count) = burlington(Method::Transferable, &file);
    assert_eq!(count.wholes.marked, 8_976);
    // The report excludes three together, which are rounds of their own here. Here the last of two
    // is excluded too, since nobody has the quota before.
    let rounds = report["rounds"].as_array().unwrap();
    for (reported, round) in rounds.iter().zip([0, 3, 4]) {
        let votes = by_name(&count, &slate, round);
        let mut exhausted = 0;
        for result in reported["results"].as_array().unwrap() {
            let name = result["name"].as_str().unwrap().to_uppercase();
            let reported = result["votes"].as_u64().unwrap();
            match votes.get(&name) {
                Some(votes) => assert_eq!(*votes, reported, "{name}"),
                None => exhausted = reported,
            }
        }
        // Those without a first preference are exhausted from the start there.
        assert_eq!(count.rounds[round].exhausted, Votes::whole(exhausted - 4));
    }
    assert_eq!(count.rounds.len(), 6);
    assert!(matches!(count.rounds[5].step, Step::Exclusion { .. }));
}

#[test]
fn minneapolis_has_the_first_preferences_and_the_last_round_of_the_published_report() {
    let Some(folder) = folder("minneapolis-2013") else { return };
    let blt = read(&folder.join("mayor.blt"));
    let report = folder.join("2013_minneapolis_mayor_expected_detailed_report.json");
    let report: Value = serde_json::from_str(&fs::read_to_string(report).unwrap()).unwrap();
    let count = count_blt(&blt, Method::Transferable);
    assert_eq!(count.wholes.marked, 79_312);
    let tally = |round: &Value| -> BTreeMap<String, u64> {
        let tally = round["tally"].as_object().unwrap().iter();
        let votes = |votes: &Value| votes.as_str().unwrap().parse().unwrap();
        tally.map(|(name, it)| (name.to_uppercase(), votes(it))).collect()
    };
    let results = report["results"].as_array().unwrap();
    assert_eq!(by_name(&count, &blt.slate, 0), tally(&results[0]));
    // Two are left, then one.
    let last_of_two = count
        .rounds
        .iter()
        .rposition(|round| round.votes.iter().filter(|votes| **votes > Votes::ZERO).count() == 2);
    let mut last = by_name(&count, &blt.slate, last_of_two.unwrap());
    last.retain(|_, votes| *votes > 0);
    assert_eq!(last, tally(results.last().unwrap()));
    assert_eq!(blt.slate.name(count.elected[0]).unwrap(), "BETSY HODGES");
}
