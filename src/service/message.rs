//! The message about a vote.

use super::decided::Answer;
use crate::election::{Definition, Refusal, printable};
use crate::schema::values::padding;

/// The longest message, in bytes of UTF-8.
pub const MESSAGE_BYTES_MAX: usize = 4_096;

/// Bytes of a name of the slate. It is cut if its escapes make it longer.
const NAME_BYTES_MAX: usize = 256;

/// Characters of a name that is not on the slate. The rest is cut.
const QUOTED_CHARACTERS_MAX: usize = 80;

/// Bytes of a message for the names of the slate.
const SLATE_BYTES_MAX: usize = 2_048;

/// Stands for the name of a blank ballot.
const BLANK: &str = "nobody (a blank ballot)";

/// What marks a cut.
const DOTS: &str = "…";

/// A message, with the padding that gives it the same size for every choice of the slate.
pub(super) struct Message {
    pub(super) text: String,
    pub(super) padding: &'static [u8],
}

impl Message {
    /// The message about a vote for `candidate`.
    pub(super) fn new(definition: &Definition, candidate: &str, answer: &Answer) -> Self {
        let candidate = quoted(definition, candidate);
        let text = text(definition, &candidate, answer);
        let rest = text.len().saturating_sub(candidate.len());
        let padding = padding(text.len(), rest + longest_quoted(definition));
        Self { text, padding }
    }
}

/// The text about a vote for `candidate`, which is quoted.
fn text(definition: &Definition, candidate: &str, answer: &Answer) -> String {
    let election = &definition.id;
    match answer {
        Answer::Recorded(receipt) => format!(
            "Your vote for {candidate} in election {election} is recorded: it is on stable storage \
             and counts once. Your receipt is {receipt}."
        ),
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
        Answer::Refused(Refusal::NotOpen) => format!(
            "Your vote for {candidate} was not counted: voting in election {election} has not \
             begun. Nothing was recorded. Vote again once it is open."
        ),
        Answer::Refused(Refusal::Closed) => format!(
            "This call for {candidate} counted nothing: election {election} is closed. A vote that \
             was recorded before the close stands."
        ),
        Answer::Throttled(wait) => {
            let seconds = wait.as_secs() + 1;
            format!(
                "Your vote for {candidate} in election {election} was not counted: too many wrong \
                 voter numbers came from your connection or address. Nothing was recorded. Vote \
                 again in {seconds} s, with a new connection."
            )
        }
    }
}

/// A name in quotes, escaped. One that is not on the slate is cut, and so is one that its escapes
/// make longer than any name.
fn quoted(definition: &Definition, name: &str) -> String {
    let on_slate = definition.slate.choice(name).is_some();
    if on_slate && name.is_empty() {
        return BLANK.to_string();
    }
    let printable = printable(name);
    let end = printable.len().min(NAME_BYTES_MAX);
    let cut = if on_slate {
        (0..=end).rev().find_map(|end| printable.get(..end))
    } else {
        let rest = printable.char_indices().nth(QUOTED_CHARACTERS_MAX);
        rest.and_then(|(end, _)| printable.get(..end))
    };
    let cut = cut.unwrap_or(&printable);
    let dots = if cut.len() < printable.len() { DOTS } else { "" };
    format!("\"{cut}{dots}\"")
}

/// The length of the longest of the slate's choices, as [`quoted`], in bytes. It may be a few bytes
/// more.
fn longest_quoted(definition: &Definition) -> usize {
    let name = definition.slate.longest_printable().min(NAME_BYTES_MAX + DOTS.len());
    BLANK.len().max(name + 2)
}

/// The names of the slate, as many as fit in [`SLATE_BYTES_MAX`].
fn slate(definition: &Definition) -> String {
    let names = definition.slate.names();
    let mut list = String::new();
    for (index, name) in names.iter().enumerate() {
        let name = quoted(definition, name);
        if list.len() + name.len() > SLATE_BYTES_MAX {
            return format!("{list} and {} more", names.len() - index);
        }
        if index > 0 {
            list.push_str(", ");
        }
        list.push_str(&name);
    }
    list
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::election::{CANDIDATE_BYTES_MAX, CANDIDATES_MAX, Nonce, Receipt};

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
        ];
        let others = [Answer::Recorded(receipt), Answer::Throttled(Duration::from_secs(3))];
        refusals.map(Answer::Refused).into_iter().chain(others).collect()
    }

    #[test]
    fn each_message_says_whom_the_vote_was_for_and_where() {
        let definition = definition(vec!["Ada".into(), "Grace".into()]);
        for answer in answers() {
            let text = Message::new(&definition, "Ada", &answer).text;
            assert!(text.contains("\"Ada\"") && text.contains("board"), "{text}");
            let recorded = matches!(answer, Answer::Recorded(_));
            assert_eq!(text.contains("is recorded"), recorded, "{text}");
            let refused = text.contains("was not counted") || text.contains("counted nothing");
            assert_eq!(refused, !recorded, "{text}");
        }
    }

    #[test]
    fn no_name_makes_a_message_too_long_or_breaks_its_line() {
        let nasty = |n: usize| format!("\u{1b}[2J\n{n:04}{}", "\0".repeat(CANDIDATE_BYTES_MAX - 9));
        let definition = definition((0..CANDIDATES_MAX).map(nasty).collect());
        let endless = "\u{7}".repeat(1_000_000);
        for answer in answers() {
            let text = Message::new(&definition, &endless, &answer).text;
            assert!(text.len() <= MESSAGE_BYTES_MAX, "{} bytes", text.len());
            assert!(!text.contains(char::is_control));
        }
    }
}
