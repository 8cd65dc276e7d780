//! Small elections worked by hand: a folder each, with the rules, the ballots, and the result with
//! its arithmetic. Lots are drawn from no receipts.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use capvote::election::{
    Blt, Choice, Count, LotSeedBuilder, Method, Pairs, Publication, RANKED_CANDIDATES_MAX, Rules,
    Slate, count, sentence,
};

#[test]
fn small_elections_have_the_results_worked_by_hand() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/count/cases");
    let mut cases = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let case = entry.unwrap().path();
        let text = |file: &str| fs::read_to_string(case.join(file)).unwrap();
        let blt: Blt = text("ballots.blt").parse().unwrap();
        let (rules, roll) = rules(&text("rules.txt"), &blt.slate);
        rules.check(blt.slate.names().len(), Publication::Sealed).unwrap();
        assert!(blt.slate.names().len() <= RANKED_CANDIDATES_MAX);
        let ballots = blt.for_counting(&rules);
        let seed = LotSeedBuilder::default().finish();
        let count = count(&blt.slate, &rules, &ballots, roll, &seed);
        let expected = text("result.txt");
        let expected: Vec<_> = expected.lines().filter(|line| !line.starts_with('#')).collect();
        let found = shown(&count, &blt.slate);
        assert_eq!(found.lines().collect::<Vec<_>>(), expected, "{}", case.display());
        cases += 1;
    }
    assert_eq!(cases, 21);
}

/// A word a line, and what it is.
fn rules(text: &str, slate: &Slate) -> (Rules, u64) {
    let mut rules = Rules::default();
    let mut roll = 0;
    for line in text.lines() {
        let (word, value) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "plurality" => {}
            "transferable" => rules.method = Method::Transferable,
            "schulze" => rules.method = Method::Schulze,
            "seats" => rules.seats = value.parse().unwrap(),
            "marks" => rules.marks = value.parse().unwrap(),
            "majority" => rules.majority = Some(value.parse().unwrap()),
            "quorum" => rules.quorum = Some(value.parse().unwrap()),
            "roll" => roll = value.parse().unwrap(),
            "none" => rules.none = true,
            other => panic!("{other}"),
        }
    }
    if rules.method.is_ranked() {
        rules.marks = slate.names().len() as u16;
    }
    (rules, roll)
}

fn shown(count: &Count, slate: &Slate) -> String {
    let names = |names: &[Choice], between: &str| {
        let names: Vec<_> = names.iter().map(|&name| slate.name(name).unwrap()).collect();
        if names.is_empty() { "nobody".to_owned() } else { names.join(between) }
    };
    let mut text = String::new();
    writeln!(text, "elected: {}", names(&count.elected, ", ")).unwrap();
    writeln!(text, "verdict: {:?}", count.verdict).unwrap();
    for lot in &count.lots {
        writeln!(text, "lot: {}: {:?}", names(&lot.order, ", "), lot.decided).unwrap();
    }
    let mut before = None;
    for round in &count.rounds {
        writeln!(text, "{}", sentence(round, before.replace(round), slate)).unwrap();
        let of_names = slate.names().iter().zip(round.votes.iter().zip(&round.status));
        let of_names = of_names.map(|(name, (votes, status))| format!("{name} {votes} {status:?}"));
        let of_names = of_names.collect::<Vec<_>>().join("; ");
        let (exhausted, lost) = (round.exhausted, round.lost);
        writeln!(text, "  {of_names}; exhausted {exhausted}; lost {lost}").unwrap();
    }
    let Some(Pairs { preferred, paths, dropped, places }) = &count.pairs else { return text };
    let rows = |text: &mut String, cell: &dyn Fn(usize, usize) -> String| {
        for (one, name) in slate.names().iter().enumerate() {
            let others = (0..slate.names().len()).filter(|other| *other != one);
            let cells: Vec<_> = others.map(|other| cell(one, other)).collect();
            writeln!(text, "  {name}: {}", cells.join(" ")).unwrap();
        }
    };
    text.push_str("preferred\n");
    rows(&mut text, &|one, other| preferred[one][other].to_string());
    text.push_str("paths\n");
    rows(&mut text, &|one, other| paths[one][other].map_or("-".into(), |it| it.wins.to_string()));
    writeln!(text, "dropped: {}", names(dropped, ", ")).unwrap();
    let places: Vec<_> = places.iter().map(|place| names(place, " = ")).collect();
    writeln!(text, "places: {}", places.join(" > ")).unwrap();
    text
}

#[test]
fn the_page_about_methods_shows_these_elections() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/methods.md")).unwrap();
    let mut shown = 0;
    for (kind, file) in [("blt", "ballots.blt"), ("result", "result.txt")] {
        for block in page.split(&format!("```{kind} ")).skip(1) {
            let (case, rest) = block.split_once('\n').unwrap();
            let (text, _) = rest.split_once("```").unwrap();
            let file = root.join("tests/count/cases").join(case).join(file);
            assert_eq!(text, fs::read_to_string(file).unwrap(), "{case}");
            shown += 1;
        }
    }
    assert_eq!(shown, 16);
}
