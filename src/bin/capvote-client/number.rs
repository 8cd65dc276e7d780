//! A voter's number: given, or asked for without showing what is typed.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read, Write};

use capvote::election::VoterNumber;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};

use crate::failure::Failure;
use crate::show;

/// The digits of every number that was issued.
const ISSUED_DIGITS: usize = 20;

/// The longest line that a terminal takes, in bytes.
const LINE_BYTES_MAX: usize = 4_096;

/// What a terminal makes of Ctrl-C.
const CTRL_C: u8 = 3;

/// A voter number, as somebody wrote it.
pub(crate) struct Number {
    pub(crate) number: VoterNumber,
    digits: usize,
}

impl Number {
    pub(crate) fn read(text: &str) -> Result<Self, Failure> {
        let digits = text.chars().filter(char::is_ascii_digit).count();
        let belongs = |it: char| it.is_ascii_digit() || it == '-' || it.is_whitespace();
        let more = if text.chars().all(belongs) { "" } else { " and other characters" };
        let number = text.parse().map_err(|error| {
            let has = show::counted(digits as u64, "digit");
            Failure::Usage(format!(
                "{error}; this one has {has}{more}. Nothing was sent, so vote again"
            ))
        })?;
        Ok(Self { number, digits })
    }

    /// Asks for it.
    pub(crate) fn ask() -> Result<Self, Failure> {
        let typed = hidden("Voter number (not shown): ").map_err(|error| {
            Failure::Usage(match error.kind() {
                ErrorKind::Interrupted | ErrorKind::UnexpectedEof => {
                    "no voter number was typed, and nothing was sent; vote again".into()
                }
                _ => format!(
                    "no voter number, and nothing was sent: there is nobody to ask ({error}); give --voter-number"
                ),
            })
        })?;
        Self::read(&typed)
    }

    /// What may be wrong with a number that is not on the roll.
    pub(crate) fn doubt(&self) -> String {
        match self.digits {
            ISSUED_DIGITS => String::new(),
            digits => {
                let digits = show::counted(digits as u64, "digit");
                format!(
                    " This one was written with {digits}; those that were issued have {ISSUED_DIGITS}."
                )
            }
        }
    }
}

/// Asks on the terminal for a line that is not shown.
fn hidden(prompt: &str) -> io::Result<String> {
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    let before = tcgetattr(&terminal)?;
    let mut blind = before.clone();
    blind.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ISIG);
    // Here it ends the line: a signal would end the program, and leave a terminal that shows nothing.
    blind.special_codes[SpecialCodeIndex::VEOL] = CTRL_C;
    // First of all: whoever is asked may answer at once.
    tcsetattr(&terminal, OptionalActions::Now, &blind)?;
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
