//! What a voter says on the command line or on a paper, as the marks of a ballot.

use capvote::client::{Info, Marks};
use capvote::election::{Ballot, Method, Rules, Slate};

use crate::rules;
use crate::suggest::same_name;

/// What separates names that share a rank.
const SHARED: char = '=';

/// Why what was said is no ballot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoBallot {
    /// This is no name of the slate.
    Unknown(String),
    /// The rules do not allow it, for this reason.
    Invalid(String),
}

/// Whether a vote in this election is for one name, or blank. `None` if only a newer client knows
/// its rules.
pub(crate) fn takes_one_name(info: &Info) -> Option<bool> {
    info.rules.as_ref().map(Rules::has_one_mark)
}

/// The marks of a ballot with these names: each is a vote, or they are in the order of their ranks,
/// where "A=B" shares a rank. No names are a blank ballot.
pub(crate) fn marks(said: &[String], info: &Info) -> Result<Marks, NoBallot> {
    let Some(rules) = &info.rules else { return Err(newer()) };
    let places = said.iter().map(|said| places(said, &info.candidates, rules.method));
    marks_of_places(&places.collect::<Result<Vec<_>, _>>()?, info)
}

/// The marks of a ballot with these places on the slate, from 0: each is a vote, or they are in the
/// order of their ranks, and several can share one.
pub(crate) fn marks_of_places(ranks: &[Vec<usize>], info: &Info) -> Result<Marks, NoBallot> {
    let invalid = |why: String| NoBallot::Invalid(why);
    let Some(rules) = &info.rules else { return Err(newer()) };
    let slate = Slate::new(info.candidates.clone()).map_err(|why| invalid(why.to_string()))?;
    let slate = slate.with_blank(info.blank);
    let names = &info.candidates;
    let mut marks = if ranks.is_empty() { Vec::new() } else { vec![0; names.len()] };
    for (rank, places) in (1..).zip(ranks) {
        if places.len() > 1 && rules.method != Method::Schulze {
            let shared: Vec<_> = places.iter().map(|&place| name(names, place)).collect();
            let why = match rules.method.is_ranked() {
                true => "each rank is given once",
                false => "this election has no ranks",
            };
            return Err(invalid(format!("\"{}\" shares a rank, and {why}", shared.join("="))));
        }
        let mark = if rules.method.is_ranked() { rank } else { 1 };
        for &place in places {
            let twice = || invalid(format!("\"{}\" is on it twice", name(names, place)));
            match marks.get_mut(place) {
                Some(free @ 0) => *free = mark,
                _ => return Err(twice()),
            }
        }
    }
    Ballot::new(&slate, rules, &marks).map_err(|why| invalid(why.to_string()))?;
    Ok(Marks { slate: info.candidates.clone(), marks })
}

fn newer() -> NoBallot {
    NoBallot::Invalid(format!("its rules are {}", rules::NEWER))
}

fn name(names: &[String], place: usize) -> &str {
    names.get(place).map_or("", String::as_str)
}

/// The places on the slate of the names in a word: one, or several that share a rank. A whole name
/// of the slate is that, whatever it contains.
pub(crate) fn places(said: &str, names: &[String], method: Method) -> Result<Vec<usize>, NoBallot> {
    if let Some(place) = place(said, names) {
        return Ok(vec![place]);
    }
    let unknown = || NoBallot::Unknown(said.to_string());
    let parts: Vec<_> = said.split(SHARED).collect();
    if parts.len() == 1 || !method.is_ranked() {
        return Err(unknown());
    }
    let mut places = Vec::new();
    let mut rest = &parts[..];
    while !rest.is_empty() {
        // The longest name first, which may have the separator in it.
        let found = (1..=rest.len()).rev().find_map(|count| {
            let (first, after) = rest.split_at_checked(count)?;
            Some((place(first.join("=").trim(), names)?, after))
        });
        let Some((place, after)) = found else {
            let first = rest.first().map_or(said, |first| first.trim());
            return Err(NoBallot::Unknown(first.to_string()));
        };
        places.push(place);
        rest = after;
    }
    Ok(places)
}

/// The place on the slate of the name that is this text, or the same to the eye.
fn place(text: &str, names: &[String]) -> Option<usize> {
    let find = |text: &str| names.iter().position(|name| name == text);
    find(text).or_else(|| find(same_name(text, names.iter().map(String::as_str))?))
}

#[cfg(test)]
pub(crate) mod tests {
    use capvote::election::{ElectionState, Origin, Publication, Schedule};

    use super::*;

    /// An election of these names.
    pub(crate) fn info_of(method: Method, marks: u16, names: &[&str]) -> Info {
        Info {
            id: "board".into(),
            title: String::new(),
            candidates: names.iter().map(|name| name.to_string()).collect(),
            state: Some(ElectionState::Open),
            voters: 3,
            added_while_open: 0,
            blank: true,
            publication: Some(Publication::Sealed),
            schedule: Schedule::default(),
            origin: Origin::default(),
            rules: Some(Rules { method, marks, ..Rules::default() }),
            roll: String::new(),
            servers: Vec::new(),
        }
    }

    fn info(method: Method, marks: u16) -> Info {
        info_of(method, marks, &["Ada", "Grace", "E=mc2", "A=B", "B"])
    }

    fn said(info: &Info, words: &[&str]) -> Result<Vec<u16>, NoBallot> {
        let words: Vec<_> = words.iter().map(|word| word.to_string()).collect();
        marks(&words, info).map(|marks| marks.marks)
    }

    #[test]
    fn names_are_marks() {
        use Method::{Plurality, Schulze, Transferable};
        for (method, words, expected) in [
            (Plurality, &["Grace", "A=B"][..], vec![0, 1, 0, 1, 0]),
            (Plurality, &[], vec![]),
            (Transferable, &["B", "Ada", "E=mc2"], vec![2, 0, 3, 0, 1]),
            (Schulze, &["B", "Ada"], vec![2, 0, 0, 0, 1]),
            (Schulze, &["B = Ada", "Grace"], vec![1, 2, 0, 0, 1]),
            (Schulze, &["Ada=E=mc2=B"], vec![1, 0, 1, 0, 1]),
            (Schulze, &["Ada=A=B", "B"], vec![1, 0, 0, 1, 2]),
            (Schulze, &["A=B"], vec![0, 0, 0, 1, 0]),
        ] {
            assert_eq!(said(&info(method, 5), words), Ok(expected), "{method:?} {words:?}");
        }
    }

    #[test]
    fn what_is_no_ballot_says_why() {
        use Method::{Plurality, Schulze, Transferable};
        let unknown = |name: &str| NoBallot::Unknown(name.into());
        let invalid = |why: &str| NoBallot::Invalid(why.into());
        for (method, words, expected) in [
            (Plurality, &["Zoe"][..], unknown("Zoe")),
            (Plurality, &["Ada=Grace"], unknown("Ada=Grace")),
            (Schulze, &["Ada=Zoe"], unknown("Zoe")),
            (Plurality, &["Ada", "Ada"], invalid("\"Ada\" is on it twice")),
            (Schulze, &["Ada", "B=Ada"], invalid("\"Ada\" is on it twice")),
            (
                Transferable,
                &["Ada=B"],
                invalid("\"Ada=B\" shares a rank, and each rank is given once"),
            ),
            (
                Transferable,
                &["Ada", "B", "Grace"],
                invalid("a ballot marks at most 2 names; 3 are marked"),
            ),
        ] {
            assert_eq!(said(&info(method, 2), words), Err(expected), "{method:?} {words:?}");
        }
        let newer = Info { rules: None, ..info(Plurality, 1) };
        assert!(matches!(said(&newer, &["Ada"]), Err(NoBallot::Invalid(_))));
    }
}
