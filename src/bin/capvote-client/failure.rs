//! Why a command failed.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use capvote::client;
use capvote::command_line::{self, Exit};

/// Why a command failed. The text says what happened, what was not lost, and what to try.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something could not be reached, read or written.
    Fault(String),
    /// The server could not carry out the request, for this reason.
    Remote(String),
    /// The command line or a file is wrong.
    Usage(String),
    /// The server refused.
    Refused(String),
    /// A failure that a JSON document on stdout reports already.
    Reported(String, Exit),
    /// What was to be printed could not be.
    Unprinted(io::Error),
}

impl Failure {
    /// If the outcome of a command that has done something could not be printed, tells what was
    /// done.
    pub(crate) fn after(self, done: &str) -> Self {
        match self {
            Self::Unprinted(why) => {
                Self::Fault(format!("{done}, but that could not be printed: {why}"))
            }
            other => other,
        }
    }

    /// If other votes were sent before, says so.
    pub(crate) fn after_votes(self, sent: usize) -> Self {
        let more = match sent {
            0 => return self,
            1 => "; the vote before this one was answered",
            _ => "; the votes before this one were answered",
        };
        match self {
            Self::Fault(why) => Self::Fault(why + more),
            Self::Remote(why) => Self::Remote(why + more),
            other => other,
        }
    }

    /// The same failure, which a JSON document on stdout reports already.
    pub(crate) fn reported(self) -> Self {
        match self {
            Self::Fault(why) | Self::Remote(why) => Self::Reported(why, Exit::Fault),
            Self::Usage(why) => Self::Reported(why, Exit::Usage),
            Self::Refused(why) => Self::Reported(why, Exit::Refused),
            other @ (Self::Reported(..) | Self::Unprinted(_)) => other,
        }
    }

    /// What happened, for people.
    pub(crate) fn why(&self) -> String {
        match self {
            Self::Fault(why) | Self::Remote(why) | Self::Usage(why) | Self::Refused(why) => {
                why.clone()
            }
            Self::Reported(why, _) => why.clone(),
            Self::Unprinted(why) => format!("cannot print: {why}"),
        }
    }

    /// Names the option or the file that is wrong.
    pub(crate) fn about(self, what: &str) -> Self {
        match self {
            Self::Usage(why) => Self::Usage(format!("{what}: {why}")),
            other => other,
        }
    }

    /// Prints the failure to stderr, with `json` as a document to stdout too, and returns the exit
    /// code.
    pub(crate) fn end(self, program: &str, json: bool) -> ExitCode {
        let (why, exit) = match self {
            Self::Fault(why) | Self::Remote(why) => (why, Exit::Fault),
            Self::Usage(why) => (why, Exit::Usage),
            Self::Refused(why) => (why, Exit::Refused),
            Self::Reported(why, exit) => return command_line::end(program, why, exit),
            // Who stopped reading knows.
            Self::Unprinted(why) if why.kind() == io::ErrorKind::BrokenPipe => {
                return Exit::Fault.into();
            }
            Self::Unprinted(why) => (format!("cannot print: {why}"), Exit::Fault),
        };
        command_line::end_in_json(program, why, exit, json)
    }
}

impl From<client::Error> for Failure {
    fn from(error: client::Error) -> Self {
        if let client::Error::Unimplemented(_) = error {
            let why = "this link does not give the authority for that, and nothing was changed; use \
                       --link with one that does, such as the server's officer.link. If this one \
                       works once, it is spent";
            return Self::Refused(why.into());
        }
        if let client::Error::Remote(why) | client::Error::Overloaded(why) = error {
            return Self::Remote(why);
        }
        let hint = match error {
            client::Error::Unreachable { .. } => {
                "; nothing was sent. Is the server running, and is --link right?"
            }
            client::Error::Disconnected | client::Error::NoAnswer(_) => {
                ", so it is not known whether the command was carried out; look with info or \
                 check, and try again"
            }
            _ => "",
        };
        Self::Fault(sentence(error) + hint)
    }
}

/// An error and its sources, in one sentence.
pub(crate) fn sentence(error: client::Error) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// A failure to print.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Unprinted(error)
    }
}
