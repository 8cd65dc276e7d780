//! What the two programs have in common: how they read their command line, what they tell of it to shells and
//! to `man`, and how they end.

mod extra;

use std::ffi::OsString;
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, CommandFactory, FromArgMatches};
use console::Term;
pub use extra::Extra;
use serde_json::json;
use textwrap::{Options, WordSeparator, WordSplitter};

/// The version of this package, and the commit that a release was built from, where that is known.
pub const VERSION: &str = env!("CAPVOTE_VERSION");

/// How a program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It did what it was asked.
    Done = 0,
    /// A fault: something could not be reached, read or written.
    Fault = 1,
    /// It was asked for something that makes no sense.
    Usage = 2,
    /// What it asked for was refused.
    Refused = 3,
}

impl Exit {
    /// What a document calls it; nothing where all was done.
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

/// Reads the command line of `program`. Prints what `--help` and `--version` ask for.
///
/// # Errors
/// The code to exit with, where there is nothing more to do; one line on stderr has told why.
pub fn parse<T: CommandFactory + FromArgMatches>(program: &str) -> Result<T, ExitCode> {
    read(program, std::env::args_os()).map(|(arguments, _)| arguments)
}

/// The same for a command line that was put together, with what was found in it.
///
/// # Errors
/// As for [`parse`].
pub fn read<T: CommandFactory + FromArgMatches>(
    program: &str,
    words: impl IntoIterator<Item = OsString>,
) -> Result<(T, ArgMatches), ExitCode> {
    let words: Vec<_> = words.into_iter().collect();
    let command = extra::command::<T>(program);
    let read = command.clone().try_get_matches_from(&words);
    let read = read.and_then(|matches| Ok((T::from_arg_matches(&matches)?, matches)));
    read.map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // With nobody to read it, there is nothing to print.
            let _ = error.print();
            Exit::Done.into()
        }
        _ => {
            let meant = command.ignore_errors(true).try_get_matches_from(&words);
            let meant = meant.ok().and_then(|it| it.subcommand_name().map(str::to_string));
            let quoted = meant.as_deref().and_then(|meant| quoted(&error, &words, meant));
            let see =
                meant.map_or_else(|| program.to_string(), |meant| format!("{program} {meant}"));
            let (told, quoted) = (told(&error), quoted.unwrap_or_default());
            end(program, format_args!("{told}{quoted}; see {see} --help"), Exit::Usage)
        }
    })
}

/// How a command is written with a name in it, where words of that were taken for one too many.
fn quoted(error: &clap::Error, words: &[OsString], command: &str) -> Option<String> {
    let Some(ContextValue::String(extra)) = error.get(ContextKind::InvalidArg) else { return None };
    let behind = words.iter().map(|word| word.to_string_lossy());
    let behind = behind.skip_while(|word| word != command).skip(1);
    let name: Vec<_> = behind.take_while(|word| !word.starts_with('-')).collect();
    let is_name =
        error.kind() == ErrorKind::UnknownArgument && name.iter().skip(1).any(|it| it == extra);
    is_name.then(|| format!("; a name with a space needs quotes: {command} \"{}\"", name.join(" ")))
}

/// What is wrong with a command line, in one line: without the usage, which is a --help away, and with what may have
/// been meant.
pub fn told(error: &clap::Error) -> String {
    let text = error.to_string();
    let mut paragraphs = text.split("\n\n").map(|paragraph| {
        paragraph.lines().map(str::trim).collect::<Vec<_>>().join(" ").trim().to_string()
    });
    let what = paragraphs.next().unwrap_or_default();
    let what = what.strip_prefix("error: ").unwrap_or(&what).to_string();
    let meant = paragraphs.find_map(|paragraph| Some(paragraph.strip_prefix("tip: ")?.to_string()));
    match meant {
        Some(tip) => format!("{what}; {tip}"),
        None => what,
    }
}

/// As [`end`], and with `json` says it as a document on stdout too.
pub fn end_in_json(program: &str, why: impl Display, exit: Exit, json: bool) -> ExitCode {
    if let Some(error) = exit.name().filter(|_| json) {
        // In one line, as what `watch` prints. With nobody to read it, the exit code has to do.
        let document = json!({ "error": error, "message": plain(&why) });
        let _ = writeln!(std::io::stdout(), "{document}");
    }
    end(program, why, exit)
}

/// Says on stderr why a program ends, in one line that a terminal shows as so many as it takes, and returns the code it is
/// to exit with.
pub fn end(program: &str, why: impl Display, exit: Exit) -> ExitCode {
    let why = plain(why).replace(['\n', '\r'], " ");
    let program = console::style(program).for_stderr().red().bold();
    let told = wrapped(&format!("{program}: {why}"), &Term::stderr());
    // With nobody to read it, the exit code has to do.
    let _ = writeln!(std::io::stderr(), "{told}");
    exit.into()
}

/// A sentence as it is to be written to `terminal`, if it is one: its lines end between words, but for a word that is
/// longer than a line.
pub fn wrapped(sentence: &str, terminal: &Term) -> String {
    match terminal.size_checked() {
        Some((_, columns)) if columns > 0 => wrap(sentence, columns.into()),
        _ => sentence.to_string(),
    }
}

/// The same for so many columns.
pub fn wrap(sentence: &str, columns: usize) -> String {
    let between_words = Options::new(columns)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation);
    textwrap::fill(sentence, between_words)
}

/// Without the numbers that stand behind the words of the operating system's errors.
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
