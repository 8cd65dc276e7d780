//! The quotes of a CSV file: whether each field that begins with one ends with one.

use super::count_of;

/// What is wrong with a quote, and where, in bytes.
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) wrong: Wrong,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Wrong {
    /// The quote that opens here is not closed.
    Unclosed,
    /// The field whose quote opens here goes on after the closing one.
    TextAfter,
    /// There is a blank between the separator and this quote.
    BlankBefore,
}

impl Wrong {
    pub(super) const fn why(self) -> &'static str {
        match self {
            Self::Unclosed => {
                "a quote opens there and is not closed: take it off, or close it; a quote that is \
                 a part of a field is written \"\", in a field with quotes around it"
            }
            Self::TextAfter => {
                "a field has text after its closing quote: quotes that are a part of a field are \
                 written \"\", with quotes around the field, such as \"\"\"Ace\"\" Ann\""
            }
            Self::BlankBefore => "a field has a blank before its quote: take that off",
        }
    }
}

/// The quotes of a text.
#[derive(Default)]
pub(super) struct Quotes {
    pub(super) fault: Option<Fault>,
    /// Whether there are quotes inside of fields that have none around them.
    pub(super) stray: bool,
}

enum State {
    /// At the beginning of a field, perhaps after blanks.
    Begin {
        blank: bool,
    },
    Plain,
    Quoted,
    /// After a quote that may be the closing one.
    Closing,
    /// After blanks behind the closing quote.
    Closed,
}

impl Quotes {
    /// Those of the first rows of a text.
    pub(super) fn of(text: &str, separator: u8, rows_max: usize) -> Self {
        let mut found = Self::default();
        let (mut state, mut opened, mut rows) = (State::Begin { blank: false }, 0, 0);
        for (at, byte) in text.bytes().enumerate() {
            let ends_row = matches!(byte, b'\n' | b'\r');
            let ends = ends_row || byte == separator;
            let wrong = |at, wrong| Some(Fault { at, wrong });
            state = match (state, byte) {
                (State::Quoted, b'"') => State::Closing,
                (State::Quoted, _) => State::Quoted,
                (State::Closing, b'"') => State::Quoted,
                (State::Begin { .. } | State::Plain | State::Closing | State::Closed, _)
                    if ends =>
                {
                    rows += usize::from(ends_row);
                    if rows == rows_max {
                        return found;
                    }
                    State::Begin { blank: false }
                }
                (State::Begin { blank: false }, b'"') => {
                    opened = at;
                    State::Quoted
                }
                (State::Begin { .. }, b'"') => {
                    found.fault = wrong(at, Wrong::BlankBefore);
                    return found;
                }
                (State::Begin { .. }, b' ' | b'\t') => State::Begin { blank: true },
                (State::Closing | State::Closed, b' ' | b'\t') => State::Closed,
                (State::Closing | State::Closed, _) => {
                    found.fault = wrong(opened, Wrong::TextAfter);
                    return found;
                }
                (State::Begin { .. } | State::Plain, _) => {
                    found.stray |= byte == b'"';
                    State::Plain
                }
            };
        }
        if matches!(state, State::Quoted) {
            found.fault = Some(Fault { at: opened, wrong: Wrong::Unclosed });
        }
        found
    }
}

/// Whether a field of several lines looks like rows that a quote has swallowed: each of its lines
/// is cut into as many fields as a row from there on has.
pub(super) fn looks_like_rows(field: &str, at: usize, columns: usize, separator: u8) -> bool {
    let mut lines = field.split(['\r', '\n']).filter(|line| !line.is_empty());
    let count = |line: &str| count_of(line, separator);
    let (Some(first), Some(last)) = (lines.next(), lines.next_back()) else { return false };
    let between: Vec<_> = lines.map(count).collect();
    columns > 1
        && count(first) + at + 1 == columns
        && count(last) == at
        && !between.is_empty()
        && between.iter().all(|separators| separators + 1 == columns)
}
