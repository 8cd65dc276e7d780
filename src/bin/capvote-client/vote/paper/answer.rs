//! What an answer on a paper says.

use capvote::client::Info;
use capvote::election::same_text;

use super::super::Said;
use crate::said::{self, NoBallot};

/// What is written for a blank ballot.
pub(crate) const BLANK: &str = "blank";

/// What makes a number a place in the list, and never a name.
const PLACE: char = '#';

/// What an answer says: a name or several that share a rank, "blank", or the numbers of names in
/// the order of their ranks, such as "3 1 2" or "3=1 2". What could mean two things is refused.
pub(super) fn read(line: &str, info: &Info) -> Result<Said, NoBallot> {
    let marks = said::marks_of_places(&ranks(line, info)?, info)?;
    Ok(match said::takes_one_name(info) {
        Some(true) => {
            let name = marks.marked().next().map_or("", |(name, _)| name);
            Said::Name(name.to_string())
        }
        _ => Said::Marks(marks),
    })
}

/// The places on the slate, from 0, by rank. None are a blank ballot.
fn ranks(line: &str, info: &Info) -> Result<Vec<Vec<usize>>, NoBallot> {
    let names = &info.candidates;
    let numbers = numbered(line, names.len());
    if let (Some(numbers), true) = (&numbers, line.contains(PLACE)) {
        return Ok(numbers.clone());
    }
    if is_blank(line) {
        let twofold = format!(
            "\"{BLANK}\" is a name here: write its number for the name, and use vote --blank for a \
             blank ballot"
        );
        let has_name = names.iter().any(|name| is_blank(name));
        return if has_name { Err(NoBallot::Invalid(twofold)) } else { Ok(Vec::new()) };
    }
    let method = info.rules.as_ref().map(|rules| rules.method).unwrap_or_default();
    match (said::places(line, names, method), numbers) {
        (Ok(named), Some(numbers)) if numbers != [named.clone()] => {
            Err(NoBallot::Invalid(format!(
                "\"{line}\" is a name, and the number of another: write numbers with {PLACE}, such \
                 as {PLACE}1 for the first name"
            )))
        }
        (Ok(named), _) => Ok(vec![named]),
        (Err(_), Some(numbers)) => Ok(numbers),
        (Err(why), None) => Err(why),
    }
}

/// The places with these numbers, if the line has nothing else.
fn numbered(line: &str, names: usize) -> Option<Vec<Vec<usize>>> {
    let line = line.replace(" =", "=").replace("= ", "=");
    let words = line.split(|it: char| it == ',' || it.is_whitespace()).filter(|it| !it.is_empty());
    let place = |number: &str| {
        let number = number.strip_prefix(PLACE).unwrap_or(number);
        let digits = Some(number).filter(|it| it.bytes().all(|byte| byte.is_ascii_digit()))?;
        let place = digits.parse::<usize>().ok()?.checked_sub(1)?;
        Some(place).filter(|&place| place < names)
    };
    let ranks: Option<Vec<_>> = words.map(|word| word.split('=').map(place).collect()).collect();
    ranks.filter(|ranks| !ranks.is_empty())
}

/// The slate in one line, and how to answer: by numbers that are not taken for names.
pub(super) fn slate(info: &Info) -> (String, &'static str) {
    let names = &info.candidates;
    let is_doubtful = names.iter().any(|name| numbered(name, names.len()).is_some());
    let (sign, how) = match is_doubtful {
        true => ("#", "By number, such as #1"),
        false => ("", "By number or name"),
    };
    let listed = (1..).zip(names).map(|(place, name)| format!("{sign}{place} {name}"));
    (listed.collect::<Vec<_>>().join(", "), how)
}

/// How a blank ballot is written, if it can be cast on the paper.
pub(super) fn blank(info: &Info) -> String {
    match info.blank && !info.candidates.iter().any(|name| is_blank(name)) {
        true => format!("\"{BLANK}\" is a blank ballot; "),
        false => String::new(),
    }
}

/// Whether a text reads as the word for a blank ballot.
fn is_blank(text: &str) -> bool {
    same_text(text).eq_ignore_ascii_case(BLANK)
}

#[cfg(test)]
mod tests {
    use capvote::client::Info;
    use capvote::election::Method;

    use super::*;
    use crate::said::tests::info_of;

    fn info(method: Method, names: &[&str]) -> Info {
        info_of(method, names.len() as u16, names)
    }

    fn marks(line: &str, info: &Info) -> Result<Vec<u16>, NoBallot> {
        read(line, info).map(|said| match said {
            Said::Name(name) => panic!("{name}"),
            Said::Marks(marks) => marks.marks,
        })
    }

    #[test]
    fn numbers_are_the_places_of_names() {
        for (line, found) in [
            ("2", Some(vec![vec![1]])),
            ("3 1,2", Some(vec![vec![2], vec![0], vec![1]])),
            ("2 = 1, 3", Some(vec![vec![1, 0], vec![2]])),
            ("#2 #3", Some(vec![vec![1], vec![2]])),
            ("0", None),
            ("4", None),
            ("+1", None),
            ("#", None),
            (",", None),
            ("1 Grace", None),
            ("1==2", None),
        ] {
            assert_eq!(numbered(line, 3), found, "{line}");
        }
    }

    #[test]
    fn numbers_that_share_a_rank_are_never_a_name() {
        let names = ["A", "B", "A=B"];
        let schulze = info(Method::Schulze, &names);
        assert_eq!(marks("1=2", &schulze), Ok(vec![1, 1, 0]));
        assert_eq!(marks("2=1 3", &schulze), Ok(vec![1, 1, 2]));
        assert_eq!(marks("A=B", &schulze), Ok(vec![0, 0, 1]));
        let shared =
            |why: &str| Err(NoBallot::Invalid(format!("\"A=B\" shares a rank, and {why}")));
        let transferable = info(Method::Transferable, &names);
        assert_eq!(marks("1=2", &transferable), shared("each rank is given once"));
        let plurality = info(Method::Plurality, &names);
        assert_eq!(marks("1=2", &plurality), shared("this election has no ranks"));
    }

    #[test]
    fn what_could_mean_two_things_is_refused() {
        let numbers = info(Method::Transferable, &["3", "1", "2", "10", "4", "2 1"]);
        for line in ["1", "2", "3", "2 1"] {
            let why = format!("\"{line}\" is a name, and the number of another");
            assert!(
                matches!(marks(line, &numbers), Err(NoBallot::Invalid(it)) if it.starts_with(&why))
            );
        }
        for (line, expected) in [
            ("#1", vec![1, 0, 0, 0, 0, 0]),
            ("#2, #1", vec![2, 1, 0, 0, 0, 0]),
            ("10", vec![0, 0, 0, 1, 0, 0]),
            ("1 2", vec![1, 2, 0, 0, 0, 0]),
            ("6", vec![0, 0, 0, 0, 0, 1]),
        ] {
            assert_eq!(marks(line, &numbers), Ok(expected), "{line}");
        }
        assert_eq!(slate(&numbers).1, "By number, such as #1");
        let places = info(Method::Transferable, &["1", "2"]);
        assert_eq!(marks("1", &places), Ok(vec![1, 0]));
    }

    #[test]
    fn blank_is_a_blank_ballot_or_refused() {
        let plain = info(Method::Transferable, &["Ada", "Blanka"]);
        assert_eq!(marks("Blank", &plain), Ok(Vec::new()));
        assert_eq!(blank(&plain), "\"blank\" is a blank ballot; ");
        let named = info(Method::Transferable, &["Ada", "Blank"]);
        assert!(matches!(marks("blank", &named), Err(NoBallot::Invalid(_))));
        assert!(matches!(marks("Blank", &named), Err(NoBallot::Invalid(_))));
        assert_eq!((marks("2", &named), blank(&named)), (Ok(vec![0, 1]), String::new()));
    }
}
