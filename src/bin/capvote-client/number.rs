//! A voter's number: given, or typed at a prompt that does not show it.

use std::io::ErrorKind;
use std::path::Path;

use capvote::election::{VoterNumber, typed_digits};

use crate::failure::Failure;
use crate::prompt;
use crate::secret;
use crate::show;

/// The digits of an issued number as it is printed.
const ISSUED_DIGITS: usize = 20;

/// A text with fewer digits is no mistyped number.
const NUMBER_DIGITS: usize = 8;

/// The longest file with a voter number, in bytes.
const NUMBER_BYTES_MAX: u64 = 4_096;

/// A voter number, and how it was written.
pub(crate) struct Number {
    pub(crate) number: VoterNumber,
    digits: usize,
}

impl Number {
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let (digits, others) = typed_digits(text);
        let digits = digits.len();
        let more = if others { " and other characters" } else { "" };
        let number = text.parse().map_err(|error| {
            let has = show::counted(digits as u64, "digit");
            Failure::Usage(format!(
                "{error}; this one has {has}{more}. Nothing was sent, so vote again"
            ))
        })?;
        Ok(Self { number, digits })
    }

    /// The number that an option gives, or the file that it names: a pipe or a device may be one.
    pub(crate) fn given(text: &str) -> Result<Self, Failure> {
        let path = Path::new(text);
        if text != secret::STANDARD_INPUT && path.metadata().map_or(true, |it| it.is_dir()) {
            return Self::parse(text).map_err(|failure| match failure {
                Failure::Usage(why) if is_name(text) => {
                    let what = if path.is_dir() { "a folder" } else { "no file" };
                    Failure::Usage(format!("{text} is {what}, and no voter number: {why}"))
                }
                other => other,
            });
        }
        let read = secret::read(text, NUMBER_BYTES_MAX).map_err(|error| {
            Failure::Usage(format!("cannot read a voter number from {text}: {error}"))
        })?;
        secret::warn_if_exposed(path);
        let lines = read.lines().filter(|line| !line.trim().is_empty()).count();
        match Self::parse(read.trim()) {
            Err(_) if lines == 0 => {
                let what = secret::told(text);
                Err(Failure::Usage(format!("{what} is empty; nothing was sent")))
            }
            Err(_) if lines > 1 => {
                Err(Failure::Usage(format!("there are {lines} lines; give one number")))
            }
            parsed => parsed,
        }
    }

    /// Asks for it on the terminal.
    pub(crate) async fn ask() -> Result<Self, Failure> {
        let typed = prompt::hidden("Voter number (not shown): ").await.map_err(|error| {
            Failure::Usage(match error.kind() {
                ErrorKind::Interrupted | ErrorKind::UnexpectedEof => {
                    "no voter number was typed, and nothing was sent; vote again".into()
                }
                _ => format!(
                    "no voter number, and nothing was sent: there is no terminal to ask on \
                     ({error}); give --voter-number - and the number on standard input"
                ),
            })
        })?;
        Self::parse(&typed)
    }

    /// What may be wrong with this number, if it is not on the roll.
    pub(crate) fn hint(&self) -> String {
        match self.digits {
            ISSUED_DIGITS => String::new(),
            digits => {
                let digits = show::counted(digits as u64, "digit");
                format!(" This one was written with {digits}; issued numbers have {ISSUED_DIGITS}.")
            }
        }
    }
}

/// Whether a text that is no number looks like the name of a file, which may be repeated: it has a
/// slash or a letter, and not the digits of a number.
fn is_name(text: &str) -> bool {
    let (digits, _) = typed_digits(text);
    text.contains(|it: char| it == '/' || it.is_alphabetic()) && digits.len() < NUMBER_DIGITS
}
