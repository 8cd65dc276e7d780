//! The counting of web/count beside this program's, and the tests of the pages that count.

use std::path::Path;

use capvote::election::{
    Ballot, Ballots, Choice, Count, LotSeed, LotUse, Method, Pairs, Publication, Round, Rules,
    Share, Slate, Status, Step, TallySheet, Verdict, count,
};
use data_encoding::HEXLOWER;
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use serde_json::{Map, Value, json};

use crate::harness::{browser, site};
use crate::random::Random;

/// Random elections, and how many go to the page at once.
const ELECTIONS: usize = 3_000;
const BATCH: usize = 250;

/// The most names of one, and the most kinds of ballots.
const NAMES_MAX: usize = 9;
const KINDS_MAX: usize = 25;

const SHARES: [&str; 5] =
    [">1/2 of marked", ">=2/3 of ballots", ">1/2 of roll", ">=7", ">=1/3 of marked"];
const QUORUMS: [&str; 3] = [">=1/4 of roll", ">1/2 of roll", ">=20"];

#[tokio::test(flavor = "local")]
async fn the_page_counts_random_elections_as_this_program_does() {
    let Some(browser) = browser(&site::serve(None).await).await else { return };
    let mut random = Random(TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]));
    let (mut lots, mut rounds) = (0, 0);
    for _ in 0..ELECTIONS / BATCH {
        let elections: Vec<_> = (0..BATCH).map(|_| election(&mut random)).collect();
        lots += elections.iter().filter(|(_, count)| !count.lots.is_empty()).count();
        rounds += elections.iter().map(|(_, count)| count.rounds.len()).sum::<usize>();
        let told: Vec<_> = elections.into_iter().map(|(told, _)| told).collect();
        let arguments = [json!(told)];
        let different = browser.call("/-/count/tests/random.js", "differences", &arguments).await;
        assert_eq!(different, json!([]));
    }
    // Enough of them have ties that the lot decides, and more than a first round.
    assert!(lots > ELECTIONS / 20, "{lots}");
    assert!(rounds > ELECTIONS, "{rounds}");
}

#[tokio::test(flavor = "local")]
async fn the_page_counts_the_cases_that_are_worked_by_hand() {
    let Some(browser) = browser(&site::serve(None).await).await else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/count/cases");
    let mut texts = Map::new();
    for case in std::fs::read_dir(&folder).unwrap() {
        let case = case.unwrap();
        for file in ["ballots.blt", "rules.txt", "result.txt"] {
            let path = format!("tests/count/cases/{}/{file}", case.file_name().display());
            let text = std::fs::read_to_string(case.path().join(file)).unwrap();
            texts.insert(path, text.into());
        }
    }
    let all = texts.len() / 3;
    let results = browser.call("/-/count/tests/cases.js", "runTexts", &[texts.into()]).await;
    let results = results.as_array().unwrap();
    let failed: Vec<_> = results.iter().filter(|result| !result["error"].is_null()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(results.len(), all);
}

#[tokio::test(flavor = "local")]
async fn what_counts_and_issues_passes_its_own_tests() {
    let Some(browser) = browser(&site::serve(None).await).await else { return };
    for name in [
        "sha256",
        "receipt",
        "sheet",
        "count",
        "people",
        "issue",
        "spec",
        "link",
        "authority",
        "qr",
        "officer-texts",
    ] {
        browser.run_cases(&format!("/-/tests/{name}.js")).await;
    }
}

/// web/tests/sheet.js expects the same of them.
#[test]
fn the_sheets_that_the_page_is_tested_with_are_sheets() {
    for (name, ballots, elected) in [
        ("plain.csv", 5, &["Grace \"Amazing\" Hopper"][..]),
        ("plain.json", 5, &["Grace \"Amazing\" Hopper"]),
        ("marked.csv", 7, &["Grace \"Amazing\" Hopper", "Ada Lovelace"]),
        ("marked.json", 7, &["Grace \"Amazing\" Hopper", "Ada Lovelace"]),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/tests/sheets").join(name);
        let sheet = TallySheet::read(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!((sheet.lines.len(), sheet.contradiction()), (ballots, None), "{name}");
        let (definition, count) = sheet.count().unwrap();
        let names = count.elected.iter().map(|&name| definition.slate.name(name).unwrap());
        assert_eq!(names.collect::<Vec<_>>(), elected, "{name}");
    }
}

/// A random election, as the page gets it, and its count.
fn election(random: &mut Random) -> (Value, Count) {
    let names = 1 + random.below(NAMES_MAX);
    let slate: Vec<_> = (0..names).map(|name| format!("Name {name} 李")).collect();
    let slate = Slate::new(slate).unwrap().with_blank(true);
    let rules = rules(names, random);
    let (mut ballots, mut told) = (Ballots::new(&slate, &rules), Vec::new());
    for _ in 0..random.below(KINDS_MAX) {
        let number = 1 + random.below(4) as u64;
        let marks = marks(names, &rules, random);
        ballots.add_many(&Ballot::new(&slate, &rules, &marks).unwrap(), number);
        told.push(json!({ "marks": marks, "ballots": number }));
    }
    let roll = ballots.ballots() + random.below(40) as u64;
    let mut seed = [0; 32];
    random.0.fill_bytes(&mut seed);
    let counted = count(&slate, &rules, &ballots, roll, &LotSeed::from(seed));
    let share = |share: Option<Share>| share.map(|it| it.to_string());
    let told = json!({
        "slate": slate.names(),
        "rules": {
            "method": rules.method.name(), "seats": rules.seats, "marks": rules.marks,
            "majority": share(rules.majority), "quorum": share(rules.quorum), "none": rules.none,
        },
        "ballots": told, "roll": roll, "seed": HEXLOWER.encode(&seed), "count": shown(&counted),
    });
    (told, counted)
}

fn rules(names: usize, random: &mut Random) -> Rules {
    let method = [Method::Plurality, Method::Transferable, Method::Schulze][random.below(3)];
    let is_ranked = method.is_ranked();
    let none = is_ranked && names > 1 && random.below(2) == 0;
    let share = |from: &[&str], random: &mut Random| from[random.below(from.len())].parse().ok();
    let rules = Rules {
        method,
        seats: 1 + random.below(names - usize::from(none)) as u16,
        marks: 1 + random.below(names) as u16,
        majority: if is_ranked || random.below(2) == 0 { None } else { share(&SHARES, random) },
        quorum: if random.below(4) > 0 { None } else { share(&QUORUMS, random) },
        none,
    };
    rules.check(names, Publication::Sealed).unwrap();
    rules
}

/// The marks of a random ballot, which may be blank.
fn marks(names: usize, rules: &Rules, random: &mut Random) -> Vec<u16> {
    let mut left: Vec<usize> = (0..names).collect();
    let mut marks = vec![0; names];
    let mut rank = 0;
    let marked = random.below(usize::from(rules.marks) + 1);
    for _ in 0..marked {
        let name = left.swap_remove(random.below(left.len()));
        let shares = rules.method == Method::Schulze && rank > 0 && random.below(4) == 0;
        rank += u16::from(!shares);
        marks[name] = if rules.method == Method::Plurality { 1 } else { rank };
    }
    if marked == 0 { Vec::new() } else { marks }
}

/// A count as web/count/tests/random.js tells one.
fn shown(count: &Count) -> Value {
    let verdict = match count.verdict {
        Verdict::Decided => "decided",
        Verdict::NoQuorum => "noQuorum",
        Verdict::NoMajority => "noMajority",
        Verdict::Vacant => "vacant",
    };
    let lots = count.lots.iter().map(|lot| match lot.decided {
        LotUse::Seats { seats } => json!([places(&lot.order), "seats", seats]),
        LotUse::Surplus => json!([places(&lot.order), "surplus", 0]),
        LotUse::Exclusion => json!([places(&lot.order), "exclusion", 0]),
    });
    json!([
        places(&count.elected),
        verdict,
        [count.wholes.ballots, count.wholes.marked],
        count.rounds.iter().map(round).collect::<Vec<_>>(),
        count.pairs.as_ref().map(pairs),
        lots.collect::<Vec<_>>(),
    ])
}

fn round(round: &Round) -> Value {
    let (step, from, surplus) = match round.step {
        Step::First => ("first", None, 0),
        Step::Surplus { from, surplus } => ("surplus", Some(from.index()), surplus.billionths()),
        Step::Exclusion { from } => ("exclusion", Some(from.index()), 0),
        Step::Remaining => ("remaining", None, 0),
    };
    let status = round.status.iter().map(|status| match status {
        Status::Continuing => "continuing",
        Status::Elected => "elected",
        Status::Excluded => "excluded",
        Status::Defeated => "defeated",
    });
    let votes = round.votes.iter().map(|it| it.billionths().to_string());
    let rest = [round.needed, round.exhausted, round.lost].map(|it| it.billionths().to_string());
    json!([
        step,
        from,
        surplus.to_string(),
        votes.collect::<Vec<_>>(),
        status.collect::<Vec<_>>(),
        places(&round.elected),
        rest,
        round.empty,
        round.lots,
    ])
}

fn pairs(pairs: &Pairs) -> Value {
    let paths = pairs.paths.iter().map(|row| {
        let row = row.iter().map(|path| path.map(|it| [it.wins, it.against]));
        row.collect::<Vec<_>>()
    });
    let by_place = pairs.places.iter().map(|place| places(place));
    json!([
        pairs.preferred,
        paths.collect::<Vec<_>>(),
        places(&pairs.dropped),
        by_place.collect::<Vec<_>>(),
    ])
}

fn places(names: &[Choice]) -> Vec<usize> {
    names.iter().map(|name| name.index()).collect()
}
