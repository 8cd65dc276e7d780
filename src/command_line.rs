//! What the two programs have in common: how they read their command line, and how they end.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

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

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Reads the command line of `program`. Prints what `--help` and `--version` ask for.
///
/// # Errors
/// The code to exit with, where there is nothing more to do; one line on stderr has told why.
pub fn parse<T: Parser>(program: &str) -> Result<T, ExitCode> {
    T::try_parse().map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // With nobody to read it, there is nothing to print.
            let _ = error.print();
            Exit::Done.into()
        }
        _ => {
            let text = error.to_string();
            // The first paragraph says what is wrong; the usage that follows is a --help away.
            let lines = text.lines().take_while(|line| !line.is_empty()).map(str::trim);
            let what = lines.collect::<Vec<_>>().join(" ");
            let what = what.strip_prefix("error: ").unwrap_or(&what);
            end(program, format_args!("{what}; see {program} --help"), Exit::Usage)
        }
    })
}

/// Says on stderr, in one line, why a program ends, and returns the code it is to exit with.
pub fn end(program: &str, why: impl Display, exit: Exit) -> ExitCode {
    let why = why.to_string().replace(['\n', '\r'], " ");
    // With nobody to read it, the exit code has to do.
    let _ = writeln!(std::io::stderr(), "{program}: {why}");
    exit.into()
}
