//! The message about a vote.

use super::decided::{Answer, Spoken};
use crate::election::{Ballot, Choice, Definition, Refusal, as_printable};
use crate::schema::values::padding;

/// The longest message, in bytes of UTF-8.
pub const MESSAGE_BYTES_MAX: usize = 4_096;

/// Bytes of a name of the slate. It is cut if its escapes make it longer.
const NAME_BYTES_MAX: usize = 256;

/// Characters of a name that is not on the slate. The rest is cut.
const QUOTED_CHARACTERS_MAX: usize = 80;

/// Bytes of a message for the names of the slate, or of a ballot.
const SLATE_BYTES_MAX: usize = 2_048;

/// Bytes around a marked name: its rank, and what separates it from the name before it.
const RANK_BYTES: usize = "100. ".len() + " = ".len();

/// Bytes for the names that do not fit.
const MORE_BYTES: usize = " and 1000 more".len();

/// Stands for marks that were not looked at.
const UNREAD: &str = "the marked names";

/// Stands for the name of a blank ballot.
const BLANK: &str = "nobody (a blank ballot)";

/// What marks a cut.
const DOTS: &str = "…";

/// A message, with the padding that gives it the same size for every ballot of the election.
pub(super) struct Message {
    pub(super) text: String,
    pub(super) padding: &'static [u8],
}

impl Message {
    /// The message about a vote.
    pub(super) fn new(definition: &Definition, spoken: &Spoken, answer: &Answer) -> Self {
        let spoken = match spoken {
            // What lists the slate has no room for another list.
            Spoken::Ballot(ballot) if ballot.choice().is_none() && lists_slate(answer) => {
                UNREAD.to_string()
            }
            Spoken::Ballot(ballot) => quoted_ballot(definition, ballot),
            Spoken::Name(name) => quoted(definition, name),
            Spoken::Marks => UNREAD.to_string(),
        };
        let text = text(definition, &spoken, answer);
        let rest = text.len().saturating_sub(spoken.len());
        let padding = padding(text.len(), rest + longest_quoted(definition));
        Self { text, padding }
    }
}

fn lists_slate(answer: &Answer) -> bool {
    matches!(answer, Answer::Refused(Refusal::UnknownCandidate))
}

/// The text about a vote for `candidate`, which is quoted, or several that are.
fn text(definition: &Definition, candidate: &str, answer: &Answer) -> String {
    let election = &definition.id;
    match answer {
        // Most messages are this one. Formatting would take twice as long.
        Answer::Recorded(receipt) => [
            "Your vote for ",
            candidate,
            " in election ",
            election.as_str(),
            " is recorded: it is on stable storage and counts once. Your receipt is ",
            receipt.text().as_str(),
            ".",
        ]
        .concat(),
        Answer::Refused(Refusal::AlreadyVoted) => format!(
            "Your vote for {candidate} was not counted: this voter number has already voted in \
             election {election}. The vote recorded before stands. If it was not yours, tell the \
             returning officer."
        ),
        Answer::Refused(Refusal::UnknownVoterNumber) => format!(
            "Your vote for {candidate} was not counted: this voter number is not on the roll of \
             election {election}. Nothing was recorded. Check the number and vote again."
        ),
        Answer::Refused(Refusal::UnknownCandidate) => format!(
            "Your vote was not counted: {candidate} is not a candidate in election {election}. The \
             candidates are {}. Nothing was recorded. Vote again for one of them.",
            slate(definition)
        ),
        Answer::Refused(Refusal::InvalidBallot(why)) => format!(
            "Your vote was not counted: it is no ballot of election {election}, because {why}. \
             Nothing was recorded. Mark the ballot again and vote with it."
        ),
        Answer::Refused(Refusal::NotOpen) => format!(
            "Your vote for {candidate} was not counted: voting in election {election} has not \
             begun. Nothing was recorded. Vote again once it is open."
        ),
        Answer::Refused(Refusal::Unconfirmed) => format!(
            "Your vote for {candidate} was not counted: election {election} was restored from a \
             backup, and takes no votes until the returning officer confirms that. This vote is \
             not in the restored ledger, even if it was recorded before: keep its receipt, and \
             send it again then."
        ),
        Answer::Refused(Refusal::Closed) => format!(
            "This call for {candidate} counted nothing: election {election} is closed. A vote that \
             was recorded before the close stands."
        ),
        Answer::Throttled(throttled) => {
            let seconds = throttled.wait.as_secs() + 1;
            format!(
                "Your vote for {candidate} in election {election} was not counted: too many wrong \
                 voter numbers came from your connection or address. Nothing was recorded. Vote \
                 again in {seconds} s, with a new connection."
            )
        }
    }
}

/// The marked names of a ballot in quotes, by ranked methods in the order of their ranks, as many as
/// fit in [`SLATE_BYTES_MAX`].
fn quoted_ballot(definition: &Definition, ballot: &Ballot) -> String {
    let (slate, is_ranked) = (&definition.slate, definition.rules.method.is_ranked());
    if let Some(choice) = ballot.choice() {
        return quoted_name(slate.name(choice).unwrap_or_default());
    }
    let mut marked: Vec<(u16, Choice)> =
        ballot.marks(slate).map(|(name, mark)| (mark, name)).collect();
    if marked.is_empty() {
        return BLANK.to_string();
    }
    marked.sort_unstable();
    let (mut list, mut last) = (String::with_capacity(SLATE_BYTES_MAX / 4), None);
    for (index, &(mark, name)) in marked.iter().enumerate() {
        let before = list.len();
        match last {
            Some(last) if last == mark && is_ranked => list += " = ",
            Some(_) if !is_ranked => list += ", ",
            Some(_) => list += &format!(", {mark}. "),
            None if is_ranked => list += &format!("{mark}. "),
            None => {}
        }
        push_listed(&mut list, slate.name(name).unwrap_or_default());
        if list.len() > SLATE_BYTES_MAX {
            list.truncate(before);
            return format!("{list} and {} more", marked.len() - index);
        }
        last = Some(mark);
    }
    list
}

/// Appends a name of the slate in quotes, escaped, and cut if that makes it longer than any name.
fn push_listed(list: &mut String, name: &str) {
    let printable = as_printable(name);
    let end = printable.len().min(NAME_BYTES_MAX);
    let cut = (0..=end).rev().find_map(|end| printable.get(..end)).unwrap_or_default();
    let dots = if cut.len() < printable.len() { DOTS } else { "" };
    list.extend(["\"", cut, dots, "\""]);
}

/// A choice of the slate: its name in quotes, escaped.
fn quoted_name(name: &str) -> String {
    let mut quoted = String::new();
    match name {
        "" => quoted += BLANK,
        name => push_listed(&mut quoted, name),
    }
    quoted
}

/// A name in quotes, escaped. One that is not on the slate is cut.
fn quoted(definition: &Definition, name: &str) -> String {
    if definition.slate.choice(name).is_some() {
        return quoted_name(name);
    }
    let printable = as_printable(name);
    let rest = printable.char_indices().nth(QUOTED_CHARACTERS_MAX);
    let cut = rest.and_then(|(end, _)| printable.get(..end)).unwrap_or(&printable);
    let dots = if cut.len() < printable.len() { DOTS } else { "" };
    format!("\"{cut}{dots}\"")
}

/// The length of the longest ballot, as [`quoted_ballot`], in bytes. It may be some bytes more.
fn longest_quoted(definition: &Definition) -> usize {
    let printable = definition.slate.longest_printable().min(NAME_BYTES_MAX + DOTS.len());
    let name = printable + "\"\"".len();
    let names = match usize::from(definition.rules.marks) {
        _ if definition.rules.has_one_mark() => name,
        marks => (marks * (name + RANK_BYTES)).min(SLATE_BYTES_MAX + MORE_BYTES),
    };
    BLANK.len().max(names)
}

/// The names of the slate, as many as fit in [`SLATE_BYTES_MAX`].
fn slate(definition: &Definition) -> String {
    let names = definition.slate.names();
    let mut list = String::new();
    for (index, name) in names.iter().enumerate() {
        let before = list.len();
        if index > 0 {
            list.push_str(", ");
        }
        push_listed(&mut list, name);
        if list.len() > SLATE_BYTES_MAX {
            list.truncate(before);
            return format!("{list} and {} more", names.len() - index);
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::election::{
        CANDIDATE_BYTES_MAX, CANDIDATES_MAX, InvalidBallot, Method, Nonce, Receipt, Rules,
    };
    use crate::service::guesses::Throttled;

    fn definition(candidates: Vec<String>) -> Definition {
        Definition::new("board".parse().unwrap(), String::new(), candidates).unwrap()
    }

    fn answers() -> Vec<Answer> {
        let receipt = Receipt::new(&"board".parse().unwrap(), "Ada", &Nonce::from([0; 16]));
        let refusals = [
            Refusal::AlreadyVoted,
            Refusal::UnknownVoterNumber,
            Refusal::UnknownCandidate,
            Refusal::NotOpen,
            Refusal::Closed,
            Refusal::Unconfirmed,
            Refusal::InvalidBallot(InvalidBallot::Gap(2)),
        ];
        let throttled = Throttled { wait: Duration::from_secs(3), puzzle: None };
        let others = [Answer::Recorded(receipt), Answer::Throttled(throttled)];
        refusals.map(Answer::Refused).into_iter().chain(others).collect()
    }

    #[test]
    fn each_message_says_whom_the_vote_was_for_and_where() {
        let definition = definition(vec!["Ada".into(), "Grace".into()]);
        for answer in answers() {
            let text = Message::new(&definition, &Spoken::Name("Ada".into()), &answer).text;
            let rule = matches!(answer, Answer::Refused(Refusal::InvalidBallot(_)));
            let about = if rule { "nobody has rank 2" } else { "\"Ada\"" };
            assert!(text.contains(about) && text.contains("board"), "{text}");
            let recorded = matches!(answer, Answer::Recorded(_));
            assert_eq!(text.contains("is recorded"), recorded, "{text}");
            let refused = text.contains("was not counted") || text.contains("counted nothing");
            assert_eq!(refused, !recorded, "{text}");
        }
    }

    #[test]
    fn the_message_about_a_ballot_names_who_is_marked_in_the_order_of_their_ranks() {
        use Method::{Plurality, Schulze, Transferable};
        for (method, marks, said) in [
            (Plurality, &[1, 0, 1][..], "for \"Ada\", \"Edsger\" in"),
            (Transferable, &[2, 3, 1], "for 1. \"Edsger\", 2. \"Ada\", 3. \"Grace\" in"),
            (Schulze, &[2, 1, 2], "for 1. \"Grace\", 2. \"Ada\" = \"Edsger\" in"),
            (Schulze, &[], "for nobody (a blank ballot) in"),
        ] {
            let names = ["Ada", "Grace", "Edsger"].map(String::from).to_vec();
            let rules = Rules { method, marks: 3, ..Rules::default() };
            let definition = definition(names).with_blank(true).with_rules(rules).unwrap();
            let ballot = Ballot::new(&definition.slate, &rules, marks).unwrap();
            let text = Message::new(&definition, &Spoken::Ballot(ballot), &answers()[7]).text;
            assert!(text.contains(said), "{text}");
        }
    }

    #[test]
    fn messages_about_all_ballots_of_an_election_have_the_same_size() {
        let names = (1..=100).map(|n| format!("{n}\u{1b}{}", "x".repeat(n * 2))).collect();
        let rules = Rules { method: Method::Schulze, marks: 100, ..Rules::default() };
        let definition = definition(names).with_blank(true).with_rules(rules).unwrap();
        let ballots = [
            vec![],
            (1..=100).collect(),
            (1..=100).rev().collect(),
            vec![1; 100],
            [vec![0; 99], vec![1]].concat(),
            [vec![1], vec![0; 99]].concat(),
        ];
        // What is refused by a rule is no ballot.
        let rule = |answer: &Answer| matches!(answer, Answer::Refused(Refusal::InvalidBallot(_)));
        for answer in answers().into_iter().filter(|answer| !rule(answer)) {
            let size = |marks: &Vec<u16>| {
                let ballot = Ballot::new(&definition.slate, &rules, marks).unwrap();
                let message = Message::new(&definition, &Spoken::Ballot(ballot), &answer);
                assert!(message.text.len() <= MESSAGE_BYTES_MAX, "{}", message.text);
                message.text.len() / 8 + message.padding.len() / 8
            };
            let sizes: Vec<_> = ballots.iter().map(size).collect();
            assert!(sizes.iter().all(|size| *size == sizes[0]), "{sizes:?}");
        }
    }

    #[test]
    fn no_name_makes_a_message_too_long_or_breaks_its_line() {
        let nasty = |n: usize| format!("\u{1b}[2J\n{n:04}{}", "\0".repeat(CANDIDATE_BYTES_MAX - 9));
        let definition = definition((0..CANDIDATES_MAX).map(nasty).collect());
        let endless = "\u{7}".repeat(1_000_000);
        for answer in answers() {
            let spoken = Spoken::Name(endless.clone());
            let text = Message::new(&definition, &spoken, &answer).text;
            assert!(text.len() <= MESSAGE_BYTES_MAX, "{} bytes", text.len());
            assert!(!text.contains(char::is_control));
        }
    }
}
