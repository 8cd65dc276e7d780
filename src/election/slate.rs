//! The candidates of an election.

use std::collections::HashMap;

use super::{CANDIDATE_BYTES_MAX, CANDIDATES_MAX, printable};

/// The candidates of an election, in ballot order, and whether a ballot may be blank.
///
/// Names are compared byte for byte. A blank ballot has the empty name, which no candidate can
/// have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slate {
    names: Vec<String>,
    choices: HashMap<String, Choice>,
    blank: Option<Choice>,
    longest: usize,
    longest_printable: usize,
    message_bytes: usize,
}

/// A candidate's position on the slate, from 0. A blank ballot follows the last candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Choice(u16);

/// Why names are not a valid slate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSlate {
    /// There are no names.
    #[error("an election needs at least one candidate")]
    Empty,
    /// There are more than [`CANDIDATES_MAX`] names.
    #[error("a slate has at most {CANDIDATES_MAX} candidates; {0} were given")]
    TooMany(usize),
    /// A name is empty.
    #[error("a candidate's name cannot be empty")]
    EmptyName,
    /// A name is longer than [`CANDIDATE_BYTES_MAX`].
    #[error("a candidate's name has at most {CANDIDATE_BYTES_MAX} bytes of UTF-8; {0} were given")]
    LongName(usize),
    /// Two candidates have the same name.
    #[error("two candidates are called {0:?}")]
    Duplicate(String),
    /// A name has nothing but blanks and characters that nobody sees. The place is from 1.
    #[error("candidate {0} has a name that shows nothing on a ballot; give it letters")]
    ShowsNothing(usize),
    /// A name has a character that turns the text after it around. The place is from 1.
    #[error(
        "candidate {0} has a name with a hidden character that turns text around; leave it out"
    )]
    TurnsText(usize),
    /// Voters would take two candidates for one another. The places are from 1.
    #[error(
        "candidates {first} and {second} look alike: {names} differ {difference}; give one of them \
         another name"
    )]
    LookAlike {
        /// The place of the first.
        first: usize,
        /// The place of the second.
        second: usize,
        /// Both names, as they can be shown.
        names: String,
        /// In what they differ.
        difference: String,
    },
}

/// About how many bytes a text takes in a message, at most: with its pointer, and padded to words
/// with a byte more.
pub(super) fn text_bytes(text: &str) -> usize {
    16 + text.len().next_multiple_of(8)
}

impl Choice {
    /// The position on the slate, from 0.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The choice at `index`, unless that is beyond the longest slate and its blank ballot.
    pub fn from_index(index: usize) -> Option<Self> {
        u16::try_from(index).ok().filter(|_| index <= CANDIDATES_MAX).map(Self)
    }
}

impl Slate {
    /// A slate of these names, in this order.
    ///
    /// # Errors
    /// [`InvalidSlate`] if there are none or too many, or a name is empty, too long or repeated.
    pub fn new(names: Vec<String>) -> Result<Self, InvalidSlate> {
        if names.is_empty() {
            return Err(InvalidSlate::Empty);
        }
        if names.len() > CANDIDATES_MAX {
            return Err(InvalidSlate::TooMany(names.len()));
        }
        let mut choices = HashMap::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            let choice = Choice::from_index(index).ok_or(InvalidSlate::TooMany(names.len()))?;
            if name.is_empty() {
                return Err(InvalidSlate::EmptyName);
            }
            if name.len() > CANDIDATE_BYTES_MAX {
                return Err(InvalidSlate::LongName(name.len()));
            }
            if choices.insert(name.clone(), choice).is_some() {
                return Err(InvalidSlate::Duplicate(name.clone()));
            }
        }
        let longest = names.iter().map(String::len).max().unwrap_or_default();
        let printed = names.iter().map(|name| printable(name).len());
        let longest_printable = printed.max().unwrap_or_default();
        let message_bytes = names.iter().map(|name| text_bytes(name)).sum();
        Ok(Self { names, choices, blank: None, longest, longest_printable, message_bytes })
    }

    /// The same slate, with blank ballots allowed or not.
    #[must_use]
    pub fn with_blank(mut self, blank: bool) -> Self {
        self.blank = if blank { Choice::from_index(self.names.len()) } else { None };
        self
    }

    /// The choice of a blank ballot, if ballots may be blank.
    pub fn blank(&self) -> Option<Choice> {
        self.blank
    }

    /// The number of choices: candidates, and the blank ballot if there is one.
    pub fn choices(&self) -> usize {
        self.names.len() + usize::from(self.blank.is_some())
    }

    /// The names, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The length of the longest name, in bytes.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// The length of the longest name that was made [`printable`], in bytes.
    pub fn longest_printable(&self) -> usize {
        self.longest_printable
    }

    /// About how many bytes the names take in a message, at most.
    pub fn message_bytes(&self) -> usize {
        self.message_bytes
    }

    /// The choice of the candidate with this name, or of a blank ballot for the empty name.
    pub fn choice(&self, name: &str) -> Option<Choice> {
        // A longer name is on no slate, and could take long to hash.
        if name.len() > CANDIDATE_BYTES_MAX {
            return None;
        }
        if name.is_empty() { self.blank } else { self.choices.get(name).copied() }
    }

    /// The name of `choice`, empty for a blank ballot. `None` if this slate has no such choice.
    pub fn name(&self, choice: Choice) -> Option<&str> {
        let name = self.names.get(choice.index()).map(String::as_str);
        name.or((self.blank == Some(choice)).then_some(""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slate(names: &[&str]) -> Result<Slate, InvalidSlate> {
        Slate::new(names.iter().map(|name| name.to_string()).collect())
    }

    #[test]
    fn any_text_up_to_the_limit_is_a_name() {
        let longest = "ü".repeat(CANDIDATE_BYTES_MAX / 2);
        let names = ["Ada", "ada", " Ada", "李四", "🗳️", "a\nb\0c", &longest];
        let slate = slate(&names).unwrap();
        for (index, name) in names.iter().enumerate() {
            assert_eq!(slate.choice(name), Choice::from_index(index));
            assert_eq!(slate.name(slate.choice(name).unwrap()), Some(*name));
        }
        for absent in ["", "ADA", "Ada ", &format!("{longest}x")] {
            assert_eq!(slate.choice(absent), None);
        }
    }

    #[test]
    fn a_blank_ballot_has_the_empty_name_if_it_is_allowed() {
        let slate = slate(&["Ada", "Grace"]).unwrap();
        assert_eq!((slate.choice(""), slate.choices()), (None, 2));
        let slate = slate.with_blank(true);
        let blank = slate.choice("").unwrap();
        assert_eq!((slate.name(blank), slate.choices(), blank.index()), (Some(""), 3, 2));
        assert_eq!(slate.names().len(), 2);
    }

    #[test]
    fn invalid_slates() {
        let many: Vec<String> = (0..=CANDIDATES_MAX).map(|n| n.to_string()).collect();
        assert_eq!(slate(&[]), Err(InvalidSlate::Empty));
        assert_eq!(slate(&["a", ""]), Err(InvalidSlate::EmptyName));
        assert_eq!(slate(&[&"x".repeat(257)]), Err(InvalidSlate::LongName(257)));
        assert_eq!(slate(&["a", "b", "a"]), Err(InvalidSlate::Duplicate("a".into())));
        assert_eq!(Slate::new(many), Err(InvalidSlate::TooMany(CANDIDATES_MAX + 1)));
    }
}
