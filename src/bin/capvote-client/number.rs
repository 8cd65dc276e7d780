//! A voter's number: given, or typed at a prompt that does not show it.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use capvote::election::{VoterNumber, typed_digits};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};

use crate::failure::Failure;
use crate::secret;
use crate::show;

/// The digits of an issued number as it is printed.
const ISSUED_DIGITS: usize = 20;

/// The longest line of a terminal in canonical mode, in bytes.
const LINE_BYTES_MAX: usize = 4_096;

/// The longest file with a voter number, in bytes.
const NUMBER_BYTES_MAX: u64 = 4_096;

/// The character that Ctrl-C sends.
const CTRL_C: u8 = 3;

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

    /// The number that an option gives, or the file that it names.
    pub(crate) fn given(text: &str) -> Result<Self, Failure> {
        if text != secret::STANDARD_INPUT && !Path::new(text).is_file() {
            return Self::parse(text);
        }
        let read = secret::read(text, NUMBER_BYTES_MAX).map_err(|error| {
            Failure::Usage(format!("cannot read a voter number from {text}: {error}"))
        })?;
        secret::warn_if_exposed(Path::new(text));
        Self::parse(read.trim())
    }

    /// Asks for it on the terminal.
    pub(crate) fn ask() -> Result<Self, Failure> {
        let typed = prompt_hidden("Voter number (not shown): ").map_err(|error| {
            Failure::Usage(match error.kind() {
                ErrorKind::Interrupted | ErrorKind::UnexpectedEof => {
                    "no voter number was typed, and nothing was sent; vote again".into()
                }
                _ => format!(
                    "no voter number, and nothing was sent: there is no terminal to ask on \
                     ({error}); give --voter-number"
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

/// Reads a line from the terminal without echo. `console`'s prompt for passwords is not used:
/// Ctrl-C in it ends the program with the echo off, and it discards what is typed before it is
/// ready.
fn prompt_hidden(prompt: &str) -> io::Result<String> {
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    let before = tcgetattr(&terminal)?;
    let mut hidden = before.clone();
    hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ISIG);
    // Ctrl-C ends the line: a signal would end the program before the echo is restored.
    hidden.special_codes[SpecialCodeIndex::VEOL] = CTRL_C;
    // Before the prompt, which may be answered at once.
    tcsetattr(&terminal, OptionalActions::Now, &hidden)?;
    let mut line = [0; LINE_BYTES_MAX];
    let read = terminal
        .write_all(prompt.as_bytes())
        .and_then(|()| terminal.read(&mut line))
        .and_then(|length| terminal.write_all(b"\n").map(|()| length));
    tcsetattr(&terminal, OptionalActions::Now, &before)?;
    match line.get(..read?) {
        None | Some([]) => Err(ErrorKind::UnexpectedEof.into()),
        Some([.., CTRL_C]) => Err(ErrorKind::Interrupted.into()),
        Some(line) => Ok(String::from_utf8_lossy(line).trim().to_string()),
    }
}
