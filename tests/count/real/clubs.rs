//! Elections of clubs, unions and learned societies, from Nicolaus Tideman's collection.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use capvote::election::{Method, Verdict};
use serde_json::Value;

use super::{count_blt, folder, numbers, parse_numbers, read, rows};

#[test]
fn clubs_elect_by_transferable_votes_whom_other_programs_elect() {
    let Some(folder) = folder("tideman-clubs") else { return };
    let mut without_lot = 0;
    for row in rows(&folder.join("expected-stv.csv")) {
        let [file, candidates, seats, ballots, quota, elected, _, ties, ..] = &row[..] else {
            panic!("{row:?}")
        };
        let blt = read(&folder.join(file));
        let count = count_blt(&blt, Method::Transferable);
        assert_eq!(blt.slate.names().len().to_string(), *candidates, "{file}");
        assert_eq!(blt.seats.to_string(), *seats, "{file}");
        assert_eq!(count.wholes.marked.to_string(), *ballots, "{file}");
        assert_eq!(count.rounds[0].needed.to_string(), *quota, "{file}");
        assert_eq!(count.lots.is_empty(), ties == "0", "{file}: {ties} lots");
        let mut found = numbers(&count.elected);
        found.sort_unstable();
        // Where lots are drawn, they are other lots; they change nobody's seat in these.
        assert_eq!(found, parse_numbers(elected), "{file}");
        without_lot += usize::from(count.lots.is_empty());
    }
    assert_eq!(without_lot, 5);
}

#[test]
fn a_tie_of_43_to_43_is_decided_by_looking_back() {
    let Some(folder) = folder("tideman-clubs") else { return };
    let blt = read(&folder.join("A26.HIL"));
    let count = count_blt(&blt, Method::Transferable);
    let tied = |round: &capvote::election::Round| {
        let votes = round.votes.iter().filter(|votes| votes.to_string() == "43");
        votes.count() == 2
    };
    assert!(count.rounds.iter().any(tied));
    assert_eq!((numbers(&count.elected), count.verdict), (vec![2], Verdict::Decided));
    assert_eq!(count.lots, []);
}

#[test]
fn clubs_have_the_schulze_ranking_of_another_program() {
    let Some(folder) = folder("tideman-clubs") else { return };
    let (mut files, mut without_tie) = (0, 0);
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "HIL") {
            continue;
        }
        files += 1;
        let blt = read(&path);
        let name = path.file_stem().unwrap().to_str().unwrap();
        let json = |what: &str| -> Value {
            let text = fs::read_to_string(folder.join(format!("{name}-{what}.json"))).unwrap();
            serde_json::from_str(&text).unwrap()
        };
        let (schulze, pairwise) = (json("schulze-winning"), json("pairwise"));
        let count = count_blt(&blt, Method::Schulze);
        let pairs = count.pairs.unwrap();
        // Candidates are numbers there, or letters.
        let index = |name: &str| match name.parse::<usize>() {
            Ok(number) => number - 1,
            Err(_) => usize::from(name.as_bytes()[0] - b'A'),
        };
        for (one, of) in pairwise.as_object().unwrap() {
            for (other, votes) in of["win"].as_object().unwrap() {
                let found = pairs.preferred[index(one)][index(other)];
                assert_eq!(found, votes.as_u64().unwrap(), "{name}: {one} before {other}");
            }
        }
        let mut place = BTreeMap::new();
        for (number, names) in pairs.places.iter().enumerate() {
            names.iter().for_each(|name| assert!(place.insert(name.index(), number).is_none()));
        }
        let stats = schulze["Stats"].as_object().unwrap();
        for (one, of) in stats {
            for (other, wins) in of.as_object().unwrap() {
                let path = pairs.paths[index(one)][index(other)];
                let found = path.map_or(0, |path| path.wins);
                assert_eq!(found, wins.as_u64().unwrap(), "{name}: from {one} to {other}");
                if wins.as_u64() > stats[other][one].as_u64() {
                    assert!(place[&index(one)] < place[&index(other)], "{name}: {one}, {other}");
                }
            }
        }
        let ranking = schulze["Ranking"].as_str().unwrap();
        let theirs: Vec<BTreeSet<usize>> =
            ranking.split(" > ").map(|it| it.split(" = ").map(index).collect()).collect();
        let ours: Vec<BTreeSet<usize>> =
            pairs.places.iter().map(|it| it.iter().map(|name| name.index()).collect()).collect();
        assert_eq!(ours[0], theirs[0], "{name}");
        // That program compares wins alone. Where it has ties, ballots against can decide here.
        if !ranking.contains('=') {
            assert_eq!(ours, theirs, "{name}");
            without_tie += 1;
        }
    }
    assert_eq!((files, without_tie), (7, 5));
}
