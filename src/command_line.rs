//! What the two programs share: parsing the command line, shell completions and manual pages, error
//! messages and exit codes.

mod extra;
mod hints;
mod memory;

use std::ffi::OsString;
use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{ArgMatches, CommandFactory, FromArgMatches};
use console::Term;
pub use extra::{Extra, command};
pub use hints::told;
pub use memory::protect_memory;
use serde_json::json;
use textwrap::{Options, WordSeparator, WordSplitter};

use crate::election::{printable, printable_json};

/// The version of this package, and the commit of a release build if it is known.
pub const VERSION: &str = env!("CAPVOTE_VERSION");

/// A program's exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// A fault: something could not be reached, read or written.
    Fault = 1,
    /// The command line or a file is wrong.
    Usage = 2,
    /// Refused by the server, or by the rules.
    Refused = 3,
}

impl Exit {
    /// Its name in a JSON document; `None` for [`Done`](Self::Done).
    fn name(self) -> Option<&'static str> {
        match self {
            Self::Done => None,
            Self::Fault => Some("fault"),
            Self::Usage => Some("usage"),
            Self::Refused => Some("refused"),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Parses the command line of `program`. Prints the output of `--help` and `--version`.
///
/// # Errors
/// The exit code, if there is nothing more to do: after `--help` and `--version`, and after an
/// error, which was printed to stderr.
pub fn parse<T: CommandFactory + FromArgMatches>(program: &str) -> Result<T, ExitCode> {
    read(program, std::env::args_os()).map(|(arguments, _)| arguments)
}

/// As [`parse`], for the given words. Returns the matches too.
///
/// # Errors
/// As [`parse`].
pub fn read<T: CommandFactory + FromArgMatches>(
    program: &str,
    words: impl IntoIterator<Item = OsString>,
) -> Result<(T, ArgMatches), ExitCode> {
    let words: Vec<_> = words.into_iter().collect();
    let command = command::<T>(program);
    let whole = command.clone();
    let read = command.clone().try_get_matches_from(&words);
    let read = read.and_then(|matches| Ok((T::from_arg_matches(&matches)?, matches)));
    read.map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A closed stdout is no fault here.
            let _ = error.print();
            Exit::Done.into()
        }
        _ => {
            let matches = command.ignore_errors(true).try_get_matches_from(&words).ok();
            let subcommand = matches.as_ref().and_then(ArgMatches::subcommand_name);
            let help = subcommand.map_or(program.to_string(), |it| format!("{program} {it}"));
            let told = hints::with_hint(&error, &words, &whole, subcommand);
            end(program, format_args!("{told}; see {help} --help"), Exit::Usage)
        }
    })
}

/// As [`end`], and with `json` prints a document to stdout too.
pub fn end_in_json(program: &str, why: impl Display, exit: Exit, json: bool) -> ExitCode {
    if let Some(error) = exit.name().filter(|_| json) {
        // In one line, as the output of `watch`. If stdout is closed, the exit code is enough.
        let document = json!({ "error": error, "message": plain(&why) }).to_string();
        let _ = writeln!(std::io::stdout(), "{}", printable_json(&document));
    }
    end(program, why, exit)
}

/// Prints why a program ends to stderr, as one [`printable`] line (wrapped on a terminal), and
/// returns the exit code.
pub fn end(program: &str, why: impl Display, exit: Exit) -> ExitCode {
    let why = printable(&plain(why).replace(['\n', '\r'], " "));
    let program = console::style(program).for_stderr().red().bold();
    let line = wrapped(&format!("{program}: {why}"), &Term::stderr());
    // If stderr is closed, the exit code is enough.
    let _ = writeln!(std::io::stderr(), "{line}");
    exit.into()
}

/// Whether stdout is a terminal on which lines can be drawn again.
pub fn can_redraw() -> bool {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    std::io::stdout().is_terminal() && !dumb
}

/// A sentence wrapped to the width of `terminal`, if it is one.
pub fn wrapped(sentence: &str, terminal: &Term) -> String {
    match terminal.size_checked() {
        Some((_, columns)) if columns > 0 => wrap(sentence, columns.into()),
        _ => sentence.to_string(),
    }
}

/// A sentence wrapped between words. A word longer than a line is not broken.
pub fn wrap(sentence: &str, columns: usize) -> String {
    let between_words = Options::new(columns)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation);
    textwrap::fill(sentence, between_words)
}

/// Without the error numbers that [`std::io::Error`] appends to the operating system's texts.
fn plain(why: impl Display) -> String {
    let why = why.to_string();
    let mut pieces = why.split(" (os error ");
    let first = pieces.next().unwrap_or_default().to_string();
    pieces.fold(first, |plain, piece| plain + piece.split_once(')').map_or(piece, |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_operating_system_have_no_numbers() {
        let error = std::io::Error::from_raw_os_error(2);
        let words = "cannot read x: No such file or directory; (try y)";
        assert_eq!(plain(format!("cannot read x: {error}; (try y)")), words);
        assert_eq!(plain(words), words);
    }

    #[test]
    fn lines_end_between_words() {
        for (sentence, wrapped) in [
            ("one two three", "one two\nthree"),
            ("one", "one"),
            ("", ""),
            ("a-word-that-is-longer is", "a-word-that-is-longer\nis"),
            ("李四 李四 \u{1b}[1m李四\u{1b}[0m", "李四\n李四\n\u{1b}[1m李四\u{1b}[0m"),
        ] {
            assert_eq!(wrap(sentence, 8), wrapped);
        }
    }
}
