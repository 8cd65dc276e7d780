//! What is read, what is written, and what is refused.

use proptest::prelude::*;

use super::super::CANDIDATE_BYTES_MAX;
use super::*;

fn read(text: &str) -> Blt {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Its ballots, with candidates as numbers from 0.
fn ballots(blt: &Blt) -> Vec<(u64, Vec<Vec<usize>>)> {
    let index = |rank: Vec<Choice>| rank.into_iter().map(Choice::index).collect();
    blt.ballots().map(|(number, ranks)| (number, ranks.into_iter().map(index).collect())).collect()
}

const FILE: &str =
    "4 2\n-2\n3 1 3=4 0\n1 4 2=1 0\n2 0\n0\n\"Ada\"\n\"Bob\"\n\"Cy\"\n\"Dora\"\n\"A chair\"\n";

#[test]
fn a_file_is_read_in_each_of_its_forms() {
    let blt = read(FILE);
    assert_eq!((blt.slate.names(), blt.seats), (&["Ada", "Cy", "Dora"].map(String::from)[..], 2));
    assert_eq!((&blt.withdrawn[..], blt.title.as_str()), (&["Bob".to_owned()][..], "A chair"));
    let expected =
        vec![(3, vec![vec![0], vec![1, 2]]), (1, vec![vec![2], vec![0]]), (2, Vec::new())];
    assert_eq!(ballots(&blt), expected);
    for text in [
        format!("\u{FEFF}{}", FILE.replace('\n', "\r\n")),
        FILE.replace('\n', "\n\n # a \"comment\" 0 1\n"),
        FILE.replace(" 0\n", " 0   # so far\n").replacen("4 2", "4\n2", 1),
        FILE.replace("0\n", "0 ").replace("\"\n\"", "\" \""),
        FILE.replace('"', ""),
        FILE.trim_end().to_owned(),
        format!("{FILE}\u{1A}"),
        format!("{FILE}\n# a comment on the election\n\n"),
    ] {
        assert_eq!(read(&text), blt, "{text}");
    }
}

#[test]
fn names_may_have_quotes_and_the_title_may_be_missing() {
    let blt = read("3 1 0 \"A \"\"the\"\" B\"\n  O'Neill, \"Pat\" 2 \n\"#3\"");
    assert_eq!(blt.slate.names(), ["A \"the\" B", "O'Neill, \"Pat\" 2", "#3"]);
    assert_eq!((blt.title.as_str(), blt.ballots().count()), ("", 0));
}

#[test]
fn what_is_no_file_gets_one_error_with_its_line() {
    let long = format!("1 1\n0\n\"{}\"", "x".repeat(CANDIDATE_BYTES_MAX + 1));
    for (text, line, what) in [
        ("", 1, "it begins with the numbers of candidates and seats"),
        ("\n\nfive 2", 3, "the number of candidates is \"five\""),
        ("5\n\n", 2, "the number of seats is missing"),
        ("0 1", 1, "the number of candidates is \"0\""),
        ("1001 1", 1, "there are at most 1000 candidates; it has 1001"),
        ("2 3", 1, "2 candidates cannot fill 3 seats"),
        ("2 1\n1 2 0", 2, "it ends before the line 0 behind its ballots"),
        ("2 1\n1 2", 2, "a ballot ends with 0, and the file before it"),
        ("2 1\n1 3 0\n0", 2, "a candidate is a number from 1 to 2, not \"3\""),
        ("2 1\n1 1 2=x 0\n0", 2, "a candidate is a number from 1 to 2, not \"x\""),
        ("2 1\n1 1= 0\n0", 2, "a candidate is a number from 1 to 2, not missing"),
        ("2 1\n1 1 2 1 0\n0", 2, "a ballot has candidate 1 twice"),
        ("2 1\n1.5 1 0\n0", 2, "a ballot begins with how many there are of it"),
        ("2 1\n1 1 0\n-2\n0", 3, "a ballot begins with how many there are of it"),
        ("2 1\n1000000001 1 0\n0", 2, "there are more than 1000000000 ballots"),
        ("2 1\n18446744073709551616 1 0\n0", 2, "a ballot begins with"),
        ("2 1\n-3\n0", 2, "a candidate is a number from 1 to 2, not \"3\""),
        ("2 2\n-1\n0\n\"a\"\n\"b\"\n\"t\"", 6, "1 candidate is left for 2 seats"),
        ("1 1\n-1\n0\n\"a\"\n\"t\"", 5, "0 candidates are left for 1 seat"),
        ("1 2", 1, "1 candidate cannot fill 2 seats"),
        ("1 1\n0\n", 2, "it names 0 of its 1 candidate"),
        ("2 1\n1 1\n1 2 0\n0\na\nb\n", 2, "a ballot ends with 0 on its line"),
        ("2 1\n1 1 0\n1 2\n0\n0\na\nb\n", 3, "a ballot ends with 0 on its line"),
        ("2 1\n0\na\nb\nc\nd\n", 6, "the title is the last text of a file of 2 candidates, and"),
        ("2 1\n0\n\"a\" \"b\" \"t\" \"a comment\"\n", 3, "behind it is \"\"a comment\"\""),
        ("2 1\n0\na # the first\nb\n", 3, "a name with \"#\" behind it or in it is not in quotes"),
        ("2 1\n0\na\nC#\n", 4, "put it in quotes"),
        ("2 1\n0\n\"a\"\n", 3, "it names 1 of its 2 candidates"),
        ("2 1\n0\n\"a\"\n\n\"a\"", 5, "candidates 1 and 2 are both called \"a\""),
        ("2 1\n0\n\"a\"\n\" \"", 4, "the name of candidate 2 is empty"),
        ("2 1\n0\n\"a\"\n\"b", 4, "a quote is not closed on its line"),
        (&long, 3, "the name of candidate 1 has more than 256 bytes"),
        ("\u{1b}[31m 1", 1, "the number of candidates is \"\\u{1b}[31m\""),
    ] {
        let error = text.parse::<Blt>().unwrap_err();
        assert_eq!(error.line, line, "{text}: {error}");
        assert!(error.what.contains(what), "{text}: {error}");
    }
}

#[test]
fn a_ballot_counts_as_far_as_the_rules_let_it() {
    let blt = read("4 1\n5 1 2=3 4 0\n2 3=4 1 0\n1 0\n0\na\nb\nc\nd\n");
    let rules = |method, marks| Rules { method, marks, ..Rules::default() };
    for (rules, marked, short, expected) in [
        // A shared rank ends a ballot, and one that begins with it says nothing.
        (rules(Method::Transferable, 4), 5, 5, vec![(5, vec![vec![0]])]),
        (
            rules(Method::Schulze, 4),
            7,
            0,
            vec![(5, vec![vec![0], vec![1, 2], vec![3]]), (2, vec![vec![2, 3], vec![0]])],
        ),
        (rules(Method::Schulze, 2), 7, 7, vec![(5, vec![vec![0]]), (2, vec![vec![2, 3]])]),
        (rules(Method::Plurality, 1), 5, 5, Vec::new()),
        (rules(Method::Plurality, 2), 7, 7, Vec::new()),
    ] {
        let ballots = blt.for_counting(&rules);
        assert_eq!((ballots.ballots(), ballots.marked()), (8, marked), "{rules:?}");
        // One ballot is blank in the file.
        assert_eq!(blt.cut(&rules), CutBallots { short, off: 7 - marked }, "{rules:?}");
        let index = |rank: Vec<Choice>| rank.into_iter().map(Choice::index).collect();
        let mut found: Vec<(u64, Vec<Vec<usize>>)> = ballots
            .ranked()
            .map(|(number, ranks)| (number, ranks.into_iter().map(index).collect()))
            .collect();
        found.sort_unstable_by_key(|(number, _)| std::cmp::Reverse(*number));
        assert_eq!(found, expected, "{rules:?}");
    }
}

#[test]
fn what_is_written_is_read_again() {
    let blt = read(FILE);
    let names = ["Ada \"the\" Bob", "a\nb", "李四"].map(String::from).to_vec();
    let slate = Slate::new(names).unwrap();
    let text = Blt::write(&slate, 2, "A \"title\"", blt.ballots());
    let again = read(&text);
    assert_eq!(again.slate.names(), ["Ada \"the\" Bob", "a\\nb", "李四"]);
    assert_eq!((again.seats, again.title.as_str()), (2, "A \"title\""));
    assert_eq!(ballots(&again), ballots(&blt));
    assert_eq!(Blt::write(&again.slate, 2, &again.title, again.ballots()), text);
}

proptest! {
    #[test]
    fn no_text_stops_the_reader(text in "[-0-3=# \n\"ab]{0,60}") {
        if let Ok(blt) = text.parse::<Blt>() {
            let text = Blt::write(&blt.slate, blt.seats, &blt.title, blt.ballots());
            let again = read(&text);
            prop_assert_eq!(&again.slate, &blt.slate);
            prop_assert_eq!(again.ballots().collect::<Vec<_>>(), blt.ballots().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_header_and_any_rest_do_not_stop_it(text in "[0-3=\n \"a]{0,60}") {
        let _ = format!("3 1\n{text}").parse::<Blt>();
    }
}
