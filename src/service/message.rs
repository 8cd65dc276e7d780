//! The text of the message about a vote.

use super::decided::Answer;
use crate::election::{Definition, Refusal, printable};

/// The longest message, in bytes of UTF-8.
pub const MESSAGE_BYTES_MAX: usize = 4_096;

/// Characters of a name that is not on the slate. The rest is cut.
const QUOTED_CHARACTERS_MAX: usize = 80;

/// Bytes of a message for the names of the slate.
const SLATE_BYTES_MAX: usize = 2_048;

/// The message about a vote for `candidate`.
pub(super) fn text(definition: &Definition, candidate: &str, answer: &Answer) -> String {
    let candidate = quoted(definition, candidate);
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

/// A name in quotes, escaped, and cut unless it is on the slate.
fn quoted(definition: &Definition, name: &str) -> String {
    let blank = definition.slate.blank().is_some() && name.is_empty();
    if blank {
        return "nobody (a blank ballot)".to_string();
    }
    let printable = printable(name);
    if definition.slate.choice(name).is_some() {
        return format!("\"{printable}\"");
    }
    let cut: String = printable.chars().take(QUOTED_CHARACTERS_MAX).collect();
    let dots = if cut.len() < printable.len() { "…" } else { "" };
    format!("\"{cut}{dots}\"")
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
            Refusal::Unconfirmed,
        ];
        let others = [Answer::Recorded(receipt), Answer::Throttled(Duration::from_secs(3))];
        refusals.map(Answer::Refused).into_iter().chain(others).collect()
    }

    #[test]
    fn each_message_says_whom_the_vote_was_for_and_where() {
        let definition = definition(vec!["Ada".into(), "Grace".into()]);
        for answer in answers() {
            let text = text(&definition, "Ada", &answer);
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
            let text = text(&definition, &endless, &answer);
            assert!(text.len() <= MESSAGE_BYTES_MAX, "{} bytes", text.len());
            assert!(!text.contains(char::is_control));
        }
    }
}
