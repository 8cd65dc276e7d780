//! The rules of an election, in words and as a document.

use capvote::client::Info;
use capvote::election::{Method, Rules, Verdict};
use serde_json::{Value, json};

use crate::show::counted;

/// What a client says of rules that it does not know.
pub(crate) const NEWER: &str = "of a newer version; use a newer client";

/// The rules in a few words, such as `transferable, 2 seats`.
pub(crate) fn short(info: &Info) -> String {
    let Some(rules) = &info.rules else { return "unknown".into() };
    let name = rules.method.name();
    let approval =
        rules.method == Method::Plurality && rules.marks > 1 && rules.marks > rules.seats;
    let name = if approval { "approval" } else { name };
    match rules.seats {
        1 => name.to_string(),
        seats => format!("{name}, {}", counted(seats.into(), "seat")),
    }
}

/// What a ballot can say, as a request to the voter.
pub(crate) fn ballot(info: &Info) -> String {
    let Some(rules) = &info.rules else { return NEWER.into() };
    let all = usize::from(rules.marks) >= info.candidates.len();
    let up_to = if all { "any number of names".to_string() } else { at_most(rules.marks) };
    match rules.method {
        Method::Plurality if rules.marks == 1 => "mark one name".into(),
        Method::Plurality => format!("mark {up_to}"),
        Method::Transferable => format!("rank {up_to}, each rank once"),
        Method::Schulze => format!("rank {up_to}; names may share a rank"),
    }
}

fn at_most(marks: u16) -> String {
    format!("at most {}", counted(marks.into(), "name"))
}

/// How ballots are counted.
pub(crate) fn counting(info: &Info) -> String {
    let Some(rules) = &info.rules else { return NEWER.into() };
    let mut parts = vec![rules.method.name().to_string(), counted(rules.seats.into(), "seat")];
    if let Some(majority) = &rules.majority {
        parts.push(format!("majority {majority}"));
    }
    if let Some(quorum) = &rules.quorum {
        parts.push(format!("quorum {quorum}"));
    }
    if let (true, Some(name)) = (rules.none, info.candidates.last()) {
        parts.push(format!("\"{name}\" is nobody"));
    }
    parts.join(", ")
}

/// The rules, as a JSON document.
pub(crate) fn document(rules: &Rules) -> Value {
    json!({
        "method": rules.method.name(),
        "seats": rules.seats,
        "marks": rules.marks,
        "majority": rules.majority.map(|share| share.to_string()),
        "quorum": rules.quorum.map(|share| share.to_string()),
        "none": rules.none,
    })
}

/// The marked names, by ranks in their order.
pub(crate) fn marked<'a>(marked: impl Iterator<Item = (&'a str, u16)>, is_ranked: bool) -> String {
    let mut marked: Vec<_> = marked.collect();
    marked.sort_by_key(|&(_, mark)| mark);
    let (mut list, mut last) = (String::new(), 0);
    for (name, mark) in marked {
        match (is_ranked, last) {
            (true, last) if last == mark => list += " = ",
            (true, 0) => list += &format!("{mark}. "),
            (true, _) => list += &format!(", {mark}. "),
            (false, 0) => {}
            (false, _) => list += ", ",
        }
        list += &format!("\"{name}\"");
        last = mark;
    }
    list
}

/// The verdict's name in documents.
pub(crate) fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Decided => "decided",
        Verdict::NoQuorum => "noQuorum",
        Verdict::NoMajority => "noMajority",
        Verdict::Vacant => "vacant",
    }
}

/// Who is elected to the seats, if their number is known, in a sentence.
pub(crate) fn elected(
    names: &[String],
    verdict: Option<Verdict>,
    seats: Option<u16>,
) -> Option<String> {
    let elected = match names {
        [] => "Nobody is elected".to_string(),
        names => format!("Elected: {}", names.join(", ")),
    };
    let why = match verdict? {
        Verdict::Decided => String::new(),
        Verdict::NoQuorum => ": too few ballots were cast".into(),
        Verdict::NoMajority => ": nobody has the majority".into(),
        Verdict::Vacant if names.is_empty() => String::new(),
        Verdict::Vacant => {
            match seats.map(|seats| usize::from(seats).saturating_sub(names.len())) {
                Some(1) => ". 1 seat stays empty".into(),
                Some(empty) => format!(". {empty} seats stay empty"),
                None => ". Not every seat is taken".into(),
            }
        }
    };
    Some(format!("{elected}{why}."))
}
