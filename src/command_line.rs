//! What the two programs have in common: how they read their command line, what they tell of it to shells and
//! to `man`, and how they end.

mod extra;

use std::ffi::OsString;
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{ArgMatches, CommandFactory, FromArgMatches};
pub use extra::Extra;
use serde_json::json;

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
    let matches = T::command().try_get_matches_from(words);
    let read = matches.and_then(|matches| Ok((T::from_arg_matches(&matches)?, matches)));
    read.map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // With nobody to read it, there is nothing to print.
            let _ = error.print();
            Exit::Done.into()
        }
        _ => end(program, format_args!("{}; see {program} --help", told(&error)), Exit::Usage),
    })
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
        let document = json!({ "error": error, "message": why.to_string() });
        let _ = writeln!(std::io::stdout(), "{document}");
    }
    end(program, why, exit)
}

/// Says on stderr, in one line, why a program ends, and returns the code it is to exit with.
pub fn end(program: &str, why: impl Display, exit: Exit) -> ExitCode {
    let why = why.to_string().replace(['\n', '\r'], " ");
    let program = console::style(program).for_stderr().red().bold();
    // With nobody to read it, the exit code has to do.
    let _ = writeln!(std::io::stderr(), "{program}: {why}");
    exit.into()
}
