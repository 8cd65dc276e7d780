//! Why a command did not do what it was asked.

use std::io;
use std::process::ExitCode;

use capvote::client;
use capvote::command_line::{self, Exit};

/// A failed command. The text says what happened, what was not lost, and what to try.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something could not be reached, read or written.
    Fault(String),
    /// What was asked for makes no sense.
    Usage(String),
    /// The server refused.
    Refused(String),
    /// Whoever reads the output has gone: there is nobody left to tell.
    Unread,
}

impl Failure {
    /// The same, where what makes no sense is `what`.
    pub(crate) fn about(self, what: &str) -> Self {
        match self {
            Self::Usage(why) => Self::Usage(format!("{what}: {why}")),
            other => other,
        }
    }

    /// Says why on stderr, and returns the code to exit with.
    pub(crate) fn end(self, program: &str) -> ExitCode {
        match self {
            Self::Fault(why) => command_line::end(program, why, Exit::Fault),
            Self::Usage(why) => command_line::end(program, why, Exit::Usage),
            Self::Refused(why) => command_line::end(program, why, Exit::Refused),
            Self::Unread => Exit::Fault.into(),
        }
    }
}

impl From<client::Error> for Failure {
    fn from(error: client::Error) -> Self {
        if let client::Error::Unimplemented(_) = error {
            return Self::Refused("this link does not give the authority for that".into());
        }
        let hint = match error {
            client::Error::Unreachable { .. } => "; is the server running, and is --link right?",
            client::Error::Disconnected | client::Error::NoAnswer(_) => "; try again",
            _ => "",
        };
        Self::Fault(format!("{error}{hint}"))
    }
}

/// A failure to print.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Unread,
            _ => Self::Fault(format!("cannot print: {error}")),
        }
    }
}
