//! What ranks on a published sheet do to secrecy: how many ballots are the only ones of their kind.
//! The figures are in docs/audit.md.

use std::collections::HashMap;
use std::fs;

use super::folder;

/// A ballot's ranks, and how many there are of it.
type Ranked = (Vec<u32>, u64);

/// In per mille of all ballots, those that are the only ones of their kind: with all ranks, and with
/// the first three.
fn alone(ballots: &[Ranked], first_three: fn(&[u32]) -> Vec<u32>) -> [u64; 2] {
    let all: u64 = ballots.iter().map(|(_, ballots)| ballots).sum();
    [<[u32]>::to_vec, first_three].map(|ranks| {
        let mut kinds: HashMap<Vec<u32>, u64> = HashMap::new();
        for (ballot, ballots) in ballots {
            *kinds.entry(ranks(ballot)).or_default() += ballots;
        }
        kinds.values().filter(|&&ballots| ballots == 1).count() as u64 * 1_000 / all
    })
}

#[test]
fn three_ranks_leave_few_ballots_alone_in_a_ward_and_more_in_a_society() {
    let Some(folder_of_wards) = folder("scotland-glasgow-2007") else { return };
    let (mut all, mut alone_of_all, mut of_three) = (0, 0, 0);
    for entry in fs::read_dir(folder_of_wards).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "blt") {
            continue;
        }
        let text = fs::read_to_string(path).unwrap();
        let mut ballots: Vec<Ranked> = Vec::new();
        for line in text.lines().skip(1).take_while(|line| line.trim() != "0") {
            let numbers: Vec<u32> = line.split_whitespace().flat_map(str::parse).collect();
            let [weight, ranks @ .., 0] = &numbers[..] else { continue };
            ballots.push((ranks.to_vec(), u64::from(*weight)));
        }
        let ward: u64 = ballots.iter().map(|(_, ballots)| ballots).sum();
        let [every, three] = alone(&ballots, |ranks| ranks[..ranks.len().min(3)].to_vec());
        all += ward;
        alone_of_all += every * ward / 1_000;
        of_three += three * ward / 1_000;
    }
    assert_eq!(all, 131_972);
    assert_eq!([alone_of_all * 100 / all, of_three * 1_000 / all], [18, 15]);

    let sheet = folder("debian").unwrap().join("leader2007.tally.txt");
    let sheet = fs::read_to_string(sheet).unwrap();
    let ballots: Vec<Ranked> = sheet
        .lines()
        .filter_map(|line| line.strip_prefix("V: "))
        .map(|line| {
            let ranks = line.split_whitespace().next().unwrap();
            (ranks.chars().map(|rank| rank.to_digit(10).unwrap_or(0)).collect(), 1)
        })
        .collect();
    let first_three = |ranks: &[u32]| ranks.iter().map(|&it| if it > 3 { 0 } else { it }).collect();
    assert_eq!((ballots.len(), alone(&ballots, first_three)), (482, [871, 375]));
}
